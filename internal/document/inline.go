package document

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inliner resolves the inline marks of Markdown into plain text, by the rules of CommonMark and in linear
// time. It is ours because a parser that builds a tree of each paragraph takes time and memory out of all
// proportion on hostile text, and because only text is wanted here.
//
// Text becomes pieces. Marks that turn out to mean something are shortened or emptied where they stand.
type inliner struct {
	refs map[string]bool // labels that link definitions and footnotes ("^…") of the document define

	src      string
	pos      int
	pieces   []piece
	runs     []run           // of emphasis marks, not settled yet
	brackets []bracket       // open
	inactive int             // open brackets below this cannot begin a link, as there is a link in them
	absent   map[string]bool // ends of comments and the like that the rest does not have
	ticks    map[int]int     // where the last run of backticks of each length is; nil: nobody asked
	anchor   bool            // inside <a>
	out      flow
}

type piece struct {
	text string
	hard bool // a line break
	code bool // text is the inside of a code span
	skip int  // an image: its text ends before this piece
}

// special are the bytes at which text ends.
var special = [256]bool{
	'\\': true, '`': true, '*': true, '_': true, '~': true, '[': true, ']': true, '!': true, '<': true,
	'&': true, '\n': true, ':': true,
}

// text returns the text of a paragraph, a heading or a cell: one line, but for hard breaks.
func (in *inliner) text(src string) string {
	if !strings.ContainsAny(src, "\\`*_~[]<&\n") {
		in.out.write(src)
		return in.out.take()
	}
	in.src, in.pos = src, 0
	in.pieces, in.runs, in.brackets, in.inactive = in.pieces[:0], in.runs[:0], in.brackets[:0], 0
	in.absent, in.ticks, in.anchor = nil, nil, false
	for in.pos < len(src) {
		in.next()
	}
	in.settle(-1)
	for _, p := range in.pieces {
		switch {
		case p.hard:
			in.out.breakLine()
		case p.code:
			in.out.write(codeSpan(p.text))
		default:
			in.out.write(p.text)
		}
	}
	return in.out.take()
}

func (in *inliner) add(text string) { in.pieces = append(in.pieces, piece{text: text}) }

// next reads one thing.
func (in *inliner) next() {
	c := in.src[in.pos]
	switch c {
	case '\\':
		in.escape()
	case '`':
		in.backticks()
	case '*', '_', '~':
		in.marks(c)
	case '[':
		in.open(false)
	case '!':
		if strings.HasPrefix(in.src[in.pos:], "![") {
			in.open(true)
			return
		}
		in.plain()
	case ']':
		in.close()
	case '<':
		in.angle()
	case '&':
		in.entity()
	case '\n':
		before := in.src[:in.pos]
		in.pieces = append(in.pieces, piece{text: "\n", hard: strings.HasSuffix(before, "  ")})
		in.pos++
	case ':':
		in.address()
	default:
		in.plain()
	}
}

// plain reads one byte, and all that follow it until the next special one.
func (in *inliner) plain() {
	start := in.pos
	in.pos++
	for in.pos < len(in.src) && !special[in.src[in.pos]] {
		in.pos++
	}
	in.add(in.src[start:in.pos])
}

