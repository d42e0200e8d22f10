package asl

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"compileo/infra"
	"compileo/internal/dataset"
)

// The scenarios here run the workflow that is deployed, against the behaviour that AWS documents.

const job = "t_1"

func TestNormalJob(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{2, 3, 1}
		w.start()
		w.begin(job)
		lanes := w.lanes()
		for i, m := range lanes {
			if m.Job != job || m.Lane != i || m.Attempt != 0 || len(m.Token) < 26+len(job) || len(m.Token) > 1024 {
				t.Errorf("message %d = %+v", i, m)
			}
		}
		for _, i := range []int{2, 0, 1} {
			if got := w.lines(&w.calls, "Curate"); len(got) != 0 {
				t.Fatal("Curate was called before all lanes were answered")
			}
			w.want(job, dataset.ExecutionRunning, "")
			w.mustAnswer(lanes[i].Token)
			if err := w.answer(lanes[i].Token); !dataset.Is(err, dataset.NotFound) {
				t.Errorf("second Answer = %v, want NotFound", err)
			}
		}
		r := w.want(job, dataset.ExecutionSucceeded, "")
		if r.Events != 36+7*3+8*3 {
			t.Errorf("events = %d, want %d", r.Events, 36+7*3+8*3)
		}
		calls := w.lines(&w.calls, "")
		for _, i := range []int{1, 2} { // iterations run beside each other
			if strings.Contains(calls[i], `"batch":`+strconv.Itoa(2-i)) {
				calls[1], calls[2] = calls[2], calls[1]
				break
			}
		}
		wantLines(t, "calls", calls,
			`+0s Prepare {"job":"t_1"}`,
			`+0s Ingest {"job":"t_1","batch":0}`,
			`+0s Ingest {"job":"t_1","batch":1}`,
			`+0s Plan {"job":"t_1"}`,
			`+0s Curate {"job":"t_1"}`,
			`+0s Assemble {"job":"t_1","part":0}`,
			`+0s Publish {"job":"t_1"}`)
		wantLines(t, "states", w.states(), "Prepare", "Ingest", "Kind", "Plan", "Lanes", "Curate", "Assemble", "Publish")
		wantLines(t, "ends", w.lines(&w.ends, ""))
		if n := len(w.rows(listPK)); n != 0 {
			t.Errorf("the list holds %d executions, want none", n)
		}
	})
}

// TestHistory compares with counts measured on interpreters of AWS's history.
func TestHistory(t *testing.T) {
	for _, c := range []struct {
		size   [3]int
		kind   string
		events int
	}{
		{[3]int{}, "generate", 36},
		{[3]int{10, 40, 10}, "generate", 496},
		{[3]int{10, 8, 100}, "generate", 870},
		{[3]int{2000, 0, 0}, "generate", 36 + 7*2000},
		{[3]int{3, 40, 100}, "process", 1 + 5 + 4 + 7*3 + 2 + 5 + 1},
	} {
		t.Run(fmt.Sprint(c.kind, c.size), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.size, w.kind = c.size, c.kind
				w.start()
				w.begin(job)
				for _, m := range w.lanes() {
					w.mustAnswer(m.Token)
				}
				if r := w.want(job, dataset.ExecutionSucceeded, ""); r.Events != c.events {
					t.Errorf("events = %d, want %d", r.Events, c.events)
				}
				if c.kind == "process" {
					wantLines(t, "states", w.states(), "Prepare", "Ingest", "Kind", "Publish")
				}
				if n := len(w.lines(&w.calls, "Ingest")); n != c.size[0] {
					t.Errorf("%d calls of Ingest, want %d", n, c.size[0])
				}
				if n := len(w.lines(&w.calls, "Plan")); (n == 1) != (c.kind == "generate") {
					t.Errorf("%d calls of Plan for kind %s", n, c.kind)
				}
			})
		})
	}
}

// TestHistoryLimit lets machines go in circles: AWS ends them at 25,000 events, and so do we.
func TestHistoryLimit(t *testing.T) {
	const choice = `{"StartAt": "A", "TimeoutSeconds": 60, "States": {
		"A": {"Type": "Choice", "Choices": [{"Variable": "$.job", "StringEquals": "stop", "Next": "B"}], "Default": "A"},
		"B": {"Type": "Fail", "ErrorPath": "$.job"}}}`
	const step = `{"StartAt": "A", "TimeoutSeconds": 60, "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
		"Parameters": {"FunctionName": "${PrepareFunction}", "Payload": 1}, "ResultPath": null, "Next": "A"}}}`
	for _, c := range []struct{ definition, name, failure string }{
		{choice, "go", errRuntime},
		{choice, "stop", "stop"},
		{step, "go", errRuntime},
	} {
		bubble(t, func(t *testing.T, w *world) {
			w.machine = parse(t, c.definition)
			w.start()
			w.begin(c.name)
			if r := w.want(c.name, dataset.ExecutionFailed, c.failure); (r.Events > maxEvents) != (c.failure == errRuntime) {
				t.Errorf("%d events", r.Events)
			}
		})
	}
}

