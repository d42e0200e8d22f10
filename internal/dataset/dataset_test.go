package dataset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, c := range []struct {
		err    error
		kind   Kind
		text   string
		detail string
	}{
		{Errorf(Invalid, "chunk_size is %d", 0), Invalid, "chunk_size is 0", "chunk_size is 0"},
		{Errorf(Unavailable, "read x: %w", cause), Unavailable, "read x: disk on fire", "read x"},
		{fmt.Errorf("step: %w", Errorf(NotFound, "no job")), NotFound, "step: no job", "no job"},
		{&Refused{At: []int{1}}, Conflict, "condition of write [1] did not hold", ""},
		{fmt.Errorf("x: %w", context.Canceled), Unavailable, "x: context canceled", ""},
		{context.DeadlineExceeded, Unavailable, "context deadline exceeded", ""},
		{cause, Internal, "disk on fire", ""},
		{InvalidField("/seed", "is %d", 3), Invalid, "/seed: is 3", "/seed: is 3"},
	} {
		if got := KindOf(c.err); got != c.kind || !Is(c.err, c.kind) {
			t.Errorf("KindOf(%v) = %s, want %s", c.err, got, c.kind)
		}
		if got := c.err.Error(); got != c.text {
			t.Errorf("Error() = %q, want %q", got, c.text)
		}
		if e, ok := errors.AsType[*Error](c.err); ok && e.Detail != c.detail {
			t.Errorf("Detail = %q, want %q", e.Detail, c.detail)
		}
	}
	if KindOf(nil) != "" || Is(nil, "") {
		t.Error("nil has a kind")
	}
	if !errors.Is(Errorf(Internal, "a: %w", cause), cause) {
		t.Error("the cause is lost")
	}
}

func TestJobRef(t *testing.T) {
	for _, ref := range []JobRef{{"local", NewID()}, {"t-1", "regenerate_" + NewID()}} {
		if got, err := ParseJobRef(ref.String()); err != nil || got != ref {
			t.Errorf("ParseJobRef(%s) = %v, %v", ref, got, err)
		}
	}
	for _, s := range []string{"", "x", "_x", "t_", "T_x", "t_../x", "t_a b", strings.Repeat("t", 33) + "_x", "t_" + strings.Repeat("x", 48)} {
		if got, err := ParseJobRef(s); !Is(err, Invalid) {
			t.Errorf("ParseJobRef(%q) = %v, %v, want invalid", s, got, err)
		}
	}
}

func TestDerivedIDs(t *testing.T) {
	if id, hash := DeriveID("a", "b"), Hash("a", "b"); id != "facdde7a-bf1e-8c5b-b012-73ab2e282f79" || hash != "facdde7abf1eac5b301273ab2e282f79" {
		t.Errorf("DeriveID(a, b) = %s, Hash = %s: ids of records that exist have changed", id, hash)
	}
	seen := map[string]bool{}
	for _, parts := range [][]string{{"a", "b"}, {"ab"}, {"a", "b", ""}, {"", "ab"}, {"b", "a"}} {
		if id := DeriveID(parts...); seen[id] || len(id) != 36 {
			t.Errorf("DeriveID(%q) = %s", parts, id)
		} else {
			seen[id] = true
		}
	}
	if a, b := NewID(), NewID(); a == b || a[14] != '4' {
		t.Errorf("NewID() = %s, %s", a, b)
	}
}

