package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

type counter struct{ N int }

func number(t *testing.T, table dataset.Table) int {
	t.Helper()
	c, _, err := dataset.Load[counter](t.Context(), table, "p", "counter")
	if err != nil {
		t.Fatal(err)
	}
	return c.N
}

func newCounter(t *testing.T, o memory.Options) *memory.World {
	t.Helper()
	w := memory.New(o)
	r, err := dataset.NewRecord("p", "counter", counter{}, dataset.Absent)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Table.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestUpdateLosesNothing(t *testing.T) {
	w := newCounter(t, memory.Options{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := dataset.Update(t.Context(), w.Table, "p", "counter", func(c *counter) (bool, error) {
				c.N++
				return true, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := number(t, w.Table); n != 20 {
		t.Errorf("%d after 20 updates", n)
	}
}

func TestUpdateKeepsErrorsApart(t *testing.T) {
	w := newCounter(t, memory.Options{})
	mine := errors.New("mine")
	c, err := dataset.Update(t.Context(), w.Table, "p", "counter", func(c *counter) (bool, error) {
		c.N = 7
		return true, mine
	})
	if !errors.Is(err, mine) || c == nil || c.N != 7 || number(t, w.Table) != 0 {
		t.Errorf("refused by change: %v %v", c, err)
	}
	if c, err := dataset.Update(t.Context(), w.Table, "p", "none", func(*counter) (bool, error) { return true, nil }); c != nil || !dataset.Is(err, dataset.NotFound) {
		t.Errorf("no record: %v %v", c, err)
	}
	if _, err := dataset.Update(t.Context(), w.Table, "p", "counter", func(c *counter) (bool, error) { c.N = 9; return false, nil }); err != nil || number(t, w.Table) != 0 {
		t.Errorf("left as it is: %v", err)
	}
}

// TestTransactRepeats: a transaction that is throttled, or took effect without an answer, is read and decided anew.
func TestTransactRepeats(t *testing.T) {
	w := newCounter(t, memory.Options{Throttle: 0.5, Seed: 3})
	lost := true
	faults := &porttest.Faults{Decide: func(_ context.Context, c porttest.Call) porttest.Fault {
		if c.Method == "Write" && lost {
			lost = false
			return porttest.Fault{Duplicate: true}
		}
		return porttest.Fault{}
	}}
	table := faults.Table(w.Table)
	for i := range 20 {
		err := dataset.Transact(t.Context(), table, func() ([]dataset.Write, error) {
			c, version, err := dataset.Load[counter](t.Context(), table, "p", "counter")
			if err != nil || c.N > i {
				return nil, err // it was this very transaction
			}
			c.N++
			a, _ := dataset.NewRecord("p", "counter", c, version)
			b, _ := dataset.NewRecord("p", string(rune('a'+i)), c, dataset.Absent)
			return []dataset.Write{a, b}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := number(t, w.Table); n != 20 {
		t.Errorf("%d after 20 transactions", n)
	}
}

func TestTransactGivesUp(t *testing.T) {
	w := newCounter(t, memory.Options{})
	tries := 0
	err := dataset.Transact(t.Context(), w.Table, func() ([]dataset.Write, error) {
		tries++
		return []dataset.Write{dataset.Gone("p", "counter", 5)}, nil
	})
	if !dataset.Is(err, dataset.Conflict) || tries < 10 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestPinJSON(t *testing.T) {
	w := memory.New(memory.Options{})
	for i := 1; i <= 2; i++ {
		c, err := dataset.PinJSON(t.Context(), w.Blobs, "k", &counter{i})
		if err != nil || c.N != 1 {
			t.Errorf("%v %v, want what came first", c, err)
		}
	}
	if err := dataset.PutOnce(t.Context(), w.Blobs, "k", []byte("{")); err != nil {
		t.Error(err)
	}
	if err := dataset.PutOnce(t.Context(), w.Blobs, "damaged", []byte("{")); err != nil {
		t.Error(err)
	}
	if _, err := dataset.ReadJSON[counter](t.Context(), w.Blobs, "damaged"); !dataset.Is(err, dataset.Internal) {
		t.Error(err)
	}
	if _, err := dataset.Decode[counter](dataset.Record{Data: json.RawMessage("[]")}); !dataset.Is(err, dataset.Internal) {
		t.Error(err)
	}
}
