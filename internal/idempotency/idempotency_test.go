package idempotency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// fail answers as the API does, in short.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status := map[dataset.Kind]int{dataset.Invalid: 422, dataset.Conflict: 409, dataset.Throttled: 429, dataset.Unavailable: 503}[dataset.KindOf(err)]
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = 413
	}
	if status == 0 {
		status = 500
	}
	http.Error(w, err.Error(), status)
}

const maxBody = 20 << 20

func newMiddleware(table dataset.Table) *Middleware {
	return &Middleware{
		Table: table, Fail: fail, MaxBody: maxBody, Log: slog.New(slog.DiscardHandler),
		Tenant: func(r *http.Request) dataset.Tenant { return dataset.Tenant(r.Header.Get("X-Tenant")) },
	}
}

func newTable() dataset.Table { return memory.New(memory.Options{}).Table }

// post makes a POST under key with the headers "name: value".
func post(key, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("X-Tenant", "acme")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(Header, key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// counter answers 201 with the number of the run, the seed and the body.
type counter struct{ runs atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Location", "/things/"+Seed(r.Context()))
	w.Header().Set("X-Other", "not kept")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "run %d %s %.20s", c.runs.Add(1), Seed(r.Context()), body)
}

func TestReplay(t *testing.T) {
	c := &counter{}
	h := newMiddleware(newTable()).Handler(c)
	first := serve(h, post("k", "/a?x=1", `{}`))
	if first.Code != 201 || first.Header().Get(Replayed) != "" || first.Header().Get("X-Other") == "" {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	for _, x := range []struct {
		name   string
		r      *http.Request
		status int
		runs   int64
	}{
		{"the same", post("k", "/a?x=1", `{}`), 201, 1},
		{"the same with a slash", post("k", "/a/?x=1", `{}`), 201, 1},
		{"another body", post("k", "/a?x=1", `{ }`), 422, 1},
		{"another query", post("k", "/a?x=2", `{}`), 422, 1},
		{"another path", post("k", "/b?x=1", `{}`), 422, 1},
		{"another type", post("k", "/a?x=1", `{}`, "Content-Type: text/plain"), 422, 1},
		{"another key", post("K", "/a?x=1", `{}`), 201, 2},
		{"another tenant", post("k", "/a?x=1", `{}`, "X-Tenant: other"), 201, 3},
		{"the same once more", post("k", "/a?x=1", `{}`), 201, 3},
	} {
		w := serve(h, x.r)
		if w.Code != x.status || c.runs.Load() != x.runs {
			t.Errorf("%s: %d after %d runs (%s), want %d after %d", x.name, w.Code, c.runs.Load(), w.Body, x.status, x.runs)
		}
		same := w.Body.String() == first.Body.String() && w.Header().Get("Location") == first.Header().Get("Location") && w.Header().Get("X-Other") == ""
		if replayed := w.Header().Get(Replayed) == "true"; replayed != same || replayed != strings.HasPrefix(x.name, "the same") {
			t.Errorf("%s: replayed %v, the same answer %v", x.name, replayed, same)
		}
	}
}

func TestSeed(t *testing.T) {
	if a, b := Seed(t.Context()), Seed(t.Context()); a == b {
		t.Error("two requests without a key have one seed")
	}
	h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, b := Seed(r.Context()), Seed(r.Context())
		fmt.Fprint(w, a == b)
	}))
	if w := serve(h, post("k", "/", "")); w.Body.String() != "true" {
		t.Error("one request has two seeds")
	}
}

func TestKeyForms(t *testing.T) {
	for _, c := range []struct {
		values []string
		status int
		runs   int64 // of two such requests
	}{
		{nil, 201, 2},
		{[]string{"k"}, 201, 1},
		{[]string{`"8e03978e-40d5-43e8-bc93-6894a57f9324"`}, 201, 1},
		{[]string{strings.Repeat("k", 255)}, 201, 1},
		{[]string{"a,b"}, 201, 1},
		{[]string{"a", "b"}, 201, 1}, // the same through the Lambda adapter
		{[]string{""}, 422, 0},
		{[]string{strings.Repeat("k", 256)}, 422, 0},
		{[]string{"a b"}, 422, 0},
		{[]string{"schlüssel"}, 422, 0},
		{[]string{"a\x7f"}, 422, 0},
	} {
		count := &counter{}
		h := newMiddleware(newTable()).Handler(count)
		for range 2 {
			r := post("", "/", "")
			delete(r.Header, Header)
			if c.values != nil {
				r.Header[Header] = c.values
			}
			if w := serve(h, r); w.Code != c.status {
				t.Errorf("%q: %d %s, want %d", c.values, w.Code, w.Body, c.status)
			}
		}
		if count.runs.Load() != c.runs {
			t.Errorf("%q: %d runs, want %d", c.values, count.runs.Load(), c.runs)
		}
	}
	count := &counter{}
	h := newMiddleware(newTable()).Handler(count)
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
		for range 2 {
			r := post("k", "/", "")
			r.Method = method
			serve(h, r)
		}
	}
	if count.runs.Load() != 8 {
		t.Errorf("%d runs of what is no POST, want 8", count.runs.Load())
	}
}

