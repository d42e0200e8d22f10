package embedded

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

func TestNoKeyIsAFolderOfAnother(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for _, c := range []struct {
		key  string
		kind dataset.Kind
	}{
		{"a/b/c", ""},
		{"a", dataset.Invalid},
		{"a/b", dataset.Invalid},
		{"a/b/c", dataset.Conflict},
		{"a/b/c/d", dataset.Invalid},
		{"a/b/c/d/e/f", dataset.Invalid},
		{"a/b/d", ""},
		{"a/b-c", ""},
		{"a/b.c", ""},
		{"a/b0", ""},
		{"a/b0/x", dataset.Invalid},
		{"ab", ""},
		{"z", ""},
		{"z/y/x", dataset.Invalid},
	} {
		wantKind(t, "Put "+c.key, s.Blobs().Put(t.Context(), c.key, []byte("x")), c.kind)
	}
	must(t, s.Blobs().Delete(t.Context(), "z", "a/b/c"))
	must(t, s.Blobs().Put(t.Context(), "z/y/x", make([]byte, maxInline+1)))
	wantKind(t, "large Put z/y", s.Blobs().Put(t.Context(), "z/y", make([]byte, maxInline+1)), dataset.Invalid)
	if n := files(t, s); n != 1 {
		t.Errorf("%d files, want that of the only large object", n)
	}
}

// files counts the files of objects.
func files(t *testing.T, s *Store) int {
	t.Helper()
	entries, err := os.ReadDir(s.blobDir())
	must(t, err)
	return len(entries)
}

func TestFilesGoWithTheirObjects(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	large := bytes.Repeat([]byte("0123456789"), 10_000)
	must(t, s.Blobs().Put(t.Context(), "large", large))
	wantKind(t, "second Put", s.Blobs().Put(t.Context(), "large", large), dataset.Conflict)
	reader, err := s.Blobs().Open(t.Context(), "large")
	must(t, err)
	defer reader.Close()
	must(t, s.Blobs().Delete(t.Context(), "large"))
	if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, large) {
		t.Errorf("a stream that was open at Delete = %d bytes, %v, want all", len(got), err)
	}
	w, err := s.Blobs().Create(t.Context(), "other")
	must(t, err)
	_, err = w.Write(large)
	must(t, err)
	w.Abort()
	wantKind(t, "Commit after Abort", w.Commit(), dataset.Internal)
	_, err = w.Write(large)
	wantKind(t, "Write after Abort", err, dataset.Internal)
	if n := files(t, s); n != 0 {
		t.Errorf("%d files, want none", n)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	must(t, s.Blobs().Put(t.Context(), "a", []byte("abc")))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Blobs().Open(ctx, "a")
	must(t, err)
	defer r.Close()
	cancel()
	_, err = r.Read(make([]byte, 1))
	wantKind(t, "Read", err, dataset.Unavailable)
}

func TestLostOrDamagedFile(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	must(t, s.Blobs().Put(t.Context(), "large", make([]byte, 100_000)))
	entries, err := os.ReadDir(s.blobDir())
	must(t, err)
	file := s.blobFile(entries[0].Name())
	for _, c := range []struct {
		name  string
		spoil func() error
	}{
		{"cut", func() error { return os.Truncate(file, 50_000) }},
		{"gone", func() error { return os.Remove(file) }},
	} {
		must(t, c.spoil())
		_, err := s.Blobs().Get(t.Context(), "large")
		if wantKind(t, "Get of a file "+c.name, err, dataset.Internal); err != nil && !strings.Contains(err.Error(), file) {
			t.Errorf("Get of a file %s = %v, want it to name the file", c.name, err)
		}
	}
}

const base = "http://files.example/some/path"

// call sends a presigned request to the handler.
func call(s *Store, p dataset.Presigned, body io.Reader, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(p.Method, p.URL, body)
	for name, values := range p.Header {
		r.Header[name] = values
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestDownloadIsNeverAPage(t *testing.T) {
	s := open(t, t.TempDir(), Options{BaseURL: base + "/"})
	must(t, s.Blobs().Put(t.Context(), "a/b", []byte("<script>")))
	p, err := s.Blobs().PresignGet(t.Context(), "a/b", dataset.Attachment{Filename: "ü.html", ContentType: "text/html"}, time.Minute)
	must(t, err)
	if !strings.HasPrefix(p.URL, base+"/a/b?") {
		t.Errorf("URL = %s, want it below the base URL", p.URL)
	}
	w := call(s, p, nil, nil)
	if w.Code != http.StatusOK || w.Body.String() != "<script>" {
		t.Errorf("GET = %d %q", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Disposition": "attachment; filename*=utf-8''%C3%BC.html", "X-Content-Type-Options": "nosniff",
		"Content-Type": "text/html", "Cache-Control": "private, no-store", "Content-Length": "8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	w = call(s, p, nil, func(r *http.Request) { r.Header.Set("Range", "bytes=1-6") })
	if w.Code != http.StatusPartialContent || w.Body.String() != "script" {
		t.Errorf("GET of a range = %d %q", w.Code, w.Body)
	}
}

func TestPresignedRequestsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{BaseURL: base})
		must(t, s.Blobs().Put(t.Context(), "a", []byte("x")))
		p, err := s.Blobs().PresignGet(t.Context(), "a", dataset.Attachment{}, time.Minute)
		must(t, err)
		if want := time.Now().Add(time.Minute); !p.Expires.Equal(want) {
			t.Errorf("Expires = %v, want %v", p.Expires, want)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if w := call(s, p, nil, nil); w.Code != http.StatusOK {
			t.Errorf("GET at its last = %d", w.Code)
		}
		time.Sleep(time.Nanosecond)
		w := call(s, p, nil, nil)
		if w.Code != http.StatusForbidden || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET after = %d %v, want 403 with a problem", w.Code, w.Header())
		}
	})
}