// TestPlan: every task is in exactly one unit of one lane, and the shares add up to the concurrency.
func TestPlan(t *testing.T) {
	for _, tasks := range []int{0, 1, 2, 7, 8, 49, 50, 51, 999, 10_007} {
		for _, concurrency := range []int{1, 7, 8, 9, 64, 319, 320, 1000} {
			p := NewPlan([]PlanSet{{ChunkSet: ChunkSet{Count: tasks / 3}}, {ChunkSet: ChunkSet{Count: tasks - tasks/3}}}, concurrency)
			seen := make([]int, tasks)
			shares := 0
			for lane := range p.Lanes {
				shares += p.Share(lane, concurrency)
				for i := range p.UnitsOf(lane) {
					first, end := p.TasksOf(p.Unit(lane, i))
					if end <= first || end-first > MaxUnit {
						t.Fatalf("%d tasks, concurrency %d: unit %d of lane %d has tasks %d to %d", tasks, concurrency, i, lane, first, end)
					}
					for k := first; k < end; k++ {
						seen[k]++
					}
				}
			}
			for k, n := range seen {
				if n != 1 {
					t.Fatalf("%d tasks, concurrency %d: task %d is in %d units", tasks, concurrency, k, n)
				}
			}
			if tasks > 0 && (shares != concurrency || p.Lanes > MaxLanes || p.Lanes > p.Units) {
				t.Errorf("%d tasks, concurrency %d: %d lanes share %d calls", tasks, concurrency, p.Lanes, shares)
			}
			if tasks > 3 && p.Sets[1].First != tasks/3 {
				t.Errorf("second set begins at %d", p.Sets[1].First)
			}
		}
	}
}

func TestChecksNameTheField(t *testing.T) {
	change := func(f func(*Settings)) Settings {
		s := DefaultSettings()
		f(&s)
		return s
	}
	for field, s := range map[string]Settings{
		"/datasets_per_chunk":   change(func(s *Settings) { s.PerChunk = 51 }),
		"/concurrency":          change(func(s *Settings) { s.Concurrency = 0 }),
		"/quality_threshold":    change(func(s *Settings) { s.Threshold = math.NaN() }),
		"/max_failed_share":     change(func(s *Settings) { s.MaxFailedShare = 1.1 }),
		"/temperature":          change(func(s *Settings) { s.Temperature = -1 }),
		"/max_tokens":           change(func(s *Settings) { s.MaxTokens = -1 }),
		"/classification_model": change(func(s *Settings) { s.Model = "" }),
		"/dataset_name":         change(func(s *Settings) { s.DatasetName = "" }),
		"/custom_prompt":        change(func(s *Settings) { s.CustomPrompt = strings.Repeat("x", 40_000) }),
		"/generation_mode":      change(func(s *Settings) { s.Mode = "poem" }),
		"/chunk_strategy":       change(func(s *Settings) { s.Chunking = &Chunking{Strategy: "magic", Size: 1} }),
		"/chunk_size":           change(func(s *Settings) { s.Chunking = &Chunking{Strategy: ByToken} }),
		"/overlap":              change(func(s *Settings) { s.Chunking = &Chunking{Strategy: ByToken, Size: 10, Overlap: 6} }),
		"/delimiter":            change(func(s *Settings) { s.Chunking = &Chunking{Strategy: ByDelimiter, Size: 1} }),
	} {
		e, ok := errors.AsType[*Error](s.Check())
		if !ok || e.Kind != Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer != field {
			t.Errorf("Check() = %v, want a fault of %s", s.Check(), field)
		}
	}
	s := DefaultSettings()
	if err := s.Check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestChunkSets(t *testing.T) {
	d := Document{Sets: []ChunkSet{{Chunking: "a", Count: 1}, {Chunking: "b", Count: 2}}}
	if s, ok := d.Set(""); !ok || s.Count != 2 {
		t.Errorf("newest set = %+v", s)
	}
	if s, ok := d.Set("a"); !ok || s.Count != 1 {
		t.Errorf("set a = %+v", s)
	}
	if _, ok := d.Set("c"); ok {
		t.Error("there is no set c")
	}
	if a, b := DefaultChunking.Hash(), (Chunking{Strategy: ByToken, Size: 400}).Hash(); a == b {
		t.Error("two chunkings have one hash")
	}
}

func TestFaults(t *testing.T) {
	a, b := InvalidField("/a", "is 1"), InvalidField("/b", "is 2")
	other := Errorf(Unavailable, "no answer")
	if err := Faults(nil, nil); err != nil {
		t.Errorf("no faults are %v", err)
	}
	if err := Faults(a, other, b); !errors.Is(err, other) {
		t.Errorf("%v hides a failure", err)
	}
	var all *Error
	if !errors.As(Faults(nil, a, Faults(b)), &all) || all.Kind != Invalid || all.Detail != "/a: is 1; /b: is 2" || len(all.Fields) != 2 || all.Fields[1] != b.Fields[0] {
		t.Errorf("two faults are %+v", all)
	}
}
