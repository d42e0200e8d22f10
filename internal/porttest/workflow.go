package porttest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// WorkflowSystem is a workflow, as a case of the suite gets it. Its machine has one step that waits for a
// token (no timeout, no retry) and succeeds with the answer.
type WorkflowSystem struct {
	Workflow dataset.Workflow
	// Waiting returns the tokens that were handed out so far for the execution of that name, the oldest
	// first, and does not wait. It finds the name in the execution's input, {"job": name}.
	Waiting func(name string) []string
}

// WorkflowHarness is how the suite gets at an adapter of dataset.Workflow.
type WorkflowHarness struct {
	// Open is called for each case, several at once; it may return the same system each time, as every case
	// has names of its own.
	Open func(t *testing.T) WorkflowSystem
	// Virtual runs each case in a bubble of testing/synctest.
	Virtual bool
	Skip    Skips
}

// Workflow runs the conformance suite of dataset.Workflow.
func Workflow(t *testing.T, h WorkflowHarness) {
	t.Helper()
	runAll(t, options{virtual: h.Virtual, parallel: true, skip: h.Skip}, workflowCases, func(t *testing.T) *flow {
		return &flow{WorkflowSystem: h.Open(t), name: dataset.JobRef{Tenant: "porttest", ID: dataset.NewID()}.String()}
	})
}

// flow is a workflow system with a name that a case has for itself.
type flow struct {
	WorkflowSystem
	name string
}

const flowPatience = 30 * time.Second

func (f *flow) start(t *testing.T) {
	t.Helper()
	if err := patient(t.Context(), func() error { return f.Workflow.Start(t.Context(), f.name) }); err != nil {
		t.Fatalf("Start = %v", err)
	}
}

// token starts the execution and waits until its task waits.
func (f *flow) token(t *testing.T) string {
	t.Helper()
	f.start(t)
	eventually(t, flowPatience, "the task waits for its token", func() bool { return len(f.Waiting(f.name)) > 0 })
	return f.Waiting(f.name)[0]
}

// want waits until the execution has the status.
func (f *flow) want(t *testing.T, want dataset.ExecutionStatus) {
	t.Helper()
	eventually(t, flowPatience, "the execution has "+string(want), func() bool {
		got, err := f.Workflow.Status(t.Context(), f.name)
		if err != nil {
			t.Fatalf("Status = %v", err)
		}
		return got == want
	})
}

// answer answers the token and waits until the execution succeeded.
func (f *flow) answer(t *testing.T, token string) {
	t.Helper()
	if err := patient(t.Context(), func() error { return f.Workflow.Answer(t.Context(), token, []byte(`{"units": 3}`)) }); err != nil {
		t.Fatalf("Answer = %v", err)
	}
	f.want(t, dataset.ExecutionSucceeded)
}

var workflowCases = []scenario[*flow]{
	{"an execution runs until its task is answered", answerCompletes},
	{"a name of 80 characters is a name", longestName},
	{"what cannot be a name is Invalid to start and was never started", badNames},
	{"a second start of a running name is success and starts nothing", startTwice},
	{"of several starts at once one starts the execution", startRace},
	{"a start of a name whose execution is over is success and starts nothing", startAfterEnd},
	{"the status of what was never started is NotFound", statusNotFound},
	{"stop aborts an execution that runs", stopRunning},
	{"stop of what was never started is success", stopUnknown},
	{"stop of what is over is success and changes nothing", stopAfterEnd},
	{"an answer to a token that nobody gave out is NotFound", unknownToken},
	{"a second answer is NotFound", answerTwice},
	{"an answer after a stop is NotFound", answerAfterStop},
	{"an answer that is not JSON or too large is Invalid", badAnswer},
	{"executions are apart", executionsApart},
	{"a done context is Unavailable", workflowContext},
}

func answerCompletes(t *testing.T, f *flow) {
	token := f.token(t)
	f.want(t, dataset.ExecutionRunning)
	f.answer(t, token)
	if tokens := f.Waiting(f.name); len(tokens) != 1 {
		t.Errorf("%d tokens, want 1", len(tokens))
	}
}

func longestName(t *testing.T, f *flow) {
	ref := dataset.JobRef{Tenant: dataset.Tenant(bytes.Repeat([]byte("t"), 32)), ID: (dataset.NewID() + "-_0123456789")[:47]}
	if f.name = ref.String(); len(f.name) != 80 {
		t.Fatalf("a name of %d characters, want 80", len(f.name))
	}
	f.answer(t, f.token(t))
}

func badNames(t *testing.T, f *flow) {
	for _, bad := range []string{"", strings.Repeat("n", 81), "a b", "a/b", "a:b", "a.b", "ä", "a\n"} {
		wantKind(t, fmt.Sprintf("Start(%q)", bad), f.Workflow.Start(t.Context(), bad), dataset.Invalid)
		if err := f.Workflow.Stop(t.Context(), bad, "cause"); err != nil {
			t.Errorf("Stop(%q) = %v, want success", bad, err)
		}
		_, err := f.Workflow.Status(t.Context(), bad)
		wantKind(t, fmt.Sprintf("Status(%q)", bad), err, dataset.NotFound)
	}
}

