package porttest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

var presignCases = []scenario[*store]{
	{"a presigned GET needs no other credentials", presignedGet},
	{"a presigned GET says how the object is presented", presentation},
	{"a presigned GET names no file that could do harm", presentedName},
	{"a presigned GET of what does not exist is 404", presignedMissing},
	{"a presigned request is for its method, its key and its parameters only", presignedGetBinds},
	{"a presigned PUT stores an object", presignedPut},
	{"a presigned PUT binds size, type, key and parameters", presignedPutBinds},
	{"a presigned PUT cannot replace an object", presignedPutOnce},
	{"a presigned request ends when it expires", presignedExpires},
	{"a presigned request is valid for 1 s to MaxPresign", presignedLimit},
	{"a presigned request is for a key, a size and a type", presignedArguments},
	{"a done context presigns nothing", presignedContext},
}

// answer is what a server said to a presigned request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) ok() bool      { return a.status/100 == 2 }
func (a answer) refused() bool { return a.status/100 == 4 }

// send sends the request as any client would, with its changes.
func (s *store) send(t *testing.T, p dataset.Presigned, body []byte, change func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), p.Method, p.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatalf("presigned request: %v", err)
	}
	if p.Header != nil {
		req.Header = p.Header.Clone()
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if change != nil {
		change(req)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", p.Method, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		t.Fatalf("%s: %v", p.Method, err)
	}
	return answer{res.StatusCode, res.Header, got}
}

func (s *store) presignGet(t *testing.T, key string, as dataset.Attachment) dataset.Presigned {
	t.Helper()
	p, err := s.PresignGet(t.Context(), key, as, time.Minute)
	if err != nil || p.Method != http.MethodGet {
		t.Fatalf("PresignGet = %+v, %v, want a GET", p, err)
	}
	return p
}

func (s *store) presignPut(t *testing.T, key string, size int, contentType string) dataset.Presigned {
	t.Helper()
	p, err := s.PresignPut(t.Context(), key, int64(size), contentType, time.Minute)
	if err != nil || p.Method != http.MethodPut {
		t.Fatalf("PresignPut = %+v, %v, want a PUT", p, err)
	}
	return p
}

// tampered are copies of a URL, each with the last character of one parameter changed, by its name.
func tampered(t *testing.T, raw string) map[string]string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, values := range u.Query() {
		q := u.Query()
		value, last := values[0], "0"
		if strings.HasSuffix(value, last) {
			last = "1"
		}
		q.Set(name, value[:max(len(value)-1, 0)]+last)
		other := *u
		other.RawQuery = q.Encode()
		all[name] = other.String()
	}
	if len(all) == 0 {
		t.Errorf("%s has no parameters: nothing is signed", raw)
	}
	return all
}

// elsewhere changes the key in a request's URL.
func elsewhere(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, from, to, 1)
		r.URL.RawPath = ""
	}
}

func presignedGet(t *testing.T, s *store) {
	data := noise(1, 200<<10)
	key := s.put(t, "a", data)
	got := s.send(t, s.presignGet(t, key, dataset.Attachment{}), nil, nil)
	if got.status != http.StatusOK || !bytes.Equal(got.body, data) {
		t.Errorf("GET = %d with %d bytes, want 200 with the %d bytes stored", got.status, len(got.body), len(data))
	}
}

func presentation(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("x"))
	for _, as := range []dataset.Attachment{
		{Filename: "dataset.jsonl", ContentType: "application/jsonl"},
		{Filename: "données \"1\" 100%.csv", ContentType: "text/csv; charset=utf-8"},
		{Filename: "a;b, c.zip"},
		{ContentType: "application/zip"},
	} {
		got := s.send(t, s.presignGet(t, key, as), nil, nil)
		if got.status != http.StatusOK {
			t.Errorf("%+v: GET = %d, want 200", as, got.status)
		}
		if as.Filename != "" {
			kind, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
			if err != nil || kind != "attachment" || params["filename"] != as.Filename {
				t.Errorf("Content-Disposition = %q (%v), want an attachment %q", got.header.Get("Content-Disposition"), err, as.Filename)
			}
		}
		if as.ContentType != "" && got.header.Get("Content-Type") != as.ContentType {
			t.Errorf("Content-Type = %q, want %q", got.header.Get("Content-Type"), as.ContentType)
		}
	}
}

