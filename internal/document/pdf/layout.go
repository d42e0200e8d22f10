package pdf

import (
	"cmp"
	"slices"
	"strings"
)

// row is pieces side by side: a line of a paragraph has one, a row of a table several.
type row struct {
	span
	cells []span
	page  int
	zone  bool // at the upper or lower edge of its page
}

// maxCuts bounds how often a page is cut into smaller regions.
const maxCuts = 12

// layout finds the order of reading. A recursive XY cut: an empty strip from top to bottom divides columns; else the
// widest empty band divides what is above from what is below.
type layout struct {
	body    float64   // size of most of the text
	gutters []float64 // middles of the strips between columns that were found so far
}

// rows returns the rows of all pages in the order of reading.
func (l *layout) rows(pages []page) []row {
	var out []row
	for pass := range 2 { // gutters that are found anywhere decide what is doubtful elsewhere
		out = out[:0]
		for i, p := range pages {
			edge := (p.top - p.bottom) * 0.08
			for _, region := range l.order(slices.Clone(p.spans), 0) {
				if pass == 0 {
					continue
				}
				for _, r := range joinRows(region) {
					r.page = i
					r.zone = r.bottom > p.top-edge || r.top < p.bottom+edge
					out = append(out, r)
				}
			}
		}
		slices.Sort(l.gutters)
		l.gutters = slices.CompactFunc(l.gutters, func(a, b float64) bool { return b-a < 1 })
	}
	return out
}

func (l *layout) order(s []span, depth int) [][]span {
	if len(s) < 2 || depth > maxCuts {
		return [][]span{s}
	}
	if at, ok := l.gutter(s); ok {
		left, right := split(s, func(x span) bool { return (x.left+x.right)/2 < at })
		return append(l.order(left, depth+1), l.order(right, depth+1)...)
	}
	if at, ok := l.band(s); ok {
		above, below := split(s, func(x span) bool { return x.middle() > at })
		return append(l.order(above, depth+1), l.order(below, depth+1)...)
	}
	return [][]span{s}
}

func split(s []span, first func(span) bool) (a, b []span) {
	for _, x := range s {
		if first(x) {
			a = append(a, x)
		} else {
			b = append(b, x)
		}
	}
	return a, b
}

// maxGutters bounds the empty strips that are looked at.
const maxGutters = 8

// gutter looks for the widest empty strip with running text on both sides, or where a gutter is known, on one.
func (l *layout) gutter(s []span) (float64, bool) {
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.left, b.left) })
	type strip struct {
		at    int // the first piece right of it
		width float64
	}
	var strips []strip
	right := s[0].right
	for i, x := range s {
		if gap := x.left - right; gap > l.body*0.8 {
			strips = append(strips, strip{i, gap})
		}
		right = max(right, x.right)
	}
	slices.SortStableFunc(strips, func(a, b strip) int { return cmp.Compare(b.width, a.width) })
	for _, strip := range strips[:min(len(strips), maxGutters)] {
		middle := s[strip.at].left - strip.width/2
		a, b := l.prose(s[:strip.at]), l.prose(s[strip.at:])
		if a && b {
			l.gutters = append(l.gutters, middle)
		}
		if a && b || (a || b) && l.isGutter(middle) {
			return middle, true
		}
	}
	return 0, false
}

// prose reports whether most lines are running text: of some words, and without much space between them.
func (l *layout) prose(s []span) bool {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(b.middle(), a.middle()) })
	lines, prose := 0, 0
	for i := 0; i < len(s); {
		at, words, filled := s[i].box, 0, 0.0
		for ; i < len(s) && s[i].middle() > at.bottom; i++ {
			at.left, at.right = min(at.left, s[i].left), max(at.right, s[i].right)
			words += strings.Count(s[i].text, " ") + 1
			filled += s[i].right - s[i].left
		}
		lines++
		if width := at.right - at.left; words >= 4 && width > 6*l.body && filled > 0.7*width {
			prose++
		}
	}
	return prose >= 4 && prose*2 > lines
}

// isGutter reports whether columns were divided there elsewhere.
func (l *layout) isGutter(x float64) bool {
	i, _ := slices.BinarySearch(l.gutters, x-l.body)
	return i < len(l.gutters) && l.gutters[i] < x+l.body
}

// band cuts in the middle of the widest empty band, which is where columns begin or end.
func (l *layout) band(s []span) (float64, bool) {
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(b.top, a.top) })
	bottom := s[0].bottom
	best, at := l.body*0.4, 0.0
	for _, x := range s[1:] {
		if gap := bottom - x.top; gap > best {
			best, at = gap, bottom-gap/2
		}
		bottom = min(bottom, x.bottom)
	}
	return at, at != 0
}

// joinRows joins the pieces of a region that stand on one line.
func joinRows(s []span) []row {
	slices.SortStableFunc(s, func(a, b span) int { return cmp.Compare(b.middle(), a.middle()) })
	var out []row
	for _, x := range s {
		if n := len(out); n > 0 {
			last := &out[n-1]
			slack := 0.2 * min(x.size, last.size)
			if x.middle() > last.bottom-slack && x.middle() < last.top+slack {
				last.cells = append(last.cells, x)
				last.add(x.box)
				continue
			}
		}
		out = append(out, row{span: x, cells: []span{x}})
	}
	for i := range out {
		out[i].finish()
	}
	return out
}

// finish orders the cells of a row and makes one of those that belong together: the mark of an item and its text.
func (r *row) finish() {
	slices.SortFunc(r.cells, func(a, b span) int { return cmp.Compare(a.left, b.left) })
	if len(r.cells) > 1 && isMark(r.cells[0].text) {
		mark := r.cells[0]
		mark.text += " " + r.cells[1].text
		mark.add(r.cells[1].box)
		mark.size, mark.bold, mark.mono = r.cells[1].size, r.cells[1].bold, false
		mark.chars += r.cells[1].chars
		r.cells = append([]span{mark}, r.cells[2:]...)
	}
	texts := make([]string, len(r.cells))
	largest := 0
	r.bold, r.mono = true, true
	for i, c := range r.cells {
		texts[i] = c.text
		r.bold = r.bold && c.bold
		r.mono = r.mono && c.mono
		if c.chars > r.cells[largest].chars {
			largest = i
		}
	}
	r.size = r.cells[largest].size
	r.text = strings.Join(texts, " ")
}

// bodySize is the size that most characters have.
func bodySize(pages []page) float64 {
	n := map[float64]int{}
	best := 10.0
	for _, p := range pages {
		for _, s := range p.spans {
			n[s.size] += s.chars
			if n[s.size] > n[best] || n[s.size] == n[best] && s.size < best {
				best = s.size
			}
		}
	}
	return best
}
