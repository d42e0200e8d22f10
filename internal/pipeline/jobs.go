package pipeline

import (
	"context"
	"slices"

	"compileo/internal/dataset"
)

// JobsQuery asks for one page of a tenant's jobs, newest first. Page counts from 1; a Cursor, of the page before,
// leads beyond what pages reach.
type JobsQuery struct {
	Status  []dataset.JobStatus // any of these; none: all
	Kind    dataset.JobKind     // "": all
	Project string              // "": all
	Page    int
	PerPage int
	Cursor  string
}

// JobsPage is a page of jobs.
type JobsPage struct {
	Jobs    []*Progress
	Total   int    // that the query finds on all pages
	AtLeast bool   // there may be more: Total is a minimum
	Cursor  string // of the next page; "": there is none. A page may be short and have one
}

// MaxListed is how many rows of a list one query looks at; where it ends, a cursor goes on.
const MaxListed = 10_000

func (q *JobsQuery) finds(r *dataset.JobRow) bool {
	return (len(q.Status) == 0 || slices.Contains(q.Status, r.Status)) && (q.Kind == "" || q.Kind == r.Kind) && (q.Project == "" || q.Project == r.Project)
}

// Jobs lists a tenant's jobs.
func (e *Engine) Jobs(ctx context.Context, t dataset.Tenant, q JobsQuery) (*JobsPage, error) {
	page := &JobsPage{}
	skip := 0
	if q.Cursor == "" {
		if skip = max(q.Page-1, 0) * q.PerPage; skip+q.PerPage > MaxListed {
			return nil, dataset.InvalidField("page", "leads beyond %d jobs: go on by cursor", MaxListed)
		}
	}
	var refs []dataset.JobRef
	more := false
	cursor, err := e.eachJob(ctx, t, q.Cursor, func(cursor string, r *dataset.JobRow) bool {
		if !q.finds(r) {
			return true
		}
		page.Total++
		switch {
		case skip > 0:
			skip--
		case len(refs) < q.PerPage:
			refs = append(refs, r.Ref)
			page.Cursor = cursor
		default:
			more = true
			return q.Cursor == "" // go on to count
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if !more {
		page.Cursor = cursor
	}
	page.AtLeast = cursor != ""
	if err := e.total(ctx, t, &q, page); err != nil {
		return nil, err
	}
	page.Jobs = make([]*Progress, len(refs))
	return page, parallel(ctx, len(refs), func(ctx context.Context, i int) (err error) {
		page.Jobs[i], err = e.Progress(ctx, refs[i])
		return err
	})
}

// total counts the jobs on all pages: where nothing is left out, from the counts, exactly; after a cursor from the
// start of the list, and else it is known.
func (e *Engine) total(ctx context.Context, t dataset.Tenant, q *JobsQuery, page *JobsPage) error {
	if len(q.Status) == 0 && q.Kind == "" && q.Project == "" {
		counts, err := e.JobCounts(ctx, t)
		page.Total, page.AtLeast = counts.Total(), false
		return err
	}
	if q.Cursor == "" {
		return nil
	}
	page.Total = 0
	cursor, err := e.eachJob(ctx, t, "", func(_ string, r *dataset.JobRow) bool {
		if q.finds(r) {
			page.Total++
		}
		return true
	})
	page.AtLeast = cursor != ""
	return err
}

// eachJob visits the rows of a tenant's list of jobs after a cursor, newest first, each with the cursor that leads
// beyond it, until visit returns false or MaxListed were seen. It returns the cursor where more may follow.
func (e *Engine) eachJob(ctx context.Context, t dataset.Tenant, cursor string, visit func(cursor string, r *dataset.JobRow) bool) (string, error) {
	q := dataset.Query{PK: dataset.JobsPK(t), Reverse: true, Cursor: cursor}
	seen := 0
	for r, err := range dataset.Rows(ctx, e.Table, q) {
		if err != nil {
			return "", err
		}
		row, err := dataset.Decode[dataset.JobRow](r)
		if err != nil {
			return "", err
		}
		if seen == MaxListed {
			return cursor, nil
		}
		seen++
		cursor = q.CursorAt(r.SK)
		if !visit(cursor, row) {
			return cursor, nil
		}
	}
	return "", nil
}

// JobCounts counts a tenant's jobs by status.
func (e *Engine) JobCounts(ctx context.Context, t dataset.Tenant) (dataset.JobCounts, error) {
	all := dataset.JobCounts{}
	for r, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: dataset.JobCountsPK(t)}) {
		if err != nil {
			return nil, err
		}
		counts, err := dataset.Decode[dataset.JobCounts](r)
		if err != nil {
			return nil, err
		}
		for status, n := range *counts {
			all[status] += n
		}
	}
	return all, nil
}