func TestFortyFirstLaneWaits(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 41, 0}
		w.start()
		w.begin(job)
		lanes := w.lanes()
		if len(lanes) != 40 || lanes[0].Group != "t" {
			t.Fatalf("%d messages are out, the first of group %q, want 40 of the tenant", len(lanes), lanes[0].Group)
		}
		time.Sleep(time.Hour)
		w.mustAnswer(lanes[7].Token)
		if lanes = w.lanes(); len(lanes) != 41 || lanes[40].Lane != 40 {
			t.Fatalf("after an answer %d messages are out, the last for lane %d, want 41 and 40", len(lanes), lanes[len(lanes)-1].Lane)
		}
		for i, m := range lanes {
			if i != 7 {
				w.mustAnswer(m.Token)
			}
		}
		w.want(job, dataset.ExecutionSucceeded, "")
	})
}

func TestLaneTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 2, 0}
		w.start()
		w.begin(job)
		old := w.lanes()
		w.mustAnswer(old[1].Token)
		time.Sleep(86400*time.Second - 1)
		if n := len(w.lanes()); n != 2 {
			t.Fatalf("%d messages before the timeout, want 2", n)
		}
		time.Sleep(time.Nanosecond)
		if err := w.answer(old[0].Token); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("Answer after the timeout = %v, want NotFound", err)
		}
		time.Sleep(time.Second) // the retrier's interval
		lanes := w.lanes()
		if len(lanes) != 3 || lanes[2].Lane != 0 || lanes[2].Attempt != 1 || lanes[2].Token == old[0].Token {
			t.Fatalf("messages = %+v, want one more for lane 0, attempt 1, with a new token", lanes)
		}
		if err := w.answer(old[0].Token); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("Answer under the old token = %v, want NotFound", err)
		}
		w.mustAnswer(lanes[2].Token)
		if r := w.want(job, dataset.ExecutionSucceeded, ""); r.Events != 36+8*2+4 {
			t.Errorf("events = %d, want %d", r.Events, 36+8*2+4)
		}
	})
}

func TestTimeoutsExhausted(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.machine = parse(t, strings.Replace(string(infra.Workflow), `"TimeoutSeconds": 86400`, `"TimeoutSeconds": 60`, 1))
		w.size = [3]int{0, 3, 0}
		w.start()
		w.begin(job)
		time.Sleep(40*61*time.Second + 59*time.Second) // lanes time out together
		if n := len(w.lanes()); n != 3*41 {
			t.Errorf("%d messages, want %d", n, 3*41)
		}
		w.want(job, dataset.ExecutionRunning, "")
		open := w.lanes()[3*40:]
		time.Sleep(time.Second)
		w.want(job, dataset.ExecutionFailed, errTimeout)
		wantLines(t, "Settle", w.lines(&w.calls, "Settle"), `+41m40s Settle {"job":"t_1","failure":{"Error":"States.Timeout"}}`)
		wantLines(t, "ends", w.lines(&w.ends, ""), "+41m40s t_1 failed")
		for _, m := range open {
			if err := w.answer(m.Token); !dataset.Is(err, dataset.NotFound) {
				t.Errorf("Answer of lane %d = %v, want NotFound", m.Lane, err)
			}
		}
	})
}

// permanent is an error that no retrier repeats.
func permanent(context.Context, json.RawMessage) (json.RawMessage, error) {
	return nil, dataset.Errorf(dataset.Invalid, "no good")
}

