package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"compileo/internal/access"
	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/porttest/memory"
)

// them is a tenant beside dataset.LocalTenant.
const them = "them"

// presigning adds requests to blobs in memory: whoever would send one puts the object himself.
type presigning struct{ dataset.Blobs }

func (p presigning) PresignPut(_ context.Context, key string, size int64, kind string, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignPut(key, size, kind, valid); err != nil {
		return dataset.Presigned{}, err
	}
	return dataset.Presigned{Method: "PUT", URL: "memory:" + key, Header: http.Header{"Content-Type": {kind}}, Expires: time.Now().Add(valid)}, nil
}

func (p presigning) PresignGet(_ context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	return dataset.Presigned{Method: "GET", URL: "memory:" + key + "?" + as.Filename, Expires: time.Now().Add(valid)}, nil
}

// world is a service over ports in memory, reached in one of two ways.
type world struct {
	*testing.T
	library *library.Library
	config  Config
	keys    map[string]string // by tenant
	lambda  bool
}

// onBoth runs a test through net/http and through the Lambda adapter.
func onBoth(t *testing.T, change func(*Config), test func(w *world)) {
	for _, lambda := range []bool{false, true} {
		t.Run(map[bool]string{false: "net/http", true: "lambda"}[lambda], func(t *testing.T) {
			m := memory.New(memory.Options{Seed: 1})
			log := slog.New(slog.DiscardHandler)
			l := &library.Library{Table: m.Table, Blobs: presigning{m.Blobs}, Log: log}
			keys := access.Keys{Table: m.Table}
			w := &world{t, l, Config{Table: m.Table, Guard: &access.Guard{Keys: keys}, Library: l, Version: "1", Log: log}, map[string]string{}, lambda}
			for _, tenant := range []dataset.Tenant{dataset.LocalTenant, them} {
				_, secret, err := keys.Create(t.Context(), tenant, "test")
				if err != nil {
					t.Fatal(err)
				}
				w.keys[string(tenant)] = secret
			}
			if lambda {
				w.config.MaxAnswer = 6 << 20
			}
			if change != nil {
				change(&w.config)
			}
			test(w)
		})
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request. Headers are pairs of name and value; the header Tenant says who asks.
func (w *world) call(method, path, body string, header ...string) answer {
	w.Helper()
	a := w.send(method, path, body, header...)
	w.conforms(method, path, a)
	return a
}

func (w *world) send(method, path, body string, header ...string) answer {
	w.Helper()
	h := New(w.config)
	set := map[string]string{"Tenant": string(dataset.LocalTenant)}
	for i := 0; i+1 < len(header); i += 2 {
		set[header[i]] = header[i+1]
	}
	set["X-API-Key"] = w.keys[set["Tenant"]]
	delete(set, "Tenant")
	if w.lambda {
		path, query, _ := strings.Cut(path, "?")
		e := events.APIGatewayV2HTTPRequest{
			RawPath: path, RawQueryString: query, Headers: set, Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true,
		}
		e.RequestContext.HTTP.Method, e.RequestContext.DomainName = method, "example.com"
		resp, err := httpadapter.NewV2(h).ProxyWithContext(w.Context(), e)
		if err != nil {
			w.Fatal(err)
		}
		got := answer{resp.StatusCode, http.Header{}, resp.Body}
		for n, v := range resp.Headers {
			got.header.Set(n, v)
		}
		if resp.IsBase64Encoded {
			raw, err := base64.StdEncoding.DecodeString(resp.Body)
			if err != nil {
				w.Fatal(err)
			}
			got.body = string(raw)
		}
		return got
	}
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for n, v := range set {
		r.Header.Set(n, v)
	}
	client := s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// want calls and holds the status against what is wanted. The result is the body, as JSON.
func (w *world) want(status int, method, path, body string, header ...string) map[string]any {
	w.Helper()
	a := w.call(method, path, body, header...)
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil && a.body != "" {
		w.Fatalf("%s %s: %d, no JSON: %.300s", method, path, a.status, a.body)
	}
	if a.status != status {
		w.Fatalf("%s %s: %d, want %d: %.500s", method, path, a.status, status, a.body)
	}
	if status >= 400 && v["detail"] == "" {
		w.Errorf("%s %s: no detail: %.300s", method, path, a.body)
	}
	return v
}

// says holds members of a JSON object, by paths such as a/0/b, against their values as fmt prints them.
func (w *world) says(v map[string]any, pairs ...any) {
	w.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := fmt.Sprint(at(v, pairs[i].(string))); got != fmt.Sprint(pairs[i+1]) {
			w.Errorf("%s is %.300s, want %v", pairs[i], got, pairs[i+1])
		}
	}
}

func at(v any, path string) any {
	for name := range strings.SplitSeq(path, "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			n := -1
			if _, err := fmt.Sscan(name, &n); err != nil || n < 0 || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}

func (w *world) project(name string) string {
	w.Helper()
	return w.want(201, "POST", "/api/v1/projects", `{"name":"`+name+`"}`)["id"].(string)
}
