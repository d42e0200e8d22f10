package porttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// outside is all ports, wrapped, and what they wrap.
type outside struct {
	faults   *porttest.Faults
	table    dataset.Table
	blobs    dataset.Blobs
	queue    dataset.Queue
	workflow dataset.Workflow
	world    *memory.World
	steps    *oneStep
}

func newOutside(decide func(context.Context, porttest.Call) porttest.Fault) *outside {
	f := &porttest.Faults{Decide: decide}
	o := &outside{faults: f, world: memory.New(memory.Options{}), steps: newOneStep()}
	o.table, o.blobs, o.queue, o.workflow = f.Table(o.world.Table), f.Blobs(o.world.Blobs), f.Queue(o.world.Queue), f.Workflow(o.steps)
	return o
}

// seen lists everything that the calls brought about.
func (o *outside) seen(t *testing.T) []string {
	all := effects(t, o.world)
	o.steps.mu.Lock()
	defer o.steps.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(o.steps.status)) {
		all = append(all, "execution "+name+" "+string(o.steps.status[name]))
	}
	return all
}

// steps calls every method of every port once, in this order; each entry is one call.
var steps = []struct {
	method string
	do     func(ctx context.Context, o *outside, w *dataset.BlobWriter, r *io.ReadCloser) error
}{
	{"Table.Write", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.table.Write(ctx, dataset.Write{Record: dataset.Record{PK: "p", SK: "a", Data: []byte(`1`)}, If: dataset.Any})
	}},
	{"Table.Get", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.table.Get(ctx, "p", "a")
		return err
	}},
	{"Table.Query", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.table.Query(ctx, dataset.Query{PK: "p"})
		return err
	}},
	{"Blobs.Put", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.blobs.Put(ctx, "put", []byte("12"))
	}},
	{"Blobs.Get", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.blobs.Get(ctx, "put")
		return err
	}},
	{"Blobs.Range", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.blobs.Range(ctx, "put", 0, 1)
		return err
	}},
	{"Blobs.Stat", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.blobs.Stat(ctx, "put")
		return err
	}},
	{"Blobs.List", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.blobs.List(ctx, "", "")
		return err
	}},
	{"Blobs.Open", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, r *io.ReadCloser) (err error) {
		*r, err = o.blobs.Open(ctx, "put")
		return err
	}},
	{"Blobs.Open.Read", func(_ context.Context, _ *outside, _ *dataset.BlobWriter, r *io.ReadCloser) error {
		_, err := (*r).Read(make([]byte, 1))
		return err
	}},
	{"Blobs.Create", func(ctx context.Context, o *outside, w *dataset.BlobWriter, _ *io.ReadCloser) (err error) {
		*w, err = o.blobs.Create(ctx, "created")
		return err
	}},
	{"Blobs.Create.Write", func(_ context.Context, _ *outside, w *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := (*w).Write([]byte("123"))
		return err
	}},
	{"Blobs.Create.Commit", func(_ context.Context, _ *outside, w *dataset.BlobWriter, _ *io.ReadCloser) error {
		return (*w).Commit()
	}},
	{"Blobs.Create.Abort", func(_ context.Context, _ *outside, w *dataset.BlobWriter, _ *io.ReadCloser) error {
		(*w).Abort()
		return nil
	}},
	{"Blobs.Delete", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.blobs.Delete(ctx, "put")
	}},
	{"Queue.Send", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.queue.Send(ctx, dataset.ScoreQueue, dataset.Message{Body: []byte("hint")})
	}},
	{"Workflow.Start", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.workflow.Start(ctx, "job")
	}},
	{"Workflow.Status", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		_, err := o.workflow.Status(ctx, "job")
		return err
	}},
	{"Workflow.Answer", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.workflow.Answer(ctx, "token 0 of job", []byte(`{}`))
	}},
	{"Workflow.Stop", func(ctx context.Context, o *outside, _ *dataset.BlobWriter, _ *io.ReadCloser) error {
		return o.workflow.Stop(ctx, "job", "cause")
	}},
}

// play makes the calls of steps from first, until one fails, and returns how many were made.
func (o *outside) play(ctx context.Context) (made int, err error) {
	var w dataset.BlobWriter
	var r io.ReadCloser
	for _, step := range steps {
		made++
		if err := step.do(ctx, o, &w, &r); err != nil {
			return made, err
		}
		if err := porttest.Alive(ctx); err != nil { // Abort has no error
			return made, err
		}
	}
	return made, nil
}

// states are what is seen after 0, 1, 2, … of the steps.
func states(t *testing.T) (after [][]string) {
	for n := range len(steps) + 1 {
		o := newOutside(func(_ context.Context, c porttest.Call) porttest.Fault {
			if int(c.N) > n {
				return porttest.Fault{Before: dataset.Errorf(dataset.Internal, "the end")}
			}
			return porttest.Fault{}
		})
		_, _ = o.play(t.Context())
		after = append(after, o.seen(t))
	}
	return after
}

