package porttest_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

type sender func(ctx context.Context, queue string, messages ...dataset.Message) error

func (s sender) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	return s(ctx, queue, messages...)
}

// queue adds a queue system that is spoilt in one way; o is for its memory.
func (m *mutants) queue(name, finds string, o memory.Options, spoil func(s *porttest.QueueSystem, q *memory.Queue)) {
	*m = append(*m, mutant{"queue", name, finds, func(t *testing.T, only porttest.Skips) {
		porttest.Queue(t, porttest.QueueHarness{
			Open: func(*testing.T) porttest.QueueSystem {
				q := memory.New(o).Queue
				s := system(q)
				if spoil != nil {
					spoil(&s, q)
				}
				return s
			},
			Visibility: 10 * time.Second, MaxReceives: 3, Fair: true, Virtual: true, Skip: only,
		})
	}})
}

// system is the queue as the suite wants it.
func system(q *memory.Queue) porttest.QueueSystem {
	return porttest.QueueSystem{
		Queue: q,
		Consume: func(ctx context.Context, queue string, h dataset.Handler) func() {
			ctx, cancel := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() {
				_ = q.Consume(ctx, queue, 2, h)
				close(done)
			}()
			return func() { cancel(); <-done }
		},
		Dead: func() [][]byte { return slices.Concat(q.Dead(dataset.GenerateQueue), q.Dead(dataset.ScoreQueue)) },
	}
}

// right are the options that the harness speaks of.
var right = memory.Options{Visibility: 10 * time.Second, MaxReceives: 3}

func (m *mutants) messages() {
	send := func(change func([]dataset.Message) []dataset.Message) func(s *porttest.QueueSystem, q *memory.Queue) {
		return func(s *porttest.QueueSystem, q *memory.Queue) {
			s.Queue = sender(func(ctx context.Context, queue string, messages ...dataset.Message) error {
				return q.Send(ctx, queue, change(slices.Clone(messages))...)
			})
		}
	}
	each := func(change func(*dataset.Message)) func(s *porttest.QueueSystem, q *memory.Queue) {
		return send(func(messages []dataset.Message) []dataset.Message {
			for i := range messages {
				change(&messages[i])
			}
			return messages
		})
	}
	m.queue("ignores delays", "a message is not delivered before its delay", right, each(func(m *dataset.Message) { m.Delay = 0 }))
	m.queue("cuts delays to seconds", "a message is not delivered before its delay", right, each(func(m *dataset.Message) { m.Delay = m.Delay.Truncate(time.Second) }))
	m.queue("sends ten", "any number and size of messages may be sent at once", right, send(func(all []dataset.Message) []dataset.Message { return all[:min(10, len(all))] }))
	m.queue("cuts messages", "a message above its limits is Invalid", right, each(func(m *dataset.Message) { m.Body = m.Body[:min(len(m.Body), dataset.MaxMessage)] }))
	m.queue("cuts delays", "a message above its limits is Invalid", right, each(func(m *dataset.Message) { m.Delay = min(m.Delay, dataset.MaxDelay) }))
	m.queue("drops control characters", "a message above its limits is Invalid", right, each(func(m *dataset.Message) {
		m.Body = bytes.ReplaceAll(m.Body, []byte("\x00"), nil)
	}))
	m.queue("takes any group", "a message above its limits is Invalid", right, each(func(m *dataset.Message) {
		m.Group = strings.ReplaceAll(m.Group, " ", "_")
	}))
	m.queue("loses one of many", "two consumers lose no message", right, send(func(all []dataset.Message) []dataset.Message {
		return slices.DeleteFunc(all, func(m dataset.Message) bool { return string(m.Body) == "message 77" })
	}))
	m.queue("changes bytes", "a message is delivered as it was sent", right, each(func(m *dataset.Message) {
		m.Body = bytes.ToValidUTF8(bytes.TrimSpace(bytes.ReplaceAll(m.Body, []byte("\\t"), []byte("\t"))), nil)
	}))
	m.queue("mixes queues", "queues are apart", right, func(s *porttest.QueueSystem, q *memory.Queue) {
		s.Queue = sender(func(ctx context.Context, _ string, messages ...dataset.Message) error {
			return q.Send(ctx, dataset.GenerateQueue, messages...)
		})
	})
	m.queue("knows any queue", "a queue that does not exist is NotFound", right, func(s *porttest.QueueSystem, q *memory.Queue) {
		s.Queue = sender(func(ctx context.Context, queue string, messages ...dataset.Message) error {
			if err := q.Send(ctx, queue, messages...); !dataset.Is(err, dataset.NotFound) {
				return err
			}
			return nil
		})
	})
	m.queue("forgets its context", "a done context is Unavailable", right, func(s *porttest.QueueSystem, q *memory.Queue) {
		s.Queue = sender(func(ctx context.Context, queue string, messages ...dataset.Message) error {
			return q.Send(context.WithoutCancel(ctx), queue, messages...)
		})
	})
	m.queue("forgets groups", "handlers are shared out fairly between groups", right, each(func(m *dataset.Message) { m.Group = "" }))
}

func (m *mutants) deliveries() {
	handle := func(change func(h dataset.Handler) dataset.Handler) func(s *porttest.QueueSystem, q *memory.Queue) {
		return func(s *porttest.QueueSystem, _ *memory.Queue) {
			inner := s.Consume
			s.Consume = func(ctx context.Context, queue string, h dataset.Handler) func() { return inner(ctx, queue, change(h)) }
		}
	}
	m.queue("deletes on error", "an error delivers it again once its visibility timeout is over", right, handle(func(h dataset.Handler) dataset.Handler {
		return func(ctx context.Context, body []byte) error { _ = h(ctx, body); return nil }
	}))
	m.queue("never deletes", "nil deletes the message", right, handle(func(h dataset.Handler) dataset.Handler {
		return func(ctx context.Context, body []byte) error { _ = h(ctx, body); return context.Canceled }
	}))
	m.queue("redelivers at once", "an error delivers it again once its visibility timeout is over", memory.Options{Visibility: time.Second, MaxReceives: 3}, nil)
	m.queue("forgets what hangs", "a handler that never returns delivers it again", right, handle(func(h dataset.Handler) dataset.Handler {
		return func(ctx context.Context, body []byte) error { go func() { _ = h(ctx, body) }(); return nil }
	}))
	m.queue("gives up late", "after several deliveries it goes to the dead-letter queue", memory.Options{Visibility: 10 * time.Second, MaxReceives: 5}, nil)
	m.queue("forgets dead letters", "after several deliveries it goes to the dead-letter queue", right, func(s *porttest.QueueSystem, _ *memory.Queue) {
		s.Dead = func() [][]byte { return nil }
	})
	m.queue("goes on after its stop", "a consumer that was stopped handles nothing", right, func(s *porttest.QueueSystem, _ *memory.Queue) {
		inner := s.Consume
		s.Consume = func(ctx context.Context, queue string, h dataset.Handler) func() {
			_ = inner(ctx, queue, h)
			return func() {}
		}
	})
}
