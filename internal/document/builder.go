package document

import (
	"slices"
	"strconv"
	"strings"

	"compileo/internal/dataset"
)

// Builder writes the canonical form. Spans are exact because it notes where it is while it writes. The first
// limit passed stays in err, and nothing is written after that.
type Builder struct {
	text   []byte
	blocks []dataset.Block
	lists  []list // open, outermost first; at most dataset.MaxNesting
	flat   int    // lists opened beyond that, which do not indent
	lists0 int    // outermost lists so far
	last   int    // which of them the last block is an item of; 0: none
	term   string // of a definition list, to be written before what describes it
	err    error
}

// list is an open list.
type list struct {
	ordered bool
	number  int // of the item at hand
	width   int // of its mark, by which what is in it is indented
	state   itemState
}

type itemState int

const (
	noItem    itemState = iota
	emptyItem           // open, nothing written
	textItem            // its text is the last block: more text continues it
	pastItem            // something else came after its text
)

// OpenList begins a list inside the item that is open, if one is. The items of an ordered one are numbered from
// start.
func (b *Builder) OpenList(ordered bool, start int) {
	if len(b.lists) == dataset.MaxNesting {
		b.flat++
		return
	}
	if len(b.lists) == 0 {
		b.lists0++
	}
	b.lists = append(b.lists, list{ordered: ordered, number: max(start, 0) - 1, width: 2})
}

// CloseList ends the innermost list.
func (b *Builder) CloseList() {
	b.flushTerm()
	switch {
	case b.flat > 0:
		b.flat--
	case len(b.lists) > 0:
		b.lists = b.lists[:len(b.lists)-1]
	}
}

// OpenItem begins an item of the innermost list; the one before is over.
func (b *Builder) OpenItem() {
	if len(b.lists) == 0 {
		return
	}
	l := &b.lists[len(b.lists)-1]
	l.number++
	l.state = emptyItem
	if l.ordered {
		l.width = len(strconv.Itoa(l.number)) + 2
	}
}

// CloseItem ends the open item.
func (b *Builder) CloseItem() {
	b.flushTerm()
	if len(b.lists) > 0 && b.flat == 0 {
		b.lists[len(b.lists)-1].state = noItem
	}
}

// flushTerm writes a term that no running text follows.
func (b *Builder) flushTerm() {
	term := b.term
	b.term = ""
	b.Paragraph(term)
}

// Paragraph writes running text, whose "\n" are line breaks: as the text of an open item, or for itself.
func (b *Builder) Paragraph(text string) {
	if text == "" {
		return
	}
	if b.term != "" {
		text, b.term = b.term+": "+text, ""
	}
	if len(b.lists) > 0 {
		switch l := &b.lists[len(b.lists)-1]; l.state {
		case emptyItem:
			b.item(l, text)
			return
		case textItem:
			indent := b.indent() + l.width
			if b.grow("\n", strings.Repeat(" ", indent), indented(text, indent)) {
				b.blocks[len(b.blocks)-1].End = len(b.text)
			}
			return
		}
	}
	b.block(dataset.Block{Kind: dataset.ParagraphBlock}, text)
}

// item writes an item's mark and text.
func (b *Builder) item(l *list, text string) {
	mark := "- "
	if l.ordered {
		mark = strconv.Itoa(l.number) + ". "
	}
	gap, indent := "\n\n", b.indent()
	if b.last == b.lists0 {
		gap = "\n"
	}
	if len(b.text) == 0 {
		gap = ""
	}
	if !b.grow(gap, strings.Repeat(" ", indent)) {
		return
	}
	start := len(b.text)
	if b.grow(mark, indented(text, indent+l.width)) {
		b.note(dataset.Block{Kind: dataset.ItemBlock, Start: start, Level: len(b.lists), Ordered: l.ordered})
		b.last = b.lists0
		l.state = textItem
	}
}

// indent is how far the items of the innermost list are indented.
func (b *Builder) indent() (n int) {
	for _, l := range b.lists[:len(b.lists)-1] {
		n += l.width
	}
	return n
}

func indented(text string, n int) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", n))
}

// Heading writes a heading of level 1 to 6.
func (b *Builder) Heading(level int, text string) {
	if text = strings.ReplaceAll(text, "\n", " "); text != "" {
		b.flushTerm()
		b.block(dataset.Block{Kind: dataset.HeadingBlock, Level: level}, "######"[:level], " ", text)
	}
}

// Code writes a fenced block; blank code is dropped.
func (b *Builder) Code(lang, code string) {
	code = strings.TrimRight(code, " \t\n")
	for {
		line, rest, ok := strings.Cut(code, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			break
		}
		code = rest
	}
	if code == "" {
		return
	}
	b.flushTerm()
	fence := strings.Repeat("`", max(3, longestRun(code, '`')+1))
	lang = language(lang)
	b.block(dataset.Block{Kind: dataset.CodeBlock, Lang: lang}, fence, lang, "\n", code, "\n", fence)
}

// language is the first word of a fence's info, if it can be the name of a language.
func language(info string) string {
	lang := info[:len(info)-len(strings.TrimLeft(info, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+#._-"))]
	return clip(lang, 32)
}

// block writes parts as one block and closes the text of the items that it stands in.
func (b *Builder) block(block dataset.Block, parts ...string) {
	if len(b.text) > 0 && !b.grow("\n\n") {
		return
	}
	block.Start = len(b.text)
	if !b.grow(parts...) {
		return
	}
	b.note(block)
	b.last = 0
	for i := range b.lists {
		if b.lists[i].state == textItem {
			b.lists[i].state = pastItem
		}
	}
}

// note adds a block that ends here. An item's text is not continued once another block was written.
func (b *Builder) note(block dataset.Block) {
	if len(b.blocks) == maxBlocks {
		b.fail("the document has more than %d headings, paragraphs, list items, code blocks and tables", maxBlocks)
		return
	}
	block.End = len(b.text)
	b.blocks = append(b.blocks, block)
	if block.Kind == dataset.ItemBlock {
		for i := range b.lists[:len(b.lists)-1] {
			if b.lists[i].state == textItem {
				b.lists[i].state = pastItem
			}
		}
	}
}

// grow appends parts unless that would pass the limit.
func (b *Builder) grow(parts ...string) bool {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if b.err != nil {
		return false
	}
	if len(b.text)+n > dataset.MaxText {
		b.fail("the document's text has more than %d bytes", dataset.MaxText)
		return false
	}
	b.text = slices.Grow(b.text, n)
	for _, p := range parts {
		b.text = append(b.text, p...)
	}
	return true
}

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = dataset.Errorf(dataset.Invalid, format, args...)
	}
}
