package pdf

import (
	"math"
	"strings"
	"unicode"

	"compileo/internal/dataset"
)

// file is an open PDF.
type file struct {
	*sandbox
	doc   uint64
	pages int
}

// load gives the file to PDFium.
func (s *sandbox) load(data []byte) (*file, error) {
	at := s.call("malloc", uint64(len(data)))
	if s.err == nil && at == 0 {
		s.err = dataset.Errorf(dataset.Invalid, "the PDF is too large to be read")
	}
	copy(s.bytes(at, len(data)), data)
	f := &file{sandbox: s, doc: s.call("FPDF_LoadMemDocument64", at, uint64(len(data)), 0)}
	if s.err == nil && f.doc == 0 {
		const password, security = 4, 5
		switch s.call("FPDF_GetLastError") {
		case password, security:
			s.err = dataset.Errorf(dataset.Invalid, "the PDF is encrypted: save it anew without a password")
		default:
			s.err = dataset.Errorf(dataset.Invalid, "it is no PDF, or one that is damaged beyond repair")
		}
	}
	f.pages = s.count("FPDF_GetPageCount", f.doc)
	if s.err == nil && f.pages > maxPages {
		s.err = dataset.Errorf(dataset.Invalid, "the PDF has %d pages, the limit is %d: split it", f.pages, maxPages)
	}
	return f, s.err
}

// char is a character with its box of ink, in points from the lower left corner of the page.
type char struct {
	r                        rune
	left, bottom, right, top float64
	font                     int  // which of the page's
	blank                    bool // a space or an end of line; it has no box
}

// hyphen is what PDFium makes of a hyphen at which a word was broken.
const hyphen = '\x02'

// font is what the characters of a piece of text have in common.
type font struct {
	size float64 // as seen
	bold bool
	mono bool // all characters are of one width
	turn int  // quarters to the left
	skew bool
}

// page is what a page says: pieces of lines, in the order in which the file draws them.
type page struct {
	bottom, top float64
	spans       []span
}

// readPages reads all pages. A PDF without text is an error that says what it is.
func (f *file) readPages() ([]page, error) {
	pages := make([]page, 0, min(f.pages, maxPages))
	var seen counts
	total, broken := 0, 0
	for i := range f.pages {
		f.doing = pageName(i)
		handle := f.call("FPDF_LoadPage", f.doc, uint64(i))
		if f.err == nil && handle == 0 {
			broken++
			continue
		}
		p := f.readPage(handle, &seen)
		if f.err == nil && len(p.spans) == 0 && i < 10 {
			seen.images += f.images(handle)
		}
		f.call("FPDF_ClosePage", handle)
		if f.err != nil {
			return nil, f.err
		}
		if total += seen.pageChars; total > maxText {
			return nil, dataset.Errorf(dataset.Invalid, "the PDF has more than %d characters", maxText)
		}
		pages = append(pages, p)
	}
	return pages, seen.fault(f.pages, broken)
}

// counts is what decides whether a PDF has text.
type counts struct {
	pageChars      int // of the page at hand
	known, unknown int // characters, and those of which nobody knows what they are
	images         int
}

// parsing is the advice for what has no text to read.
const parsing = "set parsing_model to have a model read it"

func (c *counts) fault(pages, broken int) error {
	switch {
	case pages > 0 && broken == pages:
		return dataset.Errorf(dataset.Invalid, "none of the PDF's %d pages can be read: it is damaged", pages)
	case c.known+c.unknown == 0 && c.images > 0:
		return dataset.Errorf(dataset.Invalid, "the PDF is a scan: its pages are pictures without text; %s", parsing)
	case c.unknown > c.known/2:
		return dataset.Errorf(dataset.Invalid, "the PDF does not say which letters its shapes are; %s", parsing)
	}
	return nil
}

// images counts pictures among the first objects of a page.
func (f *file) images(page uint64) (n int) {
	const image = 3
	for i := range min(f.count("FPDFPage_CountObjects", page), 20) {
		if f.call("FPDFPageObj_GetType", f.call("FPDFPage_GetObject", page, uint64(i))) == image {
			n++
		}
	}
	return n
}

func (f *file) readPage(handle uint64, seen *counts) (p page) {
	text := f.call("FPDFText_LoadPage", handle)
	if text == 0 {
		return p
	}
	seen.pageChars = f.count("FPDFText_CountChars", text)
	if seen.pageChars > maxChars {
		f.fail("%s has %d characters, the limit is %d", f.doing, seen.pageChars, maxChars)
		return p
	}
	chars, fonts := f.readChars(text, max(seen.pageChars, 0), seen)
	f.call("FPDFText_ClosePage", text)
	p.bottom, p.top = 0, 792
	var box [4]float64 // left, top, right, bottom
	if f.call("FPDF_GetPageBoundingBox", handle, f.scratch) != 0 {
		for i := range box {
			box[i] = f.float32(uint64(4 * i))
		}
	}
	turn := mostTurned(chars, fonts)
	corners := turned(turn, char{left: box[0], top: box[1], right: box[2], bottom: box[3]})
	if corners.top > corners.bottom {
		p.bottom, p.top = corners.bottom, corners.top
	}
	p.spans = spansOf(chars, fonts, turn)
	return p
}

