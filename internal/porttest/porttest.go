// Package porttest holds what every adapter of the ports is held against, and what simulations run on.
//
// Table, Blobs, Queue and Workflow are conformance suites. Each of their subtests is named after a sentence
// of the contract in internal/dataset/ports.go and runs on whatever its harness opens: memory, SQLite and
// files, or an emulator of AWS. Faults wraps ports so that each call can fail before or after it took
// effect, come late, come twice, or be the last one of its Process. The package memory, below, is a world
// without disk or network for such simulations.
package porttest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

// Skips names the cases that an emulator is known to get wrong, with the reason. Real adapters have none.
// A name that is no case of the suite fails the suite, so that no skip outlives its case.
type Skips map[string]string

// scenario is one case of a suite over a system of type S.
type scenario[S any] struct {
	name string
	run  func(t *testing.T, s S)
}

// options says how the cases of a suite are run.
type options struct {
	virtual  bool // each in a bubble of its own
	parallel bool // beside each other: they wait more than they work
	skip     Skips
}

// runAll runs the cases as subtests of one group: it returns after the parallel ones ended too.
func runAll[S any](t *testing.T, o options, cases []scenario[S], open func(t *testing.T) S) {
	t.Helper()
	known := map[string]bool{}
	for _, c := range cases {
		known[c.name] = true
	}
	for name := range o.skip {
		if !known[name] {
			t.Errorf("%q is to be skipped but is no case of this suite", name)
		}
	}
	t.Run("suite", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				if reason := o.skip[c.name]; reason != "" {
					t.Skip(reason)
				}
				if o.parallel {
					t.Parallel()
				}
				if o.virtual {
					synctest.Test(t, func(t *testing.T) { c.run(t, open(t)) })
				} else {
					c.run(t, open(t))
				}
			})
		}
	})
}

// patient calls do until it is not Throttled any more: adapters may answer that at any time.
func patient(ctx context.Context, do func() error) error {
	const tries = 200
	err := do()
	for i := 1; i < tries && dataset.Is(err, dataset.Throttled); i++ {
		if wait(ctx, min(time.Duration(i)*time.Millisecond, 50*time.Millisecond)) != nil {
			return err
		}
		err = do()
	}
	return err
}

// eventually looks again and again until ok is true; it fails the test when that takes too long.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	pause := 5 * time.Millisecond
	for end := time.Now().Add(within); !ok(); pause = min(pause*5/4, within/50) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", within, what)
		}
		if err := wait(t.Context(), pause); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// wait returns nil after d, or an Unavailable error when ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return dataset.Errorf(dataset.Unavailable, "the call was ended: %w", err)
	}
	return nil
}

// wantKind fails the test unless err is of the kind.
func wantKind(t *testing.T, what string, err error, kind dataset.Kind) {
	t.Helper()
	if !dataset.Is(err, kind) {
		t.Errorf("%s = %v (kind %q), want kind %q", what, err, dataset.KindOf(err), kind)
	}
}

// ended is a context that is done.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
