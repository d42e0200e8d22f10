package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"

	"compileo/internal/dataset"
)

// WriteJSONL writes all entries under the edits of overlay (which may be nil) as JSON lines, by ordinal, in
// constant memory. Lines that are not edited are the bytes of the parts. A part that is not what was
// published is an Internal error after its last line, so output is whole only when the error is nil.
func (v *Version) WriteJSONL(ctx context.Context, w io.Writer, overlay *Overlay) error {
	b := bufio.NewWriterSize(w, 64<<10)
	for line, err := range v.Lines(ctx, overlay) {
		if err != nil {
			return err
		}
		_, _ = b.Write(line) // an error stays in b
		if err := b.WriteByte('\n'); err != nil {
			return err
		}
	}
	return b.Flush()
}

// Lines iterates over what WriteJSONL writes, without the line ends. A line is valid until the next one. It
// ends after the first error.
func (v *Version) Lines(ctx context.Context, overlay *Overlay) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, part := range v.manifest.Parts {
			more, err := v.partLines(ctx, part, overlay, yield)
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// partLines yields the lines of a part; false when no more are wanted.
func (v *Version) partLines(
	ctx context.Context, part dataset.File, overlay *Overlay, yield func([]byte, error) bool,
) (bool, error) {
	r, err := v.blobs.Open(ctx, part.Key)
	if err != nil {
		return false, reading(part.Key, err)
	}
	defer r.Close()
	sum := sha256.New()
	var size int64
	b := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, part.Size+1), sum), MaxLine)
	for {
		line, err := b.ReadSlice('\n')
		size += int64(len(line))
		switch {
		case err == io.EOF && len(line) == 0:
			return true, checkSum(part, size, sum.Sum(nil))
		case err == io.EOF || errors.Is(err, bufio.ErrBufferFull):
			return false, corrupt(part.Key, "has no end of line near byte %d", size)
		case err != nil:
			return false, reading(part.Key, err)
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		ordinal, ok := lineOrdinal(line)
		if !ok {
			return false, corrupt(part.Key, "has a line without an entry before byte %d", size)
		}
		if e := overlay.of(ordinal); e != nil {
			line = e.Entry
			if e.Deleted {
				continue
			}
		}
		if !yield(line, nil) {
			return false, nil
		}
	}
}
