// Package app wires the system from its configuration. What both worlds need is here; internal/app/local wires
// the one-machine program and internal/app/aws the Lambdas, so that neither links what only the other needs.
package app

import (
	"errors"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/model/extractive"
	"compileo/internal/model/openai"
)

// callTimeout bounds one call of a hosted model.
const callTimeout = 5 * time.Minute

// Models reads the configured providers from the environment: the built-in model always, OpenAI-compatible
// servers by OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL (or XAI_… for Grok), and MODEL_ALIASES
// ("gemini=extractive,ollama=extractive"). Invalid names the variable that is wrong.
func Models(getenv func(string) string) (*model.Registry, error) {
	r := &model.Registry{Aliases: map[string]string{}, Providers: []model.Provider{
		{Name: "extractive", Default: "extractive", Free: true, Timeout: time.Minute, Model: extractive.New()},
	}}
	for _, p := range []struct{ name, prefix, base, model, limit string }{
		{"openai", "OPENAI", "https://api.openai.com/v1", "gpt-5-mini", "max_completion_tokens"},
		{"grok", "XAI", "https://api.x.ai/v1", "grok-4", "max_completion_tokens"},
	} {
		key, base := getenv(p.prefix+"_API_KEY"), getenv(p.prefix+"_BASE_URL")
		if key == "" && base == "" {
			continue
		}
		if base == "" {
			base = p.base
		} else {
			p.limit = "" // other servers know the older name
		}
		if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
			return nil, dataset.InvalidField(p.prefix+"_BASE_URL", "is %q, want an http or https URL", base)
		}
		if name := getenv(p.prefix + "_MODEL"); name != "" {
			p.model = name
		}
		r.Providers = append(r.Providers, model.Provider{
			Name: p.name, Default: p.model, BaseURL: base, Timeout: callTimeout,
			Model: &openai.Client{BaseURL: base, Key: key, TokenLimit: p.limit, HTTP: openai.NewHTTP(dataset.MaxConcurrency)},
		})
	}
	return r, aliases(r, getenv("MODEL_ALIASES"))
}

func aliases(r *model.Registry, list string) error {
	var faults []error
	for _, pair := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		from, to, ok := strings.Cut(pair, "=")
		if !ok || from == "" || to == "" {
			faults = append(faults, dataset.InvalidField("MODEL_ALIASES", "has %q, want name=target", pair))
			continue
		}
		r.Aliases[from] = to
	}
	return errors.Join(faults...)
}

// AliasToBuiltIn lets the contract's default providers that are not configured stand for the built-in model, as on
// one machine without keys. What is configured, or already has an alias, stays.
func AliasToBuiltIn(r *model.Registry) {
	for _, name := range []string{"gemini", "ollama", "openai", "anthropic", "grok"} {
		if _, err := r.Resolve(name); err != nil {
			r.Aliases[name] = "extractive"
		}
	}
}
