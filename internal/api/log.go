package api

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/rest"
)

// call is what is known of one request beside the request itself. The layers fill it in on its way.
type call struct {
	id     string         // X-Request-Id
	route  string         // method and path of the operation; "": none was found
	tenant dataset.Tenant // who asks
	caller string         // under which name
	err    error          // why it failed, for the log
}

type callKey struct{}

// callOf is the call of a request's context.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return &call{}
	}
	return c
}

// noted notes the operation for the log.
func noted(op *rest.Op, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		callOf(r.Context()).route = op.Path
		next.ServeHTTP(w, r)
	})
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._=-]{1,64}$`)

// logged writes one line a request, without bodies, queries, keys and ids, and gives the request its id.
func logged(next http.Handler, log *slog.Logger, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := now()
		c := &call{id: r.Header.Get("X-Request-Id")}
		if !requestID.MatchString(c.id) {
			c.id = dataset.NewID()
		}
		w.Header().Set("X-Request-Id", c.id)
		counted := &counter{ResponseWriter: w}
		defer func() { // also where the answer breaks off
			level, attributes := slog.LevelInfo, []slog.Attr{
				slog.String("method", r.Method), slog.String("route", c.route), slog.Int("status", counted.status),
				slog.Float64("ms", float64(now().Sub(began).Microseconds())/1000), slog.Int64("bytes", counted.bytes),
				slog.String("tenant", string(c.tenant)), slog.String("request", c.id),
			}
			if counted.status >= 500 {
				level = slog.LevelError
				if c.err != nil {
					attributes = append(attributes, slog.String("error", c.err.Error()))
				}
			}
			log.LogAttrs(r.Context(), level, "request", attributes...)
		}()
		next.ServeHTTP(counted, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	})
}

// counter counts what goes out.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find the Flusher.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}
