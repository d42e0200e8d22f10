package api

import (
	"context"
	"errors"
	"net/http"

	"compileo/internal/access"
	"compileo/internal/dataset"
	"compileo/internal/idempotency"
	"compileo/internal/rest"
)

// tenantOf is who asks: what a request reads and writes is theirs.
func tenantOf(ctx context.Context) dataset.Tenant { return callOf(ctx).tenant }

// callerOf is the name under which a change is kept.
func callerOf(ctx context.Context) string { return callOf(ctx).caller }

// seedOf is what the ids of all that a request makes derive from.
func seedOf(ctx context.Context) string { return idempotency.Seed(ctx) }

// entered lets nobody in whom the guard does not know, before anything of the request is read. Public operations are
// only held to the hosts and pages from which they may be asked.
func entered(guard *access.Guard) rest.Middleware {
	return func(op *rest.Op, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, err := access.Caller{}, error(nil)
			if op.Public {
				err = guard.Admit(r)
			} else {
				who, err = guard.Authenticate(r)
			}
			c := callOf(r.Context())
			c.tenant, c.caller = who.Tenant, who.Name
			if err != nil {
				fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// fail answers with what a client is told of an error.
func fail(w http.ResponseWriter, r *http.Request, err error) { problem(r, err).Write(w, r) }

// deniedProblem is what a client is told that is not let in; false: the error is of another kind.
func deniedProblem(err error) (*rest.Problem, bool) {
	d, ok := errors.AsType[*access.Denied](err)
	if !ok {
		return nil, false
	}
	p := rest.Problemf(d.Status, "%s", d.Detail)
	if d.Challenge != "" {
		p = p.With("WWW-Authenticate", d.Challenge)
	}
	return p, true
}

// repeatable answers a POST that comes again under its Idempotency-Key as it was answered before.
func repeatable(c Config) rest.Middleware {
	m := &idempotency.Middleware{
		Table: c.Table, Log: c.Log, Fail: fail, MaxBody: maxRequest,
		Tenant: func(r *http.Request) dataset.Tenant { return tenantOf(r.Context()) },
	}
	return func(op *rest.Op, next http.Handler) http.Handler {
		if op.Method != http.MethodPost {
			return next
		}
		return m.Handler(next)
	}
}

// maxRequest is the most that any operation takes.
const maxRequest = 256 << 20

// middlewareHeaders are those that no operation reads itself.
func middlewareHeaders(op *rest.Op) []rest.Header {
	if op.Method != http.MethodPost {
		return nil
	}
	return []rest.Header{{
		Name: idempotency.Header, Example: "3f0c1c52-b1f5-4b0b-9d7e-2f1f0f3f9a10",
		Doc: "Any text of the client's: the same request under the same key is carried out once and answered alike for 24 hours.",
	}}
}
