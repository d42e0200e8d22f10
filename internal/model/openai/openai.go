// Package openai speaks the chat completions protocol of OpenAI, and of the many servers that imitate it.
//
// It makes one attempt a call and leaves waiting and retrying to its caller. Servers of this dialect differ in
// what they heed: an answer with status 200 never means that the schema was applied, so replies are validated by
// whoever reads them; the reply is bounded by max_tokens, or by the field that Client.TokenLimit names.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"compileo/internal/model"
)

// Limits of one call.
const (
	maxReply  = 16 << 20 // bytes read of an answer
	maxDetail = 300      // bytes of a server's message that are passed on
)

// Client reaches one server. It is safe for concurrent use.
type Client struct {
	BaseURL    string // with the version: https://api.openai.com/v1
	Key        string // sent as bearer; empty: none
	TokenLimit string // the request field that bounds the reply; "" sends max_tokens
	HTTP       *http.Client
}

// NewHTTP returns an HTTP client for so many calls in flight to one server. It follows no redirect: a key must
// not travel to another host.
func NewHTTP(calls int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, calls
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type jsonSchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
	Strict bool            `json:"strict"`
}

type responseFormat struct {
	Type       string     `json:"type"`
	JSONSchema jsonSchema `json:"json_schema"`
}

type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
	ResponseFormat      *responseFormat `json:"response_format,omitempty"`
	MaxTokens           int             `json:"max_tokens,omitempty"`
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
	Temperature         float64         `json:"temperature"`
	Seed                int64           `json:"seed"`
}

type chatReply struct {
	Model   string `json:"model"`
	Choices []struct {
		FinishReason string `json:"finish_reason"`
		Message      struct {
			Content string `json:"content"`
			Refusal string `json:"refusal"`
		} `json:"message"`
	} `json:"choices"`
	Usage struct {
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
	} `json:"usage"`
}

// Generate makes the call. Errors are *model.Error.
func (c *Client) Generate(ctx context.Context, r *model.Request) (*model.Reply, error) {
	body, err := json.Marshal(c.request(r))
	if err != nil {
		return nil, &model.Error{Kind: model.Refused, Detail: "the request cannot be encoded", Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.BaseURL, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, &model.Error{Kind: model.NotFound, Detail: "the base URL cannot be used", Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, transportError(ctx, err)
	case resp.StatusCode != http.StatusOK:
		return nil, statusError(resp, answer)
	case len(answer) > maxReply:
		return nil, &model.Error{Kind: model.Broken, Detail: "the answer is larger than 16 MiB"}
	}
	return reply(answer)
}

func (c *Client) request(r *model.Request) chatRequest {
	q := chatRequest{Model: r.Model, Temperature: r.Temperature, Seed: r.Seed}
	if r.System != "" {
		q.Messages = append(q.Messages, message{"system", r.System})
	}
	q.Messages = append(q.Messages, message{"user", r.User})
	if len(r.Schema) > 0 {
		q.ResponseFormat = &responseFormat{"json_schema", jsonSchema{"entries", r.Schema, true}}
	}
	if c.TokenLimit == "max_completion_tokens" {
		q.MaxCompletionTokens = r.MaxTokens
	} else {
		q.MaxTokens = r.MaxTokens
	}
	return q
}

func reply(answer []byte) (*model.Reply, error) {
	var a chatReply
	if err := json.Unmarshal(answer, &a); err != nil || len(a.Choices) == 0 {
		return nil, &model.Error{Kind: model.Broken, Detail: "the answer is no chat completion", Err: err}
	}
	first := a.Choices[0]
	out := &model.Reply{
		Text: first.Message.Content, Finish: model.Stop, Model: a.Model, Time: time.Now().UTC(),
		Usage: model.Usage{InputTokens: a.Usage.PromptTokens, OutputTokens: a.Usage.CompletionTokens},
	}
	switch {
	case first.FinishReason == "content_filter" || first.Message.Refusal != "":
		out.Finish = model.Filtered
	case first.FinishReason == "length":
		out.Finish = model.Length
	case out.Text == "":
		return nil, &model.Error{Kind: model.Broken, Detail: "the answer has no text"}
	}
	return out, nil
}

// transportError says what it means that no answer came.
func transportError(ctx context.Context, err error) *model.Error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL is the operator's, not the caller's, to see
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return &model.Error{Kind: model.Timeout, Detail: "no answer in time", Err: err}
	}
	return &model.Error{Kind: model.Overloaded, Detail: "the server cannot be reached", Err: err}
}