// TestEveryCallIsACrashPoint kills a process before and after each of its calls. What is seen afterwards is
// what its calls brought about until then, whatever it still tries.
func TestEveryCallIsACrashPoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := states(t)
		o := newOutside(nil)
		if made, err := o.play(t.Context()); err != nil {
			t.Fatalf("call %d = %v", made, err)
		}
		calls := o.faults.Calls()
		for _, step := range steps {
			if calls[step.method] != 1 {
				t.Errorf("%d calls of %s, want 1", calls[step.method], step.method)
			}
		}
		if len(calls) != len(steps) {
			t.Errorf("calls of %v, want one of each step", calls)
		}
		for i, step := range steps {
			for point, want := range map[porttest.CrashPoint][]string{porttest.CrashBefore: after[i], porttest.CrashAfter: after[i+1]} {
				o := newOutside(crashAt(int64(i+1), point))
				ctx := porttest.NewProcess().Context(t.Context())
				made, err := o.play(ctx)
				if made != i+1 || !errors.Is(err, porttest.ErrCrashed) {
					t.Errorf("crash at %s: call %d = %v, want ErrCrashed at call %d", step.method, made, err, i+1)
				}
				for _, zombie := range []context.Context{ctx, context.WithoutCancel(ctx)} {
					if made, err := o.play(zombie); made != 1 || !errors.Is(err, porttest.ErrCrashed) {
						t.Errorf("after the crash at %s: call %d = %v, want ErrCrashed at once", step.method, made, err)
					}
				}
				if got := o.seen(t); !slices.Equal(got, want) {
					t.Errorf("crash %d at %s left\n%q, want\n%q", point, step.method, got, want)
				}
			}
		}
	})
}

// crashAt crashes the n-th call.
func crashAt(n int64, point porttest.CrashPoint) func(context.Context, porttest.Call) porttest.Fault {
	return func(_ context.Context, c porttest.Call) porttest.Fault {
		if c.N == n {
			return porttest.Fault{Crash: point}
		}
		return porttest.Fault{}
	}
}

// TestFailures fails each call before and after its effect.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := states(t)
		boom := dataset.Errorf(dataset.Unavailable, "boom")
		for i, step := range steps {
			if step.method == "Blobs.Create.Abort" {
				continue // it has no error
			}
			for _, c := range []struct {
				name  string
				fault porttest.Fault
				want  []string
			}{
				{"before", porttest.Fault{Before: boom}, after[i]},
				{"after", porttest.Fault{After: boom}, after[i+1]},
				{"before, not after", porttest.Fault{Before: boom, After: errors.New("no")}, after[i]},
			} {
				o := newOutside(func(_ context.Context, call porttest.Call) porttest.Fault {
					if call.N == int64(i+1) {
						return c.fault
					}
					return porttest.Fault{}
				})
				made, err := o.play(t.Context())
				if made != i+1 || !errors.Is(err, boom) {
					t.Errorf("%s failing %s: call %d = %v, want it to fail at call %d", step.method, c.name, made, err, i+1)
				}
				if got := o.seen(t); !slices.Equal(got, c.want) {
					t.Errorf("%s failing %s left\n%q, want\n%q", step.method, c.name, got, c.want)
				}
			}
		}
	})
}

// TestDuplicates makes each call come twice and looks at what the second one says.
func TestDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kinds := map[string]dataset.Kind{
			"Blobs.Put": dataset.Conflict, "Blobs.Create.Commit": dataset.Conflict, "Workflow.Answer": dataset.NotFound,
		}
		for i, step := range steps {
			o := newOutside(func(_ context.Context, c porttest.Call) porttest.Fault {
				return porttest.Fault{Duplicate: c.N == int64(i+1)}
			})
			made, err := o.play(t.Context())
			if want := kinds[step.method]; dataset.KindOf(err) != want || want != "" && made != i+1 {
				t.Errorf("%s twice = %v at call %d, want kind %q", step.method, err, made, want)
			}
			got := strings.Join(o.seen(t), "\n")
			for method, effect := range map[string]string{
				"Table.Write": "row a=1 v2", "Queue.Send": "message hint\nmessage hint", "Blobs.Create.Write": "object created 3\n",
				"Blobs.Create.Commit": "object created 3\n", "Blobs.Put": "object put 2",
			} {
				if method == step.method && !strings.Contains(got, effect) {
					t.Errorf("%s twice left\n%s\nwant %q in it", method, got, effect)
				}
			}
		}
	})
}

func TestDelayHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutside(func(context.Context, porttest.Call) porttest.Fault { return porttest.Fault{Delay: time.Minute} })
		began := time.Now()
		if err := o.blobs.Put(t.Context(), "a", []byte("x")); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Put = %v after %v, want success after a minute", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		err := o.blobs.Put(ctx, "b", []byte("x"))
		if !dataset.Is(err, dataset.Unavailable) || time.Since(began) != time.Second {
			t.Errorf("Put = %v after %v, want it to end with its context", err, time.Since(began))
		}
		// A process that is killed while its call is late has no effect either.
		p := porttest.NewProcess()
		ctx = context.WithoutCancel(p.Context(t.Context()))
		time.AfterFunc(time.Second, p.Kill)
		if err := o.blobs.Put(ctx, "c", []byte("x")); !errors.Is(err, porttest.ErrCrashed) {
			t.Errorf("Put of a process that was killed = %v, want ErrCrashed", err)
		}
		if got, want := o.seen(t), []string{"object a 1"}; !slices.Equal(got, want) {
			t.Errorf("left %q, want %q", got, want)
		}
	})
}

// TestFaultless runs the suites through wrappers without faults.
func TestFaultless(t *testing.T) {
	t.Parallel()
	t.Run("Table", func(t *testing.T) {
		porttest.Table(t, func(*testing.T) dataset.Table { return newOutside(nil).table })
	})
	t.Run("Blobs", func(t *testing.T) {
		porttest.Blobs(t, porttest.BlobsHarness{Presign: true, Open: func(t *testing.T) dataset.Blobs {
			return new(porttest.Faults).Blobs(newSigner(t))
		}})
	})
	t.Run("Queue", func(t *testing.T) {
		porttest.Queue(t, porttest.QueueHarness{
			Open: func(*testing.T) porttest.QueueSystem {
				q := memory.New(memory.Options{Visibility: time.Minute, MaxReceives: 3}).Queue
				s := system(q)
				s.Queue = new(porttest.Faults).Queue(q)
				return s
			},
			Visibility: time.Minute, MaxReceives: 3, Fair: true, Virtual: true,
		})
	})
}

func TestRandomIsDeterministic(t *testing.T) {
	rates := porttest.Rates{CrashBefore: .05, CrashAfter: .05, FailBefore: .1, FailAfter: .1, Throttle: .1, Duplicate: .1, Delay: .2, MaxDelay: time.Second}
	draw := func(seed uint64, shuffle bool) map[string]string {
		decide := porttest.Random(seed, rates)
		got := map[string]string{}
		for i := range 2000 {
			key := i % 20
			if shuffle { // the same calls of each key, keys in another order
				key = (i / 100) % 20
			}
			c := porttest.Call{N: int64(i), Port: "Table", Method: "Write", Key: fmt.Sprint(key)}
			f := decide(t.Context(), c)
			got[c.Key] += fmt.Sprint(f.Delay, f.Before, f.After, f.Crash, f.Duplicate, ";")
		}
		return got
	}
	first := draw(1, false)
	if !maps.Equal(first, draw(1, false)) || !maps.Equal(first, draw(1, true)) {
		t.Error("the same seed gave other faults")
	}
	if maps.Equal(first, draw(2, false)) {
		t.Error("another seed gave the same faults")
	}
	if first["0"] == first["1"] {
		t.Error("two keys meet the same faults")
	}
}

func TestRandomKeepsItsRates(t *testing.T) {
	const n = 20_000
	decide := porttest.Random(3, porttest.Rates{CrashBefore: .01, CrashAfter: .02, FailBefore: .03, FailAfter: .04, Throttle: .05, Duplicate: .06, Delay: .07, MaxDelay: time.Second})
	got := map[string]float64{}
	for i := range n {
		f := decide(t.Context(), porttest.Call{Port: "Queue", Method: "Send", Key: fmt.Sprint(i % 100)})
		one := func(name string, hit bool) {
			if hit {
				got[name]++
			}
		}
		one("crash before", f.Crash == porttest.CrashBefore)
		one("crash after", f.Crash == porttest.CrashAfter)
		one("fail before", dataset.Is(f.Before, dataset.Unavailable))
		one("fail after", dataset.Is(f.After, dataset.Unavailable))
		one("throttle", dataset.Is(f.Before, dataset.Throttled))
		one("duplicate", f.Duplicate)
		one("delay", f.Delay > 0 && f.Delay <= time.Second)
	}
	for name, want := range map[string]float64{
		"crash before": .01, "crash after": .02, "fail before": .03, "fail after": .04, "throttle": .05, "duplicate": .06, "delay": .07,
	} {
		if share := got[name] / n; share < want*.8 || share > want*1.2 {
			t.Errorf("%s befell %.4f of the calls, want about %.2f", name, share, want)
		}
	}
}

func BenchmarkFaults(b *testing.B) {
	o := newOutside(porttest.Random(1, porttest.Rates{FailBefore: .1}))
	ctx := porttest.NewProcess().Context(b.Context())
	for b.Loop() {
		_, _ = o.blobs.Stat(ctx, "none")
	}
}
