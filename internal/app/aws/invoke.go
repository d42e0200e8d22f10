package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

const (
	maxEvent   = 6 << 20          // bytes of an event, Lambda's own limit
	maxMessage = 8 << 10          // bytes of an error's text; the workflow carries 32 KB
	reserve    = 10 * time.Second // of a function's time, kept for leaving things in order
)

// handler answers one event: raw bytes in and out, so that an event that cannot be read is named by us as well.
type handler func(ctx context.Context, event []byte) ([]byte, error)

// Invoke is lambda.Handler.
func (h handler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

// handle makes a function of do: it decodes the event, encodes what do answers, and writes one line a call.
func handle[In, Out any](a *App, name string, do func(context.Context, In) (Out, error)) handler {
	return guarded(a, name, reserve, func(ctx context.Context, event []byte) ([]byte, error) {
		began := time.Now()
		answer, err := call(ctx, event, do)
		if err == nil {
			a.log.InfoContext(ctx, "done", "function", name, "took_ms", time.Since(began).Milliseconds())
		}
		return answer, err
	})
}

// guarded ends do some time before Lambda would, logs and names failures, and turns a panic into one.
func guarded(a *App, name string, keep time.Duration, do handler) handler {
	return func(ctx context.Context, event []byte) (answer []byte, failure error) {
		began := time.Now()
		ctx, cancel := inTime(ctx, keep)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				a.log.ErrorContext(ctx, "panic", "function", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				answer, failure = nil, messages.InvokeResponse_Error{
					Type: pipeline.ErrorName(errPanic), Message: errPanic.Error(), ShouldExit: true,
				}
			}
		}()
		answer, err := do(ctx, event)
		if err != nil {
			took := time.Since(began).Milliseconds()
			a.log.ErrorContext(ctx, "failed", "function", name, "kind", dataset.KindOf(err), "error", err, "took_ms", took)
			return nil, named(err)
		}
		return answer, nil
	}
}

// errPanic is all that a caller learns of a panic.
var errPanic = errors.New("the step broke off; the log says where")

func call[In, Out any](ctx context.Context, event []byte, do func(context.Context, In) (Out, error)) ([]byte, error) {
	var in In
	if len(event) > maxEvent {
		return nil, dataset.Errorf(dataset.Invalid, "the event has %d bytes, want at most %d", len(event), maxEvent)
	}
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, dataset.Errorf(dataset.Invalid, "the event cannot be read: %w", err)
	}
	out, err := do(ctx, in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// inTime ends the work before Lambda ends the process, by keep, or at half of a time that is short.
func inTime(ctx context.Context, keep time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(keep, time.Until(end)/2)))
}

// named is how a failure leaves the function.
func named(err error) messages.InvokeResponse_Error {
	return messages.InvokeResponse_Error{Type: pipeline.ErrorName(err), Message: publicText(err)}
}

// publicText is what a user may read of err: the detail of what we raised ourselves, never a cause.
func publicText(err error) string {
	text := "unexpected failure; the log says more"
	if e, ok := errors.AsType[*dataset.Error](err); ok {
		text = e.Detail
	} else if r, ok := errors.AsType[*dataset.Refused](err); ok {
		text = r.Error()
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		text = "the time of the function was over"
	}
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "")
}
