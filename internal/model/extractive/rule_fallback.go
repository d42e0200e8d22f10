package extractive

import (
	"strings"

	"compileo/internal/dataset"
)

// wholes asks about a section as a whole. These rank below all other rules: they fill up where prose gives
// nothing that parses.
func wholes(m *material, s *section) []candidate {
	if s.heading == "" || m.title == "" || !s.own || !telling(s.heading) || strings.HasSuffix(m.rawHeading(s), "?") || m.toDo(s.heading) != "" || s.heading == m.title {
		return nil
	}
	body, at := m.sectionBody(s)
	if s.running() < 25 {
		return nil
	}
	c := candidate{rule: "section", answer: body, evidence: []span{at}, group: -1 - s.start, section: s, score: 0.5, weight: apply, fallback: true}
	c.placed = true
	what := `the section "` + s.heading + `" of ` + m.quoted(m.title)
	c.ask = asked{"What does " + what + " explain", "what " + what + " explains"}
	c.order = "Explain what " + what + " says."
	return []candidate{c}
}

// running is how many words of running text a section has.
func (s *section) running() int {
	n := 0
	for _, b := range s.blocks {
		if b.Kind == dataset.ParagraphBlock && !strings.HasPrefix(b.body, "|") {
			n += wordCount(b.body)
		}
	}
	return n
}

// documented asks what the identifier of a heading does, of a section that begins "Returns …".
func documented(m *material, s *section) []candidate {
	name := strings.Trim(s.heading, "`")
	if !s.own || strings.ContainsAny(name, " \t") || !acronym(name) && name == s.heading || len(s.blocks) == 0 || len(s.blocks[0].sentences) == 0 {
		return nil
	}
	x := s.blocks[0].sentences[0]
	w := x.toks[0]
	if w.base == "" || w.base == w.low || !strings.HasSuffix(w.low, "s") || x.last() < 4 || len(x.toks) > 1 && x.toks[1].finite() {
		return nil
	}
	f := &found{s: x}
	c := f.add("does", asked{"What does " + s.heading + " do", "what " + s.heading + " does"}, "", 0.86, recall)
	c.answer = s.heading + " " + lower(c.answer)
	c.section = s
	return f.list
}

// subjects asks what is said about the subject of a sentence that no other rule took. Only subjects with
// a name or two telling words stand for themselves.
func subjects(m *material, s *sentence) []candidate {
	c := s.clause
	if c == nil || c.vague() || c.leadWord != "" || c.generic() || c.subjB-c.subjA > 8 || s.last() < 8 || s.pronouns(c.restA, c.restB) {
		return nil
	}
	f := &found{s: s}
	x := c.subject()
	ask := asked{"What is said about " + x, "what is said about " + x}
	if m.title != "" && wordCount(m.title) <= 6 && !strings.Contains(strings.ToLower(x), strings.ToLower(m.title)) {
		ask = asked{"What does " + m.quoted(m.title) + " say about " + x, "what " + m.quoted(m.title) + " says about " + x}
	}
	q := f.add("subject", ask, "", 0.46, recall)
	q.fallback, q.placed = true, m.title != ""
	return f.list
}
