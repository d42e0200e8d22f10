package library_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/embedded"
	"compileo/internal/library"
)

func TestUpload(t *testing.T) {
	l := inMemory(2)
	ctx := t.Context()
	p := newProject(t, l, "p")
	for _, in := range []library.NewUpload{
		{Name: "a.exe", Size: 5},
		{Name: "a.md"},
		{Name: "a.md", Size: -1},
		{Name: "a.md", Size: dataset.MaxDocument + 1},
		{Name: "a.md", Size: 5, SHA256: "abc"},
		{Name: "a.md", Size: 5, Type: "no type"},
	} {
		_, _, err := l.BeginUpload(ctx, p, in)
		wants(t, err, dataset.Invalid)
	}
	in := library.NewUpload{ID: dataset.NewID(), Name: "a.md", Size: 5, SHA256: strings.ToUpper(hexSum("alpha"))}
	u, request, err := l.BeginUpload(ctx, p, in)
	if err != nil || request.Method != http.MethodPut {
		t.Fatal(request, err)
	}
	if again, _, err := l.BeginUpload(ctx, p, in); err != nil || again.Key != u.Key {
		t.Errorf("begun again: %+v %v", again, err)
	}
	in.Size = 6
	_, _, err = l.BeginUpload(ctx, p, in)
	wants(t, err, dataset.Conflict)
	_, _, err = l.CompleteUpload(ctx, us, u.ID)
	wants(t, err, dataset.Conflict)
	_, _, err = l.CompleteUpload(ctx, them, u.ID)
	wants(t, err, dataset.NotFound)
	if err := l.Blobs.Put(ctx, u.Key, []byte("alpha")); err != nil {
		t.Fatal(err)
	}
	d, known, err := l.CompleteUpload(ctx, us, u.ID)
	if err != nil || known || d.SHA256 != hexSum("alpha") || d.ID != addFile(t, l, p, "b.md", "alpha").ID {
		t.Fatalf("%+v %v %v", d, known, err)
	}
	if again, _, err := l.CompleteUpload(ctx, us, u.ID); err != nil || again.ID != d.ID {
		t.Errorf("completed again: %+v %v", again, err)
	}
	if err := l.DeleteDocument(ctx, us, d.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = l.CompleteUpload(ctx, us, u.ID)
	wants(t, err, dataset.NotFound)

	for sent, in := range map[string]library.NewUpload{
		"delta":    {Name: "b.md", Size: 5, SHA256: hexSum("gamma")},
		"too long": {Name: "c.md", Size: 5},
	} {
		other, _, err := l.BeginUpload(ctx, p, in)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Blobs.Put(ctx, other.Key, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		_, _, err = l.CompleteUpload(ctx, us, other.ID)
		wants(t, err, dataset.Invalid)
	}
}

func TestUploadFaults(t *testing.T) {
	p := &dataset.Project{ID: "p", Tenant: us}
	prepare := func(l *library.Library) {
		write(t, l, dataset.ProjectPK(us, "p"), dataset.ProjectSK, p)
		u, _, err := l.BeginUpload(t.Context(), p, library.NewUpload{ID: "u", Name: "a.md", Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Blobs.Put(t.Context(), u.Key, []byte("alpha")); err != nil {
			t.Fatal(err)
		}
	}
	everyFault(t, prepare, func(l *library.Library) error {
		_, _, err := l.CompleteUpload(t.Context(), us, "u")
		return err
	}, func(t *testing.T, l *library.Library) {
		list, err := l.Documents(t.Context(), us, nil, library.Window{Page: 1, PerPage: 9})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		if d, known, err := l.CompleteUpload(t.Context(), us, "u"); err != nil || !known || d.ID != list.Items[0].ID {
			t.Errorf("%+v %v %v", d, known, err)
		}
	})
}

// TestPurgeUploads: what was uploaded and no document is made of goes, also that of a file that was known; the rest stays.
func TestPurgeUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inMemory(2)
		ctx := t.Context()
		p := newProject(t, l, "p")
		upload := func(text string, complete bool) *dataset.Upload {
			u, _, err := l.BeginUpload(ctx, p, library.NewUpload{Name: "a.md", Size: int64(len(text))})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Blobs.Put(ctx, u.Key, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if complete {
				if _, _, err := l.CompleteUpload(ctx, us, u.ID); err != nil {
					t.Fatal(err)
				}
			}
			return u
		}
		used := upload("used", true)
		upload("used", true)
		abandoned := upload("abandoned", false)
		time.Sleep(61 * time.Minute)
		_, _, err := l.CompleteUpload(ctx, us, abandoned.ID)
		wants(t, err, dataset.Invalid)
		time.Sleep(time.Hour)
		if err := l.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if got := objects(t, l); !slices.Equal(got, []string{used.Key}) {
			t.Errorf("left are %v, want %v", got, used.Key)
		}
		d := addFile(t, l, p, "a.md", "used")
		if err := l.DeleteDocument(ctx, us, d.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if err := l.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if got := objects(t, l); len(got) != 0 {
			t.Errorf("left are %v", got)
		}
	})
}

// TestPurgeKeepsWhatIsNotNoted: a document lives on though whoever completed its upload died before noting that.
func TestPurgeKeepsWhatIsNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inMemory(2)
		ctx := t.Context()
		u, _, err := l.BeginUpload(ctx, newProject(t, l, "p"), library.NewUpload{Name: "a.md", Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Blobs.Put(ctx, u.Key, []byte("alpha")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.CompleteUpload(ctx, us, u.ID); err != nil {
			t.Fatal(err)
		}
		write(t, l, dataset.DocumentsPK(us), dataset.UploadSK(u.ID), u)
		time.Sleep(3 * time.Hour)
		if err := l.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if got := objects(t, l); !slices.Equal(got, []string{u.Key}) {
			t.Errorf("left are %v, want %v", got, u.Key)
		}
	})
}

// TestUploadOverHTTP sends a file the whole way, by the request that the embedded store has signed.
func TestUploadOverHTTP(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	s, err := embedded.Open(t.TempDir(), embedded.Options{BaseURL: "http://" + server.Listener.Addr().String() + "/files"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	server.Config.Handler = s.Handler()
	server.Start()
	defer server.Close()
	l := &library.Library{Table: s.Table(), Blobs: s.Blobs()}
	p := newProject(t, l, "p")
	text := strings.Repeat("A line of text.\n", 1000)
	u, request, err := l.BeginUpload(t.Context(), p, library.NewUpload{Name: "a.txt", Size: int64(len(text)), Type: "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{http.StatusOK, http.StatusPreconditionFailed} {
		r, err := http.NewRequestWithContext(t.Context(), request.Method, request.URL, bytes.NewReader([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = request.Header
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != want {
			t.Errorf("try %d: %s, want %d", i, answer.Status, want)
		}
		_ = answer.Body.Close()
	}
	d, _, err := l.CompleteUpload(t.Context(), us, u.ID)
	if err != nil || d.Size != int64(len(text)) || d.SHA256 != hexSum(text) {
		t.Errorf("%+v %v", d, err)
	}
}
