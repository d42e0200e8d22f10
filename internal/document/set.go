package document

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"compileo/internal/dataset"
)

// readWhole is the size in bytes up to which an object of chunks is read in one piece: one read of that much
// costs less than two.
const readWhole = 256 << 10

// WriteSet writes chunks in the form that dataset.ChunkSet describes and returns the size of the object. The
// same chunks give the same bytes. Errors are those of w.
func WriteSet(w io.Writer, chunks []dataset.Chunk) (size int64, err error) {
	s := NewSetWriter(w)
	s.offsets = make([]byte, 0, 8*(len(chunks)+1))
	if err := s.Add(chunks...); err != nil {
		return s.size, err
	}
	return s.Close()
}

// SetWriter writes what WriteSet does, bit by bit, in ascending order of the chunks.
type SetWriter struct {
	w       io.Writer
	line    bytes.Buffer
	enc     *json.Encoder
	size    int64
	offsets []byte
}

// NewSetWriter begins a set.
func NewSetWriter(w io.Writer) *SetWriter {
	s := &SetWriter{w: w}
	s.enc = json.NewEncoder(&s.line)
	s.enc.SetEscapeHTML(false)
	return s
}

// Add writes chunks.
func (s *SetWriter) Add(chunks ...dataset.Chunk) error {
	for i := range chunks {
		s.offsets = binary.BigEndian.AppendUint64(s.offsets, uint64(s.size))
		s.line.Reset()
		if err := s.enc.Encode(&chunks[i]); err != nil {
			return fmt.Errorf("write chunk %d: %w", chunks[i].Ordinal, err)
		}
		n, err := s.w.Write(s.line.Bytes())
		s.size += int64(n)
		if err != nil {
			return fmt.Errorf("write chunk %d: %w", chunks[i].Ordinal, err)
		}
	}
	return nil
}

// Close writes the offsets and returns the size of the object.
func (s *SetWriter) Close() (size int64, err error) {
	s.offsets = binary.BigEndian.AppendUint64(s.offsets, uint64(s.size))
	n, err := s.w.Write(s.offsets)
	s.size += int64(n)
	if err != nil {
		return s.size, fmt.Errorf("write index of chunks: %w", err)
	}
	return s.size, nil
}

// ReadSet returns the chunks at the places from from to, not including, to. Invalid: there are no such chunks. Internal: the
// object is not what the record of the set says. Other errors are those of blobs.
func ReadSet(ctx context.Context, blobs dataset.Blobs, set dataset.ChunkSet, from, to int) ([]dataset.Chunk, error) {
	if from < 0 || to < from || to > set.Count {
		return nil, dataset.Errorf(dataset.Invalid, "chunks %d to %d: the set has %d", from, to, set.Count)
	}
	index := set.IndexOffset()
	if index < 0 || set.Count > dataset.MaxChunks {
		return nil, corrupt(set, "%d bytes cannot hold %d chunks", set.Size, set.Count)
	}
	read := func(offset, length int64) ([]byte, error) {
		data, err := blobs.Range(ctx, set.Key, offset, length)
		if err == nil && int64(len(data)) != length {
			err = corrupt(set, "%d bytes at %d instead of %d", len(data), offset, length)
		}
		return data, err
	}
	if set.Size <= readWhole {
		whole, err := blobs.Get(ctx, set.Key)
		if err != nil {
			return nil, err
		}
		if int64(len(whole)) != set.Size {
			return nil, corrupt(set, "has %d bytes instead of %d", len(whole), set.Size)
		}
		read = func(offset, length int64) ([]byte, error) { return whole[offset : offset+length], nil }
	}
	table, err := read(index+8*int64(from), 8*int64(to-from+1))
	if err != nil {
		return nil, err
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(table[8*i:])) }
	for i := range to - from + 1 {
		if at(i) < 0 || at(i) > index || i > 0 && at(i) <= at(i-1) {
			return nil, corrupt(set, "chunk %d begins at %d", from+i, at(i))
		}
	}
	if from == to {
		return nil, nil
	}
	data, err := read(at(0), at(to-from)-at(0))
	if err != nil {
		return nil, err
	}
	chunks := make([]dataset.Chunk, to-from)
	for i := range chunks {
		line := data[at(i)-at(0) : at(i+1)-at(0)]
		if line[len(line)-1] != '\n' {
			return nil, corrupt(set, "chunk %d is no line", from+i)
		}
		if err := json.Unmarshal(line, &chunks[i]); err != nil {
			return nil, corrupt(set, "chunk %d: %w", from+i, err)
		}
		// Where chunks were taken out, those behind keep their numbers.
		if n := chunks[i].Ordinal; n < from+i || n > from+i+set.Taken || i > 0 && n <= chunks[i-1].Ordinal {
			return nil, corrupt(set, "chunk %d says that it is %d", from+i, n)
		}
	}
	return chunks, nil
}

func corrupt(set dataset.ChunkSet, format string, args ...any) error {
	return dataset.Errorf(dataset.Internal, "object of chunks "+set.Key+": "+format, args...)
}
