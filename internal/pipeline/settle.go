package pipeline

import (
	"context"
	"encoding/json"
	"time"

	"compileo/internal/dataset"
)

// Failure is how the workflow describes a failed step. Cause is not always there.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// SettleInput is the input of Settle: from the workflow, after a step failed, or from the rule on an execution's end.
type SettleInput struct {
	Job     string  `json:"job"`
	Failure Failure `json:"failure"`
}

// Settle ends a job that failed, timed out or was aborted. A job that is over stays as it is.
func (e *Engine) Settle(ctx context.Context, in SettleInput) error {
	ref, err := dataset.ParseJobRef(in.Job)
	if err != nil {
		return err
	}
	why := in.Failure.Error
	if cause := causeText(in.Failure.Cause); cause != "" {
		why = cause
	}
	if why == "" {
		why = "the workflow ended without a result"
	}
	_, err = e.settle(ctx, ref, dataset.Failed, why, nil)
	return dropGone(err)
}

// causeText reads the cause of a failed Lambda, {"errorType", "errorMessage"}, or takes it as it is.
func causeText(cause string) string {
	var lambda struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(cause), &lambda) == nil && lambda.Message != "" {
		return lambda.Message
	}
	return cause
}

// settle gives a job its final status with a result, unless it has one, and takes it from the sweeper's list.
func (e *Engine) settle(ctx context.Context, ref dataset.JobRef, status dataset.JobStatus, why string, r *dataset.Result) (*dataset.Job, error) {
	j, err := e.end(ctx, ref, status, why, r)
	if err != nil || j.Status == dataset.Cancelled {
		return j, err // a cancelled job stays listed until its execution is surely stopped
	}
	return j, e.unlist(ctx, ref)
}

// end gives a job its final status, unless it has one.
func (e *Engine) end(ctx context.Context, ref dataset.JobRef, status dataset.JobStatus, why string, r *dataset.Result) (*dataset.Job, error) {
	return e.change(ctx, ref, func(j *dataset.Job) (bool, error) {
		if j.Status.Over() {
			return false, nil
		}
		j.Status, j.Error, j.Ended, j.Result = status, why, time.Now().UTC(), r
		return true, nil
	}, nil)
}
