// Package rest serves JSON over HTTP from one table of routes. The table is the mux, the check of every request and
// the OpenAPI document: Go structs with tags say what goes in and out, once.
package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Op is one operation: what its readers, its callers and the middleware must know.
type Op struct {
	ID          string // unique: the operationId
	Method      string
	Path        string   // as http.ServeMux takes it, without a slash at the end: both forms are served
	Also        []string // further paths with the same parameters
	Summary     string   // a few words
	Description string   // Markdown, optional
	Tag         string   // one of Config.Tags
	Status      int      // of success; 0: 200 with a body, 204 without
	Limit       int64    // bytes of the request's body; 0: 1 MiB
	TooLarge    string   // advice for who passes the limit
	Public      bool     // no key is asked for
	Scope       string   // what the key must allow; its meaning is the middleware's
	Answers     []Answer // of a Stream; else those beside the usual one

	in, out *shape
	form    bool // the body is a Form
	stream  bool // the output is a Stream
}

// Form reports whether the body is a Form: it is streamed to the handler, whole nowhere.
func (op *Op) Form() bool { return op.form }

// Answer is one more answer of an operation, for the document.
type Answer struct {
	Status  int
	Type    string // media type; "": no body
	Doc     string // what it means
	Body    any    // for JSON: any value of the body's type; nil: bytes
	Headers []Header
}

// Header is a header of an answer, or of a request where middleware reads it.
type Header struct{ Name, Doc, Example string }

// Middleware wraps the handler of one operation. It runs before anything of the request is read.
type Middleware func(op *Op, next http.Handler) http.Handler

// Config is what all operations share.
type Config struct {
	Title, Version, Description string
	Tags                        []Tag
	Security                    []Security            // any one of them opens an operation that is not Public
	Headers                     func(op *Op) []Header // request headers that the middleware reads
	Use                         []Middleware          // the first is the outermost
	Problem                     func(r *http.Request, err error) *Problem
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Security is a way to say who asks.
type Security struct {
	Name         string `json:"-"`
	Type         string `json:"type"` // "apiKey" or "http"
	Description  string `json:"description"`
	In           string `json:"in,omitempty"`
	Header       string `json:"name,omitempty"`
	Scheme       string `json:"scheme,omitempty"`
	BearerFormat string `json:"bearerFormat,omitempty"`
}

// Table is every route, once.
type Table struct {
	config Config
	muxes  []*http.ServeMux // the first that has the path serves it; more than one as a mux refuses a/{x} beside {y}/b
	taken  map[string]bool  // patterns without the names in them
	ops    []*Op
	types  types
	doc    func() []byte
}

// New makes an empty table.
func New(config Config) *Table {
	t := &Table{config: config, taken: map[string]bool{}, types: types{byName: map[string]*Schema{}, owner: map[string]reflect.Type{}}}
	t.doc = sync.OnceValue(t.document)
	return t
}

// Ops are the operations of the table, in the order in which they were added.
func (t *Table) Ops() []*Op { return t.ops }

// Handle adds a page that is not in the document, by a pattern of http.ServeMux.
func (t *Table) Handle(pattern string, h http.Handler) {
	form := pathName.ReplaceAllString(pattern, "{}")
	if t.taken[form] {
		panic(fmt.Sprintf("rest: %s is there already", pattern))
	}
	t.taken[form] = true
	for _, mux := range t.muxes {
		if handles(mux, pattern, h) {
			return
		}
	}
	mux := http.NewServeMux()
	mux.Handle(pattern, h) // panics where the pattern is none
	t.muxes = append(t.muxes, mux)
}

var pathName = regexp.MustCompile(`\{[^}$]*\}`)

// handles adds a pattern unless the mux cannot say which of two patterns would serve a path.
func handles(mux *http.ServeMux, pattern string, h http.Handler) (added bool) {
	defer func() { added = recover() == nil }()
	mux.Handle(pattern, h)
	return true
}

// Add puts an operation into the table.
//
// In is a struct with fields tagged path, query or header, and a field Body: a struct, a pointer to one where the
// body may be missing, or a Form. Out is a struct with fields tagged header and a field Body, an int field Status
// for answers whose success has several, or it is Stream. What Out holds is the answer's from then on: lists in it
// that are nil become empty. A mistake in a tag or a path is a mistake of the program: it panics.
func Add[In, Out any](t *Table, op Op, do func(context.Context, *In) (*Out, error)) {
	op.in, op.out = t.shape(reflect.TypeFor[In]()), t.shape(reflect.TypeFor[Out]())
	op.stream = reflect.TypeFor[Out]() == reflect.TypeFor[Stream]()
	t.admit(&op)
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := new(In)
		if p := op.read(w, r, reflect.ValueOf(in).Elem()); p != nil {
			t.Fail(w, r, p)
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			t.Fail(w, r, err)
			return
		}
		if s, ok := any(out).(*Stream); ok && s != nil {
			t.stream(w, r, s)
			return
		}
		if out == nil {
			out = new(Out)
		}
		if err := op.write(w, r, reflect.ValueOf(out).Elem()); err != nil {
			t.Fail(w, r, err)
		}
	})
	var h http.Handler = serve
	for _, use := range slices.Backward(t.config.Use) {
		h = use(&op, h)
	}
	for _, p := range append([]string{op.Path}, op.Also...) {
		t.Handle(op.Method+" "+p, h)
	}
}

