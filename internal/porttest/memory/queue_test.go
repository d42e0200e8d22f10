package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// consume handles the messages of the generate queue until the test ends.
func consume(t *testing.T, ctx context.Context, q *memory.Queue, workers int, h dataset.Handler) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = q.Consume(ctx, dataset.GenerateQueue, workers, h) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func send(t *testing.T, q *memory.Queue, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := q.Send(t.Context(), dataset.GenerateQueue, dataset.Message{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTimeline follows one message, to the instant.
func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Visibility: time.Minute, MaxReceives: 3}).Queue
		began := time.Now()
		var at []time.Duration
		consume(t, t.Context(), q, 3, func(context.Context, []byte) error {
			at = append(at, time.Since(began))
			return errors.New("never works")
		})
		if err := q.Send(t.Context(), dataset.GenerateQueue, dataset.Message{Body: []byte("a"), Delay: time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3*time.Minute + time.Second - 1)
		synctest.Wait()
		if dead := q.Dead(dataset.GenerateQueue); len(dead) != 0 {
			t.Errorf("%d dead letters before the last visibility timeout is over, want none", len(dead))
		}
		time.Sleep(time.Nanosecond)
		if dead := q.Dead(dataset.GenerateQueue); len(dead) != 1 {
			t.Errorf("%d dead letters, want 1", len(dead))
		}
		if want := []time.Duration{time.Second, time.Minute + time.Second, 2*time.Minute + time.Second}; !slices.Equal(at, want) {
			t.Errorf("delivered at %v, want %v", at, want)
		}
	})
}

func TestOldReceiptDeletesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Visibility: time.Minute}).Queue
		var deliveries atomic.Int64
		consume(t, t.Context(), q, 2, func(context.Context, []byte) error {
			switch deliveries.Add(1) {
			case 1: // returns nil while the second delivery is in flight
				time.Sleep(90 * time.Second)
				return nil
			case 2:
				time.Sleep(45 * time.Second)
				return errors.New("no luck")
			}
			return nil
		})
		send(t, q, "a")
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := deliveries.Load(); n != 3 {
			t.Errorf("%d deliveries, want 3: the nil of the first came too late", n)
		}
	})
}

// TestLateNilDeletes lets a handler succeed after its visibility timeout, while nobody took the message.
func TestLateNilDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Visibility: time.Minute}).Queue
		deliveries := 0
		h := func(context.Context, []byte) error {
			deliveries++
			time.Sleep(2 * time.Minute)
			_ = q.Dead(dataset.GenerateQueue) // looks at the clock: the message is visible
			return nil
		}
		consume(t, t.Context(), q, 1, h)
		send(t, q, "a")
		time.Sleep(time.Hour)
		synctest.Wait()
		if deliveries != 1 {
			t.Errorf("%d deliveries, want 1", deliveries)
		}
	})
}

func TestDeadProcessDeletesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Options{Visibility: time.Minute}).Queue
		p := porttest.NewProcess()
		var got []string
		consume(t, p.Context(t.Context()), q, 5, func(context.Context, []byte) error {
			got = append(got, "first")
			p.Kill()
			return nil
		})
		send(t, q, "a")
		synctest.Wait()
		send(t, q, "b") // nobody is there
		time.Sleep(time.Hour)
		synctest.Wait()
		consume(t, t.Context(), q, 1, func(_ context.Context, body []byte) error {
			got = append(got, string(body))
			return nil
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if slices.Sort(got); !slices.Equal(got, []string{"a", "b", "first"}) {
			t.Errorf("deliveries %q, want a to the dead process and both to the next", got)
		}
	})
}

func TestDuplicatesAndLateness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		q := memory.New(memory.Options{Duplicate: 0.2, MaxLate: time.Minute, Visibility: time.Hour}).Queue
		began, late := time.Now(), 0
		counts := map[string]int{}
		consume(t, t.Context(), q, 1, func(_ context.Context, body []byte) error {
			if counts[string(body)]++; time.Since(began) > 30*time.Second {
				late++
			}
			return nil
		})
		for i := range n {
			send(t, q, fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		twice := 0
		for _, c := range counts {
			twice += c - 1
		}
		if len(counts) != n || twice < n/7 || twice > n/4 || late < n/3 || late > n*3/4 {
			t.Errorf("%d messages, %d twice, %d late, want %d, about a fifth and a half", len(counts), twice, late, n)
		}
	})
}

func TestOrderComesFromTheSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		order := func(seed uint64) (got []string) {
			q := memory.New(memory.Options{Seed: seed}).Queue
			for i := range 50 {
				send(t, q, fmt.Sprintf("%02d", i))
			}
			ctx, cancel := context.WithCancel(t.Context())
			_ = q.Consume(ctx, dataset.GenerateQueue, 1, func(_ context.Context, body []byte) error {
				if got = append(got, string(body)); len(got) == 50 {
					cancel()
				}
				return nil
			})
			return got
		}
		first := order(1)
		if !slices.Equal(first, order(1)) {
			t.Error("the same seed gave another order")
		}
		if slices.Equal(first, order(2)) || slices.IsSorted(first) {
			t.Error("messages come in the order in which they were sent, or not by the seed")
		}
	})
}

func TestQueueRefuses(t *testing.T) {
	q := memory.New(memory.Options{}).Queue
	for _, body := range []string{"\x00", "a\x1bb", "\xff"} {
		if err := q.Send(t.Context(), dataset.ScoreQueue, dataset.Message{Body: []byte(body)}); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("Send(%q) = %v, want Invalid", body, err)
		}
	}
	if err := q.Consume(t.Context(), "none", 1, nil); !dataset.Is(err, dataset.NotFound) {
		t.Errorf("Consume of no queue = %v, want NotFound", err)
	}
	if dead := q.Dead("none"); dead != nil {
		t.Errorf("Dead of no queue = %q, want none", dead)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := memory.New(memory.Options{}).Queue
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	handled := make(chan struct{}, 100)
	wg.Go(func() {
		_ = q.Consume(ctx, dataset.GenerateQueue, 4, func(context.Context, []byte) error { handled <- struct{}{}; return nil })
	})
	for b.Loop() {
		if err := q.Send(b.Context(), dataset.GenerateQueue, dataset.Message{Body: []byte("hint"), Group: "g"}); err != nil {
			b.Fatal(err)
		}
		<-handled
	}
	cancel()
	wg.Wait()
}
