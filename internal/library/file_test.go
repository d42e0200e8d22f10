package library_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/library"
)

// A version with edits is one file, whatever fails while it is made.
func TestFileOfAView(t *testing.T) {
	view := func(l *library.Library) *library.View {
		v, err := l.Open(t.Context(), us, setID)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	answer := "Nothing."
	prepare := func(l *library.Library) {
		setOfEntries(t, l, someEntries(7))
		if _, err := l.EditEntry(t.Context(), us, setID, "entry_2", library.EntryChange{Answer: &answer, By: "me"}); err != nil {
			t.Fatal(err)
		}
	}
	everyFault(t, prepare, func(l *library.Library) error {
		v, err := l.Open(t.Context(), us, setID)
		if err == nil {
			_, err = l.File(t.Context(), v)
		}
		return err
	}, func(t *testing.T, l *library.Library) {
		var want bytes.Buffer
		v := view(l)
		if err := v.WriteJSONL(t.Context(), &want); err != nil {
			t.Fatal(err)
		}
		f, err := l.File(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Blobs.Get(t.Context(), f.Key)
		sum := sha256.Sum256(want.Bytes())
		if err != nil || !bytes.Equal(got, want.Bytes()) || f.Size != int64(want.Len()) || f.SHA256 != hex.EncodeToString(sum[:]) || f.Entries != 7 {
			t.Errorf("%+v of %d bytes (%v), want %d", f, len(got), err, want.Len())
		}
		if size, exact := v.Size(); exact || size < f.Size {
			t.Errorf("Size = %d, %v, but %d bytes are written", size, exact, f.Size)
		}
	})
}

func TestReaderReadsFromAnyPlace(t *testing.T) {
	l := inMemory(2)
	setOfEntries(t, l, someEntries(50))
	v, err := l.Open(t.Context(), us, setID)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := v.WriteJSONL(t.Context(), &want); err != nil {
		t.Fatal(err)
	}
	r := l.Reader(t.Context(), v)
	for _, from := range []int64{0, 1, 777, int64(want.Len()) - 1, int64(want.Len()), int64(want.Len()) + 5} {
		at, err := r.Seek(from-int64(want.Len()), io.SeekEnd)
		if err != nil || at != from {
			t.Fatal(at, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want.Bytes()[min(from, int64(want.Len())):]) {
			t.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
	if err := l.Blobs.Delete(t.Context(), v.Manifest().Parts[0].Key); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !dataset.Is(err, dataset.NotFound) || r.Err == nil {
		t.Errorf("a part that is gone: %v, %v", err, r.Err)
	}
}
