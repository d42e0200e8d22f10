package pdf

import (
	"path"
	"strings"
)

// bookmark is an entry of the file's outline.
type bookmark struct {
	title string
	level int // from 1
	page  int // -1: not known
}

// maxDepth is how deep the outline is looked at.
const maxDepth = 6

// outline returns the file's outline, in order, and the title among its properties.
func (f *file) outline() (marks []bookmark, title string, err error) {
	f.doing = "the PDF's outline"
	seen := map[uint64]bool{}
	var read func(parent uint64, level int)
	read = func(parent uint64, level int) {
		at := f.call("FPDFBookmark_GetFirstChild", f.doc, parent)
		for at != 0 && f.err == nil && len(marks) < maxBookmarks && !seen[at] {
			seen[at] = true
			m := bookmark{title: f.text("FPDFBookmark_GetTitle", at), level: level, page: -1}
			dest := f.call("FPDFBookmark_GetDest", f.doc, at)
			if dest == 0 {
				if action := f.call("FPDFBookmark_GetAction", at); action != 0 {
					dest = f.call("FPDFAction_GetDest", f.doc, action)
				}
			}
			if dest != 0 {
				m.page = f.sandbox.count("FPDFDest_GetDestPageIndex", f.doc, dest)
			}
			marks = append(marks, m)
			if level < maxDepth {
				read(at, level+1)
			}
			at = f.call("FPDFBookmark_GetNextSibling", f.doc, at)
		}
	}
	read(0, 1)
	title = f.text("FPDF_GetMetaText", f.doc, f.cString("Title"))
	if madeUp(title) {
		title = ""
	}
	return marks, title, f.err
}

// madeUp reports whether a title is what a program put where the author had none.
func madeUp(title string) bool {
	lower := strings.ToLower(title)
	switch path.Ext(lower) {
	case ".doc", ".docx", ".dvi", ".tex", ".pdf", ".indd", ".qxd", ".xls", ".ppt", ".fm", ".rtf", ".wpd", ".txt":
		return true
	}
	return strings.HasPrefix(lower, "microsoft word") || strings.HasPrefix(lower, "untitled") || strings.HasPrefix(lower, "(anonymous)") || lower == "title"
}
