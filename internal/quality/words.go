package quality

import (
	"strings"
	"unicode/utf8"
)

// word is a run of letters, digits and underscores, or one sign of a script written without spaces.
type word struct {
	*term            // its form in lower case
	start, end int32 // bytes
	stop       bool  // carries no content
	number     bool  // begins with a digit
	capital    bool  // begins with an upper-case letter
	code       bool  // camelCase, under_score, or letters with digits
	first      bool  // begins a sentence or a line
}

// term is a word in lower case, or the stem of some: one for all words of a vocabulary that are written alike.
type term struct {
	low   string
	id    uint32
	stem  *term // low without its ending, numbers in one form; nil while it is only a stem of others
	value *term // the number that a numeral stands for
	class class

	// What the chunk says of it.
	places []int32 // the sentences that a word of this stem, or value, stands in, ascending
	denied []int32 // the sentences in which a negation comes before one
	around bool    // stem of a word of title and headings: they hold for every sentence
	known  bool    // stands in one of the three as it is

	// Marks, set when they equal the tick of a list of words or of an entry: sets that need no clearing.
	seen, negated           int
	asked, answered, quoted int
}

// vocabulary holds the terms of a chunk and of its entries.
type vocabulary struct {
	terms map[string]*term
	room  []term
	lower []byte
}

// term returns the term of a word's lower case.
func (v *vocabulary) term(low string) *term {
	t := v.terms[low]
	if t == nil {
		t = v.add(low)
	}
	if t.stem == nil {
		v.complete(t)
	}
	return t
}

func (v *vocabulary) add(low string) *term {
	if len(v.room) == cap(v.room) {
		v.room = make([]term, 0, 32)
	}
	v.room = append(v.room, term{low: low, id: uint32(len(v.terms)), class: lexicon[low]})
	t := &v.room[len(v.room)-1]
	v.terms[low] = t
	return t
}

// complete makes a term that of a word.
func (v *vocabulary) complete(t *term) {
	form := ""
	if digit(t.low, 0) {
		form = number(t.low)
	} else {
		form = stem(t.low)
	}
	t.stem = v.base(form)
	if t.class&numeral != 0 {
		t.value = v.base(numberWords[t.low])
	}
}

// base returns the term of a stem.
func (v *vocabulary) base(stem string) *term {
	if t := v.terms[stem]; t != nil {
		return t
	}
	return v.add(stem)
}

// find returns the term of a word that is there, or nil.
func (v *vocabulary) find(low []byte) *term { return v.terms[string(low)] }

// words cuts text into words, and appends them to list.
func (v *vocabulary) words(list []word, text string) []word {
	for s := newScanner(text); s.next(); {
		w := word{
			term: v.lookup(&s), start: int32(s.start), end: int32(s.end),
			number: s.number(), capital: s.capital, code: s.code(), first: s.first,
		}
		w.stop = !w.number && (w.class&stopWord != 0 || s.end-s.start == 1 && text[s.start] < utf8.RuneSelf)
		list = append(list, w)
	}
	return list
}

// lookup returns the term of the scanner's word. A word in lower case already is its own key.
func (v *vocabulary) lookup(s *scanner) *term {
	text := s.text[s.start:s.end]
	switch {
	case s.shape&foreign != 0:
		return v.term(strings.ToLower(text))
	case s.shape&upper == 0:
		return v.term(text)
	}
	v.lower = v.lower[:0]
	for i := range len(text) {
		v.lower = append(v.lower, lower(text[i]))
	}
	if t := v.find(v.lower); t != nil && t.stem != nil {
		return t
	}
	return v.term(string(v.lower))
}

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
