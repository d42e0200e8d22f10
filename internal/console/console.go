// Package console is the page at /: static files that use the public API as any client does. There is no build step;
// what is here is what the browser runs.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed page
var page embed.FS

// policy lets the page load and call nothing but its own origin. Trusted types make the browser refuse any text that
// would become markup: all that the API says is put in as text.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// asset is a file as it is served.
type asset struct {
	body       []byte
	kind, etag string
}

// Handler answers GET and HEAD of the page at /, and of what it loads below /console/.
func Handler() http.Handler {
	assets := map[string]asset{}
	files, err := page.ReadDir("page")
	if err != nil {
		panic(err) // it is in the program
	}
	for _, f := range files {
		body, err := page.ReadFile("page/" + f.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		assets["/console/"+f.Name()] = asset{body, kindOf(f.Name()), `"` + hex.EncodeToString(sum[:16]) + `"`}
	}
	assets["/"] = assets["/console/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := assets[r.URL.Path]; ok {
			a.serve(w, r)
		} else {
			http.NotFound(w, r)
		}
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "no-cache") // ask each time: a new program has new files
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if known(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(a.body)
	}
}

// known reports whether If-None-Match names the tag. A proxy that compressed the file may have made the tag weak.
func known(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// kindOf does not ask the machine, which may know other types by these names.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/html; charset=utf-8"
}
