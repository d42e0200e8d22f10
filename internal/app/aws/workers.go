package aws

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"compileo/internal/dataset"
)

// Generator handles the messages of the generate queue.
func (a *App) Generator() lambda.Handler { return a.worker("generator", a.engine.Generate) }

// Scorer handles the messages of the score queue.
func (a *App) Scorer() lambda.Handler { return a.worker("scorer", a.engine.Score) }

// Sweeper looks after all jobs, and removes what was deleted, each minute. What the event says does not matter.
func (a *App) Sweeper() lambda.Handler {
	return handle(a, "sweeper", nothing(func(ctx context.Context, _ struct{}) error {
		return errors.Join(a.engine.Sweep(ctx), a.library.Purge(ctx))
	}))
}

// worker hands the messages of a batch to do, one after the other, and answers which of them are to come again: those
// that failed, also because they cannot be read, and those that the function's time did not reach. SQS gives up
// on each after its number of deliveries.
func (a *App) worker(name string, do dataset.Handler) lambda.Handler {
	return handle(a, name, func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		if len(batch.Records) == 0 {
			return events.SQSEventResponse{}, dataset.Errorf(dataset.Invalid, "the event holds no messages")
		}
		failed := []events.SQSBatchItemFailure{}
		for _, m := range batch.Records {
			if err := a.message(ctx, do, m.Body); err != nil {
				a.log.WarnContext(ctx, "message comes again", "function", name, "message", m.MessageId,
					"deliveries", m.Attributes["ApproximateReceiveCount"], "kind", dataset.KindOf(err), "error", err)
				failed = append(failed, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return events.SQSEventResponse{BatchItemFailures: failed}, nil
	})
}

// message hands one message over. A panic is its failure and not that of the messages around it.
func (a *App) message(ctx context.Context, do dataset.Handler, body string) (err error) {
	if ctx.Err() != nil {
		return dataset.Errorf(dataset.Unavailable, "no time was left: %w", ctx.Err())
	}
	defer func() {
		if p := recover(); p != nil {
			err = dataset.Errorf(dataset.Internal, "panic: %v: %s", p, debug.Stack())
		}
	}()
	if err := do(ctx, []byte(body)); err != nil {
		return fmt.Errorf("handle message: %w", err)
	}
	return nil
}
