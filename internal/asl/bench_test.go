package asl

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"compileo/infra"
	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
)

// idle is a workflow's world in which nothing costs anything.
type idle struct {
	engine *Engine
	ends   chan struct{}
}

func newIdle(b *testing.B, output string, send func(e *Engine, body []byte)) *idle {
	w := &idle{ends: make(chan struct{}, 1)}
	functions := map[string]Function{}
	for _, name := range deployed().Functions() {
		functions[name] = func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(output), nil }
	}
	functions["PublishFunction"] = func(context.Context, json.RawMessage) (json.RawMessage, error) {
		w.ends <- struct{}{}
		return nil, nil
	}
	var err error
	w.engine, err = New(Config{
		Machine: deployed(), Table: memory.New(memory.Options{}).Table, Queue: sender(func(body []byte) { send(w.engine, body) }), Functions: functions,
		Queues: map[string]string{"GenerateQueue": dataset.GenerateQueue}, ErrorName: errorName,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	return w
}

type sender func(body []byte)

func (s sender) Send(_ context.Context, _ string, messages ...dataset.Message) error {
	for _, m := range messages {
		go s(m.Body)
	}
	return nil
}

func (w *idle) job(b *testing.B, i int) {
	if err := w.engine.Start(b.Context(), fmt.Sprintf("bench_%d", i)); err != nil {
		b.Fatal(err)
	}
	<-w.ends
}

// BenchmarkTransitions runs jobs one after another whose functions do nothing: 8 transitions each.
func BenchmarkTransitions(b *testing.B) {
	w := newIdle(b, `{"batches":[],"kind":"generate","lanes":[],"parts":[]}`, nil)
	b.ResetTimer()
	for i := range b.N {
		w.job(b, i)
	}
	b.ReportMetric(8*float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
}

// BenchmarkIterations runs Maps over 2,000 items, the most there are, 40 at a time.
func BenchmarkIterations(b *testing.B) {
	w := newIdle(b, string(encode(map[string]any{"batches": numbers(2000), "kind": "process"})), nil)
	b.ResetTimer()
	for i := range b.N {
		w.job(b, i)
	}
	b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "iterations/s")
}

// BenchmarkLanes runs jobs of 40 lanes, all answered at once: the burst that answers are.
func BenchmarkLanes(b *testing.B) {
	w := newIdle(b, string(encode(map[string]any{"batches": numbers(0), "kind": "generate", "lanes": lanes(40), "parts": numbers(0)})),
		func(e *Engine, body []byte) {
			var m message
			if err := json.Unmarshal(body, &m); err != nil {
				panic(err)
			}
			if err := e.Answer(context.Background(), m.Token, []byte(`{}`)); err != nil {
				panic(err)
			}
		})
	b.ResetTimer()
	for i := range b.N {
		w.job(b, i)
	}
	b.ReportMetric(40*float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(infra.Workflow)))
	for b.Loop() {
		if _, err := Parse(infra.Workflow); err != nil {
			b.Fatal(err)
		}
	}
}
