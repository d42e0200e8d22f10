package porttest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

func TestProcessEndsItsContexts(t *testing.T) {
	p := porttest.NewProcess()
	parent, cancel := context.WithCancel(t.Context())
	one, two := p.Context(parent), p.Context(t.Context())
	cancel()
	if one.Err() == nil || two.Err() != nil || porttest.Alive(one) != nil {
		t.Errorf("after the parent's end: %v, %v, %v, want the first done, the second not, the process alive", one.Err(), two.Err(), porttest.Alive(one))
	}
	for range 2 {
		p.Kill()
	}
	for name, ctx := range map[string]context.Context{
		"its context": two, "a later one": p.Context(t.Context()),
	} {
		if ctx.Err() == nil || !errors.Is(context.Cause(ctx), porttest.ErrCrashed) {
			t.Errorf("%s: %v because of %v, want it done by a crash", name, ctx.Err(), context.Cause(ctx))
		}
		for _, ctx := range []context.Context{ctx, context.WithoutCancel(ctx)} {
			if err := porttest.Alive(ctx); !errors.Is(err, porttest.ErrCrashed) || !dataset.Is(err, dataset.Unavailable) {
				t.Errorf("%s: Alive = %v, want ErrCrashed", name, err)
			}
		}
	}
	if err := porttest.Alive(t.Context()); err != nil {
		t.Errorf("Alive without a process = %v, want nil", err)
	}
	if err := porttest.Alive(porttest.NewProcess().Context(two)); err != nil {
		t.Errorf("Alive in a new process = %v, want nil: it is not the dead one", err)
	}
}

// TestZombies lets the goroutines of a process go on after its death: the world stays as it was.
func TestZombies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutside(crashAt(100, porttest.CrashAfter))
		ctx := context.WithoutCancel(porttest.NewProcess().Context(t.Context()))
		work := func(name string) (crashed int) {
			for _, err := range []error{
				o.table.Write(ctx, dataset.Write{Record: dataset.Record{PK: "p", SK: name, Data: []byte(`1`)}, If: dataset.Any}),
				o.blobs.Put(ctx, name, []byte(name)),
				o.queue.Send(ctx, dataset.ScoreQueue, dataset.Message{Body: []byte(name)}),
			} {
				if errors.Is(err, porttest.ErrCrashed) {
					crashed++
				} else if err != nil {
					t.Error(err)
				}
			}
			return crashed
		}
		var wg sync.WaitGroup
		for g := range 5 {
			wg.Go(func() {
				for i := 0; work(fmt.Sprintf("%d-%d", g, i)) == 0; i++ {
				}
			})
		}
		wg.Wait()
		left, calls := effects(t, o.world), o.faults.Calls()
		if len(left) < 90 { // calls that were under way beside the fatal one may have had none
			t.Errorf("%d effects until the crash at call 100", len(left))
		}
		for g := range 5 {
			wg.Go(func() {
				for i := range 20 {
					if name := fmt.Sprintf("zombie-%d-%d", g, i); work(name) != 3 {
						t.Errorf("%s did something", name)
					}
				}
			})
		}
		wg.Wait()
		// The first look took the messages: they are no part of the second.
		left = slices.DeleteFunc(left, func(s string) bool { return strings.HasPrefix(s, "message") })
		if now := effects(t, o.world); !slices.Equal(now, left) || !maps.Equal(calls, o.faults.Calls()) {
			t.Errorf("%d effects and calls %v after the zombies, want %d and %v", len(now), o.faults.Calls(), len(left), calls)
		}
	})
}

// effects lists all that is in a world: rows, objects and messages of the score queue.
func effects(t *testing.T, world *memory.World) (all []string) {
	t.Helper()
	for row, err := range dataset.Rows(t.Context(), world.Table, dataset.Query{PK: "p"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("row %s=%s v%d", row.SK, row.Data, row.Version))
	}
	for after := ""; ; {
		page, err := world.Blobs.List(t.Context(), "", after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, info := range page {
			all, after = append(all, fmt.Sprintf("object %s %d", info.Key, info.Size)), info.Key
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = world.Queue.Consume(ctx, dataset.ScoreQueue, 1, func(_ context.Context, body []byte) error {
			all = append(all, "message "+string(body))
			return nil
		})
	})
	synctest.Wait()
	cancel()
	wg.Wait()
	return all
}
