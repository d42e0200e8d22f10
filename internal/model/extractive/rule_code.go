package extractive

import (
	"strings"

	"compileo/internal/dataset"
)

// maxCode is how many bytes a fenced block may have to be an answer.
const maxCode = 1500

// codes asks how to do what a lead-in announces: "To run the tests:" and a fenced block.
func codes(m *material, s *section) []candidate {
	var out []candidate
	for i, b := range s.blocks {
		if b.Kind != dataset.CodeBlock || b.Partial || b.End-b.Start > maxCode || i == 0 {
			continue
		}
		lead := s.blocks[i-1]
		if lead.Kind != dataset.ParagraphBlock && lead.Kind != dataset.ItemBlock || lead.body == "" {
			continue
		}
		said := lead.sentences
		if said == nil && lead.Kind == dataset.ItemBlock && m.english { // only items that end in a stop were read
			said = m.tag(lead, lead.start, lead.end)
		}
		if len(said) == 0 || !strings.HasSuffix(lead.body, ":") && len(said) > 1 {
			continue
		}
		x := said[len(said)-1]
		what, rule, score := announced(x)
		if what == "" {
			continue
		}
		if !strings.HasSuffix(lead.body, ":") {
			score -= 0.06
		}
		at := span{x.start, b.End}
		code := m.trimmed(&span{b.Start, b.End})
		m.trimmed(&at)
		ask := asked{"How do you " + what, "how to " + what}
		if rule == "code-can" {
			ask.direct = "How can you " + what
		}
		out = append(out, candidate{
			rule: rule, ask: ask, order: "Show how to " + what + ".", answer: x.body() + "\n\n" + code, short: code,
			evidence: []span{at}, group: -1 - b.Start, section: s, score: score, weight: apply,
		})
	}
	return out
}

// vaguePhrase says that a verb phrase says nothing by itself ("see why", "do so").
func vaguePhrase(x string) bool {
	n := wordCount(x)
	return n < 2 || n < 3 && is(firstWord(x), "see", "do", "be", "have", "get", "use", "make", "run", "try", "help", "start")
}

// announced is what the sentence before a code block says it does: "run the tests".
func announced(s *sentence) (what, rule string, score float64) {
	t, end := s.toks, s.last()
	if end < 3 || end > 24 {
		return "", "", 0
	}
	a := 0
	if is(t[0].low, "then", "next", "now", "first", "finally") {
		a = 1
		if t[a].text == "," {
			a++
		}
	}
	switch {
	case a+2 < end && t[a].low == "to" && t[a+1].tag == "VB":
		k := a + 2
		for k < end && t[k].text != "," {
			k++
		}
		what, rule, score = s.str(a+1, k), "code-to", 0.93
		end = k
	case a+3 < end && t[a].low == "you" && t[a+1].low == "can" && t[a+2].tag == "VB":
		what, rule, score = s.str(a+2, end), "code-can", 0.86
	case a+2 < end && t[a].base != "" && t[a].base == t[a].low && !is(t[a].tag, "PRP", "DT", "CC", "IN", "RB") &&
		(is(t[a+1].tag, "DT", "PRP$", "JJ", "CD") || t[a+1].noun()) && !t[a+1].finite() &&
		!is(t[a].low, "see", "note", "here", "use", "run", "be", "let", "consider", "example", "suppose", "like", "try", "check",
			"output", "result", "code", "file", "do", "have", "look", "given", "say", "assume", "default", "imagine"):
		what, rule, score = s.low(a, end), "code-order", 0.88
	}
	if what == "" || s.pronouns(a, end) {
		return "", "", 0
	}
	for _, tail := range []string{" as follows", " like so", " like this", " with", " using", " by", " via", " as"} {
		what = strings.TrimSuffix(what, tail)
	}
	if strings.ContainsAny(what, ".;:") && !strings.Contains(what, "`") || vaguePhrase(what) {
		return "", "", 0
	}
	return what, rule, score
}
