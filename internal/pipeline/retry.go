package pipeline

import (
	"context"
	"slices"
	"time"

	"compileo/internal/dataset"
)

// Retry starts a new job over the plan of one that is over and of which something failed. Replies that could be used
// are kept, so only what failed is asked and paid anew; the result goes to the same dataset. Shared is as in
// Submission. Conflict: the job is not over, nothing of it failed, or its plan has expired.
func (e *Engine) Retry(ctx context.Context, of, as dataset.JobRef, shared bool) (*dataset.Job, error) {
	if j, err := e.there(ctx, as); j != nil || err != nil {
		return j, err
	}
	old, err := e.Job(ctx, of)
	if err != nil {
		return nil, err
	}
	switch {
	case !old.Status.Over():
		return nil, dataset.Errorf(dataset.Conflict, "job %s is %s: only a job that is over can be retried", of.ID, old.Status)
	case old.Status == dataset.Completed && (old.Result == nil || old.Result.Chunks.Failed == 0):
		return nil, dataset.Errorf(dataset.Conflict, "nothing of job %s failed", of.ID)
	}
	if old.Plan.Tasks > 0 {
		if _, err := e.Blobs.Stat(ctx, dataset.JobKey(of, "plan")); dataset.Is(err, dataset.NotFound) {
			return nil, dataset.Errorf(dataset.Conflict, "the plan of job %s has expired: start a new job", of.ID)
		} else if err != nil {
			return nil, err
		}
	}
	j := &dataset.Job{
		Ref: as, Project: old.Project, Kind: old.Kind, Settings: old.Settings, Selection: old.Selection, Target: old.Target,
		RetryOf: of.ID, Retries: old.Retries + 1, Status: dataset.Pending, Created: time.Now().UTC(),
	}
	if err := e.check(j); err != nil {
		return nil, err
	}
	return e.place(ctx, j, shared)
}

// retried is the plan that the job has to carry out again; nil when it makes its own: it is no retry, or of a job that
// had come to no plan.
func (e *Engine) retried(ctx context.Context, j *dataset.Job) (*dataset.Plan, error) {
	if j.RetryOf == "" {
		return nil, nil
	}
	plan, err := dataset.ReadJSON[dataset.Plan](ctx, e.Blobs, dataset.JobKey(dataset.JobRef{Tenant: j.Ref.Tenant, ID: j.RetryOf}, "plan"))
	if dataset.Is(err, dataset.NotFound) {
		return nil, nil
	}
	return plan, err
}

// present are those of the sets whose chunks have not been deleted since.
func (e *Engine) present(ctx context.Context, sets []dataset.PlanSet) ([]dataset.PlanSet, error) {
	gone := make([]bool, len(sets))
	err := parallel(ctx, len(sets), func(ctx context.Context, i int) error {
		_, err := e.Blobs.Stat(ctx, sets[i].Key)
		gone[i] = dataset.Is(err, dataset.NotFound)
		return dropGone(err)
	})
	var left []dataset.PlanSet
	for i, s := range sets {
		if !gone[i] {
			left = append(left, s)
		}
	}
	return slices.Clip(left), err
}
