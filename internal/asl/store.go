package asl

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"time"

	"compileo/internal/dataset"
)

// How a call of a port is repeated: the first wait, which doubles, and the longest.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 10 * time.Second
	quietWait = time.Second // from here on the log tells of each repetition
)

// callerTries is how often a call is made on behalf of a caller, who can repeat it: up to about a second.
// On behalf of an execution it is made until it succeeds or the engine stops.
const callerTries = 7

// again calls f until it succeeds, fails with what repeating would not change, was called tries times (0: no
// limit), or ctx is done. Conflict is repeated, as f reads anew what it writes on a condition.
func (e *Engine) again(ctx context.Context, tries int, f func() error) error {
	wait := firstWait
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return dataset.Errorf(dataset.Unavailable, "the call was ended: %w", context.Cause(ctx))
		}
		err := f()
		if err == nil || n == tries || dataset.Is(err, dataset.Invalid) || dataset.Is(err, dataset.NotFound) {
			return err
		}
		if wait >= quietWait {
			e.c.Log.Warn("a call fails and is repeated", "tries", n, "wait", wait, "err", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
		wait = min(2*wait, lastWait)
	}
}

// locks keep calls in this process from changing the same execution at once, so that a burst of answers
// does not fail on each other's conditions. They are channels, because waiting for them ends with a context.
type locks [64]chan struct{}

func newLocks() *locks {
	var l locks
	for i := range l {
		l[i] = make(chan struct{}, 1)
	}
	return &l
}

// lock waits for the lock of the name and returns what unlocks it.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	c := l[h.Sum32()%uint32(len(l))]
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, dataset.Errorf(dataset.Unavailable, "the call was ended: %w", context.Cause(ctx))
	}
}

// inputs keeps the input of an execution's present state, so that it is not read at every transition.
type inputs struct {
	entered int
	input   json.RawMessage
	items   []json.RawMessage // of its list, once asked for
}

// update reads an execution, lets change it, stores it if it changed, and returns it as stored. change may be
// called several times, each time with the execution read anew. r.input is there only if in is given.
func (e *Engine) update(ctx context.Context, name string, tries int, in *inputs, change func(*run)) (*run, error) {
	var r *run
	err := e.again(ctx, tries, func() error {
		unlock, err := e.locks.lock(ctx, name)
		if err != nil {
			return err
		}
		defer unlock()
		if r, err = e.load(ctx, name, in); err != nil {
			return err
		}
		if change(r); !r.changed {
			return nil
		}
		if err := e.c.Table.Write(ctx, r.writes()...); err != nil {
			return err
		}
		if in != nil && r.fresh {
			*in = inputs{entered: r.Entered, input: r.input}
		}
		return nil
	})
	return r, err
}

// load reads an execution. NotFound when it was never started.
func (e *Engine) load(ctx context.Context, name string, in *inputs) (*run, error) {
	row, err := e.c.Table.Get(ctx, executionPK(name), executionSK)
	switch {
	case dataset.Is(err, dataset.NotFound):
		return nil, dataset.Errorf(dataset.NotFound, "execution %s was never started", name)
	case err != nil:
		return nil, err
	}
	r := &run{version: row.Version}
	if err := decode(row, &r.execution); err != nil {
		return nil, err
	}
	if in == nil || r.over() || r.State == "" {
		return r, nil
	}
	if in.entered != r.Entered {
		if row, err = e.c.Table.Get(ctx, executionPK(name), inputSK); err != nil && !dataset.Is(err, dataset.NotFound) {
			return nil, err
		}
		var s stateInput
		if err == nil {
			err = decode(row, &s)
		}
		switch {
		case dataset.Is(err, dataset.Invalid):
			return nil, err
		case err != nil || s.Entered != r.Entered:
			return nil, dataset.Errorf(dataset.Conflict, "execution %s went on while it was read", name)
		}
		*in = inputs{entered: s.Entered, input: s.Input}
	}
	r.input = in.input
	return r, nil
}

// decode reads a row of ours. Damaged data is Invalid here, as reading it again changes nothing.
func decode(row dataset.Record, v any) error {
	if err := json.Unmarshal(row.Data, v); err != nil {
		return &dataset.Error{Kind: dataset.Invalid, Detail: "the row " + row.PK + " " + row.SK + " is damaged", Err: err}
	}
	return nil
}

// refused reports whether a condition of a write did not hold.
func refused(err error) bool {
	_, ok := errors.AsType[*dataset.Refused](err)
	return ok
}