func TestStepFails(t *testing.T) {
	for _, c := range []struct {
		name     string
		function string
		do       Function
		failure  string // that Settle is told; empty: it is not called
		status   string // the error of the execution
		took     time.Duration
	}{
		{
			"permanent errors are not retried", "PlanFunction", permanent,
			`{"Error":"Permanent","Cause":"{\"errorMessage\":\"no good\",\"errorType\":\"Permanent\"}"}`, "Permanent", 0,
		},
		{
			"other errors are retried ten times, with waits that double", "PlanFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return nil, fmt.Errorf("secret: %w", dataset.Errorf(dataset.Throttled, "slow down"))
			},
			`{"Error":"throttled","Cause":"{\"errorMessage\":\"slow down\",\"errorType\":\"throttled\"}"}`, "throttled", 2046 * time.Second,
		},
		{
			"what an unknown error says stays inside", "PublishFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, fmt.Errorf("secret") },
			`{"Error":"internal","Cause":"{\"errorMessage\":\"an internal error\",\"errorType\":\"internal\"}"}`, "internal", 2046 * time.Second,
		},
		{
			"a panic is an error of the task", "CurateFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) { panic("boom") },
			`{"Error":"Internal","Cause":"{\"errorMessage\":\"the function did not return\",\"errorType\":\"Internal\"}"}`, "Internal", 14 * time.Second,
		},
		{
			"so is the end of its goroutine", "CurateFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) { runtime.Goexit(); return nil, nil },
			`{"Error":"Internal","Cause":"{\"errorMessage\":\"the function did not return\",\"errorType\":\"Internal\"}"}`, "Internal", 14 * time.Second,
		},
		{
			"and an output that is not JSON", "CurateFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`{`), nil },
			`{"Error":"Internal","Cause":"{\"errorMessage\":\"the function's output is not JSON\",\"errorType\":\"Internal\"}"}`, "Internal", 14 * time.Second,
		},
		{
			"one part of three fails", "AssembleFunction",
			func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				if strings.Contains(string(input), `"part":1`) {
					return permanent(ctx, input)
				}
				<-ctx.Done() // the others are aborted
				return nil, ctx.Err()
			},
			`{"Error":"Permanent","Cause":"{\"errorMessage\":\"no good\",\"errorType\":\"Permanent\"}"}`, "Permanent", 0,
		},
		{"Settle itself fails", "SettleFunction", permanent, "", "Permanent", 0},
		{
			"a missing field ends the execution without Settle", "PlanFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return json.RawMessage(`{"lane":[1]}`), nil
			},
			"", errRuntime, 0,
		},
		{
			"a list that is none does too", "PrepareFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return json.RawMessage(`{"batches":null}`), nil
			},
			"", errRuntime, 0,
		},
		{
			"so does a choice of nothing", "PrepareFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return json.RawMessage(`{"batches":[]}`), nil
			},
			"", errRuntime, 0,
		},
		{
			"so does an output over the limit", "PrepareFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return encode(strings.Repeat("<", 256<<10-1)), nil
			},
			"", errDataLimit, 0,
		},
		{
			"so does a dropped one", "IngestFunction",
			func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return encode(strings.Repeat("<", 256<<10-1)), nil
			},
			"", errDataLimit, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.size = [3]int{1, 0, 3}
				if c.function == "SettleFunction" {
					w.functions["PlanFunction"] = permanent
				}
				w.functions[c.function] = c.do
				w.start()
				w.begin(job)
				time.Sleep(time.Hour)
				r := w.want(job, dataset.ExecutionFailed, c.status)
				if took := r.Ended.Sub(r.Started); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				wantLines(t, "ends", w.lines(&w.ends, ""), fmt.Sprintf("+%v t_1 failed", c.took))
				settle := w.lines(&w.calls, "Settle")
				if c.failure != "" {
					wantLines(t, "Settle", settle, fmt.Sprintf(`+%v Settle {"job":"t_1","failure":%s}`, c.took, c.failure))
				} else if c.function != "SettleFunction" {
					wantLines(t, "Settle", settle)
				}
				if !strings.HasPrefix(c.function, "P") && len(w.lines(&w.calls, "Publish")) != 0 {
					t.Error("Publish was called")
				}
			})
		})
	}
}

func TestStepRetried(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{1, 1, 1}
		tries := map[string]int{}
		for _, name := range []string{"PrepareFunction", "IngestFunction", "AssembleFunction"} {
			f := w.functions[name]
			w.functions[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				if tries[name]++; tries[name] <= 2 {
					return nil, dataset.Errorf(dataset.Unavailable, "not yet")
				}
				return f(ctx, input)
			}
		}
		w.start()
		w.begin(job)
		time.Sleep(time.Minute)
		w.mustAnswer(w.lanes()[0].Token)
		time.Sleep(time.Minute)
		if r := w.want(job, dataset.ExecutionSucceeded, ""); r.Events != 36+7*2+8+3*6 {
			t.Errorf("events = %d, want %d", r.Events, 36+7*2+8+3*6)
		}
		wantLines(t, "calls", w.lines(&w.calls, ""),
			`+0s Prepare {"job":"t_1"}`, `+2s Prepare {"job":"t_1"}`, `+6s Prepare {"job":"t_1"}`,
			`+6s Ingest {"job":"t_1","batch":0}`, `+8s Ingest {"job":"t_1","batch":0}`, `+12s Ingest {"job":"t_1","batch":0}`,
			`+12s Plan {"job":"t_1"}`, `+1m0s Curate {"job":"t_1"}`,
			`+1m0s Assemble {"job":"t_1","part":0}`, `+1m2s Assemble {"job":"t_1","part":0}`, `+1m6s Assemble {"job":"t_1","part":0}`,
			`+1m6s Publish {"job":"t_1"}`)
	})
}
