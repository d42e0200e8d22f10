package document

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// blobs is one object; what ReadSet does not use is not there.
type blobs struct {
	dataset.Blobs
	data []byte
	err  error
	gets int
	read int64 // bytes of ranges
}

func (b *blobs) Get(context.Context, string) ([]byte, error) {
	b.gets++
	return b.data, b.err
}

func (b *blobs) Range(_ context.Context, _ string, offset, length int64) ([]byte, error) {
	offset = min(offset, int64(len(b.data)))
	part := b.data[offset:min(offset+length, int64(len(b.data)))]
	b.read += int64(len(part))
	return part, b.err
}

// newSet writes n chunks with texts of the given length.
func newSet(t *testing.T, n, length int) (*blobs, dataset.ChunkSet) {
	t.Helper()
	chunks := make([]dataset.Chunk, n)
	for i := range chunks {
		chunks[i] = dataset.Chunk{Ordinal: i, Text: strings.Repeat("<é>", length/4), Blocks: []dataset.Block{{Kind: dataset.ParagraphBlock, End: 4}}}
	}
	var out bytes.Buffer
	size, err := WriteSet(&out, chunks)
	if err != nil || size != int64(out.Len()) {
		t.Fatalf("WriteSet = %d, %v; %d bytes", size, err, out.Len())
	}
	return &blobs{data: out.Bytes()}, dataset.ChunkSet{Key: "chunks/t/p/d/c", Count: n, Size: size}
}

func TestSet(t *testing.T) {
	for _, test := range []struct{ n, length, from, to, gets int }{
		{0, 0, 0, 0, 1}, {3, 8, 0, 3, 1}, {3, 8, 1, 2, 1}, {3, 8, 3, 3, 1}, {400, 4000, 0, 400, 0}, {400, 4000, 120, 125, 0}, {400, 4000, 399, 400, 0},
	} {
		store, set := newSet(t, test.n, test.length)
		got, err := ReadSet(t.Context(), store, set, test.from, test.to)
		if err != nil || len(got) != test.to-test.from || store.gets != test.gets {
			t.Fatalf("%+v: %d chunks, %d gets, %v", test, len(got), store.gets, err)
		}
		for i, k := range got {
			if k.Ordinal != test.from+i || len(k.Text) < test.length/4*4 || len(k.Blocks) != 1 {
				t.Errorf("%+v: chunk %d is %d", test, test.from+i, k.Ordinal)
			}
		}
		if most := int64(test.to-test.from)*6000 + 16; store.read > most {
			t.Errorf("%+v: read %d bytes, want at most %d", test, store.read, most)
		}
		if bytes.Contains(store.data, []byte(`\u003c`)) {
			t.Errorf("%+v: escaped for HTML", test)
		}
	}
}

func TestSetErrors(t *testing.T) {
	store, set := newSet(t, 3, 8)
	for _, r := range [][2]int{{-1, 1}, {2, 1}, {0, 4}} {
		if _, err := ReadSet(t.Context(), store, set, r[0], r[1]); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("chunks %v: %v", r, err)
		}
	}
	missing := &blobs{err: dataset.Errorf(dataset.NotFound, "no object")}
	if _, err := ReadSet(t.Context(), missing, set, 0, 3); !dataset.Is(err, dataset.NotFound) {
		t.Errorf("no object: %v", err)
	}
	for name, spoil := range map[string]func(b *blobs, s *dataset.ChunkSet){
		"cut":        func(b *blobs, _ *dataset.ChunkSet) { b.data = b.data[:len(b.data)-1] },
		"json":       func(b *blobs, _ *dataset.ChunkSet) { b.data[0] = 'x' },
		"offset":     func(b *blobs, _ *dataset.ChunkSet) { b.data[len(b.data)-1] ^= 1 },
		"far offset": func(b *blobs, _ *dataset.ChunkSet) { b.data[len(b.data)-8] = 0x7f },
		"count":      func(_ *blobs, s *dataset.ChunkSet) { s.Count-- },
		"too many":   func(_ *blobs, s *dataset.ChunkSet) { s.Count = 1000 },
		"other order": func(b *blobs, _ *dataset.ChunkSet) {
			b.data = bytes.Replace(b.data, []byte(`"ordinal":1`), []byte(`"ordinal":7`), 1)
		},
	} {
		for _, length := range []int{8, readWhole / 2} {
			store, set := newSet(t, 3, length)
			spoil(store, &set)
			to := min(set.Count, 3)
			if _, err := ReadSet(t.Context(), store, set, 0, to); !dataset.Is(err, dataset.Internal) || !strings.Contains(err.Error(), set.Key) {
				t.Errorf("%s, length %d: %v", name, length, err)
			}
		}
	}
}

// failing refuses to write after n bytes.
type failing struct{ n int }

var errFull = errors.New("full")

func (w *failing) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteSetFails(t *testing.T) {
	chunks := []dataset.Chunk{{Text: "a"}, {Text: "b", Ordinal: 1}}
	line, err := json.Marshal(chunks[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, len(line) + 5, 2*len(line) + 2} {
		if _, err := WriteSet(&failing{n}, chunks); !errors.Is(err, errFull) {
			t.Errorf("full after %d bytes: %v", n, err)
		}
	}
}

func FuzzReadSet(f *testing.F) {
	var out bytes.Buffer
	if _, err := WriteSet(&out, []dataset.Chunk{{Text: "a"}, {Text: "b", Ordinal: 1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes(), 2)
	f.Fuzz(func(t *testing.T, data []byte, count int) {
		set := dataset.ChunkSet{Key: "k", Count: count, Size: int64(len(data))}
		chunks, err := ReadSet(t.Context(), &blobs{data: data}, set, 0, max(count, 0))
		if err == nil && len(chunks) != count {
			t.Fatalf("%d chunks of %d", len(chunks), count)
		}
	})
}
