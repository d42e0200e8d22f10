package snapshot

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// applied returns the entries after the edits, in order.
func applied(t testing.TB, entries []*dataset.Entry, edits []Edit) model {
	t.Helper()
	m := model(slices.Clone(entries))
	for _, e := range edits {
		i := slices.IndexFunc(entries, func(old *dataset.Entry) bool { return old.ID == EntryID(e.Ordinal) })
		m[i] = nil
		if !e.Deleted {
			m[i] = &dataset.Entry{}
			if err := json.Unmarshal(e.Entry, m[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return slices.DeleteFunc(m, func(e *dataset.Entry) bool { return e == nil })
}

func checkLines(t testing.TB, v *Version, o *Overlay, m model) {
	t.Helper()
	var got, want bytes.Buffer
	if err := v.WriteJSONL(t.Context(), &got, o); err != nil {
		t.Fatal(err)
	}
	for _, e := range m {
		want.WriteString(lineOf(t, e) + "\n")
	}
	if got.String() != want.String() {
		t.Fatalf("WriteJSONL:\n%s\nwant\n%s", got.String(), want.String())
	}
}

func checkSummary(t testing.TB, v *Version, o *Overlay, m model) {
	t.Helper()
	var want quality
	categories := map[string]int{}
	for _, e := range m {
		want.add(e.QualityScore, 1)
		categories[e.Category]++
	}
	n, got := v.Summary(o)
	w := want.summary(len(m))
	w.Categories = categories
	if math.Abs(got.AverageScore-w.AverageScore) > 1e-9 {
		t.Fatalf("average = %v, want %v", got.AverageScore, w.AverageScore)
	}
	got.AverageScore = w.AverageScore
	if n != len(m) || !reflect.DeepEqual(got, w) {
		t.Fatalf("Summary = %d, %+v, want %d, %+v", n, got, len(m), w)
	}
}

func TestTheLaterEditCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	entries := entriesOf(r, 20, false)
	v := publishEntries(t, newMemory(), entries, 20, 8)
	first, err := v.NewEdit(t.Context(), 3, randomEntry(r, 3))
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.NewEdit(t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.Sequence, second.Sequence = 1, 2
	o, err := v.Overlay([]Edit{second, first}) // whatever the order they come in
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, v, o, applied(t, entries, []Edit{first, second}))
}

func TestEditSurvivesStorage(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	entries := entriesOf(r, 20, false)
	v := publishEntries(t, newMemory(), entries, 20, 8)
	after := randomEntry(r, 5)
	made, err := v.NewEdit(t.Context(), 5, after)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(made) // escapes < and > of the entry, which changes nothing in it
	if err != nil {
		t.Fatal(err)
	}
	var back Edit
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	o, err := v.Overlay([]Edit{back})
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Page(t.Context(), PageQuery{Order: ByNumber, Offset: 4, Limit: 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	var got dataset.Entry
	if err := json.Unmarshal(p.Entries[0], &got); err != nil || got.Question != after.Question || got.QualityScore != after.QualityScore {
		t.Errorf("entry after storage = %+v, %v, want %+v", got, err, after)
	}
}

func TestNewEditRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	v := publishEntries(t, newMemory(), entriesOf(r, 20, false), 20, 8)
	change := func(f func(*dataset.Entry)) *dataset.Entry {
		e := randomEntry(r, 5)
		f(e)
		return e
	}
	for name, c := range map[string]struct {
		ordinal int
		after   *dataset.Entry
		want    dataset.Kind
	}{
		"no such entry":   {21, nil, dataset.NotFound},
		"negative":        {-1, nil, dataset.NotFound},
		"far":             {math.MaxInt, nil, dataset.NotFound},
		"another id":      {6, change(func(*dataset.Entry) {}), dataset.Invalid},
		"no id":           {5, change(func(e *dataset.Entry) { e.ID = "" }), dataset.Invalid},
		"quality":         {5, change(func(e *dataset.Entry) { e.QualityScore = math.NaN() }), dataset.Invalid},
		"part of quality": {5, change(func(e *dataset.Entry) { e.Quality.Fluency = math.Inf(1) }), dataset.Invalid},
		"difficulty":      {5, change(func(e *dataset.Entry) { e.Difficulty = "basic" }), dataset.Invalid},
		"category":        {5, change(func(e *dataset.Entry) { e.Category = "\xff" }), dataset.Invalid},
		"long category":   {5, change(func(e *dataset.Entry) { e.Category = strings.Repeat("x", MaxCategory+1) }), dataset.Invalid},
		"long":            {5, change(func(e *dataset.Entry) { e.Answer = strings.Repeat("x", MaxLine) }), dataset.Invalid},
	} {
		if _, err := v.NewEdit(t.Context(), c.ordinal, c.after); !dataset.Is(err, c.want) {
			t.Errorf("%s: NewEdit = %v, want %s", name, err, c.want)
		}
	}
}

func TestOverlayRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	v := publishEntries(t, newMemory(), entriesOf(r, 20, false), 20, 8)
	good, err := v.NewEdit(t.Context(), 5, randomEntry(r, 5))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Edit)
		want   dataset.Kind
	}{
		"another version": {func(e *Edit) { e.Version = "versions/local/d/other/manifest.json" }, dataset.Conflict},
		"rank before":     {func(e *Edit) { e.Before.Ranks[1] = 20 }, dataset.Internal},
		"rank after":      {func(e *Edit) { e.After.Ranks[2] = 21 }, dataset.Internal},
		"negative rank":   {func(e *Edit) { e.After.Ranks[2] = -1 }, dataset.Internal},
		"no entry":        {func(e *Edit) { e.Entry = nil }, dataset.Internal},
		"another entry":   {func(e *Edit) { e.Ordinal = 6 }, dataset.Internal},
		"two lines":       {func(e *Edit) { e.Entry = append(slices.Clone(e.Entry), '\n') }, dataset.Internal},
		"quality":         {func(e *Edit) { e.After.Quality = 2 }, dataset.Internal},
		"difficulty":      {func(e *Edit) { e.Before.Difficulty = "" }, dataset.Internal},
	} {
		bad := good
		c.change(&bad)
		if _, err := v.Overlay([]Edit{bad}); !dataset.Is(err, c.want) {
			t.Errorf("%s: Overlay = %v, want %s", name, err, c.want)
		}
	}
	many := make([]Edit, MaxEdits+1)
	for i := range many {
		many[i] = good
		many[i].Ordinal, many[i].Deleted = i, true
	}
	if _, err := v.Overlay(many); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("Overlay of %d entries = %v, want invalid", len(many), err)
	}
}
