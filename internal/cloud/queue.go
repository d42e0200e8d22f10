package cloud

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Limits of SQS on what one request sends, and ours on how often what it refused is sent again.
const (
	batchEntries = 10
	batchBytes   = 1 << 20
	sendTries    = 5
)

// Queue is dataset.Queue on standard SQS queues, whose URLs it has by name. Group becomes the MessageGroupId,
// which makes a standard queue fair between groups.
type Queue struct {
	Client *sqs.Client
	URLs   map[string]string
}

// Send sends ten messages at a time. Entries that SQS refuses are sent again a few times; after that the error
// is what SQS gave as the reason.
func (q *Queue) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	url, ok := q.URLs[queue]
	if !ok {
		return dataset.Errorf(dataset.NotFound, "there is no queue %.100q", queue)
	}
	if err := dataset.CheckMessages(messages); err != nil {
		return err
	}
	for len(messages) > 0 {
		n := batchLen(messages)
		if err := q.sendBatch(ctx, url, messages[:n]); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return fail("send no messages", ctx.Err())
}

// sendBatch sends what fits one request, and again what of it was refused.
func (q *Queue) sendBatch(ctx context.Context, url string, messages []dataset.Message) error {
	pause := 50 * time.Millisecond
	for try := 1; ; try++ {
		out, err := q.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries(messages)})
		if err != nil {
			return fail("send messages", err)
		}
		if len(out.Failed) == 0 {
			return nil
		}
		refused, err := failures(out.Failed, messages)
		if try == sendTries || dataset.Is(err, dataset.Invalid) || dataset.Is(err, dataset.Internal) {
			return err
		}
		if err := sleep(ctx, pause/2+rand.N(pause/2)); err != nil {
			return fail("send messages", err)
		}
		messages, pause = refused, pause*2
	}
}

// batchLen returns how many of the first messages one request holds, at least 1.
func batchLen(messages []dataset.Message) int {
	size := 0
	for i, m := range messages {
		size += len(m.Body)
		if i == batchEntries || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(messages)
}

// entries names each message by its place.
func entries(messages []dataset.Message) []types.SendMessageBatchRequestEntry {
	list := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		// Rounded up: not delivered before Delay is over.
		list[i] = types.SendMessageBatchRequestEntry{
			Id: new(strconv.Itoa(i)), MessageBody: new(string(m.Body)), DelaySeconds: int32((m.Delay + time.Second - 1) / time.Second),
		}
		if m.Group != "" {
			list[i].MessageGroupId = new(m.Group)
		}
	}
	return list
}

// failures returns the messages that were refused and why the first of them was.
func failures(failed []types.BatchResultErrorEntry, messages []dataset.Message) ([]dataset.Message, error) {
	refused := make([]dataset.Message, 0, len(failed))
	for _, f := range failed {
		i, err := strconv.Atoi(deref(f.Id))
		if err != nil || i < 0 || i >= len(messages) {
			return nil, dataset.Errorf(dataset.Internal, "SQS refused an entry %q that was not sent", deref(f.Id))
		}
		refused = append(refused, messages[i])
	}
	code := deref(failed[0].Code)
	kind, known := kindOfCode(code)
	if !known {
		kind = dataset.Unavailable
		if failed[0].SenderFault {
			kind = dataset.Internal
		}
	}
	return refused, &dataset.Error{
		Kind: kind, Detail: fmt.Sprintf("%d messages were not accepted", len(failed)),
		Err: fmt.Errorf("%s: %s", code, deref(failed[0].Message)),
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sleep ends early, with the context's error, when ctx does.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
