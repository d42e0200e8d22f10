package porttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"compileo/internal/dataset"
)

var queueCases = []scenario[*mail]{
	{"a message is delivered as it was sent", deliveredAsSent},
	{"nil deletes the message", nilDeletes},
	{"an error delivers it again once its visibility timeout is over", errorRedelivers},
	{"a handler that never returns delivers it again", crashRedelivers},
	{"a message is not delivered before its delay", delayed},
	{"any number and size of messages may be sent at once", largeBatches},
	{"a message above its limits is Invalid", messageLimits},
	{"after several deliveries it goes to the dead-letter queue", deadLetter},
	{"two consumers lose no message", twoConsumers},
	{"queues are apart", queuesApart},
	{"a consumer that was stopped handles nothing", stoppedConsumer},
	{"a queue that does not exist is NotFound", unknownQueue},
	{"a done context is Unavailable", queueContext},
}

func deliveredAsSent(t *testing.T, m *mail) {
	want := `{"lane": 3, "text": "späte <&> 🦫\t\n"}`
	m.send(t, dataset.Message{Body: []byte(want), Group: "tenant-1"})
	h, got := recorder(10, nil)
	m.consume(t, dataset.GenerateQueue, h)
	if d := m.next(t, got); d.body != want {
		t.Errorf("body = %q, want %q", d.body, want)
	}
}

func nilDeletes(t *testing.T, m *mail) {
	h, got := recorder(10, nil)
	m.consume(t, dataset.GenerateQueue, h)
	m.send(t, dataset.Message{Body: []byte("1")})
	m.next(t, got)
	quiet(t, got, 2*m.visibility+m.visibility/2)
	if dead := m.Dead(); len(dead) != 0 {
		t.Errorf("dead letters %q, want none", dead)
	}
}

func errorRedelivers(t *testing.T, m *mail) {
	var calls atomic.Int64
	got := make(chan delivery, 10)
	m.consume(t, dataset.GenerateQueue, func(_ context.Context, body []byte) error {
		got <- delivery{string(body), time.Now()}
		if calls.Add(1) == 1 {
			return errors.New("the first time")
		}
		return nil
	})
	m.send(t, dataset.Message{Body: []byte("1")})
	first, second := m.next(t, got), m.next(t, got)
	if gap := second.at.Sub(first.at); gap < m.visibility/2 {
		t.Errorf("it came again after %v, want about the visibility timeout, %v", gap, m.visibility)
	}
	quiet(t, got, 2*m.visibility)
}

func crashRedelivers(t *testing.T, m *mail) {
	hangs, stuck := make(chan struct{}), make(chan delivery, 10)
	stop := m.consume(t, dataset.GenerateQueue, func(_ context.Context, body []byte) error {
		stuck <- delivery{string(body), time.Now()}
		<-hangs
		return errors.New("never seen in time")
	})
	defer stop()
	defer close(hangs)
	m.send(t, dataset.Message{Body: []byte("1")})
	first := m.next(t, stuck)
	h, got := recorder(10, nil)
	m.consume(t, dataset.GenerateQueue, h)
	// The first consumer may be the one to get it again, and hang again, as long as deliveries are left.
	second := delivery{}
	select {
	case second = <-got:
	case second = <-stuck:
	case <-time.After(m.patience()):
		t.Fatal("it did not come again")
	}
	if gap := second.at.Sub(first.at); second.body != "1" || gap < m.visibility/2 {
		t.Errorf("%q came after %v, want it after about %v", second.body, gap, m.visibility)
	}
}

func delayed(t *testing.T, m *mail) {
	delays := map[string]time.Duration{"0": 0, "1.1": 1100 * time.Millisecond, "2": 2 * time.Second}
	h, got := recorder(10, nil)
	m.consume(t, dataset.GenerateQueue, h)
	sent := time.Now()
	m.send(t, dataset.Message{Body: []byte("2"), Delay: delays["2"]}, dataset.Message{Body: []byte("1.1"), Delay: delays["1.1"]}, dataset.Message{Body: []byte("0")})
	m.send(t, dataset.Message{Body: []byte("late"), Delay: dataset.MaxDelay})
	for range delays {
		d := m.next(t, got)
		delay, ok := delays[d.body]
		if after := d.at.Sub(sent); !ok || after < delay-20*time.Millisecond { // clocks of two processes differ a little
			t.Errorf("message %q came after %v, want it not before %v", d.body, after, delay)
		}
		delete(delays, d.body)
	}
}

func largeBatches(t *testing.T, m *mail) {
	h, got := recorder(200, nil)
	m.consume(t, dataset.GenerateQueue, h)
	var messages []dataset.Message
	want := map[string]bool{}
	add := func(size int) {
		body := fmt.Sprintf("%04d %s", len(messages), bytes.Repeat([]byte("x"), size-5))
		messages, want[body] = append(messages, dataset.Message{Body: []byte(body), Group: "g"}), true
	}
	for range 25 {
		add(20 << 10)
	}
	for range 6 {
		add(dataset.MaxMessage)
	}
	add(10)
	m.send(t, messages...)
	m.send(t)
	for len(want) > 0 {
		delete(want, m.next(t, got).body)
	}
}

