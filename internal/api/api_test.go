package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"compileo/internal/access"
	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
	"compileo/internal/rest"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

const golden = "testdata/openapi.json"

// testGuard lets in whoever has the key, as LocalTenant.
var testGuard = &access.Guard{Secret: testKey}

const testKey = "a key of these tests"

// openAPI is the service's document, as a client gets it.
func openAPI(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	New(Config{Guard: testGuard, Version: "1", Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func TestOpenAPI(t *testing.T) {
	got := openAPI(t)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not the document of the routes (%v): look at what changed with go test ./internal/api -run TestOpenAPI -update", golden, err)
	}
}

// Everything in the document says what it is.
func TestEverythingIsDescribed(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(openAPI(t), &doc); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, e := range v {
				walk(fmt.Sprint(at, "/", i), e)
			}
		case map[string]any:
			members, _ := v["properties"].(map[string]any)
			for name, p := range members {
				seen++
				if d, _ := p.(map[string]any)["description"].(string); d == "" {
					t.Errorf("%s/%s has no description: add a doc tag", at, name)
				}
			}
			if _, is := v["in"]; is || strings.HasSuffix(at, "/headers") {
				seen++
				if d, _ := v["description"].(string); d == "" && is {
					t.Errorf("the parameter %v at %s has no description", v["name"], at)
				}
			}
			for name, p := range v {
				walk(at+"/"+name, p)
			}
		}
	}
	walk("", doc)
	if seen < 10 {
		t.Errorf("only %d descriptions were looked at: the walk is broken", seen)
	}
}

// failing is a table that does not answer.
type failing struct{ dataset.Table }

func (failing) Get(context.Context, string, string) (dataset.Record, error) {
	return dataset.Record{}, errors.New("secret-host: connection refused")
}

