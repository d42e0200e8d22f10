package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"compileo/internal/access"
	"compileo/internal/dataset"
	"compileo/internal/rest"
)

// longestPoll is the longest that a client behind the gateway may wait for a job to change.
const longestPoll = 25 * time.Second

// isAPI reports whether a function serves the HTTP API.
func isAPI(function string) bool {
	return slices.Contains([]string{"jobs", "datasets", "library"}, function)
}

// isAPI reports whether a function of the template is called by the gateway.
func (s *samTemplate) isAPI(name string) bool {
	for _, e := range s.Resources[name].Properties.Events {
		if e.Type == "HttpApi" {
			return true
		}
	}
	return false
}

// gatewayRoute is a route of the gateway: a method or ANY, and a path, perhaps with {proxy+} at its end.
type gatewayRoute struct{ method, path, function string }

// routes are the gateway's, as the functions' events make them.
func (s *samTemplate) routes(t *testing.T) (all []gatewayRoute) {
	t.Helper()
	for name, f := range s.functions() {
		for event, e := range f.Events {
			if e.Type != "HttpApi" {
				continue
			}
			p := e.Properties
			if p.ApiId != "Api" {
				t.Errorf("%s of %s is of the API %q", event, name, p.ApiId)
			}
			if p.Path == "" && p.Method == "" {
				p.Method, p.Path = "ANY", "$default"
			}
			all = append(all, gatewayRoute{p.Method, p.Path, name})
		}
	}
	return all
}

// landsOn returns the function to which the gateway takes a request: a route of that very path comes before one that
// ends in {proxy+}, of these the longest, and a route of that very method before ANY; $default is last.
func landsOn(routes []gatewayRoute, method, path string) string {
	best, rank := "", -1
	for _, r := range routes {
		if r.method != method && r.method != "ANY" {
			continue
		}
		n := 0
		stem, greedy := strings.CutSuffix(r.path, "{proxy+}")
		switch {
		case r.path == path:
			n = 1 << 20
		case greedy && len(path) > len(stem) && strings.HasPrefix(path, stem):
			n = 2 * len(stem)
		case r.path != "$default":
			continue
		}
		if r.method != "ANY" {
			n++
		}
		if n > rank {
			best, rank = r.function, n
		}
	}
	return best
}

// operations are the methods of every path of the API's document.
func operations(t *testing.T) map[string][]string {
	t.Helper()
	a, _ := newApp(t, nil)
	w := httptest.NewRecorder()
	a.service().ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	var doc struct{ Paths map[string]map[string]any }
	if err := json.NewDecoder(w.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	paths := map[string][]string{}
	for path, methods := range doc.Paths {
		for method := range methods {
			paths[path] = append(paths[path], strings.ToUpper(method))
		}
	}
	return paths
}

// owner is the function whose affair a path is.
func owner(path string) string {
	rest, _ := strings.CutPrefix(path, "/api/v1/")
	switch first, _, _ := strings.Cut(rest, "/"); first {
	case "jobs", "datasets":
		return resource(first)
	}
	return "LibraryFunction"
}

func TestRoutesLandOnTheirOwners(t *testing.T) {
	s := readTemplate(t)
	routes := s.routes(t)
	check := func(method, path string) {
		if got, want := landsOn(routes, method, path), owner(path); got != want {
			t.Errorf("%s %s lands on %q, want %s", method, path, got, want)
		}
	}
	documented := operations(t)
	for path, methods := range documented {
		var at []string
		for part := range strings.SplitSeq(path, "/") {
			if strings.HasPrefix(part, "{") {
				part = "1"
			}
			at = append(at, part)
		}
		for _, method := range methods {
			check(method, strings.Join(at, "/"))
		}
	}
	if len(documented) < 30 {
		t.Errorf("the document has only %d paths", len(documented))
	}
	for _, path := range []string{"/", "/docs", "/openapi.json", "/api/v1", "/api/v1/jobsworth", "/api/v1/datasets", "/api/v1/datasets/generate", "/api/v1/jobs/1/poll"} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			check(method, path)
		}
	}
	// A throttle is set where a route is of its own, and nowhere else.
	var own []string
	for _, r := range routes {
		if r.method != "ANY" {
			own = append(own, r.method+" "+r.path)
		}
	}
	var throttled []string
	for route, limit := range s.Resources["Api"].Properties.RouteSettings {
		if throttled = append(throttled, route); limit.Rate < 1 || limit.Burst < limit.Rate {
			t.Errorf("%s is throttled to %+v", route, limit)
		}
	}
	same(t, "throttled routes", throttled, own)
	for _, route := range own {
		if method, path, _ := strings.Cut(route, " "); !slices.Contains(documented[path], method) {
			t.Errorf("there is no operation %s", route)
		}
	}
}

