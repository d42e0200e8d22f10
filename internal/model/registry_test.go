package model

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

func TestResolve(t *testing.T) {
	r := &Registry{
		Providers: []Provider{{Name: "extractive", Default: "extractive"}, {Name: "openai", Default: "gpt-5-mini"}},
		Aliases:   map[string]string{"gemini": "extractive", "fast": "openai/gpt-5-nano"},
	}
	for name, want := range map[string]string{
		"extractive": "extractive", "openai": "openai/gpt-5-mini", "openai/gpt-x": "openai/gpt-x", "gpt-4o": "openai/gpt-4o",
		"gemini": "extractive", "gemini-2.5-flash": "extractive", "gemini/any": "extractive", "fast": "openai/gpt-5-nano",
	} {
		m, err := r.Resolve(name)
		if err != nil || m.Name() != want {
			t.Errorf("Resolve(%s) = %s, %v, want %s", name, m.Name(), err, want)
		}
		if aliased := name == "fast" || strings.HasPrefix(name, "gemini"); aliased != (m.Asked == name) {
			t.Errorf("Resolve(%s): asked %q", name, m.Asked)
		}
	}
	for _, name := range []string{"", "ollama", "claude-x", "nobody/x"} {
		_, err := r.Resolve(name)
		if !dataset.Is(err, dataset.Invalid) || !strings.Contains(err.Error(), "extractive, fast → openai/gpt-5-nano") {
			t.Errorf("Resolve(%q) = %v, want the list of what is configured", name, err)
		}
	}
}

// TestKey: whatever changes the reply changes the key, and nothing else does.
func TestKey(t *testing.T) {
	m := Resolved{Provider: Provider{Name: "p", BaseURL: "http://a"}, ID: "m"}
	base := Request{Model: "m", System: "s", User: "u", Schema: json.RawMessage(`{}`), MaxTokens: 1, Temperature: 0.1, Seed: 1}
	key := m.Key(&base)
	withTask := base
	withTask.Task = &Task{Count: 3}
	if m.Key(&withTask) != key {
		t.Error("the structured task is part of the key")
	}
	for name, change := range map[string]func(*Request){
		"model": func(r *Request) { r.Model = "n" }, "system": func(r *Request) { r.System = "" }, "user": func(r *Request) { r.User = "v" },
		"schema": func(r *Request) { r.Schema = json.RawMessage(`[]`) }, "limit": func(r *Request) { r.MaxTokens = 2 },
		"temperature": func(r *Request) { r.Temperature = 0.2 }, "seed": func(r *Request) { r.Seed = 2 }, "round": func(r *Request) { r.Round = 1 },
	} {
		r := base
		change(&r)
		if m.Key(&r) == key {
			t.Errorf("another %s has the same key", name)
		}
	}
	other := m
	other.BaseURL = "http://b"
	if other.Key(&base) == key {
		t.Error("another server has the same key")
	}
}

func TestAsError(t *testing.T) {
	mine := &Error{Kind: Quota, Detail: "pay"}
	for _, c := range []struct {
		err  error
		kind ErrorKind
	}{{mine, Quota}, {errors.Join(errors.New("x"), mine), Quota}, {context.Canceled, Timeout}, {context.DeadlineExceeded, Timeout}, {errors.New("x"), Broken}} {
		if got := AsError(c.err).Kind; got != c.kind {
			t.Errorf("AsError(%v) = %s, want %s", c.err, got, c.kind)
		}
	}
}
