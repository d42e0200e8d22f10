package asl

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// The functions here are the transitions: they change a run in memory, wait for nothing and call nothing.
// Repeating one after the run was read again is right, as results name the attempt they belong to.

// advance takes in results and answers, lets time pass, and begins what is to be begun. That the whole
// execution is timed out is for expire.
func (m *Machine) advance(r *run, results []result, now time.Time) {
	if r.over() {
		return
	}
	if r.State == "" {
		r.Events++ // ExecutionStarted
		m.enter(r, m.first, r.Input, now)
	} else if !m.fits(r) {
		r.end(dataset.ExecutionFailed, newFailure(errRuntime, "the workflow has no state "+r.State+" any more, or another one"), now)
	}
	for _, res := range results {
		if i := r.find(res.key); i >= 0 {
			m.apply(r, i, res, now)
		}
	}
	for !r.over() && m.due(r, now) {
	}
	if !r.over() && r.Events > maxEvents {
		r.end(dataset.ExecutionFailed, newFailure(errRuntime, fmt.Sprintf("the history has more than %d events", maxEvents)), now)
	}
}

// expire ends an execution whose time is up.
func (m *Machine) expire(r *run, now time.Time) {
	if !r.over() && !now.Before(r.Deadline) {
		r.end(dataset.ExecutionTimedOut, failure{name: errTimeout}, now)
	}
}

// fits reports whether the machine, perhaps a newer one than that which wrote r, can go on with it.
func (m *Machine) fits(r *run) bool {
	s := m.states[r.State]
	if s == nil || (s.kind == mapState) != (r.Items > 0) || s.kind != mapState && s.kind != taskState {
		return false
	}
	message := s.task.queue != ""
	return !slices.ContainsFunc(r.Tasks, func(a attempt) bool {
		waits := a.Token != "" || a.Answered
		return len(a.Used) != len(s.task.retry) || a.Again.IsZero() && waits != message
	})
}

// apply does to the attempt at i what a result says.
func (m *Machine) apply(r *run, i int, res result, now time.Time) {
	r.changed = true
	switch {
	case res.sent:
		r.Tasks[i].Sent = true
	case res.failed != nil:
		m.fail(r, i, *res.failed, now)
	case len(res.output) > maxData:
		m.fail(r, i, newFailure(errDataLimit, fmt.Sprintf("the output is larger than %d bytes", maxData)), now)
	default:
		m.succeed(r, i, res.output, now)
	}
}

// due does one thing whose time has come; false if there is none.
func (m *Machine) due(r *run, now time.Time) bool {
	for i, a := range r.Tasks {
		switch {
		case a.Answered:
			m.succeed(r, i, nil, now)
		case !a.Again.IsZero():
			if now.Before(a.Again) {
				continue
			}
			m.start(r, &r.Tasks[i], a.Retries+1, now)
		case !a.Deadline.IsZero() && !now.Before(a.Deadline):
			m.fail(r, i, failure{name: errTimeout}, now)
		default:
			continue
		}
		r.changed = true
		return true
	}
	return false
}

// enter puts the run in a state, and goes on from there until a task is under way or the execution is over.
func (m *Machine) enter(r *run, name string, input json.RawMessage, now time.Time) {
	for {
		s := m.states[name]
		r.State, r.Items, r.Next, r.Tasks, r.input = name, 0, 0, nil, input
		r.Entered++
		r.Events++ // StateEntered
		r.fresh, r.changed, r.trace = true, true, append(r.trace, name)
		if len(input) > maxData {
			r.end(dataset.ExecutionFailed, newFailure(errDataLimit, "the input of "+name+" is too large"), now)
			return
		}
		if r.Events > maxEvents {
			return // advance ends it; states that wait for nothing may form a circle
		}
		switch s.kind {
		case taskState:
			m.begin(r, 0, now)
			return
		case mapState:
			if input = m.enterMap(r, s, now); r.over() || r.Items > 0 {
				return
			}
		case failState:
			m.enterFail(r, s, now)
			return
		}
		r.Events++ // StateExited
		next, ok := s.after(input)
		if !ok {
			r.end(dataset.ExecutionFailed, newFailure(errRuntime, "a path of "+name+" leads to nothing"), now)
			return
		}
		if next == "" {
			m.finish(r, input, now)
			return
		}
		name = next
	}
}

// after returns where to go when s is done; false when a Choice's path leads to nothing.
func (s *state) after(input json.RawMessage) (string, bool) {
	if s.kind != choiceState {
		return s.next, true
	}
	for _, c := range s.choices {
		v, ok := member(input, c.field)
		if !ok {
			return "", false
		}
		if text, ok := asText(v); ok && text == c.equals {
			return c.next, true
		}
	}
	return s.otherwise, true
}

