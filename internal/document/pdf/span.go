package pdf

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// box is a place on a page, in points; y grows upwards.
type box struct{ left, bottom, right, top float64 }

func (b box) middle() float64 { return (b.bottom + b.top) / 2 }

func (b *box) add(o box) {
	b.left, b.right = min(b.left, o.left), max(b.right, o.right)
	b.bottom, b.top = min(b.bottom, o.bottom), max(b.top, o.top)
}

// span is text on one line without a wide gap. A hyphen at which a word is broken is its last rune, hyphen.
type span struct {
	box
	size  float64 // of most of its characters
	bold  bool
	mono  bool // all of it is of one width, as code is
	text  string
	chars int
}

// spanner joins characters.
type spanner struct {
	fonts  []font
	spans  []span
	at     box
	text   []byte
	sizes  map[float64]int
	chars  int
	bold   int
	mono   int
	raised bool // the last character was a raised digit
	space  bool
	last   char
}

// spansOf cuts the characters at line ends, jumps and wide gaps. What is turned otherwise than the page is no
// running text.
func spansOf(chars []char, fonts []font, turn int) []span {
	s := spanner{fonts: fonts, sizes: map[float64]int{}}
	for _, c := range chars {
		switch {
		case c.r == '\r' || c.r == '\n':
			s.flush()
		case c.blank:
			s.space = true
		case fonts[c.font].turn != turn || fonts[c.font].skew || fonts[c.font].size <= 0:
		default:
			s.add(turned(turn, c))
		}
	}
	s.flush()
	return s.spans
}

func (s *spanner) add(c char) {
	size := s.fonts[c.font].size
	at := box{c.left, c.bottom, c.right, c.top}
	if s.chars > 0 {
		largest := max(size, s.fonts[s.last.font].size)
		off := at.middle() < s.at.bottom-size*0.3 || at.middle() > s.at.top+size*0.3
		gap := at.left - s.at.right
		if off || gap > largest || gap < -2*largest {
			s.flush()
		}
	}
	if s.chars == 0 {
		s.at = at
		s.space = false
	}
	if s.mark(c, at, size) {
		return
	}
	if s.space {
		s.text = append(s.text, ' ')
	}
	s.space = false
	s.text = appendClean(s.text, c.r)
	s.at.add(at)
	s.sizes[size]++
	s.chars++
	if s.fonts[c.font].bold {
		s.bold++
	}
	if s.fonts[c.font].mono {
		s.mono++
	}
	s.last = c
}

// mark handles raised digits: after a word or number they are powers, "10^3"; after a sentence's end the mark of a
// footnote, which is dropped.
func (s *spanner) mark(c char, at box, size float64) (dropped bool) {
	if s.chars == 0 || c.r < '0' || c.r > '9' {
		s.raised = false
		return false
	}
	last := s.fonts[s.last.font].size
	if s.raised && size == last {
		return false // further digits
	}
	s.raised = size < last*0.85 && at.bottom > s.at.bottom+last*0.2 && !s.space
	if !s.raised {
		return false
	}
	before, _ := utf8.DecodeLastRune(s.text)
	if unicode.IsLetter(before) || unicode.IsDigit(before) || before == ')' {
		s.text = append(s.text, '^')
		return false
	}
	s.raised = false
	return strings.ContainsRune(".,;:!?”\"’", before)
}

func (s *spanner) flush() {
	if text := strings.TrimSpace(string(s.text)); text != "" {
		best := 0.0
		for size, n := range s.sizes {
			if n > s.sizes[best] || n == s.sizes[best] && size > best {
				best = size
			}
		}
		s.spans = append(s.spans, span{box: s.at, size: best, bold: s.bold*2 > s.chars, mono: s.mono == s.chars, text: text, chars: s.chars})
	}
	s.text = s.text[:0]
	clear(s.sizes)
	s.chars, s.bold, s.mono, s.raised, s.space = 0, 0, 0, false, false
}

// ligatures that fonts have as one character.
var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "ft", "ﬆ", "st")

func appendClean(text []byte, r rune) []byte {
	switch {
	case r == hyphen:
		return append(text, hyphen)
	case r == '\u00ad':
		return append(text, hyphen)
	case r >= 'ﬀ' && r <= 'ﬆ':
		return append(text, ligatures.Replace(string(r))...)
	case r == '\u00a0' || unicode.IsSpace(r):
		return append(text, ' ')
	case unicode.IsControl(r) || r == '\u200b' || r == '\ufeff':
		return text
	}
	return utf8.AppendRune(text, r)
}

// clean returns a text of the file on one line and without control characters.
func clean(s string) string {
	var out []byte
	for _, r := range s {
		out = appendClean(out, r)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(string(out), string(hyphen), "")), " ")
}

func pageName(i int) string { return "page " + strconv.Itoa(i+1) }
