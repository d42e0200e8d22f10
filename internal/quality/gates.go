package quality

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// The gates, by the names that Quality.Faults holds.
const (
	NoEvidence         = "no_evidence"           // no quote stands in the chunk where it is said to, or it has nothing to do with the entry
	UnsupportedAnswer  = "unsupported_answer"    // less than half of the answer's content words stand in the chunk
	UnknownNumber      = "unknown_number"        // a number does not
	UnknownName        = "unknown_name"          // a name, or a piece of code, does not
	AddressNotInSource = "address_not_in_source" // a URL, an e-mail address or a command does not
	DanglingReference  = "dangling_reference"    // "this method", "the text says", "it" without a name
	NotAQuestion       = "not_a_question"
	AnswerInQuestion   = "answer_in_question" // or the answer repeats the question
	CutAnswer          = "cut_answer"         // breaks off
	Refusal            = "refusal"            // speaks as a model, or says that the text does not say
	TooShort           = "too_short"
	RepeatedText       = "repeated_text" // goes round in circles
	PII                = "pii"           // personal data: see personal
	Profanity          = "profanity"
)

// gates returns the names of the gates that the entry does not pass, and the shares of its answer's numbers
// and names that the chunk holds.
func (c *Context) gates(v *view) (faults []string, numbers, names float64) {
	fault := func(bad bool, name string) {
		if bad {
			faults = append(faults, name)
		}
	}
	mode := v.entry.Metadata.Mode
	asks := mode != dataset.Instruction && mode != dataset.Summarization
	qNumbers, qNames := c.unknown(v.question, v.qWords, true)
	aNumbers, aNames := c.unknown(v.answer, v.aWords, false)

	fault(!v.grounded(), NoEvidence)
	fault(v.unsupported(), UnsupportedAnswer)
	fault(qNumbers.missing+aNumbers.missing > 0, UnknownNumber)
	fault(qNames.missing+aNames.missing > 0, UnknownName)
	fault(c.strangeAddress(v.question, v.qClass) || c.strangeAddress(v.answer, v.aClass), AddressNotInSource)
	fault(c.refersOut(v, mode), DanglingReference)
	fault(asks && !isQuestion(v, c.english), NotAQuestion)
	fault(echoes(v, asks), AnswerInQuestion)
	fault(c.isCut(v), CutAnswer)
	fault(c.refuses(v), Refusal)
	fault(isShort(v, mode), TooShort)
	fault(c.circles(v.question, v.qWords) || c.circles(v.answer, v.aWords), RepeatedText)
	all := v.question + "\n" + v.answer
	fault(personal(all), PII)
	fault((v.qClass|v.aClass)&profane != 0, Profanity)
	return faults, aNumbers.share(), aNames.share()
}

// grounded reports whether an evidence stands where it says and shares a content word with the entry.
func (v *view) grounded() bool {
	if len(v.aTerms) == 0 && len(v.qTerms) == 0 {
		return v.quotes > 0 // nothing to compare: other gates decide
	}
	return v.related
}

func (v *view) unsupported() bool {
	known := 0
	for _, term := range v.aTerms {
		if term.knows() {
			known++
		}
	}
	if len(v.aTerms) == 1 && v.aTerms[0].class&yesNoWord != 0 && v.kind == yesNoKind {
		return false
	}
	return known*2 < len(v.aTerms)
}

// tally counts the words of a kind, and those of them that the chunk lacks.
type tally struct{ all, missing int }

func (t tally) share() float64 { return ratio(float64(t.all-t.missing), float64(t.all), 1) }

// unknown looks for the numbers and the names of a text in the chunk. Names are words with a capital letter
// inside a sentence, words that look like code, and all words in code. In questions a number of one digit
// may be a count ("3 ways").
func (c *Context) unknown(text string, list []word, question bool) (numbers, names tally) {
	inCode, at := false, int32(0)
	marked := strings.Contains(text, "`")
	for i := range list {
		w := &list[i]
		if marked {
			inCode = inCode != (strings.Count(text[at:w.start], "`")%2 == 1)
			at = w.start
		}
		switch {
		case w.number:
			if w.first && !inCode && int(w.end) < len(text) && (text[w.end] == '.' || text[w.end] == ')') || question && len(w.stem.low) == 1 {
				continue // the number of a list item
			}
			numbers.all++
			if !w.stem.knows() && !w.known {
				numbers.missing++
			}
		case marked && strings.HasSuffix(text[:w.start], "```"): // the language of a code block
		case w.code || inCode && len(w.low) > 1 && !w.stop || w.capital && !w.first && len(w.low) > 1 && w.class&commonName == 0:
			names.all++
			if !c.knowsName(w) {
				names.missing++
			}
		}
	}
	return numbers, names
}

// knowsName accepts another ending ("API" for "APIs"), and the parts of a compound.
func (c *Context) knowsName(w *word) bool {
	if w.known || !w.code && w.stem.knows() {
		return true
	}
	if strings.HasSuffix(w.low, "s") && c.isKnown(w.low[:len(w.low)-1]) || c.isKnown(w.low+"s") {
		return true
	}
	_, ok := indexWord(c.lower(), w.low)
	return ok
}

func (c *Context) isKnown(low string) bool {
	t := c.terms[low]
	return t != nil && t.known
}

// isQuestion reports whether an entry asks something. Of other languages than English only the mark is known.
func isQuestion(v *view, english bool) bool {
	if v.kind == taskKind {
		return true
	}
	return endsAsQuestion(v.question) && (v.kind != noKind || !english)
}

