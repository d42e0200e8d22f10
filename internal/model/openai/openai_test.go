package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"compileo/internal/model"
)

func request() *model.Request {
	return &model.Request{
		Model: "m-1", System: "be brief", User: "what?", Schema: json.RawMessage(`{"type":"object"}`),
		MaxTokens: 77, Temperature: 0.5, Seed: 9,
	}
}

// serve answers one call with status, headers and body, and returns what was sent.
func serve(t *testing.T, status int, header map[string]string, body string) (*http.Request, []byte, *model.Reply, error) {
	t.Helper()
	var got *http.Request
	var sent []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		sent, _ = io.ReadAll(r.Body)
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	c := &Client{BaseURL: s.URL + "/v1/", Key: "secret", HTTP: NewHTTP(1)}
	reply, err := c.Generate(t.Context(), request())
	return got, sent, reply, err
}

func TestRequestOnTheWire(t *testing.T) {
	r, body, _, err := serve(t, 200, nil, `{"choices":[{"finish_reason":"stop","message":{"content":"x"}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Method + " " + r.URL.Path; got != "POST /v1/chat/completions" {
		t.Errorf("request = %s", got)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer secret" {
		t.Errorf("Authorization = %q", got)
	}
	want := `{"model":"m-1","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"what?"}],` +
		`"response_format":{"type":"json_schema","json_schema":{"name":"entries","schema":{"type":"object"},"strict":true}},` +
		`"max_tokens":77,"temperature":0.5,"seed":9}`
	if string(body) != want {
		t.Errorf("body = %s\nwant   %s", body, want)
	}
}

func TestTokenLimitField(t *testing.T) {
	q := (&Client{TokenLimit: "max_completion_tokens"}).request(request())
	if q.MaxCompletionTokens != 77 || q.MaxTokens != 0 {
		t.Errorf("limits = %d, %d, want 0, 77", q.MaxTokens, q.MaxCompletionTokens)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		name, body string
		finish     model.Finish
		text       string
		kind       model.ErrorKind
	}{
		{"whole", `{"model":"m","choices":[{"finish_reason":"stop","message":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, model.Stop, "hi", ""},
		{"cut", `{"choices":[{"finish_reason":"length","message":{"content":"{\"a"}}]}`, model.Length, `{"a`, ""},
		{"cut at once", `{"choices":[{"finish_reason":"length","message":{"content":""}}]}`, model.Length, "", ""},
		{"refusal", `{"choices":[{"finish_reason":"stop","message":{"refusal":"no"}}]}`, model.Filtered, "", ""},
		{"filter", `{"choices":[{"finish_reason":"content_filter","message":{"content":""}}]}`, model.Filtered, "", ""},
		{"null content", `{"choices":[{"finish_reason":"stop","message":{"content":null}}]}`, "", "", model.Broken},
		{"no choices", `{"choices":[]}`, "", "", model.Broken},
		{"not JSON", `<html>`, "", "", model.Broken},
		{"cut body", `{"choices":[{"mess`, "", "", model.Broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, reply, err := serve(t, 200, nil, c.body)
			if c.kind != "" {
				if got := model.AsError(err).Kind; got != c.kind {
					t.Fatalf("error = %v, want %s", err, c.kind)
				}
				return
			}
			if err != nil || reply.Finish != c.finish || reply.Text != c.text {
				t.Fatalf("= %+v, %v", reply, err)
			}
			if c.name == "whole" && (reply.Usage.InputTokens != 3 || reply.Usage.OutputTokens != 4 || reply.Model != "m") {
				t.Errorf("usage = %+v of %s", reply.Usage, reply.Model)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		kind   model.ErrorKind
		after  time.Duration
	}{
		{"bad key", 401, nil, `{"error":{"message":"no","type":"authentication_error"}}`, model.Auth, 0},
		{"forbidden", 403, nil, `{}`, model.Auth, 0},
		{"no model", 404, nil, `{"error":{"message":"model not found"}}`, model.NotFound, 0},
		{"too fast", 429, map[string]string{"Retry-After": "7"}, `{"error":{"message":"slow down"}}`, model.RateLimited, 7 * time.Second},
		{"too fast, ms", 429, map[string]string{"Retry-After-Ms": "250"}, ``, model.RateLimited, 250 * time.Millisecond},
		{"nonsense delay", 429, map[string]string{"Retry-After": "-5"}, ``, model.RateLimited, 0},
		{"huge delay", 429, map[string]string{"Retry-After": "1e300"}, ``, model.RateLimited, maxAfter},
		{"no credit", 429, nil, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`, model.Quota, 0},
		{"payment", 402, nil, ``, model.Quota, 0},
		{"long, OpenAI", 400, nil, `{"error":{"message":"too long","code":"context_length_exceeded"}}`, model.ContextTooLong, 0},
		{"long, llama.cpp", 400, nil, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, model.ContextTooLong, 0},
		{"long, Ollama", 400, nil, `{"error":"the input length exceeds the context length"}`, model.ContextTooLong, 0},
		{"413", 413, nil, ``, model.ContextTooLong, 0},
		{"bad request", 400, nil, `{"error":{"message":"bad schema"}}`, model.Refused, 0},
		{"bad schema, Ollama", 500, nil, `{"error":{"message":"invalid JSON schema in format"}}`, model.Refused, 0},
		{"500", 500, nil, `oops`, model.Broken, 0},
		{"loading", 503, nil, `{"error":{"message":"Loading model"}}`, model.Overloaded, 0},
		{"529", 529, nil, ``, model.Overloaded, 0},
		{"gateway timeout", 504, nil, ``, model.Timeout, 0},
		{"redirect", 302, map[string]string{"Location": "/elsewhere"}, ``, model.Broken, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := serve(t, c.status, c.header, c.body)
			e, ok := errors.AsType[*model.Error](err)
			if !ok || e.Kind != c.kind || e.After != c.after {
				t.Fatalf("= %+v, want %s after %s", err, c.kind, c.after)
			}
			if strings.Contains(e.Error(), "secret") {
				t.Errorf("the key is in %q", e.Error())
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer s.Close()
	c := &Client{BaseURL: s.URL, HTTP: NewHTTP(1)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Generate(ctx, request()); model.AsError(err).Kind != model.Timeout {
		t.Errorf("hanging server: %v, want timeout", err)
	}
	s2 := httptest.NewServer(nil)
	s2.Close()
	c.BaseURL = s2.URL
	if _, err := c.Generate(t.Context(), request()); model.AsError(err).Kind != model.Overloaded {
		t.Errorf("no server: %v, want overloaded", err)
	}
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"choices"`)
	}))
	defer cut.Close()
	c.BaseURL = cut.URL
	if _, err := c.Generate(t.Context(), request()); model.AsError(err).Kind != model.Overloaded {
		t.Errorf("cut answer: %v, want overloaded", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"choices":[{"finish_reason":"stop","message":{"content":"x"}}]}`), 200)
	f.Add([]byte(`{"error":{"message":"no","code":"context_length_exceeded"}}`), 400)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		r, err := reply(body)
		if (r == nil) == (err == nil) {
			t.Fatalf("reply = %v, %v", r, err)
		}
		if e := statusError(&http.Response{StatusCode: status, Header: http.Header{}}, body); e.Kind == "" || e.Detail == "" {
			t.Fatalf("error = %+v", e)
		}
	})
}
