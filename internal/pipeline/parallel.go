package pipeline

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// parallelReads is how many objects are read at a time where many small ones are wanted.
const parallelReads = 16

// parallel calls do for 0 to n-1, several at a time, and returns the first error.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// inOrder reads things 0 to n-1, several ahead, and uses them one at a time in their order. It returns the first error.
func inOrder[T any](ctx context.Context, n int, read func(ctx context.Context, i int) (T, error), use func(i int, thing T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	ahead := make(chan chan T, parallelReads)
	group.Go(func() error {
		defer close(ahead)
		for i := range n {
			one := make(chan T, 1)
			select {
			case ahead <- one:
			case <-ctx.Done():
				return ctx.Err()
			}
			group.Go(func() error {
				defer close(one)
				thing, err := read(ctx, i)
				if err == nil {
					one <- thing
				}
				return err
			})
		}
		return nil
	})
	group.Go(func() error {
		i := 0
		for one := range ahead {
			thing, ok := <-one
			if !ok {
				return nil // its reader says why
			}
			if err := use(i, thing); err != nil {
				return err
			}
			i++
		}
		return nil
	})
	return group.Wait()
}
