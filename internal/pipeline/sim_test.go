package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
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
	"compileo/internal/snapshot"
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
	calm := *w.engine // for what a user does, who would try again
	calm.Table, calm.Blobs, calm.Queue, calm.Workflow = w.raw.Table, w.raw.Blobs, w.raw.Queue, w.flow
	w.addDocuments(ctx, &calm)
	for {
		_, err := calm.Submit(ctx, pipeline.Submission{Ref: w.ref, Project: "p", Kind: dataset.GenerateJob, Settings: w.settings()})
		if err == nil {
			break
		}
		if !dataset.Is(err, dataset.Throttled) {
			w.t.Fatal(err)
		}
	}
	alive, kill := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { w.epoch(alive); close(ended) }()
	restart := func() {
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
		}
		for len(w.s.restarts) > 0 && past > w.s.restarts[0] {
			w.s.restarts = w.s.restarts[1:]
			restart()
		}
		j, err := calm.Job(ctx, w.ref)
		if err != nil {
			w.t.Fatal(err)
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
	for _, key := range [][2]string{
		{dataset.JobPK(w.ref), dataset.JobSK},
		{dataset.DatasetPK(w.ref.Tenant, w.datasetID()), dataset.DatasetSK},
		{dataset.DatasetPK(w.ref.Tenant, w.datasetID()), dataset.VersionSK(1)},
	} {
		if r, err := w.raw.Table.Get(ctx, key[0], key[1]); err == nil {
			all[key[1]] = r.Data
		}
	}
	return all
}

func (w *world) datasetID() string { return dataset.DeriveID("dataset", w.ref.String()) }

// check holds the end of a schedule against the invariants.
func (w *world) check() {
	ctx := w.t.Context()
	calm := &pipeline.Engine{Table: w.raw.Table, Blobs: w.raw.Blobs, Queue: w.raw.Queue, Workflow: w.flow, Log: slog.New(slog.DiscardHandler)}
	j, err := calm.Job(ctx, w.ref)
	if err != nil {
		w.t.Fatal(err)
	}
	if !j.Status.Over() {
		p, _ := calm.Progress(ctx, w.ref)
		w.t.Fatalf("the job has no end: %s at %s, %+v", j.Status, j.Step, p)
	}
	w.checkExecution(ctx, j)
	w.checkPaid(j)
	w.checkStopped()
	if j.Result != nil {
		w.checkCounted(ctx, calm, j)
	}
	switch {
	case j.Status == dataset.Cancelled && (w.s.cancelAt > 0 || w.s.cancelTail > 0):
	case j.Status == dataset.Completed:
		w.checkDataset(ctx, j)
	case j.Status == dataset.Failed && j.Result != nil && (w.s.quotaAfter > 0 || j.Result.Entries == 0 || w.s.chunks*w.s.documents < 10 && (w.s.poison >= 0 || w.s.garbage > 0)):
		w.checkOutcomes(j.Result)
	case j.Status == dataset.Failed && w.s.rates.CrashBefore > 0.003 && (strings.Contains(j.Error, "injected") || strings.Contains(j.Error, "crashed")):
		// At the highest rate a step of many calls may fail eleven times in a row.
	default:
		w.t.Errorf("the job is %s: %s %+v", j.Status, j.Error, j.Result)
	}
}

func (w *world) checkExecution(ctx context.Context, j *dataset.Job) {
	status, err := w.flow.Status(ctx, w.ref.String())
	if err != nil && !(dataset.Is(err, dataset.NotFound) && j.Status == dataset.Cancelled) || status == dataset.ExecutionRunning {
		w.t.Errorf("execution is %q, %v", status, err)
	}
	for _, pk := range dataset.RunningPKs() {
		for r, err := range dataset.Rows(ctx, w.raw.Table, dataset.Query{PK: pk}) {
			w.t.Errorf("%s is still listed as running (%v)", r.SK, err)
		}
	}
	if n := len(w.raw.Queue.Dead(dataset.GenerateQueue)) + len(w.raw.Queue.Dead(dataset.ScoreQueue)); n > 0 {
		w.t.Errorf("%d dead letters", n)
	}
}

// checkPaid: each reply is paid once, plus once for each crash, ended lease or failed write that lost it. No more
// calls are in flight than the job may have: calls whose worker is dead or has lost its lease have been ended.
func (w *world) checkPaid(j *dataset.Job) {
	m := w.model
	if m.most > j.Settings.Concurrency {
		w.t.Errorf("%d calls in flight, want at most %d", m.most, j.Settings.Concurrency)
	}
	if w.s.free {
		return
	}
	for key, paid := range m.paid {
		if allowed := 1 + m.orphans[key] + w.blobs.lost[key]; paid > allowed {
			w.t.Errorf("%s: paid %d times, want at most %d (%d doubled)", key, paid, allowed, m.doubled[key])
		}
		if m.doubled[key] > 0 {
			w.t.Errorf("%s: asked %d times while the answer was on its way", key, m.doubled[key])
		}
	}
}

