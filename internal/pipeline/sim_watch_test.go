package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"compileo/internal/dataset"
)

// What a unit that loses its workers may expect, as the consts of the pipeline say it.
const (
	deathsBeforeAlone = 3
	deathsOfSuspect   = 5
)

// watchedTable sees each write that took effect on a lane, and so knows which holders left in order and which died,
// or outlived their lease, and what they were doing.
type watchedTable struct {
	dataset.Table
	w *world

	mu     sync.Mutex
	lanes  map[int]dataset.Lane
	deaths map[int]int // lane → since its last unit was done
	alone  map[int]int // task → deaths while it alone was asked
}

func newWatchedTable(w *world) *watchedTable {
	return &watchedTable{Table: w.raw.Table, w: w, lanes: map[int]dataset.Lane{}, deaths: map[int]int{}, alone: map[int]int{}}
}

// Write implements dataset.Table.
func (t *watchedTable) Write(ctx context.Context, writes ...dataset.Write) error {
	err := t.Table.Write(ctx, writes...)
	for i := range writes {
		if err == nil && writes[i].SK >= "lane#" && writes[i].SK < "lane$" {
			t.see(ctx, writes[i].Data)
		}
	}
	return err
}

func (t *watchedTable) see(ctx context.Context, data []byte) {
	var l dataset.Lane
	if err := json.Unmarshal(data, &l); err != nil {
		t.w.t.Error(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.lanes[l.Index]
	t.lanes[l.Index] = l
	// A holder gives its lease back itself. That of another one is void after a restart, which is no process.
	released := l.Lease.Holder == "" && ctx.Value(processKey{}) != nil
	if old.Lease.Holder != "" && l.Lease.Holder != old.Lease.Holder && !released {
		t.deaths[l.Index]++
		if old.Suspect != nil && old.Suspect.Asked {
			t.alone[old.Suspect.Task]++
		}
	}
	if l.Next > old.Next {
		t.deaths[l.Index] = 0
	}
	asked := l.Suspect != nil && l.Suspect.Asked && (old.Suspect == nil || !old.Suspect.Asked)
	if n := t.deaths[l.Index]; asked && n < deathsBeforeAlone {
		t.w.t.Errorf("lane %d makes calls alone after %d deaths", l.Index, n)
	}
	if l.Suspect != nil && l.Suspect.Asked && !asked && l.Suspect.Task != old.Suspect.Task {
		t.w.t.Errorf("lane %d makes the calls of %d and %d alone at the same time", l.Index, old.Suspect.Task, l.Suspect.Task)
	}
}

// allDone reports whether each lane is.
func (t *watchedTable) allDone() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lanes {
		if l.Scored < l.End {
			return false
		}
	}
	return true
}

// chunks are those of the plan, and whether their workers died so often while they alone were asked that they are
// given up.
func (t *watchedTable) chunks(ctx context.Context) map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var plan dataset.Plan
	data, err := t.w.raw.Blobs.Get(ctx, dataset.JobKey(t.w.ref, "plan"))
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil {
		t.w.t.Fatal(err)
	}
	chunks := map[string]bool{}
	for _, set := range plan.Sets {
		document := 0
		if _, err := fmt.Sscanf(set.Name, "doc%d.txt", &document); err != nil {
			t.w.t.Fatal(err)
		}
		for c := range set.Count {
			chunks[fmt.Sprintf("item %d-%d", document, c)] = t.alone[set.First+c] >= deathsOfSuspect
		}
	}
	return chunks
}

// forget begins with a new job.
func (t *watchedTable) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lanes, t.deaths, t.alone = map[int]dataset.Lane{}, map[int]int{}, map[int]int{}
}
