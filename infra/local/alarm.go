package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"compileo/internal/dataset"
)

// alarm is the log of the running system. What it is told of a store that cannot be used (the disk is full, a file
// is damaged) ends the command: a server would wait for better times, a person is better told at once, and the
// same command goes on from there. Other warnings are written for whoever wants to know.
type alarm struct {
	slog.Handler
	heard chan error // capacity 1: the first
}

func newAlarm(stderr io.Writer) *alarm {
	return &alarm{slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}), make(chan error, 1)}
}

func (a *alarm) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &alarm{a.Handler.WithAttrs(attrs), a.heard}
}

func (a *alarm) WithGroup(name string) slog.Handler {
	return &alarm{a.Handler.WithGroup(name), a.heard}
}

func (a *alarm) Handle(ctx context.Context, r slog.Record) error {
	heard := false
	r.Attrs(func(attr slog.Attr) bool {
		err, ok := attr.Value.Any().(error)
		if heard = ok && ends(err, r.Level); heard {
			select {
			case a.heard <- err:
			default: // the first is what is told
			}
		}
		return !heard
	})
	if heard {
		return nil
	}
	return a.Handler.Handle(ctx, r)
}

// ends reports whether an error that was logged means that the store cannot be used. The end of a context is none:
// it comes from within.
func ends(err error, level slog.Level) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	kind := dataset.KindOf(err)
	return kind == dataset.Unavailable || kind == dataset.Internal && level >= slog.LevelError
}
