package asl

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// driver works on one execution. It is a goroutine that waits for events: its own timer, results of its
// functions, and pokes.
type driver struct {
	e    *Engine
	name string
	log  *slog.Logger
	halt context.CancelCauseFunc // ends its work, not itself
	turn chan struct{}           // place in the line for a slot
	wake chan struct{}

	in      inputs
	calls   map[key]context.CancelFunc // functions under way
	running sync.WaitGroup             // the same, until they have returned

	mu      sync.Mutex
	results []result // for the next transition
}

// drive works on the execution until it is over and its end was told, or the engine stops. ctx is that of Run,
// own ends also when the execution is stopped.
func (d *driver) drive(ctx, own context.Context) {
	defer d.e.forget(d.name)
	defer d.running.Wait()
	defer d.halt(nil)
	r, err := d.expire(ctx)
	for err == nil && !r.over() {
		work, cancel := context.WithDeadline(own, r.Deadline)
		select {
		case <-d.turn:
			if err = d.steps(work); work.Err() != nil {
				err = nil // stopped or timed out, which expire sees, or the engine's end
			}
		case <-work.Done():
		}
		cancel()
		clear(d.calls) // all ended with work
		if err != nil {
			d.log.Error("execution cannot go on", "err", err)
			err = d.giveUp(ctx, err)
		}
		if err == nil {
			r, err = d.expire(ctx)
		}
	}
	d.e.slots.leave(d.turn)
	if err == nil {
		err = d.conclude(ctx, r)
	}
	if err != nil && ctx.Err() == nil && !dataset.Is(err, dataset.NotFound) { // NotFound: its start failed after all
		d.log.Error("execution is left as it is until the next start", "err", err)
	}
}

// expire reads the execution, and ends it if its time is up.
func (d *driver) expire(ctx context.Context) (*run, error) {
	return d.e.update(ctx, d.name, 0, nil, func(r *run) { d.e.c.Machine.expire(r, time.Now().UTC()) })
}

// giveUp fails an execution with which the engine cannot go on, such as one whose input is damaged.
func (d *driver) giveUp(ctx context.Context, cause error) error {
	_, err := d.e.update(ctx, d.name, 0, nil, func(r *run) {
		if !r.over() {
			r.end(dataset.ExecutionFailed, newFailure(errRuntime, detail(cause)), time.Now().UTC())
		}
	})
	return err
}

// conclude tells of an end that was not good, and takes the execution off the list.
func (d *driver) conclude(ctx context.Context, r *run) error {
	d.log.Info("execution is over", "status", string(r.Status), "error", r.Error, "events", r.Events)
	if r.Status != dataset.ExecutionSucceeded && d.e.c.OnEnd != nil {
		err := d.e.again(ctx, 0, func() error {
			err := d.tell(ctx, r.Status)
			if err != nil { // of whatever Kind: it is told again
				err = &dataset.Error{Kind: dataset.Unavailable, Detail: "telling of the end of " + d.name, Err: err}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.e.again(ctx, 0, func() error {
		row := dataset.Record{PK: listPK, SK: listSK(r.Started, r.Name)}
		return d.e.c.Table.Write(ctx, dataset.Write{Record: row, If: dataset.Any, Delete: true})
	})
}

// steps takes the execution from one transition to the next until it is over or cannot go on.
func (d *driver) steps(ctx context.Context) error {
	for {
		results := d.takeResults()
		r, err := d.e.update(ctx, d.name, 0, &d.in, func(r *run) {
			d.e.c.Machine.advance(r, results, time.Now().UTC())
		})
		if err != nil {
			return err
		}
		for _, name := range r.trace {
			d.log.Info("state entered", "state", name)
		}
		unsent := d.reconcile(ctx, r)
		switch {
		case r.over():
			return nil
		case len(unsent) > 0:
			if err := d.send(ctx, r, unsent); err != nil {
				return err
			}
		default:
			if err := d.wait(ctx, r); err != nil {
				return err
			}
		}
	}
}

// wait waits until there is something to do: an event, or the next time that r knows of.
func (d *driver) wait(ctx context.Context, r *run) error {
	var due <-chan time.Time
	if at := r.wakeAt(); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.wake:
	case <-due:
	}
	return nil
}

func (d *driver) post(res result) {
	d.mu.Lock()
	d.results = append(d.results, res)
	d.mu.Unlock()
	signal(d.wake)
}

func (d *driver) takeResults() []result {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.wake: // whatever it was about is seen now
	default:
	}
	results := d.results
	d.results = nil
	return results
}
