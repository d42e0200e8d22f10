package pipeline_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/pipeline"
)

// calm runs a test in a world where nothing fails.
func calm(t *testing.T, s schedule, test func(ctx context.Context, w *world)) {
	t.Helper()
	if s.documents == 0 {
		s.documents, s.chunks, s.perChunk, s.concurrency, s.latency, s.poison = 1, 20, 2, 8, 2*time.Second, -1
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s)
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.epoch(ctx); close(ended) }()
		test(t.Context(), w)
		end()
		<-ended
	})
}

func (w *world) submit(ctx context.Context, id string, change func(*dataset.Settings)) (*dataset.Job, error) {
	s := w.settings()
	if change != nil {
		change(&s)
	}
	return w.engine.Submit(ctx, pipeline.Submission{
		Ref: dataset.JobRef{Tenant: "sim", ID: id}, Project: "p", Kind: dataset.GenerateJob, Settings: s,
	})
}

// await waits for the end of a job.
func (w *world) await(ctx context.Context, id string) *dataset.Job {
	w.t.Helper()
	for range 24 * 3600 {
		j, err := w.engine.Job(ctx, dataset.JobRef{Tenant: "sim", ID: id})
		if err != nil {
			w.t.Fatal(err)
		}
		if j.Status.Over() {
			return j
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("job %s has no end", id)
	return nil
}

func TestVersionsOfADataset(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		versioned := func(s *dataset.Settings) { s.Versioned, s.DatasetName = true, "faq" }
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "one", versioned); err != nil {
			t.Fatal(err)
		}
		if _, err := w.submit(ctx, "two", versioned); !dataset.Is(err, dataset.Conflict) || !strings.Contains(err.Error(), "job one") {
			t.Errorf("second job while the first runs: %v, want a conflict that names job one", err)
		}
		one := w.await(ctx, "one")
		if _, err := w.submit(ctx, "two", versioned); err != nil {
			t.Fatal(err)
		}
		two := w.await(ctx, "two")
		if one.Result == nil || two.Result == nil || one.Result.Version != "1.0.0" || two.Result.Version != "1.1.0" || one.Result.DatasetID != two.Result.DatasetID {
			t.Fatalf("versions %+v and %+v", one.Result, two.Result)
		}
		if u := two.Result.Usage; u.Calls != 0 || u.Reused != 20 {
			t.Errorf("the second job used %+v, want only kept replies", u)
		}
		r, err := w.raw.Table.Get(ctx, dataset.DatasetPK("sim", two.Result.DatasetID), dataset.DatasetSK)
		var d dataset.Dataset
		if err != nil || json.Unmarshal(r.Data, &d) != nil || d.Current != 2 || d.Lock != "" {
			t.Errorf("dataset is %+v, %v", d, err)
		}
	})
}

func TestSubmitIsRepeatable(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		w.addDocuments(ctx, w.engine) // the same file twice is one document
		a, err := w.submit(ctx, "one", nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.submit(ctx, "one", func(s *dataset.Settings) { s.PerChunk = 1 })
		if err != nil || b.Settings.PerChunk != a.Settings.PerChunk {
			t.Errorf("a second submission changed the job: %+v, %v", b, err)
		}
		if j := w.await(ctx, "one"); j.Result.Documents.Total != 1 || j.Result.Chunks.Total != 20 {
			t.Errorf("result %+v", j.Result)
		}
	})
}

func TestSubmitRefuses(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		for name, c := range map[string]struct {
			change func(*dataset.Settings)
			says   string
		}{
			"model":       {func(s *dataset.Settings) { s.Model = "gemini" }, "configured: sim"},
			"placeholder": {func(s *dataset.Settings) { s.CustomPrompt = "Ask about {chunks}" }, "{chunks}"},
			"concurrency": {func(s *dataset.Settings) { s.Concurrency = 1001 }, "/concurrency"},
		} {
			if _, err := w.submit(ctx, name, c.change); !dataset.Is(err, dataset.Invalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want invalid naming %s", name, err, c.says)
			}
		}
	})
}

func TestUnreadableDocumentIsAnOutcome(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		if _, _, err := addTo(w.engine).AddDocument(ctx, projectP, "bin.md", []byte("\x00\x01\x02\x00")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		d := w.await(ctx, "one").Result.Documents
		if d.Total != 2 || d.Parsed != 1 || d.Unreadable != 1 || !strings.Contains(d.Reasons["bin.md"], "binary") {
			t.Errorf("documents %+v", d)
		}
	})
}

