package document

import (
	"strings"

	"compileo/internal/dataset"
)

// maxColumns bounds the width of a table; what is right of that joins the last column.
const maxColumns = 256

// grid holds the cells of a table in one piece of memory.
type grid struct {
	text  []byte
	ends  []int32 // where each cell ends in text
	rows  []int32 // how many cells there are at the end of each row
	width int     // cells of the longest row
}

// cell adds a cell to the row at hand.
func (g *grid) cell(text string) {
	n := len(g.ends)
	if n-g.first() == maxColumns {
		g.text = append(append(g.text, ' '), text...)
		g.ends[n-1] = int32(len(g.text))
		return
	}
	g.text = append(g.text, text...)
	g.ends = append(g.ends, int32(len(g.text)))
}

// first is the number of the first cell of the row at hand.
func (g *grid) first() int {
	if len(g.rows) == 0 {
		return 0
	}
	return int(g.rows[len(g.rows)-1])
}

// endRow ends the row. A row without any text is dropped.
func (g *grid) endRow() {
	first := g.first()
	from := g.end(first)
	if strings.TrimSpace(string(g.text[from:])) == "" {
		g.text, g.ends = g.text[:from], g.ends[:first]
		return
	}
	g.width = max(g.width, len(g.ends)-first)
	g.rows = append(g.rows, int32(len(g.ends)))
}

// end is where cell i begins, which is where the one before ends.
func (g *grid) end(i int) int {
	if i == 0 {
		return 0
	}
	return int(g.ends[i-1])
}

// row returns the cells of row i; the slice is reused.
func (g *grid) row(i int, cells []string) []string {
	from := 0
	if i > 0 {
		from = int(g.rows[i-1])
	}
	cells = cells[:0]
	for c := from; c < int(g.rows[i]); c++ {
		cells = append(cells, strings.TrimSpace(string(g.text[g.end(c):g.ends[c]])))
	}
	return cells
}

// reset empties the grid.
func (g *grid) reset() { *g = grid{text: g.text[:0], ends: g.ends[:0], rows: g.rows[:0]} }

// Table writes a table, the first row as its header. What has one column or one row is no table: its cells are
// paragraphs.
func (b *Builder) Table(rows [][]string) {
	var g grid
	for _, cells := range rows {
		for _, c := range cells {
			g.cell(c)
		}
		g.endRow()
	}
	b.table(&g)
}

// table is Table for a grid.
func (b *Builder) table(g *grid) {
	var cells []string
	if g.width < 2 || len(g.rows) < 2 {
		for i := range g.rows {
			for _, c := range g.row(i, cells) {
				b.Paragraph(c)
			}
		}
		return
	}
	var out strings.Builder
	for i := range g.rows {
		if i > 0 {
			out.WriteByte('\n')
		}
		cells = g.row(i, cells)
		for c := range g.width {
			cell := ""
			if c < len(cells) {
				cell = cells[c]
			}
			out.WriteString("| ")
			writeCell(&out, cell)
		}
		out.WriteByte('|')
		if i == 0 {
			out.WriteString("\n|" + strings.Repeat(" --- |", g.width))
		}
		if out.Len() > dataset.MaxText {
			b.fail("the document's text has more than %d bytes", dataset.MaxText)
			return
		}
	}
	b.flushTerm()
	b.block(dataset.Block{Kind: dataset.TableBlock}, out.String())
}

// writeCell writes a cell on one line, with its bars escaped.
func writeCell(out *strings.Builder, cell string) {
	for i := range len(cell) {
		switch cell[i] {
		case '|':
			out.WriteString(`\|`)
		case '\n':
			out.WriteByte(' ')
		default:
			out.WriteByte(cell[i])
		}
	}
	if cell != "" {
		out.WriteByte(' ')
	}
}
