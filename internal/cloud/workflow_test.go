package cloud

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"compileo/internal/dataset"
)

const executionName = "arn:aws:states:us-east-1:123456789012:execution:jobs:local_1"

func TestExecutionARN(t *testing.T) {
	for _, machine := range []string{machineARN, machineARN + ":7", machineARN + ":PROD"} {
		if got, err := executionARN(machine, "local_1"); err != nil || got != executionName {
			t.Errorf("executionARN(%s) = %s, %v, want %s", machine, got, err, executionName)
		}
	}
	for _, machine := range []string{"", "jobs", "arn:aws:states:us-east-1:1:stateMachine:", "arn:aws:sqs:us-east-1:1:stateMachine:jobs"} {
		_, err := executionARN(machine, "local_1")
		wantKind(t, machine, err, dataset.Internal)
	}
}

func TestWorkflowRequests(t *testing.T) {
	f, _, _, _, w := serve(func(r request, _ int) reply {
		if r.op == "DescribeExecution" {
			return reply{body: `{"status": "ABORTED"}`}
		}
		return reply{body: `{"startDate": 1.5, "stopDate": 1.5}`}
	})
	status, err := w.Status(t.Context(), "local_1")
	if err != nil || status != dataset.ExecutionAborted {
		t.Errorf("Status = %q, %v, want aborted", status, err)
	}
	for op, call := range map[string]func() error{
		"StartExecution":  func() error { return w.Start(t.Context(), "local_1") },
		"StopExecution":   func() error { return w.Stop(t.Context(), "local_1", strings.Repeat("ä", maxCause)) },
		"SendTaskSuccess": func() error { return w.Answer(t.Context(), "token", []byte(`{"a": 1}`)) },
	} {
		f.got = nil
		if err := call(); err != nil || len(f.got) != 1 || f.got[0].op != op {
			t.Fatalf("%s = %v after %v", op, err, f.got)
		}
		in := f.got[0].json(t)
		want := map[string]map[string]string{
			"StartExecution":  {"name": "local_1", "input": `{"job":"local_1"}`, "stateMachineArn": machineARN},
			"StopExecution":   {"executionArn": executionName, "cause": strings.Repeat("ä", maxCause/2)},
			"SendTaskSuccess": {"taskToken": "token", "output": `{"a": 1}`},
		}[op]
		for name, value := range want {
			wantField(t, in, name, value)
		}
	}
}

func TestWorkflowErrors(t *testing.T) {
	for _, c := range []struct {
		code                        string
		start, stop, status, answer dataset.Kind
	}{
		{code: "ExecutionAlreadyExists", start: "", stop: dataset.Conflict, status: dataset.Conflict, answer: dataset.Conflict},
		{code: "ExecutionDoesNotExist", start: dataset.NotFound, stop: "", status: dataset.NotFound, answer: dataset.NotFound},
		{code: "TaskTimedOut", start: dataset.NotFound, stop: "", status: dataset.NotFound, answer: dataset.NotFound},
		{code: "TaskDoesNotExist", start: dataset.NotFound, stop: "", status: dataset.NotFound, answer: dataset.NotFound},
		{code: "InvalidToken", start: dataset.Internal, stop: dataset.Internal, status: dataset.Internal, answer: dataset.NotFound},
		{code: "InvalidOutput", start: dataset.Invalid, stop: dataset.Invalid, status: dataset.Invalid, answer: dataset.Invalid},
		{code: "ExecutionLimitExceeded", start: dataset.Throttled, stop: dataset.Throttled, status: dataset.Throttled, answer: dataset.Throttled},
		{code: "StateMachineDoesNotExist", start: dataset.Internal, stop: dataset.Internal, status: dataset.Internal, answer: dataset.Internal},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, _, _, _, w := serve(fails(400, c.code))
			wantKind(t, "Start: "+c.code, w.Start(t.Context(), "local_1"), c.start)
			wantKind(t, "Stop: "+c.code, w.Stop(t.Context(), "local_1", "cause"), c.stop)
			_, err := w.Status(t.Context(), "local_1")
			wantKind(t, "Status: "+c.code, err, c.status)
			wantKind(t, "Answer: "+c.code, w.Answer(t.Context(), "token", []byte("1")), c.answer)
		})
	}
}

func TestStatus(t *testing.T) {
	for text, want := range map[string]dataset.ExecutionStatus{
		"RUNNING": dataset.ExecutionRunning, "PENDING_REDRIVE": dataset.ExecutionRunning, "SUCCEEDED": dataset.ExecutionSucceeded,
		"FAILED": dataset.ExecutionFailed, "TIMED_OUT": dataset.ExecutionTimedOut, "ABORTED": dataset.ExecutionAborted,
	} {
		_, _, _, _, w := serve(func(request, int) reply { return reply{body: fmt.Sprintf(`{"status": %q}`, text)} })
		if got, err := w.Status(t.Context(), "a"); got != want || err != nil {
			t.Errorf("Status of %s = %q, %v, want %q", text, got, err, want)
		}
	}
	_, _, _, _, w := serve(func(request, int) reply { return reply{body: `{"status": "NEW"}`} })
	_, err := w.Status(t.Context(), "a")
	wantKind(t, "unknown status", err, dataset.Internal)
}

func TestCallsThatAreNotSent(t *testing.T) {
	f, _, _, _, w := serve(nil)
	wantKind(t, "no JSON", w.Answer(t.Context(), "token", []byte("{")), dataset.Invalid)
	wantKind(t, "large", w.Answer(t.Context(), "token", []byte(`"`+strings.Repeat("x", dataset.MaxOutput)+`"`)), dataset.Invalid)
	wantKind(t, "no token", w.Answer(t.Context(), "", []byte("1")), dataset.NotFound)
	wantKind(t, "long token", w.Answer(t.Context(), strings.Repeat("x", maxToken+1), []byte("1")), dataset.NotFound)
	for _, name := range []string{"", "a:b", "a b", strings.Repeat("n", 81)} {
		wantKind(t, "Start of "+name, w.Start(t.Context(), name), dataset.Invalid)
		wantKind(t, "Stop of "+name, w.Stop(t.Context(), name, "cause"), "")
		_, err := w.Status(t.Context(), name)
		wantKind(t, "Status of "+name, err, dataset.NotFound)
	}
	if len(f.got) != 0 {
		t.Errorf("%d requests, want none", len(f.got))
	}
}
