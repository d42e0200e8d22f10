package document

import (
	"strings"
)

// set makes a set of words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

var (
	// dropped elements have no text of the document in them.
	dropped = set(`script style noscript template svg math iframe object canvas audio video select button textarea datalist
		dialog map rp rt`)
	voidElements = set("area base br col embed hr img input link meta param source track wbr")
	// unclosed elements may lack their end tag, so that nobody knows how far one reaches.
	unclosed = set("p li dt dd td th tr tbody thead tfoot option")
	// blockElements stand for themselves, so that text before and after them is not one paragraph.
	blockElements = set(`address article aside blockquote body caption center details div dl dd dt fieldset figcaption figure
		footer form header hgroup hr html legend li main nav ol optgroup option p section summary table tbody td tfoot th
		thead tr ul`)
	// htmlElements are the elements whose tags are markup in Markdown. Other things in angle brackets, such as
	// <file> in the description of a command, are text that a careless writer did not escape.
	htmlElements = set(`a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas
		caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
		figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input
		ins kbd label legend li link main map mark marquee menu meta meter nav nobr noframes noscript object ol optgroup
		option output p param picture pre progress q rp rt ruby s samp script search section select small source span
		strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u
		ul var video wbr`)
)

func isBlock(name string) bool { return blockElements[name] || headingLevel(name) > 0 || name == "pre" }

func headingLevel(name string) int {
	if len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' {
		return int(name[1] - '0')
	}
	return 0
}

// text handles a stretch of text.
func (w *htmlWalker) text(s string) {
	switch {
	case w.titled:
		if w.title == "" {
			w.title = oneLine(s)
		}
	case w.pre.open:
		w.pre.code.WriteString(s)
	default:
		w.flow.write(s)
	}
}

// start handles a start tag.
func (w *htmlWalker) start(e element) {
	if e.name == "title" && w.skip == "" {
		w.titled = true
		return
	}
	if !w.enter(e) {
		return
	}
	if w.pre.open {
		w.startInPre(e)
		return
	}
	if w.startInline(e) {
		return
	}
	level := headingLevel(e.name)
	if !isBlock(e.name) {
		return
	}
	if level > 0 || w.heading > 0 && len(w.flow.buf) > 0 && e.name != "div" {
		w.endHeading() // an unclosed heading
	}
	w.boundary()
	switch e.name {
	case "ul", "ol":
		if w.tables.inCell() {
			return
		}
		start := 1
		if e.hasNumber {
			start = e.number
		}
		w.b.OpenList(e.name == "ol", start)
		w.lists++
	case "li":
		w.startItem()
	case "dl":
		if !w.tables.inCell() {
			w.b.OpenList(false, 0)
			w.lists++
		}
	case "dt":
		w.startTerm()
	case "table":
		w.startTable()
	case "tr":
		w.startRow()
	case "td", "th":
		w.startCell(e)
	case "pre":
		w.startPre(e)
	default:
		if level > 0 {
			w.leaveCells()
			w.heading = level
		}
		w.pre.hint = classLanguage(e.class)
	}
}

// startItem begins an item; one outside of any list is in a list of its own.
func (w *htmlWalker) startItem() {
	if w.tables.inCell() {
		return
	}
	if w.lists == 0 {
		w.b.OpenList(false, 0)
		w.lists++
	}
	w.b.CloseItem()
	w.b.OpenItem()
}

// end handles an end tag.
func (w *htmlWalker) end(name string) {
	if name == "title" && w.titled {
		w.titled = false
		return
	}
	if !w.leave(name) {
		return
	}
	if w.pre.open {
		if name == "pre" {
			w.endPre()
		}
		return
	}
	if w.endInline(name) || !isBlock(name) {
		return
	}
	if headingLevel(name) > 0 {
		w.endHeading()
		return
	}
	w.boundary()
	switch name {
	case "ul", "ol", "dl":
		if !w.tables.inCell() && w.lists > 0 {
			w.endList()
		}
	case "li", "dd":
		if !w.tables.inCell() && w.lists > 0 {
			w.b.CloseItem()
		}
	case "td", "th":
		w.endCell()
	case "tr":
		w.endRow()
	case "table":
		w.endTable()
	}
}

// startTerm begins a term of a definition list; several in a row describe the same.
func (w *htmlWalker) startTerm() {
	if w.tables.inCell() || w.lists == 0 {
		return
	}
	w.term = true
	if w.b.term == "" {
		w.b.CloseItem()
		w.b.OpenItem()
	}
}

// endTerm keeps a term of a definition list for its description.
func (w *htmlWalker) endTerm() {
	w.term = false
	term := strings.ReplaceAll(w.flow.take(), "\n", " ")
	if w.b.term != "" && term != "" {
		term = w.b.term + ", " + term
	}
	if term != "" {
		w.b.term = clip(term, 10*maxTitle)
	}
}

func (w *htmlWalker) endList() {
	w.flush()
	w.b.CloseList()
	w.lists--
}

func (w *htmlWalker) endHeading() {
	level := w.heading
	if level == 0 {
		w.boundary()
		return
	}
	w.heading = 0
	w.endCode()
	// Generators of documentation end headings with a link to themselves.
	text := strings.TrimRight(w.flow.take(), " ¶§")
	w.b.Heading(level, strings.TrimSpace(strings.TrimSuffix(text, " #")))
}

// boundary ends a block of running text, or a word where a block cannot end.
func (w *htmlWalker) boundary() {
	if w.heading > 0 || w.tables.inCell() {
		w.endCode()
		w.flow.pause()
		return
	}
	w.flush()
}

// flush writes the running text.
func (w *htmlWalker) flush() {
	if w.tables.inCell() {
		w.endCell()
		return
	}
	w.endCode()
	w.inline.reset()
	w.heading = 0
	if w.term {
		w.endTerm()
		return
	}
	w.b.Paragraph(w.flow.take())
}

func (w *htmlWalker) startPre(e element) {
	w.leaveCells()
	w.pre.open, w.pre.lang = true, classLanguage(e.class)
	if w.pre.lang == "" {
		w.pre.lang = w.pre.hint
	}
	w.pre.hint = ""
}

func (w *htmlWalker) startInPre(e element) {
	switch e.name {
	case "br":
		w.pre.code.WriteByte('\n')
	case "code":
		if lang := classLanguage(e.class); lang != "" {
			w.pre.lang = lang
		}
	}
}

func (w *htmlWalker) endPre() {
	if w.pre.open {
		w.b.Code(w.pre.lang, w.pre.code.String())
	}
	w.pre.code.Reset()
	w.pre.open, w.pre.lang = false, ""
}

// classLanguage returns the language that a class names.
func classLanguage(class string) string {
	for _, c := range strings.Fields(class) {
		for _, prefix := range []string{"language-", "lang-", "highlight-source-", "brush:"} {
			if lang, ok := strings.CutPrefix(c, prefix); ok {
				return lang
			}
		}
	}
	return ""
}
