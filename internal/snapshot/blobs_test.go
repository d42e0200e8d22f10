package snapshot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// memory is Blobs in memory with what these tests need: reads that take time, calls that fail.
type memory struct {
	dataset.Blobs // the methods that this package must not use: they panic
	mu            sync.Mutex
	objects       map[string][]byte
	delay         time.Duration
	discard       bool // keep small objects only
	ranges        int  // calls of Range
	bytes         int64
	writes        int // calls that store something
	fail          int // which of them fails; 0: none
	after         bool
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}} }

var errFault = &dataset.Error{Kind: dataset.Unavailable, Detail: "planned fault"}

func (m *memory) store(ctx context.Context, key string, data []byte) error {
	if ctx.Err() != nil {
		return dataset.Errorf(dataset.Unavailable, "%w", ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.writes == m.fail && !m.after {
		return errFault
	}
	if _, ok := m.objects[key]; ok {
		return dataset.Errorf(dataset.Conflict, "%s exists", key)
	}
	if m.discard && len(data) > 1<<21 {
		data = nil
	}
	m.objects[key] = data
	if m.writes == m.fail {
		return errFault
	}
	return nil
}

func (m *memory) Put(ctx context.Context, key string, data []byte) error {
	if len(data) > dataset.MaxBlobPut {
		return dataset.Errorf(dataset.Invalid, "too large")
	}
	return m.store(ctx, key, bytes.Clone(data))
}

type memoryWriter struct {
	m   *memory
	ctx context.Context
	key string
	buf bytes.Buffer
	end bool
}

func (m *memory) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	return &memoryWriter{m: m, ctx: ctx, key: key}, nil
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	if w.end {
		return 0, errors.New("write after the end")
	}
	if w.m.discard {
		return len(p), nil
	}
	return w.buf.Write(p)
}

func (w *memoryWriter) Commit() error {
	if w.end {
		return errors.New("second end")
	}
	w.end = true
	return w.m.store(w.ctx, w.key, w.buf.Bytes())
}

func (w *memoryWriter) Abort() { w.end = true }

func (m *memory) get(ctx context.Context, key string) ([]byte, error) {
	if m.delay > 0 {
		time.Sleep(m.delay)
	}
	if ctx.Err() != nil {
		return nil, dataset.Errorf(dataset.Unavailable, "%w", ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, dataset.Errorf(dataset.NotFound, "no %s", key)
	}
	return data, nil
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, error) {
	data, err := m.get(ctx, key)
	return bytes.Clone(data), err
}

func (m *memory) Range(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	data, err := m.get(ctx, key)
	size := int64(len(data))
	data = bytes.Clone(data[min(offset, size):min(offset+length, size)])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ranges++
	m.bytes += int64(len(data))
	return data, err
}

func (m *memory) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	data, err := m.get(ctx, key)
	return io.NopCloser(bytes.NewReader(data)), err
}

// change replaces an object, as only a fault could.
func (m *memory) change(t testing.TB, key string, f func([]byte) []byte) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[key]
	if !ok {
		t.Fatalf("no %s among %v", key, slices.Sorted(maps.Keys(m.objects)))
	}
	m.objects[key] = f(bytes.Clone(old))
}

func (m *memory) clone() *memory { return &memory{objects: maps.Clone(m.objects)} }

func (m *memory) names() string {
	return strings.Join(slices.Sorted(maps.Keys(m.objects)), " ")
}
