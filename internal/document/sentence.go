package document

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a stretch of a text, in bytes.
type Span struct{ Start, End int }

// Sentences returns the sentences of a text, in order, without the white space between them; together they
// hold all of it that is not blank. Text is running text or canonical Markdown: a line break ends a sentence
// unless the next line goes on in lower case.
//
// Abbreviations, initials, decimals, file names, addresses, numbers of list items and code in backticks are not
// broken. Where a full stop may be both the end of an abbreviation and of a sentence ("in the U.S. The"),
// what follows decides. The rules know English; others get by with full stops and capitals.
func Sentences(text string) []Span {
	s := splitter{text: text}
	for s.pos < len(text) {
		s.next()
	}
	s.cut(len(text), len(text))
	return s.spans
}

// splitter walks over a text.
type splitter struct {
	text  string
	pos   int
	start int // of the sentence at hand
	ticks map[int]int
	spans []Span
}

// cut ends the sentence at end and goes on at next.
func (s *splitter) cut(end, next int) {
	sentence := s.text[s.start:end]
	trimmed := strings.TrimLeftFunc(sentence, unicode.IsSpace)
	from := s.start + len(sentence) - len(trimmed)
	if trimmed = strings.TrimRightFunc(trimmed, unicode.IsSpace); trimmed != "" {
		s.spans = append(s.spans, Span{from, from + len(trimmed)})
	}
	s.start, s.pos = next, next
}

// next goes to the next place where a sentence might end and decides.
func (s *splitter) next() {
	i := s.pos
	for i < len(s.text) && !ending[s.text[i]] {
		i++
	}
	if s.pos = i; i == len(s.text) {
		return
	}
	r, n := utf8.DecodeRuneInString(s.text[i:])
	switch r {
	case '`':
		s.code(i)
	case '\n':
		if s.pos = i + 1; !s.goesOn(i + 1) {
			s.cut(i, i+1)
		}
	case '。', '！', '？':
		end := closers(s.text, i+n)
		s.cut(end, end)
	case '.', '!', '?', '…':
		s.terminator(i)
	default:
		s.pos = i + n
	}
}

// ending are the bytes with which the characters begin that may end a sentence, or hide such ends.
var ending = [256]bool{'.': true, '!': true, '?': true, '`': true, '\n': true, 0xe2: true, 0xe3: true, 0xef: true}

// goesOn reports whether the line at i continues the sentence of the line before.
func (s *splitter) goesOn(i int) bool {
	rest := s.text[i:]
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, " \t"))
	return unicode.IsLower(r)
}

// code skips a code span, or a run of backticks that none closes.
func (s *splitter) code(i int) {
	n := 0
	for i+n < len(s.text) && s.text[i+n] == '`' {
		n++
	}
	if s.ticks == nil {
		s.ticks = lastTicks(s.text[i:], i)
	}
	if s.pos = i + n; s.ticks[n] < s.pos {
		return
	}
	for at := s.pos; ; {
		at += strings.IndexByte(s.text[at:], '`')
		from := at
		for at < len(s.text) && s.text[at] == '`' {
			at++
		}
		if at-from == n {
			s.pos = at
			return
		}
	}
}

// terminator decides about a full stop, a question mark or the like at i.
func (s *splitter) terminator(i int) {
	end := i
	for end < len(s.text) && strings.IndexByte(".!?", s.text[end]) >= 0 || strings.HasPrefix(s.text[end:], "…") {
		_, n := utf8.DecodeRuneInString(s.text[end:])
		end += n
	}
	marks := s.text[i:end]
	end = closers(s.text, end)
	if s.pos = end; end == len(s.text) {
		return
	}
	next, _ := utf8.DecodeRuneInString(s.text[end:])
	if !unicode.IsSpace(next) || s.text[end] == '\n' { // inside a word; or the line's end, which decides for itself
		return
	}
	rest := strings.TrimLeft(s.text[end:min(len(s.text), end+200)], " \t\u00a0")
	if rest == "" || !begins(rest) || marks == "." && !s.ends(i, rest) {
		return
	}
	s.cut(end, end)
}

// closers returns the end of the quotes, brackets and marks of footnotes that close at i.
func closers(text string, i int) int {
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == '[' { // [12], as encyclopedias have it
			k := strings.IndexByte(text[i:min(len(text), i+8)], ']')
			if k < 2 || strings.Trim(text[i+1:i+k], "0123456789") != "" {
				return i
			}
			n = k + 1
		} else if !strings.ContainsRune("\"'”’»)]}*_", r) {
			return i
		}
		i += n
	}
	return i
}

