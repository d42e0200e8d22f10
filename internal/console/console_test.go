package console

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path, etag string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	etag := get(t, "GET", "/", "").Header.Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(etag) {
		t.Fatalf("ETag %s is none, or not a strong one", etag)
	}
	for _, c := range []struct {
		method, path, etag string
		status             int
		kind               string
	}{
		{"GET", "/", "", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", "", 200, "text/html; charset=utf-8"},
		{"GET", "/", etag, 304, ""},
		{"GET", "/", `"x", W/` + etag, 304, ""},
		{"GET", "/", "*", 304, ""},
		{"GET", "/", `"x"`, 200, "text/html; charset=utf-8"},
		{"GET", "/console/console.js", etag, 200, "text/javascript; charset=utf-8"},
		{"GET", "/console/console.css", "", 200, "text/css; charset=utf-8"},
		{"GET", "/console/icon.svg", "", 200, "image/svg+xml"},
		{"GET", "/console/", "", 404, "text/plain; charset=utf-8"},
		{"GET", "/console/../console.go", "", 404, "text/plain; charset=utf-8"},
	} {
		r := get(t, c.method, c.path, c.etag)
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s %s with %s: %d %s, want %d %s", c.method, c.path, c.etag, r.StatusCode, r.Header.Get("Content-Type"), c.status, c.kind)
		}
		if ours := c.status == 200 || c.status == 304; ours && r.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s %s: policy %q", c.method, c.path, r.Header.Get("Content-Security-Policy"))
		}
		if has, want := body.Len() > 0, c.status != 304 && c.method != "HEAD"; has != want {
			t.Errorf("%s %s with %s: a body of %d bytes", c.method, c.path, c.etag, body.Len())
		}
	}
}

// What the page is made of keeps the rules that a browser would not tell of: nothing from outside, nothing that makes
// markup or code of text, every file short and loaded by something.
func TestSources(t *testing.T) {
	outside := regexp.MustCompile(`(?:https?:)?//[a-z][\w.-]*\.[a-z]`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|\bstyle=|\son[a-z]+="`)
	files, _ := fs.ReadDir(page, "page")
	var all strings.Builder
	text := map[string]string{}
	for _, f := range files {
		b, _ := fs.ReadFile(page, "page/"+f.Name())
		text[f.Name()] = string(b)
		all.Write(b)
	}
	for name, s := range text {
		if m := outside.FindString(strings.ReplaceAll(s, "http://www.w3.org/2000/svg", "")); m != "" {
			t.Errorf("%s names %s", name, m)
		}
		if m := markup.FindString(s); m != "" {
			t.Errorf("%s has %s", name, m)
		}
		if n := strings.Count(s, "\n"); n >= 400 {
			t.Errorf("%s has %d lines", name, n)
		}
		if name != "index.html" && !strings.Contains(all.String(), "/"+name) {
			t.Errorf("nothing loads %s", name)
		}
	}
}
