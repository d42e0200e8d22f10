package porttest

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Call is one call of a port.
type Call struct {
	N      int64  // its place among all calls made through the Faults, from 1
	Port   string // Table, Blobs, Queue or Workflow
	Method string // of the port; Open.Read, Create.Write, Create.Commit and Create.Abort for what Blobs gave out
	Key    string // "pk sk" of (the first of) the rows, key of (the first of) the objects, queue, execution or token
}

// CrashPoint is where in a call the process dies.
type CrashPoint int

// The points of a crash.
const (
	NoCrash CrashPoint = iota
	CrashBefore
	CrashAfter // the call took effect, and nobody learns of it
)

// Fault is what befalls a call. The zero Fault is none. The fields are looked at in the order of the call:
// Delay, CrashBefore, Before, the call itself, Duplicate, CrashAfter, After.
type Fault struct {
	Delay     time.Duration // before the call; when ctx ends meanwhile, it has no effect and is Unavailable
	Before    error         // the call has no effect and answers this
	Duplicate bool          // the call takes effect twice, as when the first answer was lost, and answers what the second one did
	After     error         // the call takes effect and answers this
	Crash     CrashPoint    // the Process of the call dies and the call answers ErrCrashed; without a Process only the latter
}

// Faults wraps ports so that their calls meet faults. The zero value adds none, but counts and keeps dead
// processes from doing anything. Safe for concurrent use.
type Faults struct {
	// Decide is asked once for each call that a living process makes. It may be called concurrently.
	Decide func(ctx context.Context, c Call) Fault

	mu    sync.Mutex
	n     int64
	calls map[string]int64
}

// Calls returns how often each method was called by a living process, by "Port.Method".
func (f *Faults) Calls() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

func (f *Faults) count(port, method, key string) Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.calls == nil {
		f.calls = map[string]int64{}
	}
	f.calls[port+"."+method]++
	return Call{f.n, port, method, key}
}

// call makes one call, do, with the fault that was decided for it.
func (f *Faults) call(ctx context.Context, port, method, key string, do func() error) error {
	if err := Alive(ctx); err != nil {
		return err
	}
	c := f.count(port, method, key)
	var fault Fault
	if f.Decide != nil {
		fault = f.Decide(ctx, c)
	}
	if fault.Delay > 0 {
		if err := wait(ctx, fault.Delay); err != nil {
			return reply(ctx, err)
		}
	}
	if fault.Crash == CrashBefore {
		kill(ctx)
		return ErrCrashed
	}
	if err := Alive(ctx); err != nil {
		return err
	}
	if fault.Before != nil {
		return fault.Before
	}
	err := do()
	if fault.Duplicate && Alive(ctx) == nil {
		err = do()
	}
	if fault.Crash == CrashAfter {
		kill(ctx)
		return ErrCrashed
	}
	if err == nil {
		err = fault.After
	}
	return reply(ctx, err)
}

// reply is err, or ErrCrashed when the process died: a dead process gets no answer.
func reply(ctx context.Context, err error) error {
	if dead := Alive(ctx); dead != nil {
		return dead
	}
	return err
}
