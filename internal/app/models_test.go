package app

import (
	"slices"
	"testing"

	"compileo/internal/dataset"
)

func TestModels(t *testing.T) {
	env := map[string]string{"OPENAI_API_KEY": "k", "MODEL_ALIASES": "gemini=openai/x, fast=extractive"}
	r, err := Models(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Names(), []string{"extractive", "fast → extractive", "gemini → openai/x", "openai"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	AliasToBuiltIn(r)
	for name, want := range map[string]string{"gemini": "openai/x", "ollama": "extractive", "openai": "openai/gpt-5-mini", "grok-4": "extractive"} {
		if m, err := r.Resolve(name); err != nil || m.Name() != want {
			t.Errorf("%s resolves to %s, %v, want %s", name, m.Name(), err, want)
		}
	}
	for name, value := range map[string]string{"OPENAI_BASE_URL": "localhost:1", "MODEL_ALIASES": "gemini"} {
		_, err := Models(func(n string) string { return map[string]string{name: value}[n] })
		if !dataset.Is(err, dataset.Invalid) {
			t.Errorf("%s=%s: %v, want invalid", name, value, err)
		}
	}
}
