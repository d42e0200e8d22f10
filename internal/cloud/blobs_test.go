package cloud

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

func TestPutIsConditional(t *testing.T) {
	f, _, b, _, _ := serve(nil)
	if err := b.Put(t.Context(), "a/b", []byte("x")); err != nil || len(f.got) != 1 {
		t.Fatalf("Put = %v after %d requests", err, len(f.got))
	}
	if r := f.got[0]; r.method != http.MethodPut || r.header.Get("If-None-Match") != "*" || !strings.HasPrefix(r.uri, "/bucket/a/b") {
		t.Errorf("%s %s with %v, want a conditional PUT", r.method, r.uri, r.header)
	}
}

func TestPutWaitsForOtherWriters(t *testing.T) {
	for _, c := range []struct {
		refused, requests int
		then              reply
		want              dataset.Kind
	}{
		{refused: 2, requests: 3, want: ""},
		{refused: 2, requests: 3, then: reply{status: 412, code: "PreconditionFailed"}, want: dataset.Conflict},
		{refused: 99, requests: putTries, want: dataset.Throttled},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, _, b, _, _ := serve(func(_ request, n int) reply {
				if n < c.refused {
					return reply{status: 409, code: "ConditionalRequestConflict"}
				}
				return c.then
			})
			wantKind(t, fmt.Sprintf("Put after %d conflicts", c.refused), b.Put(t.Context(), "a", nil), c.want)
			if len(f.got) != c.requests {
				t.Errorf("%d requests, want %d", len(f.got), c.requests)
			}
		})
	}
}

func TestRangeRequests(t *testing.T) {
	f, _, b, _, _ := serve(func(r request, _ int) reply { return reply{status: 206, body: "12"} })
	const most = int64(1<<63 - 1)
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 5, "bytes=0-4"}, {7, 2, "bytes=7-8"}, {most, 2, fmt.Sprintf("bytes=%d-%d", most, most)}, {1, most, fmt.Sprintf("bytes=1-%d", most)}} {
		f.got = nil
		if got, err := b.Range(t.Context(), "a", c.offset, c.length); err != nil || string(got) != "12" || f.got[0].header.Get("Range") != c.want {
			t.Errorf("Range(%d, %d) = %q, %v, asked for %v, want %s", c.offset, c.length, got, err, f.got[0].header["Range"], c.want)
		}
	}
	_, err := b.Range(t.Context(), "a", 0, 1)
	wantKind(t, "an answer longer than the range", err, dataset.Internal)
	for _, bad := range [][2]int64{{-1, 1}, {1, -1}} {
		_, err := b.Range(t.Context(), "a", bad[0], bad[1])
		wantKind(t, fmt.Sprint(bad), err, dataset.Invalid)
	}
}