// begins reports whether a sentence may begin with rest.
func begins(rest string) bool {
	r, n := utf8.DecodeRuneInString(rest)
	if strings.ContainsRune("\"'“‘«([*_¿¡", r) {
		r, _ = utf8.DecodeRuneInString(rest[n:])
	}
	if unicode.IsLower(r) {
		// Names such as iPhone and gRPC, but no others: "approx. five" is one sentence.
		word := firstWord(rest)
		return word != strings.ToLower(word) && len(word) > 2
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("`$<#@/.-", r) || r > 0x2000
}

// ends reports whether the full stop at i ends a sentence that rest could follow.
func (s *splitter) ends(i int, rest string) bool {
	from := i
	for from > s.start && i-from < 40 {
		r, n := utf8.DecodeLastRuneInString(s.text[s.start:from])
		if unicode.IsSpace(r) || strings.ContainsRune("(\"“‘[", r) {
			break
		}
		from -= n
	}
	word := s.text[from:i]
	lower := strings.ToLower(word)
	following := firstWord(rest)
	starter := starters[following]
	digitNext := rest[0] >= '0' && rest[0] <= '9'
	switch {
	case word == "":
		return false
	case isListNumber(word) && s.beginsLine(from):
		return false
	case never[lower]:
		return false
	case beforeNumber[lower]:
		return !digitNext
	case perhaps[lower]:
		return starter || lower == "etc"
	case isInitial(word):
		return starter
	case strings.Contains(word, ".") && isAcronym(word): // U.S., e.g., a.m.
		return starter
	}
	return true
}

// beginsLine reports whether only space and marks stand before i on its line.
func (s *splitter) beginsLine(i int) bool {
	before := strings.TrimRight(s.text[:i], " \t#>")
	return before == "" || strings.HasSuffix(before, "\n")
}

// isListNumber reports whether word is "12" or "b", as items of lists are numbered.
func isListNumber(word string) bool {
	return len(word) <= 3 && strings.Trim(word, "0123456789") == "" || len(word) == 1 && isLetter(word[0]) && word != "I"
}

// isInitial reports whether word is one capital letter, also behind a hyphen or another initial: "J", "J.R", "J.-P".
func isInitial(word string) bool {
	r, _ := utf8.DecodeLastRuneInString(word)
	before := strings.TrimSuffix(word, string(r))
	return unicode.IsUpper(r) && (before == "" || strings.HasSuffix(before, ".") || strings.HasSuffix(before, "-") && len(before) <= 3)
}

// isAcronym reports whether word consists of single letters between full stops.
func isAcronym(word string) bool {
	for part := range strings.SplitSeq(word, ".") {
		if utf8.RuneCountInString(part) != 1 {
			return false
		}
	}
	return true
}

// firstWord returns the word that s begins with, without quotes before it.
func firstWord(s string) string {
	s = strings.TrimLeft(s, "\"'“‘«([*_")
	if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' }); i >= 0 {
		s = s[:i]
	}
	return s
}

var (
	// never end a sentence: something belongs to them.
	never = set(`mr mrs ms mx dr prof rev hon st ste mt gen col maj capt lt cmdr sgt gov sen rep pres supt insp messrs
		e.g i.e eg ie cf viz vs v approx ca resp incl excl esp aka a.k.a mme mlle hr fr z.b d.h bzw ph`)
	// beforeNumber do not end a sentence before a number.
	beforeNumber = set(`no nos nr fig figs eq eqs sec secs ch chap chaps vol vols p pp art para pt ed eds tab ref refs ver
		jan feb mar apr jun jul aug sep sept oct nov dec appx app ex`)
	// perhaps end a sentence where one that is known to begin sentences follows.
	perhaps = set(`etc inc ltd co corp llc plc jr sr bros dept est univ assn ave blvd rd al u.s u.k u.n e.u u.s.a a.m p.m
		b.c a.d b.c.e c.e ph.d m.d b.a m.a b.sc m.sc d.c et seq min max misc`)
	// starters are words, as they stand at the beginning of a sentence, that hardly follow an abbreviation
	// inside one.
	starters = set(`A About After All Also Although An And Another Any Are As At Because Before Both But By Can Did Do Does
		During Each Either Even Every Few Finally First For From Had Has Have He Her Here His How However I If In Instead
		Is It Its Just Last Later Let Like Many May Meanwhile More Moreover Most Much Must My Neither Never Next No Nobody
		Nor Not Nothing Now Of Often On Once One Only Or Other Our Over People Perhaps Please See She Should Since So Some
		Sometimes Soon Still Such Than That The Their Then There Therefore These They This Those Though Thus To Today
		Together Two Under Unless Until Use Was We Were What When Where Whether Which While Who Why Will With Within
		Without Would Yes Yet You Your`)
)
