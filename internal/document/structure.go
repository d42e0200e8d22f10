package document

import (
	"strings"

	"compileo/internal/dataset"
)

// By structure, the text becomes
//
//	parts   — blocks, or the natural pieces of a block that is too large: rows of a table, lines of code,
//	          sentences, and only then words. What must not be parted is one part: a heading with what
//	          follows it, a paragraph that ends in ":" with the list, code or table that it announces;
//	units   — a section with all its subsections where that fits into a chunk, else what stands in it before
//	          the first subsection, cut evenly, and then its subsections by the same rule;
//	chunks  — units, small ones together with their neighbours. Only siblings and what is below them join, so
//	          that no chunk reaches from the end of one chapter into the next.

// part is a stretch of text that stays whole.
type part struct {
	Span
	tokens int
	level  int // of the heading with which it begins; 0: none
}

// unit is a range of parts.
type unit struct {
	from, to int
	level    int // of the heading with which it begins; 0: none
	under    int // level of the section it stands in, which is level itself if that is not 0
}

// packer packs parts.
type packer struct {
	parts []part
	sum   []int // tokens of the parts before each
	limit int   // tokens of a chunk without its overlap
	units []unit
}

func (t *Text) structure(c dataset.Chunking, add func(Span) bool) {
	p := packer{parts: t.parts(c.Size - c.Overlap), limit: c.Size - c.Overlap}
	p.sum = make([]int, len(p.parts)+1)
	for i, part := range p.parts {
		p.sum[i+1] = p.sum[i] + part.tokens
	}
	p.section(0, len(p.parts), 0)
	p.join()
	for i, u := range p.units {
		span := p.span(u.from, u.to)
		if i > 0 && u.level == 0 && c.Overlap > 0 {
			before := p.span(p.units[i-1].from, p.units[i-1].to)
			span.Start = t.overlap(before, span, c.Overlap)
		}
		if !add(span) {
			return
		}
	}
}

func (p *packer) span(from, to int) Span { return Span{p.parts[from].Start, p.parts[to-1].End} }

// fits reports whether the parts from from to to can be one chunk.
func (p *packer) fits(from, to int) bool {
	s := p.span(from, to)
	return p.sum[to]-p.sum[from] <= p.limit && s.End-s.Start <= dataset.MaxChunkText
}

// section makes units of parts that stand in a section of level under, of which the first may be its heading.
func (p *packer) section(from, to, under int) {
	if from == to {
		return
	}
	level := p.parts[from].level
	if level > 0 {
		under = level
	}
	if p.fits(from, to) {
		p.units = append(p.units, unit{from, to, level, under})
		return
	}
	top := 0 // the highest level of the subsections
	for _, part := range p.parts[from+1 : to] {
		if part.level > 0 && (top == 0 || part.level < top) {
			top = part.level
		}
	}
	if top == 0 {
		p.evenly(from, to, level, under)
		return
	}
	start := from
	for i := from + 1; i < to; i++ {
		if p.parts[i].level == top {
			p.section(start, i, under)
			start = i
		}
	}
	p.section(start, to, under)
}

// evenly cuts parts into as few units as possible of about the same size.
func (p *packer) evenly(from, to, level, under int) {
	total := p.sum[to] - p.sum[from]
	count := (total + p.limit - 1) / p.limit
	for from < to {
		count = max(count, 1)
		share := (p.sum[to] - p.sum[from] + count - 1) / count
		end := from + 1
		for end < to && p.fits(from, end+1) && p.sum[end]-p.sum[from] < share {
			end++
		}
		p.units = append(p.units, unit{from, end, level, under})
		from, level = end, 0
		count--
	}
}

// join puts small units together with their neighbours.
func (p *packer) join() {
	if len(p.units) == 0 {
		return
	}
	joined := p.units[:1]
	for i := 1; i < len(p.units); i++ {
		cur, next := &joined[len(joined)-1], p.units[i]
		if !p.canJoin(*cur, next) || !p.small(*cur) && (!p.small(next) || i+1 < len(p.units) && p.canJoin(next, p.units[i+1])) {
			joined = append(joined, next)
			continue
		}
		cur.to = next.to
		if cur.under == 0 {
			cur.under = next.under
		}
	}
	p.units = joined
}

// small reports whether a unit is too little for a chunk of its own.
func (p *packer) small(u unit) bool { return (p.sum[u.to]-p.sum[u.from])*4 < p.limit }

// canJoin reports whether next may stand in a chunk with cur: it fits, and is not of a higher level.
func (p *packer) canJoin(cur, next unit) bool {
	return p.fits(cur.from, next.to) && (next.level == 0 && next.under >= cur.under || next.level >= cur.under)
}