func (f *file) readChars(text uint64, n int, seen *counts) ([]char, []font) {
	chars := make([]char, 0, n)
	var fonts []font
	known := map[uint64]int{} // fonts by text object
	for i := range uint64(n) {
		c := char{r: rune(uint32(f.call("FPDFText_GetUnicode", text, i)))}
		if c.r == ' ' || c.r == '\r' || c.r == '\n' {
			c.blank = true
			chars = append(chars, c)
			continue
		}
		object := f.call("FPDFText_GetTextObject", text, i)
		if f.err != nil {
			return nil, nil
		}
		if object == 0 { // PDFium made it up
			continue
		}
		index, ok := known[object]
		if !ok {
			index = len(fonts)
			known[object] = index
			fonts = append(fonts, f.font(text, i))
		}
		c.font = index
		f.call("FPDFText_GetCharBox", text, i, f.scratch, f.scratch+8, f.scratch+16, f.scratch+24)
		c.left, c.right, c.bottom, c.top = f.float64(0), f.float64(8), f.float64(16), f.float64(24)
		if !sane(c.left, c.right, c.bottom, c.top) {
			continue
		}
		switch {
		case c.r == 0 || c.r == unicode.ReplacementChar || unicode.Is(unicode.Co, c.r) || unicode.IsControl(c.r) && c.r != hyphen:
			seen.unknown++
			if !unicode.Is(unicode.Co, c.r) { // symbols of private use may be marks of list items
				continue
			}
		default:
			seen.known++
		}
		chars = append(chars, c)
	}
	return chars, fonts
}

// sane reports whether numbers can be places on a page.
func sane(numbers ...float64) bool {
	for _, x := range numbers {
		if math.IsNaN(x) || math.Abs(x) > 1e6 {
			return false
		}
	}
	return true
}

// font reads how a character looks. What is seen is the font's size times the text's matrix: TeX and browsers write at
// size 1.
func (f *file) font(text, i uint64) (out font) {
	out.size = math.Float64frombits(f.call("FPDFText_GetFontSize", text, i))
	if f.call("FPDFText_GetMatrix", text, i, f.scratch) == 1 {
		out.size *= math.Hypot(f.float32(8), f.float32(12))
		quarters := math.Atan2(f.float32(4), f.float32(0)) / (math.Pi / 2)
		if sane(quarters) {
			out.turn = (int(math.Round(quarters)) + 4) % 4
			out.skew = math.Abs(quarters-math.Round(quarters)) > 0.1
		}
	}
	if !sane(out.size) {
		out.size = 0
	}
	out.size = math.Round(out.size*4) / 4
	weight := f.count("FPDFText_GetFontWeight", text, i)
	n := f.count("FPDFText_GetFontInfo", text, i, f.scratch+8, scratchSize-8, f.scratch)
	name := ""
	if n > 1 && n <= scratchSize-8 {
		name = string(f.bytes(f.scratch+8, n-1))
		name = name[strings.IndexByte(name, '+')+1:]
	}
	const fixedPitch = 1
	out.mono = f.bytes(f.scratch, 1)[0]&fixedPitch != 0 || strings.HasPrefix(name, "Courier") || strings.HasPrefix(name, "CMTT") || strings.HasPrefix(name, "SFTT") ||
		strings.Contains(name, "Mono") || strings.HasPrefix(name, "Consolas") || strings.HasPrefix(name, "Menlo")
	out.bold = weight >= 600 || strings.Contains(name, "Bold") || strings.Contains(name, "Black") || strings.Contains(name, "-Medi") ||
		strings.HasPrefix(name, "CMBX") || strings.HasPrefix(name, "SFBX")
	return out
}

// mostTurned returns how most characters are turned: then the page is.
func mostTurned(chars []char, fonts []font) int {
	var n [4]int
	for _, c := range chars {
		if !c.blank && !fonts[c.font].skew {
			n[fonts[c.font].turn]++
		}
	}
	turn := 0
	for i := range n {
		if n[i] > n[turn] {
			turn = i
		}
	}
	return turn
}

// turned is a box turned back by quarters.
func turned(quarters int, c char) char {
	for range quarters {
		c.left, c.bottom, c.right, c.top = c.bottom, -c.right, c.top, -c.left
	}
	return c
}

func (s *sandbox) fail(format string, args ...any) {
	if s.err == nil {
		s.err = dataset.Errorf(dataset.Invalid, format, args...)
	}
}
