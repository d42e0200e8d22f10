package extractive

import (
	"regexp"
	"strings"
)

var reYear = regexp.MustCompile(`^(1[0-9]{3}|20[0-9]{2})s?$`)

// nounPhrase returns the end of the noun phrase that starts at i, 0 when there is none. With attached it
// takes the prepositional phrases that follow.
func (s *sentence) nounPhrase(i int, attached bool) int {
	return s.nounPhraseDepth(i, attached, 0)
}

func (s *sentence) nounPhraseDepth(i int, attached bool, depth int) int {
	t := s.toks
	j, last := i, -1
	if j < len(t) && t[j].tag == "PDT" {
		j++
	}
	if j < len(t) && is(t[j].tag, "PRP", "EX") {
		return j + 1
	}
	for j < len(t) && j < i+14 {
		w := t[j]
		switch {
		case w.noun() || w.tag == "CD":
			last = j
		case last < 0 && is(w.tag, "DT", "PRP$", "WP$"):
		case last < 0 && w.tag == "RB" && j+1 < len(t) && strings.HasPrefix(t[j+1].tag, "JJ"):
		case strings.HasPrefix(w.tag, "JJ"), is(w.text, "-", "/"), w.tag == "``":
		case is(w.tag, "VBN", "VBG") && j+1 < len(t) && (t[j+1].noun() || t[j+1].tag == "JJ"):
		case w.tag == "POS" && last == j-1:
		case is(w.low, "and", "or") && last == j-1 && depth < 2:
			k := s.conjunct(j+1, depth)
			if k == 0 {
				return s.attach(last+1, attached, depth)
			}
			last = k - 1
			j = k - 1
		default:
			if last < 0 {
				return 0
			}
			return s.attach(last+1, attached, depth)
		}
		j++
	}
	if last < 0 {
		return 0
	}
	return s.attach(last+1, attached, depth)
}

// conjunct is the end of a second noun phrase after "and", 0 unless a clause border follows it.
func (s *sentence) conjunct(i, depth int) int {
	t := s.toks
	if i >= len(t) || t[i].tag == "PRP" {
		return 0
	}
	k := s.nounPhraseDepth(i, false, depth+1)
	if k > 0 && k < len(t) && (t[k].finite() || t[k].tag == "IN" || is(t[k].text, ",", ".")) {
		return k
	}
	return 0
}

func (s *sentence) attach(e int, attached bool, depth int) int {
	t := s.toks
	for n := 0; attached && n < 4 && e+1 < len(t); n++ {
		of := t[e].tag == "IN" && is(t[e].low, "of", "in", "for", "from", "with", "on", "between", "at", "within",
			"per", "among", "under", "over", "about", "against", "into")
		to := t[e].tag == "TO" && (t[e+1].tag == "DT" || t[e+1].noun())
		if !of && !to {
			break
		}
		k := s.nounPhraseDepth(e+1, false, depth)
		if k == 0 {
			break
		}
		e = k
	}
	return e
}

// headNoun is the head of the noun phrase [a,b): its last noun before a preposition.
func (s *sentence) headNoun(a, b int) int {
	h := a
	for i := a; i < b; i++ {
		if is(s.toks[i].tag, "IN", "TO") || s.toks[i].text == "," {
			break
		}
		if s.toks[i].noun() || s.toks[i].tag == "CD" {
			h = i
		}
	}
	return h
}

// person says whether the noun phrase [a,b) names a human being: a run of two or more capitalised words whose
// last is a known surname, or any name whose complement says so (see definition).
func (s *sentence) person(a, b int) bool {
	n := 0
	for i := a; i < b; i++ {
		w := s.toks[i]
		if !w.name() || w.code || acronym(w.text) || w.text == w.low {
			return false
		}
		n++
	}
	return n >= 2 && n <= 4 && s.m.tools.persons[s.toks[b-1].low]
}

// border is the first clause border after a, or b: a comma before a conjunction, relative or participle, a
// semicolon, "because" and the like.
func (s *sentence) border(a, b int) int {
	t := s.toks
	for i := a + 1; i < b; i++ {
		w := t[i]
		next := min(i+1, len(t)-1)
		switch {
		case is(w.text, ";", ":", "--", "—", "–", "("):
			return i
		case is(w.low, "because", "although", "whereas", "unless"):
			return i
		case w.text == "," && i+1 < b && s.opensClause(next, b):
			return i
		case is(w.low, "and", "but") && i+1 < b:
			if t[next].finite() && i > a+1 {
				return i
			}
			if k := s.nounPhrase(next, true); k > 0 && k < b && t[k].finite() {
				return i
			}
		}
	}
	return b
}

