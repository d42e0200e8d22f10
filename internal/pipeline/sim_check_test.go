package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/porttest"
	"compileo/internal/snapshot"
)

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
	w.checkJoined(j)
	w.checkListed(ctx, calm)
	if w.cancels && j.Status != dataset.Cancelled {
		w.t.Errorf("the job was cancelled and is %s", j.Status)
	}
	if j.Result != nil {
		w.checkCounted(ctx, calm, j)
	}
	switch {
	case j.Status == dataset.Cancelled && (w.s.cancelAt > 0 || w.s.cancelTail > 0):
	case j.Status == dataset.Completed:
		w.checkDataset(ctx, j)
	case j.Status == dataset.Failed && j.Result != nil && w.s.quotaAfter > 0:
		w.checkOutcomes(j.Result)
	case j.Status == dataset.Failed && j.Result != nil && (j.Result.Entries == 0 || 10*j.Result.Chunks.Failed > 9*j.Result.Chunks.Total):
		w.checkOutcomes(j.Result)
		w.checkGivenUp(ctx, j.Result)
	case j.Status == dataset.Failed && w.most >= 11:
		// A step met a fault each time that it was tried.
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
	if m.cut > 0 && w.s.rates.Delay == 0 {
		w.t.Errorf("%d calls were ended by workers that live and hold their lease", m.cut)
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

// lanes reads the lanes' records, one by one: a query would draw random numbers.
func (w *world) lanes(ctx context.Context) (all []dataset.Lane) {
	for i := range dataset.MaxLanes {
		r, err := w.raw.Table.Get(ctx, dataset.JobPK(w.ref), dataset.LaneSK(i))
		if dataset.Is(err, dataset.NotFound) {
			break
		}
		var l dataset.Lane
		if err == nil {
			err = json.Unmarshal(r.Data, &l)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// checkFreed: nobody holds a lane of a system that has just begun.
func (w *world) checkFreed(ctx context.Context) {
	for _, l := range w.lanes(ctx) {
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

// checkJoined: in a world without faults the workflow goes on when all lanes are done, at the sweeper's next visit
// at the latest.
func (w *world) checkJoined(j *dataset.Job) {
	if late := j.Ended.Sub(w.joined); w.s.rates == (porttest.Rates{}) && !w.joined.IsZero() && late > 90*time.Second {
		w.t.Errorf("the job ended %s after all lanes were done", late)
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
	kept := w.replies(ctx) - w.kept
	// A reply that comes to a slow worker may be kept after its chunk was given up.
	if u := j.Result.Usage; w.s.free && kept > 0 || !w.s.free && (u.Calls > kept || u.Calls < kept && w.s.rates.Delay == 0) {
		w.t.Errorf("%d replies are kept, %d counted", kept, u.Calls)
	}
}

// checkOutcomes: every chunk has exactly one outcome. At the highest rate a document may, by chance, end its workers
// so often that it is given up.
func (w *world) checkOutcomes(r *dataset.Result) {
	c, reasons := r.Chunks, 0
	for _, n := range c.Reasons {
		reasons += n
	}
	unread := r.Documents.Unreadable
	if unread > 0 && w.s.rates.CrashBefore < 0.01 {
		w.t.Errorf("documents were given up: %+v", r.Documents)
	}
	if want := (w.s.documents - unread) * w.s.chunks; c.Total != want || c.WithEntries+c.Empty+c.Failed != want || c.Empty+c.Failed != reasons {
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
	if want := w.checkGivenUp(ctx, r); n+rejected != want {
		w.t.Errorf("%d entries and %d rejected, want %d in all", n, rejected, want)
	}
	d, err := w.raw.Table.Get(ctx, dataset.DatasetPK(w.ref.Tenant, j.Target.Dataset), dataset.DatasetSK)
	if err != nil || !strings.Contains(string(d.Data), fmt.Sprintf(`"current":%d,`, j.Target.Base+1)) {
		w.t.Errorf("dataset is %s, %v", d.Data, err)
	}
}

// checkGivenUp: the chunks that failed are those that the model had no sense for, twice in each job, and those whose workers died
// each time that they alone were asked. It returns how many entries the model gives for the others.
func (w *world) checkGivenUp(ctx context.Context, r *dataset.Result) (entries int) {
	failed, rounds := 0, 2*len(w.refs)
	for item, guilty := range w.table.chunks(ctx) {
		// At the highest rate a chunk may be found guilty by chance.
		if poison := item == fmt.Sprintf("item 0-%d", w.s.poison); poison != guilty && (poison || w.s.rates.CrashBefore < 0.01) {
			w.t.Errorf("%s: deaths of its workers found it guilty: %v", item, guilty)
		}
		round := 0
		for round < rounds && w.model.garbage(fmt.Sprintf("%s/%d", item, round)) {
			round++
		}
		if guilty || round == rounds {
			failed++
			continue
		}
		entries += expected(fmt.Sprintf("%s/%d", item, round), w.s.perChunk)
	}
	if r.Chunks.Failed != failed {
		w.t.Errorf("%d chunks failed, want %d: %v", r.Chunks.Failed, failed, r.Chunks.Reasons)
	}
	return entries
}
