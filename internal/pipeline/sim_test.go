package pipeline_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/porttest"
)

var (
	schedules = flag.Int("schedules", 100, "how many schedules the simulation runs")
	firstSeed = flag.Uint64("seed", 1, "seed of the first schedule")
)

// TestSimulation runs the real verbs and the real workflow in virtual time, under crashes before and after every
// port call, failures that took effect or did not, throttling, delays longer than a lease, messages late, twice
// and out of order, restarts of everything, cancels, and models that are slow, busy, out of money or deadly.
func TestSimulation(t *testing.T) {
	repeatable(t)
	total := map[string]int64{}
	for i := range *schedules {
		if i%50 == 0 {
			runtime.GC()
		}
		seed := *firstSeed + uint64(i)
		s := newSchedule(seed)
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, seed)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, s)
				w.run()
				w.check()
				if w.retry() {
					w.check()
				}
				for method, n := range w.faults.Calls() {
					total[method] += n
				}
			})
		})
		if !ok {
			t.Fatalf("replay with: go test ./internal/pipeline -run TestSimulation -schedules 1 -seed %d\n%+v", seed, s)
		}
	}
	// Every port call that the verbs make is a crash point of some schedule.
	for _, method := range []string{
		"Table.Get", "Table.Query", "Table.Write", "Blobs.Put", "Blobs.Get", "Blobs.Range", "Blobs.Stat", "Blobs.Create",
		"Blobs.Create.Write", "Blobs.Create.Commit", "Queue.Send", "Workflow.Start", "Workflow.Stop", "Workflow.Status", "Workflow.Answer",
	} {
		if total[method] == 0 && *schedules >= 500 {
			t.Errorf("%s was never called", method)
		}
	}
}

// repeatable lets goroutines take turns in an order that the program alone decides: on one processor, without a
// collector in between.
func repeatable(t *testing.T) {
	processors, percent := runtime.GOMAXPROCS(1), debug.SetGCPercent(-1)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(percent)
	})
}

// TestReplay: the same seed makes the same calls at the same times, so a schedule that fails can be looked into.
func TestReplay(t *testing.T) {
	if race {
		t.Skip("the race detector shuffles goroutines; make test runs this test without it")
	}
	repeatable(t)
	trace := func(t *testing.T, seed uint64) string {
		var calls strings.Builder
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, seed)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, newSchedule(seed))
				decide := w.faults.Decide
				w.faults.Decide = func(ctx context.Context, c porttest.Call) porttest.Fault {
					f := decide(ctx, c)
					fmt.Fprintln(&calls, time.Since(w.began), c, f)
					return f
				}
				w.run()
			})
		})
		return calls.String()
	}
	for seed := range uint64(12) {
		if newSchedule(seed).strays > 0 {
			continue // long, with workers in each other's way: the scheduler has a say in what comes first
		}
		if a, b := trace(t, seed), trace(t, seed); a != b {
			t.Errorf("seed %d: two runs differ", seed)
			la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
			for i := range min(len(la), len(lb)) {
				if la[i] != lb[i] {
					t.Logf("%d of %d:\n%s\n%s", i, len(la), la[i], lb[i])
					break
				}
			}
		}
	}
}

// limit is how long a job may take in virtual time; its faults end within the hour. It is less than the patience of
// the workflow with a lane, which would mend what nobody else does.
const limit = 20 * time.Hour

// run submits the job and lets the world turn until it is over, and then for some hours more.
func (w *world) run() {
	ctx := w.t.Context()
	w.addDocuments(ctx, w.user())
	w.ref = w.ask(func(ctx context.Context, as dataset.JobRef, shared bool) (*dataset.Job, error) {
		return w.engine.Submit(ctx, pipeline.Submission{Ref: as, Project: "p", Kind: dataset.GenerateJob, Settings: w.settings(), Shared: shared})
	})
	w.follow(ctx)
}

// follow lets the world turn until the job is over, and then for some hours more.
func (w *world) follow(ctx context.Context) {
	calm := w.user()
	alive, kill := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { w.epoch(alive); close(ended) }()
	restart := func() {
		w.killAll()
		kill()
		<-ended
		if err := calm.Recover(ctx); err != nil {
			w.t.Fatal(err)
		}
		w.checkFreed(ctx)
		alive, kill = context.WithCancel(ctx)
		ended = make(chan struct{})
		go func() { w.epoch(alive); close(ended) }()
	}
	cancelled := false
	for time.Since(w.began) < limit {
		time.Sleep(3 * time.Second)
		past := time.Since(w.began)
		if w.s.cancelAt > 0 && past > w.s.cancelAt && !cancelled {
			// The canceller may die too: it is a process like others.
			_ = w.process(ctx, func(ctx context.Context) error { _, err := w.engine.Cancel(ctx, w.ref); return err })
			j, err := calm.Job(ctx, w.ref)
			cancelled = err == nil && j.Status.Over()
			w.cancels = w.cancels || cancelled && j.Status == dataset.Cancelled
		}
		for len(w.s.restarts) > 0 && past > w.s.restarts[0] {
			w.s.restarts = w.s.restarts[1:]
			restart()
		}
		j, err := calm.Job(ctx, w.ref)
		if err != nil {
			w.t.Fatal(err)
		}
		if w.joined.IsZero() && j.Plan.Lanes > 0 && w.table.allDone() {
			w.joined = time.Now()
		}
		if w.stopped.IsZero() && (j.Status == dataset.Stopping || j.Status == dataset.Cancelled) {
			w.stopped = time.Now()
		}
		if j.Status.Over() {
			break
		}
	}
	before := w.published(ctx)
	time.Sleep(6 * time.Hour)
	after := w.published(ctx)
	for key := range after {
		if w.cancels && strings.HasPrefix(key, "versions/") {
			continue // files that no version names: a step that is cancelled runs to its end
		}
		if !bytes.Equal(before[key], after[key]) {
			w.t.Errorf("%s changed after the job was over:\n%s\n%s", key, before[key], after[key])
		}
	}
	if len(after) < len(before) {
		w.t.Errorf("something was deleted after the job was over")
	}
	kill()
	<-ended
}
