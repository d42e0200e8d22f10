package asl

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Function is what a ${...Function} substitution stands for: a step of the workflow. It may be called again
// with the same input, as after a restart. Its ctx ends when the engine stops, when the execution is over, or
// when its task is not wanted any more.
type Function func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)

// Config is what an engine works with.
type Config struct {
	Machine   *Machine
	Table     dataset.Table
	Queue     dataset.Queue
	Functions map[string]Function // by substitution: all that the machine has, and no other
	Queues    map[string]string   // substitution → name of the queue: all that the machine has, and no other

	// ErrorName returns the States Language name of a function's error, such as "Permanent".
	ErrorName func(error) string

	// OnEnd is told of executions that ended failed, timed out or aborted: at least once each, also after a
	// restart. It is told again, with growing waits, until it returns nil. May be nil.
	OnEnd func(ctx context.Context, name string, status dataset.ExecutionStatus) error

	// Executions is how many executions are worked on at a time; the others wait in the order of their start.
	// 0 means DefaultExecutions.
	Executions int

	Log *slog.Logger // nil: nothing is logged
}

// DefaultExecutions is how many executions are worked on at a time if nothing else is said.
const DefaultExecutions = 16

// Engine runs executions of one machine. It implements dataset.Workflow. Its methods may be called at any
// time; work is done while Run runs, and what was asked for before that is stored.
type Engine struct {
	c     Config
	locks *locks
	slots *line

	mu      sync.Mutex
	running bool               // Run is
	drivers map[string]*driver // at work, or waiting for a slot
	started []string           // for Run to take over
	start   chan struct{}      // signals that started is not empty
}

var _ dataset.Workflow = (*Engine)(nil)

// New returns an engine. Only one may work over a table at a time; after it was abandoned, the next goes on.
// Invalid: the functions or queues are not those of the machine, or something is missing.
func New(c Config) (*Engine, error) {
	if c.Machine == nil || c.Table == nil || c.Queue == nil || c.ErrorName == nil || c.Executions < 0 {
		return nil, dataset.Errorf(dataset.Invalid, "an engine needs a machine, a table, a queue, error names and no negative limit")
	}
	for _, name := range c.Machine.Functions() {
		if c.Functions[name] == nil {
			return nil, dataset.Errorf(dataset.Invalid, "the workflow's function %s is missing", name)
		}
	}
	for _, name := range c.Machine.Queues() {
		if c.Queues[name] == "" {
			return nil, dataset.Errorf(dataset.Invalid, "the workflow's queue %s is missing", name)
		}
	}
	for name := range c.Functions {
		if !slices.Contains(c.Machine.Functions(), name) {
			return nil, dataset.Errorf(dataset.Invalid, "the workflow has no function %s", name)
		}
	}
	for name := range c.Queues {
		if !slices.Contains(c.Machine.Queues(), name) {
			return nil, dataset.Errorf(dataset.Invalid, "the workflow has no queue %s", name)
		}
	}
	if c.Executions == 0 {
		c.Executions = DefaultExecutions
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		c: c, locks: newLocks(), slots: &line{free: c.Executions},
		drivers: map[string]*driver{}, start: make(chan struct{}, 1),
	}, nil
}

// Start begins the execution with the input {"job": name}. When the name was started before, that is success.
// Invalid: the name is not 1 to 80 of [A-Za-z0-9_-].
func (e *Engine) Start(ctx context.Context, name string) error {
	if err := dataset.CheckExecution(name); err != nil {
		return err
	}
	now := time.Now().UTC()
	r := &run{execution: execution{
		Name: name, Input: json.RawMessage(fmt.Sprintf(`{"job":%q}`, name)), Status: dataset.ExecutionRunning,
		Started: now, Deadline: now.Add(e.c.Machine.timeout),
	}, version: dataset.Absent}
	writes := append(r.writes(), dataset.Write{
		Record: dataset.Record{PK: listPK, SK: listSK(now, name), Data: []byte("{}")}, If: dataset.Any,
	})
	err := e.again(ctx, callerTries, func() error {
		err := e.c.Table.Write(ctx, writes...)
		if !refused(err) {
			return err
		}
		if r, err = e.load(ctx, name, nil); err == nil && r.over() {
			r = nil
		}
		return err
	})
	if r != nil { // also after an error: it may have been stored, and nobody may ever ask again
		e.offer(name)
	}
	return err
}

// Stop aborts the execution. One that is over or was never started is success.
func (e *Engine) Stop(ctx context.Context, name, cause string) error {
	if dataset.CheckExecution(name) != nil {
		return nil
	}
	_, err := e.update(ctx, name, callerTries, nil, func(r *run) {
		if !r.over() {
			r.end(dataset.ExecutionAborted, newFailure("", cause), time.Now().UTC())
		}
	})
	if dataset.Is(err, dataset.NotFound) {
		return nil
	}
	e.poke(name, err == nil) // after an error the driver looks for itself
	return err
}

// Status returns where the execution stands. One that waits for a slot is running. NotFound when it was
// never started.
func (e *Engine) Status(ctx context.Context, name string) (dataset.ExecutionStatus, error) {
	if dataset.CheckExecution(name) != nil {
		return "", dataset.Errorf(dataset.NotFound, "execution %q was never started", clip(name, 100))
	}
	var r *run
	err := e.again(ctx, callerTries, func() (err error) {
		r, err = e.load(ctx, name, nil)
		return err
	})
	if err != nil {
		return "", err
	}
	return r.Status, nil
}

// Answer completes the task that waits under token; what output says is not kept, as no state wants it.
// NotFound: nobody waits under this token (any more). Invalid: the output is not JSON or has more than
// 262,144 bytes.
func (e *Engine) Answer(ctx context.Context, token string, output []byte) error {
	if err := dataset.CheckAnswer(output); err != nil {
		return err
	}
	name, ok := tokenName(token)
	tried, answered := false, false
	if ok {
		_, err := e.update(ctx, name, callerTries, nil, func(r *run) {
			// An earlier try may have taken effect though it failed. Then the token is gone by our own hand.
			answered = r.answer(token, time.Now()) || tried
			tried = true
		})
		e.poke(name, false) // also after an error: the answer may have been stored
		if err != nil && !dataset.Is(err, dataset.NotFound) {
			return err
		}
	}
	if !answered {
		return dataset.Errorf(dataset.NotFound, "nobody waits under this token")
	}
	return nil
}
