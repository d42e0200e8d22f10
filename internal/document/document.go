// Package document turns the bytes of a file into structured text and cuts that text into chunks.
//
// Whatever the format, the text has one form: clean Markdown, written by a Builder that notes the span of
// each block as it writes it. Headings are "# …", paragraphs one line each, list items "- …" or "1. …" indented
// below their parent, code is fenced, tables are pipe tables; a blank line stands between blocks, a newline
// between the items of a list. Inline marks are resolved: of links and images their text stays, emphasis is
// dropped, inline code keeps its backticks. What is no content (scripts, comments, navigation, badges) is gone.
// Quotes have no marks of their own. Code and tables inside a list item are written at the margin, so that
// they can be quoted as they are.
//
// Everything comes from strangers. Parsing takes time and memory in proportion to the input, looks at its
// context, and is bounded by the limits of package dataset; what is nested deeper than MaxNesting is kept as
// flat text. The same bytes always give the same text and the same chunks. Nothing here writes or calls out,
// so everything may be repeated.
//
// A format is a Reader and one line in the table of formats. The readers of PDF are in a package of their own, as
// they weigh as much as all the rest; what links them gives them to Parse.
package document

import (
	"context"
	"path"
	"strings"

	"compileo/internal/dataset"
)

// maxBlocks bounds the memory that the structure of a document takes, however short its blocks are.
const maxBlocks = 2_000_000

// maxTitle is the length of a title in bytes.
const maxTitle = 300

// Text is a document's text in its canonical form. Body is valid UTF-8, at most dataset.MaxText bytes; Blocks
// are in order, do not overlap, and hold all of Body that is not white space.
type Text struct {
	Title  string
	Body   string
	Blocks []dataset.Block
}

// Reader reads the bytes of a file into a Builder. It returns the title that the document gives itself, if it
// does. What it writes is valid UTF-8 without control characters.
type Reader func(ctx context.Context, data []byte, b *Builder) (title string, err error)

// Readers are those of formats that not every program links, by extension (".pdf").
type Readers map[string]Reader

// format is how files of an extension are read: as text, or as bytes. One with neither is heavy: Parse is given its
// Reader.
type format struct {
	text  func(ctx context.Context, text string, b *Builder) (title string, err error) // valid UTF-8, "\n" line ends, no control characters
	bytes Reader
}

// formats by extension. A file without an extension is plain text. There is no call in it, so that programs which
// parse nothing do not link the readers.
var formats = map[string]format{
	"":          {text: parsePlain},
	".txt":      {text: parsePlain},
	".text":     {text: parsePlain},
	".md":       {text: parseMarkdown},
	".markdown": {text: parseMarkdown},
	".html":     {text: parseHTML},
	".htm":      {text: parseHTML},
	".docx":     {bytes: parseDOCX},
	".epub":     {bytes: parseEPUB},
	".pdf":      {},
}

// Wanted names the formats for messages to users.
const Wanted = ".pdf, .docx, .epub, .html, .md or .txt"

// Supported reports whether files of that name are documents that Parse can read.
func Supported(name string) bool {
	_, ok := formats[ext(name)]
	return ok
}

// Parse reads a document. The format follows from the extension of name; heavy are the readers of formats that are
// not built in. Invalid: an unknown format, a limit passed, a binary file, an unknown encoding, a damaged or encrypted
// file, or no text at all; the error says which. Unavailable: ctx is done.
func Parse(ctx context.Context, name string, data []byte, heavy Readers) (*Text, error) {
	f, ok := formats[ext(name)]
	if !ok {
		return nil, dataset.Errorf(dataset.Invalid, "%q is no supported format, want %s", ext(name), Wanted)
	}
	if len(data) > dataset.MaxDocument {
		return nil, tooLarge("the document has", len(data), dataset.MaxDocument)
	}
	read := f.bytes
	switch {
	case f.text != nil:
		read = func(ctx context.Context, data []byte, b *Builder) (string, error) {
			text, err := decode(data, strings.HasPrefix(ext(name), ".htm"))
			if err != nil {
				return "", err
			}
			return f.text(ctx, text, b)
		}
	case read == nil:
		if read = heavy[ext(name)]; read == nil {
			return nil, dataset.Errorf(dataset.Internal, "this program has no reader of %s", ext(name))
		}
	}
	var b Builder
	title, err := read(ctx, data, &b)
	if err == nil {
		err = b.err
	}
	if err != nil {
		return nil, err
	}
	if len(b.blocks) == 0 {
		return nil, dataset.Errorf(dataset.Invalid, "the document has no text")
	}
	t := &Text{Body: string(b.text), Blocks: b.blocks}
	for _, title := range []string{title, t.firstHeading(), stem(name), "Untitled"} {
		if t.Title = clip(oneLine(title), maxTitle); t.Title != "" {
			break
		}
	}
	return t, nil
}

// firstHeading returns the text of the first heading of the first level.
func (t *Text) firstHeading() string {
	for _, b := range t.Blocks {
		if b.Kind == dataset.HeadingBlock && b.Level == 1 {
			return t.headingText(b)
		}
	}
	return ""
}

// headingText returns a heading without its marks.
func (t *Text) headingText(b dataset.Block) string {
	return strings.TrimSpace(strings.TrimLeft(t.Body[b.Start:b.End], "#"))
}

func ext(name string) string { return strings.ToLower(path.Ext(base(name))) }

func stem(name string) string { return strings.TrimSuffix(base(name), path.Ext(base(name))) }

// base returns the last element of a path of either kind of system.
func base(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clip cuts s to at most n bytes, never inside a code point.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.TrimSpace(s[:runeStart(s, n)])
}

// ticker looks at a context now and then, as loops over tokens and lines cannot afford to do so each time.
type ticker struct {
	ctx context.Context
	n   int
}

// done returns the error of an ended context, wrapped so that it is Unavailable.
func (t *ticker) done() error {
	if t.n++; t.n&0xff != 1 || t.ctx.Err() == nil {
		return nil
	}
	return dataset.Errorf(dataset.Unavailable, "reading the document: %w", t.ctx.Err())
}
