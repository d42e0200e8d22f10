package asl

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/infra"
	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
)

// message is a lane's message: its group and its body.
type message struct {
	Group   string `json:"-"`
	Job     string `json:"job"`
	Lane    int    `json:"lane"`
	Attempt int    `json:"attempt"`
	Token   string `json:"token"`
}

// world is what an engine works in, in a bubble of virtual time. The functions of the workflow answer with
// lists of the given lengths; all that is called and sent is noted.
type world struct {
	t         *testing.T
	began     time.Time
	table     *memory.Table
	kind      string
	size      [3]int // batches, lanes, parts
	functions map[string]Function
	onEnd     func() error // nil: it is well
	slots     int
	machine   *Machine
	engine    *Engine
	halt      func() // ends the engine and waits for it

	mu       sync.Mutex
	messages []message
	calls    []string // "+2s Plan {...}"
	log      []string
	ends     []string
}

// newTable returns a table whose pages are short.
func newTable() *memory.Table { return memory.New(memory.Options{ShortPages: true}).Table }

// rows returns the rows of a partition.
func (w *world) rows(pk string) (all []dataset.Record) {
	w.t.Helper()
	for row, err := range dataset.Rows(w.t.Context(), w.table, dataset.Query{PK: pk}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

// bubble runs a test over a world.
func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, began: time.Now(), table: newTable(), kind: "generate", functions: map[string]Function{}}
		w.machine = deployed()
		for name, output := range map[string]func() any{
			"PrepareFunction":  func() any { return map[string]any{"kind": w.kind, "batches": numbers(w.size[0])} },
			"IngestFunction":   func() any { return "dropped" },
			"PlanFunction":     func() any { return map[string]any{"lanes": lanes(w.size[1])} },
			"CurateFunction":   func() any { return map[string]any{"parts": numbers(w.size[2])} },
			"AssembleFunction": func() any { return "dropped" },
			"PublishFunction":  func() any { return nil },
			"SettleFunction":   func() any { return nil },
		} {
			w.functions[name] = func(context.Context, json.RawMessage) (json.RawMessage, error) { return encode(output()), nil }
		}
		test(t, w)
		if w.halt != nil {
			w.halt()
		}
	})
}

// deployed is the machine of the workflow that is deployed.
var deployed = sync.OnceValue(func() *Machine {
	m, err := Parse(infra.Workflow)
	if err != nil {
		panic(err)
	}
	return m
})

func parse(t testing.TB, definition string) *Machine {
	t.Helper()
	m, err := Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lanes is what Plan says of n lanes.
func lanes(n int) []map[string]any {
	list := make([]map[string]any, n)
	for i := range list {
		list[i] = map[string]any{"lane": i, "tenant": "t"}
	}
	return list
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// start makes an engine over the world's table, ending the one before, and runs it.
func (w *world) start() {
	w.t.Helper()
	if w.halt != nil {
		w.halt()
	}
	w.boot(w.t.Context(), w.table, w)
}

// boot makes and runs an engine over the given ports.
func (w *world) boot(ctx context.Context, table dataset.Table, queue dataset.Queue) {
	w.t.Helper()
	functions := map[string]Function{}
	for name := range w.functions {
		functions[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			w.note(&w.calls, "%s %s", strings.TrimSuffix(name, "Function"), input)
			return w.functions[name](ctx, input)
		}
	}
	maps.DeleteFunc(functions, func(name string, _ Function) bool { return !slices.Contains(w.machine.Functions(), name) })
	queues := map[string]string{}
	for _, name := range w.machine.Queues() {
		queues[name] = dataset.GenerateQueue
	}
	var err error
	w.engine, err = New(Config{
		Machine: w.machine, Table: table, Queue: queue, Functions: functions, Executions: w.slots,
		Queues: queues, ErrorName: errorName, Log: slog.New(slog.NewTextHandler(w, nil)),
		OnEnd: func(_ context.Context, name string, status dataset.ExecutionStatus) error {
			w.note(&w.ends, "%s %s", name, status)
			if w.onEnd != nil {
				return w.onEnd()
			}
			return nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	e := w.engine
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			w.t.Errorf("Run = %v", err)
		}
	}()
	w.halt = func() { cancel(); <-done }
	synctest.Wait()
}

func errorName(err error) string {
	if dataset.Is(err, dataset.Invalid) {
		return errPermanent
	}
	return string(dataset.KindOf(err))
}

// Write takes a line of the log.
func (w *world) Write(line []byte) (int, error) {
	w.note(&w.log, "%s", line)
	return len(line), nil
}

// states returns the states entered, as the log says.
func (w *world) states() (names []string) {
	for _, line := range w.lines(&w.log, `msg="state entered"`) {
		_, name, _ := strings.Cut(line, "state=")
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// note adds a line with the time since the world began.
func (w *world) note(to *[]string, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*to = append(*to, fmt.Sprintf("+%v ", time.Since(w.began))+fmt.Sprintf(format, args...))
}

// Send is dataset.Queue.
func (w *world) Send(_ context.Context, queue string, messages ...dataset.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		var lane message
		if err := json.Unmarshal(m.Body, &lane); err != nil || queue != dataset.GenerateQueue {
			w.t.Errorf("message %q to queue %q", m.Body, queue)
		}
		lane.Group = m.Group
		w.messages = append(w.messages, lane)
	}
	return nil
}

// lanes waits until nothing moves and returns the messages sent so far.
func (w *world) lanes() []message {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.messages)
}

// lines waits until nothing moves and returns the lines that hold part, such as the calls of one function.
func (w *world) lines(from *[]string, part string) []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(*from), func(s string) bool { return !strings.Contains(s, part) })
}

func (w *world) begin(name string) {
	w.t.Helper()
	if err := w.engine.Start(w.t.Context(), name); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) answer(token string) error {
	return w.engine.Answer(w.t.Context(), token, []byte(`{}`))
}

func (w *world) mustAnswer(token string) {
	w.t.Helper()
	if err := w.answer(token); err != nil {
		w.t.Fatalf("Answer = %v", err)
	}
}

// want checks the status and, if it is over, how and when; and returns the row.
func (w *world) want(name string, status dataset.ExecutionStatus, errorName string) execution {
	w.t.Helper()
	synctest.Wait()
	got, err := w.engine.Status(w.t.Context(), name)
	if err != nil || got != status {
		w.t.Fatalf("Status(%s) = %s, %v, want %s", name, got, err, status)
	}
	r, err := w.engine.load(w.t.Context(), name, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Error != errorName {
		w.t.Errorf("error of %s = %q (%s), want %q", name, r.Error, r.Cause, errorName)
	}
	if n := len(w.rows(executionPK(name))); r.over() && n != 1 {
		w.t.Errorf("%d rows of %s are left, want 1", n, name)
	}
	return r.execution
}

// wantLines compares lines and shows the whole difference.
func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
