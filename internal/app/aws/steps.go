package aws

import (
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"compileo/internal/dataset"
	"compileo/internal/document"
	"compileo/internal/pipeline"
)

// The steps of infra/workflow.asl.json. Each may be repeated.

// Prepare lists the batches of documents to parse: pipeline.JobInput → pipeline.Prepared.
func (a *App) Prepare() lambda.Handler { return handle(a, "prepare", a.engine.Prepare) }

// Ingest parses one batch: pipeline.BatchInput → {}. The readers of heavy formats are given to it, so that no other
// function links them.
func (a *App) Ingest(readers document.Readers) lambda.Handler {
	a.engine.Readers = readers
	return handle(a, "ingest", nothing(a.engine.Ingest))
}

// Plan deals the work out to lanes: pipeline.JobInput → pipeline.Planned.
func (a *App) Plan() lambda.Handler { return handle(a, "plan", a.engine.Plan) }

// Curate decides what is kept: pipeline.JobInput → pipeline.Curated.
func (a *App) Curate() lambda.Handler { return handle(a, "curate", a.engine.Curate) }

// Assemble writes one part: pipeline.PartInput → {}.
func (a *App) Assemble() lambda.Handler { return handle(a, "assemble", nothing(a.engine.Assemble)) }

// Publish completes the job: pipeline.JobInput → {}.
func (a *App) Publish() lambda.Handler { return handle(a, "publish", nothing(a.engine.Publish)) }

// Settle ends a job whose workflow failed. It takes the workflow's own pipeline.SettleInput and EventBridge's
// "Step Functions Execution Status Change", where the execution's name is the job.
func (a *App) Settle() lambda.Handler {
	return handle(a, "settle", nothing(func(ctx context.Context, e settleEvent) error {
		in, over, err := e.input()
		if err != nil || !over {
			return err
		}
		return a.engine.Settle(ctx, in)
	}))
}

// statusChange is the detail-type of what EventBridge says of executions.
const statusChange = "Step Functions Execution Status Change"

// settleEvent is either event that Settle takes.
type settleEvent struct {
	pipeline.SettleInput
	DetailType string `json:"detail-type"`
	Detail     struct {
		Name   string `json:"name"` // of the execution: the job
		Status string `json:"status"`
		Error  string `json:"error"` // these two only of executions that failed
		Cause  string `json:"cause"`
	} `json:"detail"`
}

// input is what Settle is asked; not over: the execution goes on, and so does the job.
func (e *settleEvent) input() (in pipeline.SettleInput, over bool, err error) {
	d := &e.Detail
	switch {
	case e.DetailType == "":
		return e.SettleInput, true, nil
	case e.DetailType != statusChange:
		return in, false, dataset.Errorf(dataset.Invalid, "detail-type is %q, want %q", e.DetailType, statusChange)
	}
	switch d.Status {
	case "RUNNING", "PENDING_REDRIVE":
		return in, false, nil
	case "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED":
		failure := pipeline.Failure{Error: "the workflow " + strings.ToLower(d.Status), Cause: d.Cause}
		if d.Error != "" {
			failure.Error += ": " + d.Error
		}
		return pipeline.SettleInput{Job: d.Name, Failure: failure}, true, nil
	}
	return in, false, dataset.Errorf(dataset.Invalid, "detail.status is %q, want that of an execution", d.Status)
}

// nothing gives a verb without a result an empty one.
func nothing[In any](do func(context.Context, In) error) func(context.Context, In) (struct{}, error) {
	return func(ctx context.Context, in In) (struct{}, error) { return struct{}{}, do(ctx, in) }
}
