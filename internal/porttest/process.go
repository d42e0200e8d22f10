package porttest

import (
	"context"
	"sync"

	"compileo/internal/dataset"
)

// ErrCrashed is the error of all that a dead process tries. Its Kind is Unavailable.
var ErrCrashed = dataset.Errorf(dataset.Unavailable, "the process has crashed")

// Process is a program that can be killed at any moment, like a Lambda or a machine without power. It is
// carried by the contexts it made: once it is dead they are done, and no port call made with them, or with
// contexts derived from them (context.WithoutCancel too), has an effect. What its goroutines still do is
// therefore seen by nobody. Safe for concurrent use.
type Process struct {
	mu     sync.Mutex
	dead   bool
	cancel []context.CancelCauseFunc
}

type processKey struct{}

// NewProcess returns a process that is alive.
func NewProcess() *Process { return &Process{} }

// Context returns a context of the process. It ends with parent or, with ErrCrashed as its cause, with the
// process. The contexts of a process are kept until it dies, so make few of them.
func (p *Process) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, processKey{}, p))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		cancel(ErrCrashed)
	} else {
		p.cancel = append(p.cancel, cancel)
	}
	return ctx
}

// Kill ends the process. It may be repeated.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	for _, cancel := range p.cancel {
		cancel(ErrCrashed)
	}
	p.cancel = nil
}

func (p *Process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead
}

// Alive returns ErrCrashed when the process that ctx belongs to is dead; nil when it lives or there is none.
// Fakes of other things outside (models, say) call it before they do anything.
func Alive(ctx context.Context) error {
	if p, ok := ctx.Value(processKey{}).(*Process); ok && !p.alive() {
		return ErrCrashed
	}
	return nil
}

// kill ends the process that ctx belongs to, if any.
func kill(ctx context.Context) {
	if p, ok := ctx.Value(processKey{}).(*Process); ok {
		p.Kill()
	}
}
