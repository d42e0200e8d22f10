package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

// slowSource lets reading a document take some time.
type slowSource struct {
	dataset.Blobs
	takes time.Duration
}

// Get implements dataset.Blobs.
func (b slowSource) Get(ctx context.Context, key string) ([]byte, error) {
	if len(key) > 7 && key[:7] == "source/" {
		time.Sleep(b.takes)
	}
	return b.Blobs.Get(ctx, key)
}

// addSlow adds documents of which each takes a minute to read; 40 are read at a time.
func (w *world) addSlow(ctx context.Context, n int) {
	w.engine.Blobs = slowSource{w.engine.Blobs, time.Minute}
	for i := range n {
		if _, _, err := addTo(w.engine).AddDocument(ctx, projectP, fmt.Sprintf("doc%d.txt", i), fmt.Appendf(nil, "The item %d-0 costs %d coins.", i, i)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestReading: while documents are read, progress moves, and a job that does nothing else says when it ends.
func TestReading(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		w.addSlow(ctx, 400)
		if _, _, err := addTo(w.engine).AddDocument(ctx, projectP, "bin.md", []byte("\x00\x01\x02\x00")); err != nil {
			t.Fatal(err)
		}
		j := w.submitProcess(ctx, "one")
		last, estimates := 0, 0
		for {
			time.Sleep(20 * time.Second)
			p, err := w.engine.Progress(ctx, j.Ref)
			if err != nil || p.Percent < last {
				t.Fatalf("%+v, %v", p, err)
			}
			last = p.Percent
			if p.Job.Status.Over() {
				break
			}
			if !p.Ends.IsZero() && p.Read > 100 {
				estimates++
				if left := time.Until(p.Ends).Minutes(); left > 1.3*float64(400-p.Read)/40+1 || left < 0.7*float64(400-p.Read)/40-1 {
					t.Errorf("%d documents are read, and %.1f minutes left", p.Read, left)
				}
			}
		}
		if last != 100 || estimates < 5 {
			t.Errorf("it ended at %d %% with %d estimates", last, estimates)
		}
		page, total, err := w.engine.Outcomes(ctx, j, 0, 3)
		if err != nil || total != 401 || len(page) != 3 || page[0].Name != "bin.md" || page[0].Status != dataset.Unreadable || page[0].Reason == "" ||
			page[1].Status != dataset.Processed || page[1].Chunks != 1 {
			t.Errorf("outcomes are %+v of %d, %v", page, total, err)
		}
		if page, _, err := w.engine.Outcomes(ctx, j, 400, 3); err != nil || len(page) != 1 {
			t.Errorf("the last page is %+v, %v", page, err)
		}
		if page, _, err := w.engine.Outcomes(ctx, j, 1000, 3); err != nil || len(page) != 0 {
			t.Errorf("beyond the last page is %+v, %v", page, err)
		}
	})
}

// TestEstimates: what went before the chunks, pauses of the whole system and kept replies have no part in when a job
// is said to end.
func TestEstimates(t *testing.T) {
	s := schedule{documents: 1, chunks: 600, perChunk: 1, concurrency: 1, latency: 4 * time.Second, poison: -1} // 2 s on average
	follow := func(ctx context.Context, w *world, id string) {
		seen := 0
		for p := (&pipeline.Progress{}); p.Percent < 90; time.Sleep(10 * time.Second) {
			var err error
			if p, err = w.engine.Progress(ctx, dataset.JobRef{Tenant: "sim", ID: id}); err != nil {
				t.Fatal(err)
			}
			left := p.Total - p.Answered
			if p.Ends.IsZero() || p.Answered-p.Tally.Usage.Reused < 100 || left < 50 {
				continue
			}
			seen++
			if perChunk := time.Until(p.Ends).Seconds() / float64(left); perChunk < 1.5 || perChunk > 3 {
				t.Errorf("%s: %s left for %d chunks", id, time.Until(p.Ends), left)
			}
		}
		if seen < 5 {
			t.Errorf("%s: %d estimates", id, seen)
		}
	}
	run := func(id string, prepare func(ctx context.Context, w *world)) {
		calm(t, s, func(ctx context.Context, w *world) {
			prepare(ctx, w)
			if _, err := w.submit(ctx, id, nil); err != nil {
				t.Fatal(err)
			}
			follow(ctx, w, id)
		})
	}
	run("reads-long", func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		w.engine.Blobs = slowSource{w.engine.Blobs, time.Hour / 20}
	})
	run("has-replies", func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		if _, err := w.submit(ctx, "before", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := w.engine.Cancel(ctx, dataset.JobRef{Tenant: "sim", ID: "before"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s)
		w.addDocuments(t.Context(), w.engine)
		if _, err := w.submit(t.Context(), "restarted", nil); err != nil {
			t.Fatal(err)
		}
		first, end := context.WithTimeout(t.Context(), 5*time.Minute)
		defer end()
		w.epoch(first)
		time.Sleep(10 * time.Hour)
		if err := w.engine.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		second, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.epoch(second); close(ended) }()
		follow(t.Context(), w, "restarted")
		end()
		<-ended
	})
}

// TestWatch: it returns as soon as something changes, and in time when nothing does.
func TestWatch(t *testing.T) {
	s := schedule{documents: 1, chunks: 30, perChunk: 1, concurrency: 1, latency: 8 * time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		j, err := w.submit(ctx, "one", nil)
		if err != nil {
			t.Fatal(err)
		}
		since, looks := "", 0
		for {
			began := time.Now()
			p, err := w.engine.Watch(ctx, j.Ref, since, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); p.Revision == since && !p.Job.Status.Over() && took != time.Minute || took > time.Minute {
				t.Errorf("nothing changed, and it took %s", took)
			}
			since, looks = p.Revision, looks+1
			if p.Job.Status.Over() {
				break
			}
		}
		if looks < 15 || looks > 100 {
			t.Errorf("30 chunks were seen in %d looks", looks)
		}
		began := time.Now()
		if p, err := w.engine.Watch(ctx, j.Ref, since, time.Hour); err != nil || p.Percent != 100 || time.Since(began) > 0 {
			t.Errorf("%+v, %v after %s", p, err, time.Since(began))
		}
		gone, end := context.WithTimeout(ctx, time.Second)
		defer end()
		if _, err := w.engine.Watch(gone, dataset.JobRef{Tenant: "sim", ID: "none"}, "", time.Hour); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("a job that is not there: %v", err)
		}
	})
}
