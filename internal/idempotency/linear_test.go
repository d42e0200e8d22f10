package idempotency

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

var (
	histories = flag.Int("histories", 20, "histories of TestLinearizable")
	calls     = flag.Int("calls", 200, "requests of one history")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history")
)

// A request under a key is two steps of the history: it binds the key to the request and begins the work, and it
// is answered. What is seen of it are both, the first only when it did begin.
type (
	// input is a step.
	input struct {
		key, request string
		bind         bool
	}
	// state is what a key is bound to, and the answer that was given, if any.
	state struct{ request, answer string }
)

// unknown is the output of a step of which nobody knows whether it happened.
const unknown = "unknown"

// model is what the middleware promises: a key belongs to one request, and has one answer once anybody got one.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(input).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return state{} },
	Step: func(before, in, out any) (bool, any) {
		s, i, output := before.(state), in.(input), out.(string)
		switch {
		case i.bind && s.request == "":
			return true, state{request: i.request}
		case i.bind:
			// Who begins the work later does so for the same request, and not after there is an answer.
			return output == unknown || s.request == i.request && s.answer == "", s
		case output == unknown:
			return true, s
		case output == "422":
			return s.request != "" && s.request != i.request, s
		case output == "409":
			return s.request == i.request && s.answer == "", s
		case s.request == i.request && s.answer == "":
			return true, state{s.request, output}
		}
		return s.request == i.request && s.answer == output, s
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %v", in, out) },
}

// recorder is a history of one world: clients that send requests under a few keys, over a table with faults.
type recorder struct {
	handler http.Handler

	mu      sync.Mutex
	clock   int64
	history []porcupine.Operation
	seeds   map[string]string // of key and request, by which all its work was done
	faults  []string
}

func (r *recorder) now() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	return r.clock
}

func (r *recorder) add(client int, in input, call int64, output string, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: output, Return: end})
}

type began struct{}

// ServeHTTP is the work: it takes its time, fails now and then, and answers something new each time.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := req.Context().Value(began{}).(*int64)
	random := rand.New(rand.NewPCG(uint64(r.now()), 1))
	*at = r.now()
	if porttest.Alive(req.Context()) == nil {
		name := req.Header.Get(Header) + " " + req.URL.Path
		r.mu.Lock()
		if seed := r.seeds[name]; seed != "" && seed != Seed(req.Context()) {
			r.faults = append(r.faults, name+" was worked on under two seeds")
		}
		r.seeds[name] = Seed(req.Context())
		r.mu.Unlock()
	}
	long := time.Duration(random.Int64N(int64(5 * time.Second)))
	if random.IntN(10) == 0 {
		long = time.Duration(random.Int64N(int64(2 * Lease))) // longer than the lease, perhaps
	}
	time.Sleep(long)
	if random.IntN(8) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "answer %d", *at)
}

// send makes one request and records its steps.
func (r *recorder) send(ctx context.Context, client int, key, request string) {
	var began_ int64
	req := post(key, "/"+request, "")
	req = req.WithContext(context.WithValue(porttest.NewProcess().Context(ctx), began{}, &began_))
	call := r.now()
	w := serve(r.handler, req)
	end := r.now()
	var output string
	switch {
	case porttest.Alive(req.Context()) != nil:
		output = unknown // the client hears nothing
	case w.Code == http.StatusCreated:
		output = w.Body.String()
	case w.Code == http.StatusUnprocessableEntity, w.Code == http.StatusConflict:
		output = fmt.Sprint(w.Code)
	default:
		output = unknown
	}
	in := input{key: key, request: "/" + request, bind: true}
	switch {
	case began_ != 0:
		r.add(client, in, call, "", began_)
	case output == unknown:
		r.add(client, in, call, unknown, math.MaxInt64) // it may hold the key for its lease
	}
	in.bind = false
	if output == unknown && began_ != 0 {
		// What it answered may be kept, and given to others. It is as if it had been given now or any time later.
		r.add(client, in, began_, fmt.Sprintf("maybe answer %d", began_), math.MaxInt64)
		return
	}
	if output != unknown {
		r.add(client, in, cmp.Or(began_, call), output, end)
	}
}

