// Package asl runs the workflow of a job on one machine: it interprets the States Language file that is
// deployed on AWS (infra/workflow.asl.json), exactly the fields which that file uses, and refuses all others
// at load. So there is no second description of the order of the steps.
//
// Where an execution stands is stored in the table at every transition, on the condition that nobody else
// changed it meanwhile. A process may be killed at any point: the next engine over the same table goes on. A
// function that was under way runs again; a task that waits for an answer keeps waiting under its token, and
// its message is sent again only if it may not have been sent. Everything is thus done at least once.
//
// Limits and errors are those of AWS: 262,144 bytes of input or output, 25,000 events of history, retriers
// counted each by itself, States.ALL not matching States.Runtime and States.DataLimitExceeded. Time is only
// waited for with timers, so that engines run in virtual time too.
package asl

import (
	"maps"
	"slices"
	"time"
)

// The kinds of state.
const (
	taskState   = "Task"
	mapState    = "Map"
	choiceState = "Choice"
	failState   = "Fail"
)

// Machine is a loaded definition. It does not change and may be shared.
type Machine struct {
	first   string        // state
	timeout time.Duration // of an execution
	states  map[string]*state
}

// state is one state. Which fields count depends on its kind.
type state struct {
	name string
	kind string
	next string // empty: the execution ends here

	task  task // of a Task; of every iteration of a Map
	drop  bool // the output is the input (ResultPath null)
	catch []catcher

	items string // Map: field of the input that holds the list
	limit int    // Map: iterations at a time

	choices   []choice
	otherwise string // Choice: where to go when none applies

	errorField string // Fail: field of the input that holds the error's name
}

// task is a call of a function, or a message whose receiver answers its token.
type task struct {
	function string        // name of the substitution; empty: a message
	queue    string        // name of the substitution; empty: a function
	payload  template      // the function's input, or the message's body
	group    template      // the message's group; a path to a text, or nothing
	timeout  time.Duration // from the start of each attempt; 0: none
	retry    []retrier
}

// choice goes to next when a field of the input is a certain string.
type choice struct {
	field, equals, next string
}

// Functions returns the names of the substitutions that stand for functions, sorted.
func (m *Machine) Functions() []string {
	return m.substitutions(func(t task) string { return t.function })
}

// Queues returns the names of the substitutions that stand for queues, sorted.
func (m *Machine) Queues() []string {
	return m.substitutions(func(t task) string { return t.queue })
}

func (m *Machine) substitutions(of func(task) string) []string {
	names := map[string]bool{}
	for _, s := range m.states {
		if name := of(s.task); name != "" {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// targets returns the states that s may go to.
func (s *state) targets() []string {
	var names []string
	for _, c := range s.choices {
		names = append(names, c.next)
	}
	for _, c := range s.catch {
		names = append(names, c.next)
	}
	for _, name := range []string{s.next, s.otherwise} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
