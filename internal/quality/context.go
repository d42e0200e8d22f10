// Package quality judges entries without a model: gates that a good entry passes, a score with stated parts,
// the place of each quote in its chunk, and near-duplicates among millions of entries. It is pure: the same
// entry and chunk give the same result everywhere.
//
// The score is P(good) × grounding. P(good) is a logistic of a few features, every weight of which is held to
// the sign it must have (features.go), so that a fault never raises it; grounding says how far the answer's
// words, numbers and names stand in the chunk. A gate that is not passed is named in Quality.Faults and caps
// the score at 0.3. The score does not mean truth, does not rank models (it prefers copied wording), and is
// made for English; of other languages only what does not depend on words lists is judged.
package quality

import (
	"slices"
	"strings"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Context is what all entries of a chunk are judged against. What only some calls need is prepared by the first
// of them. It is not safe for concurrent use.
type Context struct {
	chunk  *dataset.Chunk
	starts []int32  // byte offsets of every 64th code point of the text; nil when it is ASCII
	folded *folding // see fold
	low    string   // see lower

	vocabulary                 // nothing yet before the first Assess
	english    bool            // 15 % or more of the chunk's words are stop words
	sentences  int             // of the chunk
	pairs      map[uint64]bool // neighbouring words of the chunk
	tick       int             // of the last list or entry marked: see term
	view       view            // of the entry at hand
	spare      []word          // room for one short list of words
	list       []*term         // room for one list of terms
	counts     []int32         // room for a number for each sentence
	shares     []int32         // another
}

// NewContext makes the context of a chunk, which must not change while the context is in use.
func NewContext(chunk *dataset.Chunk) *Context {
	return &Context{chunk: chunk, starts: runeStarts(chunk.Text)}
}

// analyse cuts the chunk into words.
func (c *Context) analyse() {
	text := c.chunk.Text
	c.terms = make(map[string]*term, len(text)/8)
	for _, s := range append(slices.Clone(c.chunk.Headings), c.chunk.Title) {
		c.spare = c.words(c.spare[:0], s)
		for _, w := range c.spare {
			w.stem.around, w.known = true, true
		}
	}
	all := c.words(make([]word, 0, len(text)/5+1), text)
	c.pairs = make(map[uint64]bool, len(all))
	stops, rest := 0, all
	for _, span := range sentences(text) {
		id := int32(c.sentences)
		c.sentences++
		var list []word
		list, rest = until(rest, span[1])
		c.list = denials(c.list[:0], list)
		for _, t := range c.list {
			t.denied = appendNew(t.denied, id)
		}
		for i, w := range list {
			if w.stop {
				stops++
			}
			w.stem.places = appendNew(w.stem.places, id)
			if w.value != nil {
				w.value.places = appendNew(w.value.places, id)
			}
			w.known = true
			if i > 0 {
				c.pairs[pair(list[i-1].term, w.term)] = true
			}
		}
	}
	c.english = stops*100 >= len(all)*15 && len(all) > 0
	c.counts, c.shares = make([]int32, c.sentences), make([]int32, c.sentences)
}

// until splits a list before the first word that does not end by the byte end: no word crosses a sentence's border.
func until(list []word, end int) (head, rest []word) {
	n := 0
	for n < len(list) && int(list[n].end) <= end {
		n++
	}
	return list[:n], list[n:]
}

// appendNew appends the number of a sentence unless it is the last one already.
func appendNew(list []int32, id int32) []int32 {
	if n := len(list); n > 0 && list[n-1] == id {
		return list
	}
	return append(list, id)
}

// fold returns the folding of the chunk's text.
func (c *Context) fold() *folding {
	if c.folded == nil {
		c.folded = fold(c.chunk.Text)
	}
	return c.folded
}

// lower returns the folded text in lower case, with title and headings after it.
func (c *Context) lower() string {
	if c.low == "" {
		c.low = c.fold().lower() + "\n" + fold(strings.ToLower(c.chunk.Title+"\n"+strings.Join(c.chunk.Headings, "\n"))).text
	}
	return c.low
}

// Evidence finds quotes in the chunk and returns the places of those that are there, in the order of the
// text, each once. name is the document's.
func (c *Context) Evidence(quotes []string, name string) []dataset.Evidence {
	found := make([]dataset.Evidence, 0, len(quotes))
	for _, quote := range quotes {
		start, end, ok := locate(c.chunk.Text, quote, c.fold)
		if !ok {
			continue
		}
		e := dataset.Evidence{
			DocumentID: c.chunk.Document, Document: name, ChunkID: c.chunk.ID(),
			Start: c.chunk.Start + c.runes(start), End: c.chunk.Start + c.runes(end), Quote: c.chunk.Text[start:end],
		}
		if !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b dataset.Evidence) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.End - b.End
	})
	return found
}

// denials appends the content stems that come first after a negation.
func denials(stems []*term, list []word) []*term {
	open := false
	for i, w := range list {
		switch {
		case i == 0 && w.low == "no": // "No, frozen insulin …" denies the question
		case w.class&negation != 0:
			open = true
		case open && !w.stop:
			stems, open = append(stems, w.stem), false
		}
	}
	return stems
}

const runeStep = 64

func runeStarts(text string) []int32 {
	if isASCII(text) {
		return nil
	}
	starts, n := []int32{}, 0
	for i := range text {
		if n%runeStep == 0 {
			starts = append(starts, int32(i))
		}
		n++
	}
	return starts
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// runes returns how many code points text[:at] of the chunk has.
func (c *Context) runes(at int) int {
	if c.starts == nil {
		return at
	}
	step, exact := slices.BinarySearch(c.starts, int32(at))
	if exact {
		return step * runeStep
	}
	step--
	return step*runeStep + utf8.RuneCountInString(c.chunk.Text[c.starts[step]:at])
}

// offset returns where the code point n of the chunk begins; -1 outside of it.
func (c *Context) offset(n int) int {
	text := c.chunk.Text
	if c.starts == nil {
		if n < 0 || n > len(text) {
			return -1
		}
		return n
	}
	if n < 0 || n/runeStep >= len(c.starts) {
		return -1
	}
	at := int(c.starts[n/runeStep])
	for range n % runeStep {
		if at >= len(text) {
			return -1
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// holds reports whether an evidence quotes the chunk at the place it names.
func (c *Context) holds(e *dataset.Evidence) bool {
	start, end := c.offset(e.Start-c.chunk.Start), c.offset(e.End-c.chunk.Start)
	return start >= 0 && start < end && c.chunk.Text[start:end] == e.Quote
}

// knows reports whether the term stands in the chunk, its title or headings.
func (t *term) knows() bool { return len(t.places) > 0 || t.around }

// sentences cuts text roughly: at line ends, and after a full stop before a capital letter. It serves to tell
// what stands near what, not to be read.
func sentences(text string) [][2]int {
	var spans [][2]int
	start := 0
	cut := func(end int) {
		if strings.TrimSpace(text[start:end]) != "" {
			spans = append(spans, [2]int{start, end})
		}
		start = end
	}
	for i := range len(text) {
		switch text[i] {
		case '\n':
			cut(i + 1)
		case '.', '!', '?':
			if i+2 < len(text) && text[i+1] == ' ' && (text[i+2] >= 'A' && text[i+2] <= 'Z' || text[i+2] == '`' || text[i+2] == '"') {
				cut(i + 1)
			}
		}
	}
	cut(len(text))
	return spans
}

// pair numbers two neighbouring words.
func pair(a, b *term) uint64 { return uint64(a.id)<<32 | uint64(b.id) }
