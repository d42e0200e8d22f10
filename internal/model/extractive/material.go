package extractive

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// material is a chunk analysed once: what all rules read. Offsets are into text, so that any stretch of it
// can be quoted as evidence.
type material struct {
	tools     *tools
	text      string
	title     string // of the document, "" when it tells nothing
	id        string // of the chunk
	english   bool
	sections  []*section
	sentences []*sentence
}

// section is what stands under one heading.
type section struct {
	heading string   // its text, "" before the first heading of the chunk when that is not known either
	path    []string // headings above it and its own, outermost first
	own     bool     // the heading stands in this chunk
	start   int      // of the heading, else of the first block
	blocks  []*block
}

// block is a block without its marks.
type block struct {
	dataset.Block
	start, end int    // its content
	body       string // its content with single spaces; of paragraphs, items and headings
	sentences  []*sentence
}

var (
	itemMark    = regexp.MustCompile(`^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?`)
	headingMark = regexp.MustCompile(`^#{1,6}\s+`)
	inlineCode  = regexp.MustCompile("`+[^`]+`+")
	paren       = regexp.MustCompile("\\s+\\([^()`]*\\)")
	anchor      = regexp.MustCompile(`\s*\{#[^}]*\}`)
	stockTitle  = regexp.MustCompile(`(?i)^(readme|index|untitled|document|docs?|main|home|contributing|changelog|license)$`)
	fileEnd     = regexp.MustCompile(`(?i)\.(md|mdx|markdown|txt|html?|rst|pdf|docx?|csv|json|xml)$`)
)

// analyse reads a chunk. Its blocks are known to lie within the text, in order.
func analyse(ctx context.Context, t *tools, c *dataset.Chunk) (*material, error) {
	m := &material{tools: t, text: c.Text, id: c.ID(), title: tellingTitle(c.Title)}
	m.english = english(c)
	trail := trail{}
	for i, h := range c.Headings {
		trail.push(i+1, cleanHeading(h))
	}
	current := &section{heading: trail.last(), path: trail.names()}
	for i, b := range c.Blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if b.Kind == dataset.HeadingBlock {
			h := cleanHeading(m.text[b.Start:b.End])
			if i > 0 || h != trail.last() {
				trail.push(max(b.Level, 1), h)
			}
			m.close(current)
			current = &section{heading: h, path: trail.names(), own: true, start: b.Start}
			continue
		}
		k := m.block(b)
		if len(current.blocks) == 0 && !current.own {
			current.start = b.Start
		}
		current.blocks = append(current.blocks, k)
		m.read(k)
	}
	m.close(current)
	return m, nil
}

func (m *material) close(s *section) {
	if len(s.blocks) > 0 {
		m.sections = append(m.sections, s)
	}
}

func (m *material) block(b dataset.Block) *block {
	k := &block{Block: b, start: b.Start, end: b.End}
	raw := m.text[b.Start:b.End]
	if b.Kind == dataset.ItemBlock {
		k.start += len(itemMark.FindString(raw))
	}
	k.end -= len(m.text[k.start:b.End]) - len(strings.TrimRight(m.text[k.start:b.End], " \t\r\n"))
	if b.Kind == dataset.ItemBlock || b.Kind == dataset.ParagraphBlock {
		k.body = squash(m.text[k.start:k.end])
	}
	return k
}

// read finds the sentences of a block that the sentence rules want: running text in English.
func (m *material) read(b *block) {
	if !m.english || b.body == "" {
		return
	}
	if b.Kind == dataset.ItemBlock && (!fullSentence(b.body) || definitionItem.MatchString(b.body)) {
		return
	}
	b.sentences = m.tag(b, b.start, b.end)
	if b.Partial && len(b.sentences) > 0 { // a cut sentence must not be asked about
		if n := len(b.sentences) - 1; !strings.ContainsAny(m.text[b.end-1:b.end], ".!?:)\"") {
			b.sentences = b.sentences[:n]
		}
		if r, _ := utf8.DecodeRuneInString(m.text[b.start:]); len(b.sentences) > 0 && r >= 'a' && r <= 'z' {
			b.sentences = b.sentences[1:]
		}
	}
	for _, s := range b.sentences {
		s.index = len(m.sentences)
		m.sentences = append(m.sentences, s)
	}
}

// fullSentence says whether x is written as a sentence.
func fullSentence(x string) bool {
	return (strings.HasSuffix(x, ".") || strings.HasSuffix(x, ".)")) && wordCount(x) >= 5
}

// trail is the path of headings while going through a chunk.
type trail struct {
	levels []int
	texts  []string
}

func (t *trail) push(level int, text string) {
	for len(t.levels) > 0 && t.levels[len(t.levels)-1] >= level {
		t.levels = t.levels[:len(t.levels)-1]
		t.texts = t.texts[:len(t.texts)-1]
	}
	t.levels = append(t.levels, level)
	t.texts = append(t.texts, text)
}

func (t *trail) last() string {
	if len(t.texts) == 0 {
		return ""
	}
	return t.texts[len(t.texts)-1]
}

func (t *trail) names() []string { return append([]string(nil), t.texts...) }

func cleanHeading(h string) string {
	h = headingMark.ReplaceAllString(strings.TrimSpace(h), "")
	h = anchor.ReplaceAllString(h, "")
	h = strings.TrimLeftFunc(h, func(r rune) bool { return !isLetter(r) && !unicode.IsDigit(r) && r != '`' && r != '.' && r != '"' })
	return strings.TrimRight(squash(paren.ReplaceAllString(h, "")), ".:# ")
}

// tellingTitle is the title as a name for the document, "" when it is none.
func tellingTitle(title string) string {
	title = cleanHeading(fileEnd.ReplaceAllString(strings.TrimSpace(title), ""))
	if stockTitle.MatchString(title) || stockHeading(title) || wordCount(title) > 12 || !strings.ContainsFunc(title, isLetter) {
		return ""
	}
	return strings.TrimRight(title, ".:?! ")
}

// english is a cheap test on the running text: common English words that other languages do not share.
func english(c *dataset.Chunk) bool {
	total, common := 0, 0
	for _, b := range c.Blocks {
		if b.Kind != dataset.ParagraphBlock && b.Kind != dataset.ItemBlock {
			continue
		}
		for _, w := range words(inlineCode.ReplaceAllString(c.Text[b.Start:b.End], " ")) {
			total++
			if functional[w] {
				common++
			}
		}
		if total > 400 {
			break
		}
	}
	if total < 30 && (common > 0 || total < 12) {
		return !strings.ContainsFunc(c.Text, func(r rune) bool { return r > 0x17f && isLetter(r) })
	}
	return common*100 >= total*11
}
