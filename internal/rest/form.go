package rest

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"unicode/utf8"
)

// Form is a body of type multipart/form-data. T documents its parts: a struct with fields of type File, []File and
// plain ones. Parts are streamed: nothing is written to disk, so nothing is left there.
type Form[T any] struct{ source }

// File is a part of a form that is a file.
type File struct{}

// Schema says that a file is bytes.
func (File) Schema() *Schema { return &Schema{Type: "string", Format: "binary"} }

func (Form[T]) parts() reflect.Type { return reflect.TypeFor[T]() }

func (f *Form[T]) open(s source) { f.source = s }

type source struct {
	reader *multipart.Reader
	op     *Op
}

// Part is one part of a form, valid until the next is asked for.
type Part struct {
	io.Reader
	Name, Filename, Type string // Filename is "" for a plain field; it is what the client says, with folders cut off
}

const maxParts = 2000

// formOf makes a request's body the form v.
func formOf(r *http.Request, op *Op, v reflect.Value) *Problem {
	mt, params, err := mime.ParseMediaType(HeaderValue(r.Header, "Content-Type"))
	switch {
	case err != nil || mt != "multipart/form-data":
		return Problemf(http.StatusUnsupportedMediaType, "the body must be multipart/form-data")
	case params["boundary"] == "":
		return Problemf(http.StatusBadRequest, "the Content-Type names no boundary")
	case r.ContentLength > op.Limit:
		return op.tooLarge()
	}
	body := http.MaxBytesReader(nil, r.Body, op.Limit)
	v.Addr().Interface().(interface{ open(source) }).open(source{multipart.NewReader(body, params["boundary"]), op})
	return nil
}

// Parts are the parts of the form in the order in which they come. The last may be an error, which the handler
// returns as it is.
func (s source) Parts() iter.Seq2[*Part, error] {
	return func(yield func(*Part, error) bool) {
		for n := 0; ; n++ {
			p, err := s.reader.NextRawPart()
			switch {
			case err == io.EOF:
				return
			case err == nil && n >= maxParts:
				err = Problemf(http.StatusRequestEntityTooLarge, "a form may have at most %d parts", maxParts)
			case err != nil:
				err = s.problem(err)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			part := &Part{partReader{p, s}, p.FormName(), p.FileName(), p.Header.Get("Content-Type")}
			if !yield(part, nil) {
				return
			}
		}
	}
}

func (s source) problem(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return s.op.tooLarge()
	}
	return Problemf(http.StatusBadRequest, "the form is broken: %v", err)
}

// partReader makes problems of what is wrong with the form.
type partReader struct {
	part   io.Reader
	source source
}

func (p partReader) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if err != nil && err != io.EOF {
		err = p.source.problem(err)
	}
	return n, err
}

// Text reads the part as text of at most limit bytes.
func (p *Part) Text(limit int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(p, limit+1))
	switch {
	case err != nil:
		return "", err
	case int64(len(b)) > limit:
		return "", Invalid(Wrong{Pointer: pointer("", p.Name), Reason: fmt.Sprintf("must have at most %d bytes", limit)})
	case !utf8.Valid(b):
		return "", Invalid(Wrong{Pointer: pointer("", p.Name), Reason: "must be UTF-8"})
	}
	return string(b), nil
}
