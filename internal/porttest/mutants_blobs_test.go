package porttest_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// brokenBlobs changes single methods of a store.
type brokenBlobs struct {
	dataset.Blobs
	put        func(ctx context.Context, key string, data []byte) error
	get        func(ctx context.Context, key string) ([]byte, error)
	ranged     func(ctx context.Context, key string, offset, length int64) ([]byte, error)
	open       func(ctx context.Context, key string) (io.ReadCloser, error)
	list       func(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error)
	delete     func(ctx context.Context, keys []string) error
	create     func(ctx context.Context, key string) (dataset.BlobWriter, error)
	presignGet func(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error)
	presignPut func(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error)
}

func (b *brokenBlobs) Put(ctx context.Context, key string, data []byte) error {
	if b.put != nil {
		return b.put(ctx, key, data)
	}
	return b.Blobs.Put(ctx, key, data)
}

func (b *brokenBlobs) Get(ctx context.Context, key string) ([]byte, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	return b.Blobs.Get(ctx, key)
}

func (b *brokenBlobs) Range(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if b.ranged != nil {
		return b.ranged(ctx, key, offset, length)
	}
	return b.Blobs.Range(ctx, key, offset, length)
}

func (b *brokenBlobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if b.open != nil {
		return b.open(ctx, key)
	}
	return b.Blobs.Open(ctx, key)
}

func (b *brokenBlobs) List(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
	if b.list != nil {
		return b.list(ctx, prefix, after)
	}
	return b.Blobs.List(ctx, prefix, after)
}

func (b *brokenBlobs) Delete(ctx context.Context, keys ...string) error {
	if b.delete != nil {
		return b.delete(ctx, keys)
	}
	return b.Blobs.Delete(ctx, keys...)
}

func (b *brokenBlobs) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	if b.create != nil {
		return b.create(ctx, key)
	}
	return b.Blobs.Create(ctx, key)
}

func (b *brokenBlobs) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	if b.presignGet != nil {
		return b.presignGet(ctx, key, as, valid)
	}
	return b.Blobs.PresignGet(ctx, key, as, valid)
}

func (b *brokenBlobs) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if b.presignPut != nil {
		return b.presignPut(ctx, key, size, contentType, valid)
	}
	return b.Blobs.PresignPut(ctx, key, size, contentType, valid)
}

// blobs adds a store, with a server of presigned requests, that is spoilt in one way.
func (m *mutants) blobs(name, finds string, spoil func(b *brokenBlobs, s *signer)) {
	*m = append(*m, mutant{"blobs", name, finds, func(t *testing.T, only porttest.Skips) {
		porttest.Blobs(t, porttest.BlobsHarness{Presign: true, Skip: only, Open: func(t *testing.T) dataset.Blobs {
			s := newSigner(t)
			b := &brokenBlobs{Blobs: s}
			spoil(b, s)
			return b
		}})
	}})
}

func (m *mutants) objects() {
	overwrite := func(b *brokenBlobs, _ *signer) {
		b.put = func(ctx context.Context, key string, data []byte) error {
			err := b.Blobs.Put(ctx, key, data)
			if dataset.Is(err, dataset.Conflict) {
				_ = b.Blobs.Delete(ctx, key)
				return b.Blobs.Put(ctx, key, data)
			}
			return err
		}
	}
	m.blobs("overwrite", "whoever comes second gets Conflict and what is there stays", overwrite)
	m.blobs("overwrite in a race", "of 20 writers one stores and its bytes stay", overwrite)
	m.blobs("say Conflict and overwrite", "whoever comes second gets Conflict and what is there stays", func(b *brokenBlobs, _ *signer) {
		b.put = func(ctx context.Context, key string, data []byte) error {
			err := b.Blobs.Put(ctx, key, data)
			if dataset.Is(err, dataset.Conflict) {
				_ = b.Blobs.Delete(ctx, key)
				_ = b.Blobs.Put(ctx, key, data)
			}
			return err
		}
	})
	m.blobs("take any key", "keys are of the stated form and length", func(b *brokenBlobs, _ *signer) {
		b.put = func(ctx context.Context, key string, data []byte) error {
			return b.Blobs.Put(ctx, strings.NewReplacer("..", "", "//", "/").Replace(key), data)
		}
	})
	m.blobs("cut large objects", "a Put ends at MaxBlobPut", func(b *brokenBlobs, _ *signer) {
		b.put = func(ctx context.Context, key string, data []byte) error {
			return b.Blobs.Put(ctx, key, data[:min(len(data), dataset.MaxBlobPut)])
		}
	})
	m.blobs("share bytes", "bytes belong to who reads or writes them", func(b *brokenBlobs, _ *signer) {
		var kept []byte
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			data, err := b.Blobs.Get(ctx, key)
			if kept == nil {
				kept = data
			}
			return kept, err
		}
	})
	m.blobs("forget their context", "a done context is Unavailable", func(b *brokenBlobs, _ *signer) {
		b.open = func(ctx context.Context, key string) (io.ReadCloser, error) {
			return b.Blobs.Open(context.WithoutCancel(ctx), key)
		}
	})
}

