package quality

import (
	"cmp"
	"regexp"
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

	fault(!c.grounded(v), NoEvidence)
	fault(c.unsupported(v), UnsupportedAnswer)
	fault(qNumbers.missing+aNumbers.missing > 0, UnknownNumber)
	fault(qNames.missing+aNames.missing > 0, UnknownName)
	fault(c.strangeAddress(v.question, v.qWords) || c.strangeAddress(v.answer, v.aWords), AddressNotInSource)
	fault(c.refersOut(v, mode), DanglingReference)
	fault(asks && !isQuestion(v, c.english), NotAQuestion)
	fault(echoes(v, asks), AnswerInQuestion)
	fault(c.isCut(v), CutAnswer)
	fault(c.refuses(v), Refusal)
	fault(isShort(v, mode), TooShort)
	fault(circles(v.question) || circles(v.answer), RepeatedText)
	all := v.question + "\n" + v.answer
	fault(personal(all), PII)
	fault(slices.ContainsFunc(v.qWords, isProfane) || slices.ContainsFunc(v.aWords, isProfane), Profanity)
	return faults, aNumbers.share(), aNames.share()
}

// grounded reports whether an evidence stands where it says and shares a content word with the entry.
func (c *Context) grounded(v *view) bool {
	for i := range v.entry.Evidence {
		e := &v.entry.Evidence[i]
		if !c.holds(e) {
			continue
		}
		for _, w := range words(e.Quote) {
			if !w.stop && (v.aSet[w.stem] || v.qSet[w.stem]) {
				return true
			}
		}
		if len(v.aTerms) == 0 && len(v.qTerms) == 0 {
			return true // nothing to compare: other gates decide
		}
	}
	return false
}