func presentedName(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("x"))
	for name, want := range map[string]string{
		"../a\\b\r\nSet-Cookie: c\x7f": ".._a_b__Set-Cookie: c_", "a\xff": "a_", strings.Repeat("ä", 300): strings.Repeat("ä", 100),
	} {
		got := s.send(t, s.presignGet(t, key, dataset.Attachment{Filename: name}), nil, nil)
		kind, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
		if got.status != http.StatusOK || err != nil || kind != "attachment" || params["filename"] != want {
			t.Errorf("%q: GET = %d with %q (%v), want an attachment %q", name, got.status, got.header.Get("Content-Disposition"), err, want)
		}
	}
}

func presignedMissing(t *testing.T, s *store) {
	p, err := s.PresignGet(t.Context(), s.prefix+"none", dataset.Attachment{}, time.Minute)
	if err != nil { // an adapter may look, S3 does not
		wantKind(t, "PresignGet", err, dataset.NotFound)
		return
	}
	if got := s.send(t, p, nil, nil); got.status != http.StatusNotFound {
		t.Errorf("GET = %d, want 404", got.status)
	}
}

func presignedGetBinds(t *testing.T, s *store) {
	key, other := s.put(t, "one", []byte("first")), s.put(t, "two", []byte("second"))
	p := s.presignGet(t, key, dataset.Attachment{Filename: "a.txt", ContentType: "text/plain"})
	for name, raw := range tampered(t, p.URL) {
		changed := p
		changed.URL = raw
		if got := s.send(t, changed, nil, nil); !got.refused() {
			t.Errorf("GET with another %s = %d, want it refused", name, got.status)
		}
	}
	bare, _, _ := strings.Cut(p.URL, "?")
	for name, change := range map[string]func(*http.Request){
		"of another key": elsewhere("/one", "/two"),
		"unsigned":       func(r *http.Request) { r.URL, _ = url.Parse(bare) },
		"as DELETE":      func(r *http.Request) { r.Method = http.MethodDelete },
		"as PUT":         func(r *http.Request) { r.Method = http.MethodPut },
	} {
		got := s.send(t, p, nil, change)
		if got.status != http.StatusForbidden && (name == "of another key" || !got.refused()) {
			t.Errorf("GET %s = %d, want 403", name, got.status)
		}
	}
	s.want(t, key, []byte("first"))
	s.want(t, other, []byte("second"))
}

func presignedPut(t *testing.T, s *store) {
	for _, size := range []int{1, 200 << 10} {
		key, data := fmt.Sprintf("%s%d", s.prefix, size), noise(1, size)
		got := s.send(t, s.presignPut(t, key, size, "text/markdown"), data, nil)
		if !got.ok() {
			t.Fatalf("PUT of %d bytes = %d %s, want success", size, got.status, got.body)
		}
		s.want(t, key, data)
	}
}

func presignedPutBinds(t *testing.T, s *store) {
	key := s.prefix + "one"
	p := s.presignPut(t, key, 5, "text/plain")
	for name, raw := range tampered(t, p.URL) {
		changed := p
		changed.URL = raw
		if got := s.send(t, changed, []byte("right"), nil); !got.refused() {
			t.Errorf("PUT with another %s = %d, want it refused", name, got.status)
		}
	}
	for _, c := range []struct {
		name, body string
		change     func(*http.Request)
	}{
		{"of fewer bytes", "less", nil},
		{"of no bytes", "", nil},
		{"of more bytes", "longer", nil},
		{"of unknown length", "right", func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader("right and more")) }},
		{"of another type", "right", func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }},
		{"to another key", "right", elsewhere("/one", "/two")},
	} {
		if got := s.send(t, p, []byte(c.body), c.change); !got.refused() {
			t.Errorf("PUT %s = %d, want it refused", c.name, got.status)
		}
	}
	s.wantNone(t, key)
	s.wantNone(t, s.prefix+"two")
	if got := s.send(t, p, []byte("right"), nil); !got.ok() {
		t.Errorf("PUT as signed = %d %s, want success", got.status, got.body)
	}
	s.want(t, key, []byte("right"))
}

