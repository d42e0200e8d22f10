package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

// request is one request of a test, sent through both worlds.
type request struct {
	method, path, body string
	header             map[string]string
	chunked            bool // over net/http, without a length
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) problem(t *testing.T) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%d is no problem: %q", a.status, a.body)
	}
	if p.Status != a.status || p.Detail == "" || p.Title == "" || p.Type == "" || p.Instance == "" || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a problem is not whole: %d %s %q", a.status, a.header.Get("Content-Type"), a.body)
	}
	return p
}

// worlds are the two ways in which a handler is served.
var worlds = map[string]func(*testing.T, http.Handler, request) answer{"net/http": overHTTP, "lambda": overLambda}

func overHTTP(t *testing.T, h http.Handler, k request) answer {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	var body io.Reader = strings.NewReader(k.body)
	if k.chunked {
		body = struct{ io.Reader }{body}
	}
	r, err := http.NewRequest(k.method, s.URL+k.path, body)
	if err != nil {
		t.Fatal(err)
	}
	for n, v := range k.header {
		r.Header.Set(n, v)
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableCompression: true},
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{resp.StatusCode, resp.Header, err.Error()}
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func overLambda(t *testing.T, h http.Handler, k request) answer {
	t.Helper()
	path, query, _ := strings.Cut(k.path, "?")
	e := events.APIGatewayV2HTTPRequest{
		RawPath: RepairPath(path), RawQueryString: query, Headers: map[string]string{},
		Body: base64.StdEncoding.EncodeToString([]byte(k.body)), IsBase64Encoded: true,
	}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path, e.RequestContext.DomainName = k.method, path, "example.com"
	for n, v := range k.header {
		e.Headers[strings.ToLower(n)] = v
	}
	resp, err := httpadapter.NewV2(h).ProxyWithContext(context.Background(), e)
	if err != nil {
		return answer{body: err.Error()}
	}
	a := answer{resp.StatusCode, http.Header{}, resp.Body}
	for n, v := range resp.Headers {
		a.header.Set(n, v)
	}
	if resp.IsBase64Encoded {
		b, err := base64.StdEncoding.DecodeString(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		a.body = string(b)
	}
	return a
}

// silent takes panics that a test expects.
func silent(*http.Request, any, []byte) {}
