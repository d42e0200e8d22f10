package embedded

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Limits of consumers.
const (
	maxWorkers = 10_000
	claimBatch = 100 // messages taken in one transaction
	minRetry   = time.Second
	maxRetry   = 30 * time.Second
)

// Consume calls h for the messages of a queue, at most workers at a time, until ctx ends and its handlers have
// returned; then it returns nil. Groups with visible messages take turns. It may be called several times for a
// queue. A handler whose error comes after ctx ended was interrupted: its message is visible at once and the
// delivery is not counted. Errors and panics are logged.
//
// NotFound: no such queue. Invalid: no such number of workers. Unavailable: the store was closed.
func (s *Store) Consume(ctx context.Context, queue string, workers int, h dataset.Handler) error {
	if err := checkQueue(queue); err != nil {
		return err
	}
	if workers < 1 || workers > maxWorkers {
		return dataset.Errorf(dataset.Invalid, "%d workers, want 1 to %d", workers, maxWorkers)
	}
	bell, stop := s.bells.listen(queue)
	defer stop()
	c := consumer{s: s, queue: queue, handler: h, bell: bell, idle: make(chan struct{}, workers)}
	for range workers {
		c.idle <- struct{}{}
	}
	var handlers sync.WaitGroup
	defer handlers.Wait()
	retry := minRetry
	for {
		n, ok := c.workers(ctx)
		if !ok {
			return c.outcome()
		}
		held, next, err := c.claim(ctx, n)
		for range n - len(held) {
			c.idle <- struct{}{}
		}
		for _, d := range held {
			handlers.Go(func() { c.handle(ctx, d) })
		}
		if err == nil {
			retry = minRetry
		} else {
			if ctx.Err() == nil {
				s.options.Log.Error("messages not received", "queue", queue, "retry_in", retry, "error", err)
			}
			next, retry = time.Now().Add(retry), min(2*retry, maxRetry)
		}
		if len(held) < n && !c.wait(ctx, next, err == nil) {
			return c.outcome()
		}
	}
}

type consumer struct {
	s       *Store
	queue   string
	handler dataset.Handler
	bell    chan struct{}
	idle    chan struct{} // a value for each worker that has nothing to do
}

// workers takes the workers that are idle, at least one.
func (c *consumer) workers(ctx context.Context) (n int, ok bool) {
	select {
	case <-c.idle:
	case <-ctx.Done():
		return 0, false
	case <-c.s.closing:
		return 0, false
	}
	for n = 1; n < claimBatch; n++ {
		select {
		case <-c.idle:
		default:
			return n, true
		}
	}
	return n, true
}

func (c *consumer) claim(ctx context.Context, n int) (held []delivery, next time.Time, err error) {
	err = c.s.write(ctx, 0, func(t *tx) (err error) {
		held, next, err = t.claim(c.queue, n, c.s.options.Visibility, c.s.options.MaxReceives)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err // what the group wrote is gone
	}
	return held, next, nil
}

// wait returns true when there may be a message: at the time, or when something was sent and the bell counts.
func (c *consumer) wait(ctx context.Context, until time.Time, bell bool) bool {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	rung := c.bell
	if !bell {
		rung = nil
	}
	select {
	case <-timer:
	case <-rung:
	case <-ctx.Done():
		return false
	case <-c.s.closing:
		return false
	}
	return true
}

func (c *consumer) outcome() error {
	select {
	case <-c.s.closing:
		return errClosed()
	default:
		return nil
	}
}

// handle calls the handler and says what becomes of the message. After a failure that is nothing: it becomes
// visible again by itself.
func (c *consumer) handle(ctx context.Context, d delivery) {
	defer func() { c.idle <- struct{}{} }()
	log := c.s.options.Log.With("queue", c.queue, "message", d.id, "receives", d.receives)
	err := c.call(ctx, d.body)
	// The handler is done: what came of it is to be kept though the consumer ends.
	kept := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		err = c.s.write(kept, 0, func(t *tx) error { return t.drop(d) })
	case ctx.Err() != nil:
		err = c.s.write(kept, 0, func(t *tx) error { return t.giveBack(d) })
		c.s.bells.ring(c.queue) // there may be other consumers
	default:
		log.Error("message not handled", "again_in", c.s.options.Visibility, "error", err)
		return
	}
	if err != nil {
		log.Error("message not deleted or given back, it comes again", "error", err)
	}
}

// call makes an error of a handler that panics.
func (c *consumer) call(ctx context.Context, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.handler(ctx, body)
}
