package porttest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"compileo/internal/dataset"
)

var writerCases = []scenario[*store]{
	{"an object of several parts is read as it was written", severalParts},
	{"an object may be written empty", emptyWriter},
	{"nothing is visible before Commit", uncommittedInvisible},
	{"Abort leaves nothing", abortLeavesNothing},
	{"Abort after Commit does nothing", abortAfterCommit},
	{"Commit is a Conflict when the key came to exist meanwhile", commitConflict},
	{"Create of a key that exists ends in Conflict", createExisting},
	{"of several writers of one key one commits", commitRace},
	{"a Commit cannot be repeated and ends the writer", commitEnds},
	{"a writer whose context is done is Unavailable", writerContext},
}

// create begins an object, whose writer is aborted at the end of the case at the latest.
func (s *store) create(t *testing.T, ctx context.Context, key string) dataset.BlobWriter {
	t.Helper()
	w, err := s.Create(ctx, key)
	if err != nil {
		t.Fatalf("Create(%s) = %v", key, err)
	}
	t.Cleanup(w.Abort)
	return w
}

// write writes all data in pieces of uneven sizes.
func write(t *testing.T, w dataset.BlobWriter, data []byte) {
	t.Helper()
	for size := 1; len(data) > 0; size = size*3 + 1 {
		piece := data[:min(size, len(data))]
		if n, err := w.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("Write of %d bytes = %d, %v", len(piece), n, err)
		}
		data = data[len(piece):]
	}
}

func severalParts(t *testing.T, s *store) {
	for i, size := range []int{1, s.part / 2, s.part, s.part + 1, s.large()} {
		key, data := fmt.Sprintf("%s%d", s.prefix, size), noise(uint64(i), size)
		w := s.create(t, t.Context(), key)
		write(t, w, data)
		if err := w.Commit(); err != nil {
			t.Fatalf("Commit of %d bytes = %v", size, err)
		}
		s.want(t, key, data)
	}
	key := s.prefix + fmt.Sprint(s.large())
	got, err := s.Range(t.Context(), key, int64(s.part-10), 20)
	if want := noise(4, s.large())[s.part-10 : s.part+10]; err != nil || string(got) != string(want) {
		t.Errorf("Range across parts = %x, %v, want %x", got, err, want)
	}
}

func emptyWriter(t *testing.T, s *store) {
	key := s.prefix + "a"
	if err := s.create(t, t.Context(), key).Commit(); err != nil {
		t.Fatalf("Commit = %v", err)
	}
	s.want(t, key, nil)
}

func uncommittedInvisible(t *testing.T, s *store) {
	key := s.prefix + "a"
	w := s.create(t, t.Context(), key)
	s.wantNone(t, key)
	data := noise(1, s.large())
	last := len(data) - 1
	write(t, w, data[:last])
	s.wantNone(t, key)
	write(t, w, data[last:])
	s.wantNone(t, key)
	if err := w.Commit(); err != nil {
		t.Fatalf("Commit = %v", err)
	}
	s.want(t, key, data)
}

func abortLeavesNothing(t *testing.T, s *store) {
	for _, size := range []int{0, 10, s.large()} {
		key := fmt.Sprintf("%s%d", s.prefix, size)
		w := s.create(t, t.Context(), key)
		write(t, w, noise(1, size))
		w.Abort()
		w.Abort()
		s.wantNone(t, key)
		if err := s.Put(t.Context(), key, []byte("after")); err != nil {
			t.Errorf("Put after Abort = %v", err)
		}
		s.want(t, key, []byte("after"))
	}
}

func abortAfterCommit(t *testing.T, s *store) {
	key := s.prefix + "a"
	w := s.create(t, t.Context(), key)
	write(t, w, []byte("kept"))
	if err := w.Commit(); err != nil {
		t.Fatalf("Commit = %v", err)
	}
	w.Abort()
	s.want(t, key, []byte("kept"))
}

func commitConflict(t *testing.T, s *store) {
	for _, size := range []int{10, s.large()} {
		key := fmt.Sprintf("%s%d", s.prefix, size)
		w := s.create(t, t.Context(), key)
		write(t, w, noise(1, size))
		if err := s.Put(t.Context(), key, []byte("first")); err != nil {
			t.Fatalf("Put = %v", err)
		}
		wantKind(t, "Commit", w.Commit(), dataset.Conflict)
		w.Abort()
		s.want(t, key, []byte("first"))
	}
}

func createExisting(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("first"))
	w, err := s.Create(t.Context(), key)
	if err == nil {
		write(t, w, []byte("second"))
		err = w.Commit()
		w.Abort()
	}
	wantKind(t, "Create and Commit", err, dataset.Conflict)
	s.want(t, key, []byte("first"))
}

func commitRace(t *testing.T, s *store) {
	const writers = 4
	for _, size := range []int{1000, s.part + 1} {
		key := fmt.Sprintf("%s%d", s.prefix, size)
		winners := make(chan uint64, writers)
		var wg sync.WaitGroup
		for i := range uint64(writers) {
			w := s.create(t, t.Context(), key)
			write(t, w, noise(i, size))
			wg.Go(func() {
				if err := w.Commit(); err == nil {
					winners <- i
				} else {
					wantKind(t, "Commit", err, dataset.Conflict)
				}
			})
		}
		wg.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d of %d writers committed, want 1", len(winners), writers)
		}
		s.want(t, key, noise(<-winners, size))
	}
}

func commitEnds(t *testing.T, s *store) {
	for _, size := range []int{10, s.large()} {
		key := fmt.Sprintf("%s%d", s.prefix, size)
		first, second := s.create(t, t.Context(), key), s.create(t, t.Context(), key)
		write(t, first, noise(1, size))
		write(t, second, noise(2, size))
		if err := first.Commit(); err != nil {
			t.Fatalf("Commit = %v", err)
		}
		wantKind(t, "the second writer's Commit", second.Commit(), dataset.Conflict)
		for name, w := range map[string]dataset.BlobWriter{"first": first, "second": second} {
			if _, err := w.Write([]byte("more")); err == nil {
				t.Errorf("the %s writer's Write after Commit = nil, want an error", name)
			}
			if err := w.Commit(); err == nil {
				t.Errorf("the %s writer's second Commit = nil, want an error", name)
			}
		}
		s.want(t, key, noise(1, size))
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatalf("Delete = %v", err)
		}
		if err := second.Commit(); err == nil {
			t.Error("a Commit after a Conflict, the key being free = nil, want an error")
		}
		s.wantNone(t, key)
	}
}

func writerContext(t *testing.T, s *store) {
	key := s.prefix + "a"
	w, err := s.Create(ended(t), key)
	if err == nil {
		err = w.Commit()
		w.Abort()
	}
	wantKind(t, "Create", err, dataset.Unavailable)
	ctx, cancel := context.WithCancel(t.Context())
	w = s.create(t, ctx, key)
	write(t, w, []byte("x"))
	cancel()
	wantKind(t, "Commit", w.Commit(), dataset.Unavailable)
	w.Abort()
	s.wantNone(t, key)
}
