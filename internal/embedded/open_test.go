package embedded

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"compileo/internal/dataset"
)

func row(sk, data string) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: "p", SK: sk, Data: []byte(data)}, If: dataset.Any}
}

func mustWrite(t testing.TB, s *Store, writes ...dataset.Write) {
	t.Helper()
	if err := s.Table().Write(t.Context(), writes...); err != nil {
		t.Fatalf("Write = %v", err)
	}
}

func TestDataSurvivesReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data #1?%41")
	large := bytes.Repeat([]byte("large"), 100_000)
	s := open(t, dir, Options{BaseURL: "http://example.com/files"})
	mustWrite(t, s, row("a", `1`))
	for key, data := range map[string][]byte{"small": []byte("x"), "large": large} {
		if err := s.Blobs().Put(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
	}
	secret := s.secret
	if err := s.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}

	s = open(t, dir, Options{})
	if r, err := s.Table().Get(t.Context(), "p", "a"); err != nil || string(r.Data) != `1` || r.Version != 1 {
		t.Errorf("Get = %+v, %v, want what was written", r, err)
	}
	if got, err := s.Blobs().Get(t.Context(), "large"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("Get = %d bytes, %v, want %d", len(got), err, len(large))
	}
	if !bytes.Equal(s.secret, secret) || len(secret) != 32 {
		t.Error("the secret changed: presigned URLs do not outlive a restart")
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	_, err := Open(dir, Options{})
	wantKind(t, "second Open", err, dataset.Conflict)
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second Open = %v, want it to name the directory and the process", err)
	}
	mustWrite(t, s, row("a", `1`)) // the first is unharmed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

func TestOpenOfAForeignDirectoryChangesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	wantKind(t, "Open", err, dataset.Invalid)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory now holds %v (%v)", entries, err)
	}
	_, err = Open(filepath.Join(dir, "thesis.txt"), Options{})
	wantKind(t, "Open of a file", err, dataset.Invalid)
	_, err = Open(t.TempDir(), Options{BaseURL: "no url"})
	wantKind(t, "Open with a bad base URL", err, dataset.Invalid)
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, file string)
		kind  dataset.Kind
		says  string
	}{
		{"newer format", pragma("user_version = 2"), dataset.Invalid, "newer version"},
		{"format that never was", pragma("user_version = 0"), dataset.Internal, "damaged"},
		{"no secret", statement("DELETE FROM meta"), dataset.Internal, "damaged"},
		{"other program", pragma("application_id = 7"), dataset.Invalid, "another program"},
		{"no database", overwrite(0, 4096), dataset.Internal, "damaged"},
		{"schema overwritten", overwrite(100, 1000), dataset.Internal, "damaged"},
		{"pages overwritten", overwrite(4096, 16*4096), dataset.Internal, "damaged"},
		{"cut short", truncate(3 * 4096), dataset.Internal, "damaged"},
		{"empty", truncate(0), dataset.Internal, "damaged"},
		{"gone", func(t *testing.T, file string) { must(t, os.Remove(file)) }, dataset.Internal, "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			var writes []dataset.Write
			for i := range 100 {
				writes = append(writes, row(fmt.Sprint(i), strings.Repeat("x", 1000)))
			}
			mustWrite(t, s, writes...)
			must(t, s.Blobs().Put(t.Context(), "large", make([]byte, 100_000)))
			must(t, s.Close())
			c.spoil(t, s.file())
			before := contents(t, dir)
			_, err := Open(dir, Options{})
			wantKind(t, "Open", err, c.kind)
			if e, ok := errors.AsType[*dataset.Error](err); !ok || !strings.Contains(e.Detail, s.file()) || !strings.Contains(e.Detail, c.says) {
				t.Errorf("Open = %v, want it to name the file and say %q", err, c.says)
			}
			for name, data := range before {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s was changed or removed (%v)", name, err)
				}
			}
			if _, err := Open(dir, Options{}); !dataset.Is(err, c.kind) {
				t.Errorf("Open again = %v, want the same: the lock was not given back", err)
			}
		})
	}
}

func TestDamageFoundLaterSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for i := range 20 {
		var writes []dataset.Write
		for n := range 100 {
			writes = append(writes, row(fmt.Sprint(i, n), strings.Repeat("x", 100)))
		}
		mustWrite(t, s, writes...)
	}
	must(t, s.Close())
	s = open(t, dir, Options{})
	overwrite(4096, 60*4096)(t, s.file())
	_, err := s.Table().Query(t.Context(), dataset.Query{PK: "p"})
	wantKind(t, "Query", err, dataset.Internal)
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Query = %v, want it to say that the database is damaged", err)
	}
}

func pragma(set string) func(*testing.T, string) { return statement("PRAGMA " + set) }

func statement(query string) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		db, err := sql.Open("sqlite", file)
		must(t, err)
		_, err = db.Exec(query)
		must(t, err)
		must(t, db.Close())
	}
}

func overwrite(from, size int64) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)), from)
		must(t, err)
		must(t, f.Close())
	}
}

func truncate(size int64) func(*testing.T, string) {
	return func(t *testing.T, file string) { must(t, os.Truncate(file, size)) }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contents are the files below dir but the lock, by their paths in it.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{databaseName} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			files[name] = data
		}
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs"))
	must(t, err)
	for _, e := range blobs {
		name := filepath.Join("blobs", e.Name())
		if files[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestUnfinishedFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	must(t, s.Blobs().Put(t.Context(), "kept", make([]byte, 100_000)))
	w, err := s.Blobs().Create(t.Context(), "unfinished")
	must(t, err)
	if _, err := w.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	must(t, os.WriteFile(s.blobFile("README"), []byte("not ours"), 0o600))
	must(t, s.Close())
	if n := len(contents(t, dir)); n != 4 {
		t.Fatalf("%d files before, want the database, two objects and another", n)
	}
	s = open(t, dir, Options{})
	if n := len(contents(t, dir)); n != 3 {
		t.Errorf("%d files after, want the database, one object and another", n)
	}
	if got, err := s.Blobs().Get(t.Context(), "kept"); err != nil || len(got) != 100_000 {
		t.Errorf("Get = %d bytes, %v, want what was stored", len(got), err)
	}
}

// A bubble ends only when all its goroutines did.
func TestNoGoroutineOutlivesClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{BaseURL: "http://example.com"})
		done := make(chan error, 1)
		go func() {
			done <- s.Consume(context.Background(), dataset.ScoreQueue, 2, func(context.Context, []byte) error { return nil })
		}()
		mustWrite(t, s, row("a", `1`))
		synctest.Wait()
		must(t, s.Close())
		must(t, s.Close())
		wantKind(t, "Consume", <-done, dataset.Unavailable)
		wantKind(t, "Write", s.Table().Write(t.Context(), row("a", `2`)), dataset.Unavailable)
		_, err := s.Table().Get(t.Context(), "p", "a")
		wantKind(t, "Get", err, dataset.Unavailable)
		_, err = s.Table().Query(t.Context(), dataset.Query{PK: "p"})
		wantKind(t, "Query", err, dataset.Unavailable)
		_, err = s.Blobs().List(t.Context(), "", "")
		wantKind(t, "List", err, dataset.Unavailable)
		wantKind(t, "Put", s.Blobs().Put(t.Context(), "k", nil), dataset.Unavailable)
		wantKind(t, "Send", s.Queue().Send(t.Context(), dataset.ScoreQueue, dataset.Message{Body: []byte("x")}), dataset.Unavailable)
	})
}
