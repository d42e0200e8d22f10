package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// A handler may do what net/http allows: the Lambda adapter sees the same.
func TestGuard(t *testing.T) {
	for _, k := range []struct {
		name   string
		h      http.HandlerFunc
		status int
		body   string
	}{
		{"writes nothing", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"writes no status", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, 200, "x"},
		{"two statuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); w.WriteHeader(500) }, 202, ""},
		{"panics", func(http.ResponseWriter, *http.Request) { panic("secret") }, 500, "something went wrong"},
		{"panics after its header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("ETag", "x")
			panic("secret")
		}, 500, "something went wrong"},
		{"aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 500, "something went wrong"},
	} {
		for world, send := range worlds {
			t.Run(k.name+"/"+world, func(t *testing.T) {
				told := 0
				h := Guard(k.h, func(*http.Request, any, []byte) { told++ })
				a := send(t, h, request{method: "GET", path: "/"})
				if a.status != k.status || !strings.Contains(a.body, k.body) || strings.Contains(a.body, "secret") || a.header.Get("ETag") != "" {
					t.Errorf("%d %q", a.status, a.body)
				}
				if want := strings.HasPrefix(k.name, "panics"); want != (told == 1) {
					t.Errorf("told of %d panics", told)
				}
			})
		}
	}
}

// What breaks off must not look whole.
func TestBrokenStream(t *testing.T) {
	tab := table()
	Add(tab, Op{ID: "half", Method: "GET", Path: "/half", Summary: "Half", Tag: "things", Answers: []Answer{{Status: 200, Type: "text/plain"}}},
		func(context.Context, *struct{}) (*Stream, error) {
			return &Stream{func(w http.ResponseWriter, _ *http.Request) error {
				_, _ = io.WriteString(w, strings.Repeat("half ", 2000))
				return errSecret
			}}, nil
		})
	Add(tab, Op{ID: "none", Method: "GET", Path: "/none", Summary: "None", Tag: "things", Answers: []Answer{{Status: 200, Type: "text/plain"}}},
		func(context.Context, *struct{}) (*Stream, error) {
			return &Stream{func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Disposition", "attachment")
				return Problemf(404, "the file is gone")
			}}, nil
		})
	h := Guard(Gzip(tab), silent)
	for _, header := range []map[string]string{nil, {"Accept-Encoding": "gzip"}} {
		a := overHTTP(t, h, request{method: "GET", path: "/half", header: header})
		if !strings.Contains(a.body, "EOF") {
			t.Errorf("half a file looks whole: %d %.50q", a.status, a.body)
		}
		a = overLambda(t, Whole(h, 1<<20), request{method: "GET", path: "/half", header: header})
		if a.status != 500 || strings.Contains(a.body, "half ") {
			t.Errorf("half a file in Lambda: %d %.50q", a.status, a.body)
		}
		a.problem(t)
		for world, send := range worlds {
			a = send(t, h, request{method: "GET", path: "/none", header: header})
			if p := a.problem(t); a.status != 404 || p.Detail != "the file is gone" || a.header.Get("Content-Disposition") != "" {
				t.Errorf("%s: %d %v %v", world, a.status, p, a.header)
			}
		}
	}
}

func TestStreams(t *testing.T) {
	tab := table()
	answers := []Answer{{Status: 200, Type: "text/plain"}, {Status: 302}}
	Add(tab, Op{ID: "go", Method: "GET", Path: "/go", Summary: "Go", Tag: "things", Answers: answers},
		func(context.Context, *struct{}) (*Stream, error) {
			return Redirect(302, "https://example.com/x?y=1"), nil
		})
	Add(tab, Op{ID: "say", Method: "GET", Path: "/say", Summary: "Say", Tag: "things", Answers: answers},
		func(context.Context, *struct{}) (*Stream, error) {
			return JSON(202, map[string]string{"a": "<b>"}), nil
		})
	for world, send := range worlds {
		if a := send(t, Guard(tab, silent), request{method: "GET", path: "/go/"}); a.status != 302 || a.header.Get("Location") != "https://example.com/x?y=1" {
			t.Errorf("%s: %d %v", world, a.status, a.header)
		}
		if a := send(t, Guard(tab, silent), request{method: "GET", path: "/say"}); a.status != 202 || a.body != "{\"a\":\"<b>\"}\n" {
			t.Errorf("%s: %d %q", world, a.status, a.body)
		}
	}
}

