package extractive

import (
	"regexp"
	"strings"
	"unicode"
)

// nearest is the innermost telling heading of a section, else the title; "" when there is none.
func (m *material) nearest(s *section) string {
	for i := len(s.path) - 1; i >= 0; i-- {
		if telling(s.path[i]) {
			return s.path[i]
		}
	}
	return m.title
}

// context names where a question belongs, for one that would not be understood alone: the title of the
// document, else the nearest telling heading. "" when nothing tells, or the question says it already.
func (m *material) context(c *candidate) string {
	if c.placed {
		return ""
	}
	q := strings.ToLower(c.ask.direct)
	for _, name := range []string{m.title, m.nearest(c.section)} {
		if name == "" || wordCount(name) > 9 {
			continue
		}
		if strings.Contains(q, strings.ToLower(name)) {
			return ""
		}
		if ownName(c.ask.direct) && name == m.title && !vagueNames(c.ask.direct) {
			return ""
		}
		return m.quoted(name)
	}
	return ""
}

// reClauseTitle finds titles that are no names: they read badly without quotes.
var reClauseTitle = regexp.MustCompile(`(?i)^(\w+ing|what|how|why|when|where|who|which|can|is|are|the|an?|using|to|about|your?|my)\b|[?!,:]`)

// quoted is a title or heading for the middle of a question. One that is no name, or a word that the text
// uses in lower case as well, is put in quotes.
func (m *material) quoted(name string) string {
	plain := wordCount(name) > 5 || plainTitle(name) || reClauseTitle.MatchString(name) ||
		wordCount(name) == 1 && !acronym(name) && m.common(name)
	if plain && !strings.Contains(name, `"`) {
		return `"` + name + `"`
	}
	return name
}

// common says whether a word is no name: the text has it in lower case, or it is an inflected form ("flags").
func (m *material) common(name string) bool {
	low := strings.ToLower(name)
	b := m.tools.base(low)
	return b != "" && b != low || low != name && strings.Contains(m.text, " "+low+" ")
}

// plainTitle says whether a title of several words holds a plain one: "Parser options".
func plainTitle(name string) bool {
	if wordCount(name) < 2 {
		return false
	}
	for w := range strings.FieldsSeq(name) {
		if len(w) > 4 && w == strings.ToLower(w) && !strings.ContainsAny(w, "`./_-0123456789") {
			return true
		}
	}
	return false
}

// ownName says whether the question holds a name that tells what it is about: two capitalised words in a row
// behind its first word, or qualified code.
func ownName(q string) bool {
	run := 0
	for i, w := range strings.Fields(q) {
		w = strings.Trim(w, `,.:()"'`)
		switch {
		case strings.HasPrefix(w, "`"):
			run = 0
			if strings.ContainsAny(w, "./") && len(w) > 7 {
				return true
			}
		case i > 0 && w != "" && unicode.IsUpper([]rune(w)[0]) && len(w) > 1:
			if run++; run > 1 {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// vagueNames says that a question points at something only its document makes clear.
func vagueNames(q string) bool {
	for _, x := range []string{" the server", " the client", " the package", " the library", " the tool", " the default", " the application"} {
		if strings.Contains(q, x) {
			return true
		}
	}
	return false
}

// question finishes a question: its phrasing, its place, its mark.
func (m *material) question(c *candidate, phrasing uint64) string {
	x := c.ask.direct
	if phrasing%6 == 5 && c.rule != "section" && c.rule != "heading-question" {
		x = "Can you explain " + c.ask.indirect
		if strings.HasPrefix(c.ask.direct, "How do you ") || strings.HasPrefix(c.ask.direct, "How can you ") {
			x = "Can you show me " + c.ask.indirect
		}
		if phrasing%12 == 11 {
			x = "Could you tell me " + c.ask.indirect
		}
	} else if rest, ok := strings.CutPrefix(x, "How do you "); ok && phrasing%2 == 1 {
		x = "How can you " + rest
	}
	if at := m.context(c); at != "" {
		x = "In " + at + ", " + lowerQuestion(x)
	}
	x = paren.ReplaceAllString(squash(x), "")
	return upper(strings.TrimRight(x, " .,;:?")) + "?"
}

// instruction finishes an order. With a passage at hand it needs no place.
func (m *material) instruction(c *candidate, phrasing uint64, passage bool) string {
	x := c.order
	if x == "" || phrasing%4 == 3 && c.rule != "heading-question" && c.rule != "section" {
		verb := "Explain "
		switch {
		case strings.HasPrefix(c.ask.indirect, "how to "):
			verb = []string{"Explain ", "Describe ", "Show "}[phrasing%3]
		case strings.HasPrefix(c.ask.indirect, "the question ") && c.order != "":
			return c.order
		case c.weight == recall:
			verb = []string{"State ", "Explain ", "Say "}[phrasing%3]
		}
		x = verb + c.ask.indirect + "."
	}
	if at := m.context(c); at != "" && !passage {
		x = "In the context of " + at + ", " + lower(x)
	}
	return upper(squash(x))
}

// lowerQuestion takes the capital away from a question word.
func lowerQuestion(x string) string {
	if is(firstWord(x), "What", "How", "When", "Why", "Where", "Who", "Which", "Can", "Could", "Is", "Does", "Do", "Are", "By", "Under") {
		return lower(x)
	}
	return x
}
