package lambdahost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// api is the Runtime API that one process speaks to.
func (p *process) api() http.Handler {
	const root = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", p.next)
	mux.HandleFunc("POST "+root+"invocation/{id}/response", p.respond)
	mux.HandleFunc("POST "+root+"invocation/{id}/error", p.fail)
	mux.HandleFunc("POST "+root+"init/error", p.failInit)
	return mux
}

// next waits for the next event and hands it over.
func (p *process) next(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if p.current = nil; p.first == 0 {
		p.first = max(time.Since(p.started), 1)
		close(p.ready)
	}
	p.mu.Unlock()
	select {
	case e := <-p.events:
		p.mu.Lock()
		p.current = e
		p.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(e.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:000000000000:function:"+p.f.Name)
		_, _ = w.Write(e.payload) // a process that does not take it ends, or runs out of time
	case <-r.Context().Done():
	}
}

// respond takes the answer to the current event.
func (p *process) respond(w http.ResponseWriter, r *http.Request) {
	e := p.working(w, r)
	if e == nil {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		e.answer(Result{Error: &FunctionError{Type: TooLarge, Message: fmt.Sprintf("the answer has more than %d bytes", tooLong.Limit)}})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the answer is too large")
		return
	}
	if err != nil {
		return // the process broke off; that it is gone is the result
	}
	accept(w, e, Result{Payload: body})
}

// fail takes the failure of the current event.
func (p *process) fail(w http.ResponseWriter, r *http.Request) {
	e := p.working(w, r)
	if e == nil {
		return
	}
	if failure := readFailure(w, r); failure != nil {
		accept(w, e, Result{Error: failure})
	}
}

// failInit takes the reason for which the process cannot start.
func (p *process) failInit(w http.ResponseWriter, r *http.Request) {
	failure := readFailure(w, r)
	if failure == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first > 0 {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the function has started")
		return
	}
	p.failed = failure
	w.WriteHeader(http.StatusAccepted)
}

// working returns the event that the request is about, or refuses.
func (p *process) working(w http.ResponseWriter, r *http.Request) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || r.PathValue("id") != p.current.id {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "this is not the event being worked on")
		return nil
	}
	return p.current
}

// accept ends the event, once.
func accept(w http.ResponseWriter, e *event, r Result) {
	if !e.answer(r) {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the event has ended")
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// maxFailure bounds what a process may say about a failure.
const maxFailure = 256 << 10

// readFailure reads an error document; nil when it cannot, which has been answered.
func readFailure(w http.ResponseWriter, r *http.Request) *FunctionError {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFailure))
	var failure FunctionError
	if err != nil || json.Unmarshal(body, &failure) != nil {
		refuse(w, http.StatusBadRequest, "InvalidErrorShape", "want a JSON object of errorType and errorMessage")
		return nil
	}
	if failure.Type == "" {
		failure.Type = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	return &failure
}

func refuse(w http.ResponseWriter, status int, kind, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(FunctionError{Type: kind, Message: why})
}