func (m *mutants) reads() {
	m.blobs("find empty objects absent", "an object may be empty", func(b *brokenBlobs, _ *signer) {
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			data, err := b.Blobs.Get(ctx, key)
			if err == nil && len(data) == 0 {
				return nil, dataset.Errorf(dataset.NotFound, "nothing there")
			}
			return data, err
		}
	})
	m.blobs("fail past the end", "a range may be inside, reach past the end, or be empty", func(b *brokenBlobs, _ *signer) {
		b.ranged = func(ctx context.Context, key string, offset, length int64) ([]byte, error) {
			data, err := b.Blobs.Range(ctx, key, offset, length)
			if err == nil && len(data) == 0 && length > 0 {
				return nil, dataset.Errorf(dataset.Invalid, "past the end")
			}
			return data, err
		}
	})
	m.blobs("include the end of a range", "a range may be inside, reach past the end, or be empty", func(b *brokenBlobs, _ *signer) {
		b.ranged = func(ctx context.Context, key string, offset, length int64) ([]byte, error) {
			return b.Blobs.Range(ctx, key, offset, length+1)
		}
	})
	m.blobs("take ranges below zero", "a range of less than nothing is Invalid", func(b *brokenBlobs, _ *signer) {
		b.ranged = func(ctx context.Context, key string, offset, length int64) ([]byte, error) {
			return b.Blobs.Range(ctx, key, max(offset, 0), max(length, 0))
		}
	})
	m.blobs("want streams read to their end", "an open stream may be closed early", func(b *brokenBlobs, _ *signer) {
		b.open = func(ctx context.Context, key string) (io.ReadCloser, error) {
			r, err := b.Blobs.Open(ctx, key)
			return stubborn{r}, err
		}
	})
	m.blobs("cut streams", "an object is read as it was stored", func(b *brokenBlobs, _ *signer) {
		b.open = func(ctx context.Context, key string) (io.ReadCloser, error) {
			data, err := b.Blobs.Range(ctx, key, 0, 200<<10)
			return io.NopCloser(bytes.NewReader(data)), err
		}
	})
	m.blobs("list folders as objects", "what does not exist is NotFound", func(b *brokenBlobs, _ *signer) {
		b.get = func(ctx context.Context, key string) ([]byte, error) {
			data, err := b.Blobs.Get(ctx, key)
			if below, _ := b.Blobs.List(ctx, key+"/", ""); dataset.Is(err, dataset.NotFound) && len(below) > 0 {
				return nil, nil
			}
			return data, err
		}
	})
}

// stubborn is a stream that cannot be closed early.
type stubborn struct{ io.ReadCloser }

func (s stubborn) Close() error {
	if n, _ := s.Read(make([]byte, 1)); n > 0 {
		return io.ErrShortBuffer
	}
	return s.ReadCloser.Close()
}

func (m *mutants) lists() {
	page := func(change func(after string, page []dataset.BlobInfo) []dataset.BlobInfo) func(b *brokenBlobs, _ *signer) {
		return func(b *brokenBlobs, _ *signer) {
			b.list = func(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
				all, err := b.Blobs.List(ctx, prefix, after)
				return change(after, all), err
			}
		}
	}
	m.blobs("list one page", "List answers every object once across pages and Delete removes them all",
		page(func(after string, all []dataset.BlobInfo) []dataset.BlobInfo {
			if after != "" {
				return nil
			}
			return all
		}))
	m.blobs("list folder by folder", "List is in byte order", page(func(_ string, all []dataset.BlobInfo) []dataset.BlobInfo {
		slices.SortFunc(all, func(a, b dataset.BlobInfo) int {
			return slices.Compare(strings.Split(a.Key, "/"), strings.Split(b.Key, "/"))
		})
		return all
	}))
	m.blobs("list without sizes", "List is in byte order", page(func(_ string, all []dataset.BlobInfo) []dataset.BlobInfo {
		for i := range all {
			all[i].Size = 0
		}
		return all
	}))
	m.blobs("list from a key that must exist", "List begins after a key whether it exists or not", func(b *brokenBlobs, _ *signer) {
		b.list = func(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
			if _, err := b.Stat(ctx, after); after != "" && err != nil {
				return nil, nil
			}
			return b.Blobs.List(ctx, prefix, after)
		}
	})
	m.blobs("list any prefix", "prefix and after are visible ASCII and need not be keys", func(b *brokenBlobs, _ *signer) {
		b.list = func(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
			if dataset.CheckList(prefix, after) != nil {
				return nil, nil
			}
			return b.Blobs.List(ctx, prefix, after)
		}
	})
	m.blobs("delete what exists only", "Delete of what does not exist is no error", func(b *brokenBlobs, _ *signer) {
		b.delete = func(ctx context.Context, keys []string) error {
			for _, key := range keys {
				if _, err := b.Stat(ctx, key); err != nil {
					return err
				}
			}
			return b.Blobs.Delete(ctx, keys...)
		}
	})
	m.blobs("delete 1000", "List answers every object once across pages and Delete removes them all", func(b *brokenBlobs, _ *signer) {
		b.delete = func(ctx context.Context, keys []string) error {
			return b.Blobs.Delete(ctx, keys[:min(len(keys), 1000)]...)
		}
	})
}
