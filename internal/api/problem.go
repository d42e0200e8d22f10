package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/rest"
)

// again is after how long a client should try once more.
const again = 2 * time.Second

// problem is what a client is told of an error. The kinds that are ours to mend are told without their text: that
// is for the log.
func problem(r *http.Request, err error) *rest.Problem {
	callOf(r.Context()).err = err
	if p, ok := deniedProblem(err); ok {
		return p
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return rest.Problemf(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", large.Limit)
	}
	var detail string
	e, ok := errors.AsType[*dataset.Error](err)
	if ok {
		detail = e.Detail
	}
	switch dataset.KindOf(err) {
	case dataset.Invalid:
		return invalid(e)
	case dataset.NotFound:
		return rest.Problemf(http.StatusNotFound, "%s", detail)
	case dataset.Conflict:
		if !ok { // a write lost against another one
			detail = "it was changed meanwhile: read it again, then decide"
		}
		return rest.Problemf(http.StatusConflict, "%s", detail)
	case dataset.Stale:
		return rest.Problemf(http.StatusPreconditionFailed, "%s", detail)
	case dataset.Throttled:
		return rest.Problemf(http.StatusTooManyRequests, "too many requests at once: try again later").After(again)
	case dataset.Unavailable:
		return rest.Problemf(http.StatusServiceUnavailable, "a part of the service is not available: try again later").After(again)
	}
	return rest.Problemf(http.StatusInternalServerError, "something went wrong here; the log has it under the request's X-Request-Id")
}

func invalid(e *dataset.Error) *rest.Problem {
	wrong := make([]rest.Wrong, len(e.Fields))
	for i, f := range e.Fields {
		wrong[i] = rest.Wrong{Pointer: f.Pointer, Reason: f.Reason}
		if !strings.HasPrefix(f.Pointer, "/") { // the name of a parameter
			wrong[i] = rest.Wrong{Parameter: f.Pointer, Reason: f.Reason}
		}
	}
	p := rest.Invalid(wrong...)
	if len(wrong) == 0 {
		p.Detail = e.Detail
	}
	return p
}