// The function by which the routes are held must tell right from wrong.
func TestLandsOn(t *testing.T) {
	routes := []gatewayRoute{
		{"ANY", "$default", "rest"},
		{"ANY", "/a", "a"},
		{"ANY", "/a/{proxy+}", "below a"},
		{"POST", "/a/b/{proxy+}", "post below b"},
		{"GET", "/a/b", "get b"},
	}
	for _, k := range [][3]string{
		{"GET", "/a", "a"},
		{"GET", "/a/b", "get b"},
		{"POST", "/a/b", "below a"},
		{"POST", "/a/b/c", "post below b"},
		{"GET", "/a/b/c", "below a"},
		{"GET", "/ab", "rest"},
		{"GET", "/", "rest"},
	} {
		if got := landsOn(routes, k[0], k[1]); got != k[2] {
			t.Errorf("%s %s lands on %s, want %s", k[0], k[1], got, k[2])
		}
	}
	if got := landsOn(routes[1:], "GET", "/"); got != "" {
		t.Errorf("without a default / lands on %s", got)
	}
}

// readAnswer is what a function says to the gateway.
func readAnswer(t *testing.T, payload []byte) (a events.APIGatewayV2HTTPResponse) {
	t.Helper()
	if err := json.Unmarshal(payload, &a); err != nil {
		t.Fatalf("the gateway cannot read %q: %v", payload, err)
	}
	return a
}

// ask sends a request of the samples, as changed, to a function of a stage.
func ask(t *testing.T, s stage, function, sample string, change func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(event(t, sample), &e); err != nil {
		t.Fatal(err)
	}
	change(&e)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, []byte(s.invoke(t, function, b)))
}

// tellAPI asks every function for what it owns and for what it does not own.
func tellAPI(t *testing.T, s stage) {
	secrets := map[dataset.Tenant]string{}
	for _, tenant := range []dataset.Tenant{sampleJob.Tenant, "other"} {
		_, secret, err := access.Keys{Table: s.engine.Table}.Create(t.Context(), tenant, "story")
		if err != nil {
			t.Fatal(err)
		}
		secrets[tenant] = secret
	}
	for _, function := range []string{"jobs", "datasets", "library"} {
		for _, k := range []struct {
			sample, key string
			status      int
			says        string
		}{
			{"library", "", 200, `"store":"ok"`},
			{"library-docs", "", 200, "<!doctype html>"},
			{"jobs", "", 401, `"detail"`},
			{"jobs", "ck_demo_0123456789abcdef_x", 401, `"detail"`},
			{"jobs", secrets[sampleJob.Tenant], 200, sampleJob.ID},
			{"jobs", secrets["other"], 200, `"total":0`},
			{"datasets", "", 401, `"detail"`},
			{"datasets", secrets[sampleJob.Tenant], 200, "harbour"},
			{"datasets", secrets["other"], 200, `"total":0`},
		} {
			a := ask(t, s, function, k.sample, func(e *events.APIGatewayV2HTTPRequest) {
				if delete(e.Headers, "x-api-key"); k.key != "" {
					e.Headers["x-api-key"] = k.key
				}
			})
			if a.StatusCode != k.status || !strings.Contains(a.Body, k.says) {
				t.Errorf("%s answers %s under %.8q with %d %.300s, want %d and %s", function, k.sample, k.key, a.StatusCode, a.Body, k.status, k.says)
			}
		}
	}
}

