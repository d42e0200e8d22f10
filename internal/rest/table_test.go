package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// thing has a member of every sort.
type thing struct {
	Project  ref            `json:"project_id" doc:"Number or name." example:"1"`
	Name     string         `json:"name,omitempty" doc:"Name." default:"qa" maxLength:"10" minLength:"1"`
	Mode     string         `json:"mode,omitempty" doc:"Mode." default:"default" enum:"default,question"`
	Code     string         `json:"code,omitempty" doc:"Code." pattern:"^[a-z]+$"`
	Count    int            `json:"count,omitempty" doc:"Count." default:"1" minimum:"1" maximum:"1000"`
	Small    uint8          `json:"small,omitempty" doc:"Small." minimum:"0" maximum:"200"`
	Share    float64        `json:"share,omitempty" doc:"Share." default:"0.7" minimum:"0" maximum:"1"`
	On       bool           `json:"on,omitempty" doc:"On." default:"true"`
	Maybe    *bool          `json:"maybe,omitempty" doc:"Maybe."`
	Ratios   []float64      `json:"ratios,omitempty" doc:"Ratios." minItems:"2" maxItems:"3" minimum:"0" maximum:"1"`
	Quotas   map[string]int `json:"quotas,omitempty" doc:"Quotas." `
	Inner    *inner         `json:"inner,omitempty" doc:"Inner."`
	Tree     []inner        `json:"tree,omitempty" doc:"Tree."`
	Anything any            `json:"anything,omitempty" doc:"Anything."`
	When     *time.Time     `json:"when,omitempty" doc:"When."`
}

type inner struct {
	Label    string  `json:"label" doc:"Label." minLength:"1"`
	Children []inner `json:"children,omitempty" doc:"Children."`
}

// ref is a number or a string.
type ref string

func (r *ref) UnmarshalJSON(b []byte) error {
	var v any
	_ = json.Unmarshal(b, &v) // it is JSON
	switch v {
	case 1.0, "1", "one": // 1.0 and "\u0031" too, as in the schema
		*r = ref(fmt.Sprint(v))
		return nil
	}
	return errors.New("must be 1 or one")
}

func (ref) Schema() *Schema {
	return &Schema{AnyOf: []*Schema{{Enum: []any{1}, Type: "integer"}, {Enum: []any{"1", "one"}, Type: "string"}}}
}

type paging struct {
	Page    int      `query:"page" doc:"Page from 1." default:"1" minimum:"1" maximum:"10000"`
	PerPage *int     `query:"per_page" doc:"A page." minimum:"1" maximum:"1000"`
	Fields  []string `query:"fields" doc:"Fields." enum:"id,name" maxItems:"2"`
	Deep    bool     `query:"deep" doc:"Deep."`
	Least   float64  `query:"least" doc:"Least." minimum:"0" maximum:"1"`
	Sort    string   `query:"sort" doc:"Order." enum:"up,down" default:"up"`
}

type listed struct {
	paging
	ID string `path:"id" doc:"Id." pattern:"^[a-z0-9/% ]+$"`
}

type echo struct {
	Thing *thing   `json:"thing,omitempty" doc:"As it was read."`
	Page  int      `json:"page" doc:"Page."`
	ID    string   `json:"id,omitempty" doc:"Id."`
	List  []string `json:"list" doc:"A list that the handler leaves nil."`
}

type echoed struct {
	Location string `header:"Location" doc:"Where it is."`
	ETag     string `header:"ETag" doc:"State."`
	Status   int
	Body     echo
}

var errSecret = errors.New("dynamodb: table secret-name not found")