// What asks to be repeated is not kept; all else is.
func TestWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		status, size int
		kept         bool
	}{
		{200, 0, true},
		{202, 100, true},
		{204, 0, true},
		{302, 0, true},
		{404, 10, true},
		{409, 10, false},
		{422, 10, true},
		{429, 10, false},
		{500, 10, false},
		{503, 10, false},
		{201, MaxAnswer, true},
		{201, MaxAnswer + 1, false},
	} {
		var seeds []string
		h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seeds = append(seeds, Seed(r.Context()))
			w.WriteHeader(c.status)
			for n := c.size; n > 0; n -= 1000 {
				_, _ = w.Write(bytes.Repeat([]byte{'\xff'}, min(n, 1000)))
			}
		}))
		for range 2 {
			if w := serve(h, post("k", "/", "")); w.Code != c.status || w.Body.Len() != c.size {
				t.Errorf("%d of %d bytes: %d of %d", c.status, c.size, w.Code, w.Body.Len())
			}
		}
		if kept := len(seeds) == 1; kept != c.kept || len(seeds) == 2 && seeds[0] != seeds[1] {
			t.Errorf("%d of %d bytes: seeds %v, want kept %v", c.status, c.size, seeds, c.kept)
		}
		// Kept or not, the key belongs to its request.
		if w := serve(h, post("k", "/", "other")); w.Code != 422 {
			t.Errorf("%d, then another request: %d, want 422", c.status, w.Code)
		}
	}
}

// A key lasts for a day; then it is as new, also for the ids.
func TestADayLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{}
		h := newMiddleware(newTable()).Handler(c)
		first := serve(h, post("k", "/", "")).Body.String()
		time.Sleep(Kept - time.Second)
		if again := serve(h, post("k", "/", "")).Body.String(); again != first {
			t.Errorf("within a day: %s, want %s", again, first)
		}
		time.Sleep(3 * time.Second)
		if again := serve(h, post("k", "/", "other")).Body.String(); !strings.HasPrefix(again, "run 2") || again[6:42] == first[6:42] {
			t.Errorf("a day later: %s after %s", again, first)
		}
	})
}

// Of concurrent equal requests exactly one runs; the others hear that it does, and later its answer. Over sockets.
func TestConcurrent(t *testing.T) {
	var runs atomic.Int64
	started, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if runs.Add(1) == 1 {
			close(started)
		}
		<-release
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, Seed(r.Context()))
	})))
	defer server.Close()
	send := func(body string) (int, string, http.Header) {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(body))
		r.Header.Set(Header, "k")
		r.Header.Set("X-Tenant", "acme")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return 0, "", nil
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(b), resp.Header
	}
	var all sync.WaitGroup
	answers := make([]string, 12)
	for i := range answers {
		all.Go(func() {
			for {
				status, body, header := send("same")
				if status == http.StatusAccepted {
					answers[i] = body
					return
				}
				if status != http.StatusConflict || header.Get("Retry-After") == "" {
					t.Errorf("%d %s %v", status, body, header)
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	<-started
	if status, body, header := send("same"); status != http.StatusConflict {
		t.Errorf("while it runs: %d %s", status, body)
	} else if s, _ := strconv.Atoi(header.Get("Retry-After")); s < 1 || s > 60 {
		t.Errorf("Retry-After: %s", header.Get("Retry-After"))
	}
	if status, body, _ := send("other"); status != http.StatusUnprocessableEntity {
		t.Errorf("another request while it runs: %d %s", status, body)
	}
	close(release)
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || a == "" {
			t.Errorf("answers differ: %v", answers)
		}
	}
	if runs.Load() != 1 {
		t.Errorf("%d runs, want 1", runs.Load())
	}
}

// After a minute whoever comes does the work again, under the same seed; the first to finish decides the answer of both.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := runs.Add(1)
			time.Sleep(map[int64]time.Duration{1: 100 * time.Second, 2: 10 * time.Second}[n])
			fmt.Fprintf(w, "%d %s", n, Seed(r.Context()))
		}))
		var answers [2]*httptest.ResponseRecorder
		go func() { answers[0] = serve(h, post("k", "/", "")) }()
		time.Sleep(Lease - time.Second)
		if w := serve(h, post("k", "/", "")); w.Code != 409 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("after 59 s: %d %v", w.Code, w.Header())
		}
		time.Sleep(2 * time.Second)
		go func() { answers[1] = serve(h, post("k", "/", "")) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if a, b := answers[0].Body.String(), answers[1].Body.String(); runs.Load() != 2 || a != b || !strings.HasPrefix(a, "2 ") {
			t.Errorf("%d runs: %q and %q", runs.Load(), a, b)
		}
	})
}

