// Package lambdahost runs the binaries of Lambda functions as Lambda does, without Lambda and without containers: it
// starts the very same bootstrap, speaks the Runtime API of version 2018-06-01 with it, gives each process one
// event at a time and more events at once to more processes, ends a process whose event takes too long, and
// replaces one that ended. What it cannot show: permissions, memory limits, freezing, real cold starts.
//
// Failure model: the process is not trusted to be alive, to answer, or to end. Whatever it does, Invoke comes back
// within the function's time and a little, and Close leaves no process behind.
package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// MaxPayload is how many bytes an event, and an answer, has at most; Lambda's limit.
const MaxPayload = 6 << 20

// Function says what to run.
type Function struct {
	Name    string        // as the function sees it
	Path    string        // of the binary
	Env     []string      // the whole environment, "NAME=value"; what Lambda itself sets is added
	Init    time.Duration // until a process must ask for its first event; 0: 10 s, as on Lambda
	Timeout time.Duration // of one event; 0: 3 s, as on Lambda
	AtOnce  int           // processes at most; 0: 1. More events wait
	Output  io.Writer     // what the processes print; nil: nothing is kept. Written by several of them, a line or more at a time
}

// Result is how one event ended.
type Result struct {
	Payload []byte         // the answer; nil when there is an Error
	Error   *FunctionError // the function failed
	Cold    bool           // a process was started for it
	Init    time.Duration  // from the start of that process until it asked for its first event
	Took    time.Duration  // from giving the event until it ended
}

// FunctionError is a failed event, as Lambda describes it to whoever invoked the function.
type FunctionError struct {
	Type    string          `json:"errorType"`
	Message string          `json:"errorMessage"`
	Stack   json.RawMessage `json:"stackTrace,omitempty"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// The types of error that are the host's and not the function's.
const (
	TimedOut    = "Sandbox.Timedout"              // the event took longer than Timeout
	Exited      = "Runtime.ExitError"             // the process ended without an answer
	TooLarge    = "Function.ResponseSizeTooLarge" // the answer is over MaxPayload
	InitTimeout = "Init.Timedout"                 // the process asked for no event
)

// Host runs one function. Its methods are safe for concurrent use.
type Host struct {
	f     Function
	slots chan struct{} // one for each process that may be busy

	mu     sync.Mutex
	idle   []*process // the one used last is at the end
	all    map[*process]bool
	closed bool
}

// New makes a host; nothing is started before the first event.
func New(f Function) (*Host, error) {
	path, err := filepath.Abs(f.Path)
	if err != nil {
		return nil, fmt.Errorf("find the function %s: %w", f.Name, err)
	}
	f.Path = path
	if f.Init <= 0 {
		f.Init = 10 * time.Second
	}
	if f.Timeout <= 0 {
		f.Timeout = 3 * time.Second
	}
	if f.Output == nil {
		f.Output = io.Discard
	}
	f.Output = &lockedWriter{to: f.Output}
	return &Host{f: f, slots: make(chan struct{}, max(f.AtOnce, 1)), all: map[*process]bool{}}, nil
}

// Invoke gives the function one event and returns how it ended. The error says why there is no result: the event is
// too large (Invalid), the host is closed (Conflict), the binary cannot be started (Internal), or ctx ended first
// (Unavailable), which ends the process.
func (h *Host) Invoke(ctx context.Context, event []byte) (Result, error) {
	if len(event) > MaxPayload {
		return Result{}, dataset.Errorf(dataset.Invalid, "an event of %d bytes, want at most %d", len(event), MaxPayload)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return Result{}, dataset.Errorf(dataset.Unavailable, "no process was free: %w", ctx.Err())
	}
	for {
		p, cold, err := h.take()
		if err != nil {
			return Result{}, err
		}
		r, err := p.invoke(ctx, event)
		if errors.Is(err, errGone) {
			if !cold {
				continue // it ended while it was idle
			}
			err = nil
		}
		r.Cold = cold
		if cold {
			r.Init = p.initTook()
		}
		h.give(p)
		return r, err
	}
}

// take returns an idle process or starts one.
func (h *Host) take() (p *process, cold bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false, dataset.Errorf(dataset.Conflict, "the host of %s is closed", h.f.Name)
	}
	for len(h.idle) > 0 {
		p = h.idle[len(h.idle)-1]
		h.idle = h.idle[:len(h.idle)-1]
		if p.alive() {
			return p, false, nil
		}
		delete(h.all, p)
	}
	p, err = startProcess(&h.f)
	if err != nil {
		return nil, false, &dataset.Error{Kind: dataset.Internal, Detail: "start the function " + h.f.Name, Err: err}
	}
	h.all[p] = true
	return p, true, nil
}

// give takes a process back. One that is ending is found out when it is taken again.
func (h *Host) give(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.alive() && !h.closed {
		h.idle = append(h.idle, p)
		return
	}
	p.end()
	delete(h.all, p)
}

// Processes returns how many processes live.
func (h *Host) Processes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for p := range h.all {
		if p.alive() {
			n++
		}
	}
	return n
}

// Close ends all processes and returns when they are gone. Events under way end as Exited, later ones are refused.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed, h.idle = true, nil
	all := h.all
	h.all = map[*process]bool{}
	h.mu.Unlock()
	for p := range all {
		p.end()
	}
	for p := range all {
		<-p.gone
	}
}

// lockedWriter lets several processes print to one writer.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
