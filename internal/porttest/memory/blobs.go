package memory

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Blobs is a dataset.Blobs. It checks what S3 does not, that no key is a folder of another (Invalid). A writer
// holds its whole object in memory.
type Blobs struct {
	short bool

	mu      sync.Mutex
	random  *rand.Rand
	keys    []string // sorted
	objects map[string][]byte
	folders map[string]int // objects below each folder
}

func newBlobs(o Options, random *rand.Rand) *Blobs {
	return &Blobs{short: o.ShortPages, random: random, objects: map[string][]byte{}, folders: map[string]int{}}
}

// folders are the folders that key is in.
func folders(key string) (all []string) {
	for i, c := range []byte(key) {
		if c == '/' {
			all = append(all, key[:i])
		}
	}
	return all
}

// add stores data, which is the store's own from now on, under a new key.
func (b *Blobs) add(key string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, exists := b.objects[key]; exists {
		return dataset.Errorf(dataset.Conflict, "object %s exists", key)
	}
	above := folders(key)
	if b.folders[key] > 0 || slices.ContainsFunc(above, func(f string) bool { return b.objects[f] != nil }) {
		return dataset.Errorf(dataset.Invalid, "key %s is a folder of another, or another is one of it", key)
	}
	for _, f := range above {
		b.folders[f]++
	}
	if data == nil {
		data = []byte{}
	}
	b.objects[key] = data
	at, _ := slices.BinarySearch(b.keys, key)
	b.keys = slices.Insert(b.keys, at, key)
	return nil
}

// Put implements dataset.Blobs.
func (b *Blobs) Put(ctx context.Context, key string, data []byte) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if err := dataset.CheckPut(key, data); err != nil {
		return err
	}
	return b.add(key, slices.Clone(data))
}

// look returns the bytes of an object, which must not be changed.
func (b *Blobs) look(ctx context.Context, key string) ([]byte, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	if err := dataset.CheckBlobKey(key); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.objects[key]
	if !ok {
		return nil, dataset.Errorf(dataset.NotFound, "no object %s", key)
	}
	return data, nil
}

// Get implements dataset.Blobs.
func (b *Blobs) Get(ctx context.Context, key string) ([]byte, error) {
	data, err := b.look(ctx, key)
	return slices.Clone(data), err
}

// Range implements dataset.Blobs.
func (b *Blobs) Range(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if err := dataset.CheckRange(key, offset, length); err != nil {
		return nil, err
	}
	data, err := b.look(ctx, key)
	if err != nil {
		return nil, err
	}
	rest := data[min(offset, int64(len(data))):]
	return slices.Clone(rest[:min(length, int64(len(rest)))]), nil
}

// Open implements dataset.Blobs.
func (b *Blobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	data, err := b.look(ctx, key)
	if err != nil {
		return nil, err
	}
	return &reader{ctx, bytes.NewReader(data)}, nil
}

// reader is an open object. Like an HTTP response it ends with its context.
type reader struct {
	ctx  context.Context
	data *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := alive(r.ctx); err != nil {
		return 0, err
	}
	return r.data.Read(p)
}

func (r *reader) Close() error { return nil }

// Stat implements dataset.Blobs.
func (b *Blobs) Stat(ctx context.Context, key string) (dataset.BlobInfo, error) {
	data, err := b.look(ctx, key)
	if err != nil {
		return dataset.BlobInfo{}, err
	}
	return dataset.BlobInfo{Key: key, Size: int64(len(data))}, nil
}

// List implements dataset.Blobs.
func (b *Blobs) List(ctx context.Context, prefix, after string) (page []dataset.BlobInfo, err error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	if err := dataset.CheckList(prefix, after); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := dataset.MaxListPage
	if b.short {
		limit = 1 + b.random.IntN(8)
	}
	first, found := slices.BinarySearch(b.keys, max(prefix, after))
	if found && after >= prefix {
		first++
	}
	for _, key := range b.keys[first:] {
		if !strings.HasPrefix(key, prefix) || len(page) == limit {
			break
		}
		page = append(page, dataset.BlobInfo{Key: key, Size: int64(len(b.objects[key]))})
	}
	return page, nil
}

// Delete implements dataset.Blobs.
func (b *Blobs) Delete(ctx context.Context, keys ...string) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if err := dataset.CheckDelete(keys); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		at, found := slices.BinarySearch(b.keys, key)
		if !found {
			continue
		}
		b.keys = slices.Delete(b.keys, at, at+1)
		delete(b.objects, key)
		for _, f := range folders(key) {
			if b.folders[f]--; b.folders[f] == 0 {
				delete(b.folders, f)
			}
		}
	}
	return nil
}

// PresignGet is always Unavailable: there is no server that could answer it.
func (b *Blobs) PresignGet(context.Context, string, dataset.Attachment, time.Duration) (dataset.Presigned, error) {
	return dataset.Presigned{}, errNoPresign
}

// PresignPut is always Unavailable: there is no server that could answer it.
func (b *Blobs) PresignPut(context.Context, string, int64, string, time.Duration) (dataset.Presigned, error) {
	return dataset.Presigned{}, errNoPresign
}

var errNoPresign = dataset.Errorf(dataset.Unavailable, "a store in memory has no presigned requests")

// Create implements dataset.Blobs.
func (b *Blobs) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	if err := dataset.CheckBlobKey(key); err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, blobs: b, key: key}, nil
}

// writer is an object that is being written.
type writer struct {
	ctx   context.Context // of Create, as every part is a call
	blobs *Blobs
	key   string
	data  []byte
	ended bool
}

var errEnded = dataset.Errorf(dataset.Internal, "the writer was aborted or committed before")

// Write implements dataset.BlobWriter.
func (w *writer) Write(p []byte) (int, error) {
	if err := alive(w.ctx); err != nil {
		w.Abort()
		return 0, err
	}
	if w.ended {
		return 0, errEnded
	}
	w.data = append(w.data, p...)
	return len(p), nil
}

// Commit implements dataset.BlobWriter.
func (w *writer) Commit() error {
	data, ended := w.data, w.ended
	w.Abort() // whatever comes; the bytes are the store's now
	if err := alive(w.ctx); err != nil {
		return err
	}
	if ended {
		return errEnded
	}
	return w.blobs.add(w.key, data)
}

// Abort implements dataset.BlobWriter.
func (w *writer) Abort() { w.data, w.ended = nil, true }
