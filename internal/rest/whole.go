package rest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// Whole serves where an answer is one message of at most limit bytes, as in a Lambda: it keeps the answer until it
// is complete. One that is too large or broke off is a problem instead.
func Whole(next http.Handler, limit int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k := &keeper{header: http.Header{}}
		aborted := k.serve(next, r)
		switch size := k.size(); {
		case aborted:
			k = instead(broken(), r)
		case size > limit:
			k = instead(Problemf(http.StatusUnprocessableEntity,
				"the answer would have %d bytes, more than %d: ask for less at once (per_page, fields)", size, limit), r)
		}
		for name, values := range k.header {
			w.Header()[name] = values
		}
		w.WriteHeader(cmp.Or(k.status, http.StatusOK))
		_, _ = w.Write(k.body.Bytes()) // memory
	})
}

type keeper struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func instead(p *Problem, r *http.Request) *keeper {
	k := &keeper{header: http.Header{}}
	p.Write(k, r)
	return k
}

func (k *keeper) serve(next http.Handler, r *http.Request) (aborted bool) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			aborted = true
		}
	}()
	next.ServeHTTP(k, r)
	return false
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(status int) {
	if status >= 200 {
		k.status = status
	}
}

func (k *keeper) Write(b []byte) (int, error) { return k.body.Write(b) }

// size is how large the answer is in the gateway's JSON: text with its escapes, or base64.
func (k *keeper) size() int {
	b := k.body.Bytes()
	n := len(b)
	if !utf8.Valid(b) {
		n = base64.StdEncoding.EncodedLen(n)
	} else {
		for _, c := range b {
			switch {
			case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
				n++
			case c < ' ' || c == '<' || c == '>' || c == '&':
				n += 5
			}
		}
		n += 3 * (bytes.Count(b, []byte("\u2028")) + bytes.Count(b, []byte("\u2029")))
	}
	for name, values := range k.header {
		n += len(name) + len(fmt.Sprint(values)) + 8
	}
	return n
}
