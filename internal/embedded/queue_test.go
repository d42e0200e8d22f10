package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

func send(t *testing.T, s *Store, messages ...dataset.Message) {
	t.Helper()
	must(t, s.Queue().Send(t.Context(), dataset.GenerateQueue, messages...))
}

func message(body string) dataset.Message { return dataset.Message{Body: []byte(body)} }

// log is what handlers saw, with the time since start.
type log struct {
	mu    sync.Mutex
	start time.Time
	seen  []string
}

// add returns how many there are now.
func (l *log) add(body []byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, fmt.Sprintf("%s %v", body, time.Since(l.start).Round(time.Millisecond)))
	return len(l.seen)
}

func (l *log) want(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.seen, want) {
		t.Errorf("handled %q, want %q", l.seen, want)
	}
}

func TestMessagesComeAtTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{Visibility: time.Minute, MaxReceives: 2})
		l := &log{start: time.Now()}
		stop := consume(t, t.Context(), s, dataset.GenerateQueue, func(_ context.Context, body []byte) error {
			if l.add(body); body[0] == '!' {
				return errors.New("no")
			}
			return nil
		})
		defer stop()
		time.Sleep(time.Hour) // of the bubble: nothing happens meanwhile
		send(t, s, dataset.Message{Body: []byte("late"), Delay: 10 * time.Minute}, dataset.Message{Body: []byte("soon"), Delay: time.Second})
		send(t, s, message("now"), dataset.Message{Body: []byte("!"), Delay: 2 * time.Second})
		time.Sleep(time.Hour)
		l.want(t, "now 1h0m0s", "soon 1h0m1s", "! 1h0m2s", "! 1h1m2s", "late 1h10m0s")
		if dead, err := s.Dead(t.Context(), dataset.GenerateQueue); err != nil || len(dead) != 1 || string(dead[0]) != "!" {
			t.Errorf("Dead = %q, %v, want the message that failed twice", dead, err)
		}
		if dead, err := s.Dead(t.Context(), dataset.ScoreQueue); err != nil || len(dead) != 0 {
			t.Errorf("Dead of the other queue = %q, %v, want none", dead, err)
		}
	})
}

func TestHandlerPastItsVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{Visibility: time.Minute})
		l := &log{start: time.Now()}
		stop := consume(t, t.Context(), s, dataset.GenerateQueue, func(_ context.Context, body []byte) error {
			switch l.add(body) {
			case 1:
				time.Sleep(90 * time.Second) // its success comes while the second delivery is held
			case 2:
				time.Sleep(45 * time.Second)
				return errors.New("not this time")
			}
			return nil
		})
		defer stop()
		send(t, s, message("m"))
		time.Sleep(time.Hour)
		l.want(t, "m 0s", "m 1m0s", "m 2m0s")
	})
}

func TestPanicIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := open(t, t.TempDir(), Options{Visibility: time.Minute, Log: slog.New(slog.NewTextHandler(&out, nil))})
		l := &log{start: time.Now()}
		stop := consume(t, t.Context(), s, dataset.GenerateQueue, func(_ context.Context, body []byte) error {
			if l.add(body) == 1 {
				panic("boom")
			}
			return nil
		})
		send(t, s, message("m"))
		time.Sleep(time.Hour)
		stop()
		l.want(t, "m 0s", "m 1m0s")
		if !bytes.Contains(out.Bytes(), []byte("boom")) || !bytes.Contains(out.Bytes(), []byte("queue_test.go")) {
			t.Errorf("log = %s, want the panic with its stack", out.Bytes())
		}
	})
}

func TestStoppedConsumerGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{MaxReceives: 2})
		l := &log{start: time.Now()}
		send(t, s, message("m"))
		for range 5 { // more often than MaxReceives
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			must(t, s.Consume(ctx, dataset.GenerateQueue, 1, func(ctx context.Context, body []byte) error {
				l.add(body)
				<-ctx.Done()
				return ctx.Err()
			}))
		}
		l.want(t, "m 0s", "m 1s", "m 2s", "m 3s", "m 4s")
	})
}

func TestHeldMessagesAreVisibleAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for n := 1; n <= 4; n++ {
			s := open(t, dir, Options{MaxReceives: 3})
			if n == 1 {
				send(t, s, message("m"), dataset.Message{Body: []byte("delayed"), Delay: time.Minute})
			}
			var held []delivery
			var next time.Time
			must(t, s.write(t.Context(), 0, func(t *tx) (err error) {
				held, next, err = t.claim(dataset.GenerateQueue, 10, time.Hour, 3)
				return err
			}))
			if n <= 3 && (len(held) != 1 || held[0].receives != n || string(held[0].body) != "m") {
				t.Errorf("start %d: held %+v, want the message", n, held)
			}
			if n == 4 && len(held) != 0 {
				t.Errorf("start %d: held %+v, want none: it killed its program three times", n, held)
			}
			if next.IsZero() {
				t.Errorf("start %d: there is a delayed message, but no next time", n)
			}
			must(t, s.Close())
		}
		s := open(t, dir, Options{})
		if dead, err := s.Dead(t.Context(), dataset.GenerateQueue); err != nil || len(dead) != 1 {
			t.Errorf("Dead = %q, %v, want the message", dead, err)
		}
	})
}

func TestDeadMessagesAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{Visibility: time.Second, MaxReceives: 1})
		stop := consume(t, t.Context(), s, dataset.GenerateQueue, func(context.Context, []byte) error { return errors.New("no") })
		defer stop()
		for i := range 3 {
			send(t, s, message(fmt.Sprint(i)))
			time.Sleep(10 * 24 * time.Hour)
		}
		dead, err := s.Dead(t.Context(), dataset.GenerateQueue)
		if err != nil || len(dead) != 2 || string(dead[0]) != "1" {
			t.Errorf("Dead = %q, %v, want those of the last 14 days when the last one died", dead, err)
		}
	})
}

func TestGroupsTakeTurns(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	var messages []dataset.Message
	for _, group := range []string{"b", "", "a", "a", "a", "c", "a", "b"} {
		messages = append(messages, dataset.Message{Body: []byte("=" + group), Group: group})
	}
	send(t, s, messages...)
	var order string
	for _, n := range []int{1, 3, 2, 5} {
		must(t, s.write(t.Context(), 0, func(t *tx) error {
			held, next, err := t.claim(dataset.GenerateQueue, n, time.Hour, 5)
			for _, d := range held {
				order += string(d.body)
			}
			if len(held) < n && next.Before(t.now.Add(59*time.Minute)) {
				err = fmt.Errorf("next = %v, want when the first comes again", next)
			}
			return err
		}))
	}
	if want := "=a=b=c==a=b=a=a"; order != want {
		t.Errorf("order = %s, want %s", order, want)
	}
}

func TestConsumeChecksItsArguments(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	h := func(context.Context, []byte) error { return nil }
	wantKind(t, "no such queue", s.Consume(t.Context(), "other", 1, h), dataset.NotFound)
	wantKind(t, "no workers", s.Consume(t.Context(), dataset.ScoreQueue, 0, h), dataset.Invalid)
	_, err := s.Dead(t.Context(), "other")
	wantKind(t, "Dead", err, dataset.NotFound)
}
