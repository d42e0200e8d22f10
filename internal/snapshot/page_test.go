package snapshot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

func TestPagesAreThoseOfTheModel(t *testing.T) {
	for _, n := range []int{1, 2, 7, 64, 65, 500} {
		for _, gaps := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d entries, gaps %v", n, gaps), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(n)))
				entries := entriesOf(r, n, gaps)
				v := publishEntries(t, newMemory(), entries, 100, 8)
				v.scanRows = 11
				for range 150 {
					checkPage(t, v, nil, model(entries), randomQuery(r, n))
				}
			})
		}
	}
}

func TestPagesUnderEditsAreThoseOfTheModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(2, seed))
			n := 1 + r.IntN(300)
			entries := entriesOf(r, n, seed%2 == 0)
			v := publishEntries(t, newMemory(), entries, 64, 8)
			v.scanRows = 17
			var edits []Edit
			for step := range 60 {
				i := r.IntN(n)
				ordinal, err := Ordinal(entries[i].ID)
				if err != nil {
					t.Fatal(err)
				}
				var after *dataset.Entry
				if r.IntN(4) > 0 {
					after = randomEntry(r, ordinal)
					if r.IntN(4) == 0 {
						after.Category = "Botany"
					}
				}
				e, err := v.NewEdit(t.Context(), ordinal, after)
				if err != nil {
					t.Fatal(err)
				}
				e.Sequence = int64(step + 1)
				edits = append(edits, e)
				if step%6 != 0 {
					continue
				}
				o, err := v.Overlay(edits)
				if err != nil {
					t.Fatal(err)
				}
				m := applied(t, entries, edits)
				for range 25 {
					checkPage(t, v, o, m, randomQuery(r, n))
				}
				checkLines(t, v, o, m)
				checkSummary(t, v, o, m)
			}
		})
	}
}

func TestPageNeedsTwoRoundsOfReads(t *testing.T) {
	for _, n := range []int{1_000, 20_000} {
		m := newMemory()
		v := publishEntries(t, m, entriesOf(rand.New(rand.NewPCG(3, 3)), n, false), 7_000, fenceRows)
		edit, err := v.NewEdit(t.Context(), 500, randomEntry(rand.New(rand.NewPCG(4, 4)), 500))
		if err != nil {
			t.Fatal(err)
		}
		overlay, err := v.Overlay([]Edit{edit})
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]PageQuery{
			"by quality":        {Order: ByQuality},
			"by number":         {Order: ByNumber},
			"quality filter":    {Order: ByQuality, MinQuality: new(0.41)},
			"no quality":        {Order: ByQuality, MinQuality: new(0.0)},
			"category filter":   {Order: ByCategory, Category: new("Zoology")},
			"difficulty filter": {Order: ByDifficulty, Difficulty: new(dataset.Expert)},
		} {
			t.Run(fmt.Sprintf("%s of %d", name, n), func(t *testing.T) {
				q.Limit = 0
				p, err := v.Page(t.Context(), q, overlay)
				if err != nil || p.Total < 100 {
					t.Fatalf("Total = %d, %v, want at least 100", p.Total, err)
				}
				q.Limit = 100
				for _, q.Offset = range []int{0, (p.Total - 100) / 2, p.Total - 100} {
					checkRounds(t, v, m, 2, func(ctx context.Context, v *Version) error {
						got, err := v.Page(ctx, q, overlay)
						if err == nil && (len(got.Entries) != 100 || got.Total != p.Total) {
							return fmt.Errorf("%d entries of %d, want 100 of %d", len(got.Entries), got.Total, p.Total)
						}
						return err
					})
				}
			})
		}
		t.Run(fmt.Sprintf("entry and edit of %d", n), func(t *testing.T) {
			checkRounds(t, v, m, 2, func(ctx context.Context, v *Version) error {
				_, err := v.Entry(ctx, n/2)
				return err
			})
			checkRounds(t, v, m, 2, func(ctx context.Context, v *Version) error {
				_, err := v.NewEdit(ctx, n/2, randomEntry(rand.New(rand.NewPCG(5, 5)), n/2))
				return err
			})
		})
	}
}

// checkRounds runs f where each read takes 15 ms of virtual time: rounds is what does not overlap.
func checkRounds(t *testing.T, v *Version, m *memory, rounds int, f func(context.Context, *Version) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		slow := &memory{objects: m.objects, delay: 15 * time.Millisecond}
		w := *v
		w.blobs = slow
		begin := time.Now()
		if err := f(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > time.Duration(rounds)*slow.delay {
			t.Errorf("took %v and %d reads of %d bytes, want %d rounds of %v", took, slow.ranges, slow.bytes, rounds, slow.delay)
		}
	})
}

func TestNearEntriesAreReadTogether(t *testing.T) {
	m := newMemory()
	v := publishEntries(t, m, entriesOf(rand.New(rand.NewPCG(6, 6)), 2_000, false), 2_000, fenceRows)
	m.ranges = 0
	if _, err := v.Page(t.Context(), PageQuery{Order: ByNumber, Offset: 700, Limit: 500}, nil); err != nil {
		t.Fatal(err)
	}
	if m.ranges != 2 {
		t.Errorf("500 entries that stand together took %d reads, want 2", m.ranges)
	}
}

func TestPageRefusesNonsense(t *testing.T) {
	v := publishEntries(t, newMemory(), entriesOf(rand.New(rand.NewPCG(7, 7)), 10, false), 10, 8)
	for name, q := range map[string]PageQuery{
		"no order":      {Limit: 1},
		"unknown order": {Order: "colour", Limit: 1},
		"long page":     {Order: ByNumber, Limit: MaxPage + 1},
		"negative":      {Order: ByNumber, Limit: -1},
		"offset":        {Order: ByNumber, Offset: -1},
		"quality":       {Order: ByNumber, MinQuality: new(1.5)},
		"difficulty":    {Order: ByNumber, Difficulty: new("hard")},
	} {
		if _, err := v.Page(t.Context(), q, nil); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("%s: Page = %v, want invalid", name, err)
		}
	}
	far := PageQuery{Order: ByQuality, Offset: 1 << 62, Limit: MaxPage}
	if p, err := v.Page(t.Context(), far, nil); err != nil || p.Total != 10 || p.Entries == nil || len(p.Entries) != 0 {
		t.Errorf("page past the end = %v, %v, want no entries of 10", p, err)
	}
}

func TestVersionWithoutEntries(t *testing.T) {
	m := newMemory()
	w, err := NewPart(t.Context(), m, prefix, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Reject(randomEntry(rand.New(rand.NewPCG(8, 8)), 1), "low quality", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(t.Context(), m, prefix, []int{0}, Meta{}); err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), m, prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		checkPage(t, v, nil, nil, PageQuery{Order: o, Limit: 10, MinQuality: new(0.5), Category: new("x")})
		checkPage(t, v, nil, nil, PageQuery{Order: o, Limit: 10})
	}
	if _, err := v.Entry(t.Context(), 1); !dataset.Is(err, dataset.NotFound) {
		t.Errorf("Entry = %v, want not found", err)
	}
	checkLines(t, v, nil, nil)
	if v.Manifest().Rejected["low quality"] != 1 {
		t.Errorf("Rejected = %v", v.Manifest().Rejected)
	}
}