// What fails late takes no answer away, and what ends after a day neither takes nor leaves any.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := runs.Add(1)
			switch r.URL.Path {
			case "/fails":
				if n == 1 {
					time.Sleep(2 * Lease)
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			case "/slow":
				time.Sleep(Kept + time.Hour)
			}
			fmt.Fprintf(w, "%d", n)
		}))
		go serve(h, post("k", "/fails", ""))
		time.Sleep(Lease + time.Second)
		for range 2 {
			if w := serve(h, post("k", "/fails", "")); w.Body.String() != "2" {
				t.Errorf("beside one that fails late: %d %s", w.Code, w.Body)
			}
			time.Sleep(2 * Lease)
		}
		var late *httptest.ResponseRecorder
		go func() { late = serve(h, post("day", "/slow", "")) }()
		time.Sleep(Kept + 2*time.Second)
		for range 2 {
			if w := serve(h, post("day", "/other", "")); w.Body.String() != "4" {
				t.Errorf("after a day: %d %s", w.Code, w.Body)
			}
			time.Sleep(2 * time.Hour)
		}
		synctest.Wait()
		if late.Body.String() != "3" || late.Header().Get(Replayed) != "" {
			t.Errorf("what lasted longer than a day: %d %s", late.Code, late.Body)
		}
	})
}

// A client that goes away does not take the answer with it.
func TestClientGone(t *testing.T) {
	c := &counter{}
	ctx, leave := context.WithCancel(t.Context())
	h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.ServeHTTP(w, r)
		leave()
	}))
	serve(h, post("k", "/", "").WithContext(ctx))
	if w := serve(h, post("k", "/", "")); w.Code != 201 || c.runs.Load() != 1 {
		t.Errorf("%d after %d runs", w.Code, c.runs.Load())
	}
}

func TestPanic(t *testing.T) {
	runs := 0
	h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if runs++; runs == 1 {
			panic("broken")
		}
	}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		serve(h, post("k", "/", ""))
	}()
	if w := serve(h, post("k", "/", "")); w.Code != 200 || runs != 2 {
		t.Errorf("after a panic: %d after %d runs", w.Code, runs)
	}
}

// A process that dies at any call of the table, before or after it took effect, or between work and store: whoever repeats
// the request gets an answer, and all that was ever made under the key has the same id.
func TestCrashes(t *testing.T) {
	for _, kind := range []porttest.Fault{
		{Crash: porttest.CrashBefore},
		{Crash: porttest.CrashAfter},
		{Before: dataset.Errorf(dataset.Unavailable, "down")},
		{After: dataset.Errorf(dataset.Unavailable, "down")},
		{Before: dataset.Errorf(dataset.Throttled, "slow")},
		{Duplicate: true},
	} {
		for at := int64(1); at <= 4; at++ {
			synctest.Test(t, func(t *testing.T) {
				over := false // the first request is
				faults := &porttest.Faults{Decide: func(_ context.Context, c porttest.Call) (f porttest.Fault) {
					if !over && (c.N == at || at == 4 && c.N >= 3) { // 4: the store fails again and again
						return kind
					}
					return f
				}}
				made, runs := map[string]int{}, 0
				h := newMiddleware(faults.Table(newTable())).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if porttest.Alive(r.Context()) == nil {
						made[dataset.DeriveID(Seed(r.Context()), "thing")]++
					}
					w.WriteHeader(http.StatusCreated)
					runs++
					fmt.Fprint(w, runs, " ", Seed(r.Context()))
				}))
				first := serve(h, post("k", "/", "").WithContext(porttest.NewProcess().Context(t.Context())))
				over = true
				time.Sleep(Lease + time.Second)
				second := serve(h, post("k", "/", ""))
				third := serve(h, post("k", "/", ""))
				if second.Code != 201 || third.Body.String() != second.Body.String() {
					t.Errorf("%+v at call %d: %d %s, then %d %s", kind, at, second.Code, second.Body, third.Code, third.Body)
				}
				if first.Code == 201 && (first.Body.String() != second.Body.String() || first.Header().Get(Replayed) != "") {
					t.Errorf("%+v at call %d: answered %s, then %s", kind, at, first.Body, second.Body)
				}
				if kind.Crash == porttest.NoCrash && at < 4 && first.Code != 201 {
					t.Errorf("%+v at call %d: %d %s, want a second try", kind, at, first.Code, first.Body)
				}
				if len(made) != 1 {
					t.Errorf("%+v at call %d: made %v", kind, at, made)
				}
			})
		}
	}
}