// opensClause says whether the word after a comma begins a clause of its own.
func (s *sentence) opensClause(i, b int) bool {
	t := s.toks
	if is(t[i].low, "which", "who", "where", "but", "so", "while", "although", "though", "because", "as",
		"however", "whereas", "including", "each", "making", "plus", "with") || t[i].tag == "VBG" {
		return true
	}
	if t[i].tag != "CC" || i+1 >= b {
		return false
	}
	k := s.nounPhrase(i+1, false)
	return k > 0 && k < b && t[k].finite() || t[i+1].finite()
}

// months marks the words that make a date of a number.
var months = set("january february march april may june july august september october november december")

// date is the range of a time adjunct inside [a,b): "in March 2019"; 0, 0 when there is none.
func (s *sentence) date(a, b int) (from, to int) {
	t := s.toks
	for i := a; i+1 < min(b, len(t)); i++ {
		if t[i].tag != "IN" || !is(t[i].low, "in", "on", "during", "since", "by", "until", "around") {
			continue
		}
		j := i + 1
		for j < b && (t[j].tag == "DT" || is(t[j].low, "early", "late", "mid")) {
			j++
		}
		k, dated := j, false
		for k < b && (reYear.MatchString(t[k].text) || months[t[k].low] || t[k].tag == "CD" ||
			t[k].text == "," && k+1 < b && reYear.MatchString(t[k+1].text)) {
			dated = dated || reYear.MatchString(t[k].text) || months[t[k].low] && t[k].text != t[k].low
			k++
		}
		if dated && (k >= b || !t[k].noun()) {
			return i, k
		}
	}
	return 0, 0
}

// inverted is the clause with subject and auxiliary inverted, with do-support where it is needed and without
// the question word.
func (c *clause) inverted(rest string) string {
	t := c.s.toks
	advs := c.adverbText()
	switch {
	case len(c.aux) > 0:
		a := c.aux[0]
		aux, verb := t[a].low, c.s.str(a+1, c.verb+1)
		if v, ok := cutContraction(verb); ok {
			aux, verb = fullAux(aux), "not "+v
		}
		return squash(aux + " " + c.subject() + " " + advs + " " + verb + " " + rest)
	case c.copular:
		return squash(t[c.verb].low + " " + c.subject() + " " + advs + " " + rest)
	}
	do := "do"
	switch {
	case t[c.verb].tag == "VBD" && t[c.verb].low != t[c.verb].base:
		do = "did"
	case !c.plural():
		do = "does"
	}
	return squash(do + " " + c.subject() + " " + advs + " " + t[c.verb].base + " " + rest)
}

// cutContraction takes a leading "n't" away.
func cutContraction(x string) (string, bool) {
	for _, not := range []string{"n't ", "n’t "} {
		if v, ok := strings.CutPrefix(x, not); ok {
			return v, true
		}
	}
	return x, false
}

// fullAux is the auxiliary of which a contraction left a stump.
func fullAux(x string) string {
	switch x {
	case "ca":
		return "can"
	case "wo":
		return "will"
	}
	return x
}

// plain is the clause in the order of a statement: for indirect questions.
func (c *clause) plain(rest string) string {
	from := c.verb
	if len(c.aux) > 0 {
		from = c.aux[0]
	}
	return squash(c.subject() + " " + c.adverbText() + " " + c.s.str(from, c.verb+1) + " " + rest)
}

func (c *clause) adverbText() string {
	x := ""
	for _, a := range c.adverbs {
		if w := c.s.toks[a]; !is(w.low, "also", "therefore", "thus", "however", "then", "still") {
			x += w.text + " "
		}
	}
	return x
}

// ask makes a direct and an indirect question of the clause: question word, clause, rest.
func (c *clause) ask(wh, rest string) asked {
	rest = strings.TrimSpace(rest)
	return asked{direct: wh + " " + c.inverted(rest), indirect: lower(wh) + " " + c.plain(rest)}
}
