package document

import (
	"context"
	"encoding/xml"
	"path"
	"strings"

	"compileo/internal/dataset"
)

// parseDOCX reads a Word document: the body's paragraphs, lists and tables, in their order, under headings by
// outline level. Deleted, hidden and generated text (tables of contents, page headers) is left out; notes stand at
// the end of the section that refers to them, text boxes below the paragraph that holds them.
func parseDOCX(ctx context.Context, data []byte, b *Builder) (string, error) {
	a, err := openArchive(data)
	if err != nil {
		return "", err
	}
	d := docx{a: a, b: b, tick: &ticker{ctx: ctx}, counts: map[string]*[listLevels]int{}}
	main, err := d.mainPart()
	if err != nil {
		return "", err
	}
	if !a.has(main) {
		return "", dataset.Errorf(dataset.Invalid, "it is a ZIP archive, but no Word document: it has no part %.100q", main)
	}
	folder := path.Dir(main)
	if err := d.readStyles(path.Join(folder, "styles.xml")); err != nil {
		return "", err
	}
	if err := d.readNumbering(path.Join(folder, "numbering.xml")); err != nil {
		return "", err
	}
	for _, name := range []string{"footnotes.xml", "endnotes.xml"} {
		if err := d.readNotes(path.Join(folder, name)); err != nil {
			return "", err
		}
	}
	if d.x, err = a.xml(main, d.tick); err != nil {
		return "", err
	}
	if err := d.x.each(d.inside("body", d.block)); err != nil {
		return "", err
	}
	d.endSection()
	if d.title == "" {
		d.title, err = d.coreTitle()
	}
	return d.title, err
}

// docx is a Word document being read.
type docx struct {
	a     *archive
	b     *Builder
	tick  *ticker
	x     *xmlReader // the part at hand
	title string

	styles    map[string]*docxStyle
	numbering map[string]*docxList
	notes     map[string]string // by kind and id
	pending   []string          // notes of the section at hand

	flow   flow
	boxes  []string                    // paragraphs of text boxes of the paragraph at hand
	lists  []docxItem                  // open, outermost first
	counts map[string]*[listLevels]int // of list items so far, by list
}

// docxItem is what decides which open list an item belongs to.
type docxItem struct {
	list    string
	level   int
	ordered bool
}

// isWord reports whether an element is of the vocabulary of word processing, in either edition, by a name of names.
func isWord(e xml.StartElement, names ...string) bool {
	if !strings.Contains(e.Name.Space, "wordprocessingml") {
		return false
	}
	for _, name := range names {
		if e.Name.Local == name {
			return true
		}
	}
	return false
}

// inside returns what reads the content of elements of that name, wherever they are.
func (d *docx) inside(name string, do func(e xml.StartElement) error) func(e xml.StartElement) error {
	var look func(e xml.StartElement) error
	look = func(e xml.StartElement) error {
		if e.Name.Local == name {
			return d.x.each(do)
		}
		return d.x.each(look)
	}
	return look
}

// block reads an element that stands where paragraphs do.
func (d *docx) block(e xml.StartElement) error {
	switch {
	case d.b.err != nil:
		return d.b.err
	case isWord(e, "p"):
		return d.paragraph()
	case isWord(e, "tbl"):
		return d.table()
	case isWord(e, "sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"), e.Name.Local == "AlternateContent", e.Name.Local == "Choice":
		return d.x.each(d.block)
	}
	return nil
}

// paragraph reads a paragraph and writes it as what its style makes it.
func (d *docx) paragraph() error {
	p := docxStyle{outline: -1, level: -1}
	err := d.x.each(func(e xml.StartElement) error {
		if isWord(e, "pPr") {
			return d.paragraphStyle(&p)
		}
		return d.run(e)
	})
	if err != nil {
		return err
	}
	text, boxes := d.flow.take(), d.boxes
	d.boxes = nil
	style := d.resolve(p)
	switch {
	case strings.HasPrefix(style.name, "toc "):
	case text == "":
	case style.name == "title":
		d.endSection()
		if d.title == "" {
			d.title = oneLine(text)
		}
		d.b.Heading(1, text)
	case style.outline < noOutline:
		d.endSection()
		d.b.Heading(min(style.outline+1, 6), text)
	case style.list != "" && style.list != "0":
		d.item(docxItem{list: style.list, level: max(style.level, 0)}, text)
	default:
		d.closeLists(0)
		d.b.Paragraph(text)
	}
	if len(boxes) > 0 {
		d.closeLists(0)
	}
	for _, box := range boxes {
		d.b.Paragraph(box)
	}
	return nil
}

