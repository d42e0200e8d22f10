package model

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// Provider is a configured way to reach models.
type Provider struct {
	Name    string        // as users write it: "openai"
	Default string        // model meant by the bare name
	BaseURL string        // of the server; part of the key that replies are kept under
	Free    bool          // costs nothing and answers the same again: its replies are not kept
	Timeout time.Duration // of one call
	Model   Model
}

// Registry resolves the names of models. It is fixed after start.
type Registry struct {
	Providers []Provider
	Aliases   map[string]string // by the operator: what a provider or model name stands for instead
}

// Resolved is a model that can be called.
type Resolved struct {
	Provider
	ID    string // the provider's name for the model
	Asked string // what was asked for, when an alias led elsewhere
}

// Name is the resolved name as entries show it: "provider/model", or the provider alone where both are the same.
func (r Resolved) Name() string {
	if r.ID == r.Provider.Name {
		return r.ID
	}
	return r.Provider.Name + "/" + r.ID
}

// wellKnown leads from the beginning of a bare model name to its provider.
var wellKnown = []struct{ prefix, provider string }{
	{"gemini-", "gemini"}, {"gpt-", "openai"}, {"o3", "openai"}, {"o4", "openai"}, {"claude-", "anthropic"}, {"grok-", "grok"},
}

// Resolve finds what name ("provider", "provider/model" or a well-known bare model) stands for. Invalid, with
// the list of what is configured, when nothing answers to it.
func (r *Registry) Resolve(name string) (Resolved, error) {
	asked, target := "", name
	if to, ok := r.alias(name); ok {
		asked, target = name, to
	}
	provider, id, _ := strings.Cut(target, "/")
	if p, ok := r.provider(provider); ok {
		if id == "" {
			id = p.Default
		}
		return Resolved{p, id, asked}, nil
	}
	for _, w := range wellKnown {
		if p, ok := r.provider(w.provider); ok && strings.HasPrefix(target, w.prefix) {
			return Resolved{p, target, asked}, nil
		}
	}
	return Resolved{}, dataset.InvalidField("/classification_model", "%q is not configured here; configured: %s", name, strings.Join(r.Names(), ", "))
}

// alias looks a name up whole, then by its provider, so that "gemini=extractive" also covers "gemini-2.5-flash".
func (r *Registry) alias(name string) (string, bool) {
	if to, ok := r.Aliases[name]; ok {
		return to, true
	}
	provider, _, _ := strings.Cut(name, "/")
	for _, w := range wellKnown {
		if strings.HasPrefix(name, w.prefix) {
			provider = w.provider
		}
	}
	to, ok := r.Aliases[provider]
	return to, ok
}

func (r *Registry) provider(name string) (Provider, bool) {
	i := slices.IndexFunc(r.Providers, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return r.Providers[i], true
}

// Names lists the configured providers and the aliases ("gemini → extractive").
func (r *Registry) Names() []string {
	var names []string
	for _, p := range r.Providers {
		names = append(names, p.Name)
	}
	for from, to := range r.Aliases {
		names = append(names, from+" → "+to)
	}
	slices.Sort(names)
	return names
}

// Key identifies what produces a reply to r: everything that is sent, and where to.
func (m Resolved) Key(r *Request) string {
	b, _ := json.Marshal(r) // plain data
	return dataset.Hash(m.Provider.Name, m.BaseURL, string(b))
}

// Replies keeps paid replies on Blobs, under tenant, project and Resolved.Key, for whoever asks the same again.
type Replies struct {
	Blobs   dataset.Blobs
	Tenant  dataset.Tenant
	Project string
}

// Kept returns the reply kept under key, or nil.
func (s Replies) Kept(ctx context.Context, key string) (*Reply, error) {
	b, err := s.Blobs.Get(ctx, dataset.ReplyKey(s.Tenant, s.Project, key))
	if dataset.Is(err, dataset.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var reply Reply
	if err := json.Unmarshal(b, &reply); err != nil {
		return nil, dataset.Errorf(dataset.Internal, "kept reply %s is damaged: %w", key, err)
	}
	return &reply, nil
}

// Keep stores the reply and returns the one that is kept: another's, if it came first.
func (s Replies) Keep(ctx context.Context, key string, reply *Reply) (*Reply, error) {
	b, err := json.Marshal(reply)
	if err != nil {
		return nil, dataset.Errorf(dataset.Internal, "encode reply: %w", err)
	}
	err = s.Blobs.Put(ctx, dataset.ReplyKey(s.Tenant, s.Project, key), b)
	if !dataset.Is(err, dataset.Conflict) {
		return reply, err
	}
	return s.Kept(ctx, key)
}
