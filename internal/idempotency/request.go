package idempotency

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"compileo/internal/dataset"
)

// inMemory is how much of a body is held in memory; what is longer waits in a file. A body on Lambda never is.
const inMemory = 8 << 20

// spooled is a body that can be read again.
type spooled struct {
	data []byte
	file *os.File // nil: all is in data
}

// spool reads a body to its end.
func spool(r io.Reader) (*spooled, error) {
	data, err := io.ReadAll(io.LimitReader(r, inMemory+1))
	if err != nil {
		return nil, broken(err)
	}
	s := &spooled{data: data}
	if len(data) <= inMemory {
		return s, nil
	}
	if s.file, err = os.CreateTemp("", "compileo-body-"); err != nil {
		return nil, unheld(err)
	}
	if _, err = s.file.Write(data); err != nil {
		s.close()
		return nil, unheld(err)
	}
	s.data = nil
	if _, err = io.Copy(s.file, r); err != nil {
		s.close()
		return nil, broken(err)
	}
	return s, nil
}

// broken is the failure to read a body: too large, broken off, or not held.
func broken(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return unheld(err)
	}
	return dataset.Errorf(dataset.Invalid, "the body could not be read: %w", err)
}

// unheld is the failure of the file.
func unheld(err error) error {
	return dataset.Errorf(dataset.Unavailable, "the body could not be held: %w", err)
}

// open returns the body from its beginning. Its Close does nothing: close ends the spool.
func (s *spooled) open() (io.ReadCloser, error) {
	if s.file == nil {
		return io.NopCloser(bytes.NewReader(s.data)), nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, unheld(err)
	}
	return io.NopCloser(s.file), nil
}

func (s *spooled) close() {
	if s.file != nil {
		_ = s.file.Close()           // what was in it is no longer wanted
		_ = os.Remove(s.file.Name()) // else the system's cleaning of its temporary files does it
	}
}

// fingerprint is what two requests have in common when the second repeats the first. A multipart body is looked
// at by its parts: whoever sends it again draws another boundary.
func fingerprint(r *http.Request, body *spooled) (string, error) {
	h := sha256.New()
	parts := func(values ...string) {
		for _, v := range values {
			fmt.Fprintf(h, "%d:%s", len(v), v)
		}
	}
	parts(r.Method, strings.TrimRight(r.URL.EscapedPath(), "/"), r.URL.RawQuery)
	content, err := body.open()
	if err != nil {
		return "", err
	}
	kind := strings.Join(r.Header.Values("Content-Type"), ", ")
	if media, params, err := mime.ParseMediaType(kind); err == nil && media == "multipart/form-data" && params["boundary"] != "" {
		form := sha256.New()
		if hashForm(form, multipart.NewReader(content, params["boundary"])) == nil {
			parts(media, "form", string(form.Sum(nil)))
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if content, err = body.open(); err != nil { // no form after all: as it is
			return "", err
		}
	}
	parts(kind, "bytes")
	if _, err := io.Copy(h, content); err != nil {
		return "", unheld(err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashForm adds each part of a form: its headers that mean something, and its bytes by their own sum.
func hashForm(h hash.Hash, form *multipart.Reader) error {
	for {
		part, err := form.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content := sha256.New()
		if _, err := io.Copy(content, part); err != nil {
			return err
		}
		for _, v := range []string{
			part.Header.Get("Content-Disposition"), part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), string(content.Sum(nil)),
		} {
			fmt.Fprintf(h, "%d:%s", len(v), v)
		}
	}
}
