package memory

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// Queue is a dataset.Queue with its consumers: the two queues of the system, like those of SQS with fair
// groups. Messages come in an order that the seed decides.
type Queue struct {
	options Options
	lanes   map[string]*lane
}

func newQueue(o Options, random *rand.Rand) *Queue {
	q := &Queue{options: o, lanes: map[string]*lane{}}
	for _, name := range []string{dataset.GenerateQueue, dataset.ScoreQueue} {
		q.lanes[name] = newLane(o, rand.New(rand.NewPCG(random.Uint64(), 0)))
	}
	return q
}

func (q *Queue) lane(name string) (*lane, error) {
	l, ok := q.lanes[name]
	if !ok {
		return nil, dataset.Errorf(dataset.NotFound, "no queue %q", name)
	}
	return l, nil
}

// Send implements dataset.Queue. A body that SQS would not take, being empty or no text, is Invalid; a queue
// that does not exist is NotFound.
func (q *Queue) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	if err := alive(ctx); err != nil {
		return err
	}
	l, err := q.lane(queue)
	if err != nil {
		return err
	}
	for _, m := range messages {
		switch {
		case len(m.Body) == 0 || len(m.Body) > dataset.MaxMessage:
			return dataset.Errorf(dataset.Invalid, "a message of %d bytes, want 1 to %d", len(m.Body), dataset.MaxMessage)
		case !text(m.Body):
			return dataset.Errorf(dataset.Invalid, "a message that is no text")
		case m.Delay < 0 || m.Delay > dataset.MaxDelay:
			return dataset.Errorf(dataset.Invalid, "a delay of %v, want 0 to %v", m.Delay, dataset.MaxDelay)
		}
	}
	l.add(messages)
	return nil
}

// text says whether SQS takes the bytes: Unicode without control characters but tab and ends of line.
func text(body []byte) bool {
	return utf8.Valid(body) && !slices.ContainsFunc(body, func(c byte) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r'
	})
}

// Consume calls h for the messages of a queue, up to workers at a time, until ctx ends and all its handlers
// returned; then it returns nil. NotFound: there is no such queue. It may be called several times for a queue.
//
// nil from h deletes the message, unless it was delivered again since, or the Process of ctx is dead: then
// it comes again. A panic of h is not caught.
func (q *Queue) Consume(ctx context.Context, queue string, workers int, h dataset.Handler) error {
	l, err := q.lane(queue)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				r, ok := l.receive(ctx)
				if !ok {
					return
				}
				if err := h(ctx, slices.Clone(r.message.body)); err == nil && porttest.Alive(ctx) == nil {
					l.remove(r)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// Dead returns the bodies that a queue gave up on, the oldest first; none of a queue that does not exist.
func (q *Queue) Dead(queue string) [][]byte {
	l, err := q.lane(queue)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promote(time.Now())
	return slices.Clone(l.dead)
}
