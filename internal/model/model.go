// Package model holds the language-model port: one request, one reply, typed errors; the registry that
// resolves the names users write; the retry policy; and the replies kept so that no call is paid twice.
// The providers are packages below it, one each.
//
// A request carries the task twice: structured, for the built-in model, and rendered as a prompt with a
// schema, for language models. Everything after the reply is one path (internal/prompt).
package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"compileo/internal/dataset"
)

// Model answers requests. Implementations are safe for concurrent use, make one attempt a call, and end it
// when ctx ends.
type Model interface {
	// Generate returns the reply, or an *Error. A reply that was cut short, filtered or is not what was asked
	// for is a reply with its Finish, not an error: it was paid for.
	Generate(ctx context.Context, r *Request) (*Reply, error)
}

// Request is one call. Its fields but Task determine the reply and are part of the key it is kept under.
type Request struct {
	Model       string          `json:"model"` // the provider's own name for the model
	System      string          `json:"system"`
	User        string          `json:"user"`
	Schema      json.RawMessage `json:"schema"` // JSON schema of the reply; order of properties is the order of writing
	MaxTokens   int             `json:"max_tokens"`
	Temperature float64         `json:"temperature"`
	Seed        int64           `json:"seed"`
	Round       int             `json:"round"` // 0; one more for each deliberate new try (repair, regenerating), never a worker's attempt

	Task *Task `json:"-"`
}

// Task is what the prompt asks for, as data.
type Task struct {
	Mode  dataset.Mode
	Chunk *dataset.Chunk
	Count int // entries at most
	Seed  int64
	Round int
}

// Reply is what a model answered.
type Reply struct {
	Text   string    `json:"text"`
	Finish Finish    `json:"finish"`
	Model  string    `json:"model"` // as the server names it
	Usage  Usage     `json:"usage"`
	Time   time.Time `json:"time"`            // when it was made
	Payer  string    `json:"payer,omitempty"` // id of the job that made the call; set by whoever keeps the reply
}

// Finish says why a reply ended.
type Finish string

// The ways a reply ends.
const (
	Stop     Finish = "stop"
	Length   Finish = "length"   // cut at the token limit
	Filtered Finish = "filtered" // refused or filtered by the provider
)

// Usage is what the provider counted. CostUSD is 0 where no price is known.
type Usage struct {
	InputTokens  int64   `json:"input_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd"`
}

// ErrorKind says what a failed call means.
type ErrorKind string

// The kinds of failed call, with what the caller does.
const (
	RateLimited    ErrorKind = "rate_limited"     // wait at least After
	Overloaded     ErrorKind = "overloaded"       // the server cannot now (503, 529, connection refused): wait
	Timeout        ErrorKind = "timeout"          // no answer in time; it may have been paid
	Quota          ErrorKind = "quota"            // no credit left: stops the job
	Auth           ErrorKind = "auth"             // key refused: stops the job
	NotFound       ErrorKind = "not_found"        // no such model: stops the job
	ContextTooLong ErrorKind = "context_too_long" // this request can never work: ends its chunk
	Refused        ErrorKind = "refused"          // the server calls this request wrong (400): ends its chunk
	Broken         ErrorKind = "broken"           // an answer that is no reply (empty, not the protocol): ends its chunk after retries
)

// Error is a failed call.
type Error struct {
	Kind   ErrorKind
	After  time.Duration // RateLimited, Overloaded: what the server asked to wait; 0: it did not say
	Detail string        // for the caller; never holds a key
	Err    error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("model: %s: %s: %v", e.Kind, e.Detail, e.Err)
	}
	return fmt.Sprintf("model: %s: %s", e.Kind, e.Detail)
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns the *Error in err's chain; any other error is Broken, a context's end is Timeout.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{Kind: Timeout, Detail: "the call was ended", Err: err}
	}
	return &Error{Kind: Broken, Detail: "unexpected failure", Err: err}
}
