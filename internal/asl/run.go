package asl

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"compileo/internal/dataset"
)

// Run goes on with all executions that are not over and works on those that are started, until ctx is done
// and all that it began has returned. Functions are waited for. It may be called again afterwards; while it
// runs, a second call is a Conflict.
func (e *Engine) Run(ctx context.Context) error {
	if !e.enter() {
		return dataset.Errorf(dataset.Conflict, "the engine runs already")
	}
	defer e.exit()
	var work sync.WaitGroup
	defer work.Wait()
	names, err := e.unfinished(ctx)
	for ctx.Err() == nil && err == nil {
		for _, name := range append(names, e.takeStarted()...) {
			if d, own := e.register(ctx, name); d != nil {
				work.Go(func() { d.drive(ctx, own) })
			}
		}
		names = nil
		select {
		case <-ctx.Done():
		case <-e.start:
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// enter makes Start hand over what it starts from now on, so that nothing falls between it and the list.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return false
	}
	e.running = true
	return true
}

func (e *Engine) exit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running, e.started = false, nil
}

// unfinished reads the list of executions, oldest first.
func (e *Engine) unfinished(ctx context.Context) (names []string, err error) {
	err = e.again(ctx, 0, func() error {
		names = nil
		for row, err := range dataset.Rows(ctx, e.c.Table, dataset.Query{PK: listPK}) {
			if err != nil {
				return err
			}
			_, name, _ := strings.Cut(row.SK, "#")
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// offer hands an execution to Run, which ignores it if it is at work on it.
func (e *Engine) offer(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running || e.drivers[name] != nil {
		return
	}
	e.started = append(e.started, name)
	signal(e.start)
}

func (e *Engine) takeStarted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := e.started
	e.started = nil
	return names
}

// register makes the driver of an execution and the context of its work, which ends also when the execution is
// stopped. It returns nil if there is a driver.
func (e *Engine) register(ctx context.Context, name string) (*driver, context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.drivers[name] != nil {
		return nil, nil
	}
	own, halt := context.WithCancelCause(ctx)
	d := &driver{
		e: e, name: name, log: e.c.Log.With("execution", name), halt: halt,
		turn: e.slots.join(), wake: make(chan struct{}, 1), calls: map[key]context.CancelFunc{},
	}
	e.drivers[name] = d
	return d, own
}

func (e *Engine) forget(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.drivers, name)
}

var errStopped = errors.New("the execution was stopped")

// poke tells the driver of an execution that its row was changed; if it was stopped, all its work ends.
func (e *Engine) poke(name string, stopped bool) {
	e.mu.Lock()
	d := e.drivers[name]
	e.mu.Unlock()
	switch {
	case d == nil:
	case stopped:
		d.halt(errStopped)
	default:
		signal(d.wake)
	}
}

// signal sets a flag that a channel of capacity one stands for.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// line hands out a number of slots in the order in which they are asked for.
type line struct {
	mu      sync.Mutex
	free    int
	waiting []chan struct{}
}

// join takes a place in the line. The channel is closed when the slot is there.
func (l *line) join() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	turn := make(chan struct{})
	if l.free > 0 {
		l.free--
		close(turn)
	} else {
		l.waiting = append(l.waiting, turn)
	}
	return turn
}

// leave gives back the slot, or the place in the line.
func (l *line) leave(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, turn); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return
	}
	if len(l.waiting) == 0 {
		l.free++
		return
	}
	close(l.waiting[0])
	l.waiting = l.waiting[1:]
}
