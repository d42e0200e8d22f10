package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

// request asks to generate from the project's documents.
func (w *world) request(id string, shared bool) pipeline.Submission {
	return pipeline.Submission{
		Ref: dataset.JobRef{Tenant: "sim", ID: id}, Project: "p", Kind: dataset.GenerateJob, Settings: w.settings(), Shared: shared,
	}
}

// submitProcess asks to read the project's documents.
func (w *world) submitProcess(ctx context.Context, id string) *dataset.Job {
	w.t.Helper()
	j, err := w.engine.Submit(ctx, pipeline.Submission{
		Ref: dataset.JobRef{Tenant: "sim", ID: id}, Project: "p", Kind: dataset.ProcessJob,
		Settings: dataset.Settings{Chunking: w.settings().Chunking},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// TestEqualRequests: without a key of its own an equal request is answered by the job that is under way, and by a new
// one when that is over; a key or another setting starts another job.
func TestEqualRequests(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		ask := func(s pipeline.Submission) *dataset.Job {
			t.Helper()
			j, err := w.engine.Submit(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		seeded := w.request("seeded", true)
		seeded.Settings.Seed = 2
		for _, c := range []struct {
			s      pipeline.Submission
			want   string
			warned bool
		}{
			{w.request("one", false), "one", false}, // with a key, as all that are not shared
			{w.request("two", true), "one", true},
			{w.request("three", false), "three", false},
			{w.request("four", true), "three", true},
			{seeded, "seeded", false},
		} {
			j := ask(c.s)
			warned := slices.ContainsFunc(j.Warnings, func(s string) bool { return strings.Contains(s, "equal request") })
			if j.Ref.ID != c.want || warned != c.warned {
				t.Errorf("request %s is answered by job %s with warnings %q", c.s.Ref.ID, j.Ref.ID, j.Warnings)
			}
		}
		if _, err := w.engine.Cancel(ctx, dataset.JobRef{Tenant: "sim", ID: "three"}); err != nil {
			t.Fatal(err)
		}
		if j := ask(w.request("five", true)); j.Ref.ID != "one" {
			t.Errorf("the request is answered by job %s, while job one is under way", j.Ref.ID)
		}
		if j := w.await(ctx, "one"); len(j.Warnings) > 0 {
			t.Errorf("the warning was stored: %q", j.Warnings)
		}
		if j := ask(w.request("six", true)); j.Ref.ID != "six" {
			t.Errorf("the request is answered by job %s, which is over", j.Ref.ID)
		}
	})
}

func TestSubmitNamesAllFaults(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		faults := func(change func(*pipeline.Submission)) string {
			s := w.request("one", true)
			change(&s)
			_, err := w.engine.Submit(ctx, s)
			var e *dataset.Error
			if !errors.As(err, &e) || e.Kind != dataset.Invalid {
				return fmt.Sprint(err)
			}
			var names []string
			for _, f := range e.Fields {
				names = append(names, f.Pointer)
			}
			return strings.Join(names, " ")
		}
		if got := faults(func(s *pipeline.Submission) {
			s.Settings.PerChunk, s.Settings.Threshold, s.Settings.Model, s.Settings.Mode = 0, 2, "gemini", "poem"
		}); got != "/generation_mode /datasets_per_chunk /quality_threshold /classification_model /project_id" {
			t.Errorf("faults are %s", got)
		}
		w.addDocuments(ctx, w.engine)
		for want, documents := range map[string][]string{"/document_ids": {"none"}, "/document_ids ": {}} {
			if got := faults(func(s *pipeline.Submission) { s.Documents = documents }); got != strings.TrimSpace(want) {
				t.Errorf("documents %q: %s", documents, got)
			}
		}
		if n, err := w.engine.JobCounts(ctx, "sim"); err != nil || n.Total() != 0 {
			t.Errorf("refused requests left %v, %v", n, err)
		}
	})
}

// TestRetry: a retry pays only for what failed, asks that anew, and publishes the next version of the same dataset.
func TestRetry(t *testing.T) {
	s := schedule{seed: 3, documents: 1, chunks: 40, perChunk: 2, concurrency: 8, latency: 2 * time.Second, poison: -1, garbage: 0.4}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		ref := func(id string) dataset.JobRef { return dataset.JobRef{Tenant: "sim", ID: id} }
		if _, err := w.engine.Retry(ctx, ref("one"), ref("early"), true); !dataset.Is(err, dataset.Conflict) {
			t.Errorf("a retry of a job that runs: %v", err)
		}
		one := w.await(ctx, "one")
		if one.Status != dataset.Completed || one.Result.Chunks.Failed == 0 {
			t.Fatalf("job one is %s: %+v", one.Status, one.Result)
		}
		if _, _, err := addTo(w.engine).AddDocument(ctx, projectP, "late.txt", []byte("It says that item 7-7 costs 7 coins.")); err != nil {
			t.Fatal(err)
		}
		last, n := one, 1
		for ; last.Result.Chunks.Failed > 0 && n < 9; n++ {
			id := fmt.Sprintf("retry-%d", n)
			paid, failed := w.model.begun(), last.Result.Chunks.Failed
			for _, as := range []string{id, "another"} { // both at once are one
				if j, err := w.engine.Retry(ctx, last.Ref, ref(as), true); err != nil || j.Ref.ID != id || j.RetryOf != last.Ref.ID {
					t.Fatalf("retry %s: %+v, %v", as, j, err)
				}
			}
			last = w.await(ctx, id)
			if last.Status != dataset.Completed || last.Result.Chunks.Total != 40 || last.Result.DatasetID != one.Result.DatasetID || last.Result.Version != fmt.Sprintf("1.%d.0", n) {
				t.Fatalf("the retry is %s: %+v", last.Status, last.Result)
			}
			if asked := w.model.begun() - paid; asked < failed || asked > 2*failed || last.Result.Usage.Calls != asked {
				t.Errorf("%d calls, counted as %d, for %d chunks that had failed", asked, last.Result.Usage.Calls, failed)
			}
		}
		if last.Result.Chunks.Failed > 0 || n == 1 {
			t.Errorf("after %d tries: %+v", n, last.Result.Chunks)
		}
		if _, err := w.engine.Retry(ctx, last.Ref, ref("more"), true); !dataset.Is(err, dataset.Conflict) {
			t.Errorf("a retry of a job of which nothing failed: %v", err)
		}
		if _, err := w.engine.Retry(ctx, ref("none"), ref("more"), true); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("a retry of nothing: %v", err)
		}
		if _, err := w.engine.Retry(ctx, dataset.JobRef{Tenant: "other", ID: "one"}, ref("more"), true); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("a retry of another tenant's job: %v", err)
		}
	})
}

