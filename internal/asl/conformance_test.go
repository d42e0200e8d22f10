package asl

import (
	"context"
	"testing"

	"compileo/internal/porttest"
)

// waiting is a machine with one task that waits for a token.
const waiting = `{"StartAt": "Wait", "TimeoutSeconds": 2592000, "States": {"Wait": {
	"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 2592000,
	"Parameters": {"QueueUrl": "${GenerateQueue}", "MessageBody": {"job.$": "$.job", "token.$": "$$.Task.Token"}},
	"ResultPath": null, "End": true}}}`

func TestConformance(t *testing.T) {
	porttest.Workflow(t, porttest.WorkflowHarness{Virtual: true, Open: func(t *testing.T) porttest.WorkflowSystem {
		w := &world{t: t, table: newTable(), machine: parse(t, waiting)}
		w.boot(context.WithoutCancel(t.Context()), w.table, w)
		t.Cleanup(w.halt)
		return porttest.WorkflowSystem{Workflow: w.engine, Waiting: func(name string) (tokens []string) {
			for _, m := range w.lanes() {
				if m.Job == name {
					tokens = append(tokens, m.Token)
				}
			}
			return tokens
		}}
	}})
}
