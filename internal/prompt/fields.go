package prompt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Limits on a draft, besides those of dataset.
const (
	maxQuotes   = 20
	maxCategory = 200 // bytes
	maxRule     = 64  // bytes
)

// The names under which models send a field, best first, as canonical makes them.
var (
	questionFields    = []string{"question", "q", "query", "questiontext", "prompt", "instruction", "task", "user", "human"}
	answerFields      = []string{"answer", "a", "answertext", "correctanswer", "expectedanswer", "response", "reply", "output", "completion", "assistant"}
	instructionFields = []string{"instruction", "task", "prompt", "command", "question", "q", "query", "user", "human"}
	outputFields      = []string{"output", "response", "answer", "a", "completion", "result", "solution", "reply", "assistant"}
	summaryFields     = []string{"summary", "summarization", "abstract", "tldr", "summarytext", "output", "answer", "response"}
	inputFields       = []string{"input", "inputtext"}
	evidenceFields    = []string{
		"evidence", "evidences", "quote", "quotes", "context", "contexts", "source", "sources", "sourcetext", "support", "supportingtext",
		"supportingquote", "supportingquotes", "citation", "citations", "excerpt", "excerpts", "reference", "references", "passage", "passages", "snippet",
	}
	difficultyFields = []string{"difficulty", "difficultylevel", "level", "complexity", "complexitylevel"}
	categoryFields   = []string{"category", "topic", "subject", "label", "type"}
	ruleFields       = []string{"rule"}
	quoteFields      = []string{"quote", "text", "content", "evidence", "passage", "excerpt", "value", "sentence"}
	textFields       = []string{"text", "content", "value", "answer", "output"}
)

var evidenceNames = nameSet(evidenceFields)

// entryNames are the fields that make an object an entry.
var entryNames = nameSet(questionFields, answerFields, instructionFields, outputFields, summaryFields)

func nameSet(lists ...[]string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for _, name := range list {
			set[name] = true
		}
	}
	return set
}

// canonical makes names comparable: "Question_Text" is "questiontext", "question 1" is "question".
func canonical(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, key[:min(len(key), 64)])
}

// isEntry reports whether an object has a field of an entry that is text.
func isEntry(v value) bool {
	for i, item := range v.items {
		if entryNames[canonical(v.keys[i])] && (item.kind <= nullKind || item.kind == listKind && len(item.items) > 0) {
			return true
		}
	}
	return false
}

// fields are an entry's values by canonical name; of two with one name the later counts.
type fields map[string]value

// text returns the first of the named fields that says something, cleaned.
func (f fields) text(names []string) string {
	for _, name := range names {
		if v, ok := f[name]; ok {
			if s := flatten(v); s != "" {
				return s
			}
		}
	}
	return ""
}

// flatten makes text of a value: a list gives a line for each item, an object its text.
func flatten(v value) string {
	switch v.kind {
	case textKind, numberKind:
		return clean(v.text)
	case listKind:
		var lines []string
		for _, item := range v.items {
			if s := flatten(item); s != "" {
				lines = append(lines, s)
			}
		}
		return strings.Join(lines, "\n")
	case objectKind:
		return objectFields(v).text(textFields)
	}
	return ""
}

func objectFields(v value) fields {
	f := fields{}
	for i, key := range v.keys {
		f[canonical(key)] = v.items[i]
	}
	return f
}

// toDraft reads an entry; fault says why it is none.
func toDraft(object value, mode dataset.Mode, chunk *dataset.Chunk) (d Draft, fault string) {
	f := objectFields(object)
	switch mode {
	case dataset.Instruction:
		d.Instruction, d.Output = f.text(instructionFields), f.text(outputFields)
		d.Input = f.text(inputFields)
		d.Question, d.Answer = d.Instruction, d.Output
	case dataset.Summarization:
		d.Summary = unlabel(f.text(summaryFields))
		d.Question, d.Answer = summaryQuestion(chunk), d.Summary
	default:
		d.Question, d.Answer = unlabel(f.text(questionFields)), unlabel(f.text(answerFields))
	}
	d.Difficulty = difficulty(f.text(difficultyFields))
	d.Category = cutBytes(strings.ReplaceAll(f.text(categoryFields), "\n", " "), maxCategory)
	d.Rule = cutBytes(f.text(ruleFields), maxRule)
	d.Evidence = evidence(f)
	return d, check(&d, object.cut)
}

