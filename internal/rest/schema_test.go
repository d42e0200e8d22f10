package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is a schema of the document as another library reads it.
func compiled(t testing.TB, doc []byte, at string) *jsonschema.Schema {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("mem:///doc", v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///doc#" + at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var exponent = regexp.MustCompile(`[eE][+-]?[0-9]{4}`) // the other library counts these out

// The decoder takes what its schema takes, and nothing else; what it answers is in the schema of answers.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		whole, `{}`, `null`, `[]`, ``, `{"a":`, `{"project_id":1}`, `{"project_id":1.0,"count":1e3}`, `{"project_id":null}`,
		`{"project_id":1,"ratios":[1,2,3,4]}`, `{"project_id":1,"quotas":{"":9007199254740991}}`, `{"project_id":1,"inner":{"label":"x","children":[{"label":""}]}}`,
		`{"project_id":1,"name":"\ud800\u0000"}`, `{"project_id":1,"anything":[null,{"a":null}]}`, `{"project_id":1,"quotas":{"a":null}}`, `{"project_id":1,"small":-0}`,
		`{"project_id":1,"maybe":null,"on":false,"tree":[{"label":"a","children":[]}]}`, `{"project_id":"1","code":"ab\n"}`,
	} {
		f.Add([]byte(seed))
	}
	h := table()
	doc := h.OpenAPI()
	request, answer := compiled(f, doc, "/components/schemas/Thing"), compiled(f, doc, "/components/schemas/Echo")
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/things", bytes.NewReader(body)))
		if valid := json.Valid(body) && utf8.Valid(body); valid == (w.Code == http.StatusBadRequest) {
			t.Fatalf("%q: valid %v, %d %s", body, valid, w.Code, w.Body)
		}
		if w.Code == http.StatusAccepted {
			v, err := jsonschema.UnmarshalJSON(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.Validate(v); err != nil {
				t.Fatalf("%q: the answer is not in its schema: %v", body, err)
			}
		}
		if w.Code == http.StatusBadRequest || exponent.Match(body) {
			return
		}
		for _, own := range []string{"given twice", "deeper than", "too large", "/when must be a time"} { // what no schema says
			if bytes.Contains(w.Body.Bytes(), []byte(own)) {
				return
			}
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			return
		}
		if err := request.Validate(v); (err == nil) != (w.Code == http.StatusAccepted) {
			t.Fatalf("%q: schema %v, server %d %s", body, err, w.Code, w.Body)
		}
	})
}

// No path, query or header makes the table do anything but answer.
func FuzzRequestLine(f *testing.F) {
	f.Add("GET", "/things/a/parts", "page=1", `"7"`)
	f.Add("OPTIONS", "//things/%2e%2e/parts/", "a=%zz;b", "")
	f.Add("CONNECT", "/things/%", "%00", "\"7\", W/\"7")
	h := Guard(table(), func(_ *http.Request, v any, stack []byte) { panic(v) })
	f.Fuzz(func(t *testing.T, method, path, query, tag string) {
		r, err := http.NewRequest(method, "http://x"+RepairPath("/"+path), nil)
		if err != nil {
			t.Skip()
		}
		r.URL.RawQuery = query
		r.Header["If-None-Match"] = []string{tag}
		r.Body = http.NoBody
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && !strings.Contains(path, "broken") || w.Code >= 300 && w.Code < 400 && w.Code != 304 {
			t.Fatalf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
		}
	})
}

func TestOpenAPI(t *testing.T) {
	a, b := formTable().OpenAPI(), formTable().OpenAPI()
	if !bytes.Equal(a, b) {
		t.Error("equal tables make documents that differ")
	}
	var doc map[string]any
	if err := json.Unmarshal(a, &doc); err != nil {
		t.Fatal(err)
	}
	at := func(path ...string) any {
		var v any = doc
		for _, p := range path {
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("nothing at %v", path)
			}
			v = m[p]
		}
		return v
	}
	for _, k := range []struct {
		want any
		path []string
	}{
		{"3.1.0", []string{"openapi"}},
		{"make", []string{"paths", "/things", "post", "operationId"}},
		{"list_2", []string{"paths", "/parts/{id}", "get", "operationId"}},
		{"#/components/schemas/Thing", []string{"paths", "/things", "post", "requestBody", "content", "application/json", "schema", "$ref"}},
		{false, []string{"paths", "/things/{id}", "put", "requestBody", "required"}},
		{"#/components/schemas/Upload", []string{"paths", "/upload", "post", "requestBody", "content", "multipart/form-data", "schema", "$ref"}},
		{"binary", []string{"components", "schemas", "Upload", "properties", "files", "items", "format"}},
		{"#/components/schemas/Echo", []string{"paths", "/things", "post", "responses", "202", "content", "application/json", "schema", "$ref"}},
		{"Where it is.", []string{"paths", "/things", "post", "responses", "202", "headers", "Location", "description"}},
		{"#/components/responses/422", []string{"paths", "/things", "post", "responses", "422", "$ref"}},
		{nil, []string{"paths", "/things", "post", "responses", "412"}},
		{"#/components/responses/412", []string{"paths", "/things/{id}", "put", "responses", "412", "$ref"}},
		{nil, []string{"paths", "/things/{id}/parts", "get", "responses", "401"}},
		{"Unchanged: If-None-Match names what there is", []string{"paths", "/things/{id}/parts", "get", "responses", "304", "description"}},
		{"apiKey", []string{"components", "securitySchemes", "key", "type"}},
		{"#/components/schemas/Problem", []string{"components", "responses", "default", "content", "application/problem+json", "schema", "$ref"}},
		{[]any{"string", "null"}, []string{"components", "schemas", "Thing", "properties", "code", "type"}},
		{[]any{"default", "question", nil}, []string{"components", "schemas", "Thing", "properties", "mode", "enum"}},
		{"string", []string{"components", "schemas", "Inner", "properties", "label", "type"}},
		{[]any{"label"}, []string{"components", "schemas", "Inner", "required"}},
		{false, []string{"components", "schemas", "Inner", "additionalProperties"}},
		{[]any{map[string]any{
			"name": "Idempotency-Key", "in": "header", "required": false, "description": "Makes repeating harmless.",
			"schema": map[string]any{"type": "string", "examples": []any{"abc"}},
		}}, []string{"paths", "/things", "post", "parameters"}},
	} {
		if got := at(k.path...); !reflect.DeepEqual(got, k.want) {
			t.Errorf("%s: %v, want %v", strings.Join(k.path, " "), got, k.want)
		}
	}
}

