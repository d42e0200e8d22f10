package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/porttest"
)

// user is the engine of somebody who meets no faults: for what is no part of the trial, or looks at it.
func (w *world) user() *pipeline.Engine {
	return &pipeline.Engine{
		Table: w.table, Blobs: w.raw.Blobs, Queue: w.raw.Queue, Workflow: w.flow,
		Models: w.engine.Models, Timing: w.engine.Timing, Log: w.engine.Log,
	}
}

// ask lets the schedule's clients ask for the same job at once, each again until there is an answer: one client with a
// key, several without. All are answered by one job.
func (w *world) ask(submit func(ctx context.Context, as dataset.JobRef, shared bool) (*dataset.Job, error)) dataset.JobRef {
	shared := w.s.clients > 1
	answers := make([]dataset.JobRef, w.s.clients)
	var wg sync.WaitGroup
	for c := range answers {
		wg.Go(func() {
			time.Sleep(time.Duration(c) * time.Microsecond) // never at the same time, so that each run is alike
			for try := range 1_000 {
				as := w.ref
				if shared {
					as.ID = dataset.DeriveID("job", fmt.Sprint(w.s.seed), fmt.Sprint(len(w.refs)), fmt.Sprint(c), fmt.Sprint(try))
				} else if len(w.refs) > 0 {
					as.ID = dataset.DeriveID("retry", fmt.Sprint(w.s.seed))
				}
				var j *dataset.Job
				err := w.process(w.t.Context(), func(ctx context.Context) (err error) {
					j, err = submit(ctx, as, shared)
					return err
				})
				if err == nil {
					answers[c] = j.Ref
					return
				}
				if !dataset.Is(err, dataset.Throttled) && !dataset.Is(err, dataset.Unavailable) && !errors.Is(err, porttest.ErrCrashed) {
					w.t.Errorf("a submission: %v", err)
					return
				}
				time.Sleep(time.Second)
			}
		})
	}
	wg.Wait()
	if n := len(slices.Compact(slices.Clone(answers))); n != 1 {
		w.t.Fatalf("equal requests are answered by %d jobs: %v", n, answers)
	}
	w.refs = append(w.refs, answers[0])
	return answers[0]
}

// retry has the job retried, if that is in the schedule, and follows the new one. It returns false when there is none.
func (w *world) retry() bool {
	ctx := w.t.Context()
	old, err := w.user().Job(ctx, w.ref)
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.s.retries {
		return false
	}
	if old.Status == dataset.Completed && old.Result.Chunks.Failed == 0 {
		if j, err := w.user().Retry(ctx, w.ref, dataset.JobRef{Tenant: "sim", ID: "again"}, false); !dataset.Is(err, dataset.Conflict) {
			w.t.Errorf("a retry of a job of which nothing failed: %+v, %v", j, err)
		}
		return false
	}
	w.mu.Lock()
	w.began, w.kept = time.Now(), w.replies(ctx)
	w.failed, w.most, w.tail = map[string]int{}, 0, 0
	w.cancels, w.stopped, w.joined = false, time.Time{}, time.Time{}
	w.s.cancelAt, w.s.cancelTail, w.s.quotaAfter = 0, 0, 0
	w.model.s.quotaAfter = 0
	w.mu.Unlock()
	w.table.forget()
	w.ref = w.ask(func(ctx context.Context, as dataset.JobRef, shared bool) (*dataset.Job, error) {
		return w.engine.Retry(ctx, old.Ref, as, shared)
	})
	w.follow(ctx)
	return true
}

// published is the content of all that must not change once the job is over.
func (w *world) published(ctx context.Context) map[string][]byte {
	all := map[string][]byte{}
	for after := ""; ; {
		list, err := w.raw.Blobs.List(ctx, "versions/", after)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, b := range list {
			if all[b.Key], err = w.raw.Blobs.Get(ctx, b.Key); err != nil {
				w.t.Fatal(err)
			}
			after = b.Key
		}
	}
	r, err := w.raw.Table.Get(ctx, dataset.JobPK(w.ref), dataset.JobSK)
	var j dataset.Job
	if err == nil {
		err = json.Unmarshal(r.Data, &j)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	all[dataset.JobSK] = r.Data
	pk := dataset.DatasetPK(w.ref.Tenant, j.Target.Dataset)
	for _, sk := range []string{dataset.DatasetSK, dataset.VersionSK(1), dataset.VersionSK(2)} {
		if r, err := w.raw.Table.Get(ctx, pk, sk); err == nil {
			all[sk] = r.Data
		}
	}
	return all
}

// replies counts those that are kept.
func (w *world) replies(ctx context.Context) (n int) {
	for after := ""; ; {
		list, err := w.raw.Blobs.List(ctx, "replies/", after)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) == 0 {
			return n
		}
		n, after = n+len(list), list[len(list)-1].Key
	}
}

// checkListed: the list of jobs and the counts are those of the jobs there are.
func (w *world) checkListed(ctx context.Context, calm *pipeline.Engine) {
	want := dataset.JobCounts{}
	for _, ref := range w.refs {
		j, err := calm.Job(ctx, ref)
		if err != nil {
			w.t.Fatal(err)
		}
		want[j.Status]++
	}
	counts, err := calm.JobCounts(ctx, w.ref.Tenant)
	for status, n := range counts {
		if n != want[status] {
			w.t.Errorf("%d jobs are counted as %s, want %d", n, status, want[status])
		}
	}
	if counts.Total() != len(w.refs) || err != nil {
		w.t.Errorf("the counts are %v, %v, want %v", counts, err, want)
	}
	var listed []dataset.JobRef
	q := pipeline.JobsQuery{Page: 1, PerPage: 1}
	for {
		page, err := calm.Jobs(ctx, w.ref.Tenant, q)
		if err != nil || page.Total != len(w.refs) {
			w.t.Fatalf("the list of jobs: %+v, %v", page, err)
		}
		for _, p := range page.Jobs {
			listed = append(listed, p.Job.Ref)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	slices.Reverse(listed)
	if !slices.Equal(listed, w.refs) {
		w.t.Errorf("jobs %v are listed, want %v", listed, w.refs)
	}
	for status := range want {
		page, err := calm.Jobs(ctx, w.ref.Tenant, pipeline.JobsQuery{Page: 1, PerPage: 10, Status: []dataset.JobStatus{status}})
		if err != nil || page.Total != want[status] {
			w.t.Errorf("%+v are listed as %s, %v", page, status, err)
		}
	}
}