func TestNothingToReadFails(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		if _, _, err := addTo(w.engine).AddDocument(ctx, projectP, "bin.md", []byte("\x00\x01\x02\x00")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		if j := w.await(ctx, "one"); j.Status != dataset.Failed || !strings.Contains(j.Error, "no chunk") {
			t.Errorf("job is %s: %s", j.Status, j.Error)
		}
	})
}

// TestQuotaStops: no call begins after the provider wants money but those of the other lanes that have not heard yet; the job
// fails with its result, and what was paid for serves the next job.
func TestQuotaStops(t *testing.T) {
	s := schedule{documents: 1, chunks: 200, perChunk: 2, concurrency: 16, latency: 2 * time.Second, poison: -1, quotaAfter: 50}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		j := w.await(ctx, "one")
		if j.Status != dataset.Failed || !strings.Contains(j.Error, "quota") || j.Result == nil {
			t.Fatalf("job is %s: %s", j.Status, j.Error)
		}
		c := j.Result.Chunks
		if c.Total != 200 || c.WithEntries+c.Empty+c.Failed != 200 || c.WithEntries+c.Empty != 50 || c.Skipped != 150 || j.Result.Usage.Calls != 50 {
			t.Errorf("chunks %+v, usage %+v", c, j.Result.Usage)
		}
		// 5 s until the other lane looks at the job, at 8 calls a second or so.
		if w.model.begun() > 50+60 {
			t.Errorf("%d calls were begun", w.model.begun())
		}
		w.model.s.quotaAfter = 0
		if _, err := w.submit(ctx, "two", nil); err != nil {
			t.Fatal(err)
		}
		if j := w.await(ctx, "two"); j.Status != dataset.Completed || j.Result.Usage.Reused != 50 || j.Result.Usage.Calls != 150 {
			t.Errorf("the next job: %s %+v", j.Status, j.Result.Usage)
		}
	})
}

func TestCancelEndsCalls(t *testing.T) {
	s := schedule{documents: 1, chunks: 300, perChunk: 1, concurrency: 16, latency: 2 * time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		j, err := w.submit(ctx, "one", nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, err := w.engine.Cancel(ctx, j.Ref); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second) // workers look at the job each five seconds
		calls := w.model.begun()
		time.Sleep(time.Hour)
		if now := w.model.begun(); now != calls {
			t.Errorf("%d calls were begun after the cancel", now-calls)
		}
		if status, _ := w.flow.Status(ctx, j.Ref.String()); status != dataset.ExecutionAborted {
			t.Errorf("execution is %s", status)
		}
	})
}

// TestProgress: it never falls, is seen while units are under way, and ends at 100.
func TestProgress(t *testing.T) {
	s := schedule{documents: 1, chunks: 100, perChunk: 1, concurrency: 4, latency: 4 * time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		j, err := w.submit(ctx, "one", nil)
		if err != nil {
			t.Fatal(err)
		}
		last, steps := 0, 0
		for {
			p, err := w.engine.Progress(ctx, j.Ref)
			if err != nil {
				t.Fatal(err)
			}
			if p.Percent < last {
				t.Errorf("progress fell from %d to %d", last, p.Percent)
			}
			if p.Percent > last {
				steps++
			}
			last = p.Percent
			if p.Job.Status.Over() {
				break
			}
			time.Sleep(time.Second)
		}
		if last != 100 || steps < 10 {
			t.Errorf("progress ended at %d after %d steps", last, steps)
		}
	})
}

// TestWaiting: a model that asks to wait for long ends the slice, not the chunk.
func TestWaiting(t *testing.T) {
	s := schedule{documents: 1, chunks: 30, perChunk: 1, concurrency: 4, latency: time.Second, poison: -1, busy: 0.5}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		if j := w.await(ctx, "one"); j.Status != dataset.Completed || j.Result.Chunks.Failed != 0 {
			t.Errorf("job is %s: %+v", j.Status, j.Result)
		}
	})
}

// TestPanic: a chunk over which the model panics fails, and no other does.
func TestPanic(t *testing.T) {
	s := schedule{documents: 1, chunks: 30, perChunk: 1, concurrency: 4, latency: time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.engine.Models.Providers[0].Model = panicking{w.model}
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		if j := w.await(ctx, "one"); j.Status != dataset.Completed || j.Result.Chunks.Failed != 1 || j.Result.Chunks.Reasons["failed: internal error: no"] != 1 {
			t.Errorf("job is %s: %+v", j.Status, j.Result)
		}
	})
}

// panicking is a model that panics over one chunk.
type panicking struct{ model.Model }

// Generate implements model.Model.
func (m panicking) Generate(ctx context.Context, r *model.Request) (*model.Reply, error) {
	if strings.Contains(r.Task.Chunk.Text, "item 0-7 ") {
		panic("no")
	}
	return m.Model.Generate(ctx, r)
}
