package pdf

import (
	"compileo/internal/dataset"
	"compileo/internal/document"
)

// write writes blocks in the canonical form.
func write(blocks []block, to *document.Builder) {
	var lists []bool // open; whether they are ordered
	closeTo := func(depth int) {
		for len(lists) > depth {
			to.CloseItem()
			to.CloseList()
			lists = lists[:len(lists)-1]
		}
	}
	for _, b := range blocks {
		if b.kind != dataset.ItemBlock {
			closeTo(0)
		}
		switch b.kind {
		case dataset.HeadingBlock:
			to.Heading(b.level, b.text)
		case dataset.ParagraphBlock:
			to.Paragraph(b.text)
		case dataset.CodeBlock:
			to.Code("", b.text)
		case dataset.TableBlock:
			to.Table(b.rows)
		case dataset.ItemBlock:
			closeTo(b.level)
			if len(lists) == b.level && lists[b.level-1] != b.ordered {
				closeTo(b.level - 1)
			}
			if len(lists) == b.level {
				to.CloseItem()
			}
			for len(lists) < b.level {
				to.OpenList(b.ordered, b.number)
				lists = append(lists, b.ordered)
			}
			to.OpenItem()
			to.Paragraph(b.text)
		}
	}
	closeTo(0)
}
