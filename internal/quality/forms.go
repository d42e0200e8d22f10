package quality

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of question.
const (
	whenKind  = "when"
	whoKind   = "who"
	whyKind   = "why"
	howKind   = "how"
	manyKind  = "how many"
	whatKind  = "what" // what, which, where, whose
	yesNoKind = "yes or no"
	taskKind  = "task" // in the imperative
	noKind    = ""
)

// kindOf tells what a question asks for.
func kindOf(list []word) string {
	for i, w := range list {
		if w.class&interrogates == 0 {
			continue
		}
		kind := questionWords[w.low]
		if i == 0 && kind == whenKind && classes(list[1:])&interrogates != 0 {
			continue // "When the disk is full, what happens?"
		}
		if i > 0 && list[0].class&taskWord != 0 {
			return taskKind
		}
		if i > 0 && list[0].class&auxiliary != 0 {
			return yesNoKind
		}
		if kind == howKind && i+1 < len(list) && (list[i+1].low == "many" || list[i+1].low == "much") {
			return manyKind
		}
		return kind
	}
	switch {
	case len(list) == 0:
		return noKind
	case list[0].class&taskWord != 0:
		return taskKind
	case list[0].class&auxiliary != 0:
		return yesNoKind
	}
	// "In Harbor, is the cache on?"
	for i, w := range list {
		if i > 0 && w.class&auxiliary != 0 && i+1 < len(list) {
			return yesNoKind
		}
	}
	return noKind
}

// classes are those that a word of the list has.
func classes(list []word) class {
	all := class(0)
	for i := range list {
		all |= list[i].class
	}
	return all
}

// fit says whether the answer is of the kind asked for; half where that cannot be told.
func fit(v *view) float64 {
	number := v.aClass&numeral != 0 || slices.ContainsFunc(v.aWords, func(w word) bool { return w.number })
	switch v.kind {
	case whenKind:
		return truth(number || v.aClass&timeWord != 0)
	case manyKind:
		return truth(number || v.aClass&countWord != 0)
	case whyKind:
		return truth(len(v.aWords) >= 3)
	case howKind:
		return truth(len(v.aWords) >= 2)
	case yesNoKind:
		if len(v.aWords) > 0 && v.aWords[0].class&yesNoWord != 0 {
			return 1
		}
		return 0.5
	case noKind:
		return 0
	}
	return 1
}

// endsAsQuestion reports whether the text, or the line before a code block in it, ends with a question mark.
func endsAsQuestion(s string) bool {
	head, _, _ := strings.Cut(s, "\n")
	for _, text := range [...]string{s, head} {
		text = strings.TrimRight(text, " \"'”’)»`*")
		if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "？") || strings.HasSuffix(text, "؟") {
			return true
		}
	}
	return false
}

// endsInFunctionWord reports a question that breaks off: "What does the?".
func endsInFunctionWord(list []word) bool {
	if len(list) == 0 {
		return false
	}
	n := len(list)
	last := list[n-1].class
	if n > 3 && last&ending != 0 {
		return list[n-3].class&article != 0 && last&auxiliary == 0 // "… the port of?"
	}
	return last&functionWord != 0
}

// closed reports whether brackets, backticks and double quotation marks come in pairs. Code is not looked at.
func closed(s string) bool {
	if strings.Count(s, "```")%2 != 0 {
		return false
	}
	round, square, quotes, code := 0, 0, 0, false
	text := prose(s)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '`':
			code = !code
		case c == '\n' && code:
			return false
		case code:
		case c == '(':
			round++
		case c == ')':
			round--
		case c == '[':
			square++
		case c == ']':
			square--
		case c == '"' || c == "“"[0] && (strings.HasPrefix(text[i:], "“") || strings.HasPrefix(text[i:], "”")):
			quotes++
		}
	}
	if code {
		return false
	}
	// "a) first, b) second" closes more than it opens, and is fine.
	return round <= 0 && square == 0 && quotes%2 == 0
}

// prose returns s without its fenced code.
func prose(s string) string {
	if !strings.Contains(s, "```") {
		return s
	}
	var b strings.Builder
	for i, piece := range strings.Split(s, "```") {
		if i%2 == 0 {
			b.WriteString(piece)
		}
	}
	return b.String()
}

// fenced returns the pieces of fenced code in s, each with its language line.
func fenced(s string) []string {
	if !strings.Contains(s, "```") {
		return nil
	}
	var out []string
	for i, piece := range strings.Split(s, "```") {
		if i%2 == 1 {
			out = append(out, piece)
		}
	}
	return out
}

// endsComplete reports whether a text ends as a sentence, or as code, a table or a list does.
func endsComplete(s string) bool {
	s = strings.TrimRight(s, " \n")
	trimmed := strings.TrimRight(s, "\"'”’)]»*_")
	last, _ := utf8.DecodeLastRuneInString(trimmed)
	if strings.ContainsRune(".!?。！？`|", last) || strings.HasSuffix(s, "`") || strings.HasSuffix(s, ")") {
		return true
	}
	line := strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
	return isItem(line) && (unicode.IsLetter(last) || unicode.IsDigit(last))
}

// isItem reports whether a line is one of a list.
func isItem(line string) bool {
	if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "• ") {
		return true
	}
	n := 0
	for n < len(line) && n < 4 && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	return n > 0 && n+1 < len(line) && (line[n] == '.' || line[n] == ')') && line[n+1] == ' '
}
