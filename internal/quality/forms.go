package quality

import (
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

var (
	questionWords = map[string]string{
		"when": whenKind, "who": whoKind, "whom": whoKind, "why": whyKind, "how": howKind,
		"what": whatKind, "which": whatKind, "where": whatKind, "whose": whatKind,
	}
	auxiliaries = set(`is are was were be do does did can could should would will may might must has have had am shall
isn aren wasn weren don doesn didn won couldn shouldn wouldn`)
	taskWords = set(`explain describe list name define compare state give identify outline summarize summarise show write discuss
rewrite extract translate convert create provide enumerate contrast classify illustrate demonstrate calculate find tell complete
implement configure generate walk draft propose recommend specify determine interpret analyze analyse set use add`)
	pronouns      = set(`it its they their them he his him she her this these those`)
	yesNoWords    = set(`yes no true false`)
	timeWords     = set(`when after before once if while until during whenever as at on in by upon since every each always never immediately january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday daily weekly monthly`)
	countWords    = set(`no none all any unlimited several many few single both every dozen infinite`)
	functionWords = set(`the a an and or of to in with for by that which is are was were be as from because if when can will such at on into not
than then while whose this these its their your our may should would could must do does did has have had but so nor between`)
	// endings are function words that questions rightly end in.
	endings  = set(`for to in with from by of at on as do does is are have has be into used called between`)
	articles = set(`the a an its their this that each every`)
)

// kindOf tells what a question asks for.
func kindOf(list []word) string {
	for i, w := range list {
		kind, ok := questionWords[w.low]
		if !ok || i == 0 && kind == whenKind && asksLater(list[1:]) {
			continue
		}
		if i > 0 && taskWords[list[0].low] {
			return taskKind
		}
		if i > 0 && auxiliaries[list[0].low] {
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
	case taskWords[list[0].low]:
		return taskKind
	case auxiliaries[list[0].low]:
		return yesNoKind
	}
	// "In Harbor, is the cache on?"
	for i, w := range list {
		if i > 0 && auxiliaries[w.low] && i+1 < len(list) {
			return yesNoKind
		}
	}
	return noKind
}

// asksLater finds the question in "When the disk is full, what happens?".
func asksLater(list []word) bool {
	for _, w := range list {
		if questionWords[w.low] != "" {
			return true
		}
	}
	return false
}

// fit says whether the answer is of the kind asked for; half where that cannot be told.
func fit(v *view) float64 {
	has := func(set map[string]bool) bool {
		for _, w := range v.aWords {
			if set[w.low] {
				return true
			}
		}
		return false
	}
	number := false
	for _, w := range v.aWords {
		number = number || w.number || numberWords[w.low] != ""
	}
	switch v.kind {
	case whenKind:
		return truth(number || has(timeWords))
	case manyKind:
		return truth(number || has(countWords))
	case whyKind:
		return truth(len(v.aWords) >= 3)
	case howKind:
		return truth(len(v.aWords) >= 2)
	case yesNoKind:
		if len(v.aWords) > 0 && yesNoWords[v.aWords[0].low] {
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
	last := list[n-1].low
	if n > 3 && endings[last] {
		return articles[list[n-3].low] && !auxiliaries[last] // "… the port of?"
	}
	return functionWords[last]
}

// closed reports whether brackets, backticks and double quotation marks come in pairs. Code is not looked at.
func closed(s string) bool {
	if strings.Count(s, "```")%2 != 0 {
		return false
	}
	round, square, quotes := 0, 0, 0
	for line := range strings.SplitSeq(prose(s), "\n") {
		if strings.Count(line, "`")%2 != 0 {
			return false
		}
		for j, piece := range strings.Split(line, "`") {
			if j%2 == 1 {
				continue // inline code
			}
			round += strings.Count(piece, "(") - strings.Count(piece, ")")
			square += strings.Count(piece, "[") - strings.Count(piece, "]")
			quotes += strings.Count(piece, `"`) + strings.Count(piece, "“") + strings.Count(piece, "”")
		}
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