func table(use ...Middleware) *Table {
	t := New(Config{
		Title: "Test", Version: "1", Tags: []Tag{{"things", "Things."}}, Use: use,
		Headers: func(op *Op) []Header {
			if op.Method != http.MethodPost {
				return nil
			}
			return []Header{{"Idempotency-Key", "Makes repeating harmless.", "abc"}}
		},
		Security: []Security{{Name: "key", Type: "apiKey", In: "header", Header: "X-API-Key", Description: "A key."}},
	})
	Add(t, Op{ID: "make", Method: "POST", Path: "/things", Summary: "Make", Tag: "things", Status: 202},
		func(_ context.Context, in *struct{ Body thing }) (*echoed, error) {
			return &echoed{Location: "/things/1", Body: echo{Thing: &in.Body}}, nil
		})
	Add(t, Op{ID: "list", Method: "GET", Path: "/things/{id}/parts", Also: []string{"/parts/{id}"}, Summary: "List", Tag: "things", Public: true},
		func(_ context.Context, in *listed) (*echoed, error) {
			switch in.ID {
			case "none":
				return nil, Problemf(404, "there is no thing none")
			case "broken":
				return nil, errSecret
			case "slow":
				return nil, Problemf(429, "too fast").After(1500 * time.Millisecond)
			case "other":
				return &echoed{Status: 203}, nil
			}
			return &echoed{ETag: `"7"`, Body: echo{Page: in.Page, ID: in.ID}}, nil
		})
	Add(t, Op{ID: "change", Method: "PUT", Path: "/things/{id}", Summary: "Change", Tag: "things"},
		func(_ context.Context, in *struct {
			ID      string `path:"id" doc:"Id."`
			IfMatch string `header:"If-Match" doc:"State."`
			Body    *inner
		},
		) (*echoed, error) {
			return &echoed{Body: echo{ID: in.IfMatch}}, nil
		})
	Add(t, Op{ID: "remove", Method: "DELETE", Path: "/things/{id}", Summary: "Remove", Tag: "things"},
		func(_ context.Context, in *struct {
			ID string `path:"id" doc:"Id."`
		},
		) (*struct{}, error) {
			return nil, nil
		})
	return t
}

const whole = `{"project_id":1,"name":null,"mode":"question","code":"abc","count":3.0,"small":7,"share":1,"on":false,"maybe":true,` +
	`"ratios":[0.8,0.2],"quotas":{"a":1},"inner":{"label":"x","children":[{"label":"y"}]},"tree":[],"anything":{"a":[null]},"when":"2026-01-21T10:30:00Z"}`

