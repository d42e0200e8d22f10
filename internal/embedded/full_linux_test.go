package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

// smallDisk mounts a file system of its own of some megabytes, which takes a privileged user.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("NOT TESTED: a full disk, as this user may not mount a small one (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill takes all space that is left and returns what gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	file := filepath.Join(dir, "ballast")
	f, err := os.Create(file)
	must(t, err)
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		err = nil
	}
	return func() { must(t, os.Remove(file)) }
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 12)
	s := open(t, filepath.Join(dir, "data"), Options{})
	mustWrite(t, s, row("before", `1`))
	for round := range 3 {
		free := fill(t, dir)
		wantFull := func(what string, err error) {
			t.Helper()
			if !dataset.Is(err, dataset.Unavailable) || !strings.Contains(err.Error(), "the disk with "+s.dir+" is full") {
				t.Errorf("%s = %v, want Unavailable as the disk is full", what, err)
			}
		}
		name := fmt.Sprint(round)
		// The WAL may have some room of its own.
		var err error
		n := 0
		for ; n < 1000 && err == nil; n++ {
			err = s.Blobs().Put(t.Context(), fmt.Sprintf("filler/%s/%d", name, n), make([]byte, maxInline))
		}
		wantFull("small Put", err)
		wantFull("Write", s.Table().Write(t.Context(), row(name, strings.Repeat("x", 100_000))))
		wantFull("large Put", s.Blobs().Put(t.Context(), "large/"+name, make([]byte, 1<<20)))
		wantFull("Send", s.Queue().Send(t.Context(), dataset.GenerateQueue, dataset.Message{Body: bytes.Repeat([]byte("x"), dataset.MaxMessage)}))
		if r, err := s.Table().Get(t.Context(), "p", "before"); err != nil || string(r.Data) != `1` {
			t.Errorf("Get on a full disk = %+v, %v, want the row", r, err)
		}
		free()
		mustWrite(t, s, row(name, strings.Repeat("x", 100_000)))
		must(t, s.Blobs().Put(t.Context(), "large/"+name, make([]byte, 1<<20)))
		for i := range n {
			must(t, s.Blobs().Delete(t.Context(), fmt.Sprintf("filler/%s/%d", name, i)))
		}
		must(t, s.Blobs().Delete(t.Context(), "large/"+name))
	}
	if n := files(t, s); n != 0 {
		t.Errorf("%d files of objects, want none", n)
	}
}

func TestOpenOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, 4)
	free := fill(t, dir)
	_, err := Open(filepath.Join(dir, "data"), Options{})
	wantKind(t, "Open", err, dataset.Unavailable)
	if err != nil && !strings.Contains(err.Error(), "is full") {
		t.Errorf("Open = %v, want it to say that the disk is full", err)
	}
	free()
	mustWrite(t, open(t, filepath.Join(dir, "data"), Options{}), row("a", `1`))
}

func TestConsumerOutlivesAFullDisk(t *testing.T) {
	dir := smallDisk(t, 8)
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := open(t, filepath.Join(dir, "data"), Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		send(t, s, message("m"))
		free := fill(t, dir)
		for i, err := 0, error(nil); err == nil; i++ { // the WAL may have some room of its own
			err = s.Blobs().Put(t.Context(), fmt.Sprint(i), []byte("x"))
		}
		var handled atomic.Int64
		stop := consume(t, t.Context(), s, dataset.GenerateQueue, func(context.Context, []byte) error { handled.Add(1); return nil })
		defer stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tries := strings.Count(out.String(), "messages not received"); handled.Load() != 0 || tries < 5 || tries > 30 {
			t.Errorf("on a full disk %d messages were handled and %d tries made, want none and a few", handled.Load(), tries)
		}
		free()
		time.Sleep(maxRetry)
		synctest.Wait()
		if handled.Load() != 1 {
			t.Errorf("with space again %d messages were handled, want 1", handled.Load())
		}
	})
}
