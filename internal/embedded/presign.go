package embedded

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Limits of presigned requests.
const (
	maxUpload = 5 << 30 // bytes of one PUT, as in S3
	maxHeader = 255     // bytes of a file name or a content type
)

// A presigned URL is BaseURL/<key>?<what is bound>&signature=<HMAC of method, key and what is bound>.

func (b *blobs) PresignGet(_ context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	q := url.Values{}
	if as.Filename != "" {
		q.Set("filename", as.Filename)
	}
	if as.ContentType != "" {
		q.Set("type", as.ContentType)
	}
	for _, v := range []string{as.Filename, as.ContentType} {
		if len(v) > maxHeader || !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "%.100q is no file name or content type", v)
		}
	}
	return b.s.presign(http.MethodGet, key, q, http.Header{}, valid)
}

func (b *blobs) PresignPut(_ context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if size < 0 || size > maxUpload {
		return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "upload of %d bytes, want 0 to %d", size, int64(maxUpload))
	}
	if _, _, err := mime.ParseMediaType(contentType); err != nil || len(contentType) > maxHeader {
		return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "%.100q is no content type", contentType)
	}
	q := url.Values{"size": {strconv.FormatInt(size, 10)}, "type": {contentType}}
	return b.s.presign(http.MethodPut, key, q, http.Header{"Content-Type": {contentType}}, valid)
}

func (s *Store) presign(method, key string, q url.Values, header http.Header, valid time.Duration) (dataset.Presigned, error) {
	if err := checkBlobKey(key); err != nil {
		return dataset.Presigned{}, err
	}
	if valid <= 0 || valid > dataset.MaxPresign {
		return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "a presigned request valid for %v, want up to %v", valid, dataset.MaxPresign)
	}
	if s.base == nil {
		return dataset.Presigned{}, dataset.Errorf(dataset.Internal, "no address is set under which objects can be reached")
	}
	expires := time.Now().Add(valid).Truncate(time.Second)
	q.Set("expires", strconv.FormatInt(expires.Unix(), 10))
	q.Set("signature", s.sign(method, key, q))
	u := s.base.JoinPath(key)
	u.RawQuery = q.Encode()
	return dataset.Presigned{Method: method, URL: u.String(), Header: header, Expires: expires.UTC()}, nil
}

// sign covers all parameters, so that none can be added.
func (s *Store) sign(method, key string, q url.Values) string {
	q = url.Values(http.Header(q).Clone())
	q.Del("signature")
	h := hmac.New(sha256.New, s.secret)
	fmt.Fprintf(h, "%s\n%s\n%s", method, key, q.Encode()) // neither of the first two holds a line feed
	return hex.EncodeToString(h.Sum(nil))
}

// serve answers presigned requests. Errors are problem documents.
func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	key, err := s.authorize(r)
	if err == nil && r.Method == http.MethodPut {
		err = s.upload(r, key)
	} else if err == nil {
		err = s.download(w, r, key)
	}
	if err != nil {
		s.refuse(w, err)
	}
}

// errForbidden is what a request gets that was not signed, with nothing that helps to guess.
type errForbidden string

func (e errForbidden) Error() string { return string(e) }

func (s *Store) authorize(r *http.Request) (key string, err error) {
	if s.base == nil {
		return "", errForbidden("no objects are served here")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPut {
		return "", errForbidden("the URL is signed for another method")
	}
	key = strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(s.base.Path, "/")+"/")
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || checkBlobKey(key) != nil || !hmac.Equal([]byte(s.sign(r.Method, key, q)), []byte(q.Get("signature"))) {
		return "", errForbidden("the URL is not one that was signed")
	}
	if expires, err := strconv.ParseInt(q.Get("expires"), 10, 64); err != nil || time.Now().Unix() >= expires {
		return "", errForbidden("the URL has expired")
	}
	if r.Method == http.MethodPut && (q.Get("size") != strconv.FormatInt(r.ContentLength, 10) || q.Get("type") != r.Header.Get("Content-Type")) {
		return "", errForbidden("the URL is signed for another Content-Length or Content-Type")
	}
	return key, nil
}

func (s *Store) upload(r *http.Request, key string) error {
	b := &blobs{s}
	if _, err := b.Stat(r.Context(), key); !dataset.Is(err, dataset.NotFound) {
		if err == nil {
			err = exists(key)
		}
		return err // before the body is read
	}
	w, err := b.Create(r.Context(), key)
	if err != nil {
		return err
	}
	defer w.Abort()
	n, err := io.Copy(w, io.LimitReader(r.Body, r.ContentLength))
	if err != nil {
		return err
	}
	if n != r.ContentLength {
		return dataset.Errorf(dataset.Invalid, "the body ended after %d of %d bytes", n, r.ContentLength)
	}
	return w.Commit()
}

func (s *Store) download(w http.ResponseWriter, r *http.Request, key string) error {
	c, err := (&blobs{s}).open(r.Context(), key)
	if err != nil {
		return err
	}
	defer c.Close()
	q := r.URL.Query()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if t := q.Get("type"); t != "" {
		h.Set("Content-Type", t)
	}
	h.Set("Content-Disposition", "attachment")
	if name := q.Get("filename"); name != "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	// Objects are what strangers uploaded: they are never a page of this origin.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", time.Time{}, c)
	return nil
}

func (s *Store) refuse(w http.ResponseWriter, err error) {
	status, detail := http.StatusInternalServerError, "internal failure"
	if e, ok := errors.AsType[*dataset.Error](err); ok {
		switch e.Kind {
		case dataset.Invalid:
			status, detail = http.StatusBadRequest, e.Detail
		case dataset.NotFound:
			status, detail = http.StatusNotFound, e.Detail
		case dataset.Conflict:
			status, detail = http.StatusPreconditionFailed, e.Detail
		case dataset.Unavailable:
			status, detail = http.StatusServiceUnavailable, "try again later"
		}
	} else if e, ok := errors.AsType[errForbidden](err); ok {
		status, detail = http.StatusForbidden, string(e)
	}
	if status >= 500 {
		s.options.Log.Error("object not served", "status", status, "error", err)
	}
	body, _ := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail}) // strings and a number
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