// parts cuts the blocks into parts of at most limit tokens.
func (t *Text) parts(limit int) []part {
	var parts []part
	var lead part // headings and the paragraph that wait for what belongs to them
	open := false
	for i, b := range t.Blocks {
		span := Span{b.Start, b.End}
		tokens := Tokens(t.Body[b.Start:b.End])
		level := 0
		if b.Kind == dataset.HeadingBlock {
			level = b.Level
		}
		if open && (lead.tokens*2 > limit || b.End-lead.Start > dataset.MaxChunkText && lead.End-lead.Start > dataset.MaxChunkText/2) {
			parts = append(parts, lead) // too large itself to keep anything with it
			open = false
		}
		if !open {
			lead = part{Span: Span{b.Start, b.Start}, level: level}
		}
		if lead.tokens+tokens <= limit && b.End-lead.Start <= dataset.MaxChunkText {
			lead.End, lead.tokens = b.End, lead.tokens+tokens
			if open = t.announces(i); !open {
				if level > 0 && i+1 == len(t.Blocks) && len(parts) > 0 {
					lead.level = 0 // headings with nothing below them go with what is above
				}
				parts = append(parts, lead)
			}
			continue
		}
		for k, piece := range t.split(b, span, limit, lead.tokens, dataset.MaxChunkText-(b.Start-lead.Start)) {
			next := part{Span: piece, tokens: Tokens(t.Body[piece.Start:piece.End])}
			if k == 0 {
				next.Start, next.level = lead.Start, lead.level
				next.tokens += lead.tokens
			}
			parts = append(parts, next)
		}
		open = false
	}
	return parts
}

// announces reports whether block i must not be the last of a chunk.
func (t *Text) announces(i int) bool {
	if i+1 == len(t.Blocks) {
		return false
	}
	b, next := t.Blocks[i], t.Blocks[i+1].Kind
	switch b.Kind {
	case dataset.HeadingBlock:
		return true
	case dataset.ParagraphBlock, dataset.ItemBlock:
		text := t.Body[b.Start:b.End]
		return (next == dataset.ItemBlock && t.Blocks[i+1].Level > b.Level || next == dataset.CodeBlock || next == dataset.TableBlock) &&
			(strings.HasSuffix(text, ":") || strings.HasSuffix(text, "："))
	}
	return false
}

// split cuts a block that is too large into its natural pieces, and those that are too large into words. The
// first piece leaves room for lead tokens and is at most firstBytes long.
func (t *Text) split(b dataset.Block, span Span, limit, lead, firstBytes int) []Span {
	var pieces []Span
	for _, s := range t.natural(b, span) {
		room, bytes := limit, dataset.MaxChunkText
		if len(pieces) == 0 {
			room, bytes = max(limit-lead, 1), min(firstBytes, bytes)
		}
		if Tokens(t.Body[s.Start:s.End]) <= room && s.End-s.Start <= bytes {
			pieces = append(pieces, s)
			continue
		}
		tokenWindows(t.Body, s.Start, s.End, room, 0, bytes, func(s Span) bool {
			pieces = append(pieces, s)
			return true
		})
	}
	return pieces
}

// natural returns the pieces of what span holds of a block: rows, lines or sentences. The head of a table stays
// with its first row, and fences with the lines beside them.
func (t *Text) natural(b dataset.Block, span Span) []Span {
	text := t.Body[span.Start:span.End]
	var pieces []Span
	if b.Kind != dataset.TableBlock && b.Kind != dataset.CodeBlock {
		for _, s := range Sentences(text) {
			pieces = append(pieces, Span{span.Start + s.Start, span.Start + s.End})
		}
		return pieces
	}
	at := span.Start
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			pieces = append(pieces, Span{at, at + len(strings.TrimRight(line, "\n"))})
		}
		at += len(line)
	}
	n := len(pieces)
	switch {
	case b.Kind == dataset.TableBlock && n > 2 && span.Start == b.Start:
		pieces[2].Start = b.Start
		pieces = pieces[2:]
	case b.Kind == dataset.CodeBlock:
		if n > 1 && span.End == b.End {
			pieces[n-2].End = span.End
			pieces = pieces[:n-1]
		}
		if len(pieces) > 1 && span.Start == b.Start {
			pieces[1].Start = span.Start
			pieces = pieces[1:]
		}
	}
	return pieces
}

// overlap returns where a chunk begins that goes on with span and repeats up to size tokens of the chunk before.
func (t *Text) overlap(before, span Span, size int) int {
	room := min(size, Tokens(t.Body[before.Start:before.End])-1)
	start, total := span.Start, 0
	maxBytes := dataset.MaxChunkText - (span.End - span.Start)
	fits := func(at int) bool { return total <= room && span.Start-at <= maxBytes }
	for i := t.blockAt(span.Start - 1); i >= 0 && i < len(t.Blocks) && t.Blocks[i].End > before.Start; i-- {
		b := t.Blocks[i]
		pieces := t.natural(b, Span{max(b.Start, before.Start), min(b.End, span.Start)})
		for k := len(pieces) - 1; k >= 0; k-- {
			total += Tokens(t.Body[pieces[k].Start:pieces[k].End])
			if !fits(pieces[k].Start) {
				i = 0
				break
			}
			start = pieces[k].Start
		}
	}
	if start < span.Start {
		return start
	}
	left := Tokens(t.Body[before.Start:span.Start]) // not even a sentence fits: words
	for at := before.Start; ; {
		from, end, cost := nextToken(t.Body[:span.Start], at)
		if cost == 0 {
			return start
		}
		if left <= room && span.Start-from <= maxBytes {
			return from
		}
		at = end
		left -= cost
	}
}