func TestUploadIsBound(t *testing.T) {
	s := open(t, t.TempDir(), Options{BaseURL: base})
	large := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name, body string
		length     int64 // as the request says
		status     int
	}{
		{"cut off", large[1:], 100_000, http.StatusBadRequest},
		{"larger than said", large + "x", 100_000, http.StatusOK}, // net/http ends a body at its length
		{"again", large, 100_000, http.StatusPreconditionFailed},
	} {
		p, err := s.Blobs().PresignPut(t.Context(), "k", 100_000, "text/plain", time.Minute)
		must(t, err)
		w := call(s, p, strings.NewReader(c.body), func(r *http.Request) { r.ContentLength = c.length })
		if w.Code != c.status {
			t.Errorf("PUT %s = %d %s, want %d", c.name, w.Code, w.Body, c.status)
		}
	}
	if got, err := s.Blobs().Get(t.Context(), "k"); err != nil || string(got) != large {
		t.Errorf("Get = %d bytes, %v, want what was signed for", len(got), err)
	}
	if n := files(t, s); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
}

func TestPresignChecksItsArguments(t *testing.T) {
	s := open(t, t.TempDir(), Options{BaseURL: base})
	get := func(key, name, contentType string, valid time.Duration) error {
		_, err := s.Blobs().PresignGet(t.Context(), key, dataset.Attachment{Filename: name, ContentType: contentType}, valid)
		return err
	}
	put := func(size int64, contentType string) error {
		_, err := s.Blobs().PresignPut(t.Context(), "k", size, contentType, time.Minute)
		return err
	}
	for what, err := range map[string]error{
		"key":                 get("../k", "", "", time.Minute),
		"no time":             get("k", "", "", 0),
		"line in a type":      get("k", "", "text/html\r\n\r\n", time.Minute),
		"no bytes":            put(0, "text/plain"),
		"size above the most": put(dataset.MaxUpload+1, "text/plain"),
		"no type":             put(1, ""),
	} {
		wantKind(t, what, err, dataset.Invalid)
	}
	bare := open(t, t.TempDir(), Options{})
	_, err := bare.Blobs().PresignGet(t.Context(), "k", dataset.Attachment{}, time.Minute)
	wantKind(t, "without BaseURL", err, dataset.Internal)
	if w := call(bare, dataset.Presigned{Method: "GET", URL: base + "/k"}, nil, nil); w.Code != http.StatusForbidden {
		t.Errorf("GET without BaseURL = %d, want 403", w.Code)
	}
}

// Whatever the URL, nothing is served or stored that was not signed.
func FuzzHandler(f *testing.F) {
	s := open(f, f.TempDir(), Options{BaseURL: base})
	must(f, s.Blobs().Put(f.Context(), "a/b", []byte("secret")))
	p, err := s.Blobs().PresignGet(f.Context(), "a/b", dataset.Attachment{Filename: "f"}, time.Minute)
	must(f, err)
	f.Add("GET", strings.TrimPrefix(p.URL, "http://files.example"), "")
	f.Add("PUT", "/some/path/a?size=1&type=text/plain&expires=9999999999&signature=00", "text/plain")
	f.Add("GET", "/some/path/../../lock?signature=", "")
	f.Add("GET", "/some/path/a/b?expires=9999999999&signature=%zz", "")
	f.Fuzz(func(t *testing.T, method, target, contentType string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" {
			return
		}
		signed := "http://files.example"+target == p.URL && method == p.Method
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader("x")), ContentLength: 1}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r.WithContext(t.Context()))
		if !signed && (w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "secret")) {
			// The same parameters in another order or spelling are the same request.
			want, _ := url.Parse(p.URL)
			if method != p.Method || u.Path != want.Path || u.Query().Encode() != want.Query().Encode() {
				t.Errorf("%s %s = %d %s, want 403", method, target, w.Code, w.Body)
			}
		}
	})
}
