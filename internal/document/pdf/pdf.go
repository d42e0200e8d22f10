// Package pdf reads the text of PDF files and finds its structure: reading order of columns, headings, paragraphs,
// lists and tables, without what repeats on every page.
//
// The file is read by PDFium, compiled to WebAssembly and run in a sandbox of its own for each document: it sees no
// file and no network, its memory is bounded, and the end of the context ends it wherever it is. What comes out of
// it is as untrusted as the file.
package pdf

import (
	"context"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// Bounds of a document.
const (
	maxMemory    = 256 << 20 // bytes of the sandbox, the file included
	maxPages     = 5_000
	maxChars     = 100_000         // of a page
	maxText      = dataset.MaxText // characters of the document
	maxBookmarks = 5_000           // further ones are not looked at
)

// Reader reads PDF files. It is safe for concurrent use. The first call compiles PDFium, which takes seconds.
type Reader struct {
	engine engine
}

// New returns a Reader. The compiled code is kept in the folder cache for the next start of the program; "" keeps it
// in memory only.
func New(cache string) *Reader { return &Reader{engine: engine{cache: cache}} }

// Read is a document.Reader. Invalid: the file is damaged, encrypted or too complex, or a scan; the error says which.
func (r *Reader) Read(ctx context.Context, data []byte, b *document.Builder) (string, error) {
	s, err := r.engine.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.close()
	f, err := s.load(data)
	if err != nil {
		return "", err
	}
	pages, err := f.readPages()
	if err != nil {
		return "", err
	}
	marks, title, err := f.outline()
	if err != nil {
		return "", err
	}
	write(structure(pages, marks), b)
	return title, nil
}