// serve sends a request through both worlds.
func serve(t *testing.T, h http.Handler, method, path string, header map[string]string, check func(t *testing.T, status int, header http.Header, body string)) {
	t.Helper()
	t.Run("net/http", func(t *testing.T) {
		s := httptest.NewServer(h)
		defer s.Close()
		r, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for n, v := range header {
			r.Header.Set(n, v)
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		check(t, resp.StatusCode, resp.Header, string(body))
	})
	t.Run("lambda", func(t *testing.T) {
		e := events.APIGatewayV2HTTPRequest{RawPath: path, Headers: header}
		e.RequestContext.HTTP.Method, e.RequestContext.DomainName = method, "example.com"
		resp, err := httpadapter.NewV2(h).ProxyWithContext(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		got := http.Header{}
		for n, v := range resp.Headers {
			got.Set(n, v)
		}
		check(t, resp.StatusCode, got, resp.Body)
	})
}

func TestHealth(t *testing.T) {
	store := memory.New(memory.Options{}).Table
	for _, path := range []string{"/health", "/api/v1/health", "/api/v1/health/"} {
		h := New(Config{Guard: testGuard, Table: store, Version: "1.2.3", Log: slog.New(slog.DiscardHandler), MaxAnswer: 1 << 20})
		serve(t, h, "GET", path, nil, func(t *testing.T, status int, header http.Header, body string) {
			if status != 200 || body != `{"status":"healthy","version":"1.2.3","store":"ok"}`+"\n" {
				t.Errorf("%s: %d %s", path, status, body)
			}
			if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Request-Id") == "" {
				t.Errorf("%s: %v", path, header)
			}
		})
	}
	serve(t, New(Config{Guard: testGuard, Table: failing{}, Log: slog.New(slog.DiscardHandler)}), "GET", "/health", nil, func(t *testing.T, status int, header http.Header, body string) {
		if status != 503 || header.Get("Retry-After") != "2" || strings.Contains(body, "secret") {
			t.Errorf("%d %s", status, body)
		}
	})
}

func TestProblems(t *testing.T) {
	several := &dataset.Error{Kind: dataset.Invalid, Detail: "two things", Fields: []dataset.Field{{Pointer: "/a", Reason: "is wrong"}, {Pointer: "page", Reason: "is late"}}}
	for _, k := range []struct {
		err    error
		status int
		detail string
		wrong  []rest.Wrong
		retry  string
	}{
		{dataset.InvalidField("/a/b", "must be small"), 422, "/a/b must be small", []rest.Wrong{{Pointer: "/a/b", Reason: "must be small"}}, ""},
		{several, 422, "/a is wrong (1 more in errors)", []rest.Wrong{{Pointer: "/a", Reason: "is wrong"}, {Parameter: "page", Reason: "is late"}}, ""},
		{dataset.Errorf(dataset.Invalid, "no such thing can be"), 422, "no such thing can be", nil, ""},
		{fmt.Errorf("while reading: %w", dataset.Errorf(dataset.NotFound, "there is no project 7: %w", errors.New("secret"))), 404, "there is no project 7", nil, ""},
		{dataset.Errorf(dataset.Conflict, "job x runs"), 409, "job x runs", nil, ""},
		{dataset.Errorf(dataset.Stale, "it is 1-2 now"), 412, "it is 1-2 now", nil, ""},
		{&dataset.Refused{At: []int{1}}, 409, "it was changed meanwhile: read it again, then decide", nil, ""},
		{dataset.Errorf(dataset.Throttled, "secret"), 429, "too many requests at once: try again later", nil, "2"},
		{dataset.Errorf(dataset.Unavailable, "secret"), 503, "a part of the service is not available: try again later", nil, "2"},
		{context.DeadlineExceeded, 503, "a part of the service is not available: try again later", nil, "2"},
		{dataset.Errorf(dataset.Internal, "secret"), 500, "something went wrong here; the log has it under the request's X-Request-Id", nil, ""},
		{errors.New("secret"), 500, "something went wrong here; the log has it under the request's X-Request-Id", nil, ""},
	} {
		p := problem(httptest.NewRequest("POST", "/", nil), k.err)
		if p.Status != k.status || p.Detail != k.detail || !slices.Equal(p.Errors, k.wrong) || p.Header.Get("Retry-After") != k.retry {
			t.Errorf("%v: %d %q %v %v", k.err, p.Status, p.Detail, p.Errors, p.Header)
		}
	}
}

func TestLog(t *testing.T) {
	var lines bytes.Buffer
	at := time.Now()
	step := func() time.Time { at = at.Add(1500 * time.Microsecond); return at }
	tab := rest.New(rest.Config{Problem: problem, Use: []rest.Middleware{noted}, Tags: tags})
	rest.Add(tab, rest.Op{ID: "x", Method: "GET", Path: "/x/{id}", Summary: "X", Tag: "jobs"}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	},
	) (*struct{}, error) {
		callOf(ctx).tenant = "acme"
		switch in.ID {
		case "panic":
			panic("oh")
		case "fail":
			return nil, errors.New("the cause")
		}
		return nil, nil
	})
	h := logged(rest.Guard(tab, func(*http.Request, any, []byte) {}), slog.New(slog.NewJSONHandler(&lines, nil)), step)
	for _, k := range []struct {
		path, id string
		want     map[string]any
	}{
		{"/x/hidden", "abc", map[string]any{"level": "INFO", "msg": "request", "method": "GET", "route": "/x/{id}", "status": 204.0, "ms": 1.5, "bytes": 0.0, "tenant": "acme", "request": "abc"}},
		{"/nope/hidden?key=hidden", "", map[string]any{"level": "INFO", "route": "", "status": 404.0, "tenant": ""}},
		{"/x/fail", "not an id\n", map[string]any{"level": "ERROR", "status": 500.0, "error": "the cause"}},
		{"/x/panic", "", map[string]any{"level": "ERROR", "status": 500.0}},
	} {
		lines.Reset()
		r := httptest.NewRequest("GET", k.path, nil)
		r.Header.Set("X-Request-Id", k.id)
		r.Header.Set("X-API-Key", "hidden")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got map[string]any
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatalf("%s: not one line: %s", k.path, lines.String())
		}
		for name, v := range k.want {
			if got[name] != v {
				t.Errorf("%s: %s is %v, want %v", k.path, name, got[name], v)
			}
		}
		if strings.Contains(lines.String(), "hidden") || got["request"] != w.Header().Get("X-Request-Id") || got["request"] == "not an id\n" {
			t.Errorf("%s: %s", k.path, lines.String())
		}
	}
}

// Templates are heavy, and what links them is not thinned out by the linker.
func TestLinksNoTemplates(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "compileo/internal/api").CombinedOutput()
	if err != nil {
		t.Skipf("go list: %v: %s", err, out)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if dep == "html/template" || dep == "text/template" {
			t.Errorf("the service links %s", dep)
		}
	}
}