// Events arrive one by one; where they cannot, the handler is told.
func TestEvents(t *testing.T) {
	next := make(chan string, 2)
	tab := table()
	Add(tab, Op{ID: "events", Method: "GET", Path: "/events", Summary: "Events", Tag: "things", Answers: []Answer{{Status: 200, Type: "text/event-stream"}}},
		func(context.Context, *struct{}) (*Stream, error) {
			return &Stream{func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/event-stream")
				for s := range next {
					_, _ = fmt.Fprintf(w, "data: %s\n\n", s)
					if errors.Is(http.NewResponseController(w).Flush(), http.ErrNotSupported) {
						_, _ = io.WriteString(w, "retry: 3000\n\n")
						return nil
					}
				}
				return nil
			}}, nil
		})
	h := Guard(Gzip(tab), silent)
	s := httptest.NewServer(h)
	defer s.Close()
	next <- "one"
	resp, err := http.Get(s.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Scan()
	if lines.Text() != "data: one" { // arrives while the handler still runs
		t.Fatal(lines.Text())
	}
	next <- "two"
	next <- "three"
	a := overLambda(t, Whole(h, 1<<20), request{method: "GET", path: "/events"})
	if !strings.HasPrefix(a.body, "data: t") || !strings.HasSuffix(a.body, "retry: 3000\n\n") {
		t.Errorf("%q", a.body)
	}
	close(next)
	for lines.Scan() {
	}
}

func TestGzip(t *testing.T) {
	long := strings.Repeat("The same again. ", 1000)
	send := func(kind, body string, pieces int, header map[string]string) http.Handler {
		return Guard(Gzip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for n, v := range header {
				w.Header().Set(n, v)
			}
			for i := range pieces {
				_, _ = io.WriteString(w, body[i*len(body)/pieces:(i+1)*len(body)/pieces])
			}
		})), silent)
	}
	accept := map[string]string{"Accept-Encoding": "br, gzip;q=0.5"}
	for _, k := range []struct {
		name string
		h    http.Handler
		r    request
		want bool
		body string
	}{
		{"json", send("application/json", long, 1, nil), request{method: "GET", path: "/", header: accept}, true, long},
		{"in pieces", send("text/plain; charset=utf-8", long, 999, nil), request{method: "GET", path: "/", header: accept}, true, long},
		{"with a length", send("application/x-ndjson", long, 3, map[string]string{"Content-Length": fmt.Sprint(len(long))}), request{method: "GET", path: "/", header: accept}, true, long},
		{"small", send("application/json", "{}", 1, nil), request{method: "GET", path: "/", header: accept}, false, "{}"},
		{"small with a length", send("application/json", "{}", 1, map[string]string{"Content-Length": "2"}), request{method: "GET", path: "/", header: accept}, false, "{}"},
		{"empty", send("application/json", "", 1, nil), request{method: "GET", path: "/", header: accept}, false, ""},
		{"not accepted", send("application/json", long, 1, nil), request{method: "GET", path: "/"}, false, long},
		{"refused", send("application/json", long, 1, nil), request{method: "GET", path: "/", header: map[string]string{"Accept-Encoding": "gzip;q=0, br"}}, false, long},
		{"HEAD", send("application/json", long, 1, nil), request{method: "HEAD", path: "/", header: accept}, false, ""},
		{"not twice", send("application/json", long, 1, map[string]string{"Content-Encoding": "x"}), request{method: "GET", path: "/", header: accept}, false, long},
		{"image", send("image/png", long, 1, nil), request{method: "GET", path: "/", header: accept}, false, long},
		{"zip", send("application/zip", long, 1, nil), request{method: "GET", path: "/", header: accept}, false, long},
		{"ranges", send("text/plain", long, 1, map[string]string{"Accept-Ranges": "bytes"}), request{method: "GET", path: "/", header: accept}, false, long},
	} {
		for world, send := range worlds {
			t.Run(k.name+"/"+world, func(t *testing.T) {
				a := send(t, k.h, k.r)
				if got := a.header.Get("Content-Encoding") == "gzip"; got != k.want || a.status != 200 {
					t.Fatalf("%d %v", a.status, a.header)
				}
				if k.want {
					z, err := gzip.NewReader(strings.NewReader(a.body))
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(z)
					if err != nil {
						t.Fatal(err)
					}
					a.body = string(b)
				}
				if a.body != k.body {
					t.Errorf("%d bytes, want %d", len(a.body), len(k.body))
				}
			})
		}
	}
}

// An answer that no gateway takes is refused with advice.
func TestWhole(t *testing.T) {
	for _, k := range []struct {
		name, body string
		gzip       bool
		status     int
	}{
		{"fits", strings.Repeat("x", 900), false, 200},
		{"does not fit", strings.Repeat("x", 1100), false, 422},
		{"escapes do not fit", strings.Repeat(`"`, 600), false, 422},
		{"base64 does not fit", strings.Repeat("\xff", 800), false, 422},
		{"compressed fits", strings.Repeat("x", 100_000), true, 200},
	} {
		h := Whole(Guard(Gzip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, k.body)
		})), silent), 1000)
		r := request{method: "GET", path: "/"}
		if k.gzip {
			r.header = map[string]string{"Accept-Encoding": "gzip"}
		}
		a := overLambda(t, h, r)
		if a.status != k.status {
			t.Errorf("%s: %d", k.name, a.status)
		}
		if a.status == 422 {
			if p := a.problem(t); !strings.Contains(p.Detail, "per_page") {
				t.Errorf("no advice: %s", p.Detail)
			}
		}
	}
}

