package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"compileo/internal/dataset"
)

func TestOpenFilesAreBounded(t *testing.T) {
	f := openFiles{most: 3}
	defer f.close()
	var all []*openFile
	put := func(drops int64) *openFile {
		name := filepath.Join(t.TempDir(), "f")
		must(t, os.WriteFile(name, []byte("x"), 0o600))
		file, err := os.Open(name)
		must(t, err)
		all = append(all, &openFile{fmt.Sprint(len(all)), file, 1})
		f.put(all[len(all)-1], drops)
		return all[len(all)-1]
	}
	isOpen := func(o *openFile) bool {
		_, err := o.file.Stat()
		return !errors.Is(err, os.ErrClosed)
	}
	want := func(when string, keys ...string) {
		t.Helper()
		kept := map[string]bool{}
		for _, key := range keys {
			kept[key] = true
		}
		for _, o := range all {
			got := f.of[o.key] != nil && f.of[o.key].Value == o
			if got != kept[o.key] || isOpen(o) != kept[o.key] {
				t.Errorf("%s file %s is kept %t and open %t, want %t", when, o.key, got, isOpen(o), kept[o.key])
			}
		}
		if len(f.of) != len(keys) || f.recent.Len() != len(keys) {
			t.Errorf("%s %d files are kept, %d in order, want %d", when, len(f.of), f.recent.Len(), len(keys))
		}
	}
	for range 3 {
		put(0)
	}
	if o, _ := f.get("0"); o != all[0] {
		t.Error("get of the first = another")
	}
	put(0)
	want("after a fourth", "0", "2", "3")
	f.drop([]string{"2", "none"})
	want("after a drop", "0", "3")
	put(0)
	want("after one found before the drop", "0", "3")
	if o, drops := f.get("4"); o != nil || drops != 1 {
		t.Errorf("get = %v, %d drops, want nothing and 1", o, drops)
	}
	put(1)
	want("after one found since", "0", "3", "5")
	f.close()
	want("after close")
	put(1)
	want("after one that comes too late")
}

func TestRangeOfADeletedObject(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	first := func() (byte, error) {
		got, err := s.Blobs().Range(t.Context(), "large", maxInline, 10)
		if err != nil {
			return 0, err
		}
		if len(got) != 1 {
			t.Errorf("Range = %d bytes, want the last one", len(got))
		}
		return got[0], nil
	}
	for life := range byte(3) {
		must(t, s.Blobs().Put(t.Context(), "large", bytes.Repeat([]byte{life}, maxInline+1)))
		for range 2 {
			if got, err := first(); err != nil || got != life {
				t.Errorf("Range in life %d = %d, %v", life, got, err)
			}
		}
		if len(s.files.of) != 1 {
			t.Errorf("%d files are open, want 1", len(s.files.of))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Blobs().Range(ctx, "large", 0, 1)
		wantKind(t, "Range with a done context", err, dataset.Unavailable)
		must(t, s.Blobs().Delete(t.Context(), "large"))
		_, err = first()
		wantKind(t, "Range after Delete", err, dataset.NotFound)
		if len(s.files.of) != 0 {
			t.Errorf("%d files of deleted objects are open", len(s.files.of))
		}
	}
	must(t, s.Blobs().Put(t.Context(), "large", make([]byte, maxInline+1)))
	_, err := first()
	must(t, err)
	must(t, s.Close())
	_, err = first()
	wantKind(t, "Range after Close", err, dataset.Unavailable)
}

// Files are opened and closed under the readers all the time, and one object is deleted and written anew.
func TestRangesWhileFilesComeAndGo(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	s.files.most = 2
	const objects, lives = 4, 8
	size := int64(maxInline + 100)
	for i := range objects {
		must(t, s.Blobs().Put(t.Context(), fmt.Sprint(i), bytes.Repeat([]byte{byte(i)}, int(size))))
	}
	var readers sync.WaitGroup
	over := make(chan struct{})
	for r := range int64(4) {
		readers.Go(func() {
			for n := r; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				i := n % objects
				got, err := s.Blobs().Range(t.Context(), fmt.Sprint(i), size-50, 100)
				if i == 0 && dataset.Is(err, dataset.NotFound) {
					continue
				}
				if err != nil || len(got) != 50 || i > 0 && got[0] != byte(i) || bytes.Count(got, got[:1]) != 50 {
					t.Errorf("Range of object %d = %x, %v", i, got, err)
					return
				}
			}
		})
	}
	for life := range byte(lives) {
		must(t, s.Blobs().Delete(t.Context(), "0"))
		if _, err := s.Blobs().Range(t.Context(), "0", 0, 1); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("Range of a deleted object = %v, want NotFound", err)
		}
		must(t, s.Blobs().Put(t.Context(), "0", bytes.Repeat([]byte{100 + life}, int(size))))
		if got, err := s.Blobs().Range(t.Context(), "0", 0, 1); err != nil || got[0] != 100+life {
			t.Errorf("Range of a new object = %x, %v, want its bytes", got, err)
		}
	}
	close(over)
	readers.Wait()
	if len(s.files.of) > 2 {
		t.Errorf("%d files are open, want at most 2", len(s.files.of))
	}
}
