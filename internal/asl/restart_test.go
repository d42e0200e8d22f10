package asl

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"compileo/infra"
	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
)

func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{1, 2, 0}
		tries := 0
		w.functions["IngestFunction"] = func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			switch tries++; tries {
			case 1:
				return nil, errors.New("not yet")
			case 2:
				<-ctx.Done() // the engine stops while it runs
				return nil, ctx.Err()
			}
			return nil, nil
		}
		w.start()
		w.begin(job)
		time.Sleep(time.Second)
		w.start() // between the failure and its retry
		time.Sleep(time.Minute)
		w.start()
		wantLines(t, "Ingest", w.lines(&w.calls, "Ingest"),
			`+0s Ingest {"job":"t_1","batch":0}`, `+2s Ingest {"job":"t_1","batch":0}`, `+1m1s Ingest {"job":"t_1","batch":0}`)

		first := w.lanes()
		if len(first) != 2 {
			t.Fatalf("%d messages, want 2", len(first))
		}
		w.start()
		if lanes := w.lanes(); len(lanes) != 2 {
			t.Fatalf("%d messages after a restart, want 2: what was sent is not sent again", len(lanes))
		}
		w.mustAnswer(first[1].Token)
		w.halt()
		time.Sleep(100 * time.Hour) // the deadline passes while no engine runs
		w.start()
		lanes := w.lanes()
		if len(lanes) != 2 {
			t.Fatalf("%d messages, want 2: the retrier waits a second", len(lanes))
		}
		time.Sleep(time.Second)
		if lanes = w.lanes(); len(lanes) != 3 || lanes[2].Lane != 0 || lanes[2].Attempt != 1 {
			t.Fatalf("messages = %+v, want one more for lane 0", lanes)
		}
		w.halt()
		w.mustAnswer(lanes[2].Token) // nobody runs: what is stored counts
		w.start()
		w.want(job, dataset.ExecutionSucceeded, "")
	})
}

func TestEndIsToldAfterRestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.functions["PlanFunction"], w.functions["SettleFunction"] = permanent, permanent
		tries := 0
		w.onEnd = func() error {
			if tries++; tries == 3 {
				panic("boom")
			}
			return errors.New("no")
		}
		w.start()
		w.begin(job)
		time.Sleep(100 * time.Millisecond)
		w.halt()
		wantLines(t, "ends", w.lines(&w.ends, ""), "+0s t_1 failed", "+20ms t_1 failed", "+60ms t_1 failed")
		w.onEnd = nil
		w.start()
		w.start()
		wantLines(t, "ends", w.lines(&w.ends, "")[3:], "+100ms t_1 failed")
		if n := len(w.rows(listPK)); n != 0 {
			t.Errorf("the list holds %d executions, want none", n)
		}
	})
}

// TestOtherWorkflow goes on with a workflow that was changed meanwhile, where an execution cannot.
func TestOtherWorkflow(t *testing.T) {
	file := string(infra.Workflow)
	renamed := strings.ReplaceAll(file, `"Lanes"`, `"Tracks"`)
	before, rest, _ := strings.Cut(file, `"arn:aws:states:::sqs:sendMessage.waitForTaskToken",`)
	_, after, _ := strings.Cut(rest, `"TimeoutSeconds": 86400,`)
	const function = `"arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "${PlanFunction}", "Payload": 1},`
	for name, definition := range map[string]string{
		"the state is gone": renamed,
		"the state is no Map any more": strings.NewReplacer(`"Default": "Plan"`, `"Default": "Lanes"`, `"Plan": {`,
			`"Lanes": {"Type": "Task", "Resource": `+function+` "ResultPath": null, "Next": "Plan"}, "Plan": {`).Replace(renamed),
		"its retriers are others": strings.Replace(file, `{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 40, "BackoffRate": 1},`, ``, 1),
		"its task is a function":  before + function + after,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.size = [3]int{0, 1, 0}
				w.start()
				w.begin(job)
				w.machine = parse(t, definition)
				w.start()
				w.want(job, dataset.ExecutionFailed, errRuntime)
				if n := len(w.lines(&w.ends, "failed")); n != 1 {
					t.Errorf("the end was told %d times, want once", n)
				}
			})
		})
	}
}

