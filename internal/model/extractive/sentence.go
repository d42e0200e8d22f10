package extractive

import (
	"strings"
	"unicode"

	"github.com/jdkato/prose/v3/token"
)

// maxTokens is the longest sentence that is parsed; longer ones are never asked about.
const maxTokens = 60

// maxSentence is the longest sentence in bytes that is read at all. The tokenizer takes time with the square
// of the length where no space stands, so this also bounds what a hostile text may cost.
const maxSentence = 800

// sentence is one tagged sentence of a block.
type sentence struct {
	m          *material
	block      *block
	index      int // among all sentences of the chunk
	start, end int
	toks       []word
	clause     *clause // its main clause; nil when it does not parse cleanly
}

// word is one token. Offsets are into the chunk's text.
type word struct {
	text, low  string
	tag        string // Penn Treebank
	base       string // base form if it may be a verb
	start, end int
	code       bool
}

func isLetter(r rune) bool { return unicode.IsLetter(r) }

// tag cuts [start,end) into sentences and tags their words. Inline code is hidden behind a name of the same
// length first, so that neither the tagger nor the segmenter trips over it and all offsets stay.
func (m *material) tag(b *block, start, end int) []*sentence {
	text := hide(m.text[start:end])
	var list []*sentence
	for _, x := range m.tools.segmenter.Segment(text) {
		s := &sentence{m: m, block: b, start: start + x.Start, end: start + x.End()}
		if len(x.Text) > maxSentence || strings.Contains(x.Text, ":::") { // ":::" marks boxes in some manuals
			continue
		}
		if s.toks = m.tools.words(x.Text, m.text[s.start:s.end], s.start); len(s.toks) < 2 {
			continue
		}
		if len(s.toks) <= maxTokens {
			s.clause = s.parse()
		}
		list = append(list, s)
	}
	return list
}

// hide puts a name of the same length in place of each inline code, and spaces in place of line breaks.
func hide(text string) string {
	hidden := []byte(text)
	for i, c := range hidden {
		if c == '\n' || c == '\t' || c == '\r' {
			hidden[i] = ' '
		}
	}
	for _, at := range inlineCode.FindAllIndex(hidden, -1) {
		copy(hidden[at[0]:], codeWord)
		for i := at[0] + len(codeWord); i < at[1]; i++ {
			hidden[i] = 'x'
		}
	}
	return string(hidden)
}

// words tokenises and tags one sentence, hidden, of which source is the text as it stands, at offset start.
func (t *tools) words(text, source string, start int) []word {
	raw := t.tokenizer.Tokenize(text)
	for i := range raw {
		if strings.HasPrefix(raw[i].Text, codeWord) {
			raw[i].Text = codeWord
		}
	}
	ends := make([]int, len(raw))
	for i := range raw { // a hidden word ends where its run of x does
		ends[i] = raw[i].End()
		if raw[i].Text == codeWord {
			for ends[i] < len(text) && text[ends[i]] == 'x' {
				ends[i]++
			}
		}
	}
	t.tagger.TagTokens(raw)
	toks := make([]word, len(raw))
	for i, r := range raw {
		toks[i] = t.word(r, source[r.Start:ends[i]], start)
	}
	repairTags(toks)
	repairVerbs(toks)
	return toks
}

func (t *tools) word(r token.Token, text string, start int) word {
	start += r.Start
	w := word{text: text, tag: r.Tag, start: start, end: start + len(text), code: r.Text == codeWord}
	w.low = strings.ToLower(w.text)
	switch {
	case w.code:
		w.tag = "NNP"
	case w.text == `"` || w.text == "“" || w.text == "”":
		w.tag = "``"
	default:
		w.base = t.base(w.low)
	}
	return w
}

func (w word) finite() bool { return is(w.tag, "VBZ", "VBD", "VBP", "MD") }
func (w word) noun() bool   { return strings.HasPrefix(w.tag, "NN") }
func (w word) name() bool   { return strings.HasPrefix(w.tag, "NNP") }

// str is the text of words [a,b) with single spaces.
func (s *sentence) str(a, b int) string {
	b = min(b, len(s.toks))
	if a < 0 || a >= b {
		return ""
	}
	return squash(s.m.text[s.toks[a].start:s.toks[b-1].end])
}

// low is str for the middle of a sentence: without the capital unless it begins a name.
func (s *sentence) low(a, b int) string {
	x := s.str(a, b)
	if x == "" || s.toks[a].name() && !s.startsPlain(a) || s.toks[a].text == "I" || acronym(s.toks[a].text) {
		return x
	}
	return lower(x)
}

// startsPlain says that the first word of the sentence is known in lower case elsewhere in the chunk, so its
// capital is no name's.
func (s *sentence) startsPlain(a int) bool {
	return a == 0 && !s.toks[a].code && strings.Contains(s.m.text, " "+s.toks[a].low+" ")
}

// body is the sentence with single spaces.
func (s *sentence) body() string { return squash(s.m.text[s.start:s.end]) }

// last is the number of words without the closing marks.
func (s *sentence) last() int {
	n := len(s.toks)
	for n > 0 && is(s.toks[n-1].text, ".", ":", "!", "?", ";", ",") {
		n--
	}
	return n
}
