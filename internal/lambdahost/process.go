package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"compileo/internal/dataset"
)

// process is one execution environment: a process and the Runtime API that it alone speaks to.
type process struct {
	f       *Function
	cmd     *exec.Cmd
	server  *http.Server
	started time.Time
	events  chan *event   // handed over when the process asks
	ready   chan struct{} // closed when it asked for the first time
	gone    chan struct{} // closed when it has ended
	killed  atomic.Bool

	mu      sync.Mutex
	first   time.Duration // until ready
	current *event        // being worked on
	failed  *FunctionError
	exit    error
}

// event is one invocation under way.
type event struct {
	id       string
	payload  []byte
	deadline time.Time
	ended    atomic.Bool
	result   chan Result // holds the one answer
}

// errGone: the process ended before it took the event.
var errGone = errors.New("the process has ended")

// startProcess starts the binary with a Runtime API of its own.
func startProcess(f *Function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{f: f, events: make(chan *event), ready: make(chan struct{}), gone: make(chan struct{})}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: f.Init}
	dir := filepath.Dir(f.Path)
	p.cmd = &exec.Cmd{
		Path: f.Path, Args: []string{f.Path}, Dir: dir, Stdout: f.Output, Stderr: f.Output,
		WaitDelay: time.Second, // what it may have started itself keeps its output open
		Env: append(f.Env[:len(f.Env):len(f.Env)],
			"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME="+f.Name,
			"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
			"LAMBDA_TASK_ROOT="+dir, "_HANDLER=bootstrap"),
	}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { _ = p.server.Serve(listener) }() // until Close below
	go func() {
		err := p.cmd.Wait()
		p.mu.Lock()
		p.exit = err
		p.mu.Unlock()
		_ = p.server.Close()
		close(p.gone)
	}()
	return p, nil
}

// alive reports whether the process may take another event.
func (p *process) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return !p.killed.Load()
	}
}

// end kills the process. It may be called again.
func (p *process) end() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill()
}

// initTook is how long the process needed until it asked for its first event; 0: it never did.
func (p *process) initTook() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}

// invoke gives the process an event and waits for its end.
func (p *process) invoke(ctx context.Context, payload []byte) (Result, error) {
	if r, err := p.await(ctx); r != nil || err != nil {
		return value(r), err
	}
	e := &event{id: dataset.NewID(), payload: payload, result: make(chan Result, 1)}
	began := time.Now()
	e.deadline = began.Add(p.f.Timeout)
	limit := time.NewTimer(p.f.Timeout)
	defer limit.Stop()
	offer, gone := p.events, p.gone
	for {
		select {
		case offer <- e:
			offer = nil
		case r := <-e.result:
			r.Took = time.Since(began)
			return r, nil
		case <-gone:
			gone = nil
			if offer != nil {
				return Result{Error: p.exitError(), Took: time.Since(began)}, errGone
			}
			// The answer may have come just before the end.
			e.answer(Result{Error: p.exitError()})
		case <-limit.C:
			p.end()
			return Result{Took: time.Since(began), Error: &FunctionError{
				Type: TimedOut, Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", e.id, p.f.Timeout.Seconds()),
			}}, nil
		case <-ctx.Done():
			p.end()
			return Result{}, dataset.Errorf(dataset.Unavailable, "the call was ended: %w", ctx.Err())
		}
	}
}

// await waits until the process has asked for its first event. A result says why it never will.
func (p *process) await(ctx context.Context) (*Result, error) {
	limit := time.NewTimer(time.Until(p.started.Add(p.f.Init)))
	defer limit.Stop()
	select {
	case <-p.ready:
		return nil, nil
	default:
	}
	select {
	case <-p.ready:
		return nil, nil
	case <-p.gone:
		return &Result{Error: p.exitError()}, nil
	case <-limit.C:
		p.end()
		r := &Result{Error: &FunctionError{Type: InitTimeout, Message: fmt.Sprintf("asked for no event within %s", p.f.Init)}}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.failed != nil {
			r.Error = p.failed
		}
		return r, nil
	case <-ctx.Done():
		p.end()
		return nil, dataset.Errorf(dataset.Unavailable, "the call was ended: %w", ctx.Err())
	}
}

func value(r *Result) Result {
	if r == nil {
		return Result{}
	}
	return *r
}

// exitError is the error of a process that ended: what it said when it could not start, or that it ended.
func (p *process) exitError() *FunctionError {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	text := "Error: Runtime exited without providing a reason"
	if p.exit != nil {
		text = "Error: Runtime exited with error: " + p.exit.Error()
	}
	return &FunctionError{Type: Exited, Message: text}
}

// answer ends the event unless it has ended: the first answer counts.
func (e *event) answer(r Result) bool {
	if !e.ended.CompareAndSwap(false, true) {
		return false
	}
	e.result <- r
	return true
}