// Members are read about in the order in which the program has them.
func TestOrderOfMembers(t *testing.T) {
	doc := table().OpenAPI()
	from := 0
	for _, name := range []string{`"Thing": {`, `"project_id": {`, `"name": {`, `"mode": {`, `"when": {`} {
		at := bytes.Index(doc[from:], []byte(name))
		if at < 0 {
			t.Fatalf("%s is not where it belongs", name)
		}
		from += at
	}
}

type other struct {
	Label string `json:"label"`
}

type generic[T any] struct {
	Items []T `json:"items"`
}

// bench is a table of n operations.
func bench(n int) *Table {
	t := New(Config{Tags: []Tag{{"things", "Things."}}})
	for i := range n {
		id := strconv.Itoa(i)
		Add(t, Op{ID: id, Method: "POST", Path: "/r" + id + "/things/{id}", Summary: "Make", Tag: "things", Limit: 16 << 20},
			func(_ context.Context, in *struct {
				ID   string `path:"id" doc:"Id."`
				Body thing
			},
			) (*echoed, error) {
				return &echoed{}, nil
			})
	}
	return t
}

func BenchmarkStart60(b *testing.B) {
	for b.Loop() {
		bench(60)
	}
}

func BenchmarkRequest(b *testing.B) {
	h := bench(1)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/r0/things/1", strings.NewReader(whole)))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkLargeBody(b *testing.B) {
	h := bench(1)
	body := `{"project_id":1,"tree":[` + strings.Repeat(`{"label":"`+strings.Repeat("Some text. ", 200)+`"},`, 2000) + `{"label":"x"}]}`
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/r0/things/1", strings.NewReader(body)))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func TestComponentNames(t *testing.T) {
	ts := New(Config{}).types
	if got := ts.of(reflect.TypeFor[generic[other]]()).Ref; got != refPrefix+"GenericOther" {
		t.Error(got)
	}
}

type selfMade struct{}

func (selfMade) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

// add adds an operation whose input is In.
func add[In any](t *Table, op Op) {
	Add(t, op, func(context.Context, *In) (*struct{}, error) { return nil, nil })
}

// Label hides its field from whoever embeds it.
type Label struct {
	Label string `json:"label" doc:"Label."`
}

type hiding struct{ Label }

// A mistake in the program shows at start.
func TestMistakes(t *testing.T) {
	none := func(context.Context, *struct{}) (*struct{}, error) { return nil, nil }
	op := Op{ID: "x", Method: "GET", Path: "/x", Summary: "X", Tag: "things"}
	with := func(change func(*Op)) Op {
		o := op
		change(&o)
		return o
	}
	for name, do := range map[string]func(*Table){
		"no id":         func(tab *Table) { Add(tab, with(func(o *Op) { o.ID = "" }), none) },
		"id twice":      func(tab *Table) { Add(tab, op, none); Add(tab, with(func(o *Op) { o.Path = "/y" }), none) },
		"no summary":    func(tab *Table) { Add(tab, with(func(o *Op) { o.Summary = "" }), none) },
		"unknown tag":   func(tab *Table) { Add(tab, with(func(o *Op) { o.Tag = "y" }), none) },
		"path":          func(tab *Table) { Add(tab, with(func(o *Op) { o.Path = "/x/{id}" }), none) },
		"body of a GET": func(tab *Table) { add[struct{ Body thing }](tab, op) },
		"untagged":      func(tab *Table) { add[struct{ X int }](tab, op) },
		"bad default": func(tab *Table) {
			add[struct {
				X int `query:"x" default:"y"`
			}](tab, op)
		},
		"bad limit": func(tab *Table) {
			add[struct {
				X int `query:"x" minimum:"y"`
			}](tab, op)
		},
		"default of a list": func(tab *Table) {
			add[struct {
				X []int `query:"x" default:"[1]"`
			}](tab, op)
		},
		"enum of ints": func(tab *Table) {
			add[struct {
				X int `query:"x" enum:"1,2"`
			}](tab, op)
		},
		"no schema": func(tab *Table) {
			add[struct {
				X chan int `query:"x"`
			}](tab, op)
		},
		"hidden field": func(tab *Table) {
			add[struct{ Body hiding }](tab, with(func(o *Op) { o.Method = "POST" }))
		},
		"encodes itself": func(tab *Table) {
			add[struct {
				X selfMade `query:"x"`
			}](tab, op)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was let through")
				}
			}()
			do(table())
		})
	}
}