func TestBrokenReadsAreUnavailable(t *testing.T) {
	_, _, b, _, _ := serve(nil)
	in := stream{io.NopCloser(io.MultiReader(strings.NewReader("x"), brokenReader{}))}
	got, err := io.ReadAll(in)
	if wantKind(t, "Read", err, dataset.Unavailable); string(got) != "x" {
		t.Errorf("read %q, want what came before", got)
	}
	for _, key := range []string{"", "/a", "a/../b", "a b"} {
		_, err := b.Open(t.Context(), key)
		wantKind(t, "Open of "+key, err, dataset.Invalid)
		_, err = b.Stat(t.Context(), key)
		wantKind(t, "Stat of "+key, err, dataset.Invalid)
		wantKind(t, "Delete of "+key, b.Delete(t.Context(), "a", key), dataset.Invalid)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }

func TestListReadsOverEmptyPages(t *testing.T) {
	f, _, b, _, _ := serve(func(_ request, n int) reply {
		if n == 0 {
			return reply{body: `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>`}
		}
		return reply{body: `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>3</Size></Contents></ListBucketResult>`}
	})
	page, err := b.List(t.Context(), "a", "")
	if err != nil || len(page) != 1 || page[0] != (dataset.BlobInfo{Key: "a", Size: 3}) || !strings.Contains(f.got[1].uri, "continuation-token=t") {
		t.Errorf("List = %+v, %v, want the object on S3's second page", page, err)
	}
	_, err = b.List(t.Context(), strings.Repeat("x", dataset.MaxKey+1), "")
	wantKind(t, "a long prefix", err, dataset.Invalid)
}

func TestDeleteErrors(t *testing.T) {
	for code, want := range map[string]dataset.Kind{
		"NoSuchKey": "", "SlowDown": dataset.Throttled, "InternalError": dataset.Unavailable, "AccessDenied": dataset.Internal,
	} {
		_, _, b, _, _ := serve(func(request, int) reply {
			return reply{body: `<DeleteResult><Error><Key>a</Key><Code>` + code + `</Code></Error></DeleteResult>`}
		})
		wantKind(t, code, b.Delete(t.Context(), "a"), want)
	}
}

// uploads is an S3 that takes multipart uploads; complete and part say what it answers to those.
func uploads(part, complete, head reply) func(request, int) reply {
	return func(r request, _ int) reply {
		switch {
		case r.method == http.MethodPost && strings.Contains(r.uri, "uploads"):
			return reply{body: `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`}
		case r.method == http.MethodPut:
			return part
		case r.method == http.MethodPost:
			return complete
		case r.method == http.MethodHead:
			return head
		}
		return reply{status: http.StatusNoContent}
	}
}

func TestWriterEnds(t *testing.T) {
	large := make([]byte, partSize+1)
	conflict := reply{status: 409, code: "ConditionalRequestConflict"}
	for _, c := range []struct {
		name   string
		answer func(request, int) reply
		want   dataset.Kind
		abort  bool
	}{
		{"all is well", uploads(reply{}, reply{}, reply{}), "", false},
		{"a part fails", uploads(reply{status: 403, code: "AccessDenied"}, reply{}, reply{}), dataset.Internal, true},
		{"another was first", uploads(reply{}, reply{status: 412, code: "PreconditionFailed"}, reply{}), dataset.Conflict, true},
		{"another is under way", uploads(reply{}, conflict, reply{status: 404}), dataset.Throttled, true},
		{"another was under way", uploads(reply{}, conflict, reply{}), dataset.Conflict, true},
		{"the upload is gone", uploads(reply{}, reply{status: 404, code: "NoSuchUpload"}, reply{}), dataset.Unavailable, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, _, b, _, _ := serve(c.answer)
			w, err := b.Create(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write(large)
			if err == nil {
				err = w.Commit()
			}
			wantKind(t, c.name, err, c.want)
			last := f.got[len(f.got)-1]
			if aborted := last.method == http.MethodDelete && strings.Contains(last.uri, "uploadId=u"); aborted != c.abort {
				t.Errorf("%s: the upload was aborted: %t, want %t", c.name, aborted, c.abort)
			}
			n := len(f.got)
			w.Abort()
			if _, err := w.Write([]byte("x")); err == nil || w.Commit() == nil || len(f.got) != n {
				t.Errorf("%s: the writer goes on after its end", c.name)
			}
		})
	}
}

func TestAbortOutlivesItsContext(t *testing.T) {
	f, _, b, _, _ := serve(uploads(reply{}, reply{}, reply{}))
	ctx, cancel := contextWithCancel(t)
	w, err := b.Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, partSize+1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	w.Abort()
	if last := f.got[len(f.got)-1]; last.method != http.MethodDelete {
		t.Errorf("the last request is %s, want the upload aborted", last.method)
	}
	wantKind(t, "Commit after Abort", w.Commit(), dataset.Internal)
}

func TestPresignedRequests(t *testing.T) {
	f, _, b, _, _ := serve(nil)
	p, err := b.PresignPut(t.Context(), "a", 5, "text/plain", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Content-Length": "5", "Content-Type": "text/plain", "If-None-Match": "*", "Host": ""} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, signed := range []string{"content-length", "content-type", "if-none-match", "X-Amz-Expires=60"} {
		if !strings.Contains(p.URL, signed) {
			t.Errorf("%s does not bind %s", p.URL, signed)
		}
	}
	if strings.Contains(strings.ToLower(p.URL), "checksum") {
		t.Errorf("%s binds a checksum of bytes that nobody has seen", p.URL)
	}
	for name, put := range map[string]struct {
		size  int64
		kind  string
		valid time.Duration
	}{
		"no bytes": {0, "text/plain", time.Minute}, "6 GiB": {6 << 30, "text/plain", time.Minute}, "no type": {1, "", time.Minute},
		"two lines": {1, "a\r\nb", time.Minute}, "no time": {1, "text/plain", 0}, "long": {1, "text/plain", dataset.MaxPresign + 1},
	} {
		_, err := b.PresignPut(t.Context(), "a", put.size, put.kind, put.valid)
		wantKind(t, name, err, dataset.Invalid)
	}
	_, err = b.PresignGet(t.Context(), "a", dataset.Attachment{ContentType: "a\nb"}, time.Minute)
	if wantKind(t, "type of two lines", err, dataset.Invalid); len(f.got) != 0 {
		t.Errorf("signing made %d requests", len(f.got))
	}
}

func BenchmarkBlobsPut(b *testing.B) {
	f, _, blobs, _, _ := serve(nil)
	data := make([]byte, 4<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := blobs.Put(b.Context(), "replies/local/p/ab/abcdef", data); err != nil {
			b.Fatal(err)
		}
		f.got = f.got[:0]
	}
}

func BenchmarkBlobsRange(b *testing.B) {
	body := strings.Repeat("x", 64<<10)
	f, _, blobs, _, _ := serve(func(request, int) reply { return reply{status: 206, body: body} })
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := blobs.Range(b.Context(), "a", 100, int64(len(body))); err != nil {
			b.Fatal(err)
		}
		f.got = f.got[:0]
	}
}
