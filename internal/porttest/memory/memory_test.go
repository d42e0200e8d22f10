package memory_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// unkind is a world in which everything goes wrong that the contracts allow and the suites can bear.
var unkind = memory.Options{Seed: 7, ShortPages: true, Throttle: 0.2}

func TestTable(t *testing.T) {
	for name, o := range map[string]memory.Options{"kind": {}, "unkind": unkind} {
		t.Run(name, func(t *testing.T) {
			porttest.Table(t, func(*testing.T) dataset.Table { return memory.New(o).Table })
		})
	}
}

func TestBlobs(t *testing.T) {
	for name, o := range map[string]memory.Options{"kind": {}, "unkind": unkind} {
		t.Run(name, func(t *testing.T) {
			porttest.Blobs(t, porttest.BlobsHarness{Open: func(*testing.T) dataset.Blobs { return memory.New(o).Blobs }})
		})
	}
}

func TestQueue(t *testing.T) {
	for name, o := range map[string]memory.Options{
		"fast": {Visibility: time.Second, MaxReceives: 3},
		"slow": {Visibility: 15 * time.Minute, MaxReceives: 5, Seed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			porttest.Queue(t, porttest.QueueHarness{
				Open:       func(*testing.T) porttest.QueueSystem { return system(memory.New(o).Queue, 4) },
				Visibility: o.Visibility, MaxReceives: o.MaxReceives, Fair: true, Virtual: true,
			})
		})
	}
}

// system is the queue as the suite wants it, with that many workers a consumer.
func system(q *memory.Queue, workers int) porttest.QueueSystem {
	return porttest.QueueSystem{
		Queue: q,
		Consume: func(ctx context.Context, queue string, h dataset.Handler) func() {
			ctx, cancel := context.WithCancel(ctx)
			var wg sync.WaitGroup
			wg.Go(func() { _ = q.Consume(ctx, queue, workers, h) })
			return func() { cancel(); wg.Wait() }
		},
		Dead: func() [][]byte { return append(q.Dead(dataset.GenerateQueue), q.Dead(dataset.ScoreQueue)...) },
	}
}
