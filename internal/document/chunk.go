package document

import (
	"sort"
	"strings"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Chunks cuts the text. Invalid: the chunking does not pass its Check, or makes more than dataset.MaxChunks.
//
// Each chunk is a stretch of Body as it stands, without blank edges, of at most dataset.MaxChunkText bytes, and
// everything in Body that is not blank is in one of them. Chunk.Document is for the caller to set. Headings is
// the path above the first block: a heading with which the chunk itself begins is not in it.
//
// Sizes are limits, kept by every chunk:
//
//   - structure: whole blocks up to Size Tokens, see structure.go. Overlap repeats the end of the chunk before
//     where a chunk goes on with its section: whole sentences, items, rows or lines if they fit, else words.
//   - sentence: Size sentences. A heading, a block of code and a table each count as one.
//   - token: words up to Size Tokens.
//   - character: Size code points, but that accents stay with their letters.
//   - delimiter: Size pieces. A delimiter belongs to the piece before it; one that begins a line and does not
//     end it, such as "## ", to the piece after it.
//
// A sentence or piece that is too large for a chunk is cut between words.
func (t *Text) Chunks(c dataset.Chunking) ([]dataset.Chunk, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	k := cutter{t: t}
	switch c.Strategy {
	case dataset.ByStructure:
		t.structure(c, k.add)
	case dataset.BySentence:
		windows(t.sentences(), c.Size, c.Overlap, k.add)
	case dataset.ByToken:
		tokenWindows(t.Body, 0, len(t.Body), c.Size, c.Overlap, dataset.MaxChunkText, k.add)
	case dataset.ByCharacter:
		characterWindows(t.Body, c.Size, c.Overlap, k.add)
	case dataset.ByDelimiter:
		windows(t.pieces(c.Delimiter), c.Size, c.Overlap, k.add)
	}
	if k.full {
		return nil, dataset.Errorf(dataset.Invalid, "the document makes more than %d chunks with strategy %s, size %d and overlap %d",
			dataset.MaxChunks, c.Strategy, c.Size, c.Overlap)
	}
	return t.assemble(k.spans, c.Hash()), nil
}

// cutter collects the spans of chunks.
type cutter struct {
	t     *Text
	spans []Span
	full  bool
}

// add adds a chunk without its blank edges, unless the one before holds it all. It reports whether there is
// room for more.
func (k *cutter) add(s Span) bool {
	if s = k.t.trim(s); s.Start == s.End {
		return true
	}
	if n := len(k.spans); n > 0 && (s.End <= k.spans[n-1].End || s.Start <= k.spans[n-1].Start) {
		// Trimmed, it begins where the one before does: then it is that one, or goes on behind it.
		if s.End <= k.spans[n-1].End {
			return true
		}
		s = k.t.trim(Span{k.spans[n-1].End, s.End})
		if s.Start == s.End {
			return true
		}
	}
	if k.full = len(k.spans) == dataset.MaxChunks; k.full {
		return false
	}
	k.spans = append(k.spans, s)
	return true
}

// trim takes white space off both ends, but leaves the first line of code its indent.
func (t *Text) trim(s Span) Span {
	text := t.Body[s.Start:s.End]
	s.End = s.Start + len(strings.TrimRight(text, " \t\n"))
	text = strings.TrimLeft(t.Body[s.Start:s.End], " \t\n")
	start := s.End - len(text)
	if i := t.blockAt(start); i < len(t.Blocks) && t.Blocks[i].Kind == dataset.CodeBlock && t.Blocks[i].Start < start {
		s.Start += strings.LastIndexByte(t.Body[s.Start:start], '\n') + 1
		return s
	}
	s.Start = start
	return s
}

// blockAt returns the number of the first block that ends after i.
func (t *Text) blockAt(i int) int {
	return sort.Search(len(t.Blocks), func(k int) bool { return t.Blocks[k].End > i })
}

// assemble makes chunks of spans, whose starts ascend.
func (t *Text) assemble(spans []Span, hash string) []dataset.Chunk {
	chunks := make([]dataset.Chunk, len(spans))
	runes := position{body: t.Body}
	path := headingPath{t: t}
	for i, s := range spans {
		start := runes.at(s.Start)
		first := t.blockAt(s.Start)
		chunks[i] = dataset.Chunk{
			Chunking: hash,
			Ordinal:  i,
			Start:    start,
			End:      start + utf8.RuneCountInString(t.Body[s.Start:s.End]),
			Title:    t.Title,
			Headings: path.above(first),
			Text:     t.Body[s.Start:s.End],
			Blocks:   t.clipped(first, s),
		}
	}
	return chunks
}

// clipped returns the blocks in s, from block first on, with offsets into s.
func (t *Text) clipped(first int, s Span) []dataset.Block {
	n := first
	for n < len(t.Blocks) && t.Blocks[n].Start < s.End {
		n++
	}
	blocks := make([]dataset.Block, 0, n-first)
	for _, b := range t.Blocks[first:n] {
		from, to := max(b.Start, s.Start), min(b.End, s.End)
		b.Partial = from > b.Start || to < b.End
		b.Start, b.End = from-s.Start, to-s.Start
		blocks = append(blocks, b)
	}
	return blocks
}

// position counts code points up to ascending offsets.
type position struct {
	body         string
	bytes, runes int
}

func (p *position) at(i int) int {
	p.runes += utf8.RuneCountInString(p.body[p.bytes:i])
	p.bytes = i
	return p.runes
}

// headingPath follows the headings while blocks ascend.
type headingPath struct {
	t      *Text
	next   int // block not seen yet
	levels []int
	path   []string // never changed in place, as chunks share it
}

// above returns the headings that block i stands under.
func (h *headingPath) above(i int) []string {
	for ; h.next < i; h.next++ {
		b := h.t.Blocks[h.next]
		if b.Kind != dataset.HeadingBlock {
			continue
		}
		n := len(h.levels)
		for n > 0 && h.levels[n-1] >= b.Level {
			n--
		}
		h.levels = append(h.levels[:n], b.Level)
		h.path = append(h.path[:n:n], h.t.headingText(b))
	}
	// A heading stands beside the ones of its level and below, not under them.
	n := len(h.levels)
	if i < len(h.t.Blocks) && h.t.Blocks[i].Kind == dataset.HeadingBlock {
		for n > 0 && h.levels[n-1] >= h.t.Blocks[i].Level {
			n--
		}
	}
	return h.path[:n:n]
}

// windows calls add with size units at a time, overlap of them repeated, fewer where they are too long.
func windows(units []Span, size, overlap int, add func(Span) bool) {
	for i := 0; i < len(units); {
		n := i + 1
		for n < len(units) && n-i < size && units[n].End-units[i].Start <= dataset.MaxChunkText {
			n++
		}
		if !add(Span{units[i].Start, units[n-1].End}) || n == len(units) {
			return
		}
		i = max(i+1, n-overlap)
		for i < n && units[n].End-units[i].Start > dataset.MaxChunkText {
			i++ // else the next chunk would not reach beyond this one
		}
	}
}

// sentences returns the units of BySentence.
func (t *Text) sentences() []Span {
	var units []Span
	for _, b := range t.Blocks {
		block := Span{b.Start, b.End}
		if b.Kind != dataset.ParagraphBlock && b.Kind != dataset.ItemBlock {
			units = t.appendShort(units, block)
			continue
		}
		for _, s := range Sentences(t.Body[b.Start:b.End]) {
			units = t.appendShort(units, Span{b.Start + s.Start, b.Start + s.End})
		}
	}
	return units
}

// appendShort appends s, cut where it is too long for a chunk.
func (t *Text) appendShort(units []Span, s Span) []Span {
	if s.End-s.Start <= dataset.MaxChunkText {
		return append(units, s)
	}
	tokenWindows(t.Body, s.Start, s.End, dataset.MaxChunkText, 0, dataset.MaxChunkText, func(s Span) bool {
		units = append(units, s)
		return true
	})
	return units
}

// pieces returns the units of ByDelimiter.
func (t *Text) pieces(delimiter string) []Span {
	var units []Span
	from := 0
	for at := 0; at < len(t.Body); {
		i := strings.Index(t.Body[at:], delimiter)
		if i < 0 {
			break
		}
		at += i
		cut := at + len(delimiter)
		if opens(delimiter, t.Body[:at]) {
			cut = at
		}
		at += len(delimiter)
		if strings.TrimSpace(t.Body[from:cut]) != "" {
			units = t.appendShort(units, Span{from, cut})
			from = cut
		}
	}
	return t.appendShort(units, Span{from, len(t.Body)})
}

// opens reports whether a delimiter that stands after before begins what follows it.
func opens(delimiter, before string) bool {
	lineBegins := before == "" || strings.HasSuffix(before, "\n") || strings.HasPrefix(delimiter, "\n")
	return lineBegins && !strings.HasSuffix(delimiter, "\n") && strings.TrimSpace(delimiter) != ""
}

// characterWindows calls add with size code points at a time, overlap of them repeated.
func characterWindows(body string, size, overlap int, add func(Span) bool) {
	for start := 0; start < len(body); {
		end := forward(body, start, size)
		if end-start > dataset.MaxChunkText {
			end = runeStart(body, start+dataset.MaxChunkText)
		}
		if at := graphemeStart(body, end); at > start {
			end = at
		}
		if !add(Span{start, end}) || end == len(body) {
			return
		}
		next := end
		for range min(overlap, utf8.RuneCountInString(body[start:end])-1) {
			_, n := utf8.DecodeLastRuneInString(body[:next])
			next -= n
		}
		if at := graphemeStart(body, next); at > start {
			next = at
		}
		start = next
	}
}

// forward returns the offset n code points after i.
func forward(s string, i, n int) int {
	for ; n > 0 && i < len(s); n-- {
		_, k := utf8.DecodeRuneInString(s[i:])
		i += k
	}
	return i
}
