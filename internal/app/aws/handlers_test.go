package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"compileo/infra"
	"compileo/internal/app"
	"compileo/internal/app/local"
	"compileo/internal/asl"
	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/pipeline"
	"compileo/internal/porttest/memory"
)

// handlers are all functions by their names.
func handlers(a *App) map[string]lambda.Handler {
	return map[string]lambda.Handler{
		"prepare": a.Prepare(), "ingest": a.Ingest(nil), "plan": a.Plan(), "curate": a.Curate(), "assemble": a.Assemble(),
		"publish": a.Publish(), "settle": a.Settle(), "generator": a.Generator(), "scorer": a.Scorer(), "sweeper": a.Sweeper(),
	}
}

// newApp is the system over memory. The workflow is stored and not run: the test calls the steps.
func newApp(t testing.TB, log *bytes.Buffer) (*App, *memory.World) {
	t.Helper()
	models, err := app.Models(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	machine, err := asl.Parse(infra.Workflow)
	if err != nil {
		t.Fatal(err)
	}
	world := memory.New(memory.Options{Seed: 1, ShortPages: true})
	logger := slog.New(slog.DiscardHandler)
	if log != nil {
		logger = slog.New(slog.NewJSONHandler(log, nil))
	}
	e := &pipeline.Engine{
		Table: world.Table, Blobs: world.Blobs, Queue: world.Queue, Models: models, Timing: pipeline.DefaultTiming, Log: logger,
	}
	e.Workflow, err = asl.New(asl.Config{
		Machine: machine, Table: world.Table, Queue: world.Queue, Functions: local.Functions(e), ErrorName: pipeline.ErrorName,
		Queues: map[string]string{"GenerateQueue": dataset.GenerateQueue},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &App{engine: e, library: &library.Library{Table: e.Table, Blobs: e.Blobs, Log: logger}, log: logger}, world
}

// inMemory is the stage of handlers in this process.
func inMemory(t *testing.T) stage {
	a, world := newApp(t, nil)
	functions := handlers(a)
	return stage{
		engine: a.engine,
		invoke: func(t *testing.T, function string, event []byte) string {
			t.Helper()
			answer, err := functions[function].Invoke(t.Context(), event)
			if err != nil {
				t.Fatalf("%s: %v", function, err)
			}
			return string(answer)
		},
		hinted: func(t *testing.T) (bodies []string) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := world.Queue.Consume(ctx, dataset.ScoreQueue, 1, func(_ context.Context, body []byte) error {
				bodies = append(bodies, string(body))
				cancel()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return bodies
		},
	}
}

func TestStory(t *testing.T)   { tellStory(t, inMemory(t)) }
func TestEndings(t *testing.T) { tellEndings(t, inMemory(t)) }

// failure runs a handler that must fail.
func failure(t *testing.T, h lambda.Handler, event string) messages.InvokeResponse_Error {
	t.Helper()
	answer, err := h.Invoke(t.Context(), []byte(event))
	failed, ok := errors.AsType[messages.InvokeResponse_Error](err)
	if !ok {
		t.Fatalf("Invoke(%.60s) = %s, %v; want a named error", event, answer, err)
	}
	return failed
}

func TestFailuresAreNamed(t *testing.T) {
	a, _ := newApp(t, nil)
	functions := handlers(a)
	for _, c := range []struct{ function, event, errorType, message string }{
		{"prepare", `{"job": `, "Permanent", "the event cannot be read"},
		{"prepare", `[]`, "Permanent", "the event cannot be read"},
		{"prepare", `{}`, "Permanent", `"" is not a job: want <tenant>_<id>`},
		{"prepare", `{"job": "demo_none"}`, "Permanent", ""},
		{"ingest", `{"job": "demo_none", "batch": "first"}`, "Permanent", "the event cannot be read"},
		{"plan", strings.Repeat(" ", maxEvent+1), "Permanent", "the event has 6291457 bytes, want at most 6291456"},
		{"generator", `{}`, "Permanent", "the event holds no messages"},
		{"scorer", `{"Records": 1}`, "Permanent", "the event cannot be read"},
		{"settle", `{"job": "a b"}`, "Permanent", `"a b" is not a job: want <tenant>_<id>`},
		{"settle", `{"detail-type": "Scheduled Event", "detail": {}}`, "Permanent", `detail-type is "Scheduled Event", want "Step Functions Execution Status Change"`},
		{"settle", `{"detail-type": "Step Functions Execution Status Change", "detail": {"name": "demo_x", "status": "LOST"}}`, "Permanent", `detail.status is "LOST", want that of an execution`},
		{"sweeper", `"now"`, "Permanent", "the event cannot be read"},
	} {
		f := failure(t, functions[c.function], c.event)
		if f.Type != c.errorType || c.message != "" && f.Message != c.message || f.ShouldExit {
			t.Errorf("%s(%.60s) failed with %+v, want %s: %s", c.function, c.event, f, c.errorType, c.message)
		}
	}
}

// What leaves is the kind and the detail; the cause stays in the log.
func TestNamed(t *testing.T) {
	secret := errors.New("at 10.0.0.7")
	for _, c := range []struct {
		err           error
		name, message string
	}{
		{dataset.Errorf(dataset.Throttled, "read the table: %w", secret), "Throttled", "read the table"},
		{dataset.Errorf(dataset.Unavailable, "read the table: %w", secret), "Unavailable", "read the table"},
		{dataset.Errorf(dataset.Conflict, "job x is failed"), "Permanent", "job x is failed"},
		{&dataset.Refused{At: []int{1}}, "Permanent", "condition of write [1] did not hold"},
		{context.DeadlineExceeded, "Unavailable", "the time of the function was over"},
		{secret, "Internal", "unexpected failure; the log says more"},
		{dataset.Errorf(dataset.Invalid, "%s", strings.Repeat("x", 2*maxMessage)), "Permanent", strings.Repeat("x", maxMessage)},
		{dataset.Errorf(dataset.Invalid, "x%s", strings.Repeat("é", maxMessage)), "Permanent", "x" + strings.Repeat("é", maxMessage/2-1)},
	} {
		if got := named(c.err); got.Type != c.name || got.Message != c.message {
			t.Errorf("named(%.40v) = %s: %.80s; want %s: %.80s", c.err, got.Type, got.Message, c.name, c.message)
		}
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	a, _ := newApp(t, &log)
	f := failure(t, handle(a, "broken", func(context.Context, struct{}) (struct{}, error) { panic("unit 7 is lost") }), `{}`)
	if f.Type != "Internal" || strings.Contains(f.Message, "unit 7") || !f.ShouldExit {
		t.Errorf("a panic is %+v, want Internal, without its text, and the end of the process", f)
	}
	if s := log.String(); !strings.Contains(s, "unit 7 is lost") || !strings.Contains(s, "handlers_test.go") {
		t.Errorf("the log does not say where: %s", s)
	}
}

func TestLogLines(t *testing.T) {
	var log bytes.Buffer
	a, _ := newApp(t, &log)
	if _, err := handle(a, "echo", func(_ context.Context, s string) (string, error) { return s, nil }).Invoke(t.Context(), []byte(`"text"`)); err != nil {
		t.Fatal(err)
	}
	failure(t, a.Prepare(), `{"job": "x"}`)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("two calls wrote %d lines: %s", len(lines), log.String())
	}
	for i, want := range []map[string]any{
		{"msg": "done", "function": "echo"}, {"msg": "failed", "function": "prepare", "kind": "invalid"},
	} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatal(err)
		}
		for key, value := range want {
			if line[key] != value {
				t.Errorf("line %d has %s %v, want %v", i, key, line[key], value)
			}
		}
		if _, ok := line["took_ms"]; !ok {
			t.Errorf("line %d does not say how long it took: %s", i, lines[i])
		}
	}
}

func TestWorker(t *testing.T) {
	a, _ := newApp(t, nil)
	var handled []string
	h := a.worker("test", func(ctx context.Context, body []byte) error {
		handled = append(handled, string(body))
		switch string(body) {
		case "bad":
			return dataset.Errorf(dataset.Invalid, "no JSON")
		case "panic":
			panic("broken invariant")
		case "slow":
			<-ctx.Done()
		}
		return nil
	})
	batch := func(bodies ...string) []byte {
		var e events.SQSEvent
		for _, b := range bodies {
			e.Records = append(e.Records, events.SQSMessage{MessageId: "id-" + b, Body: b})
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		bodies  []string
		handled []string
		want    string
	}{
		{"all", []string{"a", "b"}, []string{"a", "b"}, `{"batchItemFailures":[]}`},
		{"some", []string{"a", "bad", "panic", "b"}, []string{"a", "bad", "panic", "b"}, `{"batchItemFailures":[{"itemIdentifier":"id-bad"},{"itemIdentifier":"id-panic"}]}`},
		{"out of time", []string{"a", "slow", "b"}, []string{"a", "slow"}, `{"batchItemFailures":[{"itemIdentifier":"id-b"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled = nil
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				answer, err := h.Invoke(ctx, batch(c.bodies...))
				if err != nil || string(answer) != c.want {
					t.Errorf("answered %s, %v; want %s", answer, err, c.want)
				}
				if !slices.Equal(handled, c.handled) {
					t.Errorf("handled %q, want %q", handled, c.handled)
				}
				if took := time.Since(began); took > time.Minute-reserve {
					t.Errorf("took %v of a minute, want %v left", took, reserve)
				}
			})
		})
	}
}

// A body that cannot be read comes again until the queue gives it up.
func TestUnreadableBodies(t *testing.T) {
	a, _ := newApp(t, nil)
	for _, body := range []string{``, `{`, `{"job": "demo_handbook", "lane": 99}`, `{"job": "", "lane": 0}`, `[1]`} {
		b, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}})
		if err != nil {
			t.Fatal(err)
		}
		for name, h := range map[string]lambda.Handler{"generator": a.Generator(), "scorer": a.Scorer()} {
			answer, err := h.Invoke(t.Context(), b)
			if want := `{"batchItemFailures":[{"itemIdentifier":"m"}]}`; err != nil || string(answer) != want {
				t.Errorf("%s answers to %q with %s, %v; want %s", name, body, answer, err, want)
			}
		}
	}
}

func TestSettleInput(t *testing.T) {
	change := func(status, more string) string {
		return `{"detail-type": "Step Functions Execution Status Change", "detail": {"name": "demo_x", "status": "` + status + `"` + more + `}}`
	}
	for _, c := range []struct {
		event string
		want  pipeline.SettleInput
		over  bool
	}{
		{`{"job": "demo_x", "failure": {"Error": "Permanent", "Cause": "c"}}`, pipeline.SettleInput{Job: "demo_x", Failure: pipeline.Failure{Error: "Permanent", Cause: "c"}}, true},
		{`{"job": "demo_x", "failure": {"Error": "States.Timeout"}}`, pipeline.SettleInput{Job: "demo_x", Failure: pipeline.Failure{Error: "States.Timeout"}}, true},
		{change("ABORTED", ""), pipeline.SettleInput{Job: "demo_x", Failure: pipeline.Failure{Error: "the workflow aborted"}}, true},
		{change("FAILED", `, "error": "Permanent", "cause": "why"`), pipeline.SettleInput{Job: "demo_x", Failure: pipeline.Failure{Error: "the workflow failed: Permanent", Cause: "why"}}, true},
		{change("SUCCEEDED", `, "error": null, "cause": null`), pipeline.SettleInput{Job: "demo_x", Failure: pipeline.Failure{Error: "the workflow succeeded"}}, true},
		{change("RUNNING", ""), pipeline.SettleInput{}, false},
	} {
		var e settleEvent
		if err := json.Unmarshal([]byte(c.event), &e); err != nil {
			t.Fatal(err)
		}
		if in, over, err := e.input(); in != c.want || over != c.over || err != nil {
			t.Errorf("input of %s = %+v, %v, %v; want %+v, %v", c.event, in, over, err, c.want, c.over)
		}
	}
}

// Events come from outside: none may end in anything but an answer or a named error.
func FuzzEvents(f *testing.F) {
	for _, sample := range []string{"prepare", "ingest", "assemble", "settle", "settle-ended", "generator", "scorer", "sweeper"} {
		f.Add(event(f, sample))
	}
	a, _ := newApp(f, nil)
	functions := handlers(a)
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, h := range functions {
			answer, err := h.Invoke(t.Context(), b)
			if failed, ok := errors.AsType[messages.InvokeResponse_Error](err); err != nil && (!ok || failed.ShouldExit || failed.Type == "") {
				t.Errorf("%s fails with %#v", name, err)
			} else if err == nil && !json.Valid(answer) {
				t.Errorf("%s answers %q", name, answer)
			}
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	a, _ := newApp(b, nil)
	h, sample := a.worker("bench", func(context.Context, []byte) error { return nil }), event(b, "generator")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Invoke(b.Context(), sample); err != nil {
			b.Fatal(err)
		}
	}
}
