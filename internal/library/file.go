package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"compileo/internal/dataset"
)

// Size returns how many bytes WriteJSONL writes; exact is false, and it writes no more than that, where there are edits.
func (v *View) Size() (n int64, exact bool) {
	for _, p := range v.Manifest().Parts {
		n += p.Size
	}
	for _, e := range v.edits {
		n += int64(len(e.Entry)) + 1
	}
	return n, !v.Edited()
}

// File returns one object that holds what WriteJSONL writes: the version's only part, or one that is made for this
// state when it is first asked for.
func (l *Library) File(ctx context.Context, v *View) (dataset.File, error) {
	parts := v.Manifest().Parts
	if !v.Edited() && len(parts) == 1 {
		return parts[0], nil
	}
	edits := v.Edits
	if !v.Edited() {
		edits = 0
	}
	d := v.Dataset
	f := dataset.File{Name: "entries.jsonl", Key: dataset.ExportKey(d.Tenant, d.ID, v.Version.Ordinal, edits)}
	f.Entries, _ = v.Summary()
	kept, err := l.Blobs.Get(ctx, f.Key+".sum")
	if err == nil {
		err = json.Unmarshal(kept, &f)
		return f, err
	}
	if !dataset.Is(err, dataset.NotFound) {
		return f, err
	}
	w, err := l.Blobs.Create(ctx, f.Key)
	if err != nil {
		return f, err
	}
	defer w.Abort()
	c := &counted{to: w, sum: sha256.New()}
	if err := v.WriteJSONL(ctx, c); err != nil {
		return f, err
	}
	if err := w.Commit(); err != nil && !dataset.Is(err, dataset.Conflict) { // what is there has the same bytes
		return f, err
	}
	f.Size, f.SHA256 = c.size, hex.EncodeToString(c.sum.Sum(nil))
	sum, _ := json.Marshal(f) // plain data
	return f, dataset.PutOnce(ctx, l.Blobs, f.Key+".sum", sum)
}

// counted counts and sums what is written.
type counted struct {
	to   io.Writer
	size int64
	sum  hash.Hash
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.size += int64(n)
	_, _ = c.sum.Write(b[:n]) // never fails
	return n, err
}

// Reader reads what WriteJSONL writes of a version without edits, from any place on. It checks no sums.
func (l *Library) Reader(ctx context.Context, v *View) *Reader {
	size, _ := v.Size()
	return &Reader{ctx: ctx, blobs: l.Blobs, parts: v.Manifest().Parts, size: size}
}

// Reader is an io.ReadSeeker over the parts of a version.
type Reader struct {
	Err error // why the last Read failed, but for the end

	ctx   context.Context
	blobs dataset.Blobs
	parts []dataset.File
	size  int64
	at    int64
	ahead []byte // read from at on
}

// readAhead is how much is read at a time.
const readAhead = 1 << 20

func (r *Reader) Read(b []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if len(r.ahead) == 0 {
		offset := r.at
		for _, p := range r.parts {
			if offset >= p.Size {
				offset -= p.Size
				continue
			}
			r.ahead, r.Err = r.blobs.Range(r.ctx, p.Key, offset, min(readAhead, p.Size-offset))
			if r.Err == nil && len(r.ahead) == 0 {
				r.Err = dataset.Errorf(dataset.Internal, "%s ends before its %d bytes", p.Key, p.Size)
			}
			break
		}
		if r.Err != nil {
			return 0, r.Err
		}
	}
	n := copy(b, r.ahead)
	r.ahead = r.ahead[n:]
	r.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("library: a place before the beginning")
	}
	if offset != r.at {
		r.at, r.ahead = offset, nil
	}
	return offset, nil
}
