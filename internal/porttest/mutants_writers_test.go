package porttest_test

import (
	"context"

	"compileo/internal/dataset"
)

// brokenWriter changes single methods of a writer.
type brokenWriter struct {
	dataset.BlobWriter
	write  func(p []byte) (int, error)
	commit func() error
	abort  func()
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.write != nil {
		return b.write(p)
	}
	return b.BlobWriter.Write(p)
}

func (b *brokenWriter) Commit() error {
	if b.commit != nil {
		return b.commit()
	}
	return b.BlobWriter.Commit()
}

func (b *brokenWriter) Abort() {
	if b.abort != nil {
		b.abort()
		return
	}
	b.BlobWriter.Abort()
}

// onCreate spoils each writer that a store gives out.
func onCreate(spoil func(b *brokenBlobs, ctx context.Context, key string, w *brokenWriter)) func(b *brokenBlobs, _ *signer) {
	return func(b *brokenBlobs, _ *signer) {
		b.create = func(ctx context.Context, key string) (dataset.BlobWriter, error) {
			inner, err := b.Blobs.Create(ctx, key)
			w := &brokenWriter{BlobWriter: inner}
			spoil(b, ctx, key, w)
			return w, err
		}
	}
}

func (m *mutants) writers() {
	overwrite := onCreate(func(b *brokenBlobs, ctx context.Context, key string, w *brokenWriter) {
		w.commit = func() error {
			_ = b.Blobs.Delete(ctx, key)
			return w.BlobWriter.Commit()
		}
	})
	m.blobs("commit over an object", "Commit is a Conflict when the key came to exist meanwhile", overwrite)
	m.blobs("create over an object", "Create of a key that exists ends in Conflict", overwrite)
	m.blobs("commit in a race", "of several writers of one key one commits", overwrite)
	m.blobs("commit twice", "a Commit cannot be repeated and ends the writer", onCreate(func(_ *brokenBlobs, _ context.Context, _ string, w *brokenWriter) {
		done := false
		w.commit = func() error {
			if done {
				return nil
			}
			err := w.BlobWriter.Commit()
			done = err == nil
			return err
		}
	}))
	m.blobs("commit again after a Conflict", "a Commit cannot be repeated and ends the writer", func(b *brokenBlobs, _ *signer) {
		b.create = func(ctx context.Context, key string) (dataset.BlobWriter, error) {
			var data []byte
			over := false
			return &brokenWriter{
				write: func(p []byte) (int, error) {
					if over {
						return 0, dataset.Errorf(dataset.Internal, "over")
					}
					data = append(data, p...)
					return len(p), nil
				},
				commit: func() error { over = true; return b.Blobs.Put(ctx, key, data) },
				abort:  func() {},
			}, nil
		}
	})
}

func (m *mutants) parts() {
	m.blobs("commit on abort", "Abort leaves nothing", onCreate(func(_ *brokenBlobs, _ context.Context, _ string, w *brokenWriter) {
		w.abort = func() { _ = w.BlobWriter.Commit() }
	}))
	m.blobs("abort after commit", "Abort after Commit does nothing", onCreate(func(b *brokenBlobs, ctx context.Context, key string, w *brokenWriter) {
		w.abort = func() { _ = b.Blobs.Delete(ctx, key) }
	}))
	m.blobs("show parts", "nothing is visible before Commit", onCreate(func(b *brokenBlobs, ctx context.Context, key string, w *brokenWriter) {
		w.write = func(p []byte) (int, error) { return len(p), b.Blobs.Put(ctx, key, p) }
	}))
	m.blobs("drop a part", "an object of several parts is read as it was written", onCreate(func(_ *brokenBlobs, _ context.Context, _ string, w *brokenWriter) {
		total := 0
		w.write = func(p []byte) (int, error) {
			if total += len(p); total > 100<<10 {
				return len(p), nil
			}
			return w.BlobWriter.Write(p)
		}
	}))
	m.blobs("write nothing empty", "an object may be written empty", onCreate(func(_ *brokenBlobs, _ context.Context, _ string, w *brokenWriter) {
		written := false
		w.write = func(p []byte) (int, error) { written = true; return w.BlobWriter.Write(p) }
		w.commit = func() error {
			if !written {
				return nil
			}
			return w.BlobWriter.Commit()
		}
	}))
	m.blobs("commit for the dead", "a writer whose context is done is Unavailable", func(b *brokenBlobs, _ *signer) {
		b.create = func(ctx context.Context, key string) (dataset.BlobWriter, error) {
			return b.Blobs.Create(context.WithoutCancel(ctx), key)
		}
	})
}