// checkFreed: nobody holds a lane of a system that has just begun.
func (w *world) checkFreed(ctx context.Context) {
	q := dataset.Query{PK: dataset.JobPK(w.ref), From: "lane#", To: "lane$"}
	for r, err := range dataset.Rows(ctx, w.raw.Table, q) {
		if err != nil {
			w.t.Fatal(err)
		}
		var l dataset.Lane
		if err := json.Unmarshal(r.Data, &l); err != nil {
			w.t.Fatal(err)
		}
		if l.Lease.Holder != "" {
			w.t.Errorf("lane %d is held after a restart: %+v", l.Index, l)
		}
	}
}

// checkStopped: workers see within a few beats that the job stops, but for the time that their calls may be delayed.
func (w *world) checkStopped() {
	slack := 20*time.Second + 5*w.s.rates.MaxDelay
	if late := w.model.last.Sub(w.stopped); !w.stopped.IsZero() && late > slack {
		w.t.Errorf("a call began %s after the job was stopped", late)
	}
}

// checkCounted: what the lanes and the result say was made and paid is what is stored.
func (w *world) checkCounted(ctx context.Context, calm *pipeline.Engine, j *dataset.Job) {
	p, err := calm.Progress(ctx, w.ref)
	if err != nil {
		w.t.Fatal(err)
	}
	if p.Tally.Usage != j.Result.Usage || p.Tally.Tasks != p.Tally.WithEntries+p.Tally.Empty+p.Tally.Failed ||
		p.Tally.WithEntries != j.Result.Chunks.WithEntries || p.Tally.Empty != j.Result.Chunks.Empty {
		w.t.Errorf("the lanes count %+v, the result %+v", p.Tally, j.Result)
	}
	kept := 0
	for after := ""; ; {
		list, err := w.raw.Blobs.List(ctx, "replies/", after)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		kept, after = kept+len(list), list[len(list)-1].Key
	}
	// A reply that comes to a slow worker may be kept after its chunk was given up.
	if u := j.Result.Usage; w.s.free && kept > 0 || !w.s.free && (u.Calls > kept || u.Calls < kept && w.s.rates.Delay == 0) {
		w.t.Errorf("%d replies are kept, %d counted", kept, u.Calls)
	}
}

// checkOutcomes: every chunk has exactly one outcome.
func (w *world) checkOutcomes(r *dataset.Result) {
	c, reasons := r.Chunks, 0
	for _, n := range c.Reasons {
		reasons += n
	}
	if want := w.s.documents * w.s.chunks; c.Total != want || c.WithEntries+c.Empty+c.Failed != want || c.Empty+c.Failed != reasons {
		w.t.Errorf("chunks %+v, want %d outcomes", c, want)
	}
}

// checkDataset: the entries are those that the model gave, each once, and all counts agree.
func (w *world) checkDataset(ctx context.Context, j *dataset.Job) {
	w.checkOutcomes(j.Result)
	v, err := snapshot.Open(ctx, w.raw.Blobs, j.Result.Manifest)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines bytes.Buffer
	if err := v.WriteJSONL(ctx, &lines, nil); err != nil {
		w.t.Fatal(err)
	}
	ids, questions := map[string]bool{}, map[string]bool{}
	n := 0
	for line := range strings.Lines(lines.String()) {
		var e dataset.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			w.t.Fatal(err)
		}
		n++
		if ids[e.ID] || questions[e.Question] {
			w.t.Errorf("%s %q is there twice", e.ID, e.Question)
		}
		ids[e.ID], questions[e.Question] = true, true
		if len(e.Evidence) != 1 || e.Evidence[0].Quote != e.Answer {
			w.t.Errorf("%s has evidence %+v", e.ID, e.Evidence)
		}
	}
	r, m := j.Result, v.Manifest()
	if n != r.Entries || n != m.Entries || n != len(ids) {
		w.t.Errorf("%d lines, result %d, manifest %d, ids %d", n, r.Entries, m.Entries, len(ids))
	}
	rejected := 0
	for _, k := range r.Rejected {
		rejected += k
	}
	// At the highest rate a worker may die twice in a row of the same call by chance.
	unlucky := w.s.rates.CrashBefore > 0.01 && r.Chunks.Failed == 1
	if want := w.wanted(); n+rejected != want && w.s.poison < 0 && w.s.garbage == 0 && !unlucky {
		w.t.Errorf("%d entries and %d rejected, want %d in all", n, rejected, want)
	}
	if w.s.poison < 0 && w.s.garbage == 0 && r.Chunks.Failed > 0 && !unlucky {
		w.t.Errorf("chunks failed without need: %+v", r.Chunks)
	}
	if w.s.poison >= 0 && r.Chunks.Failed > 1 && w.s.rates.CrashBefore <= 0.01 {
		w.t.Errorf("one chunk kills its worker, but %+v", r.Chunks)
	}
	d, err := w.raw.Table.Get(ctx, dataset.DatasetPK(w.ref.Tenant, j.Target.Dataset), dataset.DatasetSK)
	if err != nil || !strings.Contains(string(d.Data), `"current":1,`) {
		w.t.Errorf("dataset is %s, %v", d.Data, err)
	}
}

// wanted is how many entries the model gives for all chunks.
func (w *world) wanted() int {
	n := 0
	for d := range w.s.documents {
		for c := range w.s.chunks {
			n += expected(fmt.Sprintf("item %d-%d/0", d, c), w.s.perChunk)
		}
	}
	return n
}
