package rest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Problem is every answer that is not a success (RFC 9457). It is an error, so that handlers return it.
type Problem struct {
	Type     string  `json:"type" doc:"Kind of problem: about:blank, the status says it." example:"about:blank"`
	Title    string  `json:"title" doc:"Name of the status." example:"Unprocessable Entity"`
	Status   int     `json:"status" doc:"HTTP status." example:"422"`
	Detail   string  `json:"detail" doc:"What went wrong, for people." example:"/concurrency must be at most 1000"`
	Instance string  `json:"instance" doc:"Path of the request." example:"/api/v1/datasets/generate"`
	Errors   []Wrong `json:"errors,omitempty" doc:"Each part of the request that is wrong."`

	Header http.Header `json:"-"` // sent with it
}

// Wrong is one thing that is wrong with a request.
type Wrong struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the body." example:"/concurrency"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query, path or header parameter." example:"per_page"`
	Reason    string `json:"reason" doc:"What is wrong with it." example:"must be at most 1000"`
}

func (w Wrong) String() string {
	return cmp.Or(w.Pointer, w.Parameter, "the body") + " " + w.Reason
}

func (p *Problem) Error() string { return p.Detail }

// Problemf is a problem of that status. Its text is for the client.
func Problemf(status int, format string, args ...any) *Problem {
	return &Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// After asks the client to come again no sooner than that.
func (p *Problem) After(d time.Duration) *Problem {
	return p.With("Retry-After", strconv.Itoa(max(1, int((d+time.Second-1)/time.Second))))
}

// With adds a header to the answer.
func (p *Problem) With(name, value string) *Problem {
	if p.Header == nil {
		p.Header = http.Header{}
	}
	p.Header.Set(name, value)
	return p
}

// Invalid is the problem of a request with these faults.
func Invalid(wrong ...Wrong) *Problem {
	p := Problemf(http.StatusUnprocessableEntity, "the request is invalid")
	p.Errors = wrong
	switch len(wrong) {
	case 0:
	case 1:
		p.Detail = wrong[0].String()
	default:
		p.Detail = fmt.Sprintf("%s (%d more in errors)", wrong[0], len(wrong)-1)
	}
	return p
}

// Fail answers with a problem: err itself if it is one, else what Config.Problem makes of it.
func (t *Table) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*Problem](err)
	if !ok && t.config.Problem != nil {
		p, ok = t.config.Problem(r, err), true
	}
	if !ok || p == nil {
		p = broken()
	}
	p.Write(w, r)
}

func broken() *Problem {
	return Problemf(http.StatusInternalServerError, "something went wrong here; it is in the log")
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	full := *p
	full.Type, full.Title, full.Instance = "about:blank", http.StatusText(p.Status), r.URL.Path
	h := w.Header()
	for _, of := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "ETag", "Last-Modified", "Accept-Ranges", "Location"} {
		h.Del(of) // of the answer that is not given
	}
	for name, values := range p.Header {
		h[name] = values
	}
	h.Set("Content-Type", "application/problem+json")
	body, _ := json.Marshal(full) // strings and numbers only
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client is gone
}
