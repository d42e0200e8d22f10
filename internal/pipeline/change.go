package pipeline

import (
	"context"
	"time"

	"compileo/internal/dataset"
)

// change alters a job's record as dataset.Update does. Where its status changes, the list of the tenant's jobs and the
// counts follow in the same transaction, and with them what also returns, unless it is nil.
func (e *Engine) change(ctx context.Context, ref dataset.JobRef, alter func(*dataset.Job) (bool, error), also func(*dataset.Job) ([]dataset.Write, error)) (*dataset.Job, error) {
	var j *dataset.Job
	err := dataset.Transact(ctx, e.Table, func() ([]dataset.Write, error) {
		var version int64
		var err error
		if j, version, err = e.job(ctx, ref.String()); err != nil {
			return nil, err
		}
		was := j.Status
		if changed, err := alter(j); err != nil || !changed {
			return nil, err
		}
		j.Updated = time.Now().UTC()
		writes, err := e.jobWrites(ctx, was, j, version)
		if err != nil || also == nil {
			return writes, err
		}
		more, err := also(j)
		return append(writes, more...), err
	})
	if err != nil {
		return nil, err
	}
	return j, nil
}

// jobWrites are the writes that store a job that had the status was; "" when it is new and version Absent.
func (e *Engine) jobWrites(ctx context.Context, was dataset.JobStatus, j *dataset.Job, version int64) ([]dataset.Write, error) {
	w, err := dataset.NewRecord(dataset.JobPK(j.Ref), dataset.JobSK, j, version)
	if err != nil || was == j.Status {
		return []dataset.Write{w}, err
	}
	row := dataset.JobRow{Ref: j.Ref, Project: j.Project, Kind: j.Kind, Status: j.Status}
	// The condition on the job is one on its row, too.
	listed, err := dataset.NewRecord(dataset.JobsPK(j.Ref.Tenant), dataset.JobsSK(j.Created, j.Ref), row, dataset.Any)
	if err != nil {
		return nil, err
	}
	counted, err := e.count(ctx, j.Ref, was, j.Status)
	return []dataset.Write{w, listed, counted}, err
}

// count is the write that takes a job from the number of those of one status to that of another.
func (e *Engine) count(ctx context.Context, ref dataset.JobRef, from, to dataset.JobStatus) (dataset.Write, error) {
	pk, sk := dataset.JobCountsPK(ref.Tenant), dataset.JobCountsSK(ref)
	counts, version, err := dataset.Load[dataset.JobCounts](ctx, e.Table, pk, sk)
	if dataset.Is(err, dataset.NotFound) {
		counts, version, err = &dataset.JobCounts{}, dataset.Absent, nil
	}
	if err != nil {
		return dataset.Write{}, err
	}
	if from != "" {
		(*counts)[from]--
	}
	(*counts)[to]++
	return dataset.NewRecord(pk, sk, counts, version)
}
