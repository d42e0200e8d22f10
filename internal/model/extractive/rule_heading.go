package extractive

import (
	"regexp"
	"strings"

	"compileo/internal/dataset"
)

var (
	reStock = regexp.MustCompile(`(?i)^(introduction|overview|notes?|see also|references?|examples?|usage|synopsis|description|` +
		`summary|background|(table of )?contents|faq|resources|links|change ?log|release notes|licen[cs]e|licensing|more|next steps|related|api|` +
		`options|parameters|response|request|arguments|getting started|quick ?start|intro|misc(ellaneous)?|other|further reading|` +
		`table.*|configuration|prerequisites|requirements|details|history|installation|install|installing|features?|limitations?|` +
		`motivation|why|welcome|home|why\?|contributing|contributors|authors?|credits|acknowledge?ments?|support|status|todo|roadmap|documentation|about|` +
		`security|tests?|testing|benchmarks?|performance|compatibility|versioning|glossary|terminology|terms|definitions|conclusions?|results|discussion|abstract|methods?)$`)

	// orderVerbs are verbs that begin a heading as an order even when a noun follows directly.
	orderVerbs = set("install configure create add remove delete build deploy update upgrade enable disable get make write choose connect define import export generate migrate start stop verify prepare download upload send read avoid customize manage handle implement publish register authenticate convert load parse specify select")
)

// stock are headings that are the same everywhere, with what they ask about a subject S.
var stock = []struct {
	heading *regexp.Regexp
	asked   asked
	weight  weight
	score   float64
}{
	{regexp.MustCompile(`(?i)^(install|installation|installing)$`), asked{"How do you install S", "how to install S"}, apply, 0.9},
	{regexp.MustCompile(`(?i)^(usage)$`), asked{"How do you use S", "how to use S"}, apply, 0.82},
	{regexp.MustCompile(`(?i)^(getting started|quick ?start)$`), asked{"How do you get started with S", "how to get started with S"}, apply, 0.84},
	{regexp.MustCompile(`(?i)^(configuration)$`), asked{"How is S configured", "how S is configured"}, apply, 0.8},
	{regexp.MustCompile(`(?i)^(prerequisites|requirements)$`), asked{"What are the requirements for S", "what S requires"}, recall, 0.84},
	{regexp.MustCompile(`(?i)^(features)$`), asked{"What features does S have", "which features S has"}, recall, 0.86},
	{regexp.MustCompile(`(?i)^(limitations)$`), asked{"What are the limitations of S", "which limitations S has"}, apply, 0.86},
	{regexp.MustCompile(`(?i)^(motivation|why\??)$`), asked{"What is the motivation for S", "what the motivation for S is"}, reason, 0.8},
	{regexp.MustCompile(`(?i)^(licen[cs]e|licensing)$`), asked{"Under what license is S released", "under what license S is released"}, recall, 0.74},
}

// stockHeading says that a heading tells nothing about its subject.
func stockHeading(h string) bool { return reStock.MatchString(strings.Trim(h, "` .:?")) }

// telling says whether a heading can stand in a question.
func telling(h string) bool {
	n := wordCount(h)
	return n > 0 && n <= 8 && !stockHeading(h) && len(h) <= 70 && strings.ContainsFunc(h, isLetter) && !reVersion.MatchString(h)
}

var reVersion = regexp.MustCompile(`(?i)^(v?\d|step \d|chapter|part|section|appendix|unreleased|\[)`)

// headings asks from headings that are questions, orders or stock ones, answered by their sections.
func headings(m *material, s *section) []candidate {
	if !s.own || s.heading == "" {
		return nil
	}
	body, at := m.sectionBody(s)
	base := candidate{answer: body, evidence: []span{at}, group: -1 - s.start, section: s, weight: apply}
	if c, ok := m.stockQuestion(s, base); ok {
		return []candidate{c}
	}
	if wordCount(body) < 12 && !s.holds(dataset.CodeBlock) {
		return nil
	}
	if strings.HasSuffix(strings.TrimSpace(m.rawHeading(s)), "?") && wordCount(s.heading) >= 3 {
		x := strings.TrimRight(s.heading, "? ")
		base.rule, base.score = "heading-question", 0.95
		base.ask = asked{x, `the question "` + x + `?"`}
		base.order = "Answer the question: " + x + "?"
		return []candidate{base}
	}
	if x := m.toDo(s.heading); x != "" {
		base.rule, base.score = "heading-how", 0.92
		base.ask = asked{"How do you " + x, "how to " + x}
		return []candidate{base}
	}
	return nil
}

