package pipeline

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/embedded"
	"compileo/internal/quality"
	"compileo/internal/snapshot"
)

func TestScoredUnit(t *testing.T) {
	s := &scored{
		summary: unitSummary{
			Unit: 7, Chunks: map[string]int{"with_entries": 2, "failed: timeout: no answer": 1}, Skipped: 1, Faults: map[string]int{"empty_question": 2},
			Usage: dataset.Usage{Calls: 3, InputTokens: 9},
			Entries: []entrySummary{
				{Score: 0.7, Shingles: []uint32{0, 1, 1 << 31, 1<<32 - 1}}, {Score: 0.3, Fault: "pii", Shingles: []uint32{}},
			},
		},
		lines: []byte("{}\n[\n"),
	}
	b, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	n, err := summaryLength(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSummary(b)
	if err != nil || !reflect.DeepEqual(*got, s.summary) {
		t.Errorf("decoded %+v, %v\nwant    %+v", got, err, s.summary)
	}
	if lines := b[scoredHeader+n:]; string(lines) != string(s.lines) {
		t.Errorf("lines = %q", lines)
	}
	for cut := range scoredHeader + n {
		if got, err := decodeSummary(b[:cut]); !dataset.Is(err, dataset.Internal) {
			t.Fatalf("cut at %d: %+v, %v, want internal", cut, got, err)
		}
	}
	for i := range 8 * (scoredHeader + n) {
		b[i/8] ^= 1 << (i % 8)
		if got, err := decodeSummary(b); !dataset.Is(err, dataset.Internal) {
			t.Fatalf("bit %d changed: %+v, %v, want internal", i, got, err)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

func FuzzParseSummary(f *testing.F) {
	b, err := (&scored{summary: unitSummary{Entries: []entrySummary{{Shingles: []uint32{4, 5}}}}}).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[scoredHeader:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSummary(b); err == nil && s == nil || err != nil && !dataset.Is(err, dataset.Internal) {
			t.Fatalf("= %v, %v", s, err)
		}
	})
}

// TestScoreRefuses: what does not fit is not taken for a unit with fewer entries.
func TestScoreRefuses(t *testing.T) {
	for name, change := range map[string]func(*candidates){
		"other plan":            func(c *candidates) { c.Chunks[1].Task++ },
		"more chunks":           func(c *candidates) { c.Chunks = append(c.Chunks, c.Chunks[0]) },
		"entries without draft": func(c *candidates) { c.Chunks[1].Drafts = nil },
		"drafts of a failure":   func(c *candidates) { c.Chunks[1].Outcome = dataset.FailedChunk },
	} {
		c, tasks := benchUnit(3, 2)
		if _, err := score(c, tasks); err != nil {
			t.Fatal(err)
		}
		change(c)
		if _, err := score(c, tasks); !dataset.Is(err, dataset.Internal) {
			t.Errorf("%s: %v, want internal", name, err)
		}
	}
}

// TestDamagedUnitIsNotAssembled: a scored unit whose lines are not those that were written, or that is of other
// decisions, ends the part with an Internal error.
func TestDamagedUnitIsNotAssembled(t *testing.T) {
	unit := func(chunks int) []byte {
		s, err := score(benchUnit(0, chunks))
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	assemble := func(b []byte, codes ...int) error {
		part, err := snapshot.NewPart(t.Context(), store.Blobs(), "versions/t/d/j/", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer part.Abort()
		a := assembly{part: part, decisions: &decisions{Reasons: []string{"pii", duplicate}, Of: []int{1}}, next: 1}
		return a.add(unitDecision{Codes: codes}, b)
	}
	good := unit(1)
	if err := assemble(good, 0, 1, 2); err != nil {
		t.Fatal(err)
	}
	n, _ := summaryLength(good)
	cases := map[string]error{
		"no unit":             assemble([]byte("CSU1"), 0, 1, 2),
		"fewer decisions":     assemble(good, 0, 1),
		"more decisions":      assemble(good, 0, 1, 2, 0),
		"unknown decision":    assemble(good, 0, 1, 3),
		"negative decision":   assemble(good, 0, 1, -1),
		"no original":         assemble(good, 2, 2, 0),
		"lines of other unit": assemble(unit(2), 0, 1, 2),
	}
	for cut := range len(good) {
		cases[fmt.Sprint("cut at ", cut)] = assemble(good[:cut], 0, 1, 2)
	}
	for i := range good {
		if i >= 4 && i < 8 || i >= scoredHeader+n { // what is between, Curate checked
			b := slices.Clone(good)
			b[i] ^= 1 << (i % 8)
			cases[fmt.Sprint("changed at ", i)] = assemble(b, 0, 1, 2)
		}
	}
	for name, err := range cases {
		if !dataset.Is(err, dataset.Internal) {
			t.Errorf("%s: %v, want internal", name, err)
		}
	}
}

// TestCurate: what is rejected, for which reason, and how the rest is numbered and cut into parts.
func TestCurate(t *testing.T) {
	entry := func(score float64, fault string, shingles ...uint32) entrySummary {
		return entrySummary{Score: score, Fault: fault, Shingles: shingles}
	}
	same := []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	c := &curating{report: curation{Rejected: map[string]int{}, Chunks: dataset.ChunkReport{Reasons: map[string]int{}}}}
	c.add(&unitSummary{Unit: 0, Chunks: map[string]int{"with_entries": 1, "empty: nothing": 2}, Entries: []entrySummary{
		entry(0.8, "", same...), entry(0.7, "", 100, 101, 102), entry(0.3, "pii", 200, 201),
	}})
	c.add(&unitSummary{Unit: 3, Chunks: map[string]int{"failed: x": 1}, Skipped: 1, Faults: map[string]int{"empty_question": 1}})
	c.add(&unitSummary{Unit: 4, Chunks: map[string]int{"with_entries": 1}, Entries: []entrySummary{
		entry(0.9, "", same...), entry(0.69999, "", 300, 301), entry(0.75, "", 400, 401),
	}})
	s := dataset.DefaultSettings()
	c.decide(s)
	want := map[string]int{"pii": 1, "duplicate": 1, "below_threshold": 1, "empty_question": 1}
	if !reflect.DeepEqual(c.report.Rejected, want) || c.report.Entries != 3 {
		t.Errorf("rejected %v, %d entries, want %v, 3", c.report.Rejected, c.report.Entries, want)
	}
	if r := c.report.Chunks; r.WithEntries != 2 || r.Empty != 2 || r.Failed != 1 || r.Skipped != 1 || r.Reasons["empty: nothing"] != 2 {
		t.Errorf("chunks %+v", r)
	}
	parts := c.parts()
	if len(parts) != 1 || parts[0].First != 1 || len(parts[0].Units) != 2 {
		t.Fatalf("parts %+v", parts)
	}
	p := parts[0]
	reasons := func(codes []int) (names []string) {
		for _, code := range codes {
			if code == 0 {
				names = append(names, "kept")
			} else {
				names = append(names, p.Reasons[code-1])
			}
		}
		return names
	}
	if got := reasons(p.Units[0].Codes); !slices.Equal(got, []string{"duplicate", "kept", "pii"}) {
		t.Errorf("unit 0: %v", got)
	}
	if got := reasons(p.Units[1].Codes); !slices.Equal(got, []string{"kept", "below_threshold", "kept"}) {
		t.Errorf("unit 4: %v", got)
	}
	if !slices.Equal(p.Of, []int{2}) { // entry 1 is the 0.7 of unit 0, entry 2 the 0.9 of unit 4
		t.Errorf("duplicates of %v, want entry 2", p.Of)
	}
}

// TestParts: parts end at borders of units and hold no more than they may.
func TestParts(t *testing.T) {
	c := &curating{report: curation{Rejected: map[string]int{}}}
	const units, each = 130, 1000
	for u := range units {
		c.units = append(c.units, unitEntries{u, each})
		for range each {
			c.items = append(c.items, quality.Item{})
		}
	}
	c.decide(dataset.Settings{})
	parts := c.parts()
	next, unit := 1, 0
	for _, p := range parts {
		if p.First != next {
			t.Errorf("part begins at %d, want %d", p.First, next)
		}
		kept := 0
		for _, u := range p.Units {
			if u.Unit != unit {
				t.Errorf("unit %d, want %d", u.Unit, unit)
			}
			unit++
			kept += len(u.Codes)
		}
		if kept > dataset.MaxPart {
			t.Errorf("a part has %d entries", kept)
		}
		next += kept
	}
	if len(parts) != 3 || unit != units || next != units*each+1 {
		t.Errorf("%d parts, %d units, %d entries", len(parts), unit, next-1)
	}
	if b, err := json.Marshal(parts[0]); err != nil || len(b) > 400<<10 {
		t.Errorf("decisions of a part have %d bytes, %v", len(b), err)
	}
}

// TestReadingPanics: a reply whose reading panics is the failure of its chunk.
func TestReadingPanics(t *testing.T) {
	h := &holder{Engine: &Engine{Log: slog.New(slog.DiscardHandler)}, job: &dataset.Job{}}
	w := &work{task: task{Number: 7}}
	if w.accept(h, nil); w.answer == nil || w.answer.Task != 7 || w.answer.Outcome != dataset.FailedChunk {
		t.Errorf("answer = %+v, want one that failed", w.answer)
	}
}
