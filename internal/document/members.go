package document

import (
	"iter"
	"path"
	"strings"

	"compileo/internal/dataset"
)

// Member is a document in an archive.
type Member struct {
	Name string // its path in the archive, relative and without ".."
	Data []byte
}

// IsArchive reports whether a file of that name is an archive of documents, to be read by Members.
func IsArchive(name string) bool { return ext(name) == ".zip" }

// Members yields the documents in a ZIP, one after another in the archive's order, so that only one is in memory.
// What is wrong is an Invalid error: with a member's name, it is about that member (it cannot be read, or is no
// document) and the next one follows; without a name, about the archive, and is the last.
// Hidden files are left out.
func Members(data []byte) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		a, err := openArchive(data)
		if err != nil {
			yield(Member{}, err)
			return
		}
		found := false
		for _, name := range a.names {
			if hidden(name) {
				continue
			}
			found = true
			m := Member{Name: name}
			err := memberFault(name)
			if err == nil {
				m.Data, err = a.read(name)
			}
			if err == nil && len(m.Data) > dataset.MaxDocument {
				err = tooLarge("it has", len(m.Data), dataset.MaxDocument)
			}
			if err != nil {
				m.Data = nil
			}
			if a.left < 0 { // nothing further can be read
				m = Member{}
			}
			if !yield(m, err) || a.left < 0 {
				return
			}
		}
		if !found {
			yield(Member{}, dataset.Errorf(dataset.Invalid, "the archive has no files"))
		}
	}
}

// memberFault says why a file in an archive is no document.
func memberFault(name string) error {
	switch {
	case IsArchive(name):
		return dataset.Errorf(dataset.Invalid, "an archive inside an archive is not unpacked")
	case path.Ext(name) == "" || !Supported(name): // in a folder a name without a type may be anything
		return dataset.Errorf(dataset.Invalid, "%q is no supported format, want %s", ext(name), Wanted)
	}
	return nil
}

// hidden reports whether a file is of no user: begins with a dot, or lies in such a folder, or in that of macOS.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || part == "__MACOSX" {
			return true
		}
	}
	return false
}