func presignedPutOnce(t *testing.T, s *store) {
	key := s.prefix + "a"
	p := s.presignPut(t, key, 5, "text/plain")
	if got := s.send(t, p, []byte("first"), nil); !got.ok() {
		t.Fatalf("PUT = %d %s, want success", got.status, got.body)
	}
	if got := s.send(t, p, []byte("other"), nil); !got.refused() {
		t.Errorf("second PUT = %d, want it refused", got.status)
	}
	for name := range p.Header { // what protects the object must not be the client's to leave out
		got := s.send(t, p, []byte("other"), func(r *http.Request) { r.Header.Del(name) })
		if !got.refused() {
			t.Errorf("second PUT without %s = %d, want it refused", name, got.status)
		}
	}
	s.want(t, key, []byte("first"))
	wantKind(t, "Put after a presigned PUT", s.Put(t.Context(), key, []byte("other")), dataset.Conflict)
	if p, err := s.PresignPut(t.Context(), key, 5, "text/plain", time.Minute); err == nil {
		if got := s.send(t, p, []byte("other"), nil); !got.refused() {
			t.Errorf("PUT over an object = %d, want it refused", got.status)
		}
	} else {
		wantKind(t, "PresignPut over an object", err, dataset.Conflict)
	}
	s.want(t, key, []byte("first"))
}

func presignedExpires(t *testing.T, s *store) {
	const valid = time.Second
	key := s.put(t, "a", []byte("x"))
	before := time.Now()
	put, err := s.PresignPut(t.Context(), s.prefix+"b", 1, "text/plain", valid)
	if err != nil {
		t.Fatal(err)
	}
	get, err := s.PresignGet(t.Context(), key, dataset.Attachment{}, valid)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []dataset.Presigned{put, get} {
		if p.Expires.Before(before) || p.Expires.After(time.Now().Add(valid)) || p.Expires.Nanosecond() != 0 {
			t.Errorf("Expires = %v, want a whole second up to %v", p.Expires, before.Add(valid))
		}
	}
	// Servers differ by whether they count the second of Expires itself.
	eventually(t, valid+2*time.Second, "the GET is refused", func() bool {
		return s.send(t, get, nil, nil).status == http.StatusForbidden
	})
	if now := time.Now(); now.Before(get.Expires) {
		t.Errorf("the GET was refused at %v, want it valid until %v", now, get.Expires)
	}
	if got := s.send(t, put, []byte("x"), nil); got.status != http.StatusForbidden {
		t.Errorf("PUT after it expired = %d, want 403", got.status)
	}
	s.wantNone(t, s.prefix+"b")
}

func presignedLimit(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("x"))
	for _, valid := range []time.Duration{-time.Minute, 0, time.Second - 1, dataset.MaxPresign + 1, 24 * time.Hour} {
		_, err := s.PresignGet(t.Context(), key, dataset.Attachment{}, valid)
		wantKind(t, fmt.Sprintf("PresignGet for %v", valid), err, dataset.Invalid)
		_, err = s.PresignPut(t.Context(), s.prefix+"b", 1, "text/plain", valid)
		wantKind(t, fmt.Sprintf("PresignPut for %v", valid), err, dataset.Invalid)
	}
	for _, valid := range []time.Duration{1999 * time.Millisecond, dataset.MaxPresign} {
		before := time.Now()
		p, err := s.PresignGet(t.Context(), key, dataset.Attachment{}, valid)
		if err != nil || p.Expires.Before(before.Add(valid-2*time.Second)) || p.Expires.After(time.Now().Add(valid)) {
			t.Errorf("PresignGet for %v = valid until %v, %v", valid, p.Expires, err)
		}
	}
}

func presignedArguments(t *testing.T, s *store) {
	key := s.prefix + "a"
	put := func(key string, size int64, kind string) error {
		_, err := s.PresignPut(t.Context(), key, size, kind, time.Minute)
		return err
	}
	get := func(key, kind string) error {
		_, err := s.PresignGet(t.Context(), key, dataset.Attachment{ContentType: kind}, time.Minute)
		return err
	}
	for what, err := range map[string]error{
		"PUT of no bytes": put(key, 0, "text/plain"), "PUT of fewer": put(key, -1, "text/plain"), "PUT of too many": put(key, dataset.MaxUpload+1, "text/plain"),
		"PUT of no type": put(key, 1, ""), "PUT of two lines": put(key, 1, "text/plain\r\nX: y"), "PUT of a key that is none": put(s.prefix+"a b", 1, "text/plain"),
		"GET of two lines": get(key, "text/plain\r\nX: y"), "GET of a key that is none": get(s.prefix+"../a", ""),
	} {
		wantKind(t, what, err, dataset.Invalid)
	}
}

func presignedContext(t *testing.T, s *store) {
	_, err := s.PresignGet(ended(t), s.prefix+"a", dataset.Attachment{}, time.Minute)
	wantKind(t, "PresignGet", err, dataset.Unavailable)
	_, err = s.PresignPut(ended(t), s.prefix+"a", 1, "text/plain", time.Minute)
	wantKind(t, "PresignPut", err, dataset.Unavailable)
}
