package idempotency

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"

	"compileo/internal/dataset"
)

// answer holds back what a handler answers until it is known whether that is kept. What is too large to be kept goes
// on to the client as it comes. It does not flush and hides what is behind it.
type answer struct {
	to     http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
	passed bool // it went on
}

func newAnswer(w http.ResponseWriter) *answer { return &answer{to: w, header: w.Header().Clone()} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil { // of a writer without any
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter. The first status stands.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.passed && a.body.Len()+len(p) > MaxAnswer {
		a.send()
		a.passed = true
	}
	if a.passed {
		return a.to.Write(p)
	}
	return a.body.Write(p)
}

// send gives the answer to the client.
func (a *answer) send() {
	a.WriteHeader(http.StatusOK)
	h := a.to.Header()
	clear(h)
	maps.Copy(h, a.header)
	a.to.WriteHeader(a.status)
	if a.body.Len() > 0 {
		_, _ = a.to.Write(a.body.Bytes()) // the client is gone, and may ask again
	}
}

// lasting are the headers that belong to what was done, not to how it was sent.
var lasting = []string{
	"Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Etag", "Last-Modified", "Link", "Location",
	"Retry-After", "X-Content-Type-Options",
}

// record returns the answer as it is kept; nil when it is not.
func (a *answer) record() *record {
	a.WriteHeader(http.StatusOK)
	if a.passed || a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusConflict {
		return nil
	}
	r := &record{Status: a.status, Header: map[string][]string{}, Body: a.body.Bytes()}
	for _, name := range lasting {
		if values := a.header.Values(name); len(values) > 0 {
			r.Header[name] = values
		}
	}
	if data, err := json.Marshal(r); err != nil || len(data) > dataset.MaxRecord-1<<10 { // less what the try adds
		return nil
	}
	return r
}