// enterMap begins as many iterations as may run at a time, or returns the output if there are none to begin.
func (m *Machine) enterMap(r *run, s *state, now time.Time) json.RawMessage {
	raw, ok := member(r.input, s.items)
	items, isList := asList(raw)
	if !ok || !isList {
		r.end(dataset.ExecutionFailed, newFailure(errRuntime, "the path $."+s.items+" leads to no list"), now)
		return nil
	}
	r.Items = len(items)
	r.Events++ // MapStateStarted
	if len(items) == 0 {
		r.Events++ // MapStateSucceeded
		return s.mapOutput(r.input)
	}
	for r.Next < min(r.Items, s.limit) {
		m.iterate(r, now)
	}
	return nil
}

// mapOutput returns what a Map gives on: each iteration gives its item, as its task's output is dropped.
func (s *state) mapOutput(input json.RawMessage) json.RawMessage {
	if s.drop {
		return input
	}
	list, _ := member(input, s.items) // enterMap found it
	return list
}

func (m *Machine) enterFail(r *run, s *state, now time.Time) {
	raw, _ := member(r.input, s.errorField)
	name, ok := asText(raw)
	if !ok {
		name = errRuntime
	}
	r.end(dataset.ExecutionFailed, newFailure(name, ""), now)
}

// iterate begins the Map's next iteration.
func (m *Machine) iterate(r *run, now time.Time) {
	r.Events += 2 // MapIterationStarted, TaskStateEntered
	r.Next++
	m.begin(r, r.Next-1, now)
}

// begin adds a task to those under way.
func (m *Machine) begin(r *run, index int, now time.Time) {
	a := attempt{Index: index, Used: make([]int, len(m.states[r.State].task.retry))}
	m.start(r, &a, 0, now)
	r.Tasks = append(r.Tasks, a)
}

// start makes a an attempt that is under way from now on. Each has a new token.
func (m *Machine) start(r *run, a *attempt, retries int, now time.Time) {
	t := m.states[r.State].task
	*a = attempt{Index: a.Index, Retries: retries, Used: a.Used}
	r.Events += 2 // TaskScheduled, TaskStarted
	if t.queue != "" {
		a.Token = newToken(r.Name)
		r.Events++ // TaskSubmitted
	}
	if t.timeout > 0 {
		a.Deadline = now.Add(t.timeout)
	}
}

// A token leads to the execution by its name, and is unguessable by 128 bits of chance. Which of the few
// tasks under way it belongs to, the execution knows.
func newToken(name string) string { return name + "." + rand.Text() }

// tokenName returns the name of the execution that a token leads to.
func tokenName(token string) (string, bool) {
	const maxToken = 1_024 // characters, of AWS's tokens
	name, _, ok := strings.Cut(token, ".")
	return name, ok && len(token) <= maxToken && dataset.CheckExecution(name) == nil
}

// succeed ends the attempt at i well.
func (m *Machine) succeed(r *run, i int, output json.RawMessage, now time.Time) {
	s := m.states[r.State]
	r.Events += 2 // TaskSucceeded, TaskStateExited
	if s.kind == taskState {
		if s.drop {
			output = r.input
		}
		m.leave(r, s, output, now)
		return
	}
	r.Events++ // MapIterationSucceeded
	r.Tasks = slices.Delete(r.Tasks, i, i+1)
	if r.Next < r.Items {
		m.iterate(r, now)
	}
	if len(r.Tasks) == 0 {
		r.Events += 2 // MapStateSucceeded, MapStateExited
		m.leave(r, s, s.mapOutput(r.input), now)
	}
}

func (m *Machine) leave(r *run, s *state, output json.RawMessage, now time.Time) {
	if s.next == "" {
		m.finish(r, output, now)
		return
	}
	m.enter(r, s.next, output, now)
}

func (m *Machine) finish(r *run, output json.RawMessage, now time.Time) {
	if len(output) > maxData {
		r.end(dataset.ExecutionFailed, newFailure(errDataLimit, "the output is too large"), now)
		return
	}
	r.Events++ // ExecutionSucceeded
	r.end(dataset.ExecutionSucceeded, failure{}, now)
}

// fail ends the attempt at i badly: it is tried again, or else its state fails, in a Map with all other iterations.
func (m *Machine) fail(r *run, i int, f failure, now time.Time) {
	s := m.states[r.State]
	a := &r.Tasks[i]
	r.Events++ // TaskFailed or TaskTimedOut
	if k, wait, ok := retryAfter(s.task.retry, a.Used, f.name); ok {
		a.Used[k]++
		*a = attempt{Index: a.Index, Retries: a.Retries, Used: a.Used, Again: now.Add(wait)}
		return
	}
	r.Events++ // StateExited or ExecutionFailed
	for _, c := range s.catch {
		if matches(c.errors, f.name) {
			m.enter(r, c.next, f.output(), now)
			return
		}
	}
	r.end(dataset.ExecutionFailed, f, now)
}
