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

	"compileo/infra"
	"compileo/internal/asl"
	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/pipeline"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// schedule is one run of the simulation: all of it follows from the seed.
type schedule struct {
	seed        uint64
	documents   int
	chunks      int // of each document
	perChunk    int
	concurrency int
	latency     time.Duration // of a call, at most
	free        bool          // the model costs nothing: replies are not kept
	analyze     bool
	rates       porttest.Rates
	calm        time.Duration // no faults after this
	restarts    []time.Duration
	cancelAt    time.Duration // 0: never
	cancelTail  int           // the job is cancelled before this port call from the first of Curate's; 0: never
	patience    time.Duration // of the workflow with a lane, before it sends another token; 0: as deployed
	strays      time.Duration // now and then a message about a lane comes again, so often on average; 0: never
	quotaAfter  int           // calls after which the provider wants money; 0: never
	busy        float64       // share of calls that are told to wait
	poison      int           // the chunk that kills its worker, by number in its document; -1: none
	garbage     float64       // share of replies that cannot be read
}

// newSchedule draws a schedule. Kinds of trouble are combined, but not all of them each time.
func newSchedule(seed uint64) schedule {
	r := rand.New(rand.NewPCG(seed, 77))
	pick := func(n int) bool { return r.IntN(n) == 0 }
	s := schedule{
		seed: seed, documents: 1 + r.IntN(3), chunks: 1 + r.IntN(12), perChunk: 1 + r.IntN(3), concurrency: 1 + r.IntN(20),
		latency: time.Duration(1+r.IntN(8)) * time.Second, analyze: pick(2), free: pick(4), poison: -1,
		calm: time.Duration(10+r.IntN(50)) * time.Minute,
	}
	if pick(6) {
		s.chunks, s.documents = 60+r.IntN(120), 1 // several units a lane
	}
	level := []float64{0, 0.002, 0.004, 0.015}[r.IntN(4)]
	s.rates = porttest.Rates{CrashBefore: level, CrashAfter: level, FailBefore: level, FailAfter: level, Throttle: level, Duplicate: level}
	if pick(3) {
		s.rates.Delay, s.rates.MaxDelay = 0.02, 100*time.Second // longer than a lease
	}
	for pick(3) && len(s.restarts) < 4 {
		s.restarts = append(s.restarts, time.Duration(r.IntN(int(20*time.Minute))))
	}
	switch r.IntN(10) {
	case 0:
		s.cancelAt = time.Duration(1 + r.IntN(int(3*time.Minute)))
	case 1:
		s.quotaAfter = 1 + r.IntN(30)
	case 2:
		s.poison = r.IntN(s.chunks)
	case 3:
		s.busy = 0.1
	case 4:
		s.garbage = 0.2
	}
	if pick(12) && !s.free { // a lane takes so long that the workflow loses patience
		s.chunks, s.documents, s.concurrency = 60+r.IntN(120), 1, 1+r.IntN(3)
		s.patience = time.Duration(180+r.IntN(240)) * time.Second
		s.strays = time.Minute
	}
	if pick(8) && s.cancelAt == 0 {
		s.cancelTail = 1 + r.IntN(60)
	}
	if pick(12) && !s.free && s.poison < 0 { // workers that are slow for longer than their lease, while others are eager
		s.chunks, s.documents, s.concurrency = 60+r.IntN(60), 1, 1+r.IntN(4)
		s.rates.Delay, s.rates.MaxDelay = 0.05, 4*time.Minute
		s.strays = 15 * time.Second
	}
	if s.free {
		s.busy = 0 // nobody else uses it; and what it answered is not kept
	}
	return s
}

// world is the system under simulation: the real verbs and the real workflow over ports that fail.
type world struct {
	t      *testing.T
	s      schedule
	raw    *memory.World
	faults *porttest.Faults
	flow   *asl.Engine
	engine *pipeline.Engine
	model  *fakeModel
	blobs  *countingBlobs
	sent   sentMessages
	ref    dataset.JobRef
	began  time.Time

	mu      sync.Mutex
	live    map[*porttest.Process]bool
	tail    int       // port calls since Curate began
	cancels bool      // the job was cancelled, as somebody was told
	stopped time.Time // the job was stopping or cancelled by then
	joined  time.Time // all lanes were done by then
}

