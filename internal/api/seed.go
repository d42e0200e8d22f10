package api

import (
	"context"
	"strings"

	"compileo/internal/dataset"
	"compileo/internal/idempotency"
)

// newJob names the job that a request starts, derived from its Idempotency-Key: a request that is repeated starts it
// once. shared says that there is no key, so an equal request under way may answer this one.
func newJob(ctx context.Context, kind string) (ref dataset.JobRef, shared bool) {
	id := dataset.DeriveID(kind, seedOf(ctx))
	return dataset.JobRef{Tenant: tenantOf(ctx), ID: id}, !idempotency.Keyed(ctx)
}

// jobOf is the job that a path names; NotFound when nothing can have that name.
func jobOf(ctx context.Context, id string) (dataset.JobRef, error) {
	ref, err := dataset.ParseJobRef(dataset.JobRef{Tenant: tenantOf(ctx), ID: strings.ToLower(id)}.String())
	if err != nil {
		return ref, noJob(id)
	}
	return ref, nil
}

func noJob(id string) error { return dataset.Errorf(dataset.NotFound, "there is no job %.100q", id) }