func startTwice(t *testing.T, f *flow) {
	token := f.token(t)
	f.start(t)
	f.start(t)
	f.answer(t, token)
	if tokens := f.Waiting(f.name); len(tokens) != 1 {
		t.Errorf("%d tokens, want 1: there is never a second execution of the same name", len(tokens))
	}
}

func startRace(t *testing.T, f *flow) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := patient(t.Context(), func() error { return f.Workflow.Start(t.Context(), f.name) }); err != nil {
				t.Errorf("Start = %v", err)
			}
		})
	}
	wg.Wait()
	f.answer(t, f.token(t))
	if tokens := f.Waiting(f.name); len(tokens) != 1 {
		t.Errorf("%d tokens, want 1", len(tokens))
	}
}

func startAfterEnd(t *testing.T, f *flow) {
	f.answer(t, f.token(t))
	f.start(t)
	f.want(t, dataset.ExecutionSucceeded)
	if tokens := f.Waiting(f.name); len(tokens) != 1 {
		t.Errorf("%d tokens, want 1", len(tokens))
	}
}

func statusNotFound(t *testing.T, f *flow) {
	_, err := f.Workflow.Status(t.Context(), f.name)
	wantKind(t, "Status", err, dataset.NotFound)
}

func (f *flow) stop(t *testing.T) {
	t.Helper()
	if err := patient(t.Context(), func() error { return f.Workflow.Stop(t.Context(), f.name, "cancelled by its owner") }); err != nil {
		t.Fatalf("Stop = %v", err)
	}
}

func stopRunning(t *testing.T, f *flow) {
	f.token(t)
	f.stop(t)
	f.want(t, dataset.ExecutionAborted)
	f.stop(t)
	f.start(t) // the name stays taken
	f.want(t, dataset.ExecutionAborted)
	if tokens := f.Waiting(f.name); len(tokens) != 1 {
		t.Errorf("%d tokens, want 1", len(tokens))
	}
}

func stopUnknown(t *testing.T, f *flow) {
	f.stop(t)
	_, err := f.Workflow.Status(t.Context(), f.name)
	wantKind(t, "Status", err, dataset.NotFound)
}

func stopAfterEnd(t *testing.T, f *flow) {
	f.answer(t, f.token(t))
	f.stop(t)
	f.want(t, dataset.ExecutionSucceeded)
}

func unknownToken(t *testing.T, f *flow) {
	token := f.token(t)
	for _, bad := range []string{"no-such-token", token + "x", token[:len(token)-1]} {
		wantKind(t, fmt.Sprintf("Answer to %.40q", bad), f.Workflow.Answer(t.Context(), bad, []byte(`{}`)), dataset.NotFound)
	}
	f.answer(t, token)
}

func answerTwice(t *testing.T, f *flow) {
	token := f.token(t)
	f.answer(t, token)
	wantKind(t, "second Answer", f.Workflow.Answer(t.Context(), token, []byte(`{}`)), dataset.NotFound)
	f.want(t, dataset.ExecutionSucceeded)
}

func answerAfterStop(t *testing.T, f *flow) {
	token := f.token(t)
	f.stop(t)
	f.want(t, dataset.ExecutionAborted)
	wantKind(t, "Answer", f.Workflow.Answer(t.Context(), token, []byte(`{}`)), dataset.NotFound)
	f.want(t, dataset.ExecutionAborted)
}

func badAnswer(t *testing.T, f *flow) {
	token := f.token(t)
	for what, output := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("{units: 3}"), "two values": []byte("{} {}"), "more than MaxOutput": document(dataset.MaxOutput + 1),
	} {
		wantKind(t, "Answer of "+what, f.Workflow.Answer(t.Context(), token, output), dataset.Invalid)
	}
	f.want(t, dataset.ExecutionRunning)
	f.answer(t, token)
}

func executionsApart(t *testing.T, f *flow) {
	other := &flow{f.WorkflowSystem, f.name + "-2"}
	first, second := f.token(t), other.token(t)
	if first == second {
		t.Errorf("both wait under %q", first)
	}
	other.answer(t, second)
	f.want(t, dataset.ExecutionRunning)
	f.stop(t)
	f.want(t, dataset.ExecutionAborted)
	other.want(t, dataset.ExecutionSucceeded)
}

func workflowContext(t *testing.T, f *flow) {
	token, ctx := f.token(t), ended(t)
	wantKind(t, "Start", f.Workflow.Start(ctx, f.name+"-2"), dataset.Unavailable)
	_, err := f.Workflow.Status(ctx, f.name)
	wantKind(t, "Status", err, dataset.Unavailable)
	wantKind(t, "Stop", f.Workflow.Stop(ctx, f.name, "cause"), dataset.Unavailable)
	wantKind(t, "Answer", f.Workflow.Answer(ctx, token, []byte(`{}`)), dataset.Unavailable)
	f.answer(t, token)
}
