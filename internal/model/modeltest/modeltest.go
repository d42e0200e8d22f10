// Package modeltest is a language-model server for tests and benchmarks. It speaks the chat completions dialect,
// answers a prompt with entries that quote the document found in it, always the same ones, and makes trouble by
// script: it asks to wait, fails, cuts its answer, sends garbage. It counts calls in flight and calls of each
// prompt, which is how a test knows what was paid for, and paid for twice.
package modeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Trouble is what a call meets instead of a good answer.
type Trouble string

// The kinds of trouble.
const (
	None       Trouble = ""
	RateLimit  Trouble = "rate limit"  // 429 with Retry-After
	Overload   Trouble = "overload"    // 503
	Failure    Trouble = "failure"     // 500
	BadKey     Trouble = "bad key"     // 401
	NoCredit   Trouble = "no credit"   // 429 of the kind that waiting does not help
	NoModel    Trouble = "no model"    // 404
	TooLong    Trouble = "too long"    // 400, the prompt does not fit
	CutBody    Trouble = "cut body"    // the connection ends inside the answer
	NoProtocol Trouble = "no protocol" // 200 with a page that is no chat completion
	Garbage    Trouble = "garbage"     // 200 with a reply that holds no entry
	CutReply   Trouble = "cut reply"   // 200 with a reply that ends inside its second entry
)

// Call is what a script knows of a call.
type Call struct {
	Number int // from 1, of all calls
	Try    int // from 1, of the calls with this prompt
	Prompt string
}

// Server answers POST …/chat/completions. Its fields are set before the first call. It is safe for concurrent use.
type Server struct {
	Latency    time.Duration           // before each answer
	PerReply   int                     // entries of a reply; 0: 3
	RetryAfter time.Duration           // what RateLimit and Overload ask to wait
	Script     func(call Call) Trouble // called under a lock, in the order of Number; nil: no trouble

	seed   maphash.Seed
	mu     sync.Mutex
	change sync.Cond      // of counts
	tries  map[uint64]int // by hash of the prompt
	counts Counts
	first  time.Time // when the first call came
	last   time.Time // when the last one ended
}

// Counts are numbers of calls. Every call that arrived whole counts as paid, whether its answer was taken or not.
type Counts struct {
	Calls       int // all
	Distinct    int // different prompts
	InFlight    int // now
	MaxInFlight int
	Answered    int // answers that were written, and not trouble
}

// maxRequest bounds a request's body.
const maxRequest = 8 << 20

// New returns a server that answers after latency.
func New(latency time.Duration) *Server {
	s := &Server{Latency: latency, PerReply: 3, seed: maphash.MakeSeed(), tries: map[uint64]int{}}
	s.change.L = &s.mu
	return s
}

// Counts returns the numbers of calls so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Called returns how long it was called: from the first call to the end of the last.
func (s *Server) Called() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Sub(s.first)
}

// Wait returns when the counts are as wanted, or with ctx's error.
func (s *Server) Wait(ctx context.Context, wanted func(Counts) bool) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !wanted(s.counts) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.change.Wait()
	}
	return nil
}

// Idle is a condition for Wait: no call is in flight. It holds soon after a client was killed.
func Idle(c Counts) bool { return c.InFlight == 0 }

// completionRequest is what is read of a call.
type completionRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		http.Error(w, `{"error":{"message":"no such address"}}`, http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return // the client is gone, or sends without end
	}
	var q completionRequest
	if err := json.Unmarshal(body, &q); err != nil || len(q.Messages) == 0 {
		fail(w, http.StatusBadRequest, "the request is no chat completion", "")
		return
	}
	prompt := q.Messages[len(q.Messages)-1].Content
	trouble := s.begin(prompt)
	answered := false
	defer func() { s.end(answered) }()
	if s.Latency > 0 {
		timer := time.NewTimer(s.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	if trouble != None {
		s.trouble(w, trouble, q.Model, prompt)
		return
	}
	answered = write(w, completion(q.Model, Reply(prompt, s.PerReply), "stop", len(prompt))) == nil
}

// begin counts a call and asks the script about it.
func (s *Server) begin(prompt string) Trouble {
	key := maphash.String(s.seed, prompt)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counts
	if c.Calls++; c.Calls == 1 {
		s.first = time.Now()
	}
	c.InFlight++
	c.MaxInFlight = max(c.MaxInFlight, c.InFlight)
	defer s.change.Broadcast()
	if s.tries[key]++; s.tries[key] == 1 {
		c.Distinct++
	}
	if s.Script == nil {
		return None
	}
	return s.Script(Call{Number: c.Calls, Try: s.tries[key], Prompt: prompt})
}

func (s *Server) end(answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.InFlight--
	s.last = time.Now()
	if answered {
		s.counts.Answered++
	}
	s.change.Broadcast()
}

func (s *Server) trouble(w http.ResponseWriter, t Trouble, model, prompt string) {
	if t == RateLimit || t == Overload {
		w.Header().Set("Retry-After", strconv.FormatFloat(s.RetryAfter.Seconds(), 'f', -1, 64))
	}
	switch t {
	case RateLimit:
		fail(w, http.StatusTooManyRequests, "slow down", "rate_limit_exceeded")
	case Overload:
		fail(w, http.StatusServiceUnavailable, "overloaded", "")
	case Failure:
		fail(w, http.StatusInternalServerError, "something broke", "")
	case BadKey:
		fail(w, http.StatusUnauthorized, "the key is not valid", "invalid_api_key")
	case NoCredit:
		fail(w, http.StatusTooManyRequests, "you exceeded your current quota", "insufficient_quota")
	case NoModel:
		fail(w, http.StatusNotFound, "there is no model "+model, "model_not_found")
	case TooLong:
		fail(w, http.StatusBadRequest, "the prompt is too long", "context_length_exceeded")
	case CutBody:
		whole := completion(model, Reply(prompt, s.PerReply), "stop", len(prompt))
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		_, _ = w.Write(whole[:len(whole)/2])
		panic(http.ErrAbortHandler)
	case NoProtocol:
		_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
	case Garbage:
		_ = write(w, completion(model, "I am sorry, I cannot help with that.", "stop", len(prompt)))
	case CutReply:
		text := Reply(prompt, max(s.PerReply, 2))
		at := strings.Index(text, `},{`) // after the first entry
		_ = write(w, completion(model, text[:min(at+40, len(text))], "length", len(prompt)))
	default:
		panic("modeltest: unknown trouble " + string(t))
	}
}

func fail(w http.ResponseWriter, status int, message, code string) {
	b, _ := json.Marshal(map[string]any{"error": map[string]string{"message": message, "code": code}}) // strings
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func write(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	return err
}

// completion is the body of an answer. Tokens are counted as a quarter of the bytes.
func completion(model, text, finish string, prompt int) []byte {
	content, _ := json.Marshal(text) // a string
	name, _ := json.Marshal(model)
	return fmt.Appendf(nil, `{"object":"chat.completion","model":%s,"choices":[{"index":0,"finish_reason":%q,"message":{"role":"assistant","content":%s}}],`+
		`"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, name, finish, content, prompt/4, len(text)/4)
}