// item writes an item of a list, in the open lists as far as they are its own.
func (d *docx) item(it docxItem, text string) {
	ordered, start := d.numbering[it.list].format(it.level)
	it.ordered = ordered
	counts := d.counts[it.list]
	if counts == nil {
		counts = new([listLevels]int)
		d.counts[it.list] = counts
	}
	if counts[it.level]++; counts[it.level] == 1 {
		counts[it.level] = max(start, 1)
	}
	clear(counts[it.level+1:])
	open := len(d.lists)
	for open > 0 && (d.lists[open-1].level > it.level || d.lists[open-1].level == it.level && d.lists[open-1] != it) {
		open--
	}
	d.closeLists(open)
	if open == 0 || d.lists[open-1] != it {
		d.b.OpenList(ordered, counts[it.level])
		d.lists = append(d.lists, it)
	} else {
		d.b.CloseItem()
	}
	d.b.OpenItem()
	d.b.Paragraph(text)
}

// closeLists leaves that many lists open.
func (d *docx) closeLists(open int) {
	for len(d.lists) > open {
		d.b.CloseItem()
		d.b.CloseList()
		d.lists = d.lists[:len(d.lists)-1]
	}
}

// endSection closes lists and writes the notes that were referred to.
func (d *docx) endSection() {
	d.closeLists(0)
	for _, note := range d.pending {
		d.b.Paragraph(note)
	}
	d.pending = nil
}

// run reads an element inside a paragraph.
func (d *docx) run(e xml.StartElement) error {
	name := e.Name.Local
	switch {
	case name == "del" || name == "moveFrom" || name == "pPr" || name == "rt" || name == "Fallback" || name == "instrText":
		return nil // deleted, not shown, or said a second time
	case isWord(e, "r"):
		return d.textRun()
	case isWord(e, "txbxContent"):
		outer := d.flow
		d.flow = flow{}
		err := d.x.each(d.gather(&d.boxes))
		d.flow = outer
		return err
	case name == "t" && strings.HasSuffix(e.Name.Space, "/math"):
		text, err := d.x.text()
		d.flow.write(text)
		return err
	}
	return d.x.each(d.run)
}

// textRun reads a stretch of text of one look.
func (d *docx) textRun() error {
	at := -1 // where raised text begins
	hidden := false
	err := d.x.each(func(e xml.StartElement) error {
		switch {
		case !isWord(e, e.Name.Local):
			return d.run(e)
		case e.Name.Local == "rPr":
			return d.x.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "vanish":
					hidden = isOn(e)
				case "vertAlign":
					if attr(e, "val") == "superscript" {
						d.flow.gap()
						at = len(d.flow.buf)
					}
				}
				return nil
			})
		case hidden:
			return nil
		}
		switch e.Name.Local {
		case "t":
			text, err := d.x.text()
			d.flow.write(text)
			return err
		case "tab", "ptab":
			d.flow.pause()
		case "br", "cr":
			d.flow.breakLine()
		case "noBreakHyphen":
			d.flow.write("-")
		case "footnoteReference", "endnoteReference":
			kind := strings.TrimSuffix(e.Name.Local, "Reference")
			if note := d.notes[kind+attr(e, "id")]; note != "" {
				d.pending = append(d.pending, note)
				delete(d.notes, kind+attr(e, "id"))
			}
		default:
			return d.run(e)
		}
		return nil
	})
	if at >= 0 {
		d.flow.buf = raise(d.flow.buf, at)
	}
	return err
}
