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
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// A presigned URL is BaseURL/<key>?<what is bound>&signature=<HMAC of method, key and what is bound>.

func (b *blobs) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignGet(key, as, valid); err != nil {
		return dataset.Presigned{}, err
	}
	q := url.Values{"disposition": {as.Disposition()}}
	if as.ContentType != "" {
		q.Set("type", as.ContentType)
	}
	return b.s.presign(ctx, http.MethodGet, key, q, http.Header{}, valid)
}

func (b *blobs) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignPut(key, size, contentType, valid); err != nil {
		return dataset.Presigned{}, err
	}
	q := url.Values{"size": {strconv.FormatInt(size, 10)}, "type": {contentType}}
	return b.s.presign(ctx, http.MethodPut, key, q, http.Header{"Content-Type": {contentType}}, valid)
}

func (s *Store) presign(ctx context.Context, method, key string, q url.Values, header http.Header, valid time.Duration) (dataset.Presigned, error) {
	if err := ctx.Err(); err != nil {
		return dataset.Presigned{}, ended(err)
	}
	if s.base == nil {
		return dataset.Presigned{}, dataset.Errorf(dataset.Internal, "no address is set under which objects can be reached")
	}
	expires := time.Now().Truncate(time.Second).Add(valid.Truncate(time.Second))
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
	if err != nil || dataset.CheckBlobKey(key) != nil || !hmac.Equal([]byte(s.sign(r.Method, key, q)), []byte(q.Get("signature"))) {
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
	h.Set("Content-Disposition", q.Get("disposition"))
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
