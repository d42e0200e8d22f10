package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/asl"
	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/pipeline"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// world is the system under simulation: the real verbs and the real workflow over ports that fail.
type world struct {
	t      *testing.T
	s      schedule
	raw    *memory.World
	faults *porttest.Faults
	flow   *asl.Engine
	engine *pipeline.Engine
	model  *fakeModel
	table  *watchedTable
	blobs  *countingBlobs
	sent   sentMessages
	ref    dataset.JobRef   // the job that is looked at
	refs   []dataset.JobRef // all of them
	kept   int              // replies that were kept when it began
	began  time.Time

	mu      sync.Mutex
	live    map[*porttest.Process]bool
	late    map[*porttest.Process]bool // steps that began after the job was over
	failed  map[string]int             // step with its input → tries that met a fault, in a row
	most    int                        // of failed, ever
	tail    int                        // port calls since Curate began
	cancels bool                       // the job was cancelled, as somebody was told
	stopped time.Time                  // the job was stopping or cancelled by then
	joined  time.Time                  // all lanes were done by then
}

func newWorld(t *testing.T, s schedule) *world {
	w := &world{
		t: t, s: s, began: time.Now(), live: map[*porttest.Process]bool{}, late: map[*porttest.Process]bool{}, failed: map[string]int{},
		ref: dataset.JobRef{Tenant: "sim", ID: dataset.DeriveID("job", fmt.Sprint(s.seed))},
	}
	w.raw = memory.New(memory.Options{
		Seed: s.seed, ShortPages: s.seed%2 == 0, Throttle: s.rates.Throttle, MaxReceives: 1_000, Duplicate: 0.02, MaxLate: 3 * time.Second,
	})
	p, err := dataset.NewRecord(dataset.ProjectPK("sim", "p"), dataset.ProjectSK, projectP, dataset.Absent)
	if err == nil {
		err = w.raw.Table.Write(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	random := porttest.Random(s.seed, s.rates)
	w.faults = &porttest.Faults{Decide: func(ctx context.Context, c porttest.Call) porttest.Fault {
		w.cancelInTail(c)
		w.checkLate(ctx, c)
		if time.Since(w.began) > s.calm {
			return porttest.Fault{}
		}
		return random(ctx, c)
	}}
	w.blobs = &countingBlobs{Blobs: w.faults.Blobs(w.raw.Blobs), t: t, lost: map[string]int{}}
	w.table = newWatchedTable(w)
	w.model = newFakeModel(s)
	timing := pipeline.DefaultTiming
	w.engine = &pipeline.Engine{
		Table: w.faults.Table(w.table), Blobs: w.blobs, Queue: w.faults.Queue(w.raw.Queue), Timing: timing,
		Log: slog.New(slog.DiscardHandler),
		Models: &model.Registry{Providers: []model.Provider{
			{Name: "sim", Default: "sim", Free: s.free, Timeout: time.Minute, Model: w.model},
		}},
	}
	machine, err := asl.Parse(s.workflow(t))
	if err != nil {
		t.Fatal(err)
	}
	w.sent.Queue = w.raw.Queue
	// Step Functions itself does not fail; what it calls does.
	w.flow, err = asl.New(asl.Config{
		Machine: machine, Table: w.raw.Table, Queue: &w.sent, Functions: w.functions(),
		Queues: map[string]string{"GenerateQueue": dataset.GenerateQueue}, ErrorName: pipeline.ErrorName,
		OnEnd: func(ctx context.Context, name string, status dataset.ExecutionStatus) error {
			return w.process(ctx, func(ctx context.Context) error {
				return w.engine.Settle(ctx, pipeline.SettleInput{Job: name, Failure: pipeline.Failure{Error: "the workflow " + string(status)}})
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.engine.Workflow = w.faults.Workflow(w.flow)
	return w
}

// cancelInTail cancels the job between two port calls of its last steps, where it takes no time to run.
func (w *world) cancelInTail(c porttest.Call) {
	w.mu.Lock()
	if w.tail > 0 || strings.Contains(c.Key, "/curation/") {
		w.tail++
	}
	now := w.tail > 0 && w.tail == w.s.cancelTail
	w.mu.Unlock()
	if !now {
		return
	}
	calm := pipeline.Engine{Table: w.raw.Table, Workflow: w.flow, Log: slog.New(slog.DiscardHandler)}
	if w.s.cancelTail%2 == 0 {
		calm.Workflow = unstoppable{w.flow} // until the sweeper comes the workflow goes on
	}
	j, err := calm.Cancel(w.t.Context(), w.ref)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.cancels = j.Status == dataset.Cancelled
}

// unstoppable is a workflow that cannot be reached.
type unstoppable struct{ dataset.Workflow }

// Stop fails.
func (unstoppable) Stop(context.Context, string, string) error {
	return dataset.Errorf(dataset.Unavailable, "the workflow cannot be reached")
}

// process runs do as a process of its own, which may be killed at any port call.
func (w *world) process(ctx context.Context, do func(context.Context) error) error {
	p := porttest.NewProcess()
	w.mu.Lock()
	w.live[p] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.live, p)
		w.mu.Unlock()
	}()
	// The Lambda's own limit ends it as a crash does.
	ctx, cancel := context.WithTimeout(context.WithValue(p.Context(ctx), processKey{}, p), 12*time.Minute)
	defer cancel()
	err := do(ctx)
	if dead := porttest.Alive(ctx); dead != nil {
		return dead
	}
	return err
}

func (w *world) functions() map[string]asl.Function {
	e := w.engineLater
	return map[string]asl.Function{
		"PrepareFunction": simStep(w, "Prepare", func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Prepare(ctx, in) }),
		"IngestFunction":  simStep(w, "Ingest", func(ctx context.Context, in pipeline.BatchInput) (any, error) { return nil, e().Ingest(ctx, in) }),
		"PlanFunction":    simStep(w, "Plan", func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Plan(ctx, in) }),
		"CurateFunction":  simStep(w, "Curate", func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Curate(ctx, in) }),
		"AssembleFunction": simStep(w, "Assemble", func(ctx context.Context, in pipeline.PartInput) (any, error) {
			return nil, e().Assemble(ctx, in)
		}),
		"PublishFunction": simStep(w, "Publish", func(ctx context.Context, in pipeline.JobInput) (any, error) { return nil, e().Publish(ctx, in) }),
		"SettleFunction":  simStep(w, "Settle", func(ctx context.Context, in pipeline.SettleInput) (any, error) { return nil, e().Settle(ctx, in) }),
	}
}

func (w *world) engineLater() *pipeline.Engine { return w.engine }

func simStep[In any](w *world, name string, do func(context.Context, In) (any, error)) asl.Function {
	return func(ctx context.Context, input json.RawMessage) (out json.RawMessage, err error) {
		over := w.over()
		// The end of an execution does not end a Lambda that runs for it.
		err = w.process(context.WithoutCancel(ctx), func(ctx context.Context) error {
			if over {
				w.markLate(ctx)
			}
			var in In
			if err := json.Unmarshal(input, &in); err != nil {
				return err
			}
			v, err := do(ctx, in)
			if err == nil {
				out, err = json.Marshal(v)
			}
			return err
		})
		w.tried(name+string(input), pipeline.ErrorName(err) != "Permanent" && err != nil)
		return out, err
	}
}

// tried counts how often in a row a step met a fault. A Commit that takes effect twice is Internal; what else is would
// end the job after fewer tries.
func (w *world) tried(step string, fault bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed[step]++; !fault {
		w.failed[step] = 0
	}
	w.most = max(w.most, w.failed[step])
}

// over reports whether the job is.
func (w *world) over() bool {
	r, err := w.raw.Table.Get(w.t.Context(), dataset.JobPK(w.ref), dataset.JobSK)
	var j dataset.Job
	return err == nil && json.Unmarshal(r.Data, &j) == nil && j.Status.Over()
}

func (w *world) markLate(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late[ctx.Value(processKey{}).(*porttest.Process)] = true
}

// checkLate: a step that begins when the job is over makes nothing.
func (w *world) checkLate(ctx context.Context, c porttest.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, ok := ctx.Value(processKey{}).(*porttest.Process); ok && w.late[p] && (c.Port == "Queue" || c.Method == "Put" || c.Method == "Create") {
		w.t.Errorf("%s %s %s by a step that began when the job was over", c.Port, c.Method, c.Key)
	}
}

// epoch runs the system until ctx ends: until the next restart, or the end of the simulation.
func (w *world) epoch(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.flow.Run(ctx) })
	for queue, handle := range map[string]dataset.Handler{
		dataset.GenerateQueue: w.engine.Generate, dataset.ScoreQueue: w.engine.Score,
	} {
		wg.Go(func() {
			_ = w.raw.Queue.Consume(ctx, queue, 12, func(ctx context.Context, body []byte) error {
				err := w.process(ctx, func(ctx context.Context) error { return handle(ctx, body) })
				if w.s.lossy && !bytes.Contains(body, []byte(`"token"`)) {
					return nil
				}
				return err
			})
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
				_ = w.process(ctx, w.engine.Sweep)
			}
		}
	})
	if w.s.strays > 0 {
		wg.Go(func() { w.stray(ctx) })
	}
	<-ctx.Done()
	w.killAll()
	wg.Wait()
}

