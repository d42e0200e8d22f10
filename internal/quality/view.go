package quality

import (
	"slices"
	"strings"

	"compileo/internal/dataset"
)

// view is an entry cut into words, once for gates and features.
type view struct {
	entry            *dataset.Entry
	question, answer string // the question with an instruction's input
	qWords, aWords   []word
	asked            int     // how many words of the question come before the input
	qTerms, aTerms   []*term // distinct content stems, marked asked and answered with round
	qClass, aClass   class   // of any word
	round            int     // see Context.tick
	kind             string  // of question: see kindOf
	parts            []part
	quotes           int  // evidences that stand where they say; the stems of their words are marked quoted with round
	related          bool // one of these words is a content word of the entry
}

// part is a sentence of the answer, and how well the chunk holds it.
type part struct {
	terms   int
	held    int  // of terms, in the best two neighbouring sentences of the chunk
	window  int  // the first of those; -1: none holds any
	flipped bool // says "not" where the sentence that it takes its words from does not, or the other way round
}

// look cuts an entry into words. The view lasts until the next one.
func (c *Context) look(e *dataset.Entry) *view {
	v := &c.view
	*v = view{
		entry: e, question: strings.TrimSpace(e.Question), answer: strings.TrimSpace(e.Answer),
		qWords: v.qWords[:0], aWords: v.aWords[:0], qTerms: v.qTerms[:0], aTerms: v.aTerms[:0], parts: v.parts[:0],
	}
	v.qWords = c.words(v.qWords, v.question)
	v.asked = len(v.qWords)
	v.kind = kindOf(v.qWords)
	if e.Input != "" {
		v.question += "\n" + e.Input
		v.qWords = c.words(v.qWords[:0], v.question)
	}
	v.aWords = c.words(v.aWords, v.answer)
	v.qClass, v.aClass = classes(v.qWords), classes(v.aWords)
	v.qTerms, v.aTerms = c.distinct(v.qTerms, v.qWords), c.distinct(v.aTerms, v.aWords)
	rest := v.aWords
	for _, span := range sentences(v.answer) {
		end := span[1]
		if len(v.parts) == maxParts-1 {
			end = len(v.answer)
		}
		var list []word
		list, rest = until(rest, end)
		v.parts = append(v.parts, c.part(list))
		if len(v.parts) == maxParts {
			break
		}
	}
	c.tick++
	v.round = c.tick
	for _, t := range v.qTerms {
		t.asked = v.round
	}
	for _, t := range v.aTerms {
		t.answered = v.round
	}
	c.quote(v)
	return v
}

// quote looks at the words of the evidences.
func (c *Context) quote(v *view) {
	for i := range v.entry.Evidence {
		e := &v.entry.Evidence[i]
		if !c.holds(e) {
			continue
		}
		v.quotes++
		c.spare = c.words(c.spare[:0], e.Quote)
		for _, w := range c.spare {
			w.stem.quoted = v.round
			v.related = v.related || !w.stop && (w.stem.answered == v.round || w.stem.asked == v.round)
		}
	}
}

// maxParts bounds the work for an answer; what comes after counts as one part.
const maxParts = 200

// distinct appends the distinct content stems of a text, in order.
func (c *Context) distinct(stems []*term, list []word) []*term {
	c.tick++
	for i := range list {
		if w := &list[i]; !w.stop && w.stem.seen != c.tick {
			w.stem.seen = c.tick
			stems = append(stems, w.stem)
		}
	}
	return stems
}

// windows counts for each two neighbouring sentences how many of the terms they hold. base of the terms
// stand in title or headings, and so hold everywhere. The counts last until the next ones.
func (c *Context) windows(stems []*term) (counts []int32, base int) {
	clear(c.counts)
	for _, t := range stems {
		if t.around {
			base++
			continue
		}
		before := int32(-1)
		for _, s := range t.places {
			if s > 0 && before != s-1 {
				c.counts[s-1]++
			}
			c.counts[s]++
			before = s
		}
	}
	return c.counts, base
}

// part finds the place of a sentence of the answer.
func (c *Context) part(list []word) part {
	c.list = c.distinct(c.list[:0], list)
	p := part{terms: len(c.list), window: -1}
	counts, base := c.windows(c.list)
	for w, n := range counts {
		if int(n)+base > p.held && n > 0 {
			p.held, p.window = int(n)+base, w
		}
	}
	if p.window < 0 {
		p.held = base
	}
	p.flipped = c.flipped(list, c.list)
	return p
}

// flipped compares a sentence with those of the chunk that it takes most of its words from: it says "not" of
// a word of which none of them does, or the other way round.
func (c *Context) flipped(list []word, stems []*term) bool {
	clear(c.shares)
	most := int32(0)
	for _, t := range stems {
		for _, s := range t.places {
			c.shares[s]++
			most = max(most, c.shares[s])
		}
	}
	if most == 0 || int(most)*10 < len(stems)*6 {
		return false
	}
	c.tick++
	for _, t := range denials(nil, list) {
		t.negated = c.tick
	}
	for s, n := range c.shares {
		if n == most && !c.contradicts(int32(s), stems) {
			return false
		}
	}
	return true
}

// contradicts reports whether a sentence of the chunk and one with these terms differ in whether they deny one of them.
func (c *Context) contradicts(sentence int32, stems []*term) bool {
	for _, t := range stems {
		negated := t.negated == c.tick
		if !negated && len(t.denied) == 0 {
			continue
		}
		_, here := slices.BinarySearch(t.places, sentence)
		if _, there := slices.BinarySearch(t.denied, sentence); here && there != negated {
			return true
		}
	}
	return false
}