func TestRequests(t *testing.T) {
	h := Guard(table(), silent)
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for _, k := range []struct {
		name   string
		r      request
		status int
		wrong  []string // what each fault says; "" at a success: part of the body
	}{
		{"whole", request{"POST", "/things", whole, nil, false}, 202, []string{`"mode":"question"`, `"share":1,`, `"name":"qa"`, `"maybe":true`, `"list":[]`}},
		{"least", request{"POST", "/things", `{"project_id":"one"}`, nil, false}, 202, []string{`"on":true`, `"share":0.7`, `"count":1`}},
		{"slash", request{"POST", "/things/", `{"project_id":1}`, nil, false}, 202, nil},
		{"nulls", request{"POST", "/things", `{"project_id":1,"count":null,"ratios":null,"inner":null,"anything":null,"when":null}`, nil, false}, 202, []string{`"count":1`}},
		{"no content type", request{"POST", "/things", `{"project_id":1}`, map[string]string{"Content-Type": ""}, false}, 202, nil},
		{"charset", request{"POST", "/things", `{"project_id":1}`, map[string]string{"Content-Type": "Application/JSON; charset=utf-8"}, false}, 202, nil},
		{"required null", request{"POST", "/things", `{"project_id":null}`, nil, false}, 422, []string{"/project_id is required"}},
		{"missing", request{"POST", "/things", `{}`, nil, false}, 422, []string{"/project_id is required"}},
		{"null", request{"POST", "/things", `null`, nil, false}, 422, []string{"the body must not be null"}},
		{"array", request{"POST", "/things", `[{"a":[]}]`, nil, false}, 422, []string{"the body must be an object"}},
		{"empty", request{"POST", "/things", ``, nil, false}, 400, nil},
		{"cut", request{"POST", "/things", `{"a":`, nil, false}, 400, nil},
		{"more", request{"POST", "/things", `{"project_id":1} x`, nil, false}, 400, nil},
		{"no UTF-8", request{"POST", "/things", "{\"project_id\":1,\"name\":\"\xff\"}", nil, false}, 400, nil},
		{"text", request{"POST", "/things", `{"project_id":1}`, map[string]string{"Content-Type": "text/plain"}, false}, 415, nil},
		{"form", request{"POST", "/things", `a=1`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, false}, 415, nil},
		{"encoded", request{"POST", "/things", `{"project_id":1}`, map[string]string{"Content-Encoding": "gzip"}, false}, 415, nil},
		{"several", request{"POST", "/things", `{"project_id":true,"count":"x","small":1.5,"share":2,"mode":"csv","code":"A1","on":"yes","ratios":[0.8,2,"a"],"quotas":{"a/b":[1]},"nope":{"a":1},"inner":{},"tree":[null,{"label":"","children":3}],"when":"soon"}`, nil, false}, 422, []string{
			"/project_id must be 1 or one", "/count must be an integer", "/small must be an integer", "/share must be at most 1",
			"/mode must be one of default, question", "/code must match ^[a-z]+$", "/on must be true or false", "/ratios/1 must be at most 1",
			"/ratios/2 must be a number", "/quotas/a~1b must be an integer", "/nope is not known", "/inner/label is required", "/tree/0 must not be null",
			"/tree/1/label must not be empty", "/tree/1/children must be an array", "/when must be a time such as 2026-01-21T10:30:00Z",
		}},
		{"pointers", request{"POST", "/things", `{"project_id":1,"a.b":1,"a/b":2,"c~d":3,"":4}`, nil, false}, 422, []string{"/a.b is not known", "/a~1b is not known", "/c~0d is not known", "/ is not known"}},
		{"twice", request{"POST", "/things", `{"project_id":1,"count":2,"count":3,"quotas":{"a":1,"a":2}}`, nil, false}, 422, []string{"/count is given twice", "/quotas/a is given twice"}},
		{"case", request{"POST", "/things", `{"project_id":1,"Count":3}`, nil, false}, 422, []string{"/Count is not known"}},
		{"items", request{"POST", "/things", `{"project_id":1,"ratios":[1]}`, nil, false}, 422, []string{"/ratios must have at least 2 items"}},
		{"too many items", request{"POST", "/things", `{"project_id":1,"ratios":[1,1,1,1]}`, nil, false}, 422, []string{"/ratios must have at most 3 items"}},
		{"long", request{"POST", "/things", `{"project_id":1,"name":"äöüäöüäöüä!"}`, nil, false}, 422, []string{"/name must have at most 10 characters"}},
		{"just not long", request{"POST", "/things", `{"project_id":1,"name":"äöüäöüäöüä"}`, nil, false}, 202, nil},
		{"huge", request{"POST", "/things", `{"project_id":1,"count":1e400}`, nil, false}, 422, []string{"/count is too large"}},
		{"huge share", request{"POST", "/things", `{"project_id":1,"share":1e400}`, nil, false}, 422, []string{"/share is too large"}},
		{"huge exponent", request{"POST", "/things", `{"project_id":1,"count":1e99999999}`, nil, false}, 422, []string{"/count is too large"}},
		{"not exact", request{"POST", "/things", `{"project_id":1,"quotas":{"a":9007199254740991,"b":9007199254740993}}`, nil, false}, 422, []string{"/quotas/b is too large"}},
		{"byte", request{"POST", "/things", `{"project_id":1,"small":300}`, nil, false}, 422, []string{"/small is out of range"}},
		{"deep", request{"POST", "/things", `{"project_id":1,"anything":` + deep + `}`, nil, false}, 422, []string{"the body must not nest deeper than 256"}},
		{"large", request{"POST", "/things", `{"project_id":1,"name":"` + strings.Repeat("x", 2<<20) + `"}`, nil, false}, 413, nil},
		{"large, chunked", request{"POST", "/things", `{"project_id":1,"name":"` + strings.Repeat("x", 2<<20) + `"}`, nil, true}, 413, nil},
		{"at the limit", request{"POST", "/things", `{"project_id":1}` + strings.Repeat(" ", 1<<20-16), nil, false}, 202, nil},
		{"nothing there", request{"GET", "/nope", "", nil, false}, 404, nil},
		{"nothing there, slash", request{"GET", "/nope/", "", nil, false}, 404, nil},
		{"method", request{"DELETE", "/things", "", nil, false}, 405, nil},
		{"method, slash", request{"DELETE", "/things/", "", nil, false}, 405, nil},
		{"list", request{"GET", "/things/a/parts?page=2&per_page=7&fields=id,name&deep=True&least=0.5&sort=down", "", nil, false}, 200, []string{`"page":2`}},
		{"list, alias", request{"GET", "/parts/a/", "", nil, false}, 200, []string{`"page":1`}},
		{"slashes", request{"GET", "//things//a/parts//", "", nil, false}, 200, []string{`"page":1`}},
		{"escaped", request{"GET", "/things/a%2Fb/parts/", "", nil, false}, 200, []string{`"id":"a/b"`}},
		{"escaped percent", request{"GET", "/things/100%25/parts", "", nil, false}, 200, []string{`"id":"100%"`}},
		{"dots", request{"GET", "/things/x/../a/parts", "", nil, false}, 200, []string{`"id":"a"`}},
		{"query", request{"GET", "/things/A/parts?page=0&per_page=x&sort=foo&least=NaN&deep=maybe&fields=id,nope&zz=1&aa=", "", nil, false}, 422, []string{
			"page must be at least 1", "per_page must be an integer", `fields "nope" must be one of id, name`, "deep must be true or false",
			"least must be a number", "sort must be one of up, down", "id must match ^[a-z0-9/% ]+$", "aa is not known", "zz is not known",
		}},
		{"hexadecimal", request{"GET", "/things/a/parts?page=0x10", "", nil, false}, 422, []string{"page must be an integer"}},
		{"empty parameter", request{"GET", "/things/a/parts?page=", "", nil, false}, 422, []string{"page must be an integer"}},
		{"parameter twice", request{"GET", "/things/a/parts?page=1&page=2", "", nil, false}, 422, []string{"page is given twice"}},
		{"broken query", request{"GET", "/things/a/parts?page=%zz", "", nil, false}, 400, nil},
		{"no UTF-8 in query", request{"GET", "/things/a/parts?sort=%ff", "", nil, false}, 422, []string{"sort must be UTF-8"}},
		{"handler says", request{"GET", "/things/none/parts", "", nil, false}, 404, nil},
		{"handler fails", request{"GET", "/things/broken/parts", "", nil, false}, 500, nil},
		{"another success", request{"GET", "/things/other/parts", "", nil, false}, 203, nil},
		{"unchanged", request{"GET", "/things/a/parts", "", map[string]string{"If-None-Match": `"3", W/"7"`}, false}, 304, nil},
		{"changed", request{"GET", "/things/a/parts", "", map[string]string{"If-None-Match": `"3"`}, false}, 200, nil},
		{"header with commas", request{"PUT", "/things/1", `{"label":"x"}`, map[string]string{"If-Match": `"7", "1"`}, false}, 200, []string{`"id":"\"7\", \"1\""`}},
		{"optional body", request{"PUT", "/things/1", ``, nil, false}, 200, nil},
		{"optional body, null", request{"PUT", "/things/1", ` null `, nil, false}, 200, nil},
		{"optional body, wrong", request{"PUT", "/things/1", `{}`, nil, false}, 422, []string{"/label is required"}},
		{"nothing to say", request{"DELETE", "/things/1", ``, nil, false}, 204, nil},
	} {
		for world, send := range worlds {
			t.Run(k.name+"/"+world, func(t *testing.T) {
				a := send(t, h, k.r)
				if a.status != k.status {
					t.Fatalf("status %d, want %d: %.300s", a.status, k.status, a.body)
				}
				if a.status < 400 {
					for _, part := range k.wrong {
						if !strings.Contains(a.body, part) {
							t.Errorf("%s is not in %s", part, a.body)
						}
					}
					return
				}
				var got []string
				for _, w := range a.problem(t).Errors {
					got = append(got, w.String())
				}
				slices.Sort(got)
				slices.Sort(k.wrong)
				if !slices.Equal(got, k.wrong) {
					t.Errorf("faults\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(k.wrong, "\n"))
				}
				if strings.Contains(a.body, "secret") {
					t.Errorf("the answer tells of the inside: %s", a.body)
				}
			})
		}
	}
}

func TestHeaders(t *testing.T) {
	h := Guard(table(), silent)
	for world, send := range worlds {
		t.Run(world, func(t *testing.T) {
			for _, k := range []struct {
				r          request
				status     int
				name, want string
			}{
				{request{method: "POST", path: "/things", body: `{"project_id":1}`}, 202, "Location", "/things/1"},
				{request{method: "POST", path: "/things", body: `{"project_id":1}`}, 202, "Content-Type", "application/json"},
				{request{method: "POST", path: "/things", body: `{"project_id":1}`}, 202, "ETag", ""},
				{request{method: "GET", path: "/things/a/parts"}, 200, "ETag", `"7"`},
				{request{method: "GET", path: "/things/slow/parts"}, 429, "Retry-After", "2"},
				{request{method: "GET", path: "/things/"}, 405, "Allow", "POST, OPTIONS"},
				{request{method: "PATCH", path: "/things/a/parts/"}, 405, "Allow", "GET, HEAD, OPTIONS"},
				{request{method: "OPTIONS", path: "/things/a/parts/"}, 204, "Allow", "GET, HEAD, OPTIONS"},
				{request{method: "OPTIONS", path: "/nope"}, 404, "Allow", ""},
				{request{method: "HEAD", path: "/things/a/parts"}, 200, "ETag", `"7"`},
			} {
				a := send(t, h, k.r)
				if a.status != k.status || a.header.Get(k.name) != k.want {
					t.Errorf("%s %s: %d %s %q, want %d %q", k.r.method, k.r.path, a.status, k.name, a.header.Get(k.name), k.status, k.want)
				}
				if k.r.method == http.MethodHead && a.body != "" {
					t.Errorf("HEAD has the body %q", a.body)
				}
			}
		})
	}
}

// Paths of which neither is the more special one stand side by side; the one that was added first serves what both match.
func TestPathsBesideEachOther(t *testing.T) {
	tab := table()
	say := func(id, method, path string) {
		Add(tab, Op{ID: id, Method: method, Path: path, Summary: id, Tag: "things"}, func(context.Context, *struct {
			X string `path:"x" doc:"X."`
		},
		) (*struct{ Body string }, error) {
			return &struct{ Body string }{id}, nil
		})
	}
	say("named", "GET", "/sets/list/{x}")
	say("entries", "GET", "/sets/{x}/entries")
	say("edit", "PUT", "/sets/{x}/entries")
	for world, send := range worlds {
		for path, want := range map[string]string{"/sets/list/1": "named", "/sets/1/entries": "entries", "/sets/list/entries": "named"} {
			if a := send(t, tab, request{method: "GET", path: path}); a.status != 200 || a.body != `"`+want+`"`+"\n" {
				t.Errorf("%s: %s: %d %s, want %s", world, path, a.status, a.body, want)
			}
		}
		if a := send(t, tab, request{method: "POST", path: "/sets/list/entries"}); a.status != 405 || a.header.Get("Allow") != "GET, HEAD, PUT, OPTIONS" {
			t.Errorf("%s: %d %q", world, a.status, a.header.Get("Allow"))
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a path can be added twice")
		}
	}()
	tab.Handle("GET /sets/{id}/entries", nil)
}
