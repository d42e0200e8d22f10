package document

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline is the state of the marks inside running text.
type inline struct {
	codeAt  int  // where in the text an open code span began; -1: none is open
	supAt   int  // the same for what is raised
	supLink bool // it holds a link, as the marks of footnotes do
	linkAt  int  // the same for a link
	refAt   int  // the same for the mark of a footnote
}

func (i *inline) reset() { *i = inline{codeAt: -1, supAt: -1, linkAt: -1, refAt: -1} }

// startInline handles elements inside running text and reports whether e was one.
func (w *htmlWalker) startInline(e element) bool {
	in := &w.inline
	switch e.name {
	case "br":
		w.endCode()
		if w.heading > 0 || w.tables.inCell() {
			w.flow.pause()
		} else {
			w.flow.breakLine()
		}
	case "img":
		// An image alone in a link is a button, and a badge says nothing that lasts.
		if in.linkAt < 0 && !isBadge(e.src) {
			w.flow.write(e.alt)
		}
	case "code", "tt":
		if in.codeAt < 0 {
			w.flow.gap()
			in.codeAt = len(w.flow.buf)
		}
	case "sup":
		if in.supAt < 0 {
			in.supAt, in.supLink = len(w.flow.buf), false
		}
	case "a":
		in.linkAt = len(w.flow.buf)
		in.supLink = in.supLink || e.local
		if e.ref {
			in.refAt = in.linkAt
		}
	case "q":
		w.flow.write("“")
	default:
		return false
	}
	return true
}

func (w *htmlWalker) endInline(name string) bool {
	switch name {
	case "code", "tt":
		w.endCode()
	case "sup":
		w.endSup()
	case "a":
		if at := w.inline.refAt; at >= 0 && at < len(w.flow.buf) {
			w.flow.buf = w.flow.buf[:at]
		}
		w.inline.linkAt, w.inline.refAt = -1, -1
	case "q":
		w.flow.write("”")
	default:
		return false
	}
	return true
}

// endCode puts backticks around the open code span.
func (w *htmlWalker) endCode() {
	at := w.inline.codeAt
	w.inline.codeAt = -1
	if at >= 0 && at < len(w.flow.buf) {
		w.flow.buf = append(w.flow.buf[:at], codeSpan(string(w.flow.buf[at:]))...)
	}
}

// endSup drops the mark of a footnote and writes powers as "10^3".
func (w *htmlWalker) endSup() {
	at := w.inline.supAt
	w.inline.supAt = -1
	if at < 0 || at >= len(w.flow.buf) {
		return
	}
	if w.inline.supLink {
		w.flow.buf = w.flow.buf[:at]
		return
	}
	w.flow.buf = raise(w.flow.buf, at)
}

// raise marks the number that begins at at and is raised as a power.
func raise(buf []byte, at int) []byte {
	raised := strings.TrimSpace(string(buf[at:]))
	before, _ := utf8.DecodeLastRune(buf[:at])
	if raised != "" && strings.Trim(raised, "0123456789+-−") == "" && (unicode.IsLetter(before) || unicode.IsDigit(before) || before == ')') {
		return append(append(buf[:at], '^'), raised...)
	}
	return buf
}