// admit completes an operation and refuses one that is not well formed.
func (t *Table) admit(op *Op) {
	refuse := func(why string) { panic(fmt.Sprintf("rest: operation %q: %s", op.ID, why)) }
	switch {
	case op.ID == "" || slices.ContainsFunc(t.ops, func(o *Op) bool { return o.ID == op.ID }):
		refuse("it needs an ID of its own")
	case op.Summary == "":
		refuse("it needs a Summary")
	case !slices.ContainsFunc(t.config.Tags, func(tag Tag) bool { return tag.Name == op.Tag }):
		refuse("its Tag is not in Config.Tags")
	case op.stream && len(op.Answers) == 0:
		refuse("a Stream needs Answers")
	case op.in.body != nil && (op.Method == http.MethodGet || op.Method == http.MethodHead):
		refuse("a GET has no body")
	}
	for _, p := range append([]string{op.Path}, op.Also...) {
		var named []string
		for _, param := range op.in.params {
			if param.where == "path" {
				named = append(named, param.name)
			}
		}
		inPath := pathNames(p)
		slices.Sort(named)
		slices.Sort(inPath)
		if !slices.Equal(named, inPath) {
			refuse(fmt.Sprintf("the path %s has the parameters %v, the input %v", p, inPath, named))
		}
	}
	switch {
	case op.Status != 0:
	case op.out.body == nil && !op.stream:
		op.Status = http.StatusNoContent
	default:
		op.Status = http.StatusOK
	}
	if op.Limit == 0 {
		op.Limit = 1 << 20
	}
	if op.in.body != nil {
		op.form = op.in.form
		op.in.schema.request()
	}
	t.ops = append(t.ops, op)
}

// pathNames are the names in braces of a path.
func pathNames(p string) (names []string) {
	for part := range strings.SplitSeq(p, "/") {
		if inner, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(inner, "}"), "..."))
		}
	}
	return names
}

// ServeHTTP takes paths with and without a slash at the end, answers OPTIONS, and says 404 and 405 as problems.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = cleaned(r)
	var methods []string
	for _, mux := range t.muxes {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &quiet{header: http.Header{}}
		h.ServeHTTP(probe, r)
		for m := range strings.SplitSeq(probe.header.Get("Allow"), ",") {
			if m = strings.TrimSpace(m); m != "" {
				methods = append(methods, m)
			}
		}
	}
	slices.Sort(methods)
	allow := strings.Join(slices.Compact(methods), ", ")
	switch {
	case allow == "":
		t.Fail(w, r, Problemf(http.StatusNotFound, "there is nothing at %s", r.URL.Path))
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allow+", OPTIONS")
		w.WriteHeader(http.StatusNoContent)
	default:
		t.Fail(w, r, Problemf(http.StatusMethodNotAllowed, "this path takes %s, not %s", allow, r.Method).With("Allow", allow+", OPTIONS"))
	}
}

// cleaned is the request for its path without a slash at the end, // or /../, where the mux would redirect.
func cleaned(r *http.Request) *http.Request {
	given := r.URL.EscapedPath()
	if !strings.HasPrefix(given, "/") || given == path.Clean(given) {
		return r
	}
	u := *r.URL
	u.RawPath = path.Clean(given)
	decoded, err := url.PathUnescape(u.RawPath)
	if err != nil {
		return r // cannot be: the path was decoded before
	}
	u.Path = decoded
	c := r.WithContext(r.Context())
	c.URL = &u
	return c
}

// RepairPath is a path as HTTP carries it, from one that a gateway has decoded, wholly or not at all: escapes stay,
// what else cannot stand in a path is escaped.
func RepairPath(given string) string {
	var b strings.Builder
	for i := 0; i < len(given); i++ {
		switch c := given[i]; {
		case c == '%' && i+2 < len(given) && isHex(given[i+1]) && isHex(given[i+2]):
			b.WriteByte(c)
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// quiet hears what the mux would answer.
type quiet struct{ header http.Header }

func (q *quiet) Header() http.Header         { return q.header }
func (q *quiet) WriteHeader(int)             {}
func (q *quiet) Write(b []byte) (int, error) { return len(b), nil }
