package asl

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/infra"
	"compileo/internal/dataset"
)

func TestParse(t *testing.T) {
	m := deployed()
	if got, want := m.Functions(), []string{
		"AssembleFunction", "CurateFunction", "IngestFunction", "PlanFunction", "PrepareFunction", "PublishFunction", "SettleFunction",
	}; !slices.Equal(got, want) {
		t.Errorf("Functions() = %v, want %v", got, want)
	}
	if got := m.Queues(); !slices.Equal(got, []string{"GenerateQueue"}) {
		t.Errorf("Queues() = %v", got)
	}
	lanes := m.states["Lanes"]
	if m.first != "Prepare" || m.timeout != 30*24*time.Hour || lanes.limit != 40 || lanes.items != "lanes" || lanes.drop ||
		lanes.next != "Curate" || lanes.task.timeout != 24*time.Hour || len(lanes.task.retry) != 3 || !m.states["Ingest"].drop {
		t.Errorf("machine = %+v, lanes = %+v", m, lanes)
	}
	if got := lanes.task.retry[1]; got.interval != time.Second || got.attempts != 40 || got.rate != 1 {
		t.Errorf("second retrier of a lane = %+v", got)
	}
}

// TestParseRefuses spoils the workflow in one place at a time.
func TestParseRefuses(t *testing.T) {
	const plan, lane = "/States/Plan", "/States/Lanes/ItemProcessor/States/Lane"
	for _, c := range []struct {
		old, new string // the first occurrence is replaced
		at, says string // one of the faults
	}{
		{`"StartAt": "Prepare"`, `"StartAt": "Begin"`, "/StartAt", "no state"},
		{`"StartAt": "Prepare",`, ``, "/StartAt", "missing"},
		{`"StartAt": "Prepare"`, `"StartAt": ["Prepare"]`, "/StartAt", "not a string"},
		{`"StartAt": "Prepare"`, `"startAt": "Prepare"`, "/startAt", "not a field"},
		{`"StartAt": "Prepare"`, `"QueryLanguage": "JSONata", "StartAt": "Prepare"`, "/QueryLanguage", "not a field"},
		{`"TimeoutSeconds": 2592000,`, ``, "/TimeoutSeconds", "missing"},
		{`"TimeoutSeconds": 2592000`, `"TimeoutSeconds": 0`, "/TimeoutSeconds", "want a whole number from 1"},
		{`"TimeoutSeconds": 2592000`, `"TimeoutSeconds": "2592000"`, "/TimeoutSeconds", "want a whole number"},
		{`"TimeoutSeconds": 2592000`, `"TimeoutSeconds": null`, "/TimeoutSeconds", "want a whole number"},
		{`"States": {`, `"States": [], "X": {`, "/States", "not an object"},
		{`"Prepare": {`, `"Prepare": {"Comment": "x",`, "/States/Prepare/Comment", "not a field"},
		{`"Prepare": {`, `"Prepare": {}, "Prepare": {`, "/States/Prepare", "twice"},
		{`"Prepare": {`, `"Pre/pare": {`, "/States/Pre~1pare", "not a name"},
		{`"Type": "Task"`, `"Type": "Wait"`, "/States/Prepare/Type", `is "Wait"`},
		{`"Type": "Task"`, `"Type": "Pass"`, "/States/Prepare/Type", `is "Pass"`},
		{`"Type": "Task"`, `"Type": "Parallel"`, "/States/Prepare/Type", `is "Parallel"`},
		{`"Type": "Task",`, ``, "/States/Prepare/Type", "missing"},
		{`"Next": "Ingest"`, `"Next": "Digest"`, "/States/Prepare", `"Digest"`},
		{`"Next": "Ingest"`, `"Next": ""`, "/States/Prepare/Next", "empty"},
		{`"Next": "Ingest"`, `"Next": "Ingest", "End": true`, "/States/Prepare/Next", "besides End"},
		{`"Next": "Ingest"`, `"End": true`, "/States/Ingest", "not reached"},
		{`"Next": "Ingest"`, `"End": false`, "/States/Prepare/End", "want true"},
		{`"Resource": "arn:aws:states:::lambda:invoke"`, `"Resource": "arn:aws:states:::sns:publish"`, "/States/Prepare/Resource", "sns:publish"},
		{`lambda:invoke"`, `lambda:invoke.waitForTaskToken"`, "/States/Prepare/Resource", "waitForTaskToken"},
		{`"FunctionName": "${PrepareFunction}"`, `"FunctionName": "prepare"`, "/States/Prepare/Parameters/FunctionName", "one substitution"},
		{`"FunctionName": "${PrepareFunction}"`, `"FunctionName": "x${PrepareFunction}"`, "/States/Prepare/Parameters/FunctionName", "one substitution"},
		{`"FunctionName": "${PrepareFunction}"`, `"FunctionName": "${PrepareFunction}", "Qualifier": "1"`, "/States/Prepare/Parameters/Qualifier", "not a field"},
		{`"Payload.$": "$$.Execution.Input"`, `"Payload.$": "$$.Execution.Name"`, "/States/Prepare/Parameters/Payload.$", "want a path"},
		{`"Payload.$": "$$.Execution.Input"`, `"Payload.$": "States.UUID()"`, "/States/Prepare/Parameters/Payload.$", "want a path"},
		{`"Payload.$": "$$.Execution.Input"`, `"Payload.$": 1`, "/States/Prepare/Parameters/Payload.$", "want a path"},
		{`"Payload.$": "$$.Execution.Input"`, `"Payload.$": "$$.Task.Token"`, "/States/Prepare/Parameters/Payload.$", "token"},
		{`"Payload.$": "$$.Execution.Input"`, `"Payload.$": "$.a", "Payload": 1`, "/States/Prepare/Parameters/Payload", "not a field"},
		{`, "Payload.$": "$$.Execution.Input"`, ``, "/States/Prepare/Parameters/Payload", "missing"},
		{`"batch.$": "$"`, `"batch.$": "$.a.b"`, "/States/Ingest/ItemProcessor/States/Batch/Parameters/Payload/batch.$", "want a path"},
		{`"batch.$": "$"`, `"batch.$": "$", "batch": 1`, "/States/Ingest/ItemProcessor/States/Batch/Parameters/Payload/batch.$", "twice"},
		{`"batch.$": "$"`, `"batch": ["$"]`, "/States/Ingest/ItemProcessor/States/Batch/Parameters/Payload/batch", "list"},
		{`"batch.$": "$"`, `"batch": "${Batch}"`, "/States/Ingest/ItemProcessor/States/Batch/Parameters/Payload/batch", "substitution"},
		{`"batch.$": "$"`, `"batch": ` + strings.Repeat(`{"x":`, 20) + "1" + strings.Repeat("}", 20), "/States/Ingest/ItemProcessor/States/Batch/Parameters/Payload/batch" + strings.Repeat("/x", 15), "deep"},
		{`"OutputPath": "$.Payload"`, `"OutputPath": "$"`, "/States/Prepare/OutputPath", "only $.Payload"},
		{`"OutputPath": "$.Payload",`, ``, "/States/Prepare/OutputPath", "missing"},
		{`"OutputPath": "$.Payload"`, `"OutputPath": "$.Payload", "ResultPath": null`, "/States/Prepare/OutputPath", "not a field"},
		{`"OutputPath": "$.Payload"`, `"ResultPath": "$.x"`, "/States/Prepare/ResultPath", "only null"},
		{`"OutputPath": "$.Payload"`, `"OutputPath": "$.Payload", "InputPath": "$"`, "/States/Prepare/InputPath", "not a field"},
		{`"OutputPath": "$.Payload"`, `"OutputPath": "$.Payload", "HeartbeatSeconds": 5`, "/States/Prepare/HeartbeatSeconds", "not a field"},
		{`{"ErrorEquals": ["Permanent"], "MaxAttempts": 0}`, `{"ErrorEquals": ["Transient"], "MaxAttempts": 0}`, "/States/Prepare/Retry/ErrorEquals", `"Transient"`},
		{`{"ErrorEquals": ["Permanent"], "MaxAttempts": 0}`, `{"ErrorEquals": [], "MaxAttempts": 0}`, "/States/Prepare/Retry/ErrorEquals", "empty"},
		{`{"ErrorEquals": ["Permanent"], "MaxAttempts": 0}`, `{"MaxAttempts": 0}`, "/States/Prepare/Retry/ErrorEquals", "missing"},
		{`{"ErrorEquals": ["Permanent"], "MaxAttempts": 0}`, `{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}`, "/States/Prepare/Retry/ErrorEquals", "alone and last"},
		{`{"ErrorEquals": ["States.ALL"], "Int`, `{"ErrorEquals": ["Permanent", "States.ALL"], "Int`, "/States/Prepare/Retry/ErrorEquals", "alone and last"},
		{`{"ErrorEquals": ["States.ALL"], "Int`, `{"ErrorEquals": ["States.ALL", "Permanent"], "Int`, "/States/Prepare/Retry/ErrorEquals", "alone and last"},
		{`"MaxAttempts": 10`, `"MaxAttempts": -1`, "/States/Prepare/Retry/MaxAttempts", "want a whole number"},
		{`"MaxAttempts": 10`, `"MaxAttempts": 1.5`, "/States/Prepare/Retry/MaxAttempts", "want a whole number"},
		{`"MaxAttempts": 10`, `"MaxAttempts": 10, "JitterStrategy": "FULL"`, "/States/Prepare/Retry/JitterStrategy", "not a field"},
		{`"MaxAttempts": 10`, `"MaxAttempts": 10, "MaxDelaySeconds": 5`, "/States/Prepare/Retry/MaxDelaySeconds", "not a field"},
		{`"IntervalSeconds": 2`, `"IntervalSeconds": 0`, "/States/Prepare/Retry/IntervalSeconds", "from 1"},
		{`"BackoffRate": 2`, `"BackoffRate": 0.5`, "/States/Prepare/Retry/BackoffRate", "from 1"},
		{`"BackoffRate": 2`, `"BackoffRate": "2"`, "/States/Prepare/Retry/BackoffRate", "from 1"},
		{`"Retry": [`, `"Retry": [], "Retri": [`, "/States/Prepare/Retry", "empty"},
		{`"Catch": [{`, `"Catch": [{"ResultPath": "$.error", `, "/States/Prepare/Catch/ResultPath", "not a field"},
		{`"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Settle"}]`, `"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Nobody"}]`, "/States/Prepare", `"Nobody"`},
		{`"ItemsPath": "$.batches"`, `"ItemsPath": "$"`, "/States/Ingest/ItemsPath", "$.name"},
		{`"ItemsPath": "$.batches"`, `"ItemsPath": "$$.Execution.Input.job"`, "/States/Ingest/ItemsPath", "$.name"},
		{`"ItemsPath": "$.batches",`, ``, "/States/Ingest/ItemsPath", "missing"},
		{`"MaxConcurrency": 40`, `"MaxConcurrency": 0`, "/States/Ingest/MaxConcurrency", "from 1 to 40"},
		{`"MaxConcurrency": 40`, `"MaxConcurrency": 41`, "/States/Ingest/MaxConcurrency", "from 1 to 40"},
		{`"MaxConcurrency": 40,`, ``, "/States/Ingest/MaxConcurrency", "missing"},
		{`"MaxConcurrency": 40`, `"MaxConcurrency": 40, "ItemSelector": {}`, "/States/Ingest/ItemSelector", "not a field"},
		{`"MaxConcurrency": 40`, `"MaxConcurrency": 40, "Retry": []`, "/States/Ingest/Retry", "not a field"},
		{`"ItemProcessor": {`, `"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, `, "/States/Ingest/ItemProcessor/ProcessorConfig", "not a field"},
		{`"StartAt": "Batch"`, `"StartAt": "Batches"`, "/States/Ingest/ItemProcessor/StartAt", "no state of it"},
		{`"Batch": {`, `"More": {}, "Batch": {`, "/States/Ingest/ItemProcessor/States", "2 states"},
		{`"End": true`, `"Next": "Kind"`, "/States/Ingest/ItemProcessor/States/Batch/Next", "not a field"},
		{`"ResultPath": null,`, ``, "/States/Ingest/ItemProcessor/States/Batch/ResultPath", "missing"},
		{`"ResultPath": null,`, `"ResultPath": null, "Catch": [],`, "/States/Ingest/ItemProcessor/States/Batch/Catch", "not a field"},
		{`"TimeoutSeconds": 86400,`, ``, lane + "/TimeoutSeconds", "missing"},
		{`"QueueUrl": "${GenerateQueue}"`, `"QueueUrl": "generate"`, lane + "/Parameters/QueueUrl", "one substitution"},
		{`"QueueUrl": "${GenerateQueue}"`, `"QueueUrl": "${GenerateQueue}", "MessageGroupId": "x"`, lane + "/Parameters/MessageGroupId", "not a field"},
		{`, "token.$": "$$.Task.Token"`, ``, lane + "/Parameters/MessageBody", "nobody could answer"},
		{`"MessageBody": {`, `"MessageBody": "x", "Body": {`, lane + "/Parameters/MessageBody", "nobody could answer"},
		{`"Variable": "$.kind"`, `"Variable": "$"`, "/States/Kind/Choices/Variable", "$.name"},
		{`"StringEquals": "process"`, `"NumericEquals": 1`, "/States/Kind/Choices/NumericEquals", "not a field"},
		{`"StringEquals": "process"`, `"StringEquals": 1`, "/States/Kind/Choices/StringEquals", "not a string"},
		{`"Default": "Plan"`, `"Next": "Plan"`, "/States/Kind/Default", "missing"},
		{`"Default": "Plan"`, `"Default": "Publish"`, plan, "not reached"},
		{`"Choices": [{`, `"Choices": [], "Choice": [{`, "/States/Kind/Choices", "empty"},
		{`"Choices": [{`, `"Choices": {}, "Choice": [{`, "/States/Kind/Choices", "not a list"},
		{`"ErrorPath": "$.Error"`, `"Error": "x"`, "/States/Failed/ErrorPath", "missing"},
		{`"ErrorPath": "$.Error"`, `"ErrorPath": "$.Error", "CausePath": "$.Cause"`, "/States/Failed/CausePath", "not a field"},
	} {
		spoiled := strings.Replace(string(infra.Workflow), c.old, c.new, 1)
		if spoiled == string(infra.Workflow) {
			t.Errorf("the workflow holds no %q", c.old)
			continue
		}
		_, err := Parse([]byte(spoiled))
		var e *dataset.Error
		if !errors.As(err, &e) || e.Kind != dataset.Invalid {
			t.Errorf("%s: Parse = %v, want Invalid", c.new, err)
			continue
		}
		if !slices.ContainsFunc(e.Fields, func(f dataset.Field) bool { return f.Pointer == c.at && strings.Contains(f.Reason, c.says) }) {
			t.Errorf("%s: faults = %v, want one at %s that says %q", c.new, e.Fields, c.at, c.says)
		}
	}
	for name, definition := range map[string]string{
		"nothing": "", "no object": "[]", "two values": "{} {}", "no UTF-8": "{\"Comment\": \"\xff\"}",
		"too long": strings.Repeat(" ", maxDefinition) + string(infra.Workflow),
	} {
		if _, err := Parse([]byte(definition)); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("Parse of %s = %v, want Invalid", name, err)
		}
	}
}

