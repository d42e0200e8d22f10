package document

import "compileo/internal/dataset"

// maxCarried is the length of a cell's text, in bytes, that is repeated in the rows which the cell spans.
const maxCarried = 200

// tables is the state of tables. Only the innermost is read as one: a table around another, or one with
// headings or code in its cells, is a layout, and its cells are read as running text.
type tables struct {
	open    int // how many
	reading int // number of the one that is read as a table; 0: none
	cell    bool
	span    int // columns of the open cell
	rows    int // rows of the open cell
	grid    grid
	carried []carried // by column
}

// carried is the text of a cell that spans rows below its own.
type carried struct {
	text string
	rows int
}

func (t *tables) inCell() bool { return t.cell }

func (w *htmlWalker) startTable() {
	w.leaveCells()
	w.tables.open++
	w.tables.reading = w.tables.open
	w.tables.grid.reset()
	w.tables.carried = nil
}

// leaveCells makes a layout of the table at hand; its rows so far are written.
func (w *htmlWalker) leaveCells() {
	t := &w.tables
	if t.reading == 0 {
		return
	}
	if t.cell {
		t.cell = false
		text := w.flow.take()
		t.grid.endRow()
		w.b.table(&t.grid)
		w.b.Paragraph(text)
	} else {
		t.grid.endRow()
		w.b.table(&t.grid)
	}
	t.reading = 0
	t.grid.reset()
}

func (w *htmlWalker) endTable() {
	t := &w.tables
	if t.open == 0 {
		return
	}
	w.endRow()
	if t.reading == t.open {
		w.b.table(&t.grid)
		t.grid.reset()
		t.reading = 0
	}
	t.open--
}

func (w *htmlWalker) startRow() { w.endRow() }

// endRow ends the row with what cells above it carry into it.
func (w *htmlWalker) endRow() {
	w.endCell()
	t := &w.tables
	if t.reading == 0 {
		return
	}
	if len(t.grid.ends) > t.grid.first() {
		w.carry()
	}
	t.grid.endRow()
}

// carry adds the cells of rows above that reach into this row, up to the next free column.
func (w *htmlWalker) carry() {
	t := &w.tables
	for {
		c := len(t.grid.ends) - t.grid.first()
		if c >= len(t.carried) || t.carried[c].rows == 0 {
			return
		}
		t.carried[c].rows--
		t.grid.cell(t.carried[c].text)
	}
}

func (w *htmlWalker) startCell(e element) {
	w.endCell()
	t := &w.tables
	if t.reading == 0 {
		return
	}
	w.carry()
	t.cell = true
	t.span = min(max(e.number, 1), 50)
	t.rows = min(max(e.rows, 1), 1000)
}

// endCell ends the open cell. Columns that it spans besides its own are empty.
func (w *htmlWalker) endCell() {
	t := &w.tables
	if !t.cell {
		return
	}
	w.endCode()
	w.inline.reset()
	text := w.flow.take()
	t.cell = false
	for i := range t.span {
		c := len(t.grid.ends) - t.grid.first()
		if i > 0 {
			text = ""
		}
		t.grid.cell(text)
		if t.rows > 1 && c < maxColumns && len(text) <= maxCarried {
			for len(t.carried) <= c {
				t.carried = append(t.carried, carried{})
			}
			t.carried[c] = carried{text, t.rows - 1}
		}
	}
	if len(t.grid.text) > dataset.MaxText {
		w.b.fail("the document's text has more than %d bytes", dataset.MaxText)
	}
}
