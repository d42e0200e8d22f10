package document

import (
	"encoding/xml"
	"path"
	"strconv"
	"strings"
)

const (
	noOutline  = 9  // outline level of text that is no heading
	listLevels = 9  // of a list in Word
	maxBased   = 20 // styles that a style builds on
)

// docxStyle is a style of paragraphs, or what a paragraph says itself.
type docxStyle struct {
	id      string
	name    string // in lower case
	based   string
	outline int // 0: the highest heading; -1: not said, noOutline: none
	list    string
	level   int // in the list; -1: not said
}

// docxList is the definition of a list.
type docxList struct {
	ordered [listLevels]bool
	start   [listLevels]int
}

func (l *docxList) format(level int) (ordered bool, start int) {
	if l == nil {
		return false, 1
	}
	return l.ordered[level], l.start[level]
}

// mainPart returns the name of the part that holds the body.
func (d *docx) mainPart() (string, error) {
	main := "word/document.xml"
	const relations = "_rels/.rels"
	if !d.a.has(relations) {
		return main, nil
	}
	err := d.eachIn(relations, "Relationships", func(e xml.StartElement) error {
		if strings.HasSuffix(attr(e, "Type"), "/officeDocument") {
			main = cleanName(attr(e, "Target"))
		}
		return nil
	})
	return main, err
}

// eachIn calls do for the elements below elements of that name in a part. A part that is not there has none.
func (d *docx) eachIn(part, name string, do func(e xml.StartElement) error) (err error) {
	if !d.a.has(part) {
		return nil
	}
	if d.x, err = d.a.xml(part, d.tick); err != nil {
		return err
	}
	return d.x.each(d.inside(name, do))
}

// coreTitle is the title among the document's properties.
func (d *docx) coreTitle() (title string, err error) {
	err = d.eachIn("docProps/core.xml", "coreProperties", func(e xml.StartElement) error {
		if e.Name.Local == "title" {
			title, err = d.x.text()
		}
		return err
	})
	return title, err
}

func (d *docx) readStyles(part string) error {
	d.styles = map[string]*docxStyle{}
	return d.eachIn(part, "styles", func(e xml.StartElement) error {
		if !isWord(e, "style") || attr(e, "type") != "paragraph" || len(d.styles) == maxEntries {
			return nil
		}
		s := docxStyle{outline: -1, level: -1}
		d.styles[attr(e, "styleId")] = &s
		return d.x.each(func(e xml.StartElement) error {
			switch e.Name.Local {
			case "name":
				s.name = strings.ToLower(attr(e, "val"))
			case "basedOn":
				s.based = attr(e, "val")
			case "pPr":
				return d.paragraphStyle(&s)
			}
			return nil
		})
	})
}

// paragraphStyle reads the properties of paragraphs that matter.
func (d *docx) paragraphStyle(s *docxStyle) error {
	return d.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "pStyle":
			s.id = attr(e, "val")
		case "outlineLvl":
			if n, err := strconv.Atoi(attr(e, "val")); err == nil {
				s.outline = min(max(n, 0), noOutline)
			}
		case "numPr":
			return d.x.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "numId":
					s.list = attr(e, "val")
				case "ilvl":
					n, _ := strconv.Atoi(attr(e, "val"))
					s.level = min(max(n, 0), listLevels-1)
				}
				return nil
			})
		}
		return nil
	})
}

// resolve completes what a paragraph says with its style, and those that the style is based on.
func (d *docx) resolve(p docxStyle) docxStyle {
	next := d.styles[p.id]
	for range maxBased {
		if next == nil {
			break
		}
		if p.name == "" {
			p.name = next.name
		}
		if p.outline < 0 {
			p.outline = next.outline
			if level, ok := strings.CutPrefix(next.name, "heading "); ok && p.outline < 0 && len(level) == 1 && level >= "1" {
				p.outline = int(level[0] - '1')
			}
		}
		if p.list == "" {
			p.list = next.list
		}
		if p.level < 0 {
			p.level = next.level
		}
		next = d.styles[next.based]
	}
	if p.outline < 0 {
		p.outline = noOutline
	}
	return p
}

// readNumbering reads the definitions of lists, and which list has which.
func (d *docx) readNumbering(part string) error {
	d.numbering = map[string]*docxList{}
	abstract := map[string]*docxList{}
	return d.eachIn(part, "numbering", func(e xml.StartElement) error {
		if len(abstract)+len(d.numbering) == maxEntries {
			return nil
		}
		var l docxList
		switch {
		case isWord(e, "abstractNum"):
			abstract[attr(e, "abstractNumId")] = &l
			return d.x.each(func(e xml.StartElement) error { return d.listLevel(&l, e) })
		case isWord(e, "num"):
			d.numbering[attr(e, "numId")] = &l
			return d.x.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "abstractNumId":
					if a := abstract[attr(e, "val")]; a != nil {
						l = *a
					}
				case "lvlOverride":
					return d.listLevel(&l, e)
				}
				return nil
			})
		}
		return nil
	})
}

// listLevel reads the definition of a level, or what a list changes of it.
func (d *docx) listLevel(l *docxList, e xml.StartElement) error {
	n, err := strconv.Atoi(attr(e, "ilvl"))
	if err != nil || n < 0 || n >= listLevels {
		return nil
	}
	return d.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			format := attr(e, "val")
			l.ordered[n] = format != "bullet" && format != "none"
		case "start", "startOverride":
			start, _ := strconv.Atoi(attr(e, "val"))
			l.start[n] = min(max(start, 0), maxEntries)
		}
		return nil
	})
}

// readNotes reads the texts of footnotes or endnotes.
func (d *docx) readNotes(part string) error {
	if d.notes == nil {
		d.notes = map[string]string{}
	}
	root := strings.TrimSuffix(path.Base(part), ".xml")
	return d.eachIn(part, root, func(e xml.StartElement) error {
		if kind := attr(e, "type"); kind != "" && kind != "normal" { // separators
			return nil
		}
		key := e.Name.Local + attr(e, "id")
		var texts []string
		err := d.x.each(d.gather(&texts))
		d.notes[key] = strings.Join(texts, " ")
		return err
	})
}

// isOn reports the value of an element that is a switch.
func isOn(e xml.StartElement) bool {
	switch attr(e, "val") {
	case "false", "0", "off", "none":
		return false
	}
	return true
}
