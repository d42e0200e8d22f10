package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"compileo/infra"
	"compileo/internal/dataset"
)

func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 3, 0}
		w.start()
		w.begin(job)
		lanes := w.lanes()
		w.mustAnswer(lanes[0].Token)
		if err := w.engine.Stop(t.Context(), job, "cancelled"); err != nil {
			t.Fatal(err)
		}
		if r := w.want(job, dataset.ExecutionAborted, ""); r.Cause != "cancelled" {
			t.Errorf("cause = %q", r.Cause)
		}
		for _, m := range lanes {
			if err := w.answer(m.Token); !dataset.Is(err, dataset.NotFound) {
				t.Errorf("Answer of lane %d = %v, want NotFound", m.Lane, err)
			}
		}
		wantLines(t, "ends", w.lines(&w.ends, ""), "+0s t_1 aborted")
		wantLines(t, "Settle", w.lines(&w.calls, "Settle"))
	})
}

// TestStopEndsFunctions stops an execution whose function and whose queue hang.
func TestStopEndsFunctions(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var ended error
		w.functions["PlanFunction"] = func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			<-ctx.Done()
			ended = context.Cause(ctx)
			return nil, ctx.Err()
		}
		w.start()
		w.begin(job)
		if err := w.engine.Stop(t.Context(), job, ""); err != nil {
			t.Fatal(err)
		}
		w.want(job, dataset.ExecutionAborted, "")
		if !errors.Is(ended, errStopped) {
			t.Errorf("the function's ctx ended with %v, want %v", ended, errStopped)
		}
	})
}

// broken is a queue that cannot be reached until a time, or that refuses everything.
type broken struct {
	*world
	until time.Time
	err   error
}

func (b *broken) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	if b.err != nil {
		return b.err
	}
	if time.Now().Before(b.until) {
		return dataset.Errorf(dataset.Unavailable, "no route")
	}
	return b.world.Send(ctx, queue, messages...)
}

func TestQueueFails(t *testing.T) {
	t.Run("unavailable for a while", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.size = [3]int{0, 2, 0}
			w.boot(t.Context(), w.table, &broken{world: w, until: time.Now().Add(time.Hour)})
			w.begin(job)
			time.Sleep(time.Hour - 1)
			if n := len(w.lanes()); n != 0 {
				t.Fatalf("%d messages, want none yet", n)
			}
			time.Sleep(lastWait)
			if n := len(w.lanes()); n != 2 {
				t.Fatalf("%d messages, want 2", n)
			}
		})
	})
	t.Run("a stop does not wait for it", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.size = [3]int{0, 2, 0}
			w.boot(t.Context(), w.table, &broken{world: w, until: time.Now().Add(time.Hour)})
			w.begin(job)
			time.Sleep(time.Minute)
			if err := w.engine.Stop(t.Context(), job, ""); err != nil {
				t.Fatal(err)
			}
			w.want(job, dataset.ExecutionAborted, "")
			wantLines(t, "ends", w.lines(&w.ends, ""), "+1m0s t_1 aborted")
		})
	})
	t.Run("refuses", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			w.size = [3]int{0, 1, 0}
			w.boot(t.Context(), w.table, &broken{world: w, err: dataset.Errorf(dataset.Invalid, "no such queue")})
			w.begin(job)
			time.Sleep(time.Hour)
			w.want(job, dataset.ExecutionFailed, errSend)
			wantLines(t, "ends", w.lines(&w.ends, ""), "+34m6s t_1 failed") // ten retries
		})
	})
}

func TestMessageTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.functions["PlanFunction"] = func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return encode(map[string]any{"lanes": []any{
				map[string]any{"lane": 7, "tenant": "t"}, map[string]any{"lane": strings.Repeat("x", dataset.MaxMessage), "tenant": "t"},
			}}), nil
		}
		w.start()
		w.begin(job)
		if lanes := w.lanes(); len(lanes) != 1 || lanes[0].Lane != 7 {
			t.Fatalf("messages = %+v, want that of lane 7", lanes)
		}
		time.Sleep(time.Hour)
		w.want(job, dataset.ExecutionFailed, errSend)
		if n := len(w.lanes()); n != 1 {
			t.Errorf("%d messages, want 1: the retries of a lane are its own", n)
		}
	})
}

func TestExecutionTimeout(t *testing.T) {
	for _, held := range []string{"", "PrepareFunction"} {
		t.Run("in "+held, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.size = [3]int{0, 1, 0}
				if held != "" {
					w.functions[held] = func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
						<-ctx.Done()
						return nil, ctx.Err()
					}
				}
				w.start()
				w.begin(job)
				time.Sleep(30*24*time.Hour - 1)
				w.want(job, dataset.ExecutionRunning, "")
				time.Sleep(time.Nanosecond)
				w.want(job, dataset.ExecutionTimedOut, errTimeout)
				wantLines(t, "ends", w.lines(&w.ends, ""), "+720h0m0s t_1 timed_out")
				wantLines(t, "Settle", w.lines(&w.calls, "Settle"))
				for _, m := range w.lanes() {
					if err := w.answer(m.Token); !dataset.Is(err, dataset.NotFound) {
						t.Errorf("Answer = %v, want NotFound", err)
					}
				}
			})
		})
	}
}