func messageLimits(t *testing.T, m *mail) {
	good := dataset.Message{Body: []byte("good")}
	for what, bad := range map[string]dataset.Message{
		"body above MaxMessage":           {Body: bytes.Repeat([]byte("x"), dataset.MaxMessage+1)},
		"delay above MaxDelay":            {Body: []byte("x"), Delay: dataset.MaxDelay + time.Second},
		"delay below zero":                {Body: []byte("x"), Delay: -time.Second},
		"no body":                         {},
		"a body with a control character": {Body: []byte("a\x00")},
		"a body that is no UTF-8":         {Body: []byte("a\xff")},
		"a body with no character":        {Body: []byte("a\uffff")},
		"group above MaxGroup":            {Body: []byte("x"), Group: strings.Repeat("g", dataset.MaxGroup+1)},
		"group of two words":              {Body: []byte("x"), Group: "a b"},
	} {
		wantKind(t, "Send of "+what, m.Queue.Send(t.Context(), dataset.GenerateQueue, bad), dataset.Invalid)
		wantKind(t, "Send of "+what+" with another", m.Queue.Send(t.Context(), dataset.GenerateQueue, good, bad), dataset.Invalid)
	}
	m.send(t, dataset.Message{
		Body: bytes.Repeat([]byte("x"), dataset.MaxMessage), Delay: dataset.MaxDelay, Group: strings.Repeat("~", dataset.MaxGroup),
	})
}

func deadLetter(t *testing.T, m *mail) {
	h, got := recorder(100, errors.New("never works"))
	m.consume(t, dataset.GenerateQueue, h)
	m.send(t, dataset.Message{Body: []byte("poison"), Group: "g"})
	eventually(t, time.Duration(m.receives)*m.visibility+m.patience(), "the message is in the dead-letter queue", func() bool { return len(m.Dead()) > 0 })
	if dead := m.Dead(); len(dead) != 1 || string(dead[0]) != "poison" {
		t.Errorf("dead letters = %q, want the message", dead)
	}
	if len(got) != m.receives {
		t.Errorf("it was delivered %d times, want %d", len(got), m.receives)
	}
	for range len(got) {
		<-got
	}
	quiet(t, got, 2*m.visibility)
}

func twoConsumers(t *testing.T, m *mail) {
	const n = 120
	h, got := recorder(10*n, nil)
	m.consume(t, dataset.GenerateQueue, h)
	m.consume(t, dataset.GenerateQueue, h)
	want := map[string]bool{}
	var messages []dataset.Message
	for i := range n {
		body := fmt.Sprintf("message %d", i)
		messages, want[body] = append(messages, dataset.Message{Body: []byte(body), Group: fmt.Sprint(i % 3)}), true
	}
	for batch := range slices.Chunk(messages, 50) {
		m.send(t, batch...)
	}
	for len(want) > 0 {
		delete(want, m.next(t, got).body)
	}
	if dead := m.Dead(); len(dead) != 0 {
		t.Errorf("%d dead letters, want none", len(dead))
	}
}

func queuesApart(t *testing.T, m *mail) {
	generate, generated := recorder(10, nil)
	score, scored := recorder(10, nil)
	m.consume(t, dataset.GenerateQueue, generate)
	m.consume(t, dataset.ScoreQueue, score)
	m.send(t, dataset.Message{Body: []byte("generate")})
	if err := m.Queue.Send(t.Context(), dataset.ScoreQueue, dataset.Message{Body: []byte("score")}); err != nil {
		t.Fatal(err)
	}
	if g, s := m.next(t, generated), m.next(t, scored); g.body != "generate" || s.body != "score" {
		t.Errorf("got %q from generate and %q from score", g.body, s.body)
	}
}

func stoppedConsumer(t *testing.T, m *mail) {
	h, got := recorder(10, nil)
	stop := m.consume(t, dataset.GenerateQueue, h)
	m.send(t, dataset.Message{Body: []byte("1")})
	m.next(t, got)
	stop()
	m.send(t, dataset.Message{Body: []byte("2")})
	quiet(t, got, m.visibility)
	m.consume(t, dataset.GenerateQueue, h)
	for m.next(t, got).body != "2" { // the stop may have come before the first one was deleted
	}
}

func unknownQueue(t *testing.T, m *mail) {
	for _, name := range []string{"no-such-queue", ""} {
		wantKind(t, "Send", m.Queue.Send(t.Context(), name, dataset.Message{Body: []byte("x")}), dataset.NotFound)
	}
}

func queueContext(t *testing.T, m *mail) {
	err := m.Queue.Send(ended(t), dataset.GenerateQueue, dataset.Message{Body: []byte("x")})
	wantKind(t, "Send", err, dataset.Unavailable)
	wantKind(t, "Send of nothing", m.Queue.Send(ended(t), dataset.GenerateQueue), dataset.Unavailable)
}

const fairName = "handlers are shared out fairly between groups"

func fairGroups(t *testing.T, m *mail) {
	const noisy, quietly = 200, 10
	var messages []dataset.Message
	for i := range noisy {
		messages = append(messages, dataset.Message{Body: fmt.Appendf(nil, "noisy %d", i), Group: "noisy"})
	}
	m.send(t, messages...)
	for i := range quietly {
		m.send(t, dataset.Message{Body: fmt.Appendf(nil, "quiet %d", i), Group: "quiet"})
	}
	h, got := recorder(10*noisy, nil)
	m.consume(t, dataset.GenerateQueue, h)
	before, seen := 0, map[string]bool{}
	for len(seen) < quietly {
		if d := m.next(t, got); d.body[0] == 'q' {
			seen[d.body] = true
		} else {
			before++
		}
	}
	if before > noisy/2 {
		t.Errorf("%d of %d messages of another group came before %d of a small one", before, noisy, quietly)
	}
}
