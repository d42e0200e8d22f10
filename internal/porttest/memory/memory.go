// Package memory implements Table, Blobs and Queue in memory, for simulations and for tests of what runs on
// the ports. It passes the suites of internal/porttest and means to be no kinder than AWS: pages end early,
// transactions may be throttled, messages come in any order, late and twice, an old receipt deletes nothing.
// What is random comes from a seed.
//
// All of it is event-driven, with timers only, so it runs in bubbles of testing/synctest: hours pass in
// milliseconds. Nothing is kept when the program ends.
package memory

import (
	"context"
	"math/rand/v2"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// Options say how unkind the world is. The zero value only shuffles messages.
type Options struct {
	Seed        uint64
	ShortPages  bool          // pages of Query and List end early at random, those of Query may be empty
	Throttle    float64       // share of writes of several rows that are Throttled, without effect
	Visibility  time.Duration // of a message; 0: 15 minutes
	MaxReceives int           // deliveries of a message before it is given up; 0: 5
	Duplicate   float64       // share of messages that exist twice
	MaxLate     time.Duration // messages become visible up to this much after they could
}

// World is one memory with its three ports, without a workflow (internal/asl runs over Table and Queue).
type World struct {
	Table *Table
	Blobs *Blobs
	Queue *Queue
}

// New returns an empty world.
func New(o Options) *World {
	if o.Visibility <= 0 {
		o.Visibility = 15 * time.Minute
	}
	if o.MaxReceives <= 0 {
		o.MaxReceives = 5
	}
	return &World{
		Table: newTable(o, source(o.Seed, 1)),
		Blobs: newBlobs(o, source(o.Seed, 2)),
		Queue: newQueue(o, source(o.Seed, 3)),
	}
}

// source is a port's own randomness, so that calls of one do not change another.
func source(seed, port uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, port)) }

// alive returns nil when a call may go on: its context is not done and its process did not crash.
func alive(ctx context.Context) error {
	if err := porttest.Alive(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return dataset.Errorf(dataset.Unavailable, "the call was ended: %w", err)
	}
	return nil
}