// TestRetryAfter follows the example of AWS's guide: errors A, B, C and B again.
func TestRetryAfter(t *testing.T) {
	retry := []retrier{
		{errors: []string{"A", "B"}, interval: time.Second, attempts: 2, rate: 2},
		{errors: []string{"C"}, interval: 5 * time.Second, attempts: 3, rate: 2},
	}
	used := make([]int, 2)
	for _, c := range []struct {
		name string
		k    int
		wait time.Duration
		ok   bool
	}{
		{"A", 0, time.Second, true},
		{"B", 0, 2 * time.Second, true},
		{"C", 1, 5 * time.Second, true},
		{"B", 0, 4 * time.Second, false},
		{"D", 0, 0, false},
	} {
		k, wait, ok := retryAfter(retry, used, c.name)
		if k != c.k || wait != c.wait || ok != c.ok {
			t.Errorf("retryAfter(%s) = %d, %v, %v, want %d, %v, %v", c.name, k, wait, ok, c.k, c.wait, c.ok)
		}
		if ok {
			used[k]++
		}
	}
	if got := (retrier{interval: time.Hour, rate: 1000}).delay(99_999_999); got != maxDelay {
		t.Errorf("longest delay = %v, want %v", got, maxDelay)
	}
	for name, want := range map[string]bool{"x": true, errTimeout: true, errRuntime: false, errDataLimit: false} {
		if got := matches([]string{errAll}, name); got != want {
			t.Errorf("States.ALL matches %s: %v, want %v", name, got, want)
		}
	}
}