func (m *material) rawHeading(s *section) string {
	line, _, _ := strings.Cut(m.text[s.start:], "\n")
	return line
}

// stockQuestion asks about the document from one of its usual headings.
func (m *material) stockQuestion(s *section, c candidate) (candidate, bool) {
	subject, ok := m.title, false
	if len(s.path) > 2 || subject == "" || wordCount(c.answer) < 3 || m.quoted(subject) != subject ||
		strings.HasPrefix(c.answer, "See ") && wordCount(c.answer) < 20 {
		return c, false
	}
	for _, x := range stock {
		if ok = x.heading.MatchString(s.heading); ok {
			c.rule, c.score, c.weight, c.placed = "heading-stock", x.score, x.weight, true
			c.ask = asked{replaceSubject(x.asked.direct, subject), replaceSubject(x.asked.indirect, subject)}
			break
		}
	}
	return c, ok
}

// replaceSubject puts the subject in place of the word S.
func replaceSubject(pattern, subject string) string {
	f := strings.Fields(pattern)
	for i := range f {
		if f[i] == "S" {
			f[i] = subject
		}
	}
	return strings.Join(f, " ")
}

// maxHeading is the longest heading in bytes that is read as an order.
const maxHeading = 120

// participle are words in -ing that describe the noun behind them: "Missing files".
var participle = set("missing existing following including remaining pending working breaking outstanding corresponding matching supporting trailing leading floating upcoming incoming outgoing recurring conflicting overlapping interesting failing underlying")

// toDo is what a heading tells to do: "Installing a package", "How to install a package", "Install a
// package" are all "install a package". Empty when it is none of these.
func (m *material) toDo(h string) string {
	if !m.english || strings.Contains(h, " vs") {
		return ""
	}
	n := wordCount(h)
	if n < 2 || n > 9 || len(h) > maxHeading {
		return ""
	}
	t := m.tools.words(hide(h), h, 0)
	if len(t) < 2 || strings.HasPrefix(strings.ToLower(h), "how to ") && len(t) < 4 {
		return ""
	}
	first, second := t[0], t[1]
	switch rest := plainCase(m, t[1:]); {
	case strings.HasPrefix(strings.ToLower(h), "how to "):
		return plainCase(m, t[2:])
	case strings.HasSuffix(first.low, "ing"):
		if participle[first.low] || first.base == "" || first.base == first.low || second.finite() || second.tag == "IN" && !is(second.low, "from", "with") ||
			is(second.low, "and", "or", ",", "for", ":", "&", "/", "-") {
			return ""
		}
		return first.base + " " + rest
	case first.base != first.low || first.base == "" || first.text == first.low:
		return ""
	case is(second.tag, "DT", "PRP$") && !is(second.low, "that", "this", "all"):
		return first.base + " " + rest
	case second.code || orderVerbs[first.low] && (second.noun() || strings.HasPrefix(second.tag, "JJ")):
		return first.base + " " + rest
	}
	return ""
}

// plainCase joins words, taking title case away from those that the chunk also has in lower case.
func plainCase(m *material, t []word) string {
	var b strings.Builder
	for i, w := range t {
		x := w.text
		if !w.code && !acronym(x) && strings.Count(m.text, " "+w.low) > strings.Count(m.text, " "+x) {
			x = w.low
		}
		if i > 0 && w.start > t[i-1].end {
			b.WriteByte(' ')
		}
		b.WriteString(x)
	}
	return b.String()
}

// holds says whether the section has a block of the kind.
func (s *section) holds(kind dataset.BlockKind) bool {
	for _, b := range s.blocks {
		if b.Kind == kind {
			return true
		}
	}
	return false
}

// maxBody is how many words of a section an answer holds; the block that passes it is left out.
const maxBody = 220

// sectionBody is the text of a section, whole blocks, and where it stands.
func (m *material) sectionBody(s *section) (string, span) {
	if len(s.blocks) == 0 {
		return "", span{s.start, s.start}
	}
	at := span{s.blocks[0].Start, s.blocks[0].Start}
	n := 0
	for _, b := range s.blocks {
		n += wordCount(m.text[b.Start:b.End])
		if at.end > at.start && n > maxBody {
			break
		}
		at.end = b.End
	}
	return m.trimmed(&at), at
}

// trimmed is the text of a span; the span loses the space around it.
func (m *material) trimmed(at *span) string {
	x := m.text[at.start:at.end]
	y := strings.TrimRight(x, " \t\r\n")
	at.end -= len(x) - len(y)
	z := strings.TrimLeft(y, "\r\n")
	at.start += len(y) - len(z)
	return z
}