// A path comes decoded, wholly or in part, or not at all: it is the same request.
func TestAPIPaths(t *testing.T) {
	a, _ := newApp(t, nil)
	s := stage{invoke: func(t *testing.T, _ string, event []byte) string {
		answer, err := a.API().Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}}
	for path, want := range map[string]string{
		"/api/v1/health/": `"healthy"`, "": `"healthy"`, "/no thing/100%": "at /no thing/100%\"",
		"/no%20thing": "at /no thing\"", "/a?b": "at /a?b\"", "/\x00é": "at /\\u0000é\"",
	} {
		got := ask(t, s, "library", "library", func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = path })
		if !strings.Contains(got.Body, want) {
			t.Errorf("%q is answered by %d %s, want %s", path, got.StatusCode, got.Body, want)
		}
	}
}

// Lambda takes every answer that the service lets through, and the service lets through nearly all that Lambda takes.
func TestAnswersFit(t *testing.T) {
	a, _ := newApp(t, nil)
	for _, k := range []struct {
		unit   string
		coded  int // bytes of it in the gateway's JSON
		spare  int // bytes below the limit
		status int
	}{
		{"a", 1, 1000, 200},
		{"\"", 2, 1000, 200},
		{"<", 6, 1000, 200},
		{"\u2028", 6, 1000, 200},
		{"\xff\xff\xff", 4, 1000, 200}, // as base64
		{"\u2028", 6, -1000, 422},
	} {
		body := strings.Repeat(k.unit, (maxAnswer-k.spare)/k.coded)
		answer, err := a.gateway(rest.Whole(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, body)
		}), maxAnswer)).Invoke(t.Context(), event(t, "library"))
		if err != nil || len(answer) > maxEvent {
			t.Errorf("%d bytes of %q make an answer of %d bytes, %v; want at most %d", len(body), k.unit, len(answer), err, maxEvent)
			continue
		}
		if got := readAnswer(t, answer).StatusCode; got != k.status {
			t.Errorf("%d bytes of %q are answered with %d, want %d", len(body), k.unit, got, k.status)
		}
	}
}

// waiting is a table that answers when nobody waits for it any more.
type waiting struct{ dataset.Table }

func (waiting) Get(ctx context.Context, _, _ string) (dataset.Record, error) {
	<-ctx.Done()
	return dataset.Record{}, ctx.Err()
}

// A request whose time is over is answered before the function's time is.
func TestAPIInTime(t *testing.T) {
	var log bytes.Buffer
	a, _ := newApp(t, &log)
	a.engine.Table = waiting{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), answering)
		defer cancel()
		payload, err := a.API().Invoke(ctx, event(t, "library"))
		if err != nil || ctx.Err() != nil {
			t.Fatalf("answered %s, %v after the function's time: %v", payload, err, ctx.Err())
		}
		if answer := readAnswer(t, payload); answer.StatusCode != http.StatusServiceUnavailable || answer.Headers["Retry-After"] == "" {
			t.Errorf("answered %d %s, want 503 and when to come again", answer.StatusCode, answer.Body)
		}
	})
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), `"route":"/health"`) {
		t.Errorf("a request wrote %d lines: %s", lines, log.String())
	}
}

// The time of the adapter and of a page of nothing.
func BenchmarkAPI(b *testing.B) {
	a, _ := newApp(b, nil)
	h, sample := a.API(), event(b, "library")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Invoke(b.Context(), sample); err != nil {
			b.Fatal(err)
		}
	}
}