// killAll kills all processes. Whoever ends an epoch does it first: a call that ends while its worker lives is one
// that the worker has ended.
func (w *world) killAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.live {
		p.Kill()
	}
}

// stray delivers messages of the workflow about lanes again, with tokens that may be dead by now.
func (w *world) stray(ctx context.Context) {
	r := rand.New(rand.NewPCG(w.s.seed, 78))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(1 + time.Duration(r.ExpFloat64()*float64(w.s.strays))):
		}
		body := w.sent.any(r)
		if body == nil || time.Since(w.began) > w.s.calm {
			continue
		}
		queue := dataset.GenerateQueue
		if r.IntN(4) == 0 {
			queue = dataset.ScoreQueue
		}
		if err := w.raw.Queue.Send(ctx, queue, dataset.Message{Body: body}); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	}
}

// sentMessages is the workflow's queue; it remembers what was sent.
type sentMessages struct {
	dataset.Queue
	mu  sync.Mutex
	all [][]byte
}

// Send notes the messages and passes them on.
func (q *sentMessages) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	q.mu.Lock()
	for _, m := range messages {
		q.all = append(q.all, m.Body)
	}
	q.mu.Unlock()
	return q.Queue.Send(ctx, queue, messages...)
}

// any returns a message that was sent; nil when none was.
func (q *sentMessages) any(r *rand.Rand) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.all) == 0 {
		return nil
	}
	return q.all[r.IntN(len(q.all))]
}

