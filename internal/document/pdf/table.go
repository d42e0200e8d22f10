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

// table returns how many of the rows, from the first, are a table, and its cells; 0: none. Rows of a table have
// cells one below another; a row with a single one of them, not in the first column, continues the row above.
func table(rows []row, body float64) (int, [][]string) {
	var widest row
	n, full, cells, words := 0, 0, 0, 0
	for ; n < len(rows); n++ {
		r := rows[n]
		if n > 0 && (r.page != rows[0].page || rows[n-1].bottom-r.top > 2.5*body || rows[n-1].bottom-r.top < -body) {
			break
		}
		if len(r.cells) >= 2 && (n == 0 || aligned(widest, r, body)) {
			if len(r.cells) > len(widest.cells) {
				widest = r
			}
			full++
		} else if n == 0 || len(r.cells) != 1 || r.left < widest.cells[1].left-body || rows[n-1].bottom-r.top > body {
			break
		}
		for _, c := range r.cells {
			cells++
			words += len(strings.Fields(c.text))
		}
	}
	if full < minRows || words >= maxWords*cells {
		return 0, nil
	}
	var out [][]string
	for _, r := range rows[:n] {
		if len(r.cells) >= 2 {
			out = append(out, make([]string, len(widest.cells)))
		}
		line := out[len(out)-1]
		for _, c := range r.cells {
			at := column(widest.cells, c)
			line[at] = strings.ReplaceAll(joined(line[at], c.text), string(hyphen)+" ", "-")
		}
	}
	for _, line := range out {
		for i := range line {
			line[i] = strings.ReplaceAll(line[i], string(hyphen), "-")
		}
	}
	return n, out
}

// column returns the column that a cell overlaps most, or is nearest to.
func column(columns []span, c span) int {
	best, most := 0, math.Inf(-1)
	for i, col := range columns {
		if overlap := min(col.right, c.right) - max(col.left, c.left); overlap > most {
			best, most = i, overlap
		}
	}
	return best
}

// aligned reports whether most cells of b begin or end where cells of a do.
func aligned(a, b row, body float64) bool {
	same := 0
	for _, x := range b.cells {
		for _, y := range a.cells {
			middle := (x.left + x.right - y.left - y.right) / 2
			if abs(x.left-y.left) < body || abs(x.right-y.right) < body || abs(middle) < body/2 {
				same++
				break
			}
		}
	}
	return same >= 2 && same*2 > len(b.cells)
}
