package porttest

import (
	"context"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// QueueSystem is a queue with its consumers, as a case of the suite gets it: fresh, without messages.
type QueueSystem struct {
	Queue dataset.Queue
	// Consume starts a consumer of the queue that runs until ctx ends or stop is called. stop returns when
	// the consumer's handlers did, and may be called again. Several may be started, of the same queue too.
	Consume func(ctx context.Context, queue string, h dataset.Handler) (stop func())
	// Dead returns the bodies that went to dead-letter queues so far.
	Dead func() [][]byte
}

// QueueHarness is how the suite gets at an adapter of dataset.Queue.
type QueueHarness struct {
	// Open is called for each case, several at once. Both queues of the system must be there.
	Open func(t *testing.T) QueueSystem
	// Visibility is the time after which a message that was not deleted comes again; short, as the suite
	// waits for it: cases take up to about MaxReceives + 3 times that. A message is given up after
	// MaxReceives deliveries (at least 2).
	Visibility  time.Duration
	MaxReceives int
	// Fair says that handlers are shared out between groups.
	Fair bool
	// Virtual runs each case in a bubble of testing/synctest.
	Virtual bool
	Skip    Skips
}

// Queue runs the conformance suite of dataset.Queue.
func Queue(t *testing.T, h QueueHarness) {
	t.Helper()
	if h.Visibility <= 0 || h.MaxReceives < 2 {
		t.Fatalf("the harness has visibility %v and %d receives", h.Visibility, h.MaxReceives)
	}
	cases := queueCases
	if h.Fair {
		cases = append(cases[:len(cases):len(cases)], scenario[*mail]{fairName, fairGroups})
	}
	runAll(t, options{virtual: h.Virtual, parallel: true, skip: h.Skip}, cases, func(t *testing.T) *mail {
		return &mail{QueueSystem: h.Open(t), visibility: h.Visibility, receives: h.MaxReceives}
	})
}

// mail is a queue system with what its harness said about it.
type mail struct {
	QueueSystem
	visibility time.Duration
	receives   int
}

// patience is how long a message may take that could come at once: emulators are slow on a busy machine.
func (m *mail) patience() time.Duration { return 20*time.Second + 10*m.visibility }

func (m *mail) send(t *testing.T, messages ...dataset.Message) {
	t.Helper()
	err := patient(t.Context(), func() error { return m.Queue.Send(t.Context(), dataset.GenerateQueue, messages...) })
	if err != nil {
		t.Fatalf("Send of %d messages = %v", len(messages), err)
	}
}

// consume starts a consumer that is stopped at the end of the case.
func (m *mail) consume(t *testing.T, queue string, h dataset.Handler) (stop func()) {
	t.Helper()
	stop = m.Consume(t.Context(), queue, h)
	t.Cleanup(stop)
	return stop
}

// next is the next delivery; the case ends when none comes.
func (m *mail) next(t *testing.T, from <-chan delivery) delivery {
	t.Helper()
	timer := time.NewTimer(m.patience())
	defer timer.Stop()
	select {
	case d := <-from:
		return d
	case <-timer.C:
		t.Fatalf("no message after %v", m.patience())
		return delivery{}
	}
}

// quiet fails the case when a delivery comes within d.
func quiet(t *testing.T, from <-chan delivery, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case got := <-from:
		t.Errorf("message %.80q came, want none", got.body)
	case <-timer.C:
	}
}

// delivery is one call of a handler.
type delivery struct {
	body string
	at   time.Time
}

// recorder is a handler that reports each delivery, in a channel that never blocks it, and answers err.
func recorder(size int, err error) (dataset.Handler, <-chan delivery) {
	got := make(chan delivery, size)
	return func(_ context.Context, body []byte) error {
		select {
		case got <- delivery{string(body), time.Now()}:
		default: // duplicates beyond what the case looks at
		}
		return err
	}, got
}