// documents adds the schedule's documents; nothing fails here.
func (w *world) addDocuments(ctx context.Context, e *pipeline.Engine) {
	for d := range w.s.documents {
		var text strings.Builder
		for c := range w.s.chunks {
			fmt.Fprintf(&text, "Paragraph %d of document %d says that item %d-%d costs %d coins.\n\n", c, d, d, c, 100*d+c)
		}
		if _, _, err := addTo(e).AddDocument(ctx, projectP, fmt.Sprintf("doc%d.txt", d), []byte(text.String())); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) settings() dataset.Settings {
	s := dataset.DefaultSettings()
	s.Model, s.PerChunk, s.Concurrency, s.AnalyzeQuality, s.Threshold = "sim", w.s.perChunk, w.s.concurrency, w.s.analyze, 0.1
	s.MaxFailedShare = 0.9
	s.Chunking = &dataset.Chunking{Strategy: dataset.ByDelimiter, Size: 1, Delimiter: "\n\n"}
	return s
}

// countingBlobs notes replies that were paid and could not be kept.
type countingBlobs struct {
	dataset.Blobs
	t    *testing.T
	mu   sync.Mutex
	lost map[string]int // chunk → times
}

func (b *countingBlobs) Put(ctx context.Context, key string, data []byte) error {
	began := time.Now()
	err := b.Blobs.Put(ctx, key, data)
	// A reply that is kept late, or not at all, may not be there for the next holder of the lane.
	// One that is not kept because a living worker gave up keeping it is lost by its fault.
	gaveUp := ctx.Err() != nil && porttest.Alive(ctx) == nil
	lost := err != nil && !dataset.Is(err, dataset.Conflict) && !gaveUp || time.Since(began) > 5*time.Second
	if lost && strings.HasPrefix(key, "replies/") {
		var reply model.Reply
		if json.Unmarshal(data, &reply) == nil {
			b.mu.Lock()
			b.lost[reply.Model]++
			b.mu.Unlock()
		}
	}
	return err
}

// Delete is called by nobody: what a job reads is written once.
func (b *countingBlobs) Delete(ctx context.Context, keys ...string) error {
	b.t.Errorf("%v deleted while a job may read it", keys)
	return b.Blobs.Delete(ctx, keys...)
}

type processKey struct{}
