package document

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"compileo/internal/dataset"
)

// An HTML document's main part is taken for the whole when it has at least this many bytes of text, and at
// least a third of all.
const minMain = 500

// parseHTML reads a page. What is in its <main> or <article> elements is the document when that is substantial.
//
// Tokens are read one after another and no tree is built: a tree's size is not bounded by the input's, and
// the few elements that matter need none. Elements nested too deep do no harm, as only lists are counted.
func parseHTML(ctx context.Context, src string, b *Builder) (string, error) {
	tick := ticker{ctx: ctx}
	all := htmlWalker{b: b, tick: &tick}
	if err := all.walk(src); err != nil || b.err != nil {
		return "", err
	}
	for _, scope := range []string{"main", "article"} {
		if all.scopes[scope] == 0 {
			continue
		}
		var part Builder
		w := htmlWalker{b: &part, tick: &tick, scope: scope}
		if err := w.walk(src); err != nil {
			return "", err
		}
		if part.err == nil && len(part.text) >= minMain && len(part.text) >= len(b.text)/3 {
			*b = part
			break
		}
	}
	return all.title, nil
}

// htmlWalker writes a page, or a piece of HTML inside Markdown, to a Builder.
type htmlWalker struct {
	b     *Builder
	tick  *ticker
	scope string // only what is inside this element; "": everything
	xhtml bool   // a page of a book: "<a/>" is an element without content, not a start tag

	title   string
	scopes  map[string]int // how many <main> and <article> elements were opened
	inside  int            // how many of the scope, or of both, are open
	skip    string         // element whose content is dropped
	depth   int            // how many of that name are open
	lists   int            // opened here
	heading int            // level of the open one
	titled  bool           // inside <title>
	flow    flow           // the text of the block at hand
	term    bool           // inside <dt>
	inline  inline
	pre     pre
	tables  tables
}

// pre is the state of a block of code.
type pre struct {
	code strings.Builder
	open bool
	lang string
	hint string // language named by the element around it
}

// walk reads src to its end.
func (w *htmlWalker) walk(src string) error {
	w.scopes = map[string]int{}
	w.inline.reset()
	z := html.NewTokenizer(strings.NewReader(src))
	z.AllowCDATA(w.xhtml)
	for w.b.err == nil {
		if err := w.tick.done(); err != nil {
			return err
		}
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			w.finish()
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return dataset.Errorf(dataset.Invalid, "reading the HTML: %w", err)
			}
			return nil
		case html.TextToken:
			if w.visible() || w.titled {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			e := element{name: string(name)}
			if more {
				e.attributes(z)
			}
			if w.xhtml {
				e.local = e.local || e.anchor // the notes of a book are in another file
			}
			w.start(e)
			if w.xhtml && kind == html.SelfClosingTagToken {
				z.NextIsNotRawText()
				if !voidElements[e.name] {
					w.end(e.name)
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(string(name))
		}
	}
	return nil
}

// element is a start tag.
type element struct {
	name             string
	alt, src, class  string
	number           int // start, or the columns it spans
	rows             int // it spans
	hidden, chrome   bool
	hasNumber, local bool // local: a link within the page
	anchor           bool // a link to a place in a page
	note, ref        bool // a footnote; its mark
}

// attributes reads those that matter.
func (e *element) attributes(z *html.Tokenizer) {
	for more := true; more; {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch string(k) {
		case "alt":
			e.alt = string(v)
		case "src":
			e.src = string(v[:min(len(v), 500)])
		case "class":
			e.class = string(v[:min(len(v), 500)])
		case "href":
			e.local = strings.HasPrefix(string(v), "#")
			e.anchor = strings.Contains(string(v), "#")
		case "epub:type":
			e.note = strings.Contains(string(v), "note") // footnote, endnote, rearnote
			e.ref = strings.Contains(string(v), "noteref")
			e.hidden = e.hidden || string(v) == "pagebreak" // the number of a printed page
		case "start", "colspan":
			n, err := strconv.Atoi(string(v))
			e.number, e.hasNumber = n, err == nil
		case "rowspan":
			e.rows, _ = strconv.Atoi(string(v))
		case "hidden":
			e.hidden = true
		case "aria-hidden":
			e.hidden = e.hidden || string(v) == "true"
		case "style":
			style := strings.ReplaceAll(string(v), " ", "")
			e.hidden = e.hidden || strings.Contains(style, "display:none")
		case "role":
			switch string(v) {
			case "navigation", "banner", "contentinfo", "search":
				e.chrome = true
			case "doc-footnote", "doc-endnote":
				e.note = true
			case "doc-noteref":
				e.ref = true
			}
		}
	}
}

// visible reports whether text at this place is part of the document.
func (w *htmlWalker) visible() bool { return w.skip == "" && (w.scope == "" || w.inside > 0) }

// enter handles what decides over visibility and reports whether the element is to be read.
func (w *htmlWalker) enter(e element) bool {
	if e.name == "main" || e.name == "article" {
		w.scopes[e.name]++
		w.skip = "" // whatever was open and dropped was not closed
		if w.scope == "" || w.scope == e.name {
			w.flush()
			w.inside++
		}
		return w.visible()
	}
	if w.skip == "" && !voidElements[e.name] && (dropped[e.name] || w.isChrome(e)) {
		if w.visible() && isBlock(e.name) {
			w.boundary()
		}
		w.skip, w.depth = e.name, 0
	}
	if w.skip != "" {
		if e.name == w.skip {
			w.depth++
		}
		return false
	}
	return w.visible()
}

// isChrome reports whether an element is not content: navigation, page furniture, or hidden.
func (w *htmlWalker) isChrome(e element) bool {
	switch e.name {
	case "html", "body":
		return false
	case "nav", "footer", "menu":
		return true
	case "aside":
		return w.inside == 0 && !e.note
	}
	return (e.hidden || e.chrome) && !unclosed[e.name]
}

// leave is enter for an end tag.
func (w *htmlWalker) leave(name string) bool {
	if w.skip != "" {
		if name == w.skip {
			if w.depth--; w.depth == 0 {
				w.skip = ""
			}
		}
		return false
	}
	visible := w.visible()
	if (name == w.scope || w.scope == "" && (name == "main" || name == "article")) && w.inside > 0 {
		w.flush()
		w.inside--
	}
	return visible
}

// finish writes what is open at the end.
func (w *htmlWalker) finish() {
	w.endPre()
	w.flush()
	for w.tables.open > 0 {
		w.endTable()
	}
	for w.lists > 0 {
		w.endList()
	}
	w.inside, w.skip, w.heading, w.titled = 0, "", 0, false
}
