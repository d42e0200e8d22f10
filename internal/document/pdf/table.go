package pdf

import (
	"math"
	"strings"
)

// Bounds of what is a table: fewer rows may be chance, and columns of more words are running text.
const (
	minRows  = 3
	maxWords = 4 // of a cell on average
)

// strip is an empty space between columns.
type strip struct{ left, right float64 }

// table returns how many of the rows, from the first, are a table, and its cells; 0: none. Its columns are divided by
// strips that are empty in all rows. A row with one cell, not in the first column, continues the row above.
func table(rows []row, body float64) (int, [][]string) {
	if len(rows[0].cells) < 2 {
		return 0, nil
	}
	var strips []strip
	for i, c := range rows[0].cells[1:] {
		strips = append(strips, strip{rows[0].cells[i].right, c.left})
	}
	most, n, full := len(strips), 1, 1
	for ; n < len(rows); n++ {
		r := rows[n]
		gap := rows[n-1].bottom - r.top
		if r.page != rows[0].page || gap > 2.5*body || gap < -body || r.mono {
			break
		}
		left := cut(strips, r.cells, body*0.4)
		if len(left) == 0 || len(left)*2 < most {
			break
		}
		if len(r.cells) > 1 {
			full++
		} else if gap > body || r.left < left[0].left {
			break
		}
		strips = left
	}
	if full < minRows {
		return 0, nil
	}
	cells := cellsOf(rows[:n], strips)
	if cells == nil {
		return 0, nil
	}
	return n, cells
}

// cut returns what is left of the strips where the cells are not.
func cut(strips []strip, cells []span, least float64) []strip {
	var out []strip
	k := 0
	for _, s := range strips {
		for k < len(cells) && cells[k].right <= s.left {
			k++
		}
		// Cells that reach into the strip narrow it; one inside it, or over it, ends it.
		for _, c := range cells[k:] {
			if c.left >= s.right {
				break
			}
			if c.left <= s.left {
				s.left = c.right
			} else {
				s.right = c.left
			}
		}
		if s.right-s.left >= least {
			out = append(out, s)
		}
	}
	return out
}

// cellsOf returns the cells of a table; nil when they hold running text.
func cellsOf(rows []row, strips []strip) [][]string {
	column := byStrips(strips)
	cells, words := 0, 0
	for _, r := range rows {
		last := -1
		for _, c := range r.cells {
			if at := column(c); at != last {
				cells++
				last = at
			}
			words += len(strings.Fields(c.text))
		}
	}
	if words >= maxWords*cells {
		return nil
	}
	columns := len(strips) + 1
	if widest, regular := template(rows); regular && len(widest.cells) > columns {
		column, columns = byOverlap(widest.cells), len(widest.cells)
	}
	var out [][]string
	for _, r := range rows {
		if len(r.cells) > 1 {
			out = append(out, make([]string, columns))
		}
		line := out[len(out)-1]
		for _, c := range r.cells {
			at := column(c)
			line[at] = joined(line[at], c.text)
		}
	}
	for _, line := range out {
		for i := range line {
			line[i] = strings.ReplaceAll(line[i], string(hyphen), "-")
			if t := strings.TrimRight(line[i], ". "); t != "" && len(line[i])-len(t) > 2 { // dots that lead to the next cell
				line[i] = t
			}
		}
	}
	return out
}

// byStrips returns what tells the column of a cell by the strips left of it.
func byStrips(strips []strip) func(c span) int {
	return func(c span) int {
		at := 0
		for at < len(strips) && c.left >= strips[at].right-0.01 {
			at++
		}
		return at
	}
}

// byOverlap returns what tells the column of a cell by the cell of a full row that it overlaps most, or is nearest to.
func byOverlap(columns []span) func(c span) int {
	return func(c span) int {
		best, most := 0, math.Inf(-1)
		for i, col := range columns {
			if overlap := min(col.right, c.right) - max(col.left, c.left); overlap > most {
				best, most = i, overlap
			}
		}
		return best
	}
}

// template returns the row of most cells; regular: at least half of the rows have about as many.
func template(rows []row) (widest row, regular bool) {
	for _, r := range rows {
		if len(r.cells) > len(widest.cells) {
			widest = r
		}
	}
	n := 0
	for _, r := range rows {
		if len(r.cells)*5 >= len(widest.cells)*4 {
			n++
		}
	}
	return widest, n*2 >= len(rows)
}
