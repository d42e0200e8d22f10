package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// TestSimulation runs a small program under every fault at once, for many seeds: workers that crash and
// start again take messages, store one object for each and count it in the table, in one transaction with a
// mark. However often a message is handled, it counts once.
func TestSimulation(t *testing.T) {
	crashes, calls := 0, int64(0)
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(seed)
				s.run(t)
				crashes += s.crashes
				for _, n := range s.faults.Calls() {
					calls += n
				}
			})
		})
	}
	if crashes < 1000 || calls < 10_000 {
		t.Errorf("%d crashes in %d calls: this shows little", crashes, calls)
	}
}

type simulation struct {
	world  *memory.World
	faults *porttest.Faults
	table  dataset.Table
	blobs  dataset.Blobs

	mu      sync.Mutex
	crashes int
}

func newSimulation(seed uint64) *simulation {
	s := &simulation{
		world: memory.New(memory.Options{
			Seed: seed, ShortPages: true, Throttle: 0.1, Visibility: time.Minute, MaxReceives: 1000, Duplicate: 0.2, MaxLate: time.Minute,
		}),
		faults: &porttest.Faults{Decide: porttest.Random(seed, porttest.Rates{
			CrashBefore: 0.05, CrashAfter: 0.05, FailBefore: 0.1, FailAfter: 0.1, Throttle: 0.05, Duplicate: 0.1, Delay: 0.2, MaxDelay: 20 * time.Second,
		})},
	}
	s.table, s.blobs = s.faults.Table(s.world.Table), s.faults.Blobs(s.world.Blobs)
	return s
}

func (s *simulation) run(t *testing.T) {
	const messages, workers = 50, 3
	for i := range messages {
		send(t, s.world.Queue, fmt.Sprint(i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				p := porttest.NewProcess()
				_ = s.world.Queue.Consume(p.Context(ctx), dataset.GenerateQueue, 2, s.handle)
				s.mu.Lock()
				s.crashes++
				s.mu.Unlock()
			}
		})
	}
	time.Sleep(24 * time.Hour)
	cancel()
	wg.Wait()
	count, err := s.world.Table.Get(t.Context(), "p", "count")
	if err != nil || string(count.Data) != fmt.Sprint(messages) || count.Version != messages {
		t.Errorf("count = %s at version %d, %v, want %d: every message counts once", count.Data, count.Version, err, messages)
	}
	for i := range messages {
		if data, err := s.world.Blobs.Get(t.Context(), fmt.Sprint(i)); err != nil || string(data) != fmt.Sprint(i) {
			t.Errorf("object %d = %q, %v", i, data, err)
		}
	}
}

// handle stores, then counts, under marks that make both repeatable.
func (s *simulation) handle(ctx context.Context, body []byte) error {
	if err := s.blobs.Put(ctx, string(body), body); err != nil && !dataset.Is(err, dataset.Conflict) {
		return err
	}
	_, err := s.table.Get(ctx, "p", "mark"+string(body))
	if !dataset.Is(err, dataset.NotFound) {
		return err // counted before, or not known
	}
	count, err := s.table.Get(ctx, "p", "count")
	if err != nil && !dataset.Is(err, dataset.NotFound) {
		return err
	}
	var n int
	if err == nil {
		_, _ = fmt.Sscan(string(count.Data), &n)
	}
	return s.table.Write(ctx, put("count", fmt.Append(nil, n+1), count.Version), put("mark"+string(body), []byte(`1`), dataset.Absent))
}