func TestDamagedRow(t *testing.T) {
	for _, sk := range []string{inputSK, executionSK} {
		bubble(t, func(t *testing.T, w *world) {
			w.size = [3]int{0, 1, 0}
			w.start()
			w.begin(job)
			w.begin("t_2")
			w.halt()
			row, err := w.table.Get(t.Context(), executionPK(job), sk)
			if err != nil {
				t.Fatal(err)
			}
			row.Data = []byte(`{"entered": "many"}`)
			if err := w.table.Write(t.Context(), dataset.Write{Record: row, If: dataset.Any}); err != nil {
				t.Fatal(err)
			}
			w.start()
			if sk == inputSK {
				w.want(job, dataset.ExecutionFailed, errRuntime)
			} else if _, err := w.engine.Status(t.Context(), job); err == nil || dataset.Is(err, dataset.NotFound) {
				t.Errorf("Status = %v, want an error", err)
			}
			for _, m := range w.lanes() {
				if m.Job == "t_2" {
					w.mustAnswer(m.Token)
				}
			}
			w.want("t_2", dataset.ExecutionSucceeded, "") // the others go on
		})
	}
}

// TestStartAgain starts what is over: nothing happens a second time.
func TestStartAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.functions["PlanFunction"] = permanent
		w.start()
		w.begin(job)
		w.begin(job)
		w.want(job, dataset.ExecutionFailed, errPermanent)
		w.begin(job)
		if n := len(w.lines(&w.ends, "")); n != 1 {
			t.Errorf("the end was told %d times, want once", n)
		}
		if n := len(w.lines(&w.calls, "Prepare")); n != 1 {
			t.Errorf("Prepare was called %d times, want once", n)
		}
	})
}

// eager starts an execution while the list is read, so that Run hears of it twice.
type eager struct {
	*memory.Table
	start func()
}

func (e *eager) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	if start := e.start; start != nil {
		e.start = nil
		start()
	}
	return e.Table.Query(ctx, q)
}

func TestStartWhileListed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		table := &eager{Table: w.table}
		table.start = func() {
			if err := w.engine.Start(t.Context(), job); err != nil {
				t.Error(err)
			}
		}
		prepare := w.functions["PrepareFunction"]
		w.functions["PrepareFunction"] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			time.Sleep(time.Second) // long enough for a second driver to call it too
			return prepare(ctx, input)
		}
		w.boot(t.Context(), table, w)
		time.Sleep(time.Minute)
		w.want(job, dataset.ExecutionSucceeded, "")
		if n := len(w.lines(&w.calls, "Prepare")); n != 1 {
			t.Errorf("Prepare was called %d times, want once", n)
		}
	})
}

// TestDeadlineMoves lets the timer of the execution's end go off too early, as after a change of the clock.
func TestDeadlineMoves(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.functions["PrepareFunction"] = func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		w.start()
		w.begin(job)
		if _, err := w.engine.update(t.Context(), job, 1, nil, func(r *run) {
			r.Deadline, r.changed = r.Deadline.Add(time.Hour), true
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*24*time.Hour + time.Minute)
		w.want(job, dataset.ExecutionRunning, "")
		wantLines(t, "calls", w.lines(&w.calls, ""), `+0s Prepare {"job":"t_1"}`, `+720h0m0s Prepare {"job":"t_1"}`)
		time.Sleep(time.Hour)
		w.want(job, dataset.ExecutionTimedOut, errTimeout)
	})
}

// TestInputOfAnotherState reads an execution whose two rows do not belong together.
func TestInputOfAnotherState(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 1, 0}
		w.start()
		w.begin(job)
		w.halt()
		if err := w.table.Write(t.Context(), dataset.Write{Record: dataset.Record{
			PK: executionPK(job), SK: inputSK, Data: []byte(`{"entered":1,"input":{}}`),
		}, If: dataset.Any}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.load(t.Context(), job, &inputs{}); !dataset.Is(err, dataset.Conflict) {
			t.Errorf("load = %v, want Conflict", err)
		}
	})
}
