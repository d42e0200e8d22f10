package extractive

import (
	"regexp"
	"slices"
	"strings"

	"compileo/internal/dataset"
)

// definitionItem is an item that begins with its term: "`-v`: verbose output", "Latency — the time …".
var definitionItem = regexp.MustCompile("^(`[^`]+`(?:,? (?:or|and|/)? ?`[^`]+`)*|[\\p{Lu}0-9][\\pL\\pN .,/'()+#-]{1,60}?)\\s*(?:\\(([^)]*)\\))?\\s*(?::|—|–| - )\\s+(.{12,})$")

// metaTerm holds item labels that describe the heading rather than define a term.
var metaTerm = set("type default returns since required deprecated note notes example examples stability history warning tip important caution author date version status input output usage todo info see")

// run is a stretch of items with what led to it.
type run struct {
	lead  *block // the paragraph that ends with a colon right before, or nil
	items []*block
}

// runs finds the lists of a section.
func (m *material) runs(s *section) []run {
	var list []run
	for i := 0; i < len(s.blocks); i++ {
		if s.blocks[i].Kind != dataset.ItemBlock {
			continue
		}
		r := run{}
		if i > 0 && s.blocks[i-1].Kind == dataset.ParagraphBlock && strings.HasSuffix(s.blocks[i-1].body, ":") {
			r.lead = s.blocks[i-1]
		}
		for i < len(s.blocks) && s.blocks[i].Kind == dataset.ItemBlock {
			r.items = append(r.items, s.blocks[i])
			i++
		}
		list = append(list, r)
	}
	return list
}

// span is where the list stands.
func (r run) span() span { return span{r.items[0].Start, r.items[len(r.items)-1].End} }

// partial says that a chunk border cuts the list.
func (r run) partial() bool {
	for _, b := range r.items {
		if b.Partial {
			return true
		}
	}
	return false
}

// lists asks from lead-ins with a list, from items that define a term, and from numbered steps.
func lists(m *material, s *section) []candidate {
	var out []candidate
	for _, r := range m.runs(s) {
		out = append(out, m.definitionItems(s, r)...)
		if len(r.items) < 2 || r.partial() {
			continue
		}
		at := r.span()
		c := candidate{section: s, group: -1 - at.start, score: 0.9, weight: apply}
		body := m.trimmed(&at)
		if r.lead != nil && len(r.lead.sentences) > 0 {
			lead := r.lead.sentences[len(r.lead.sentences)-1]
			if q, rule := leadQuestion(lead); rule != "" {
				c.rule, c.ask = rule, q
				c.answer, c.short = lead.body()+"\n\n"+body, r.joined(body)
				c.evidence = []span{{lead.start, at.end}}
				if strings.HasPrefix(q.indirect, "which ") || strings.HasPrefix(q.indirect, "what are ") {
					c.order = "List " + strings.TrimPrefix(strings.TrimPrefix(q.indirect, "what are "), "which ") + "."
				}
				if strings.HasPrefix(q.indirect, "which ") {
					c.order = "List " + q.indirect + "."
				}
				out = append(out, c)
			}
			continue
		}
		if x := m.toDo(s.heading); r.items[0].Ordered && len(r.items) >= 3 && x != "" && s.own {
			c.rule, c.score = "steps", 0.84
			c.ask = asked{"What are the steps to " + x, "the steps to " + x}
			c.order = "List the steps to " + x + "."
			c.answer, c.evidence = body, []span{at}
			out = append(out, c)
		}
	}
	return out
}

// joined is the list as one phrase when its items are short, else the list as it stands.
func (r run) joined(body string) string {
	var x []string
	for _, b := range r.items {
		if b.Ordered || b.Level > 1 || wordCount(b.body) > 6 {
			return body
		}
		x = append(x, strings.TrimRight(b.body, ".;,"))
	}
	return upper(strings.Join(x[:len(x)-1], ", ")+" and "+x[len(x)-1]) + "."
}