type upload struct {
	Files   []File `json:"files" doc:"The files."`
	Project string `json:"project_id" doc:"Project."`
}

func formTable() *Table {
	tab := table()
	Add(tab, Op{ID: "upload", Method: "POST", Path: "/upload", Summary: "Upload", Tag: "things", Limit: 1 << 20, TooLarge: "ask for a presigned upload"},
		func(_ context.Context, in *struct{ Body Form[upload] }) (*echoed, error) {
			out := &echoed{}
			for part, err := range in.Body.Parts() {
				if err != nil {
					return nil, err
				}
				if part.Name == "project_id" {
					if out.Body.ID, err = part.Text(10); err != nil {
						return nil, err
					}
					continue
				}
				n, err := io.Copy(io.Discard, part)
				if err != nil {
					return nil, err
				}
				out.Body.List = append(out.Body.List, fmt.Sprint(part.Filename, " ", part.Type, " ", n))
			}
			return out, nil
		})
	return tab
}

func form(project string, size int) (body, kind string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	_ = m.WriteField("project_id", project)
	f, _ := m.CreateFormFile("files", "../up/ä.txt")
	_, _ = f.Write(bytes.Repeat([]byte("\x00"), size))
	_ = m.Close()
	return b.String(), m.FormDataContentType()
}

func TestForm(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	h := Guard(formTable(), silent)
	good, kind := form("p1", 100_000)
	large, kindLarge := form("p1", 2<<20)
	long, kindLong := form("a long project", 1)
	for _, k := range []struct {
		name    string
		body    string
		kind    string
		chunked bool
		status  int
		says    string
	}{
		{"good", good, kind, false, 200, `"list":["ä.txt application/octet-stream 100000"]`},
		{"chunked", good, kind, true, 200, `"id":"p1"`},
		{"large", large, kindLarge, false, 413, "at most 1048576 bytes; ask for a presigned upload"},
		{"large, chunked", large, kindLarge, true, 413, "at most 1048576 bytes; ask for a presigned upload"},
		{"cut", good[:len(good)-60], kind, false, 400, "broken"},
		{"no form", "x", kind, false, 400, "broken"},
		{"no boundary", good, "multipart/form-data", false, 400, "boundary"},
		{"json", "{}", "application/json", false, 415, "multipart/form-data"},
		{"long text", long, kindLong, false, 422, "/project_id must have at most 10 bytes"},
		{"many parts", "--x\r\n" + strings.Repeat("Content-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x\r\n", 2500), "multipart/form-data; boundary=x", false, 413, "2000 parts"},
	} {
		for world, send := range worlds {
			t.Run(k.name+"/"+world, func(t *testing.T) {
				a := send(t, h, request{"POST", "/upload", k.body, map[string]string{"Content-Type": k.kind}, k.chunked})
				if a.status != k.status || !strings.Contains(a.body, k.says) {
					t.Errorf("%d %.300s", a.status, a.body)
				}
			})
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files left behind, %v", len(left), err)
	}
}

func TestFormIsKnown(t *testing.T) {
	for _, op := range formTable().Ops() {
		if op.Form() != (op.ID == "upload") {
			t.Errorf("%s: %v", op.ID, op.Form())
		}
	}
}

// Middleware sees the operation and may read the body before the handler does.
func TestMiddleware(t *testing.T) {
	var seen []string
	note := func(name string) Middleware {
		return func(op *Op, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, p := ReadBody(r, op)
				seen = append(seen, fmt.Sprint(name, " ", op.ID, " ", op.Public, " ", op.Limit, " ", len(body), " ", p != nil))
				next.ServeHTTP(w, r)
			})
		}
	}
	h := table(note("one"), note("two"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/things", strings.NewReader(`{"project_id":1}`)))
	if got, want := strings.Join(seen, "; "), "one make false 1048576 16 false; two make false 1048576 16 false"; got != want || w.Code != 202 {
		t.Errorf("%d %s, want %s", w.Code, got, want)
	}
}

func TestAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1", time.Second: "1", 1100 * time.Millisecond: "2", time.Minute: "60"} {
		if got := Problemf(429, "x").After(d).Header.Get("Retry-After"); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestRepairPath(t *testing.T) {
	for given, want := range map[string]string{
		"/a%2Fb": "/a%2Fb", "/a b": "/a%20b", "/100%": "/100%25", "/%zz": "/%25zz", "/a?b#c": "/a%3Fb%23c", "/ä": "/%C3%A4", "//x": "//x", "/a:b@c": "/a:b@c", "/%4": "/%254",
	} {
		if got := RepairPath(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}
