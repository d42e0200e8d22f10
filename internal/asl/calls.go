package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"compileo/internal/dataset"
)

// errSend is the name of the error of a message that the queue refused. That a function panicked, ended its
// goroutine or gave no JSON is Internal, our own fault.
const errSend = "SendFailed"

// wakeAt returns when the next retry or timeout is due; zero if there is none.
func (r *run) wakeAt() time.Time {
	var next time.Time
	for _, a := range r.Tasks {
		at := a.Again
		if at.IsZero() {
			at = a.Deadline
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// reconcile makes the functions under way those of r: it calls what is not called, ends what is not wanted
// any more, and returns the attempts whose message may not have been sent.
func (d *driver) reconcile(ctx context.Context, r *run) (unsent []attempt) {
	wanted := map[key]bool{}
	for _, a := range r.Tasks {
		if !a.Again.IsZero() || a.Answered || a.Sent {
			continue
		}
		if a.Token != "" {
			unsent = append(unsent, a)
			continue
		}
		k := key{r.Entered, a.Index, a.Retries}
		if wanted[k] = true; d.calls[k] == nil {
			d.call(ctx, r, a, k)
		}
	}
	for k, cancel := range d.calls {
		if !wanted[k] {
			cancel()
			delete(d.calls, k)
		}
	}
	return unsent
}

// scope is what the paths of a task lead into.
func (d *driver) scope(r *run, a attempt) (*scope, *failure) {
	s := d.e.c.Machine.states[r.State]
	in := &scope{input: r.input, execution: r.Input, retries: a.Retries, token: a.Token}
	if s.kind == mapState {
		if d.in.items == nil {
			list, _ := member(r.input, s.items)
			d.in.items, _ = asList(list)
		}
		if a.Index >= len(d.in.items) {
			f := newFailure(errRuntime, fmt.Sprintf("the list has no item %d", a.Index))
			return nil, &f
		}
		in.input = d.in.items[a.Index]
	}
	return in, nil
}

// payload renders the input of a function.
func (d *driver) payload(r *run, a attempt) (json.RawMessage, *failure) {
	in, failed := d.scope(r, a)
	if failed != nil {
		return nil, failed
	}
	return d.e.c.Machine.states[r.State].task.payload.render(in)
}

// message renders what is sent to a queue.
func (d *driver) message(r *run, a attempt) (m dataset.Message, failed *failure) {
	in, failed := d.scope(r, a)
	if failed != nil {
		return m, failed
	}
	t := d.e.c.Machine.states[r.State].task
	body, failed := t.payload.render(in)
	if failed != nil {
		return m, failed
	}
	if t.group.path != nil {
		group, failed := t.group.render(in)
		if failed != nil {
			return m, failed
		}
		m.Group, _ = asText(group)
	}
	m.Body = body
	if err := dataset.CheckMessages([]dataset.Message{m}); err != nil {
		f := newFailure(errSend, detail(err))
		return m, &f
	}
	return m, nil
}

// call begins a function in a goroutine of its own, which posts the result.
func (d *driver) call(ctx context.Context, r *run, a attempt, k key) {
	ctx, cancel := context.WithCancel(ctx)
	d.calls[k] = cancel
	input, failed := d.payload(r, a)
	if failed != nil {
		d.post(result{key: k, failed: failed})
		return
	}
	t := d.e.c.Machine.states[r.State].task
	log := d.log.With("state", r.State, "iteration", a.Index, "retries", a.Retries)
	d.running.Go(func() { d.invoke(ctx, d.e.c.Functions[t.function], input, k, log) })
}

// invoke calls f and posts the result, also if f panics or ends its goroutine.
func (d *driver) invoke(ctx context.Context, f Function, input json.RawMessage, k key, log *slog.Logger) {
	begun := time.Now()
	err := errors.New("the function ended its goroutine")
	res := result{key: k, failed: functionFailure(errInternal, "the function did not return")}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if ctx.Err() != nil {
			return // nobody wants the result, and an error may only say that ctx is done
		}
		if res.failed != nil {
			log.Warn("task failed", "error", res.failed.name, "took", time.Since(begun), "err", err)
		}
		d.post(res)
	}()
	var output json.RawMessage
	output, err = f(ctx, input)
	switch {
	case err != nil:
		res.failed = functionFailure(d.e.c.ErrorName(err), detail(err))
	case output == nil:
		res = result{key: k, output: json.RawMessage("null")}
	case !json.Valid(output):
		err = errors.New("the function's output is not JSON")
		res.failed = functionFailure(errInternal, err.Error())
	default:
		res = result{key: k, output: output}
	}
}

// functionFailure has the cause that AWS gives a function's error: JSON, as text.
func functionFailure(name, message string) *failure {
	cause := encode(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{clip(message, maxCause/8), clip(name, maxErrorName)}) // so that escaping cannot make it too long
	f := newFailure(name, string(cause))
	return &f
}

// detail returns what may be shown of an error: the Detail written for callers, else nothing particular.
func detail(err error) string {
	if e, ok := errors.AsType[*dataset.Error](err); ok {
		return e.Detail
	}
	return "an internal error"
}

// send sends the messages of attempts. That they were sent is a result to be stored; dying before that
// sends them again, under the same tokens.
func (d *driver) send(ctx context.Context, r *run, unsent []attempt) error {
	queue := d.e.c.Queues[d.e.c.Machine.states[r.State].task.queue]
	var messages []dataset.Message
	var sent []result
	for _, a := range unsent {
		res := result{key: key{r.Entered, a.Index, a.Retries}, sent: true}
		m, failed := d.message(r, a)
		if failed != nil {
			d.post(result{key: res.key, failed: failed})
			continue
		}
		messages, sent = append(messages, m), append(sent, res)
	}
	if len(messages) == 0 {
		return nil
	}
	err := d.e.again(ctx, 0, func() error { return d.e.c.Queue.Send(ctx, queue, messages...) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, res := range sent {
		if err != nil {
			f := newFailure(errSend, detail(err))
			res.sent, res.failed = false, &f
		}
		d.post(res)
	}
	return nil
}

// tell calls OnEnd. A panic is an error.
func (d *driver) tell(ctx context.Context, status dataset.ExecutionStatus) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return d.e.c.OnEnd(ctx, d.name, status)
}
