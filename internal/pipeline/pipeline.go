// Package pipeline holds the verbs of the system and is the only code that orders side effects.
//
// A job runs through the steps of infra/workflow.asl.json: Prepare, Ingest, Plan, then lanes on which Generate
// and Score work as functions of a message, then Curate, Assemble, Publish, or Settle when something failed;
// Sweep looks after all of them each minute. Each verb may be repeated and may die at any line: what it writes
// is write-once or conditional, and a second run finds what the first one left. The lane protocol (Generate,
// Score, Sweep, Cancel) follows section 2 of the design; sim_test.go shows its invariants under faults.
//
// Failure model: messages arrive late, twice, or in any order; a worker dies before or after any port call;
// a call of a port may fail after it took effect; clocks of workers differ by less than a second.
package pipeline

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"compileo/internal/dataset"
	"compileo/internal/document"
	"compileo/internal/model"
)

// Engine carries out the verbs over the four ports. Its fields are set once; it is safe for concurrent use and
// keeps no state of its own but what never changes.
type Engine struct {
	Table    dataset.Table
	Blobs    dataset.Blobs
	Queue    dataset.Queue
	Workflow dataset.Workflow
	Models   *model.Registry
	Readers  document.Readers // of heavy formats, where documents are parsed
	Timing   Timing
	Log      *slog.Logger
	Gate     *semaphore.Weighted // calls of a process that holds several lanes at a time, of size GateSize; or nil

	plans lastPlan
}

// Timing holds the intervals of the lane protocol.
type Timing struct {
	Slice    time.Duration // how long a worker keeps a lane
	Lease    time.Duration // how long a lane stays with a worker that says nothing
	Beat     time.Duration // between renewals of the lease; progress is seen as often
	Margin   time.Duration // calls are ended this long before a lease that could not be renewed
	Quiet    time.Duration // the sweeper's patience with a lane; doubled with each nudge
	MaxQuiet time.Duration
	Start    time.Duration // the sweeper's patience with a job that was not started
	Stuck    time.Duration // a job whose workers make no progress for so long has failed
	Wait     time.Duration // shortest pause of a lane whose model asks to wait; doubled each time
	MaxWait  time.Duration
	Retry    time.Duration // first pause before a call is tried again; doubled each time
	Parse    time.Duration // for one document
}

// DefaultTiming is that of the deployed system.
var DefaultTiming = Timing{
	Slice: 2 * time.Minute, Lease: time.Minute, Beat: 5 * time.Second, Margin: 5 * time.Second,
	Quiet: 2 * time.Minute, MaxQuiet: 30 * time.Minute, Start: time.Minute, Stuck: 6 * time.Hour,
	Wait: 15 * time.Second, MaxWait: 5 * time.Minute, Retry: 500 * time.Millisecond, Parse: 5 * time.Minute,
}

// What happens to a unit that loses its workers without progress. Workers also die because somebody kills them, or
// turns a machine off, so a death with several calls in flight is evidence against none of them, and one death with
// a single call in flight is not enough: a chunk is given up when three workers in a row died without an answer, and
// then five in a row while it alone was asked.
const (
	aloneAfter    = 3 // deaths; then as many calls as may have been in flight are made alone, each noted before it begins
	suspectDeaths = 5 // during one noted call; then its chunk has failed
)

// GateSize is more than the calls in flight of any process. A call that is made alone takes all of the gate.
const GateSize = 1 << 20

// JobInput is the input of a step.
type JobInput struct {
	Job string `json:"job"`
}

// LaneMessage is what travels through the queues about a lane. Token and Attempt (from 0) are set by the
// workflow's own message; hints have none.
type LaneMessage struct {
	Job     string `json:"job"`
	Lane    int    `json:"lane"`
	Attempt int    `json:"attempt,omitempty"`
	Token   string `json:"token,omitempty"`
}

// job loads the job a step or message is about, with its version.
func (e *Engine) job(ctx context.Context, name string) (*dataset.Job, int64, error) {
	ref, err := dataset.ParseJobRef(name)
	if err != nil {
		return nil, 0, err
	}
	return dataset.Load[dataset.Job](ctx, e.Table, dataset.JobPK(ref), dataset.JobSK)
}

// Job returns the record of a job; NotFound.
func (e *Engine) Job(ctx context.Context, ref dataset.JobRef) (*dataset.Job, error) {
	j, _, err := e.job(ctx, ref.String())
	return j, err
}

// enter loads the job for a step, or refuses when the job is over: then there is nothing more to do for it.
func (e *Engine) enter(ctx context.Context, name, step string) (*dataset.Job, error) {
	ref, err := dataset.ParseJobRef(name)
	if err != nil {
		return nil, err
	}
	return e.change(ctx, ref, func(j *dataset.Job) (bool, error) {
		if j.Status.Over() {
			return false, dataset.Errorf(dataset.Conflict, "job %s is %s", j.Ref.ID, j.Status)
		}
		if j.Status == dataset.Pending {
			j.Status, j.Started = dataset.Running, time.Now().UTC()
		}
		changed := j.Step != step
		j.Step, j.Stepped = step, time.Now().UTC()
		return changed, nil
	}, nil)
}

// sendLane sends one hint about a lane.
func (e *Engine) sendLane(ctx context.Context, queue string, ref dataset.JobRef, lane int, delay time.Duration) error {
	body, _ := json.Marshal(LaneMessage{Job: ref.String(), Lane: lane}) // plain data
	return e.Queue.Send(ctx, queue, dataset.Message{Body: body, Group: string(ref.Tenant), Delay: delay})
}

// ErrorName is the name under which the workflow sees the error of a step: "Permanent" is never retried.
func ErrorName(err error) string {
	switch dataset.KindOf(err) {
	case dataset.Invalid, dataset.NotFound, dataset.Conflict, dataset.Stale:
		return "Permanent"
	case dataset.Throttled:
		return "Throttled"
	case dataset.Unavailable:
		return "Unavailable"
	}
	return "Internal"
}