// check returns the fault of a draft. A draft of an entry that was cut is good when what counts came before.
func check(d *Draft, cut bool) string {
	switch {
	case cut && (d.Question == "" || d.Answer == ""):
		return Truncated
	case d.Question == "":
		return EmptyQuestion
	case d.Answer == "":
		return EmptyAnswer
	case isPlaceholder(d.Question) || isPlaceholder(d.Answer):
		return Placeholder
	case len(d.Question) > dataset.MaxQuestion:
		return QuestionTooLong
	case len(d.Answer) > dataset.MaxAnswer:
		return AnswerTooLong
	case len(d.Input) > dataset.MaxAnswer:
		return InputTooLong
	}
	return ""
}

// isPlaceholder recognizes a form that was not filled in.
func isPlaceholder(s string) bool {
	switch strings.ToLower(strings.Trim(s, ".… \"'")) {
	case "", "string", "question", "answer", "summary", "instruction", "output":
		return true
	}
	return len(s) > 2 && len(s) < 60 && (s[0] == '<' && s[len(s)-1] == '>' && strings.Contains(s, " ") || s[0] == '[' && strings.HasSuffix(s, " here]"))
}

// summaryQuestion is the question that a summary of chunk answers. It is understood without the chunk when
// the document has a title or headings.
func summaryQuestion(chunk *dataset.Chunk) string {
	title := ""
	if strings.TrimSpace(chunk.Title) != "" {
		title = inline(chunk.Title)
	}
	if n := len(chunk.Headings); n > 0 {
		if last := inline(chunk.Headings[n-1]); last != title && strings.TrimSpace(chunk.Headings[n-1]) != "" {
			if title == "" {
				return fmt.Sprintf("Summarize “%s”.", last)
			}
			return fmt.Sprintf("Summarize “%s” in “%s”.", last, title)
		}
	}
	if title == "" {
		return "Summarize the key points."
	}
	return fmt.Sprintf("Summarize “%s”.", title)
}

// evidence returns the quotes of an entry, each once, at most maxQuotes of them.
func evidence(f fields) []string {
	var quotes []string
	add := func(s string) {
		if s != "" && len(s) <= dataset.MaxAnswer && len(quotes) < maxQuotes && !slices.Contains(quotes, s) {
			quotes = append(quotes, s)
		}
	}
	for _, name := range evidenceFields {
		v, ok := f[name]
		if !ok {
			continue
		}
		items := []value{v}
		if v.kind == listKind {
			items = v.items
		}
		for _, item := range items {
			if item.kind == objectKind {
				add(objectFields(item).text(quoteFields))
			} else {
				add(flatten(item))
			}
		}
		if len(quotes) > 0 {
			break
		}
	}
	return quotes
}

// difficulty translates the words that models use; "" for others.
func difficulty(s string) string {
	switch canonical(s) + strings.Trim(s, "\"' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") {
	case "beginner", "easy", "basic", "simple", "low", "elementary", "1":
		return dataset.Beginner
	case "intermediate", "medium", "moderate", "normal", "2":
		return dataset.Intermediate
	case "advanced", "hard", "difficult", "high", "challenging", "3":
		return dataset.Advanced
	case "expert", "veryhard", "verydifficult", "4":
		return dataset.Expert
	}
	return ""
}

var label = regexp.MustCompile(`^(?:\*\*)?(?:[Qq]uestion|QUESTION|[Aa]nswer|ANSWER|[Ss]ummary|Q|A)\s?\d{0,3}\s?:(?:\*\*)?\s+`)

// unlabel drops "Question 3:" and the like.
func unlabel(s string) string {
	if m := label.FindString(s); m != "" && len(m) < len(s) {
		return strings.TrimSpace(s[len(m):])
	}
	return s
}

// clean drops what text in a dataset must not hold (broken UTF-8, control characters, marks that change the
// direction or hide characters), makes all line ends "\n" and trims space around the text and at line ends.
func clean(s string) string {
	if !dirty(s) {
		return strings.TrimSpace(s)
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f' || r == '\u0085':
			return '\n'
		case unicode.IsControl(r), r == utf8.RuneError, hidden(r):
			return -1
		}
		return r
	}, s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, unicode.IsSpace)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// dirty reports whether clean has more to do than to trim.
func dirty(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return true
		}
	}
	return false
}

// hidden reports marks that are invisible and carry no meaning, or reorder what is shown, and noncharacters.
func hidden(r rune) bool {
	return r == '\u200b' || r == '\u2060' || r == '\ufeff' || r == '\u200e' || r == '\u200f' ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' ||
		r >= '\ufdd0' && r <= '\ufdef' || r&0xfffe == 0xfffe || r >= 0xe0000 && r <= 0xe007f
}
