package quality

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of sign that a word has, and of what stands between words.
const (
	small = 1 << iota // a letter that is not upper case
	upper
	figure
	under
	inner   // upper case after small
	foreign // not ASCII
	opener  // what comes after it begins a sentence or a line
	neutral // says nothing of what comes after
)

const wordly = small | upper | figure | under

var kinds = func() (k [utf8.RuneSelf]uint8) {
	for c := range k {
		switch {
		case c >= 'a' && c <= 'z':
			k[c] = small
		case c >= 'A' && c <= 'Z':
			k[c] = upper
		case c >= '0' && c <= '9':
			k[c] = figure
		case c == '_':
			k[c] = under
		case strings.IndexByte(".!?:\n|;", byte(c)) >= 0:
			k[c] = opener
		case strings.IndexByte("'\"()* \t-#>`[]", byte(c)) >= 0:
			k[c] = neutral
		}
	}
	return k
}()

// scanner finds the words of a text one after the other.
type scanner struct {
	text       string
	start, end int // of the word
	shape      uint8
	capital    bool
	first      bool
	opens      bool // the next word begins a sentence or a line
}

func newScanner(text string) scanner { return scanner{text: text, opens: true} }

// number and code are those of word.
func (s *scanner) number() bool { return digit(s.text, s.start) }

func (s *scanner) code() bool {
	const letters = small | upper
	return s.shape&inner != 0 || s.shape&letters != 0 && (s.shape&under != 0 || s.shape&figure != 0 && !s.number())
}

// next goes to the next word.
func (s *scanner) next() bool {
	text := s.text
	for i := s.end; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if isWordRune(r) {
				s.take(i)
				return true
			}
			switch r {
			case '“', '‘', '”', '’':
			default:
				s.opens = false
			}
			i += size
			continue
		}
		switch k := kinds[c]; {
		case k&wordly != 0:
			s.take(i)
			return true
		case k == opener:
			s.opens = true
		case k != neutral:
			s.opens = false
		}
		i++
	}
	return false
}

// take reads the word that begins at start.
func (s *scanner) take(start int) {
	text, i, shape := s.text, start, uint8(0)
	for ; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			break
		}
		k := kinds[c]
		if k&wordly == 0 {
			if (c == '.' || c == ',') && digit(text, i-1) && digit(text, i+1) {
				continue
			}
			break
		}
		if k == upper && shape&small != 0 {
			shape |= inner
		}
		shape |= k
	}
	s.start, s.end, s.shape, s.capital = start, i, shape, isCapital(text[start])
	if i < len(text) && text[i] >= utf8.RuneSelf {
		s.takeForeign()
	}
	s.first = s.opens
	// "1. Open the file": what follows a list number begins a line.
	s.opens = s.opens && s.number() && s.end < len(text) && (text[s.end] == '.' || text[s.end] == ')')
}

// takeForeign goes on with a word at a code point that is not ASCII.
func (s *scanner) takeForeign() {
	r, size := utf8.DecodeRuneInString(s.text[s.end:])
	switch {
	case s.end > s.start && (!isWordRune(r) || ideographic(r)):
		return
	case ideographic(r):
		s.end += size
	default:
		s.end = wordEnd(s.text, s.end)
	}
	s.shape, s.capital = foreign, false
	for i, r := range s.text[s.start:s.end] {
		switch {
		case r == '_':
			s.shape |= under
		case unicode.IsDigit(r):
			s.shape |= figure
		case unicode.IsUpper(r):
			if i > 0 && s.shape&small != 0 {
				s.shape |= inner
			}
			s.shape |= upper
			s.capital = s.capital || i == 0
		case unicode.IsLetter(r):
			s.shape |= small
		}
	}
}

// wordEnd returns where the word ends that goes on at i. A dot or comma between two digits belongs to it.
func wordEnd(text string, i int) int {
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case isWordRune(r) && !ideographic(r):
		case (r == '.' || r == ',') && digit(text, i-1) && digit(text, i+1):
		default:
			return i
		}
		i += size
	}
	return i
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

// ideographic reports scripts written without spaces, each of whose signs counts as a word.
func ideographic(r rune) bool {
	return r >= 0x0e00 && (r <= 0x0eff || r >= 0x3040 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff || r >= 0xf900 && r <= 0xfaff || r >= 0x20000 && r <= 0x3ffff)
}

func digit(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

func lower(c byte) byte {
	if isCapital(c) {
		c += 'a' - 'A'
	}
	return c
}

func isCapital(c byte) bool { return c >= 'A' && c <= 'Z' }