// TestFunctionTimeout: a function's time is counted as a message's is.
func TestFunctionTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.machine = parse(t, strings.Replace(string(infra.Workflow), `"OutputPath": "$.Payload"`, `"OutputPath": "$.Payload", "TimeoutSeconds": 10`, 1))
		var ended atomic.Int32
		w.functions["PrepareFunction"] = func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			<-ctx.Done()
			ended.Add(1)
			return nil, ctx.Err()
		}
		w.start()
		w.begin(job)
		time.Sleep(time.Hour)
		w.want(job, dataset.ExecutionFailed, errTimeout)
		wantLines(t, "calls", w.lines(&w.calls, ""),
			`+0s Prepare {"job":"t_1"}`, `+12s Prepare {"job":"t_1"}`, `+26s Prepare {"job":"t_1"}`, `+44s Prepare {"job":"t_1"}`,
			`+1m10s Prepare {"job":"t_1"}`, `+1m52s Prepare {"job":"t_1"}`, `+3m6s Prepare {"job":"t_1"}`,
			`+5m24s Prepare {"job":"t_1"}`, `+9m50s Prepare {"job":"t_1"}`, `+18m32s Prepare {"job":"t_1"}`, `+35m46s Prepare {"job":"t_1"}`, `+35m56s Settle {"job":"t_1","failure":{"Error":"States.Timeout"}}`)
		if n := ended.Load(); n != 11 {
			t.Errorf("%d functions were ended, want 11", n)
		}
	})
}

func TestExecutionsWaitInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size, w.slots = [3]int{0, 1, 0}, 2
		w.start()
		w.halt()
		for i := range 6 { // nobody runs: they are stored
			time.Sleep(time.Nanosecond)
			w.begin(fmt.Sprintf("t_%d", 9-i))
		}
		w.start()
		w.begin("t_3")
		wantRunning := func(names ...string) {
			t.Helper()
			var got []string
			for _, m := range w.lanes() {
				got = append(got, m.Job)
			}
			if !equalSets(got, names) {
				t.Fatalf("sent lanes of %v, want %v", got, names)
			}
		}
		wantRunning("t_9", "t_8")
		if err := w.engine.Stop(t.Context(), "t_7", ""); err != nil { // it waits for its turn, and ends now
			t.Fatal(err)
		}
		w.want("t_7", dataset.ExecutionAborted, "")
		if n := len(w.lines(&w.ends, "t_7 aborted")); n != 1 {
			t.Errorf("the end of t_7 was told %d times, want once", n)
		}
		token := func(name string) string {
			for _, m := range w.lanes() {
				if m.Job == name {
					return m.Token
				}
			}
			return ""
		}
		w.mustAnswer(token("t_8"))
		wantRunning("t_9", "t_8", "t_6")
		w.mustAnswer(token("t_6"))
		wantRunning("t_9", "t_8", "t_6", "t_5")
		time.Sleep(30*24*time.Hour - time.Minute)
		wantRunning("t_9", "t_8", "t_6", "t_5")
		time.Sleep(time.Hour) // those that wait time out too
		for _, name := range []string{"t_9", "t_5", "t_4", "t_3"} {
			w.want(name, dataset.ExecutionTimedOut, errTimeout)
		}
	})
}

// equalSets compares what there is, not how often or in which order.
func equalSets(a, b []string) bool {
	set := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, s := range list {
			m[s] = true
		}
		return m
	}
	return fmt.Sprint(set(a)) == fmt.Sprint(set(b))
}

func TestRunOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		release := make(chan struct{})
		w.functions["PrepareFunction"] = func(context.Context, json.RawMessage) (json.RawMessage, error) {
			<-release // it does not care about its ctx
			return nil, nil
		}
		w.start()
		w.begin(job)
		if err := w.engine.Run(t.Context()); !dataset.Is(err, dataset.Conflict) {
			t.Errorf("second Run = %v, want Conflict", err)
		}
		halted := false
		go func() { w.halt(); halted = true }()
		synctest.Wait()
		if halted {
			t.Error("Run returned before the function did")
		}
		close(release)
		synctest.Wait()
		if !halted {
			t.Error("Run has not returned")
		}
		w.functions["PrepareFunction"] = permanent
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.engine.Run(ctx) }() // the same engine again
		w.want(job, dataset.ExecutionFailed, errPermanent)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestAnswerRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 1, 0}
		w.start()
		w.begin(job)
		token := w.lanes()[0].Token
		for _, c := range []struct {
			token, output string
			kind          dataset.Kind
		}{
			{token, ``, dataset.Invalid},
			{token, `{"a":}`, dataset.Invalid},
			{token, `"` + strings.Repeat("x", maxData-1) + `"`, dataset.Invalid},
			{"", `{}`, dataset.NotFound},
			{"nonsense", `{}`, dataset.NotFound},
			{".", `{}`, dataset.NotFound},
			{job + ".", `{}`, dataset.NotFound},
			{job + "#." + token, `{}`, dataset.NotFound},
			{"t_2" + strings.TrimPrefix(token, job), `{}`, dataset.NotFound},
			{token + strings.Repeat("x", 1024), `{}`, dataset.NotFound},
			{strings.ToLower(token), `{}`, dataset.NotFound},
		} {
			if err := w.engine.Answer(t.Context(), c.token, []byte(c.output)); !dataset.Is(err, c.kind) {
				t.Errorf("Answer(%.50q, %.20q) = %v, want %s", c.token, c.output, err, c.kind)
			}
		}
		if err := w.engine.Answer(t.Context(), token, []byte(`"`+strings.Repeat("x", maxData-2)+`"`)); err != nil {
			t.Errorf("Answer at the limit = %v", err)
		}
		w.want(job, dataset.ExecutionSucceeded, "")
	})
}

// TestLateAnswer answers after a deadline that no engine has noticed yet.
func TestLateAnswer(t *testing.T) {
	now := time.Unix(0, 0)
	r := &run{execution: execution{Deadline: now.Add(time.Hour), Tasks: []attempt{
		{Index: 3, Token: "a", Deadline: now.Add(time.Minute)}, {Index: 4, Again: now}, {Index: 5, Token: "b", Deadline: now.Add(2 * time.Hour)},
	}}}
	for _, c := range []struct {
		token string
		after time.Duration
		want  bool
	}{
		{"", 0, false},
		{"a", time.Minute, false},
		{"b", time.Hour, false},
		{"a", time.Minute - 1, true},
		{"a", time.Minute - 1, false},
		{"b", time.Hour - 1, true},
	} {
		if got := r.answer(c.token, now.Add(c.after)); got != c.want {
			t.Errorf("answer(%q) after %v = %v, want %v", c.token, c.after, got, c.want)
		}
	}
}

// TestStaleResults: what became of an attempt counts only while that attempt is under way.
func TestStaleResults(t *testing.T) {
	r := &run{execution: execution{Entered: 5, Tasks: []attempt{{Index: 1, Retries: 2}, {Index: 2, Again: time.Unix(1, 0)}}}}
	for k, want := range map[key]int{{5, 1, 2}: 0, {4, 1, 2}: -1, {5, 1, 1}: -1, {5, 2, 0}: -1, {5, 3, 0}: -1} {
		if got := r.find(k); got != want {
			t.Errorf("find(%v) = %d, want %d", k, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		for _, name := range []string{"", "a.b", "a#b", "ä", strings.Repeat("a", 81), "a b"} {
			if err := w.engine.Start(t.Context(), name); !dataset.Is(err, dataset.Invalid) {
				t.Errorf("Start(%q) = %v, want Invalid", name, err)
			}
			if err := w.engine.Stop(t.Context(), name, ""); err != nil {
				t.Errorf("Stop(%q) = %v, want success", name, err)
			}
			if _, err := w.engine.Status(t.Context(), name); !dataset.Is(err, dataset.NotFound) {
				t.Errorf("Status(%q) = %v, want NotFound", name, err)
			}
		}
	})
}

func TestNew(t *testing.T) {
	m := parse(t, waiting)
	whole := func() Config {
		return Config{
			Machine: m, Table: newTable(), Queue: &world{}, ErrorName: errorName,
			Queues: map[string]string{"GenerateQueue": "generate"},
		}
	}
	for name, spoil := range map[string]func(*Config){
		"":                    func(*Config) {},
		"no machine":          func(c *Config) { c.Machine = nil },
		"no table":            func(c *Config) { c.Table = nil },
		"no queue port":       func(c *Config) { c.Queue = nil },
		"no error names":      func(c *Config) { c.ErrorName = nil },
		"a negative limit":    func(c *Config) { c.Executions = -1 },
		"a missing queue":     func(c *Config) { c.Queues = nil },
		"a needless queue":    func(c *Config) { c.Queues["ScoreQueue"] = "score" },
		"a needless function": func(c *Config) { c.Functions = map[string]Function{"X": permanent} },
		"a missing function":  func(c *Config) { c.Machine = parse(t, string(infra.Workflow)) },
	} {
		c := whole()
		spoil(&c)
		if _, err := New(c); (err == nil) != (name == "") || err != nil && !dataset.Is(err, dataset.Invalid) {
			t.Errorf("New with %q = %v", name, err)
		}
	}
}
