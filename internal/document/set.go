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
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	offsets := make([]byte, 0, 8*(len(chunks)+1))
	for i := range chunks {
		offsets = binary.BigEndian.AppendUint64(offsets, uint64(size))
		line.Reset()
		if err := enc.Encode(&chunks[i]); err != nil {
			return size, fmt.Errorf("write chunk %d: %w", i, err)
		}
		n, err := w.Write(line.Bytes())
		size += int64(n)
		if err != nil {
			return size, fmt.Errorf("write chunk %d: %w", i, err)
		}
	}
	offsets = binary.BigEndian.AppendUint64(offsets, uint64(size))
	n, err := w.Write(offsets)
	size += int64(n)
	if err != nil {
		return size, fmt.Errorf("write index of chunks: %w", err)
	}
	return size, nil
}

// ReadSet returns the chunks from from to, not including, to. Invalid: there are no such chunks. Internal: the
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
		if chunks[i].Ordinal != from+i {
			return nil, corrupt(set, "chunk %d says that it is %d", from+i, chunks[i].Ordinal)
		}
	}
	return chunks, nil
}

func corrupt(set dataset.ChunkSet, format string, args ...any) error {
	return dataset.Errorf(dataset.Internal, "object of chunks "+set.Key+": "+format, args...)
}