// TestRetryAfterDeletion: chunks that are gone are not in the plan of a retry.
func TestRetryAfterDeletion(t *testing.T) {
	s := schedule{documents: 2, chunks: 10, perChunk: 2, concurrency: 2, latency: 2 * time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		j, err := w.submit(ctx, "one", nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if _, err := w.engine.Cancel(ctx, j.Ref); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		chunks, err := w.raw.Blobs.List(ctx, "chunks/", "")
		if err != nil || len(chunks) != 2 {
			t.Fatal(chunks, err)
		}
		if err := w.raw.Blobs.Delete(ctx, chunks[0].Key); err != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.Retry(ctx, j.Ref, dataset.JobRef{Tenant: "sim", ID: "two"}, false); err != nil {
			t.Fatal(err)
		}
		if j := w.await(ctx, "two"); j.Status != dataset.Completed || j.Result.Chunks.Total != 10 {
			t.Errorf("the retry is %s: %s %+v", j.Status, j.Error, j.Result)
		}
		plans, err := w.raw.Blobs.List(ctx, "jobs/sim/one/plan", "")
		if err != nil || w.raw.Blobs.Delete(ctx, plans[0].Key) != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.Retry(ctx, j.Ref, dataset.JobRef{Tenant: "sim", ID: "three"}, false); !dataset.Is(err, dataset.Conflict) {
			t.Errorf("a retry without its plan: %v", err)
		}
	})
}

