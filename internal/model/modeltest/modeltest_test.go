package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/model/openai"
	"compileo/internal/prompt"
)

func chunk(i int) *dataset.Chunk {
	text := fmt.Sprintf("The pump of station %d delivers %d litres. Short. The valve of station %d is made of bronze. The motor of station %d runs by day. The door of station %d is blue.", i, i, i, i, i)
	return &dataset.Chunk{Title: "Stations", Text: text, End: len(text), Blocks: []dataset.Block{{Kind: dataset.ParagraphBlock, End: len(text)}}}
}

func client(t *testing.T, s *Server) *openai.Client {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return &openai.Client{BaseURL: h.URL + "/v1", HTTP: openai.NewHTTP(8)}
}

func request(i int) *model.Request {
	system, user := prompt.Builtin(dataset.QuestionAnswer).Render(chunk(i), 3)
	return &model.Request{Model: "mock", System: system, User: user, Schema: prompt.Schema(dataset.QuestionAnswer, 3)}
}

// The real adapter and the real parser read what the server sends.
func TestReplyQuotesTheChunk(t *testing.T) {
	s := New(0)
	reply, err := client(t, s).Generate(t.Context(), request(7))
	if err != nil {
		t.Fatal(err)
	}
	drafts, faults, err := prompt.Parse(reply.Text, dataset.QuestionAnswer, chunk(7), 3)
	if err != nil || len(faults) > 0 || len(drafts) != 3 {
		t.Fatalf("Parse = %d drafts, %v, %v, want 3", len(drafts), faults, err)
	}
	seen := map[string]bool{}
	for _, d := range drafts {
		if len(d.Evidence) != 1 || !strings.Contains(chunk(7).Text, d.Evidence[0]) || seen[d.Question] {
			t.Errorf("draft %+v: want a question of its own and a quote of the chunk", d)
		}
		seen[d.Question] = true
	}
	if q := drafts[1].Question; q != "What is known about the valve of station 7?" {
		t.Errorf("second question = %q", q)
	}
	if c := s.Counts(); c != (Counts{Calls: 1, Distinct: 1, MaxInFlight: 1, Answered: 1}) {
		t.Errorf("counts = %+v", c)
	}
	if reply.Usage.InputTokens == 0 || reply.Usage.OutputTokens == 0 {
		t.Errorf("usage = %+v", reply.Usage)
	}
}

func TestReplyWithoutADocument(t *testing.T) {
	for _, p := range []string{"", "hello", "<document-1 without an end", "<document-1>\ntoo short\n</document-1>"} {
		if got := Reply(p, 3); got != `{"entries":[]}` {
			t.Errorf("Reply(%q) = %s", p, got)
		}
	}
}

func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		trouble Trouble
		kind    model.ErrorKind
		after   time.Duration
	}{
		{RateLimit, model.RateLimited, 1500 * time.Millisecond},
		{Overload, model.Overloaded, 1500 * time.Millisecond},
		{Failure, model.Broken, 0},
		{BadKey, model.Auth, 0},
		{NoCredit, model.Quota, 0},
		{NoModel, model.NotFound, 0},
		{TooLong, model.ContextTooLong, 0},
		{CutBody, model.Overloaded, 0},
		{NoProtocol, model.Broken, 0},
	} {
		t.Run(string(c.trouble), func(t *testing.T) {
			s := New(0)
			s.RetryAfter = 1500 * time.Millisecond
			s.Script = func(call Call) Trouble {
				if call.Try == 1 {
					return c.trouble
				}
				return None
			}
			m := client(t, s)
			_, err := m.Generate(t.Context(), request(1))
			if e, ok := errors.AsType[*model.Error](err); !ok || e.Kind != c.kind || e.After != c.after {
				t.Errorf("first try = %v, want %s after %s", err, c.kind, c.after)
			}
			if _, err := m.Generate(t.Context(), request(1)); err != nil {
				t.Errorf("second try = %v, want a reply", err)
			}
			if err := s.Wait(t.Context(), Idle); err != nil {
				t.Fatal(err)
			}
			if got := s.Counts(); got.Calls != 2 || got.Distinct != 1 || got.Answered != 1 {
				t.Errorf("counts = %+v, want 2 calls of 1 prompt, 1 answered", got)
			}
		})
	}
}

func TestUnusableReplies(t *testing.T) {
	for _, c := range []struct {
		trouble Trouble
		drafts  int
		faults  int
		finish  model.Finish
		unread  bool
	}{
		{Garbage, 0, 0, model.Stop, true},
		{CutReply, 1, 1, model.Length, false},
	} {
		t.Run(string(c.trouble), func(t *testing.T) {
			s := New(0)
			s.Script = func(Call) Trouble { return c.trouble }
			reply, err := client(t, s).Generate(t.Context(), request(1))
			if err != nil || reply.Finish != c.finish {
				t.Fatalf("= %+v, %v, want finish %s", reply, err, c.finish)
			}
			drafts, faults, err := prompt.Parse(reply.Text, dataset.QuestionAnswer, chunk(1), 3)
			if len(drafts) != c.drafts || len(faults) != c.faults || (err != nil) != c.unread {
				t.Errorf("Parse = %d drafts, %v, %v", len(drafts), faults, err)
			}
		})
	}
}

func TestCallsInFlight(t *testing.T) {
	s := New(time.Hour)
	m := client(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for i := range 5 {
		go func() {
			_, err := m.Generate(ctx, request(i%4))
			ended <- err
		}()
	}
	if err := s.Wait(t.Context(), func(c Counts) bool { return c.InFlight == 5 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 5 {
		if err := <-ended; err == nil {
			t.Error("a call that was cancelled has a reply")
		}
	}
	if err := s.Wait(t.Context(), Idle); err != nil {
		t.Fatal(err)
	}
	if c := s.Counts(); c != (Counts{Calls: 5, Distinct: 4, MaxInFlight: 5}) {
		t.Errorf("counts = %+v", c)
	}
	if s.Called() <= 0 {
		t.Errorf("it was called for %v", s.Called())
	}
	over, end := context.WithCancel(t.Context())
	end()
	if err := s.Wait(over, func(Counts) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with a context that is over = %v", err)
	}
}

func TestNotACompletion(t *testing.T) {
	s := New(0)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/chat/completions", "", 404},
		{"POST", "/v1/embeddings", "{}", 404},
		{"POST", "/v1/chat/completions", "{", 400},
		{"POST", "/v1/chat/completions", `{"messages":[]}`, 400},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status || s.Counts().Calls != 0 {
			t.Errorf("%s %s %s = %d with %d calls counted, want %d and none", c.method, c.path, c.body, w.Code, s.Counts().Calls, c.status)
		}
	}
}

func BenchmarkServer(b *testing.B) {
	body, err := json.Marshal(map[string]any{"model": "mock", "messages": []map[string]string{{"role": "user", "content": request(1).User}}})
	if err != nil {
		b.Fatal(err)
	}
	s := New(0)
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(string(body))))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
