package asl

import (
	"crypto/subtle"
	"encoding/json"
	"time"

	"compileo/internal/dataset"
)

// Limits of AWS on an execution.
const (
	maxData   = dataset.MaxOutput // bytes of an input or output
	maxEvents = 25_000            // in the history
)

// The table's partitions, beside each its sort keys.
//
//	SYS#executions          <started>#<name>      executions not over, or whose end was not yet told
//	SYS#execution#<name>    execution; input      where it stands; the input of its present state
const (
	listPK      = "SYS#executions"
	executionSK = "execution"
	inputSK     = "input"
)

func executionPK(name string) string { return "SYS#execution#" + name }

// listSK sorts executions by when they were started.
func listSK(started time.Time, name string) string {
	return started.UTC().Format("20060102T150405.000000000Z") + "#" + name
}

// execution is the row that says where an execution stands. Only tasks under way are in it: iterations
// below Next that are not among them are done. So it stays small however long the Map's list is.
type execution struct {
	Name     string                  `json:"name"`
	Input    json.RawMessage         `json:"input"`
	Status   dataset.ExecutionStatus `json:"status"`
	Error    string                  `json:"error,omitempty"` // name, when failed
	Cause    string                  `json:"cause,omitempty"`
	Started  time.Time               `json:"started"`
	Deadline time.Time               `json:"deadline"` // then it is timed out
	Ended    time.Time               `json:"ended,omitzero"`
	State    string                  `json:"state,omitempty"` // empty: none entered yet
	Entered  int                     `json:"entered"`         // states entered so far
	Items    int                     `json:"items,omitempty"` // Map: length of the list
	Next     int                     `json:"next,omitempty"`  // Map: iteration to begin next
	Tasks    []attempt               `json:"tasks,omitempty"` // under way
	Events   int                     `json:"events"`          // as AWS would count its history
}

// attempt is a task under way: that of the present state, or of one iteration of its Map.
type attempt struct {
	Index    int       `json:"index"` // iteration, from 0
	Retries  int       `json:"retries,omitempty"`
	Used     []int     `json:"used,omitempty"`     // retries by each retrier
	Token    string    `json:"token,omitempty"`    // under which it waits for an answer
	Sent     bool      `json:"sent,omitempty"`     // its message surely went out
	Answered bool      `json:"answered,omitempty"` // and has no token any more
	Deadline time.Time `json:"deadline,omitzero"`  // then it fails with States.Timeout
	Again    time.Time `json:"again,omitzero"`     // it failed, and is tried again then
}

// stateInput is the row with the input of the present state, apart because it may be large.
type stateInput struct {
	Entered int             `json:"entered"` // of the execution; with any other it is not its input any more
	Input   json.RawMessage `json:"input"`
}

// run is an execution being changed.
type run struct {
	execution
	version int64           // of the row
	input   json.RawMessage // of the present state; only where it was asked for
	fresh   bool            // the input is new
	changed bool
	trace   []string // states entered since it was read
}

// over reports whether the execution has ended.
func (r *run) over() bool { return r.Status != dataset.ExecutionRunning }

// end ends the execution.
func (r *run) end(status dataset.ExecutionStatus, f failure, now time.Time) {
	r.Status, r.Error, r.Cause, r.Ended = status, f.name, f.cause, now
	r.Items, r.Next, r.Tasks = 0, 0, nil
	r.fresh, r.changed = false, true
}

// key names one attempt of one task of an execution.
type key struct {
	entered, index, retries int
}

// result is what became of an attempt.
type result struct {
	key
	sent   bool // its message went out; it is not over
	output json.RawMessage
	failed *failure // nil: it succeeded
}

// find returns where in r.Tasks the attempt is that k names, -1 if it is not under way any more.
func (r *run) find(k key) int {
	if k.entered == r.Entered {
		for i, a := range r.Tasks {
			if a.Index == k.index && a.Retries == k.retries && a.Again.IsZero() {
				return i
			}
		}
	}
	return -1
}

// writes returns what must be written to store the run, on the condition that it was not changed meanwhile.
func (r *run) writes() []dataset.Write {
	pk := executionPK(r.Name)
	all := []dataset.Write{{Record: dataset.Record{PK: pk, SK: executionSK, Data: encode(r.execution)}, If: r.version}}
	input := dataset.Record{PK: pk, SK: inputSK}
	switch {
	case r.over():
		all = append(all, dataset.Write{Record: input, If: dataset.Any, Delete: true})
	case r.fresh:
		input.Data = encode(stateInput{r.Entered, r.input})
		all = append(all, dataset.Write{Record: input, If: dataset.Any})
	}
	return all
}

// answer notes that the task which waits under token was answered; false if there is none. The engine goes
// on from there, so that answering is short.
func (r *run) answer(token string, now time.Time) bool {
	if !now.Before(r.Deadline) {
		return false
	}
	for i := range r.Tasks {
		a := &r.Tasks[i]
		if subtle.ConstantTimeCompare([]byte(a.Token), []byte(token)) == 1 && now.Before(a.Deadline) {
			a.Token, a.Answered, r.changed = "", true, true
			return true
		}
	}
	return false
}
