package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// shape is an input or output struct: fields tagged path, query or header, a Body, and of outputs a Status.
type shape struct {
	params   []param
	body     []int // index of the field Body; nil: none
	schema   *Schema
	optional bool  // the body may be missing
	form     bool  // the body is a Form
	status   []int // index of the field Status; nil: none
}

type param struct {
	where string
	*field
}

func (t *Table) shape(ty reflect.Type) *shape {
	s := &shape{}
	if ty == reflect.TypeFor[Stream]() {
		return s
	}
	for _, f := range reflect.VisibleFields(ty) {
		switch {
		case f.Name == "Body":
			s.body, s.optional = f.Index, f.Type.Kind() == reflect.Pointer
			if form, ok := reflect.Zero(f.Type).Interface().(interface{ parts() reflect.Type }); ok {
				s.schema, s.form = t.types.of(form.parts()), true
			} else {
				s.schema = t.types.of(f.Type)
			}
		default:
			where, name := place(f)
			switch {
			case where != "":
				p := t.types.field(f, name)
				p.required = where == "path" || f.Tag.Get("required") == "true"
				s.params = append(s.params, param{where, p})
			case f.Name == "Status" && f.Type.Kind() == reflect.Int:
				s.status = f.Index
			case !f.Anonymous:
				panic(fmt.Sprintf("rest: %v.%s is no part of a request or an answer", ty, f.Name))
			}
		}
	}
	return s
}

func place(f reflect.StructField) (where, name string) {
	for _, where := range []string{"path", "query", "header"} {
		if name := f.Tag.Get(where); name != "" {
			return where, name
		}
	}
	return "", ""
}

// read fills the input, and says everything that is wrong with the request.
func (op *Op) read(w http.ResponseWriter, r *http.Request, v reflect.Value) *Problem {
	wrong, p := op.readParams(r, v)
	switch {
	case p != nil:
		return p
	case op.in.body == nil:
	case op.form:
		if p := formOf(r, op, v.FieldByIndex(op.in.body)); p != nil {
			return p
		}
	default:
		more, p := op.readBody(r, v.FieldByIndex(op.in.body))
		if p != nil {
			return p
		}
		wrong = append(wrong, more...)
	}
	if len(wrong) > 0 {
		return Invalid(wrong...)
	}
	return nil
}

func (op *Op) readParams(r *http.Request, v reflect.Value) (wrong []Wrong, p *Problem) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Problemf(http.StatusBadRequest, "the query is not well formed: %v", err)
	}
	for _, p := range op.in.params {
		text, given := "", true
		switch p.where {
		case "path":
			text = r.PathValue(p.name)
		case "header":
			text = HeaderValue(r.Header, p.name)
			given = text != ""
		case "query":
			if given = query.Has(p.name); given && len(query[p.name]) > 1 {
				wrong = append(wrong, Wrong{Parameter: p.name, Reason: "is given twice"})
			}
			text = query.Get(p.name)
			delete(query, p.name)
		}
		to := v.FieldByIndex(p.index)
		switch {
		case given:
			if reason := p.schema.parseText(to, text); reason != "" {
				wrong = append(wrong, Wrong{Parameter: p.name, Reason: reason})
			}
		case p.required:
			wrong = append(wrong, Wrong{Parameter: p.name, Reason: "is required"})
		case p.def.IsValid():
			to.Set(p.def)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		wrong = append(wrong, Wrong{Parameter: name, Reason: "is not known"})
	}
	return wrong[:min(len(wrong), maxWrong)], nil
}

// HeaderValue is the value of a request header, whole: the Lambda adapter splits every value at its commas.
func HeaderValue(h http.Header, name string) string { return strings.Join(h.Values(name), ", ") }

func (op *Op) readBody(r *http.Request, v reflect.Value) ([]Wrong, *Problem) {
	if ct := HeaderValue(r.Header, "Content-Type"); ct != "" {
		if mt, _, err := mime.ParseMediaType(ct); err != nil || mt != "application/json" {
			return nil, Problemf(http.StatusUnsupportedMediaType, "the body must be application/json, not %s: send the header Content-Type: application/json", ct)
		}
	}
	if ce := HeaderValue(r.Header, "Content-Encoding"); ce != "" && ce != "identity" {
		return nil, Problemf(http.StatusUnsupportedMediaType, "the body must not be encoded (%s)", ce)
	}
	body, p := ReadBody(r, op)
	if p != nil {
		return nil, p
	}
	if op.in.optional && len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if err := notJSON(body); err != nil {
		return nil, Problemf(http.StatusBadRequest, "%v", err)
	}
	if op.in.optional && string(bytes.TrimSpace(body)) == "null" {
		return nil, nil
	}
	return decode(op.in.schema, body, v), nil
}

// kept is a body that was read. It may be read again.
type kept struct {
	io.Reader
	bytes []byte
}

func (*kept) Close() error { return nil }

// ReadBody reads the body of a request up to the operation's limit. It may be read again afterwards, so that
// middleware can look at it.
func ReadBody(r *http.Request, op *Op) ([]byte, *Problem) {
	if k, ok := r.Body.(*kept); ok {
		return k.bytes, nil
	}
	if r.ContentLength > op.Limit {
		return nil, op.tooLarge()
	}
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, op.Limit+1))
	switch {
	case int64(len(body)) > op.Limit:
		return nil, op.tooLarge()
	case err != nil:
		return nil, unread(err)
	}
	r.Body = &kept{bytes.NewReader(body), body}
	return body, nil
}

func unread(err error) *Problem {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return Problemf(http.StatusBadRequest, "the body ended before its length was reached")
	}
	return Problemf(http.StatusBadRequest, "the body could not be read")
}

func (op *Op) tooLarge() *Problem {
	detail := fmt.Sprintf("the body may have at most %d bytes", op.Limit)
	if op.TooLarge != "" {
		detail += "; " + op.TooLarge
	}
	return Problemf(http.StatusRequestEntityTooLarge, "%s", detail)
}
