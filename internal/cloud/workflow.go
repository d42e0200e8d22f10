package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// Limits of Step Functions.
const (
	maxCause = 1 << 15 // bytes of why an execution was stopped
	maxToken = 2048    // bytes of a task token
)

// Workflow is dataset.Workflow on a Standard state machine of Step Functions.
//
// Step Functions forgets executions 90 days after their end: their names are free again then, and Status is
// NotFound. Status may also lag Start by some seconds, as DescribeExecution is eventually consistent: whoever
// acts on NotFound must know from elsewhere that the start is long over.
type Workflow struct {
	Client          *sfn.Client
	StateMachineARN string
}

// Start begins the execution. Repeating it is success, also when the execution is over.
func (w *Workflow) Start(ctx context.Context, name string) error {
	if err := dataset.CheckExecution(name); err != nil {
		return err
	}
	input, err := json.Marshal(map[string]string{"job": name})
	if err != nil {
		return fail("start an execution", err)
	}
	_, err = w.Client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &w.StateMachineARN, Name: &name, Input: new(string(input)),
	})
	if err = fail("start an execution", err); dataset.Is(err, dataset.Conflict) {
		return nil
	}
	return err
}

// Stop aborts the execution with a cause for its history. Repeating it is success.
func (w *Workflow) Stop(ctx context.Context, name, cause string) error {
	if dataset.CheckExecution(name) != nil {
		return fail("stop no execution", ctx.Err())
	}
	arn, err := executionARN(w.StateMachineARN, name)
	if err != nil {
		return err
	}
	_, err = w.Client.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: &arn, Cause: new(cut(cause, maxCause))})
	if err = fail("stop an execution", err); dataset.Is(err, dataset.NotFound) {
		return nil
	}
	return err
}

// Status returns where the execution stands; NotFound.
func (w *Workflow) Status(ctx context.Context, name string) (dataset.ExecutionStatus, error) {
	if err := dataset.CheckExecution(name); err != nil {
		return "", &dataset.Error{Kind: dataset.NotFound, Detail: "describe an execution", Err: err}
	}
	arn, err := executionARN(w.StateMachineARN, name)
	if err != nil {
		return "", err
	}
	out, err := w.Client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		return "", fail("describe an execution", err)
	}
	switch out.Status {
	case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive:
		return dataset.ExecutionRunning, nil
	case types.ExecutionStatusSucceeded:
		return dataset.ExecutionSucceeded, nil
	case types.ExecutionStatusFailed:
		return dataset.ExecutionFailed, nil
	case types.ExecutionStatusTimedOut:
		return dataset.ExecutionTimedOut, nil
	case types.ExecutionStatusAborted:
		return dataset.ExecutionAborted, nil
	}
	return "", dataset.Errorf(dataset.Internal, "an execution of unknown status %q", out.Status)
}

// Answer completes the waiting task; NotFound.
func (w *Workflow) Answer(ctx context.Context, token string, output []byte) error {
	if err := dataset.CheckAnswer(output); err != nil {
		return err
	}
	if token == "" || len(token) > maxToken {
		return dataset.Errorf(dataset.NotFound, "nobody waits under a token of %d bytes", len(token))
	}
	_, err := w.Client.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: new(string(output))})
	if dead, ok := errors.AsType[*types.InvalidToken](err); ok { // S3 has a code of that name for credentials
		return &dataset.Error{Kind: dataset.NotFound, Detail: "answer a task", Err: dead}
	}
	return fail("answer a task", err)
}

// executionARN is what Step Functions calls the execution of that name, of a machine with or without the
// qualifier of a version or an alias.
func executionARN(machine, name string) (string, error) {
	parts := strings.Split(machine, ":")
	if len(parts) < 7 || parts[0] != "arn" || parts[2] != "states" || parts[5] != "stateMachine" || parts[6] == "" {
		return "", dataset.Errorf(dataset.Internal, "%q is not the ARN of a state machine", machine)
	}
	return strings.Join(append(parts[:5], "execution", parts[6], name), ":"), nil
}

// cut shortens s to at most limit bytes of whole characters.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "")
}
