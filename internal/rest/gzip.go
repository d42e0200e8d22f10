package rest

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minGzip is from how many bytes on an answer is compressed: a smaller one fits one packet as it is.
const minGzip = 1400

// Gzip compresses what next writes, where the client takes that and it is text.
func Gzip(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !takesGzip(HeaderValue(r.Header, "Accept-Encoding")) || r.Method == http.MethodHead {
			next.ServeHTTP(&gzipped{ResponseWriter: w, plain: true}, r)
			return
		}
		g := &gzipped{ResponseWriter: w}
		next.ServeHTTP(g, r)
		g.close() // not when it panics: what was begun is broken then
	})
}

// takesGzip reads an Accept-Encoding.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "gzip" && coding != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if weight, err := strconv.ParseFloat(q, 64); !found || err == nil && weight > 0 {
			return true
		}
	}
	return false
}

var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is a known one
	return w
}}

// gzipped holds back the first bytes of an answer until there are enough of them to be worth compressing.
type gzipped struct {
	http.ResponseWriter
	plain  bool // the client takes no gzip
	status int
	begun  bool         // the header is sent
	first  []byte       // held back
	gz     *gzip.Writer // nil: as it is
}

// Unwrap is for http.ResponseController: FlushError here comes first.
func (g *gzipped) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *gzipped) WriteHeader(status int) {
	switch {
	case g.status != 0:
		return
	case status >= 100 && status < 200:
		g.ResponseWriter.WriteHeader(status)
		return
	}
	g.status = status
	h := g.Header()
	if compressible(h.Get("Content-Type")) {
		h.Add("Vary", "Accept-Encoding")
	}
	size, err := strconv.Atoi(h.Get("Content-Length"))
	small := err == nil && size < minGzip
	if g.plain || small || !g.worth() {
		g.begin(false)
	}
}

// worth reports whether the answer may be compressed at all.
func (g *gzipped) worth() bool {
	h := g.Header()
	switch {
	case g.status == http.StatusNoContent, g.status == http.StatusNotModified, g.status == http.StatusPartialContent:
		return false
	case h.Get("Content-Encoding") != "": // already
		return false
	case h.Get("Accept-Ranges") != "": // ranges count the bytes as they are
		return false
	}
	return compressible(h.Get("Content-Type"))
}

// compressible reports whether a media type is text, and no events: these are small and must not be held back.
func compressible(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	switch kind = strings.TrimSpace(kind); kind {
	case "text/event-stream":
		return false
	case "application/json", "application/problem+json", "application/x-ndjson", "application/jsonl", "application/javascript", "image/svg+xml":
		return true
	}
	return strings.HasPrefix(kind, "text/")
}

// begin sends the header and what was held back.
func (g *gzipped) begin(compress bool) {
	g.begun = true
	if compress {
		h := g.Header()
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		g.gz = writers.Get().(*gzip.Writer)
		g.gz.Reset(g.ResponseWriter)
	}
	g.ResponseWriter.WriteHeader(g.status)
	if first := g.first; len(first) > 0 {
		g.first = nil
		_, _ = g.write(first) // the next Write says what is wrong
	}
}

func (g *gzipped) write(b []byte) (int, error) {
	if g.gz != nil {
		return g.gz.Write(b)
	}
	return g.ResponseWriter.Write(b)
}

func (g *gzipped) Write(b []byte) (int, error) {
	if g.status == 0 {
		g.WriteHeader(http.StatusOK)
	}
	if g.begun {
		return g.write(b)
	}
	if g.first = append(g.first, b...); len(g.first) >= minGzip {
		g.begin(true)
	}
	return len(b), nil
}

// FlushError sends what is there.
func (g *gzipped) FlushError() error {
	if g.status == 0 {
		g.WriteHeader(http.StatusOK)
	}
	if !g.begun {
		g.begin(false)
	}
	if g.gz != nil {
		if err := g.gz.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func (g *gzipped) close() {
	if g.status != 0 && !g.begun {
		g.begin(false)
	}
	if g.gz != nil {
		_ = g.gz.Close() // the client is gone
		g.gz.Reset(io.Discard)
		writers.Put(g.gz)
	}
}
