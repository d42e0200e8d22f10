package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"compileo/internal/dataset"
)

// Bounds on what is unpacked, whatever an archive says of itself.
const (
	maxEntries  = 10_000          // files in an archive
	maxPart     = dataset.MaxText // bytes of one of them
	maxUnpacked = 256 << 20       // bytes of all that are read
)

// archive reads the files of a ZIP. Nothing in it is trusted: neither counts and sizes, nor that the files do not
// overlap. Its errors are Invalid.
type archive struct {
	files map[string]*zip.File
	names []string // of files in the archive's order, each once
	left  int      // bytes that may still be unpacked
}

func openArchive(data []byte) (*archive, error) {
	// The directory is read whole by the library, so its size is bounded first.
	if n := bytes.Count(data, []byte("PK\x01\x02")); n > maxEntries {
		return nil, dataset.Errorf(dataset.Invalid, "the archive has %d files, the limit is %d", n, maxEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are no paths of ours
		if kind := binaryKind(data); kind == oldOffice {
			return nil, dataset.Errorf(dataset.Invalid, "it is an office document of the old kind, or one with a password: save it anew without")
		}
		return nil, damaged("the ZIP archive", err)
	}
	a := &archive{files: map[string]*zip.File{}, left: maxUnpacked}
	for _, f := range z.File {
		name := cleanName(f.Name)
		if name == "" || strings.HasSuffix(f.Name, "/") || a.files[name] != nil {
			continue
		}
		a.files[name] = f
		a.names = append(a.names, name)
	}
	return a, nil
}

// cleanName makes a relative path without ".." of a name in an archive.
func cleanName(name string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
}

func damaged(what string, cause error) error {
	return dataset.Errorf(dataset.Invalid, "%s is damaged: %w", what, cause)
}

func (a *archive) has(name string) bool { return a.files[name] != nil }

// open begins to read a file.
func (a *archive) open(name string) (*entry, error) {
	f := a.files[name]
	if f == nil {
		return nil, dataset.Errorf(dataset.Invalid, "the file is damaged: it has no part %.100q", name)
	}
	if f.Flags&1 != 0 {
		return nil, dataset.Errorf(dataset.Invalid, "%.100q is encrypted with a password", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, damaged(fmt.Sprintf("%.100q", name), err)
	}
	return &entry{a: a, name: name, r: r, left: maxPart}, nil
}

// read returns a whole file.
func (a *archive) read(name string) ([]byte, error) {
	e, err := a.open(name)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(e)
}

// entry is the content of a file in an archive.
type entry struct {
	a    *archive
	name string
	r    io.Reader
	left int
}

func (e *entry) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= n
	e.a.left -= n
	switch {
	case e.left < 0:
		return 0, dataset.Errorf(dataset.Invalid, "%.100q unpacks to more than %d bytes", e.name, maxPart)
	case e.a.left < 0:
		return 0, dataset.Errorf(dataset.Invalid, "the archive unpacks to more than %d bytes", maxUnpacked)
	case err != nil && !errors.Is(err, io.EOF):
		return 0, damaged(fmt.Sprintf("%.100q", e.name), err)
	}
	return n, err
}
