// Package idempotency answers a POST that is repeated under its Idempotency-Key with the answer it was given, and
// lets a try that broke off be repeated as the same work.
//
// A key belongs to a tenant and to one request: method, path, query, content type and body. Its record is written
// before the work begins, with a lease and with the seed from which the work derives its ids; so whoever repeats the
// work after a crash makes the same things again. When the lease is over while the work still goes on, it is done
// twice at a time, under one seed; the first to finish decides the answer of both. No answer leaves before it is
// kept, so all who are answered are answered the same.
//
// What is not kept is the answer that asks to be repeated: 409, 429 and 5xx; nor one that is larger than MaxAnswer,
// which the log tells. The next try under the key does the work again, under the same seed.
package idempotency

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// Limits and times.
const (
	Header    = "Idempotency-Key"
	Replayed  = "Idempotency-Replayed" // "true" in an answer that was given before
	MaxKey    = 255                    // characters of a key
	MaxAnswer = 256 << 10              // bytes of a body that is kept
	Kept      = 24 * time.Hour         // since the last try
	Lease     = time.Minute            // of one try; until it is over others get 409

	tries       = 4                      // of a write that met another or a failure
	pause       = 100 * time.Millisecond // before the second, longer before each further one
	keepTimeout = 5 * time.Second        // to keep an answer, though the client may be gone
)

// Middleware stands between authentication and the routes, inside of compression. Its fields are set once.
type Middleware struct {
	Table   dataset.Table
	Tenant  func(*http.Request) dataset.Tenant                    // who asks, as authentication found
	Fail    func(w http.ResponseWriter, r *http.Request, e error) // answers a *dataset.Error or a *http.MaxBytesError
	MaxBody int64                                                 // bytes of a request under a key: the most that any route takes
	Log     *slog.Logger
}

type seedKey struct{}

// Seed returns what the request derives the ids of all that it makes from, with dataset.DeriveID: the same for every
// try under an Idempotency-Key, another one each time for a request without.
func Seed(ctx context.Context) string {
	if seed, ok := ctx.Value(seedKey{}).(string); ok {
		return seed
	}
	return dataset.NewID()
}

// Keyed reports whether the request came under an Idempotency-Key.
func Keyed(ctx context.Context) bool {
	_, keyed := ctx.Value(seedKey{}).(string)
	return keyed
}

// Handler returns next behind the middleware. Requests without a key, and all but POST, pass untouched.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := keyOf(r.Header)
		if !ok || r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		if err := m.serve(w, r, next, key); err != nil {
			m.Fail(w, r, err)
		}
	})
}

// keyOf returns the key. The Lambda adapter splits headers at commas, so spaces around these do not count.
func keyOf(h http.Header) (key string, ok bool) {
	var parts []string
	for _, v := range h.Values(Header) {
		for part := range strings.SplitSeq(v, ",") {
			parts = append(parts, strings.TrimSpace(part))
		}
	}
	return strings.Join(parts, ","), parts != nil
}

// serve answers the request, or returns why not.
func (m *Middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler, key string) error {
	if len(key) < 1 || len(key) > MaxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return dataset.InvalidField(Header, "has another form than 1 to %d characters of visible ASCII", MaxKey)
	}
	body, err := spool(http.MaxBytesReader(w, r.Body, m.MaxBody))
	if err != nil {
		return err
	}
	defer body.close()
	sum, err := fingerprint(r, body)
	if err != nil {
		return err
	}
	t := try{table: m.Table, pk: dataset.IdempotencyPK(m.Tenant(r), key), owner: dataset.NewID(), request: sum}
	have, err := t.begin(r.Context())
	if err != nil {
		if running, ok := errors.AsType[*stillRunning](err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(running.seconds()))
			err = dataset.Errorf(dataset.Conflict, "a request with this Idempotency-Key is still running: repeat it later")
		}
		return err
	}
	if have.done() {
		have.replay(w)
		return nil
	}
	if r.Body, err = body.open(); err != nil {
		return err
	}
	return m.work(w, r.WithContext(context.WithValue(r.Context(), seedKey{}, have.Seed)), next, &t)
}

// work does the work and keeps its answer, or lets go of the key.
func (m *Middleware) work(w http.ResponseWriter, r *http.Request, next http.Handler, t *try) error {
	a := newAnswer(w)
	panicked := true
	defer func() {
		if panicked {
			t.release(r.Context())
		}
	}()
	next.ServeHTTP(a, r)
	panicked = false
	done := a.record()
	if done == nil {
		t.release(r.Context()) // before anybody knows that repeating is right
		if a.passed {
			m.Log.Warn("an answer under an Idempotency-Key is too large to be kept", "path", r.URL.Path, "limit", MaxAnswer)
		} else {
			a.send()
		}
		return nil
	}
	kept, err := t.keep(r.Context(), *done)
	if err != nil {
		return err // it may be kept all the same, so the key stays taken
	}
	if kept != nil {
		kept.replay(w)
		return nil
	}
	a.send()
	return nil
}
