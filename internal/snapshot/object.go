package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"compileo/internal/dataset"
)

// object streams one write-once object and hashes it on the way.
type object struct {
	blobs dataset.Blobs
	file  dataset.File // what has been written
	to    dataset.BlobWriter
	buf   *bufio.Writer
	sum   hash.Hash
}

func createObject(ctx context.Context, blobs dataset.Blobs, prefix, name string) (*object, error) {
	o := &object{blobs: blobs, file: dataset.File{Name: name, Key: prefix + name}, sum: sha256.New()}
	var err error
	if o.to, err = blobs.Create(ctx, o.file.Key); err != nil {
		return nil, fmt.Errorf("create %s: %w", o.file.Key, err)
	}
	o.buf = bufio.NewWriterSize(io.MultiWriter(o.to, o.sum), 64<<10)
	return o, nil
}

// add appends the bytes of one entry.
func (o *object) add(b []byte) error {
	if _, err := o.buf.Write(b); err != nil {
		return fmt.Errorf("write %s: %w", o.file.Key, err)
	}
	o.file.Size += int64(len(b))
	o.file.Entries++
	return nil
}

// commit makes the object visible. When there is one already, it has to hold the same bytes.
func (o *object) commit(ctx context.Context) (dataset.File, error) {
	if err := o.buf.Flush(); err != nil {
		return dataset.File{}, fmt.Errorf("write %s: %w", o.file.Key, err)
	}
	o.file.SHA256 = hex.EncodeToString(o.sum.Sum(nil))
	switch err := o.to.Commit(); {
	case err == nil:
		return o.file, nil
	case dataset.Is(err, dataset.Conflict):
		return o.file, checkStored(ctx, o.blobs, o.file)
	default:
		return dataset.File{}, fmt.Errorf("commit %s: %w", o.file.Key, err)
	}
}

func (o *object) abort() { o.to.Abort() }

// checkStored compares a stored object with what should be there, in constant memory.
func checkStored(ctx context.Context, blobs dataset.Blobs, want dataset.File) error {
	r, err := blobs.Open(ctx, want.Key)
	if err != nil {
		return reading(want.Key, err)
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, want.Size+1))
	if err != nil {
		return reading(want.Key, err)
	}
	return checkSum(want, n, sum.Sum(nil))
}

func checkSum(want dataset.File, size int64, sum []byte) error {
	if got := hex.EncodeToString(sum); size != want.Size || got != want.SHA256 {
		return corrupt(want.Key, "holds %d bytes with SHA-256 %s, want %d with %s", size, got, want.Size, want.SHA256)
	}
	return nil
}

// putOnce stores data, or finds that the very same is there.
func putOnce(ctx context.Context, blobs dataset.Blobs, key string, data []byte) error {
	err := blobs.Put(ctx, key, data)
	if !dataset.Is(err, dataset.Conflict) {
		if err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		return nil
	}
	old, err := blobs.Get(ctx, key)
	switch {
	case err != nil:
		return reading(key, err)
	case !bytes.Equal(old, data):
		return corrupt(key, "holds other content than the step that is repeated makes")
	}
	return nil
}
