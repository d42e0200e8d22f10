package quality

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a run of letters, digits and underscores, or one sign of a script written without spaces.
type word struct {
	start, end int    // bytes
	low        string // lower case
	stem       string // low without its ending; numbers in one form
	stop       bool   // a word that carries no content
	number     bool   // begins with a digit
	capital    bool   // begins with an upper-case letter
	code       bool   // camelCase, under_score, or letters with digits
	first      bool   // begins a sentence or a line
}

// words cuts text into words.
func words(text string) []word {
	list := make([]word, 0, len(text)/6+1)
	first := true
	for i := 0; i < len(text); {
		r, size := decode(text, i)
		if !isWordRune(r) {
			switch r {
			case '.', '!', '?', ':', '\n', '|', ';':
				first = true
			case '\'', '"', '“', '‘', '(', ')', '*', '_', ' ', '\t', '-', '#', '>', '`', '”', '’', '[', ']':
			default:
				first = false
			}
			i += size
			continue
		}
		end := i + size
		if !ideographic(r) {
			end = wordEnd(text, end)
		}
		w := newWord(text, i, end)
		w.first = first
		list = append(list, w)
		// "1. Open the file": what follows a list number begins a line.
		first = first && w.number && end < len(text) && (text[end] == '.' || text[end] == ')')
		i = end
	}
	return list
}

// wordEnd returns where the word ends that goes on at i. A dot or comma between two digits belongs to it.
func wordEnd(text string, i int) int {
	for i < len(text) {
		r, size := decode(text, i)
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

func newWord(text string, start, end int) word {
	s := text[start:end]
	w := word{start: start, end: end, low: strings.ToLower(s)}
	lower, upper, inner, digits, under := false, false, false, false, false
	for i, r := range s {
		switch {
		case r == '_':
			under = true
		case unicode.IsDigit(r):
			digits = true
		case unicode.IsUpper(r):
			inner = inner || i > 0 && lower
			upper = true
			w.capital = w.capital || i == 0
		case unicode.IsLetter(r):
			lower = true
		}
	}
	w.number = s[0] >= '0' && s[0] <= '9'
	w.code = inner || under && (lower || upper) || digits && (lower || upper) && !w.number
	if w.number {
		w.stem = number(w.low)
		return w
	}
	w.stop = stopWords[w.low] || len(s) == 1 && s[0] < utf8.RuneSelf
	w.stem = stem(w.low)
	return w
}

func decode(text string, i int) (rune, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(text[i:])
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

// stem drops the endings that inflect English words, so that "listens", "listening" and "listened" are one
// term. It is rough on purpose: the same for question, answer and chunk is all that counts.
func stem(s string) string {
	n := len(s)
	for _, end := range [...]string{"'s", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s"} {
		if !strings.HasSuffix(s, end) || n-len(end) < 3 || end == "s" && s[n-2] == 's' {
			continue
		}
		s = s[:n-len(end)]
		if end == "ies" || end == "ied" {
			return s + "y"
		}
		break
	}
	if n = len(s); n > 3 && s[n-1] == s[n-2] && s[n-1] != 's' && s[n-1] != 'l' { // "runn"
		s = s[:n-1]
	}
	if n = len(s); n > 3 && s[n-1] == 'e' {
		s = s[:n-1]
	}
	return s
}

// number brings "1,000", "007", "2.50" and "10gb" into one form: digits and a dot.
func number(s string) string {
	end := 0
	for end < len(s) && (digit(s, end) || (s[end] == '.' || s[end] == ',') && digit(s, end+1)) {
		end++
	}
	s = s[:end]
	if i := strings.IndexByte(s, ','); i > 0 {
		s = strings.ReplaceAll(s, ",", "")
	}
	if strings.Count(s, ".") == 1 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	s = strings.TrimLeft(s, "0")
	if s == "" || s[0] == '.' {
		s = "0" + s
	}
	return s
}

// numberWords are the numbers that text writes out.
var numberWords = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50",
	"sixty": "60", "ninety": "90", "hundred": "100", "thousand": "1000",
	"first": "1", "second": "2", "third": "3", "once": "1", "twice": "2", "half": "2",
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq(list) {
		m[s] = true
	}
	return m
}

var stopWords = set(`a an the of to in on for and or is are was were be been being by with as at from that this these those it its
their his her he she him they them you your we our us i my me do does did done can could should would will may might must shall what
which who whom whose when where why how if then than so not no nor but into onto over under about between within while there here
also only any all each more most such other some same own has have had having very just too up out off s t d ll re ve
don doesn didn isn aren wasn weren won couldn shouldn wouldn`)

var negations = set(`not no never fail fails failed failing unable nor cannot t none neither nothing don doesn didn isn aren wasn weren won couldn shouldn wouldn`)