// leadQuestion makes a question of a lead-in such as "The following formats are supported:", with its rule;
// an empty rule when the lead-in gives none.
func leadQuestion(s *sentence) (asked, string) {
	t := s.toks
	if t[0].low == "to" && len(t) > 3 && t[1].tag == "VB" {
		k := 2
		for k < len(t) && t[k].text != "," && t[k].text != ":" {
			k++
		}
		if s.pronouns(1, k) || vaguePhrase(s.str(1, k)) {
			return asked{}, ""
		}
		x := s.str(1, k)
		return asked{"How do you " + x, "how to " + x}, "list-how"
	}
	for k := range t {
		if t[k].low == "following" && k > 0 && t[k-1].low == "the" {
			return s.following(k)
		}
	}
	c := s.clause
	if c == nil || c.vague() || c.leadWord != "" {
		return asked{}, ""
	}
	rest := strings.TrimRight(s.str(c.restA, c.restB), ": .")
	if c.copular && (rest == "" || strings.HasPrefix(rest, "as follows")) {
		be := t[c.verb].low
		return asked{"What " + be + " " + c.subject(), "what " + c.subject() + " " + be}, "list-is"
	}
	if is(t[c.verb].base, "include", "contain", "provide", "support", "offer", "require", "accept", "take", "have", "need") && rest == "" {
		return c.ask("What", ""), "list-verb"
	}
	if strong := is(t[c.verb].base, "have", "provide", "support", "offer", "include", "define"); strong && !c.passive {
		if e := s.nounPhrase(c.restA, true); e == c.restB && e > 0 && t[s.headNoun(c.restA, e)].tag == "NNS" && !s.pronouns(c.restA, e) {
			np := s.str(c.restA, e)
			if f := t[c.restA]; f.tag == "CD" || is(f.low, "several", "some", "many", "various", "different") {
				np = s.str(c.restA+1, e)
			}
			if np != "" && !is(t[c.restA].tag, "DT", "PRP$") {
				return asked{"Which " + np + " " + c.inverted(""), "which " + np + " " + c.plain("")}, "list-which"
			}
		}
	}
	return asked{}, ""
}

// following reads a lead-in with "the following" before word k+1.
func (s *sentence) following(k int) (asked, string) {
	t := s.toks
	e := s.nounPhrase(k+1, true)
	end := s.last()
	if e == 0 || e > end {
		if k+1 < end && is(t[k+1].low, "are", "is") && k <= 1 { // "The following are the supported formats:"
			x := s.low(k+2, end)
			return asked{"What " + t[k+1].low + " " + x, "what " + t[k+1].low + " " + x}, "list-following"
		}
		return asked{}, ""
	}
	what := s.str(k+1, e)
	if k <= 1 { // as subject
		if rest := s.str(e, end); rest != "" && t[e].finite() && !s.pronouns(e, end) {
			return asked{"Which " + what + " " + rest, "which " + what + " " + rest}, "list-following"
		}
		return asked{}, ""
	}
	c := s.clause
	if c == nil || c.vague() || c.copular || k < c.restA || c.leadWord != "" || k != c.restA+1 || s.pronouns(c.restA, end) {
		return asked{}, ""
	}
	rest := s.str(e, end)
	return asked{"Which " + what + " " + c.inverted(rest), "which " + what + " " + c.plain(rest)}, "list-following"
}

// definitionItems asks for the meaning of each term that a list defines.
func (m *material) definitionItems(s *section, r run) []candidate {
	var out []candidate
	n := 0
	for _, b := range r.items {
		x := definitionItem.FindStringSubmatch(b.body)
		if x == nil || b.Partial {
			continue
		}
		n++
		term, meaning := x[1], x[3]
		if metaTerm[strings.ToLower(term)] || wordCount(term) > 5 || strings.HasSuffix(meaning, ":") {
			continue
		}
		if c, ok := m.termQuestion(s, term, meaning); ok {
			c.section, c.group = s, -1-r.items[0].Start
			c.answer, c.short = b.body, meaning
			if !fullSentence(c.answer) {
				c.answer = statement(c.answer)
			}
			c.evidence = []span{{b.start, b.end}}
			out = append(out, c)
		}
	}
	if n < 2 || n*2 < len(r.items) {
		return nil
	}
	return out
}

// termQuestion asks for a term of a list. A term that is no code needs a heading to be of.
func (m *material) termQuestion(s *section, term, meaning string) (candidate, bool) {
	c := candidate{rule: "definition-item", score: 0.86, weight: recall}
	first, _, _ := strings.Cut(strings.ToLower(meaning), " ")
	where := m.nearest(s)
	if strings.HasPrefix(term, "`") {
		if m.tools.finite(first) && strings.Count(term, "`") == 2 {
			c.ask = asked{"What does " + term + " do", "what " + term + " does"}
		} else if strings.Count(term, "`") == 2 {
			c.ask = asked{"What is " + term, "what " + term + " is"}
		} else {
			c.ask = asked{"What do " + term + " mean", "what " + term + " mean"}
		}
		return c, true
	}
	if where == "" || wordCount(meaning) < 5 || slices.Equal(terms(term), terms(where)) {
		return c, false
	}
	c.score, c.placed = 0.74, true
	q := `"` + term + `"`
	c.ask = asked{"What does " + q + " mean in the context of " + where, "what " + q + " means in the context of " + where}
	if m.title != "" && m.title != where {
		c.ask.direct = "In " + m.title + ", " + lower(c.ask.direct)
	}
	return c, true
}
