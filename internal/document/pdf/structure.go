package pdf

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// block is a piece of the document's structure.
type block struct {
	kind    dataset.BlockKind
	level   int // of a heading, or of an item's list, from 1
	ordered bool
	number  int
	text    string
	rows    [][]string
	style   style
	left    float64 // of the first line of code
}

// style is the look of a heading.
type style struct {
	size float64
	bold bool
}

var (
	bullet   = regexp.MustCompile(`^([•◦▪▫●○■□–∗*·‣➢✓-]|\x{2022}|[\x{f000}-\x{f0ff}]|o)\s+`)
	numbered = regexp.MustCompile(`^\(?(\d{1,3}|[a-z])[.)]\s+`)
	section  = regexp.MustCompile(`^(?:[A-Z]\.)?(\d{1,3}(?:\.\d{1,3})*)\.?\s+\p{L}`)
	leaders  = regexp.MustCompile(`(?:[.·…]\s?){4,}\s*[\divxlc]{0,6}$`)
)

// isMark reports whether text is only the mark of an item.
func isMark(text string) bool {
	text += " "
	return len(bullet.FindString(text)) == len(text) || len(numbered.FindString(text)) == len(text)
}

// structure makes blocks of pages.
func structure(pages []page, marks []bookmark) []block {
	l := layout{body: bodySize(pages)}
	rows := dropFurniture(l.rows(pages), len(pages))
	w := writer{body: l.body, leading: leading(rows, l.body)}
	w.headings = findHeadings(rows, marks, w.body, w.leading)
	w.rows = rows
	mono := 0
	for _, r := range rows {
		if r.mono {
			mono++
		}
	}
	w.typed = mono*2 > len(rows)
	for i := 0; i < len(rows); {
		if n, cells := table(rows[i:], l.body); n > 0 && !rows[i].mono && w.headings.level(i) == 0 {
			w.end()
			w.out = append(w.out, block{kind: dataset.TableBlock, rows: cells})
			i += n
			w.prev = row{}
			continue
		}
		w.row(i, rows[i])
		i++
	}
	w.end()
	return dropContents(w.out)
}

