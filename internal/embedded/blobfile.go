package embedded

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"compileo/internal/dataset"
)

// A large object is first a file under a random name that nobody knows, then a row that names it. So the row
// alone decides whether there is an object; the file needs no second name, and one without a row is rubbish.

func (b *blobs) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, ended(err)
	}
	return &blobWriter{b: b, ctx: ctx, key: key}, nil
}

// blobWriter collects up to maxInline bytes in memory; when there are more they go to a file.
type blobWriter struct {
	b      *blobs
	ctx    context.Context // of the whole object: io.Writer has none
	key    string
	size   int64
	buffer []byte
	file   *os.File // nil as long as all is in buffer
	name   string   // of the file in blobs/
	over   error    // set by Commit, Abort or a failed Write
}

func (w *blobWriter) Write(p []byte) (int, error) {
	if w.over != nil {
		return 0, w.over
	}
	if err := w.ctx.Err(); err != nil {
		return 0, w.fail(ended(err))
	}
	if len(w.buffer)+len(p) > maxInline {
		if err := w.spill(p); err != nil {
			return 0, w.fail(w.b.s.failure("write object "+w.key+" to", err))
		}
	} else {
		w.buffer = append(w.buffer, p...)
	}
	w.size += int64(len(p))
	return len(p), nil
}

// spill writes the buffer and p to the file.
func (w *blobWriter) spill(p []byte) (err error) {
	if w.file == nil {
		if w.file, w.name, err = w.b.s.newFile(); err != nil {
			return err
		}
	}
	if _, err := w.file.Write(w.buffer); err != nil {
		return err
	}
	w.buffer = w.buffer[:0]
	if len(p) < maxInline {
		w.buffer = append(w.buffer, p...)
		return nil
	}
	_, err = w.file.Write(p)
	return err
}

func (w *blobWriter) Commit() error {
	if w.over != nil {
		return w.over
	}
	row := blob{key: w.key, size: w.size}
	if w.file == nil {
		row.data = w.buffer
	} else {
		row.file = w.name
		if err := w.finish(); err != nil {
			return w.fail(w.b.s.failure("write object "+w.key+" to", err))
		}
	}
	err := w.b.insert(w.ctx, row)
	// In doubt the file stays, as a row may come to name it. If none does, the next Open removes it.
	if err != nil && !errors.Is(err, errDoubtful) {
		return w.fail(err)
	}
	w.over = errWriterOver()
	return err
}

// finish makes the file durable under its name.
func (w *blobWriter) finish() error {
	if _, err := w.file.Write(w.buffer); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	return syncDir(w.b.s.blobDir())
}

func (w *blobWriter) Abort() {
	if w.over == nil {
		_ = w.fail(errWriterOver())
	}
}

// fail ends the writer with err and drops what was written.
func (w *blobWriter) fail(err error) error {
	w.over, w.buffer = err, nil
	if w.file != nil {
		_ = w.file.Close() // it is thrown away
		w.b.s.removeFile(w.name)
	}
	return err
}

func errWriterOver() error {
	return dataset.Errorf(dataset.Internal, "this writer was committed or aborted before")
}

// newFile makes an empty file in blobs/.
func (s *Store) newFile() (f *os.File, name string, err error) {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	name = hex.EncodeToString(b)
	f, err = os.OpenFile(s.blobFile(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return f, name, err
}

// removeFile removes a file that no row names. When that fails the next Open does it.
func (s *Store) removeFile(name string) {
	if err := os.Remove(s.blobFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.options.Log.Warn("file of an object not removed", "file", name, "error", err)
	}
}

// sweepFiles removes the files in blobs/ that no row names: of objects that were being written or deleted when
// the program ended.
func (s *Store) sweepFiles() error {
	dir, err := os.Open(s.blobDir())
	if err != nil {
		return s.failure("open", err)
	}
	defer dir.Close()
	removed := 0
	for {
		names, err := dir.Readdirnames(1000)
		if err == io.EOF {
			break
		}
		if err != nil {
			return s.failure("open", err)
		}
		for _, name := range names {
			if b, err := hex.DecodeString(name); err != nil || len(b) != 16 {
				continue // not made by newFile
			}
			found, err := s.reader.get(context.Background(), "SELECT 1 FROM blobs WHERE file = ?", []any{name}, new(int))
			if err != nil {
				return s.failure("open", err)
			}
			if !found {
				s.removeFile(name)
				removed++
			}
		}
	}
	if removed > 0 {
		s.options.Log.Info("unfinished objects removed", "files", removed)
	}
	return nil
}
