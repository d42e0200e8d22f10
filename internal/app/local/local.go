// Package local wires the one-machine program: the same verbs and the same workflow as on AWS, over a data
// directory, in one process.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"compileo/infra"
	"compileo/internal/app"
	"compileo/internal/asl"
	"compileo/internal/dataset"
	"compileo/internal/document"
	"compileo/internal/document/pdf"
	"compileo/internal/embedded"
	"compileo/internal/library"
	"compileo/internal/pipeline"
)

// timing is that of one machine: progress is seen each second, and repairs come soon.
var timing = func() pipeline.Timing {
	t := pipeline.DefaultTiming
	t.Beat = time.Second
	return t
}()

// sweepEvery is how often the sweeper looks around.
const sweepEvery = 30 * time.Second

// App is the one-machine program without its face.
type App struct {
	Engine   *pipeline.Engine
	Library  *library.Library
	store    *embedded.Store
	workflow *asl.Engine
}

// Config is where the program works.
type Config struct {
	Dir    string              // the data directory
	Files  string              // URL under which App.Files is served, for presigned URLs; "": it is not
	Getenv func(string) string // the models
	Log    *slog.Logger
}

// Open opens the data directory and locks it: Conflict when another program has it. Leases of a program that
// was killed are void from then on.
func Open(ctx context.Context, c Config) (*App, error) {
	log := c.Log
	models, err := app.Models(c.Getenv)
	if err != nil {
		return nil, err
	}
	app.AliasToBuiltIn(models)
	store, err := embedded.Open(c.Dir, embedded.Options{BaseURL: c.Files, Log: log})
	if err != nil {
		return nil, err
	}
	heavy := document.Readers{".pdf": pdf.New(filepath.Join(c.Dir, "cache", "pdf")).Read}
	a := &App{store: store, Library: &library.Library{Table: store.Table(), Blobs: store.Blobs(), Log: log}, Engine: &pipeline.Engine{
		Table: store.Table(), Blobs: store.Blobs(), Queue: store.Queue(), Models: models, Timing: timing, Log: log, Readers: heavy,
		Gate: semaphore.NewWeighted(pipeline.GateSize),
	}}
	if err := a.wire(ctx, log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return a, nil
}

// wire makes the workflow over the store, and the steps its functions.
func (a *App) wire(ctx context.Context, log *slog.Logger) error {
	machine, err := asl.Parse(infra.Workflow)
	if err != nil {
		return err
	}
	e := a.Engine
	a.workflow, err = asl.New(asl.Config{
		Machine: machine, Table: e.Table, Queue: e.Queue, Functions: Functions(e),
		Queues: map[string]string{"GenerateQueue": dataset.GenerateQueue}, ErrorName: pipeline.ErrorName, Log: log,
		OnEnd: func(ctx context.Context, name string, status dataset.ExecutionStatus) error {
			return e.Settle(ctx, pipeline.SettleInput{Job: name, Failure: pipeline.Failure{Error: "the workflow " + string(status)}})
		},
	})
	if err != nil {
		return err
	}
	e.Workflow = a.workflow
	return e.Recover(ctx)
}

// Functions are the workflow's steps by the names under which infra/workflow.asl.json calls them. Reading and
// writing documents takes memory, so only as many run at a time as there are processors.
func Functions(e *pipeline.Engine) map[string]asl.Function {
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	return map[string]asl.Function{
		"PrepareFunction":  step(nil, e.Prepare),
		"IngestFunction":   step(slots, nothing(e.Ingest)),
		"PlanFunction":     step(nil, e.Plan),
		"CurateFunction":   step(nil, e.Curate),
		"AssembleFunction": step(slots, nothing(e.Assemble)),
		"PublishFunction":  step(nil, nothing(e.Publish)),
		"SettleFunction":   step(nil, nothing(e.Settle)),
	}
}

// step makes a function of the workflow of a verb. At most cap(slots) run at a time; nil slots: any number.
func step[In, Out any](slots chan struct{}, do func(context.Context, In) (Out, error)) asl.Function {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		if slots != nil {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		var in In
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, dataset.Errorf(dataset.Invalid, "input of a step: %w", err)
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// nothing gives a verb without a result one.
func nothing[In any](do func(context.Context, In) error) func(context.Context, In) (struct{}, error) {
	return func(ctx context.Context, in In) (struct{}, error) { return struct{}{}, do(ctx, in) }
}

// Run works until ctx ends and all that it began has returned: the workflow, the queues, the sweeper. Lanes that
// are held are given back, so that the next Run goes on at once.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.workflow.Run(ctx) })
	group.Go(func() error {
		// A handler that holds a lane mostly waits for a model, so there are more of them than processors.
		return a.store.Consume(ctx, dataset.GenerateQueue, 2*dataset.MaxLanes, a.Engine.Generate)
	})
	group.Go(func() error {
		return a.store.Consume(ctx, dataset.ScoreQueue, runtime.GOMAXPROCS(0), a.Engine.Score)
	})
	group.Go(func() error { return a.sweep(ctx) })
	return group.Wait()
}

func (a *App) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := errors.Join(a.Engine.Sweep(ctx), a.Library.Purge(ctx)); err != nil && ctx.Err() == nil {
			a.Engine.Log.ErrorContext(ctx, "sweep", "error", err)
		}
	}
}

// Files answers presigned requests for objects, under Config.Files.
func (a *App) Files() http.Handler { return a.store.Handler() }

// Close unlocks the data directory. Run must have returned.
func (a *App) Close() error { return a.store.Close() }
