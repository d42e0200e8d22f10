package memory

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

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

// Send implements dataset.Queue.
func (q *Queue) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	if err := alive(ctx); err != nil {
		return err
	}
	l, err := q.lane(queue)
	if err != nil {
		return err
	}
	if err := dataset.CheckMessages(messages); err != nil {
		return err
	}
	l.add(messages)
	return nil
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