func (c *Context) unsupported(v *view) bool {
	known := 0
	for _, term := range v.aTerms {
		if c.knows(term) {
			known++
		}
	}
	if len(v.aTerms) == 1 && yesNoWords[v.aTerms[0]] && v.kind == yesNoKind {
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
	inCode, at := false, 0
	for i := range list {
		w := &list[i]
		inCode = inCode != (strings.Count(text[at:w.start], "`")%2 == 1)
		at = w.start
		switch {
		case w.number:
			if w.first && !inCode && w.end < len(text) && (text[w.end] == '.' || text[w.end] == ')') || question && len(w.stem) == 1 {
				continue // the number of a list item
			}
			numbers.all++
			if !c.knows(w.stem) && !c.known[w.low] {
				numbers.missing++
			}
		case strings.HasSuffix(text[:w.start], "```"): // the language of a code block
		case w.code || inCode && len(w.low) > 1 && !w.stop || w.capital && !w.first && len(w.low) > 1 && !commonNames[w.low]:
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
	if c.known[w.low] || !w.code && c.knows(w.stem) {
		return true
	}
	if strings.HasSuffix(w.low, "s") && c.known[w.low[:len(w.low)-1]] || c.known[w.low+"s"] {
		return true
	}
	_, ok := indexWord(c.low, w.low)
	return ok
}

var commonNames = set(`i i'm ok yes no none true false english q a`)

var (
	address = regexp.MustCompile(`(?i)\b(?:https?|ftp|ssh|git)://[^\s<>"'` + "`" + `)\]]+|\bwww\.[^\s<>"'` + "`" + `)\]]+|[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*|` +
		`\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|app|info|biz|xyz|ru|cn|co|ai|me|gov|edu|uk|de|top|sh)\b(?:/[^\s<>"'` + "`" + `)\]]*)?`)
	command = regexp.MustCompile(`(?m)\b(?:curl|wget|pip3?|npm|npx|yarn|brew|apt(?:-get)?|yum|dnf|docker|kubectl|sudo|rm|chmod|chown|bash|sh|powershell|iwr|iex|eval|ssh|scp|nc|go|git|make|cargo)` +
		`[ \t]+(?:-{1,2}[a-zA-Z][\w-]*|[a-z]+://\S+|install|run|exec|add|get|clone|apply|rm|push)\b(?:[ \t]+[\w@./:=-]+)?|^[ \t]*\$[ \t]+(.+)$`)
)

// strangeAddress reports an address or a command that the chunk does not hold: what leads a reader, or a
// program, somewhere must come from the source to the letter.
func (c *Context) strangeAddress(text string, list []word) bool {
	if hasAddress(text) {
		for _, found := range address.FindAllString(text, -1) {
			if !c.contains(strings.TrimRight(found, ".,;:!?*_")) {
				return true
			}
		}
	}
	if strings.Contains(text, "$") || mentions(list, commandWords) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			if !c.contains(strings.TrimRight(cmp.Or(m[1], m[0]), ".,;:!?`")) {
				return true
			}
		}
	}
	if !strings.Contains(text, "`") {
		return false
	}
	for line := range strings.SplitSeq(prose(text), "\n") {
		for i, piece := range strings.Split(line, "`") {
			if i%2 == 1 && strings.Contains(strings.TrimSpace(piece), " ") && !c.contains(piece) {
				return true
			}
		}
	}
	for _, code := range fenced(text) {
		lang, body, _ := strings.Cut(code, "\n")
		switch strings.TrimSpace(lang) {
		case "sh", "bash", "shell", "console", "zsh", "powershell", "cmd":
			for line := range strings.SplitSeq(body, "\n") {
				if strings.TrimSpace(line) != "" && !c.contains(line) {
					return true
				}
			}
		}
	}
	return false
}

// hasAddress reports whether text may hold an address: an @, a slash, or a dot before a letter.
func hasAddress(text string) bool {
	for i := 1; i+1 < len(text); i++ {
		switch text[i] {
		case '@', '/':
			return true
		case '.':
			if text[i-1] > ' ' && (text[i+1]|0x20 >= 'a' && text[i+1]|0x20 <= 'z') {
				return true
			}
		}
	}
	return false
}

// contains reports whether a piece of text stands in the chunk, its title or headings, on borders of words.
func (c *Context) contains(s string) bool {
	s = strings.TrimSpace(strings.ToLower(fold(s).text))
	if s == "" {
		return true
	}
	_, ok := indexWord(c.low, s)
	return ok
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
		if !v.qSet[term] {
			return false
		}
	}
	// A piece of code is more than its words: "`--metrics`" for "Which flag opens the metrics?".
	return !strings.Contains(v.answer, "`") || strings.Contains(v.question, strings.Trim(v.answer, "`"))
}

// plainWords is a text's words in lower case, one space between them.
func plainWords(list []word) string {
	var b strings.Builder
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
	if n := len(v.aWords); n > 1 && functionWords[v.aWords[n-1].low] && !endings[v.aWords[n-1].low] {
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
	_, end, ok := Locate(c.chunk.Text, s)
	return ok && strings.HasPrefix(strings.TrimLeft(c.chunk.Text[end:]+"\n", " |"), "\n")
}

// goesOn reports whether the chunk holds s and goes on with a word in lower case.
func (c *Context) goesOn(s string) bool {
	_, end, ok := Locate(c.chunk.Text, s)
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
func circles(s string) bool {
	var list []word
	seen := map[string]bool{}
	for line := range strings.SplitSeq(prose(s), "\n") {
		if strings.HasPrefix(line, "|") {
			continue
		}
		for _, span := range sentences(line) {
			part := words(line[span[0]:span[1]])
			list = append(list, part...)
			if len(part) < 5 {
				continue
			}
			key := plainWords(part)
			if seen[key] {
				return true
			}
			seen[key] = true
		}
	}
	n := len(list)
	if n >= 6 && n%2 == 0 && plainWords(list[:n/2]) == plainWords(list[n/2:]) {
		return true
	}
	if n < 24 {
		return false
	}
	grams := map[string]bool{}
	for i := 0; i+3 <= n; i++ {
		grams[plainWords(list[i:i+3])] = true
	}
	return len(grams)*10 < (n-2)*6
}