// echoes reports an answer that the question gives, or that gives the question back.
func echoes(v *view, asks bool) bool {
	q, a := plainWords(v.qWords), plainWords(v.aWords)
	if a != "" && (q == a || len(a) >= 20 && strings.HasPrefix(a, q) && len(a) < len(q)+10 || len(v.qWords) >= 4 && strings.HasSuffix(a, " "+q)) {
		return true
	}
	if !asks || v.kind == yesNoKind || len(v.aTerms) == 0 || strings.Contains(" "+q+" ", " or ") {
		return false
	}
	for _, term := range v.aTerms {
		if term.asked != v.round {
			return false
		}
	}
	// A piece of code is more than its words: "`--metrics`" for "Which flag opens the metrics?".
	return !strings.Contains(v.answer, "`") || strings.Contains(v.question, strings.Trim(v.answer, "`"))
}

// plainWords is a text's words in lower case, one space between them.
func plainWords(list []word) string {
	var b strings.Builder
	n := 0
	for i := range list {
		n += len(list[i].low) + 1
	}
	b.Grow(n)
	for i := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(list[i].low)
	}
	return b.String()
}

// isCut reports an answer that breaks off.
func (c *Context) isCut(v *view) bool {
	s := strings.TrimRight(v.answer, " \n\t")
	if s == "" {
		return false
	}
	if strings.Count(s, "```")%2 != 0 {
		return true
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	if strings.HasSuffix(s, "```") {
		return false
	}
	if strings.ContainsRune(",;:([{–—/…", last) || last == '-' && len(v.aWords) > 3 || strings.HasSuffix(s, "...") {
		return !c.contains(tail(s)) || last != ':' && last != '/'
	}
	if !unicode.IsLetter(last) && !unicode.IsDigit(last) {
		return false
	}
	if n := len(v.aWords); n > 1 && v.aWords[n-1].class&(functionWord|ending) == functionWord {
		return true
	}
	line := strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
	if endsComplete(s) || isItem(line) || strings.Contains(s, "\n") && len(strings.Fields(line)) < 6 {
		return false
	}
	// Several sentences, the last without an end; or a long one that goes on in the chunk.
	if len(sentences(line)) > 1 {
		return !c.endsLine(tail(s))
	}
	return len(v.aWords) >= 15 && c.goesOn(tail(s))
}

// tail returns the last words of a text, enough to find them again.
func tail(s string) string {
	start := max(0, len(s)-32)
	for start < len(s) && !utf8.RuneStart(s[start]) {
		start++
	}
	if start > 0 {
		if i := strings.IndexByte(s[start:], ' '); i >= 0 {
			start += i + 1
		}
	}
	return s[start:]
}

// endsLine reports whether the chunk holds s with a line's end after it.
func (c *Context) endsLine(s string) bool {
	_, end, ok := locate(c.chunk.Text, s, c.fold)
	return ok && strings.HasPrefix(strings.TrimLeft(c.chunk.Text[end:]+"\n", " |"), "\n")
}

// goesOn reports whether the chunk holds s and goes on with a word in lower case.
func (c *Context) goesOn(s string) bool {
	_, end, ok := locate(c.chunk.Text, s, c.fold)
	if !ok || !strings.HasPrefix(c.chunk.Text[end:], " ") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(c.chunk.Text[end+1:])
	return unicode.IsLower(r)
}

// isShort reports an entry with nothing in it.
func isShort(v *view, mode dataset.Mode) bool {
	if strings.IndexFunc(v.answer, isContent) < 0 || len(v.qWords) < 3 && mode != dataset.Summarization && mode != dataset.Instruction {
		return true
	}
	return len(v.qWords) < 2 || mode == dataset.Summarization && len(v.aWords) < 5
}

// circles reports text that says the same again: a sentence of five words twice, half of a text that is the
// other half, or words that keep coming in the same order. Code and tables do that rightly.
func (c *Context) circles(s string, list []word) bool {
	if strings.Contains(s, "```") || strings.HasPrefix(s, "|") || strings.Contains(s, "\n|") {
		var b strings.Builder
		for line := range strings.SplitSeq(prose(s), "\n") {
			if !strings.HasPrefix(line, "|") {
				b.WriteString(line + "\n")
			}
		}
		s = b.String()
		c.spare = c.words(c.spare[:0], s)
		list = c.spare
	}
	var parts [][]word
	rest := list
	for _, span := range sentences(s) {
		var part []word
		if part, rest = until(rest, span[1]); len(part) >= 5 {
			parts = append(parts, part)
		}
	}
	slices.SortFunc(parts, compareWords)
	for i := 1; i < len(parts); i++ {
		if compareWords(parts[i-1], parts[i]) == 0 {
			return true
		}
	}
	n := len(list)
	if n >= 6 && n%2 == 0 && compareWords(list[:n/2], list[n/2:]) == 0 {
		return true
	}
	return n >= 24 && c.threes(list)*10 < (n-2)*6
}

// compareWords orders lists of words, somehow.
func compareWords(a, b []word) int {
	return slices.CompareFunc(a, b, func(v, w word) int { return cmp.Compare(v.id, w.id) })
}

// threes counts the different runs of three words, or less when those are enough to make a text no circle: the
// runs that begin with different words.
func (c *Context) threes(list []word) int {
	n, runs := 0, len(list)-2
	c.tick++
	for _, w := range list[:runs] {
		if w.seen != c.tick {
			w.seen = c.tick
			n++
		}
	}
	if n*10 >= runs*6 {
		return n
	}
	distinct := make(map[[3]uint32]bool, runs)
	for i := range runs {
		distinct[[3]uint32{list[i].id, list[i+1].id, list[i+2].id}] = true
	}
	return len(distinct)
}
