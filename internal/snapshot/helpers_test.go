package snapshot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"compileo/internal/dataset"
)

const prefix = "versions/local/d/j/"

var testMeta = Meta{
	Created: time.Date(2026, 1, 21, 10, 30, 0, 0, time.UTC), EditsThrough: 7, Source: json.RawMessage(`{"model":"extractive"}`),
}

var testCategories = []string{"Zoology", "Anatomy", "Éthique", dataset.Uncategorized, "a<b>&c"}

// randomEntry has few distinct values of all that is sorted by, so that ties are common.
func randomEntry(r *rand.Rand, ordinal int) *dataset.Entry {
	e := &dataset.Entry{
		ID:           EntryID(ordinal),
		Question:     fmt.Sprintf("What does <part> %d & \u2028 say?", ordinal),
		Answer:       fmt.Sprintf("%0*d", 1+r.IntN(60), ordinal),
		Category:     testCategories[r.IntN(len(testCategories))],
		QualityScore: float64(r.IntN(21)) / 20,
		Difficulty:   dataset.Difficulties[r.IntN(len(dataset.Difficulties))],
		Split:        "train",
	}
	if r.IntN(3) == 0 {
		e.Quality.Faults = []string{"echo"}
	}
	return e
}

// entriesOf makes n entries; gaps leaves out some ordinals.
func entriesOf(r *rand.Rand, n int, gaps bool) []*dataset.Entry {
	entries := make([]*dataset.Entry, n)
	ordinal := 1
	for i := range entries {
		entries[i] = randomEntry(r, ordinal)
		ordinal++
		if gaps && r.IntN(4) == 0 {
			ordinal += r.IntN(5)
		}
	}
	return entries
}

func writePart(ctx context.Context, m dataset.Blobs, number int, entries []*dataset.Entry) (PartInfo, error) {
	w, err := NewPart(ctx, m, prefix, number)
	if err != nil {
		return PartInfo{}, err
	}
	defer w.Abort()
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			return PartInfo{}, err
		}
	}
	return w.Close(ctx)
}

// publishEntries writes entries as parts of the given size, with a fence every few rows.
func publishEntries(t testing.TB, m dataset.Blobs, entries []*dataset.Entry, partSize, fence int) *Version {
	t.Helper()
	var parts []int
	for chunk := range slices.Chunk(entries, partSize) {
		if _, err := writePart(t.Context(), m, len(parts), chunk); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, len(parts))
	}
	if _, err := publish(t.Context(), m, prefix, parts, testMeta, fence); err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), m, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lineOf(t testing.TB, e *dataset.Entry) string {
	t.Helper()
	line, err := encodeEntry(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// model is the simplest thing that a version with edits can be: a list of entries.
type model []*dataset.Entry

// page answers q by sorting and filtering everything.
func (m model) page(t testing.TB, q PageQuery) ([]string, int) {
	all := slices.DeleteFunc(slices.Clone(m), func(e *dataset.Entry) bool {
		return q.MinQuality != nil && e.QualityScore < *q.MinQuality ||
			q.Category != nil && e.Category != *q.Category ||
			q.Difficulty != nil && e.Difficulty != *q.Difficulty ||
			q.Flagged != nil && (len(e.Quality.Faults) > 0) != *q.Flagged
	})
	number := func(e *dataset.Entry) int { n, _ := Ordinal(e.ID); return n }
	level := func(e *dataset.Entry) int { return slices.Index(dataset.Difficulties, e.Difficulty) }
	slices.SortFunc(all, func(a, b *dataset.Entry) int {
		c := 0
		switch q.Order {
		case ByQuality:
			c = cmp.Compare(b.QualityScore, a.QualityScore)
		case ByCategory:
			c = cmp.Compare(a.Category, b.Category)
		case ByDifficulty:
			c = cmp.Compare(level(a), level(b))
		}
		return cmp.Or(c, cmp.Compare(number(a), number(b)))
	})
	lines := []string{}
	for i := q.Offset; i < min(q.Offset+q.Limit, len(all)); i++ {
		lines = append(lines, lineOf(t, all[i]))
	}
	return lines, len(all)
}

func checkPage(t testing.TB, v *Version, o *Overlay, m model, q PageQuery) {
	t.Helper()
	got, err := v.Page(t.Context(), q, o)
	if err != nil {
		t.Fatalf("Page(%s): %v", describe(q), err)
	}
	want, total := m.page(t, q)
	lines := []string{}
	for _, e := range got.Entries {
		lines = append(lines, string(e))
	}
	if got.Total != total || !slices.Equal(lines, want) {
		t.Fatalf("Page(%s) = %d of %d:\n%q\nwant %d of %d:\n%q", describe(q), len(lines), got.Total, lines, len(want), total, want)
	}
}

func describe(q PageQuery) string {
	b, _ := json.Marshal(q)
	return string(b)
}

func randomQuery(r *rand.Rand, n int) PageQuery {
	q := PageQuery{Order: orders[r.IntN(len(orders))], Limit: r.IntN(12)}
	if r.IntN(3) > 0 {
		q.Offset = r.IntN(n + 5)
	}
	if r.IntN(3) == 0 {
		q.MinQuality = new(float64(r.IntN(25)) / 24)
	}
	if r.IntN(3) == 0 {
		q.Category = new(append(testCategories, "Nowhere", "Botany")[r.IntN(len(testCategories)+2)])
	}
	if r.IntN(4) == 0 {
		q.Difficulty = new(dataset.Difficulties[r.IntN(4)])
	}
	if r.IntN(5) == 0 {
		q.Flagged = new(r.IntN(2) == 0)
	}
	return q
}
