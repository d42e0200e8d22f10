// Package library holds what a tenant has and the verbs that need no job: projects, documents, chunks, and
// datasets with their entries.
//
// Each verb may be repeated and may die at any line, as those of internal/pipeline: what it writes is write-once, or
// conditional on what it has read. Deleting marks a record and takes it from all lists in one transaction; its objects go
// later, by Purge, when no running job can still read them. What belongs to another tenant, or to a
// project that was deleted, is NotFound.
package library

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
)

// Library carries out the verbs over two ports. It is safe for concurrent use and keeps no state of its own.
type Library struct {
	Table dataset.Table
	Blobs dataset.Blobs
	Log   *slog.Logger
}

// Limits on lists.
const (
	MaxPerPage = 1_000
	MaxCounted = 10_000 // how far lists count; pages beyond are reached by cursor
)

// maxReads is how many records a verb reads at a time.
const maxReads = 32

// Window says which part of a list is wanted: page number Page, from 1, of PerPage items, or what comes after
// Cursor, which a list before has given.
type Window struct {
	Page, PerPage int
	Cursor        string
}

func (w Window) check() error {
	switch {
	case w.PerPage < 1 || w.PerPage > MaxPerPage:
		return dataset.InvalidField("/per_page", "is %d, want 1 to %d", w.PerPage, MaxPerPage)
	case w.Page < 1:
		return dataset.InvalidField("/page", "is %d, want 1 or more", w.Page)
	}
	return nil
}

// List is a part of a list.
type List[T any] struct {
	Items   []T
	Total   int    // of the whole list
	AtLeast bool   // there are more than Total
	Cursor  string // leads to what comes after; empty at the end
}

// beyond asks to go on by cursor.
func (w Window) beyond() error {
	return dataset.InvalidField("/page", "%d of %d items ends after item %d: go on with the cursor of the page before", w.Page, w.PerPage, MaxCounted)
}

// rows returns the part of the rows of q that w wants, of those that keep accepts.
func (l *Library) rows(ctx context.Context, q dataset.Query, w Window, keep func(dataset.Record) (bool, error)) (*List[dataset.Record], error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	out := &List[dataset.Record]{}
	first, n := 0, 0
	if w.Cursor == "" {
		if w.Page > MaxCounted/w.PerPage {
			return nil, w.beyond()
		}
		first = (w.Page - 1) * w.PerPage
	} else {
		after := q
		after.Cursor, after.Limit = w.Cursor, w.PerPage+1
		if err := l.take(ctx, after, w, keep, out); err != nil {
			return nil, err
		}
		first = MaxCounted + 1
	}
	for r, err := range dataset.Rows(ctx, l.Table, q) {
		if err != nil {
			return nil, err
		}
		if ok, err := keep(r); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		if n == MaxCounted {
			out.AtLeast = true
			break
		}
		if n++; n > first && len(out.Items) < w.PerPage {
			out.Items = append(out.Items, r)
		}
	}
	out.Total = n
	if w.Cursor == "" && len(out.Items) > 0 && (n > first+len(out.Items) || out.AtLeast) {
		out.Cursor = q.CursorAt(out.Items[len(out.Items)-1].SK)
	}
	return out, nil
}

// take puts the next rows of q into out.
func (l *Library) take(ctx context.Context, q dataset.Query, w Window, keep func(dataset.Record) (bool, error), out *List[dataset.Record]) error {
	for r, err := range dataset.Rows(ctx, l.Table, q) {
		if err != nil {
			return err
		}
		if ok, err := keep(r); err != nil {
			return err
		} else if !ok {
			continue
		}
		if len(out.Items) == w.PerPage {
			out.Cursor = q.CursorAt(out.Items[w.PerPage-1].SK)
			return nil
		}
		out.Items = append(out.Items, r)
	}
	return nil
}

func all(dataset.Record) (bool, error) { return true, nil }

// each loads what the rows of a list name, several at a time, in their order. What is gone meanwhile is left out.
func each[T any](ctx context.Context, rows *List[dataset.Record], load func(ctx context.Context, listed *dataset.Listed) (T, error)) (*List[T], error) {
	found, items := make([]bool, len(rows.Items)), make([]T, len(rows.Items))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for i, r := range rows.Items {
		g.Go(func() error {
			listed, err := dataset.Decode[dataset.Listed](r)
			if err != nil {
				return err
			}
			v, err := load(ctx, listed)
			if err == nil {
				found[i], items[i] = true, v
			}
			if dataset.Is(err, dataset.NotFound) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := &List[T]{Items: make([]T, 0, len(items)), Total: rows.Total, AtLeast: rows.AtLeast, Cursor: rows.Cursor}
	for i, v := range items {
		if found[i] {
			out.Items = append(out.Items, v)
		}
	}
	return out, nil
}

// inLiving keeps the rows of a list of the tenant whose project is not deleted.
func (l *Library) inLiving(ctx context.Context, t dataset.Tenant) func(dataset.Record) (bool, error) {
	lives := map[string]bool{}
	return func(r dataset.Record) (bool, error) {
		listed, err := dataset.Decode[dataset.Listed](r)
		if err != nil {
			return false, err
		}
		live, known := lives[listed.Project]
		if !known {
			_, err := l.project(ctx, t, listed.Project)
			if live = err == nil; !live && !dataset.Is(err, dataset.NotFound) {
				return false, err
			}
			lives[listed.Project] = live
		}
		return live, nil
	}
}

var idForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// gone is the error for what is not there.
func gone(what, id string) error {
	return dataset.Errorf(dataset.NotFound, "there is no %s %.100q", what, id)
}

// checkText checks a name, title or the like that people wrote.
func checkText(pointer, s string, least, most int) error {
	switch {
	case len(s) < least || len(s) > most:
		return dataset.InvalidField(pointer, "has %d bytes, want %d to %d", len(s), least, most)
	case !utf8.ValidString(s):
		return dataset.InvalidField(pointer, "is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
		return dataset.InvalidField(pointer, "has control characters")
	}
	return nil
}

// records are writes of several values.
func records(rows ...row) ([]dataset.Write, error) {
	writes := make([]dataset.Write, len(rows))
	for i, r := range rows {
		w, err := dataset.NewRecord(r.pk, r.sk, r.v, r.is)
		if err != nil {
			return nil, err
		}
		writes[i] = w
	}
	return writes, nil
}

type row struct {
	pk, sk string
	v      any
	is     int64
}