func multipartBody(t *testing.T, boundary, name, content string) (string, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		t.Fatal(err)
	}
	_ = w.WriteField("project_id", "1")
	part, _ := w.CreateFormFile("files", name)
	_, _ = part.Write([]byte(content))
	_ = w.Close()
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

// A form that is sent again has another boundary, and is the same.
func TestForms(t *testing.T) {
	c := &counter{}
	h := newMiddleware(newTable()).Handler(c)
	for _, x := range []struct {
		boundary, name, content string
		status                  int
	}{
		{"aaaa", "a.md", "text", 201},
		{"bbbb", "a.md", "text", 201},
		{"bbbb", "b.md", "text", 422},
		{"bbbb", "a.md", "texts", 422},
	} {
		body, kind := multipartBody(t, x.boundary, x.name, x.content)
		if w := serve(h, post("k", "/", body, kind)); w.Code != x.status || c.runs.Load() != 1 {
			t.Errorf("%v: %d %s after %d runs", x, w.Code, w.Body, c.runs.Load())
		}
	}
	// What is no form after all is taken as it is.
	body, kind := multipartBody(t, "aaaa", "a.md", "text")
	for i, x := range []string{body[:len(body)-10], body[:len(body)-11], "", "--aaaa--"} {
		if w := serve(h, post("k"+strconv.Itoa(i), "/", x, kind)); w.Code != 201 || !strings.HasSuffix(w.Body.String(), fmt.Sprintf(" %.20s", x)) {
			t.Errorf("%q: %d %q", x, w.Code, w.Body)
		}
		if w := serve(h, post("k"+strconv.Itoa(i), "/", x+"!", kind)); w.Code != 422 && i < 2 {
			t.Errorf("%q and more: %d", x, w.Code)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A large body goes through a file, of which nothing stays; one beyond the limit is refused, and takes no key.
func TestLargeBodies(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var sizes []int64
	h := newMiddleware(newTable()).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		sizes = append(sizes, n)
	}))
	for _, c := range []struct {
		size, status int
	}{{maxBody + 1, 413}, {inMemory, 200}, {inMemory + 1, 200}, {maxBody, 200}} {
		body := strings.Repeat("x", c.size)
		for range 2 {
			if w := serve(h, post(strconv.Itoa(c.size), "/", body)); w.Code != c.status {
				t.Errorf("%d bytes: %d, want %d", c.size, w.Code, c.status)
			}
		}
		if w := serve(h, post(strconv.Itoa(c.size), "/", body[1:]+"y")); c.status == 200 && w.Code != 422 {
			t.Errorf("%d other bytes: %d, want 422", c.size, w.Code)
		}
	}
	if len(sizes) != 3 || sizes[0] != inMemory || sizes[1] != inMemory+1 || sizes[2] != maxBody {
		t.Errorf("the handler saw %v", sizes)
	}
	for _, begin := range []int{0, inMemory + 1} {
		r := post("k", "/", "")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", begin)), brokenReader{}))
		if w := serve(h, r); w.Code != 422 {
			t.Errorf("broken off after %d: %d", begin, w.Code)
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	t.Setenv("TMPDIR", "/nowhere")
	if w := serve(h, post("k", "/", strings.Repeat("x", inMemory+1))); w.Code != 503 {
		t.Errorf("no room: %d, want 503", w.Code)
	}
}
