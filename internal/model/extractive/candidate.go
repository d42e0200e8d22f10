package extractive

import "strings"

// asked is a question in its two forms, without qualification: "How does X …" (no mark) and the same as a
// clause, "how X does …", for instructions and indirect questions.
type asked struct{ direct, indirect string }

// span is a stretch of the chunk's text.
type span struct{ start, end int }

// weight is the class of a rule for difficulty: what it takes to answer.
type weight int

const (
	recall weight = iota // a fact that one place states: definitions, values, names, dates
	apply                // how to do something, what belongs to something
	reason               // causes, conditions, purposes
)

// candidate is one possible entry, before it is told apart from the others.
type candidate struct {
	rule     string
	ask      asked
	order    string // an instruction that fits better than "Explain" with the indirect question
	answer   string // comprehensive
	short    string // the span asked for; "" when only the whole answers
	evidence []span
	group    int // where it comes from: candidates of one group compete
	section  *section
	score    float64
	weight   weight
	placed   bool // the question names its place itself
	fallback bool // only where nothing better is left
}

// full makes the comprehensive answer of a sentence: without its connective, together with the sentences
// that go on about the same thing.
func (s *sentence) full() (string, span) {
	at := span{s.start, s.end}
	text := s.body()
	if len(s.toks) > 2 {
		if i := s.connectives(s.last()); i > 0 && i < len(s.toks) && s.toks[i-1].text == "," {
			text = upper(squash(s.m.text[s.toks[i].start:s.end]))
		}
	}
	list := s.block.sentences
	for i := range list {
		if list[i] != s {
			continue
		}
		for k := i + 1; k < len(list) && k <= i+2 && goesOn(list[k].body()); k++ {
			text += " " + list[k].body()
			at.end = list[k].end
		}
	}
	if strings.HasSuffix(text, ":") {
		text = strings.TrimSuffix(text, ":") + "."
	}
	return upper(text), at
}

// goesOn says that a sentence refers back to the one before it.
func goesOn(x string) bool {
	first, rest, _ := strings.Cut(x, " ")
	switch first {
	case "It", "They", "This", "These", "Otherwise,", "Its", "Their":
		return !strings.HasSuffix(x, ":")
	case "For":
		return strings.HasPrefix(rest, "example,") || strings.HasPrefix(rest, "instance,")
	case "In":
		return strings.HasPrefix(rest, "other words,")
	case "That":
		return strings.HasPrefix(rest, "is,")
	}
	return false
}

// found collects the candidates of one sentence.
type found struct {
	s    *sentence
	list []candidate
}

// add notes a question about the sentence. The score is the rule's prior.
func (f *found) add(rule string, q asked, short string, score float64, w weight) *candidate {
	text, at := f.s.full()
	f.list = append(f.list, candidate{
		rule: rule, ask: q, answer: text, short: clip(short), evidence: []span{at},
		group: f.s.index + 1, score: score, weight: w,
	})
	return &f.list[len(f.list)-1]
}

// sentenceRules are tried on every clause that parsed, in this order.
var sentenceRules = []func(*found, *clause){
	definition, identity, usedFor, place, agent, composed, moment, cause, means, number,
	allows, duty, complement, object, actor, action,
}

// genericLoss is what a question about a subject that hardly tells ("the check") loses.
const genericLoss = 0.17

// questions are the candidates of one sentence.
func (s *sentence) questions() []candidate {
	f := &found{s: s}
	if len(s.toks) > maxTokens || len(s.toks) < 4 {
		return nil
	}
	if purposeOrder(f) || youCan(f) {
		return f.list
	}
	c := s.clause
	if c == nil {
		condition(f)
		return f.list
	}
	if c.leadWord != "" {
		leading(f, c)
		return f.list
	}
	appositive(f, c)
	if c.vague() {
		return f.list
	}
	for _, rule := range sentenceRules {
		rule(f, c)
	}
	if c.generic() {
		for i := range f.list {
			f.list[i].score -= genericLoss
		}
	}
	return f.list
}
