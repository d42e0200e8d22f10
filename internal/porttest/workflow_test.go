package porttest_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// oneStep is a dataset.Workflow of one step that waits for a token.
type oneStep struct {
	mu     sync.Mutex
	status map[string]dataset.ExecutionStatus
	tokens map[string]string // the name that waits under a token
}

func newOneStep() *oneStep {
	return &oneStep{status: map[string]dataset.ExecutionStatus{}, tokens: map[string]string{}}
}

func (w *oneStep) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // of Kind Unavailable
	}
	w.mu.Lock()
	return nil
}

func (w *oneStep) Start(ctx context.Context, name string) error {
	if err := w.enter(ctx); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if err := dataset.CheckExecution(name); err != nil {
		return err
	}
	if w.status[name] == "" {
		w.status[name] = dataset.ExecutionRunning
		w.tokens["token "+strconv.Itoa(len(w.tokens))+" of "+name] = name
	}
	return nil
}

func (w *oneStep) Stop(ctx context.Context, name, _ string) error {
	if err := w.enter(ctx); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if w.status[name] == dataset.ExecutionRunning {
		w.status[name] = dataset.ExecutionAborted
	}
	return nil
}

func (w *oneStep) Status(ctx context.Context, name string) (dataset.ExecutionStatus, error) {
	if err := w.enter(ctx); err != nil {
		return "", err
	}
	defer w.mu.Unlock()
	if w.status[name] == "" {
		return "", dataset.Errorf(dataset.NotFound, "no execution %s", name)
	}
	return w.status[name], nil
}

func (w *oneStep) Answer(ctx context.Context, token string, output []byte) error {
	if err := w.enter(ctx); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if err := dataset.CheckAnswer(output); err != nil {
		return err
	}
	name := w.tokens[token]
	if w.status[name] != dataset.ExecutionRunning {
		return dataset.Errorf(dataset.NotFound, "nobody waits under %s", token)
	}
	w.status[name] = dataset.ExecutionSucceeded
	return nil
}

func (w *oneStep) waiting(name string) (tokens []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, of := range w.tokens {
		if of == name {
			tokens = append(tokens, token)
		}
	}
	slices.Sort(tokens)
	return tokens
}

func TestWorkflow(t *testing.T) {
	for name, virtual := range map[string]bool{"real": false, "virtual": true} {
		t.Run(name, func(t *testing.T) {
			porttest.Workflow(t, porttest.WorkflowHarness{
				Open: func(*testing.T) porttest.WorkflowSystem {
					w := newOneStep()
					return porttest.WorkflowSystem{Workflow: new(porttest.Faults).Workflow(w), Waiting: w.waiting}
				},
				Virtual: virtual,
			})
		})
	}
}
