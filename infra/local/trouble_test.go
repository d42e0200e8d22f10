package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model/modeltest"
)

// A model server that makes every kind of trouble that passes costs time, and no entry.
func TestTroubledServer(t *testing.T) {
	t.Parallel()
	const chunks = 120
	p := newPlace(t)
	server := p.model(modeltest.New(5 * time.Millisecond))
	server.RetryAfter = 50 * time.Millisecond
	passing := []modeltest.Trouble{
		modeltest.RateLimit, modeltest.Overload, modeltest.Failure, modeltest.CutBody, modeltest.NoProtocol, modeltest.Garbage,
	}
	met := map[modeltest.Trouble]int{}
	server.Script = func(c modeltest.Call) modeltest.Trouble {
		// Every third chunk meets some trouble the first time. The repair of garbage is another prompt.
		if c.Try > 1 || c.Number%3 != 0 || strings.Contains(c.Prompt, "Your last reply could not be used") {
			return modeltest.None
		}
		trouble := passing[c.Number/3%len(passing)]
		met[trouble]++
		return trouble
	}
	sentences := p.stations(chunks, 3)
	r := p.decode(p.succeed("generate", "docs", "-o", "out.jsonl", "--model", "openai/mock", "--concurrency", "16",
		"--chunk-strategy", "delimiter", "--delimiter", separator, "--quality=false", "--json"))
	p.wantEntries(p.path("out.jsonl"), sentences)
	if len(met) != len(passing) {
		t.Errorf("met %v, want each of %v", met, passing)
	}
	if c := server.Counts(); c.MaxInFlight > 16 || r.Result.Usage.Calls != chunks+met[modeltest.Garbage] {
		t.Errorf("%d calls paid with %+v, want %d and %d repairs, 16 in flight at most", r.Result.Usage.Calls, c, chunks, met[modeltest.Garbage])
	}
}

// A provider that lets nobody in ends the job with a word to the user. What was paid before is used by the next try.
func TestRefusedKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trouble modeltest.Trouble
		want    string
	}{
		{modeltest.BadKey, "compileo: the job failed: stopped (auth): the server answered 401: the key is not valid"},
		{modeltest.NoCredit, "compileo: the job failed: stopped (quota): the server answered 429: you exceeded your current quota"},
		{modeltest.NoModel, "compileo: the job failed: stopped (unknown_model): the server answered 404: there is no model mock"},
	} {
		t.Run(string(c.trouble), func(t *testing.T) {
			const chunks, good, concurrency = 60, 25, 8
			p := newPlace(t)
			server := p.model(modeltest.New(2 * time.Millisecond))
			var open atomic.Bool
			server.Script = func(call modeltest.Call) modeltest.Trouble {
				if !open.Load() && call.Number > good {
					return c.trouble
				}
				return modeltest.None
			}
			sentences := p.stations(chunks, 1)
			args := []string{
				"generate", "docs", "-o", "out.jsonl", "--model", "openai/mock", "--concurrency", fmt.Sprint(concurrency),
				"--chunk-strategy", "delimiter", "--delimiter", separator, "--quality=false", "--json",
			}
			r := p.run(args...)
			if failed := p.decode(r); r.code != exitFailed || "compileo: the job failed: "+failed.Error != c.want || failed.Status != "failed" {
				t.Errorf("= exit %d, %+v, %q, want 1 and %q", r.code, failed, r.stderr, c.want)
			}
			if lastLine(r.stderr) != c.want {
				t.Errorf("standard error = %q, want %q", r.stderr, c.want)
			}
			if n := server.Counts().Calls; n > good+concurrency {
				t.Errorf("%d calls, want at most %d after the first refusal", n, concurrency)
			}
			if err := server.Wait(t.Context(), modeltest.Idle); err != nil {
				t.Fatal(err)
			}
			open.Store(true)
			again := p.decode(p.succeed(args...))
			p.wantEntries(p.path("out.jsonl"), sentences)
			if u := again.Result.Usage; u.Reused != good || u.Calls != chunks-good {
				t.Errorf("the next try used %+v, want %d replies again and %d calls", u, good, chunks-good)
			}
		})
	}
}

func TestAlarm(t *testing.T) {
	full := &dataset.Error{Kind: dataset.Unavailable, Detail: "full"}
	for _, c := range []struct {
		name  string
		log   func(l *slog.Logger)
		heard string
		said  bool
	}{
		{"a store that fails", func(l *slog.Logger) { l.Warn("x", "error", full) }, "full", false},
		{"under another name, with attributes", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").Error("x", "n", 1, "err", fmt.Errorf("w: %w", full))
		}, "w: full", false},
		{"the first of two", func(l *slog.Logger) { l.Warn("x", "error", full); l.Warn("x", "error", errors.New("other")) }, "full", true},
		{"a fault of ours", func(l *slog.Logger) { l.Error("x", "error", errors.New("broken")) }, "broken", false},
		{"a fault of ours that is repeated", func(l *slog.Logger) { l.Warn("x", "error", errors.New("broken")) }, "", true},
		{"a refusal", func(l *slog.Logger) { l.Error("x", "error", dataset.Errorf(dataset.Invalid, "no")) }, "", true},
		{"the end of a context", func(l *slog.Logger) { l.Error("x", "error", context.Canceled) }, "", true},
		{"news", func(l *slog.Logger) { l.Info("x", "error", full) }, "", false},
		{"a warning", func(l *slog.Logger) { l.Warn("x", "error", "text") }, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			a := newAlarm(io.Writer(&out))
			c.log(slog.New(a))
			heard := ""
			select {
			case err := <-a.heard:
				heard = err.Error()
			default:
			}
			if heard != c.heard || (out.Len() > 0) != c.said {
				t.Errorf("heard %q, want %q; wrote %q", heard, c.heard, out.String())
			}
		})
	}
}
