package asl

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// TestCallerDies lets callers die while the table writes what they asked for: it counts, though nobody learns
// of it and nobody asks again.
func TestCallerDies(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 1, 0}
		point := porttest.NoCrash
		faults := &porttest.Faults{Decide: func(ctx context.Context, c porttest.Call) (f porttest.Fault) {
			if ctx.Value(caller{}) != nil && c.Method == "Write" {
				f.Crash = point
			}
			return f
		}}
		w.boot(t.Context(), faults.Table(w.table), w)
		dying := func(what string, at porttest.CrashPoint, call func(ctx context.Context) error) {
			t.Helper()
			point = at
			ctx := porttest.NewProcess().Context(context.WithValue(t.Context(), caller{}, true))
			if err := call(ctx); !dataset.Is(err, dataset.Unavailable) {
				t.Fatalf("%s of a caller that dies = %v, want Unavailable", what, err)
			}
		}
		start := func(ctx context.Context) error { return w.engine.Start(ctx, job) }
		answer := func(ctx context.Context) error { return w.engine.Answer(ctx, w.lanes()[0].Token, []byte(`{}`)) }
		stop := func(ctx context.Context) error { return w.engine.Stop(ctx, "t_2", "") }

		dying("Start", porttest.CrashBefore, start)
		if _, err := w.engine.Status(t.Context(), job); !dataset.Is(err, dataset.NotFound) {
			t.Fatalf("Status = %v, want NotFound: the start was lost", err)
		}
		dying("Start", porttest.CrashAfter, start)
		w.want(job, dataset.ExecutionRunning, "")
		dying("Answer", porttest.CrashBefore, answer)
		w.want(job, dataset.ExecutionRunning, "")
		dying("Answer", porttest.CrashAfter, answer)
		w.want(job, dataset.ExecutionSucceeded, "")

		w.begin("t_2")
		dying("Stop", porttest.CrashBefore, stop)
		w.want("t_2", dataset.ExecutionRunning, "")
		dying("Stop", porttest.CrashAfter, stop)
		w.want("t_2", dataset.ExecutionAborted, "")
		wantLines(t, "ends", w.lines(&w.ends, ""), "+0s t_2 aborted")
	})
}

// caller marks the contexts of callers.
type caller struct{}

// TestLostAnswerIsRepeated: an answer that took effect though the call failed is no dead token to its caller.
func TestLostAnswerIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 1, 0}
		failures := 0
		faults := &porttest.Faults{Decide: func(ctx context.Context, c porttest.Call) (f porttest.Fault) {
			if ctx.Value(caller{}) != nil && c.Method == "Write" {
				failures++
				f.After = dataset.Errorf(dataset.Unavailable, "the answer was lost")
			}
			return f
		}}
		w.boot(t.Context(), faults.Table(w.table), w)
		w.begin(job)
		ctx := context.WithValue(t.Context(), caller{}, true)
		if err := w.engine.Answer(ctx, w.lanes()[0].Token, []byte(`{}`)); err != nil || failures != 1 {
			t.Errorf("Answer = %v after %d failures, want success after one", err, failures)
		}
		w.want(job, dataset.ExecutionSucceeded, "")
	})
}

// TestFailedIterationAbortsOthers: they end while Settle still runs, not only with the execution.
func TestFailedIterationAbortsOthers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 0, 3}
		var others sync.WaitGroup
		others.Add(2)
		w.functions["AssembleFunction"] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			if strings.Contains(string(input), `"part":1`) {
				return permanent(ctx, input)
			}
			<-ctx.Done()
			others.Done()
			return nil, ctx.Err()
		}
		w.functions["SettleFunction"] = func(context.Context, json.RawMessage) (json.RawMessage, error) {
			others.Wait()
			return nil, nil
		}
		w.start()
		w.begin(job)
		w.want(job, dataset.ExecutionFailed, errPermanent)
	})
}
