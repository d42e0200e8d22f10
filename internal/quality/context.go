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

// Context is what all entries of a chunk are judged against, prepared once. It is safe for concurrent use.
type Context struct {
	chunk   *dataset.Chunk
	folded  *folding
	low     string // folded text, lower case, with title and headings after it
	english bool

	places    map[string][]int32 // stem → the sentences it stands in, ascending
	sentences int
	denied    map[string][]int32 // stem → the sentences in which a negation comes before it
	around    map[string]bool    // stems of title and headings: they hold for every sentence
	known     map[string]bool    // lower-case words of all three
	pairs     map[uint64]bool    // neighbouring words, hashed
	starts    []int32            // byte offsets of every 64th code point of the text; nil when it is ASCII
}

// NewContext analyses a chunk, which must not change while the context is in use.
func NewContext(chunk *dataset.Chunk) *Context {
	c := &Context{
		chunk: chunk, folded: fold(chunk.Text), places: map[string][]int32{}, denied: map[string][]int32{}, around: map[string]bool{}, known: map[string]bool{}, pairs: map[uint64]bool{},
	}
	c.folded.lower()
	c.low = c.folded.low + "\n" + fold(strings.ToLower(chunk.Title+"\n"+strings.Join(chunk.Headings, "\n"))).text
	for _, s := range append(slices.Clone(chunk.Headings), chunk.Title) {
		for _, w := range words(s) {
			c.around[w.stem], c.known[w.low] = true, true
		}
	}
	stops, all := 0, 0
	for _, span := range sentences(chunk.Text) {
		id, previous := int32(c.sentences), ""
		list := words(chunk.Text[span[0]:span[1]])
		for stem := range denials(list) {
			c.denied[stem] = append(c.denied[stem], id)
		}
		for _, w := range list {
			all++
			if w.stop {
				stops++
			}
			for _, term := range [...]string{w.stem, numberWords[w.low]} {
				if at := c.places[term]; term != "" && (len(at) == 0 || at[len(at)-1] != id) {
					c.places[term] = append(at, id)
				}
			}
			c.known[w.low] = true
			c.pairs[pair(previous, w.low)] = true
			previous = w.low
		}
		c.sentences++
	}
	c.english = stops*100 >= all*15 && all > 0
	c.starts = runeStarts(chunk.Text)
	return c
}

// Evidence finds quotes in the chunk and returns the places of those that are there, in the order of the
// text, each once. name is the document's.
func (c *Context) Evidence(quotes []string, name string) []dataset.Evidence {
	found := make([]dataset.Evidence, 0, len(quotes))
	for _, quote := range quotes {
		start, end, ok := locate(c.chunk.Text, c.folded, quote)
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

// denials returns the content stems that come first after a negation.
func denials(list []word) map[string]bool {
	var set map[string]bool
	open := false
	for i, w := range list {
		switch {
		case i == 0 && w.low == "no": // "No, frozen insulin …" denies the question
		case negations[w.low]:
			open = true
		case open && !w.stop:
			if set == nil {
				set = map[string]bool{}
			}
			set[w.stem], open = true, false
		}
	}
	return set
}

const runeStep = 64

func runeStarts(text string) []int32 {
	ascii := true
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
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
func (c *Context) knows(stem string) bool { return len(c.places[stem]) > 0 || c.around[stem] }

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

// pair hashes two neighbouring words.
func pair(a, b string) uint64 { return hashWord(a)*0x9e3779b97f4a7c15 + hashWord(b) }
