package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"compileo/internal/dataset"
)

// A client that heard no answer asks again, and must not pay twice. So the jobs under way for equal requests are
// noted under the request's hash, in the transaction that starts each of them.

const (
	equalJobs   = 50                  // of equal requests that are remembered, newest last
	requestLife = 31 * 24 * time.Hour // no execution takes longer
)

const equalWarning = "an equal request is under way: this is its job; to start another, send an Idempotency-Key or another seed"

// request finds the job under way that answers a shared request. When there is none, or the request wants a job
// of its own, it returns the write that notes j.
func (e *Engine) request(ctx context.Context, j *dataset.Job, shared bool) (*dataset.Job, []dataset.Write, error) {
	if j.Kind != dataset.GenerateJob && j.RetryOf == "" {
		return nil, nil, nil
	}
	settings, _ := json.Marshal(j.Settings) // plain data
	pk := dataset.RequestPK(j.Ref.Tenant, dataset.Hash(j.Project, string(j.Kind), j.RetryOf, j.Selection, string(settings)))
	known, version, err := dataset.Load[dataset.Request](ctx, e.Table, pk, dataset.RequestSK)
	if dataset.Is(err, dataset.NotFound) {
		known, version, err = &dataset.Request{}, dataset.Absent, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var live []string
	for _, id := range slices.Backward(known.Jobs) {
		other, err := e.Job(ctx, dataset.JobRef{Tenant: j.Ref.Tenant, ID: id})
		switch {
		case dataset.Is(err, dataset.NotFound):
			continue
		case err != nil:
			return nil, nil, err
		case other.Status.Over() || id == j.Ref.ID:
			continue
		case shared:
			other.Warnings = append(slices.Clone(other.Warnings), equalWarning)
			e.start(ctx, other)
			return other, nil, nil
		}
		if len(live) < equalJobs-1 {
			live = append(live, id)
		}
	}
	slices.Reverse(live)
	w, err := dataset.NewRecord(pk, dataset.RequestSK, dataset.Request{Jobs: append(live, j.Ref.ID)}, version)
	w.Expires = j.Created.Add(requestLife)
	return nil, []dataset.Write{w}, err
}