// leading is the usual space between two lines of a paragraph.
func leading(rows []row, body float64) float64 {
	var gaps []float64
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		gap := a.bottom - b.top
		if a.page == b.page && a.size == body && b.size == body && gap > -body/2 && gap < 2*body {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return body * 0.2
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// dropContents drops tables of contents: entries that lead to a page number, and their heading.
func dropContents(blocks []block) []block {
	var out []block
	for _, b := range blocks {
		if b.kind == contents {
			if n := len(out); n > 0 && out[n-1].kind == dataset.HeadingBlock {
				out = out[:n-1]
			}
			continue
		}
		out = append(out, b)
	}
	return out
}

// contents is the kind of an entry of a table of contents.
const contents = "contents"

// writer makes blocks of rows.
type writer struct {
	body, leading float64
	headings      headings
	rows          []row
	typed         bool // most of the text is of one width: that says nothing
	out           []block
	cur           *block // open
	prev          row
	lists         []float64 // left edges of the open lists
	number        []int     // of their last items
}

// row adds a line.
func (w *writer) row(i int, r row) {
	defer func() { w.prev = r }()
	gap := w.prev.bottom - r.top
	jump := r.page != w.prev.page || gap < -2*r.size // to the next column or page
	fresh := w.cur == nil || jump && ended(w.cur.text) || !jump && gap > w.leading+0.5*r.size || abs(r.size-w.prev.size) > 1
	if leaders.MatchString(r.text) {
		w.start(block{kind: contents})
		return
	}
	if level := w.headings.level(i); level > 0 {
		look := style{r.size, r.bold}
		if w.cur != nil && w.cur.kind == dataset.HeadingBlock && w.cur.level == level && w.cur.style == look && !jump && gap < 0.9*r.size &&
			!section.MatchString(r.text) && utf8.RuneCountInString(w.cur.text) < maxHeading && !w.headings.begins[i] {
			w.join(r)
			return
		}
		w.lists, w.number = nil, nil
		w.start(block{kind: dataset.HeadingBlock, level: level, text: r.text, style: look})
		return
	}
	inCode := w.cur != nil && w.cur.kind == dataset.CodeBlock
	if r.mono && !w.typed && (inCode || w.cur == nil || fresh || ended(w.cur.text)) {
		w.code(r)
		return
	}
	if inCode {
		w.end()
	}
	if w.item(i, r, fresh) {
		return
	}
	hanging := len(w.lists) > 0 && r.left > w.lists[len(w.lists)-1]+r.size*0.4
	switch {
	case w.cur == nil || w.cur.kind == dataset.HeadingBlock || w.cur.kind == contents:
	case w.cur.kind == dataset.ItemBlock && !jump && hanging && !fresh, jump && !fresh:
		w.join(r)
		return
	case w.cur.kind == dataset.ItemBlock && !hanging && ended(w.cur.text):
	case !fresh && !(ended(w.cur.text) && r.left > w.prev.left+r.size*0.8 && r.left < w.prev.left+r.size*4): // no first line
		w.join(r)
		return
	}
	if !hanging {
		w.lists, w.number = nil, nil
	}
	w.start(block{kind: dataset.ParagraphBlock, text: r.text})
}

// item adds a line that begins an item of a list.
func (w *writer) item(i int, r row, fresh bool) bool {
	b := block{kind: dataset.ItemBlock}
	if m := bullet.FindString(r.text); m != "" {
		b.text = r.text[len(m):]
		b.text = b.text[len(bullet.FindString(b.text)):] // of a list that begins inside the item
	} else if m := numbered.FindStringSubmatch(r.text); m != nil {
		b.text, b.ordered = r.text[len(m[0]):], true
		for _, c := range m[1] {
			if b.number = b.number*10 + int(c-'0'); c >= 'a' {
				b.number = int(c-'a') + 1
			}
		}
	}
	if b.text == "" {
		return false
	}
	depth := len(w.lists)
	for depth > 0 && w.lists[depth-1] > r.left+r.size*0.5 {
		depth--
	}
	inside := depth > 0 && r.left < w.lists[depth-1]+r.size*0.5 // of the list at depth-1
	// A number belongs to a list when it is the next one, or the first, or the next one follows.
	next := b.number == 1 || b.ordered && w.follows(i, b.number+1)
	if inside && w.number[depth-1] > 0 {
		next = next || b.number == w.number[depth-1]+1
	}
	if b.ordered && (!next || !fresh && w.cur != nil && w.cur.kind == dataset.ParagraphBlock && !ended(w.cur.text) && r.left < w.prev.left+r.size) {
		return false // a number at the beginning of a line
	}
	w.lists, w.number = w.lists[:depth], w.number[:depth]
	if !inside {
		if depth == dataset.MaxNesting {
			return false
		}
		w.lists, w.number = append(w.lists, r.left), append(w.number, 0)
		depth++
	}
	w.number[depth-1] = b.number
	b.level = depth
	w.start(b)
	return true
}

// follows reports whether one of the next lines begins with that number at the same place.
func (w *writer) follows(i, number int) bool {
	for _, r := range w.rows[i+1 : min(i+10, len(w.rows))] {
		m := numbered.FindStringSubmatch(r.text)
		if m != nil && m[1] == strconv.Itoa(number) && abs(r.left-w.rows[i].left) < r.size/2 {
			return true
		}
	}
	return false
}

// code adds a line of code, with its indent.
func (w *writer) code(r row) {
	text := strings.ReplaceAll(r.text, string(hyphen), "-")
	width := r.size * 0.6 // of a character, by its look in short lines
	if n := utf8.RuneCountInString(r.text); n >= 8 {
		width = (r.right - r.left) / float64(n)
	}
	if w.cur == nil || w.cur.kind != dataset.CodeBlock || r.page != w.prev.page {
		w.lists, w.number = nil, nil
		w.start(block{kind: dataset.CodeBlock, text: text, left: r.left})
		return
	}
	indent := 0
	if width > 0 {
		indent = min(max(int((r.left-w.cur.left)/width+0.4), 0), 40)
	}
	w.cur.text += "\n" + strings.Repeat(" ", indent) + text
}

// start ends the open block and begins another.
func (w *writer) start(b block) {
	w.end()
	w.cur = &b
}

func (w *writer) end() {
	if w.cur == nil {
		return
	}
	b := *w.cur
	w.cur = nil
	b.text = strings.TrimSpace(strings.ReplaceAll(b.text, string(hyphen), "-"))
	if b.text != "" || b.kind == contents {
		w.out = append(w.out, b)
	}
}

// join adds a line to the open block.
func (w *writer) join(r row) { w.cur.text = joined(w.cur.text, r.text) }

// joined joins two lines of running text.
func joined(a, b string) string {
	last, n := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	switch {
	case a == "" || b == "":
		return a + b
	case last == hyphen && unicode.IsLower(first):
		return a[:len(a)-n] + b
	case last == hyphen:
		return a[:len(a)-n] + "-" + b
	case isWide(last) && isWide(first):
		return a + b
	}
	return a + " " + b
}

// isWide reports whether words are written without spaces between them.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}

// ended reports whether a text may be a whole paragraph.
func ended(s string) bool {
	last, _ := utf8.DecodeLastRuneInString(s)
	return s == "" || strings.ContainsRune(".:!?”\")»。！？", last)
}

func abs(x float64) float64 { return max(x, -x) }