func TestJobs(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		var want []string // newest first
		for i := range 25 {
			id := fmt.Sprintf("job-%02d", i)
			if i%5 == 0 {
				w.submitProcess(ctx, id)
			} else if _, err := w.submit(ctx, id, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			want = append([]string{id}, want...)
		}
		if _, err := w.engine.Submit(ctx, pipeline.Submission{}); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("a job without a name: %v", err)
		}
		ids := func(q pipeline.JobsQuery) (got []string, p *pipeline.JobsPage) {
			t.Helper()
			p, err := w.engine.Jobs(ctx, "sim", q)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range p.Jobs {
				got = append(got, j.Job.Ref.ID)
			}
			return got, p
		}
		if got, p := ids(pipeline.JobsQuery{Page: 3, PerPage: 10}); !slices.Equal(got, want[20:]) || p.Total != 25 || p.Cursor != "" || p.AtLeast {
			t.Errorf("page 3 is %v of %+v", got, p)
		}
		if got, p := ids(pipeline.JobsQuery{Page: 9, PerPage: 10}); got != nil || p.Total != 25 {
			t.Errorf("page 9 is %v of %+v", got, p)
		}
		processes := pipeline.JobsQuery{Kind: dataset.ProcessJob, Project: "p", Status: []dataset.JobStatus{dataset.Completed}, Page: 1, PerPage: 2}
		for _, filter := range []pipeline.JobsQuery{{Page: 1, PerPage: 7}, processes} {
			var all []string
			for q := filter; ; {
				got, p := ids(q)
				all = append(all, got...)
				if len(got) > q.PerPage || q.Kind != "" && p.Total != 5 || q.Kind == "" && p.Total != 25 {
					t.Errorf("%v of %d for %+v", got, p.Total, q)
				}
				if q.Cursor = p.Cursor; q.Cursor == "" {
					break
				}
			}
			found := slices.Clone(want)
			if filter.Kind != "" {
				found = []string{"job-20", "job-15", "job-10", "job-05", "job-00"}
			}
			if !slices.Equal(all, found) {
				t.Errorf("all pages of %+v are %v", filter, all)
			}
		}
		if got, p := ids(pipeline.JobsQuery{Page: 1, PerPage: 9, Project: "q"}); got != nil || p.Total != 0 || p.Cursor != "" {
			t.Errorf("another project has %v", got)
		}
		if p, err := w.engine.Jobs(ctx, "other", pipeline.JobsQuery{Page: 1, PerPage: 9}); err != nil || p.Total != 0 || len(p.Jobs) != 0 {
			t.Errorf("another tenant has %+v, %v", p, err)
		}
		for _, q := range []pipeline.JobsQuery{{Page: 1_001, PerPage: 10}, {PerPage: 10, Cursor: "made-up"}} {
			if _, err := w.engine.Jobs(ctx, "sim", q); !dataset.Is(err, dataset.Invalid) {
				t.Errorf("%+v: %v", q, err)
			}
		}
		if n, err := w.engine.JobCounts(ctx, "sim"); err != nil || n.Total() != 25 || n[dataset.Completed] != 25 {
			t.Errorf("counts are %v, %v", n, err)
		}
	})
}

// TestJobCounts: whatever jobs do, each is counted once.
func TestJobCounts(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		for i := range 30 {
			if _, err := w.submit(ctx, fmt.Sprintf("job-%02d", i), nil); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			if _, err := w.engine.Cancel(ctx, dataset.JobRef{Tenant: "sim", ID: fmt.Sprintf("job-%02d", 3*i)}); err != nil {
				t.Fatal(err)
			}
		}
		for {
			n, err := w.engine.JobCounts(ctx, "sim")
			if err != nil || n.Total() != 30 || n[dataset.Cancelled] != 10 {
				t.Fatalf("counts are %v, %v", n, err)
			}
			if n[dataset.Completed] == 20 {
				break
			}
			time.Sleep(time.Second)
		}
	})
}