func TestFailureLimits(t *testing.T) {
	f := newFailure(strings.Repeat("é", 300), strings.Repeat("\x01", 1<<20))
	if out := f.output(); len(f.name) != maxErrorName || len(f.cause) != maxCause || len(out) > maxData || !json.Valid(out) {
		t.Errorf("a failure of %d and %d bytes, output %d", len(f.name), len(f.cause), len(out))
	}
	if f := functionFailure("x", strings.Repeat("\x01", 1<<20)); !json.Valid([]byte(f.cause)) {
		t.Error("the cause of a long error was cut so that it is no JSON")
	}
}

// FuzzParse looks for definitions that are taken but cannot be gone through: whatever is loaded must run in
// memory, with every function answering the same, without a panic and to an end.
func FuzzParse(f *testing.F) {
	f.Add(infra.Workflow, []byte(`{"batches":[1,2],"kind":"generate","lanes":[1],"parts":[]}`))
	f.Add([]byte(waiting), []byte(`null`))
	f.Fuzz(func(t *testing.T, definition, output []byte) {
		m, err := Parse(definition)
		if err != nil {
			if !dataset.Is(err, dataset.Invalid) {
				t.Fatalf("Parse = %v, want Invalid", err)
			}
			return
		}
		if !json.Valid(output) {
			return
		}
		now := time.Unix(0, 0).UTC()
		r := &run{execution: execution{Name: job, Input: json.RawMessage(`{"job":"t_1"}`), Status: dataset.ExecutionRunning, Deadline: now.Add(1e6 * time.Hour)}}
		for i := 0; !r.over(); i++ {
			m.advance(r, nil, now)
			if r.over() {
				break
			}
			if i > 2*maxEvents || len(r.Tasks) == 0 || len(r.Tasks) > maxIterations || !m.fits(r) {
				t.Fatalf("after %d steps the execution is %+v", i, r.execution)
			}
			a := r.Tasks[0]
			if at := r.wakeAt(); !a.Again.IsZero() {
				now = at
				continue
			}
			if a.Token != "" {
				if !r.answer(a.Token, now) {
					t.Fatal("an open token was not answered")
				}
				continue
			}
			m.advance(r, []result{{key: key{r.Entered, a.Index, a.Retries}, output: output}}, now)
		}
		if data := encode(r.execution); !json.Valid(data) || len(data) > dataset.MaxRecord {
			t.Fatalf("the record has %d bytes", len(data))
		}
	})
}
