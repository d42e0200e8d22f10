package memory_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

func TestNoKeyIsAFolderOfAnother(t *testing.T) {
	blobs := memory.New(memory.Options{}).Blobs
	steps := []struct {
		key  string
		want dataset.Kind
	}{
		{"a/b", ""}, {"a", dataset.Invalid}, {"a/b/c", dataset.Invalid}, {"a/b/c/d", dataset.Invalid}, {"a/c", ""}, {"ab", ""}, {"a/b-c/d", ""},
	}
	for _, s := range steps {
		if err := blobs.Put(t.Context(), s.key, nil); dataset.KindOf(err) != s.want {
			t.Errorf("Put(%s) = %v, want kind %q", s.key, err, s.want)
		}
	}
	if err := blobs.Delete(t.Context(), "a/b", "a/c", "a/b-c/d"); err != nil {
		t.Fatal(err)
	}
	w, err := blobs.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Errorf("Commit of a folder that is no more = %v", err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write after Commit = nil, want an error")
	}
	if err := w.Commit(); err == nil {
		t.Error("second Commit = nil, want an error")
	}
}

func TestNothingIsPresigned(t *testing.T) {
	blobs := memory.New(memory.Options{}).Blobs
	if _, err := blobs.PresignGet(t.Context(), "a", dataset.Attachment{}, time.Minute); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("PresignGet = %v, want Unavailable", err)
	}
	if _, err := blobs.PresignPut(t.Context(), "a", 1, "text/plain", time.Minute); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("PresignPut = %v, want Unavailable", err)
	}
	if _, err := blobs.Range(t.Context(), "a", -1, 1); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("Range from -1 = %v, want Invalid", err)
	}
}

// TestStreamsEndWithTheirContext reads and writes on after the end of the context, or of the process.
func TestStreamsEndWithTheirContext(t *testing.T) {
	blobs := memory.New(memory.Options{}).Blobs
	if err := blobs.Put(t.Context(), "a", make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	p := porttest.NewProcess()
	cancelled, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx context.Context
		end func()
	}{"context": {cancelled, cancel}, "process": {context.WithoutCancel(p.Context(t.Context())), p.Kill}} {
		r, err := blobs.Open(c.ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		w, err := blobs.Create(c.ctx, "new-"+name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Errorf("%s: Read = %v", name, err)
		}
		c.end()
		if _, err := r.Read(make([]byte, 10)); !dataset.Is(err, dataset.Unavailable) {
			t.Errorf("%s: Read after its end = %v, want Unavailable", name, err)
		}
		if _, err := w.Write([]byte("x")); !dataset.Is(err, dataset.Unavailable) {
			t.Errorf("%s: Write after its end = %v, want Unavailable", name, err)
		}
		if err := w.Commit(); !dataset.Is(err, dataset.Unavailable) {
			t.Errorf("%s: Commit after its end = %v, want Unavailable", name, err)
		}
	}
	if page, err := blobs.List(t.Context(), "new", ""); err != nil || len(page) != 0 {
		t.Errorf("List = %v, %v, want nothing", page, err)
	}
}

func BenchmarkBlobsPut(b *testing.B) {
	blobs := memory.New(memory.Options{}).Blobs
	data := make([]byte, 1000)
	n := 0
	for b.Loop() {
		if err := blobs.Put(b.Context(), fmt.Sprintf("replies/t/p/%d/%d", n*7919%97, n), data); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
