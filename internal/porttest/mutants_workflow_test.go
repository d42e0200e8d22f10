package porttest_test

import (
	"context"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// brokenWorkflow changes single methods of a workflow.
type brokenWorkflow struct {
	*oneStep
	start  func(ctx context.Context, name string) error
	stop   func(ctx context.Context, name string) error
	status func(ctx context.Context, name string) (dataset.ExecutionStatus, error)
	answer func(ctx context.Context, token string, output []byte) error
}

func (b *brokenWorkflow) Start(ctx context.Context, name string) error {
	if b.start != nil {
		return b.start(ctx, name)
	}
	return b.oneStep.Start(ctx, name)
}

func (b *brokenWorkflow) Stop(ctx context.Context, name, cause string) error {
	if b.stop != nil {
		return b.stop(ctx, name)
	}
	return b.oneStep.Stop(ctx, name, cause)
}

func (b *brokenWorkflow) Status(ctx context.Context, name string) (dataset.ExecutionStatus, error) {
	if b.status != nil {
		return b.status(ctx, name)
	}
	return b.oneStep.Status(ctx, name)
}

func (b *brokenWorkflow) Answer(ctx context.Context, token string, output []byte) error {
	if b.answer != nil {
		return b.answer(ctx, token, output)
	}
	return b.oneStep.Answer(ctx, token, output)
}

// workflow adds a workflow that is spoilt in one way.
func (m *mutants) workflow(name, finds string, spoil func(b *brokenWorkflow)) {
	*m = append(*m, mutant{"workflow", name, finds, func(t *testing.T, only porttest.Skips) {
		porttest.Workflow(t, porttest.WorkflowHarness{Virtual: true, Skip: only, Open: func(*testing.T) porttest.WorkflowSystem {
			b := &brokenWorkflow{oneStep: newOneStep()}
			spoil(b)
			return porttest.WorkflowSystem{Workflow: b, Waiting: b.waiting}
		}})
	}})
}

func (m *mutants) executions() {
	restart := func(b *brokenWorkflow) {
		b.start = func(ctx context.Context, name string) error {
			b.mu.Lock()
			b.oneStep.status[name] = ""
			b.mu.Unlock()
			return b.oneStep.Start(ctx, name)
		}
	}
	m.workflow("starts twice", "a second start of a running name is success and starts nothing", restart)
	m.workflow("starts in a race", "of several starts at once one starts the execution", restart)
	m.workflow("starts after the end", "a start of a name whose execution is over is success and starts nothing", restart)
	m.workflow("starts after a stop", "stop aborts an execution that runs", restart)
	m.workflow("refuses a second start", "a second start of a running name is success and starts nothing", func(b *brokenWorkflow) {
		b.start = func(ctx context.Context, name string) error {
			if _, err := b.oneStep.Status(ctx, name); err == nil {
				return dataset.Errorf(dataset.Conflict, "it exists")
			}
			return b.oneStep.Start(ctx, name)
		}
	})
	m.workflow("cuts names", "executions are apart", func(b *brokenWorkflow) {
		b.start = func(ctx context.Context, name string) error { return b.oneStep.Start(ctx, name[:40]) }
	})
	m.workflow("starts anything", "what cannot be a name is Invalid to start and was never started", func(b *brokenWorkflow) {
		b.start = func(ctx context.Context, name string) error {
			if dataset.CheckExecution(name) != nil {
				name = "other"
			}
			return b.oneStep.Start(ctx, name)
		}
	})
	m.workflow("refuses long names", "a name of 80 characters is a name", func(b *brokenWorkflow) {
		b.start = func(ctx context.Context, name string) error {
			if len(name) > 79 {
				return dataset.Errorf(dataset.Invalid, "a long name")
			}
			return b.oneStep.Start(ctx, name)
		}
	})
}

func (m *mutants) ends() {
	m.workflow("runs what was never started", "the status of what was never started is NotFound", func(b *brokenWorkflow) {
		b.status = func(ctx context.Context, name string) (dataset.ExecutionStatus, error) {
			if s, err := b.oneStep.Status(ctx, name); !dataset.Is(err, dataset.NotFound) {
				return s, err
			}
			return dataset.ExecutionRunning, nil
		}
	})
	m.workflow("stops what it knows only", "stop of what was never started is success", func(b *brokenWorkflow) {
		b.stop = func(ctx context.Context, name string) error {
			if _, err := b.oneStep.Status(ctx, name); err != nil {
				return err
			}
			return b.oneStep.Stop(ctx, name, "")
		}
	})
	m.workflow("stops what is over", "stop of what is over is success and changes nothing", func(b *brokenWorkflow) {
		b.stop = func(_ context.Context, name string) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.oneStep.status[name] = dataset.ExecutionAborted
			return nil
		}
	})
	anyway := func(b *brokenWorkflow) {
		b.answer = func(ctx context.Context, token string, output []byte) error {
			if err := b.oneStep.Answer(ctx, token, output); !dataset.Is(err, dataset.NotFound) {
				return err
			}
			return nil
		}
	}
	m.workflow("takes any token", "an answer to a token that nobody gave out is NotFound", anyway)
	m.workflow("takes answers twice", "a second answer is NotFound", anyway)
	m.workflow("takes answers after a stop", "an answer after a stop is NotFound", anyway)
	m.workflow("takes any answer", "an answer that is not JSON or too large is Invalid", func(b *brokenWorkflow) {
		b.answer = func(ctx context.Context, token string, _ []byte) error {
			return b.oneStep.Answer(ctx, token, []byte(`{}`))
		}
	})
	m.workflow("does not end", "an execution runs until its task is answered", func(b *brokenWorkflow) {
		b.answer = func(context.Context, string, []byte) error { return nil }
	})
	m.workflow("forgets its context", "a done context is Unavailable", func(b *brokenWorkflow) {
		b.stop = func(ctx context.Context, name string) error {
			return b.oneStep.Stop(context.WithoutCancel(ctx), name, "")
		}
	})
}
