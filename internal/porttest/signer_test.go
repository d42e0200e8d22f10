package porttest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
)

// signer is a store in memory with a server of presigned requests, to hold the presign cases against. Its
// switches make it forget one thing each.
type signer struct {
	dataset.Blobs
	url string

	forgetKey, forgetMethod, forgetExpiry, forgetSize, forgetType, forgetSignature, forgetName, overwrite bool
}

func newSigner(t *testing.T) *signer {
	s := &signer{Blobs: memory.New(memory.Options{}).Blobs}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// sign is the signature of what a request may do; q is without it.
func (s *signer) sign(method, key string, q url.Values) string {
	if s.forgetKey {
		key = ""
	}
	if s.forgetMethod {
		method = ""
	}
	h := hmac.New(sha256.New, []byte("secret"))
	for _, part := range []string{method, key, q.Encode()} {
		_, _ = h.Write([]byte(part + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s *signer) presign(ctx context.Context, method, key string, q url.Values, valid time.Duration) (dataset.Presigned, error) {
	if err := ctx.Err(); err != nil {
		return dataset.Presigned{}, err
	}
	expires := time.Now().Truncate(time.Second).Add(valid.Truncate(time.Second))
	q.Set("expires", strconv.FormatInt(expires.Unix(), 10))
	q.Set("signature", s.sign(method, key, q))
	return dataset.Presigned{Method: method, URL: s.url + "/" + key + "?" + q.Encode(), Header: http.Header{}, Expires: expires}, nil
}

func (s *signer) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignGet(key, as, valid); err != nil {
		return dataset.Presigned{}, err
	}
	return s.presign(ctx, http.MethodGet, key, url.Values{"disposition": {as.Disposition()}, "type": {as.ContentType}}, valid)
}

func (s *signer) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignPut(key, size, contentType, valid); err != nil {
		return dataset.Presigned{}, err
	}
	p, err := s.presign(ctx, http.MethodPut, key, url.Values{"size": {strconv.FormatInt(size, 10)}, "type": {contentType}}, valid)
	if err == nil {
		p.Header.Set("Content-Type", contentType)
	}
	return p, err
}

func (s *signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, q := strings.TrimPrefix(r.URL.Path, "/"), r.URL.Query()
	signature := q.Get("signature")
	q.Del("signature")
	expires, _ := strconv.ParseInt(q.Get("expires"), 10, 64)
	switch {
	case !s.forgetSignature && signature != s.sign(r.Method, key, q),
		!s.forgetExpiry && time.Now().Unix() >= expires,
		r.Method == http.MethodPut && !s.forgetType && r.Header.Get("Content-Type") != q.Get("type"),
		r.Method == http.MethodPut && !s.forgetSize && strconv.FormatInt(r.ContentLength, 10) != q.Get("size"):
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPut:
		data, _ := io.ReadAll(r.Body)
		if s.overwrite {
			_ = s.Delete(r.Context(), key)
		}
		if err := s.Put(r.Context(), key, data); err != nil {
			w.WriteHeader(http.StatusConflict)
		}
	default:
		s.serve(w, r, key, q)
	}
}

func (s *signer) serve(w http.ResponseWriter, r *http.Request, key string, q url.Values) {
	data, err := s.Get(r.Context(), key)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if !s.forgetName {
		w.Header().Set("Content-Disposition", q.Get("disposition"))
	}
	if kind := q.Get("type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	_, _ = w.Write(data)
}

func (m *mutants) presigned() {
	for _, c := range []struct {
		name, finds string
		forget      func(s *signer) *bool
	}{
		{"sign no key", "a presigned request is for its method, its key and its parameters only", func(s *signer) *bool { return &s.forgetKey }},
		{"sign no method", "a presigned request is for its method, its key and its parameters only", func(s *signer) *bool { return &s.forgetMethod }},
		{"sign nothing", "a presigned request is for its method, its key and its parameters only", func(s *signer) *bool { return &s.forgetSignature }},
		{"sign nothing of a PUT", "a presigned PUT binds size, type, key and parameters", func(s *signer) *bool { return &s.forgetSignature }},
		{"sign no size", "a presigned PUT binds size, type, key and parameters", func(s *signer) *bool { return &s.forgetSize }},
		{"sign no type", "a presigned PUT binds size, type, key and parameters", func(s *signer) *bool { return &s.forgetType }},
		{"forget names", "a presigned GET says how the object is presented", func(s *signer) *bool { return &s.forgetName }},
		{"sign for ever", "a presigned request ends when it expires", func(s *signer) *bool { return &s.forgetExpiry }},
		{"let a PUT replace", "a presigned PUT cannot replace an object", func(s *signer) *bool { return &s.overwrite }},
	} {
		m.blobs(c.name, c.finds, func(_ *brokenBlobs, s *signer) { *c.forget(s) = true })
	}
	m.blobs("sign for any time", "a presigned request is valid for 1 s to MaxPresign", func(b *brokenBlobs, _ *signer) {
		b.presignGet = func(ctx context.Context, key string, as dataset.Attachment, _ time.Duration) (dataset.Presigned, error) {
			return b.Blobs.PresignGet(ctx, key, as, time.Minute)
		}
	})
	m.blobs("sign with a secret of their own", "a presigned GET needs no other credentials", func(b *brokenBlobs, _ *signer) {
		b.presignGet = func(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
			p, err := b.Blobs.PresignGet(ctx, key, as, valid)
			p.URL = strings.Replace(p.URL, "signature=", "signature=0", 1)
			return p, err
		}
	})
	m.blobs("name files as asked", "a presigned GET names no file that could do harm", func(b *brokenBlobs, s *signer) {
		b.presignGet = func(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
			q := url.Values{"disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": as.Filename})}, "type": {""}}
			return s.presign(ctx, http.MethodGet, key, q, valid)
		}
	})
	m.blobs("presign empty uploads", "a presigned request is for a key, a size and a type", func(b *brokenBlobs, _ *signer) {
		b.presignPut = func(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
			return b.Blobs.PresignPut(ctx, key, max(size, 1), contentType, valid)
		}
	})
	m.blobs("presign for the dead", "a done context presigns nothing", func(b *brokenBlobs, _ *signer) {
		b.presignPut = func(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
			return b.Blobs.PresignPut(context.WithoutCancel(ctx), key, size, contentType, valid)
		}
	})
	m.blobs("find what is not there", "a presigned GET of what does not exist is 404", func(b *brokenBlobs, s *signer) {
		b.presignGet = func(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
			_ = s.Put(ctx, key, nil)
			return b.Blobs.PresignGet(ctx, key, as, valid)
		}
	})
	m.blobs("presign for another", "a presigned PUT stores an object", func(b *brokenBlobs, _ *signer) {
		b.presignPut = func(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
			return b.Blobs.PresignPut(ctx, key+"-other", size, contentType, valid)
		}
	})
}
