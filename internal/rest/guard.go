package rest

import (
	"net/http"
	"runtime/debug"
)

// Guard is what net/http does and the Lambda adapter does not: a panic is a 500, the first status stands, an answer
// without a status is a 200, HEAD has no body. onPanic is told of each panic.
func Guard(next http.Handler, onPanic func(r *http.Request, v any, stack []byte)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := &guarded{ResponseWriter: w, head: r.Method == http.MethodHead}
		defer func() {
			v := recover()
			if v != nil && v != http.ErrAbortHandler {
				onPanic(r, v, debug.Stack())
			}
			switch {
			case v != nil && g.wrote:
				panic(http.ErrAbortHandler) // the connection ends: nobody takes a part for the whole
			case v != nil:
				broken().Write(g, r)
			case !g.wrote:
				g.WriteHeader(http.StatusOK)
			}
		}()
		next.ServeHTTP(g, r)
	})
}

type guarded struct {
	http.ResponseWriter
	wrote, head bool
}

// Unwrap lets http.ResponseController find the Flusher.
func (g *guarded) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *guarded) WriteHeader(status int) {
	switch {
	case g.wrote:
	case status >= 100 && status < 200:
		g.ResponseWriter.WriteHeader(status) // more follows
	default:
		g.wrote = true
		g.ResponseWriter.WriteHeader(status)
	}
}

func (g *guarded) Write(b []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	if g.head {
		return len(b), nil
	}
	return g.ResponseWriter.Write(b)
}
