package library

import (
	"context"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// MaxContentPage is how many code points a page of content has at most.
const MaxContentPage = 1_000_000

// Content is a page of a document's text.
type Content struct {
	Document *dataset.Document
	Text     string
	Pages    int // of this size
}

// Content returns page number page, from 1, of size code points of a document's text, in memory for little more
// than the page. Conflict: the document was not processed yet, or cannot be read; NotFound: it has fewer pages.
func (l *Library) Content(ctx context.Context, t dataset.Tenant, id string, page, size int) (*Content, error) {
	switch {
	case size < 1 || size > MaxContentPage:
		return nil, dataset.InvalidField("/page_size", "is %d, want 1 to %d", size, MaxContentPage)
	case page < 1:
		return nil, dataset.InvalidField("/page", "is %d, want 1 or more", page)
	}
	d, err := l.Document(ctx, t, id)
	if err != nil {
		return nil, err
	}
	switch {
	case d.Status == dataset.Unreadable:
		return nil, dataset.Errorf(dataset.Conflict, "the document cannot be read: %s", d.Reason)
	case d.Text == "":
		return nil, dataset.Errorf(dataset.Conflict, "the document has no text yet: process it first")
	}
	c := &Content{Document: d, Pages: (d.Runes + size - 1) / size}
	if page > c.Pages {
		return nil, dataset.Errorf(dataset.NotFound, "there is no page %d: the text has %d of %d code points", page, c.Pages, size)
	}
	c.Text, err = l.text(ctx, d, (page-1)*size, min(page*size, d.Runes))
	return c, err
}

// text reads the code points from first to, not including, end of a document's text, from the mark before to that
// behind.
func (l *Library) text(ctx context.Context, d *dataset.Document, first, end int) (string, error) {
	from, to := first/dataset.MarkRunes, (end+dataset.MarkRunes-1)/dataset.MarkRunes
	if from > len(d.Marks) {
		return "", dataset.Errorf(dataset.Internal, "document %s has %d marks for %d code points", d.ID, len(d.Marks), d.Runes)
	}
	offset, length := int64(0), int64(dataset.MaxText)
	if from > 0 {
		offset = d.Marks[from-1]
	}
	if to <= len(d.Marks) {
		length = d.Marks[to-1] - offset
	}
	b, err := l.Blobs.Range(ctx, d.Text, offset, length)
	if err != nil {
		return "", err
	}
	b = b[runes(b, first-from*dataset.MarkRunes):]
	n := runes(b, end-first)
	if got := utf8.RuneCount(b[:n]); got != end-first {
		return "", dataset.Errorf(dataset.Internal, "text %s has %d code points from %d, want %d", d.Text, got, first, end-first)
	}
	return string(b[:n]), nil
}

// runes returns how many bytes the first n code points take.
func runes(b []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(b); n-- {
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at
}
