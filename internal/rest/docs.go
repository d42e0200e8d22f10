package rest

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

//go:embed docs.html
var docsPage string

// Pages adds what people and tools read: /openapi.json and /docs, one page that shows it and needs nothing else.
func (t *Table) Pages() {
	t.Handle("GET /openapi.json", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		page(w, "application/json", t.OpenAPI())
	}))
	policy := sync.OnceValue(func() string { return PagePolicy(docsPage) })
	t.Handle("GET /docs", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy())
		page(w, "text/html; charset=utf-8", []byte(docsPage))
	}))
}

func page(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client is gone
}

// PagePolicy is the Content-Security-Policy of a page that holds its one script and its one style itself, and talks
// to its own server only.
func PagePolicy(page string) string {
	return "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src " +
		inlineHash(page, "script") + "; style-src " + inlineHash(page, "style")
}

// inlineHash names the content of the page's first element of that tag.
func inlineHash(page, tag string) string {
	_, rest, _ := strings.Cut(page, "<"+tag+">")
	content, _, _ := strings.Cut(rest, "</"+tag+">")
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
