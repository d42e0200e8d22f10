package document

import (
	"encoding/xml"
	"strconv"
	"strings"

	"compileo/internal/dataset"
)

// gather returns what collects the paragraphs of elements whose structure is not kept: cells, notes, text boxes.
func (d *docx) gather(texts *[]string) func(e xml.StartElement) error {
	size := 0
	var read func(e xml.StartElement) error
	read = func(e xml.StartElement) error {
		switch {
		case e.Name.Local == "Fallback":
			return nil
		case !isWord(e, "p"):
			return d.x.each(read)
		}
		err := d.x.each(d.run)
		if text := d.flow.take(); text != "" {
			*texts = append(*texts, text)
			if size += len(text); size > dataset.MaxText {
				return tooLarge("a table's cell has", size, dataset.MaxText)
			}
		}
		return err
	}
	return read
}

// docxTable is a table being read.
type docxTable struct {
	grid    grid
	columns int      // as the table says
	above   []string // by column, texts of cells that reach into rows below
}

// table reads a table. One of a single column is a frame around other text.
func (d *docx) table() error {
	d.closeLists(0)
	var t docxTable
	var read func(e xml.StartElement) error
	read = func(e xml.StartElement) error {
		switch {
		case isWord(e, "tblGrid"):
			return d.x.each(func(xml.StartElement) error { t.columns++; return nil })
		case isWord(e, "sdt", "sdtContent", "ins", "customXml"):
			return d.x.each(read)
		case !isWord(e, "tr"):
			return nil
		case t.columns == 1:
			return d.x.each(d.inside("tc", d.block))
		}
		return d.row(&t)
	}
	if err := d.x.each(read); err != nil {
		return err
	}
	d.b.table(&t.grid)
	return nil
}

func (d *docx) row(t *docxTable) error {
	var read func(e xml.StartElement) error
	read = func(e xml.StartElement) error {
		switch {
		case isWord(e, "tc"):
			return d.cell(t)
		case isWord(e, "sdt", "sdtContent", "customXml"):
			return d.x.each(read)
		}
		return nil
	}
	if err := d.x.each(read); err != nil {
		return err
	}
	t.grid.endRow()
	if len(t.grid.text) > dataset.MaxText {
		d.b.fail("the document's text has more than %d bytes", dataset.MaxText)
	}
	return d.b.err
}

// cell reads a cell. Columns that it spans besides its own are empty; rows that it reaches into repeat it if it is
// short.
func (d *docx) cell(t *docxTable) error {
	span, reaches, goesOn := 1, false, false
	var texts []string
	gather := d.gather(&texts)
	outer := d.boxes // of the paragraph around the table: none is open, but one in a box may be
	d.boxes = nil
	err := d.x.each(func(e xml.StartElement) error {
		if !isWord(e, "tcPr") {
			return gather(e)
		}
		return d.x.each(func(e xml.StartElement) error {
			switch e.Name.Local {
			case "gridSpan":
				n, _ := strconv.Atoi(attr(e, "val"))
				span = min(max(n, 1), 50)
			case "vMerge":
				reaches, goesOn = true, attr(e, "val") != "restart"
			}
			return nil
		})
	})
	text := strings.Join(append(texts, d.boxes...), " ")
	d.boxes = outer
	for i := range span {
		c := min(len(t.grid.ends)-t.grid.first(), maxColumns-1)
		for len(t.above) <= c {
			t.above = append(t.above, "")
		}
		switch {
		case goesOn:
			text = t.above[c]
		case i > 0:
			text = ""
		}
		t.above[c] = ""
		if reaches && len(text) <= maxCarried {
			t.above[c] = text
		}
		t.grid.cell(text)
	}
	return err
}
