package asl

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// trial is a job taken through processes that die. An engine is abandoned with its process, not stopped.
type trial struct {
	*world
	answered map[string]bool         // tokens
	next     func() *porttest.Faults // those of the next life
	stopped  bool                    // the job is to be stopped once lanes wait
}

// live runs the job until it is over and off the list, and returns its end and how many lives it took.
func (tr *trial) live(t *testing.T) (execution, int) {
	for lives := 1; ; lives++ {
		if lives > 1_000 {
			t.Fatal("the job does not end")
		}
		ctx := porttest.NewProcess().Context(t.Context())
		faults := tr.next()
		tr.boot(ctx, faults.Table(tr.table), faults.Queue(tr))
		for porttest.Alive(ctx) == nil {
			if tr.visit(ctx) {
				tr.halt()
				tr.halt = nil
				end, err := (&Engine{c: Config{Table: tr.table}}).load(t.Context(), job, nil)
				if err != nil {
					t.Fatal(err)
				}
				return end.execution, lives
			}
			time.Sleep(time.Second)
		}
	}
}

// visit does what clients and lanes do, as far as the process lets them; true when the job is over.
func (tr *trial) visit(ctx context.Context) bool {
	if tr.engine.Start(ctx, job) != nil {
		return false
	}
	lanes := tr.lanes()
	if tr.stopped && len(lanes) > 0 && tr.engine.Stop(ctx, job, "cancelled") != nil {
		return false
	}
	for _, m := range lanes {
		if !tr.answered[m.Token] && !tr.stopped {
			err := tr.engine.Answer(ctx, m.Token, []byte(`{}`))
			tr.answered[m.Token] = err == nil || dataset.Is(err, dataset.NotFound)
		}
	}
	synctest.Wait()
	status, err := tr.engine.Status(ctx, job)
	return err == nil && status != dataset.ExecutionRunning && len(tr.rows(listPK)) == 0
}

// check holds a job's way against what may not happen whatever fails.
func (tr *trial) check(t *testing.T, r execution) {
	t.Helper()
	want := dataset.ExecutionSucceeded
	if tr.stopped {
		want = dataset.ExecutionAborted
	}
	if r.Status != want {
		t.Errorf("status = %s (%s %s), want %s", r.Status, r.Error, r.Cause, want)
	}
	if took := r.Ended.Sub(r.Started); took > 12*time.Hour {
		t.Errorf("it took %v: it waited for a lane's timeout, so something was lost", took)
	}
	tokens := map[int]string{}
	for _, m := range tr.messages {
		if old := tokens[m.Lane]; old != "" && old != m.Token || m.Attempt != 0 {
			t.Errorf("lane %d has a second token, though no attempt failed", m.Lane)
		}
		tokens[m.Lane] = m.Token
	}
	if len(tokens) != tr.size[1] && !tr.stopped {
		t.Errorf("messages went to %d lanes, want %d", len(tokens), tr.size[1])
	}
	if told := len(tr.ends) > 0; told != tr.stopped {
		t.Errorf("ends told: %v", tr.ends)
	}
	if tr.stopped {
		return
	}
	// A step may come again, but never before one that it rests on, nor one of before after it.
	order, at := []string{"Prepare", "Ingest", "Plan", "Curate", "Assemble", "Publish"}, 0
	steps := map[string]bool{}
	for _, line := range tr.calls {
		_, call, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(call, " ")
		steps[call] = true
		for at < len(order) && order[at] != name {
			at++
		}
	}
	if at == len(order) {
		t.Errorf("the steps are out of order:\n%s", strings.Join(tr.calls, "\n"))
	}
	if want := 4 + tr.size[0] + tr.size[2]; len(steps) != want {
		t.Errorf("%d different steps were called, want %d", len(steps), want)
	}
}

// TestEveryCallIsACrashPoint lets the process die at each call of a port in turn, before it took effect and after.
func TestEveryCallIsACrashPoint(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		for _, crash := range []porttest.CrashPoint{porttest.CrashBefore, porttest.CrashAfter} {
			points := 0
			for more := true; more; points++ {
				bubble(t, func(t *testing.T, w *world) {
					w.size = [3]int{2, 2, 1}
					death := int64(points + 1)
					tr := &trial{world: w, answered: map[string]bool{}, stopped: stopped, next: func() *porttest.Faults {
						at := death
						death = 0
						return &porttest.Faults{Decide: func(_ context.Context, c porttest.Call) (f porttest.Fault) {
							if c.N == at {
								f.Crash = crash
							}
							return f
						}}
					}}
					r, lives := tr.live(t)
					tr.check(t, r)
					more = lives > 1
				})
				if t.Failed() {
					t.Fatalf("stopped %v, died at call %d, point %d of it", stopped, points+1, crash)
				}
			}
			if points < 20 {
				t.Errorf("only %d calls were crash points", points)
			}
		}
	}
}

// TestSeededFaults fails calls by chance: before, after, throttled, and with the process. Functions fail too.
func TestSeededFaults(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		bubble(t, func(t *testing.T, w *world) {
			dice := rand.New(rand.NewPCG(seed, 1))
			w.size = [3]int{dice.IntN(5), 1 + dice.IntN(60), dice.IntN(45)}
			var mu sync.Mutex
			for name, f := range w.functions {
				w.functions[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
					mu.Lock()
					fails, panics, wait := dice.Float64() < 0.05, dice.Float64() < 0.1, dice.IntN(5000)
					mu.Unlock()
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(time.Duration(wait) * time.Millisecond):
					}
					if fails && panics {
						panic("boom")
					} else if fails {
						return nil, dataset.Errorf(dataset.Unavailable, "not now")
					}
					return f(ctx, input)
				}
			}
			tr := &trial{world: w, answered: map[string]bool{}, stopped: dice.IntN(4) == 0}
			tr.next = func() *porttest.Faults {
				mu.Lock()
				defer mu.Unlock()
				return &porttest.Faults{Decide: porttest.Random(dice.Uint64(), porttest.Rates{
					CrashBefore: 0.005, CrashAfter: 0.005, FailBefore: 0.05, FailAfter: 0.05, Throttle: 0.05, Duplicate: 0.05,
					Delay: 0.02, MaxDelay: 5 * time.Second,
				})}
			}
			r, _ := tr.live(t)
			tr.check(t, r)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestConcurrentAnswers answers forty lanes at once, each from two sides: each token counts once.
func TestConcurrentAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.size = [3]int{0, 40, 0}
		w.start()
		w.begin(job)
		var mu sync.Mutex
		got := map[string]int{}
		var all sync.WaitGroup
		for _, m := range append(w.lanes(), w.lanes()...) {
			all.Go(func() {
				err := w.answer(m.Token)
				mu.Lock()
				defer mu.Unlock()
				got[fmt.Sprint(dataset.KindOf(err))]++
			})
		}
		all.Wait()
		if got[""] != 40 || got["not_found"] != 40 {
			t.Errorf("answers = %v, want 40 accepted and 40 not found", got)
		}
		w.want(job, dataset.ExecutionSucceeded, "")
	})
}
