package porttest

import (
	"context"
	"io"

	"compileo/internal/dataset"
)

// Blobs wraps an object store, with the readers and writers that it gives out.
func (f *Faults) Blobs(inner dataset.Blobs) dataset.Blobs { return faultyBlobs{f, inner} }

type faultyBlobs struct {
	faults *Faults
	inner  dataset.Blobs
}

func (b faultyBlobs) Put(ctx context.Context, key string, data []byte) error {
	return b.faults.call(ctx, "Blobs", "Put", key, func() error { return b.inner.Put(ctx, key, data) })
}

func (b faultyBlobs) Get(ctx context.Context, key string) (data []byte, err error) {
	err = b.faults.call(ctx, "Blobs", "Get", key, func() (err error) {
		data, err = b.inner.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (b faultyBlobs) Range(ctx context.Context, key string, offset, length int64) (data []byte, err error) {
	err = b.faults.call(ctx, "Blobs", "Range", key, func() (err error) {
		data, err = b.inner.Range(ctx, key, offset, length)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (b faultyBlobs) Stat(ctx context.Context, key string) (info dataset.BlobInfo, err error) {
	err = b.faults.call(ctx, "Blobs", "Stat", key, func() (err error) {
		info, err = b.inner.Stat(ctx, key)
		return err
	})
	if err != nil {
		return dataset.BlobInfo{}, err
	}
	return info, nil
}

func (b faultyBlobs) List(ctx context.Context, prefix, after string) (page []dataset.BlobInfo, err error) {
	err = b.faults.call(ctx, "Blobs", "List", prefix, func() (err error) {
		page, err = b.inner.List(ctx, prefix, after)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (b faultyBlobs) Delete(ctx context.Context, keys ...string) error {
	key := ""
	if len(keys) > 0 {
		key = keys[0]
	}
	return b.faults.call(ctx, "Blobs", "Delete", key, func() error { return b.inner.Delete(ctx, keys...) })
}

func (b faultyBlobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	var r io.ReadCloser
	err := b.faults.call(ctx, "Blobs", "Open", key, func() error {
		again, err := b.inner.Open(ctx, key)
		if r != nil {
			_ = r.Close() // of the first of two; nobody read from it
		}
		r = again
		return err
	})
	if err != nil {
		if r != nil {
			_ = r.Close()
		}
		return nil, err
	}
	return &faultyReader{r, b.faults, ctx, key}, nil
}

// faultyReader is a stream that may break at each Read. Close always works.
type faultyReader struct {
	io.ReadCloser
	faults *Faults
	ctx    context.Context // of Open, whose stream this is
	key    string
}

func (r *faultyReader) Read(p []byte) (n int, err error) {
	done := false
	var end error
	err = r.faults.call(r.ctx, "Blobs", "Open.Read", r.key, func() error {
		if !done { // a stream has nothing to repeat
			done = true
			n, end = r.ReadCloser.Read(p)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, end
}

func (b faultyBlobs) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	var w dataset.BlobWriter
	err := b.faults.call(ctx, "Blobs", "Create", key, func() error {
		again, err := b.inner.Create(ctx, key)
		if w != nil {
			w.Abort()
		}
		w = again
		return err
	})
	if err != nil {
		if w != nil {
			w.Abort() // what was begun holds resources, though nobody can see it
		}
		return nil, err
	}
	return &faultyWriter{w, b.faults, ctx, key, false}, nil
}

// faultyWriter is a writer that may fail at each step.
type faultyWriter struct {
	inner     dataset.BlobWriter
	faults    *Faults
	ctx       context.Context // of Create, whose object this is
	key       string
	committed bool
}

func (w *faultyWriter) Write(p []byte) (n int, err error) {
	done := false
	err = w.faults.call(w.ctx, "Blobs", "Create.Write", w.key, func() (err error) {
		if !done { // parts are numbered: one that comes twice is one
			done = true
			n, err = w.inner.Write(p)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Commit takes effect once. The second of two finds the object, its own or another's, as S3 answers a repeated
// completion under a condition.
func (w *faultyWriter) Commit() error {
	return w.faults.call(w.ctx, "Blobs", "Create.Commit", w.key, func() error {
		if w.committed {
			return dataset.Errorf(dataset.Conflict, "object %s exists", w.key)
		}
		err := w.inner.Commit()
		w.committed = err == nil || dataset.Is(err, dataset.Conflict)
		return err
	})
}

// Abort always frees what the inner writer holds, as the end of a process does. As a call it is only a
// place to die.
func (w *faultyWriter) Abort() {
	_ = w.faults.call(w.ctx, "Blobs", "Create.Abort", w.key, func() error { return nil })
	w.inner.Abort()
}