func newWorld(t *testing.T, s schedule) *world {
	w := &world{
		t: t, s: s, began: time.Now(), live: map[*porttest.Process]bool{},
		ref: dataset.JobRef{Tenant: "sim", ID: dataset.DeriveID("job", fmt.Sprint(s.seed))},
	}
	w.raw = memory.New(memory.Options{
		Seed: s.seed, ShortPages: s.seed%2 == 0, Throttle: s.rates.Throttle, MaxReceives: 1_000, Duplicate: 0.02, MaxLate: 3 * time.Second,
	})
	random := porttest.Random(s.seed, s.rates)
	w.faults = &porttest.Faults{Decide: func(ctx context.Context, c porttest.Call) porttest.Fault {
		w.cancelInTail(c)
		if time.Since(w.began) > s.calm {
			return porttest.Fault{}
		}
		return random(ctx, c)
	}}
	w.blobs = &countingBlobs{Blobs: w.faults.Blobs(w.raw.Blobs), t: t, lost: map[string]int{}}
	w.model = newFakeModel(s)
	timing := pipeline.DefaultTiming
	w.engine = &pipeline.Engine{
		Table: w.faults.Table(w.raw.Table), Blobs: w.blobs, Queue: w.faults.Queue(w.raw.Queue), Timing: timing,
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

// workflow is the deployed one, but for its patience with lanes.
func (s *schedule) workflow(t *testing.T) []byte {
	if s.patience == 0 {
		return infra.Workflow
	}
	deployed := []byte(`"TimeoutSeconds": 86400`)
	if bytes.Count(infra.Workflow, deployed) != 1 {
		t.Fatalf("the workflow has no %s for its lanes", deployed)
	}
	return bytes.Replace(infra.Workflow, deployed, fmt.Appendf(nil, `"TimeoutSeconds": %d`, s.patience/time.Second), 1)
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
	j, err := calm.Cancel(w.t.Context(), w.ref)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.cancels = j.Status == dataset.Cancelled
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
		"PrepareFunction": simStep(w, func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Prepare(ctx, in) }),
		"IngestFunction":  simStep(w, func(ctx context.Context, in pipeline.BatchInput) (any, error) { return nil, e().Ingest(ctx, in) }),
		"PlanFunction":    simStep(w, func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Plan(ctx, in) }),
		"CurateFunction":  simStep(w, func(ctx context.Context, in pipeline.JobInput) (any, error) { return e().Curate(ctx, in) }),
		"AssembleFunction": simStep(w, func(ctx context.Context, in pipeline.PartInput) (any, error) {
			return nil, e().Assemble(ctx, in)
		}),
		"PublishFunction": simStep(w, func(ctx context.Context, in pipeline.JobInput) (any, error) { return nil, e().Publish(ctx, in) }),
		"SettleFunction":  simStep(w, func(ctx context.Context, in pipeline.SettleInput) (any, error) { return nil, e().Settle(ctx, in) }),
	}
}

func (w *world) engineLater() *pipeline.Engine { return w.engine }

func simStep[In any](w *world, do func(context.Context, In) (any, error)) asl.Function {
	return func(ctx context.Context, input json.RawMessage) (out json.RawMessage, err error) {
		// The end of an execution does not end a Lambda that runs for it.
		err = w.process(context.WithoutCancel(ctx), func(ctx context.Context) error {
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
		return out, err
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
				return w.process(ctx, func(ctx context.Context) error { return handle(ctx, body) })
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
		if _, _, err := e.AddDocument(ctx, w.ref.Tenant, "p", fmt.Sprintf("doc%d.txt", d), []byte(text.String())); err != nil {
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
