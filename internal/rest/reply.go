package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// Stream is an answer that writes itself: a file, events. An error before the first byte is answered like that of a
// handler; one after it breaks the connection, so that nobody takes a part for the whole.
type Stream struct {
	Send func(w http.ResponseWriter, r *http.Request) error
}

// Redirect is a Stream that sends the client elsewhere.
func Redirect(status int, url string) *Stream {
	return &Stream{func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Location", url)
		w.WriteHeader(status)
		return nil
	}}
}

// JSON is a Stream of one value, for operations that answer with a file or with words about it.
func JSON(status int, v any) *Stream {
	return &Stream{func(w http.ResponseWriter, _ *http.Request) error { return writeJSON(w, status, v) }}
}

func (t *Table) stream(w http.ResponseWriter, r *http.Request, s *Stream) {
	g := &guarded{ResponseWriter: w}
	err := s.Send(g, r)
	switch {
	case err == nil:
	case g.wrote:
		panic(http.ErrAbortHandler)
	default:
		t.Fail(w, r, err)
	}
}

// write sends an output: its headers, then its body.
func (op *Op) write(w http.ResponseWriter, r *http.Request, v reflect.Value) error {
	for _, p := range op.out.params {
		if text := headerText(v.FieldByIndex(p.index)); text != "" {
			w.Header().Set(p.name, text)
		}
	}
	status := op.Status
	if op.out.status != nil {
		if s := int(v.FieldByIndex(op.out.status).Int()); s != 0 {
			status = s
		}
	}
	if tag := w.Header().Get("ETag"); tag != "" && r.Method == http.MethodGet && status == http.StatusOK && unchanged(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if op.out.body == nil {
		w.WriteHeader(status)
		return nil
	}
	body := v.FieldByIndex(op.out.body)
	op.out.schema.fill(body)
	return writeJSON(w, status, body.Interface())
}

// headerText is a field as a header; "": it is not sent.
func headerText(v reflect.Value) string {
	if v.CanInt() {
		if v.IsZero() {
			return ""
		}
		return strconv.FormatInt(v.Int(), 10)
	}
	return v.String()
}

// unchanged reports whether the client has what the tag names.
func unchanged(r *http.Request, tag string) bool {
	for have := range strings.SplitSeq(HeaderValue(r.Header, "If-None-Match"), ",") {
		have = strings.TrimPrefix(strings.TrimSpace(have), "W/")
		if have == "*" || have == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone
	return nil
}
