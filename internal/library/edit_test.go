package library_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/snapshot"
)

func TestEditEntry(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := newProject(t, l, "p")
		d := readyChunks(t, l, p, "a.md", "The anchor weighs 40 kilograms. It is made of iron.")
		_, chunks, err := l.DocumentChunks(ctx, us, d.ID, library.Window{Page: 1, PerPage: 1})
		if err != nil {
			t.Fatal(err)
		}
		quote := "The anchor weighs 40 kilograms."
		entries := someEntries(3)
		entries[1].Question, entries[1].Answer = "How much does the anchor weigh?", "The anchor weighs 40 kilograms."
		entries[1].Evidence = []dataset.Evidence{{DocumentID: d.ID, ChunkID: chunks.Items[0].ID(), End: len(quote), Quote: quote}}
		entries[2].Evidence = []dataset.Evidence{{ChunkID: "gone", Quote: "Item 2 costs 2 coins."}}
		publish(t, l, p, setID, 1, entries)
		v, err := l.Open(ctx, us, setID)
		if err != nil || v.Edited() {
			t.Fatal(err)
		}
		before, err := v.Entry(ctx, "entry_2")
		if err != nil || before.Tag != "1-0" {
			t.Fatalf("%+v %v", before, err)
		}
		edit := func(c library.EntryChange) dataset.Entry {
			t.Helper()
			e, err := l.EditEntry(ctx, us, "dataset_"+setID, "entry_2", c)
			if err != nil {
				t.Fatal(err)
			}
			return decode(t, e.JSON)
		}
		good, bad := "The anchor weighs 40 kilograms and is made of iron.", "The anchor weighs 70 tonnes and is made of cheese from Gouda."
		better := edit(library.EntryChange{Answer: &good, By: "ann", IfMatch: "1-0"})
		worse := edit(library.EntryChange{Answer: &bad, By: "bob", Feedback: "I think so"})
		if better.QualityScore <= 0.5 || worse.QualityScore > 0.3 || len(worse.Quality.Faults) == 0 || worse.Question != entries[1].Question {
			t.Errorf("grounded %v %v, made up %v %v", better.QualityScore, better.Quality, worse.QualityScore, worse.Quality)
		}
		_, err = l.EditEntry(ctx, us, setID, "entry_2", library.EntryChange{Answer: &good, IfMatch: "1-1"})
		wants(t, err, dataset.Stale)
		same, err := l.EditEntry(ctx, us, setID, "entry_2", library.EntryChange{Answer: &bad})
		if err != nil || same.Tag != "1-2" {
			t.Errorf("an edit without effect: %+v %v", same, err)
		}
		// Without its chunk an entry is judged by its quotes.
		category := "Money"
		if e, err := l.EditEntry(ctx, us, setID, "entry_3", library.EntryChange{Category: &category}); err != nil || decode(t, e.JSON).QualityScore <= 0.3 || e.Tag != "1-3" {
			t.Errorf("%+v %v", e, err)
		}

		if old, err := v.Entry(ctx, "entry_2"); err != nil || !bytes.Equal(old.JSON, before.JSON) {
			t.Errorf("a view has changed: %s %v", old.JSON, err)
		}
		now, err := l.Open(ctx, us, setID)
		if err != nil || !now.Edited() || now.Edits != 3 {
			t.Fatalf("%+v %v", now, err)
		}
		n, summary := now.Summary()
		if n != 3 || summary.Categories["Money"] != 1 {
			t.Errorf("%d entries, %+v", n, summary)
		}
		var lines bytes.Buffer
		if err := now.WriteJSONL(ctx, &lines); err != nil || !strings.Contains(lines.String(), "Gouda") || strings.Count(lines.String(), "\n") != 3 {
			t.Errorf("%s %v", lines.String(), err)
		}
		published, err := l.OpenVersion(ctx, us, setID, "1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		lines.Reset()
		if err := published.WriteJSONL(ctx, &lines); err != nil || strings.Contains(lines.String(), "Gouda") {
			t.Errorf("%s %v", lines.String(), err)
		}
		changes, err := l.Changes(ctx, now, library.Window{Page: 1, PerPage: 10})
		if err != nil || changes.Total != 3 {
			t.Fatalf("%+v %v", changes, err)
		}
		if c := changes.Items[1]; c.By != "bob" || c.Feedback != "I think so" || c.Previous != 1 || c.Sequence != 2 || c.At.IsZero() || decode(t, c.Entry).Answer != bad {
			t.Errorf("%+v", c)
		}
		empty, long, hard, control := "", strings.Repeat("x", dataset.MaxQuestion+1), "hard", "a\x01"
		for name, c := range map[string]library.EntryChange{
			"empty": {Question: &empty}, "long": {Question: &long}, "difficulty": {Difficulty: &hard}, "control": {Answer: &control}, "category": {Category: &empty},
		} {
			if _, err := l.EditEntry(ctx, us, setID, "entry_1", c); !dataset.Is(err, dataset.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, id := range []string{"entry_4", "entry_x", "", "1"} {
			_, err := l.EditEntry(ctx, us, setID, id, library.EntryChange{Answer: &good})
			wants(t, err, dataset.NotFound)
		}
		_, err = l.EditEntry(ctx, them, setID, "entry_1", library.EntryChange{Answer: &good})
		wants(t, err, dataset.NotFound)
		// The next version has no edits over it.
		publish(t, l, p, setID, 2, entries)
		if v, err := l.Open(ctx, us, setID); err != nil || v.Edited() {
			t.Errorf("%+v %v", v, err)
		}
	})
}

func TestEditFaults(t *testing.T) {
	answer := "Another answer."
	everyFault(t, func(l *library.Library) { setOfEntries(t, l, someEntries(3)) }, func(l *library.Library) error {
		_, err := l.EditEntry(t.Context(), us, setID, "entry_2", library.EntryChange{Answer: &answer, By: "ann"})
		return err
	}, func(t *testing.T, l *library.Library) {
		v, err := l.Open(t.Context(), us, setID)
		if err != nil || v.Edits != 1 {
			t.Fatalf("%d edits %v", v.Edits, err)
		}
		if e, err := v.Entry(t.Context(), "entry_2"); err != nil || decode(t, e.JSON).Answer != answer || e.Tag != "1-1" {
			t.Errorf("%+v %v", e, err)
		}
	})
}

// TestEditsAtTheSameTime: of those who have seen the same state one wins; without If-Match all take place.
func TestEditsAtTheSameTime(t *testing.T) {
	l := inMemory(2)
	setOfEntries(t, l, someEntries(20))
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 12 {
		all.Go(func() {
			answer := fmt.Sprintf("Answer of client %d.", i)
			_, err := l.EditEntry(t.Context(), us, setID, "entry_3", library.EntryChange{Answer: &answer, IfMatch: "1-0", By: fmt.Sprint(i)})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			} else {
				wants(t, err, dataset.Stale)
			}
			if _, err := l.EditEntry(t.Context(), us, setID, snapshot.EntryID(5+i), library.EntryChange{Answer: &answer, By: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	v, err := l.Open(t.Context(), us, setID)
	if err != nil || won != 1 || v.Edits != 13 {
		t.Errorf("%d won, %d edits, %v", won, v.Edits, err)
	}
}

// TestCursorShowsOneMoment: whoever follows cursors sees each entry once, as it was when the first page was read,
// whatever is edited, and whatever version is published, meanwhile.
func TestCursorShowsOneMoment(t *testing.T) {
	l := inMemory(2)
	ctx := t.Context()
	all := someEntries(40)
	p := setOfEntries(t, l, all)
	q := library.EntryQuery{Window: library.Window{Page: 1, PerPage: 7}, Order: snapshot.ByCategory}
	var got []string
	for i := 0; ; i++ {
		list, err := l.Entries(ctx, us, setID, q)
		if err != nil || list.Total != 40 {
			t.Fatal(err)
		}
		for _, raw := range list.Entries {
			e := decode(t, raw)
			if k := slices.IndexFunc(all, func(a dataset.Entry) bool { return a.ID == e.ID }); all[k].Category != e.Category || all[k].Answer != e.Answer {
				t.Errorf("%s is %q %q", e.ID, e.Category, e.Answer)
			}
			got = append(got, e.ID)
		}
		if q.Cursor = list.Cursor; q.Cursor == "" {
			break
		}
		category := fmt.Sprintf("%c moved", 'A'+25-i)
		for k := range 5 {
			if _, err := l.EditEntry(ctx, us, setID, snapshot.EntryID(1+(i*7+k*3)%40), library.EntryChange{Category: &category}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 3 {
			publish(t, l, p, setID, 2, someEntries(50))
		}
	}
	if want := listed(all, q); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestPagesUnderEdits: every page that is read while others edit is a page of some state: no entry twice, the total exact.
func TestPagesUnderEdits(t *testing.T) {
	l := inMemory(2)
	ctx := t.Context()
	setOfEntries(t, l, someEntries(50))
	done := make(chan struct{})
	var all sync.WaitGroup
	for c := range 2 {
		all.Go(func() {
			for i := range 30 {
				category := fmt.Sprintf("%c %d", 'A'+i%26, c)
				if _, err := l.EditEntry(ctx, us, setID, snapshot.EntryID(1+(i*11+c)%50), library.EntryChange{Category: &category}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		list, err := l.Entries(ctx, us, setID, library.EntryQuery{Window: library.Window{Page: 1, PerPage: 50}, Order: snapshot.ByCategory})
		if err != nil || list.Total != 50 {
			t.Fatal(list, err)
		}
		seen, last := map[string]bool{}, ""
		for _, raw := range list.Entries {
			e := decode(t, raw)
			if seen[e.ID] || e.Category < last {
				t.Errorf("%s twice %v, %q after %q", e.ID, seen[e.ID], e.Category, last)
			}
			seen[e.ID], last = true, e.Category
		}
	}
}