func (in *inliner) escape() {
	in.pos++
	switch {
	case in.pos == len(in.src):
		in.add(`\`)
	case in.src[in.pos] == '\n':
		in.pieces = append(in.pieces, piece{hard: true})
		in.pos++
	case isPunctByte(in.src[in.pos]):
		in.add(in.src[in.pos : in.pos+1])
		in.pos++
	default:
		in.add(`\`)
	}
}

func isPunctByte(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// backticks reads a code span, or the backticks alone where none of that length close it.
func (in *inliner) backticks() {
	n := in.runLength('`')
	start := in.pos + n
	if in.ticks == nil {
		in.ticks = lastTicks(in.src[in.pos:], in.pos)
	}
	if in.ticks[n] < start { // else looking for it ends where reading goes on: this is linear
		in.add(in.src[in.pos:start])
		in.pos = start
		return
	}
	for i := start; ; {
		i += strings.IndexByte(in.src[i:], '`')
		from := i
		for i < len(in.src) && in.src[i] == '`' {
			i++
		}
		if i-from == n {
			code := strings.ReplaceAll(in.src[start:from], "\n", " ")
			in.pieces = append(in.pieces, piece{text: code, code: true})
			in.pos = i
			return
		}
	}
}

// lastTicks returns where in the text the last run of backticks of each length begins.
func lastTicks(s string, offset int) map[int]int {
	last := map[int]int{}
	for i := 0; i < len(s); {
		k := strings.IndexByte(s[i:], '`')
		if k < 0 {
			break
		}
		i += k
		from := i
		for i < len(s) && s[i] == '`' {
			i++
		}
		last[i-from] = offset + from
	}
	return last
}

// miss remembers that the rest of the text has no s, so that nobody looks for it again.
func (in *inliner) miss(s string) {
	if in.absent == nil {
		in.absent = map[string]bool{}
	}
	in.absent[s] = true
}

func (in *inliner) runLength(c byte) int {
	n := 1
	for in.pos+n < len(in.src) && in.src[in.pos+n] == c {
		n++
	}
	return n
}

func (in *inliner) entity() {
	rest := in.src[in.pos:min(in.pos+40, len(in.src))]
	if i := strings.IndexByte(rest, ';'); i > 1 {
		if s := html.UnescapeString(rest[:i+1]); s != rest[:i+1] {
			in.add(s)
			in.pos += i + 1
			return
		}
	}
	in.plain()
}

// address reads the rest of a bare address, whose "_" and "*" are no marks.
func (in *inliner) address() {
	before := in.src[:in.pos]
	if !strings.HasPrefix(in.src[in.pos:], "://") || !strings.HasSuffix(before, "http") && !strings.HasSuffix(before, "https") {
		in.plain()
		return
	}
	rest := in.src[in.pos:]
	if i := strings.IndexAny(rest, " \t\n<>[]`\"\\"); i >= 0 {
		rest = rest[:i]
	}
	if trimmed := strings.TrimRight(rest, "*_~.,:;!?)'"); trimmed != "" {
		rest = trimmed
	} else {
		rest = rest[:1]
	}
	in.add(rest)
	in.pos += len(rest)
}

// run is a run of one emphasis mark.
type run struct {
	piece             int
	char              byte
	length            int // as written
	canOpen, canClose bool
	prev, next        int // runs not settled; -1: none
}

func (in *inliner) marks(c byte) {
	n := in.runLength(c)
	text := in.src[in.pos : in.pos+n]
	before, _ := utf8.DecodeLastRuneInString(in.src[:in.pos])
	after, _ := utf8.DecodeRuneInString(in.src[in.pos+n:])
	if in.pos == 0 {
		before = ' '
	}
	if in.pos+n == len(in.src) {
		after = ' '
	}
	in.pos += n
	in.add(text)
	left := !unicode.IsSpace(after) && (!isMarkup(after) || unicode.IsSpace(before) || isMarkup(before))
	right := !unicode.IsSpace(before) && (!isMarkup(before) || unicode.IsSpace(after) || isMarkup(after))
	r := run{piece: len(in.pieces) - 1, char: c, length: n, canOpen: left, canClose: right, prev: len(in.runs) - 1, next: -1}
	switch c {
	case '_':
		r.canOpen, r.canClose = left && (!right || isMarkup(before)), right && (!left || isMarkup(after))
	case '~':
		if n > 2 {
			return
		}
	}
	if r.prev >= 0 {
		in.runs[r.prev].next = len(in.runs)
	}
	in.runs = append(in.runs, r)
}

func isMarkup(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// settle matches the runs after bottom, drops what matches, and leaves the rest as text.
func (in *inliner) settle(bottom int) {
	if len(in.runs) == bottom+1 {
		return
	}
	var low [18]int // by what is looked for: there is no opener at or below
	for i := range low {
		low[i] = bottom
	}
	for c := bottom + 1; c >= 0; {
		closer := &in.runs[c]
		if !closer.canClose {
			c = closer.next
			continue
		}
		floor := &low[closer.kind()]
		o := closer.prev
		for o > *floor && !matches(&in.runs[o], closer) {
			o = in.runs[o].prev
		}
		if o <= *floor {
			*floor = closer.prev
			next := closer.next
			if !closer.canOpen {
				in.unlink(c)
			}
			c = next
			continue
		}
		c = in.match(o, c)
	}
	in.runs = in.runs[:bottom+1]
	if bottom >= 0 {
		in.runs[bottom].next = -1
	}
}

// kind numbers what openers a closer may have.
func (r *run) kind() int {
	k := strings.IndexByte("*_~", r.char)*6 + r.length%3*2
	if r.canOpen {
		k++
	}
	return k
}

// matches reports whether opener and closer are a pair. The rule of three keeps "*a**b*" apart.
func matches(opener, closer *run) bool {
	if opener.char != closer.char || !opener.canOpen {
		return false
	}
	if opener.char == '~' {
		return opener.length == closer.length
	}
	odd := (opener.canClose || closer.canOpen) && closer.length%3 != 0 && (opener.length+closer.length)%3 == 0
	return !odd
}

// match takes the marks of a pair away and returns the run to go on with.
func (in *inliner) match(o, c int) int {
	opener, closer := &in.pieces[in.runs[o].piece], &in.pieces[in.runs[c].piece]
	n := 1
	if len(opener.text) >= 2 && len(closer.text) >= 2 {
		n = 2
	}
	opener.text, closer.text = opener.text[n:], closer.text[n:]
	in.runs[o].next, in.runs[c].prev = c, o
	if opener.text == "" {
		in.unlink(o)
	}
	if closer.text != "" {
		return c
	}
	next := in.runs[c].next
	in.unlink(c)
	return next
}

func (in *inliner) unlink(i int) {
	r := in.runs[i]
	if r.prev >= 0 {
		in.runs[r.prev].next = r.next
	}
	if r.next >= 0 {
		in.runs[r.next].prev = r.prev
	}
}