// run plays a history.
func run(t *testing.T, seed uint64, wrap func(http.Handler, dataset.Table) http.Handler) *recorder {
	t.Helper()
	r := &recorder{seeds: map[string]string{}}
	synctest.Test(t, func(t *testing.T) {
		faults := &porttest.Faults{Decide: porttest.Random(seed, porttest.Rates{
			CrashBefore: 0.02, CrashAfter: 0.02, FailBefore: 0.03, FailAfter: 0.03, Throttle: 0.03, Delay: 0.5, MaxDelay: time.Second,
		})}
		r.handler = wrap(r, faults.Table(memory.New(memory.Options{Seed: seed}).Table))
		const clients = 8
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(client)))
				for n := range *calls / clients {
					// The keys in use change, so that many are bound, run and are answered.
					key := fmt.Sprintf("k%d", n/4*2+random.IntN(2))
					request := "a"
					if random.IntN(5) == 0 {
						request = "b"
					}
					r.send(t.Context(), client, key, request)
					time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
				}
			})
		}
		all.Wait()
	})
	return r
}

// check returns what is wrong with the history.
func (r *recorder) check(t *testing.T) error {
	t.Helper()
	if len(r.faults) > 0 {
		return errors.New(strings.Join(r.faults, "; "))
	}
	// An answer that its own client did not get may have been given to others: it is a step of theirs then.
	given := map[string]bool{}
	for _, op := range r.history {
		given[op.Output.(string)] = true
	}
	var history []porcupine.Operation
	for _, op := range r.history {
		if answer, ok := strings.CutPrefix(op.Output.(string), "maybe "); ok {
			if !given[answer] {
				continue
			}
			op.Output = answer
		}
		history = append(history, op)
	}
	result, _ := porcupine.CheckOperationsVerbose(model, history, 20*time.Second)
	if result != porcupine.Ok {
		return fmt.Errorf("the history of %d steps is %s", len(history), result)
	}
	return nil
}

func middlewareOver(h http.Handler, table dataset.Table) http.Handler {
	return newMiddleware(table).Handler(h)
}

func TestLinearizable(t *testing.T) {
	outputs := map[string]int{}
	for n := range *histories {
		seed := *firstSeed + uint64(n)
		r := run(t, seed, middlewareOver)
		if err := r.check(t); err != nil {
			t.Fatalf("seed %d: %v; repeat it with -run TestLinearizable -histories 1 -calls %d -seed %d", seed, err, *calls, seed)
		}
		seen := map[string]bool{}
		for _, op := range r.history {
			kind := strings.Fields(op.Output.(string) + " .")[0]
			if kind == "answer" && seen[op.Output.(string)] {
				kind = "replayed"
			}
			seen[op.Output.(string)] = true
			outputs[kind]++
		}
	}
	t.Log(outputs)
	for _, kind := range []string{"answer", "replayed", "409", "422", "maybe", unknown} {
		if outputs[kind] == 0 && *histories >= 20 {
			t.Errorf("no history had %q", kind)
		}
	}
}

// The check must be able to fail: each of these breaks one rule, and is found.
func TestLinearizableFindsMutants(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler, dataset.Table) http.Handler{
		"no key counts": func(h http.Handler, _ dataset.Table) http.Handler { return h },
		"nothing is conditional": func(h http.Handler, table dataset.Table) http.Handler {
			return middlewareOver(h, unconditional{table})
		},
		"another request is not told": func(h http.Handler, table dataset.Table) http.Handler {
			m := newMiddleware(table)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path := r.URL.Path
				r.URL.Path = "/"
				m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.URL.Path = path
					h.ServeHTTP(w, r)
				})).ServeHTTP(w, r)
			})
		},
	} {
		found := false
		for seed := uint64(1); seed <= 10 && !found; seed++ {
			found = run(t, seed, wrap).check(t) != nil
		}
		if !found {
			t.Errorf("%s, and no history shows it", name)
		}
	}
}

// unconditional is a table that writes whatever the condition is.
type unconditional struct{ dataset.Table }

func (u unconditional) Write(ctx context.Context, writes ...dataset.Write) error {
	for i := range writes {
		writes[i].If = dataset.Any
	}
	return u.Table.Write(ctx, writes...)
}
