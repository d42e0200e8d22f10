package extractive

import "strings"

// place asks where something is kept: "X is stored in Y".
func place(f *found, c *clause) {
	s, t := f.s, f.s.toks
	if !c.passive || c.restA >= c.restB || !is(t[c.restA].low, "in", "at", "on", "under", "inside") ||
		!is(t[c.verb].low, "located", "stored", "found", "saved", "installed", "placed", "written", "situated", "headquartered", "kept") {
		return
	}
	if a, _ := s.date(c.restA, c.restA+4); a == 0 && s.nounPhrase(c.restA+1, false) > 0 {
		f.add("where", c.ask("Where", ""), s.str(c.restA, s.border(c.restA, c.restB)), 0.84, recall)
	}
}

// agent asks what does it: "X is done by Y" gives "What does X?". Who is asked for persons only.
func agent(f *found, c *clause) {
	s, t := f.s, f.s.toks
	if !c.passive || len(c.aux) != 1 || c.verb != c.aux[0]+1 || c.restA+1 >= c.restB || t[c.restA].low != "by" {
		return
	}
	e := s.nounPhrase(c.restA+1, true)
	first := t[c.restA+1]
	if e == 0 || e < s.border(c.restA, c.restB) || s.pronouns(c.restA+1, e) || // what follows the agent may belong to the verb
		is(first.tag, "VBG", "PRP", "RB") || e == c.restA+2 && !first.name() && first.tag != "NNS" {
		return
	}
	verb := t[c.verb].low
	switch t[c.aux[0]].low {
	case "is", "are":
		verb = thirdPerson(t[c.verb].base)
	case "was", "were":
		if !strings.HasSuffix(verb, "ed") { // the past may differ from the participle
			return
		}
	default:
		return
	}
	wh := "what "
	if s.person(c.restA+1, e) {
		wh = "who "
	}
	x := wh + verb + " " + c.subject()
	f.add("by", asked{upper(x), x}, s.str(c.restA+1, e), 0.72, recall)
}

// thirdPerson is the form of a verb for he, she or it.
func thirdPerson(base string) string {
	switch {
	case base == "be", base == "have":
		return map[string]string{"be": "is", "have": "has"}[base]
	case hasAnySuffix(base, "s", "sh", "ch", "x", "z", "o"):
		return base + "es"
	case strings.HasSuffix(base, "y") && !hasAnySuffix(base, "ay", "ey", "oy", "uy"):
		return base[:len(base)-1] + "ies"
	}
	return base + "s"
}

// composed asks what a thing consists of.
func composed(f *found, c *clause) {
	t := f.s.toks
	if !c.passive || c.restA >= c.restB || !is(t[c.verb].low, "composed", "made", "comprised") || t[c.restA].low != "of" &&
		!(c.restA+1 < c.restB && t[c.restA].low == "up" && t[c.restA+1].low == "of") {
		return
	}
	k := c.restA + 1
	if t[c.restA].low == "up" {
		k++
	}
	f.add("composed", c.ask("What", f.s.str(c.restA, k)), f.s.str(k, f.s.border(k-1, c.restB)), 0.86, recall)
}

// moment asks when something happened. The date must stand right behind the verb or at the clause's end, as
// in the middle it may belong to a noun.
func moment(f *found, c *clause) {
	s, t := f.s, f.s.toks
	past := t[c.verb].tag == "VBD" || len(c.aux) > 0 && is(t[c.aux[0]].low, "was", "were", "did", "had")
	if !past {
		return
	}
	border := s.border(c.verb, c.restB)
	if a, e := s.date(c.restA, border); a > 0 {
		rest := clip(s.str(c.restA, a) + " " + s.str(e, border))
		if (a == c.restA || e == border) && wordCount(rest) <= 14 && !s.pronouns(c.restA, border) {
			f.add("when", c.ask("When", rest), s.str(a, e), 0.8, recall)
		}
		return
	}
	if a, e := s.date(c.introA, c.introB); e > 0 && a == c.introA && e >= c.introB-1 && !s.pronouns(c.restA, border) {
		f.add("when", c.ask("When", s.str(c.restA, border)), s.str(a, e), 0.76, recall)
	}
}

// number asks how many: "X has four wheels".
func number(f *found, c *clause) {
	s, t := f.s, f.s.toks
	border := s.border(c.restA, c.restB)
	i := c.restA
	if i < border && is(t[i].low, "about", "approximately", "over", "nearly", "only") {
		i++
	}
	if c.copular || c.passive || i+1 >= border || t[i].tag != "CD" || reYear.MatchString(t[i].text) || is(t[i].low, "one", "1", "zero", "0") {
		return
	}
	j := i + 1
	if t[j].tag == "JJ" {
		j++
	}
	if j >= border || t[j].tag != "NNS" || j+1 < len(t) && t[j+1].noun() {
		return
	}
	what, rest := "How many "+s.str(i+1, j+1), s.str(j+1, border)
	if strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, "and ") || strings.HasPrefix(rest, "or ") {
		return
	}
	f.add("how-many", c.ask(what, rest), s.str(c.restA, j+1), 0.82, recall)
}

// actor asks who did something, of persons only.
func actor(f *found, c *clause) {
	s, t := f.s, f.s.toks
	border := s.border(c.verb, c.restB)
	n := border - c.restA
	if c.copular || len(c.aux) > 0 || t[c.verb].tag != "VBD" || n < 3 || n > 18 ||
		!s.person(c.subjA, c.subjB) || s.pronouns(c.restA, border) {
		return
	}
	x := "who " + s.str(c.verb, border)
	f.add("who", asked{upper(x), x}, s.str(c.subjA, c.subjB), 0.74, recall)
}

// action asks what an identifier does: "`Close` waits for all workers." Only where no other rule took the
// sentence, so it comes last.
func action(f *found, c *clause) {
	s, t := f.s, f.s.toks
	w := t[c.subjB-1]
	if len(f.list) > 0 || c.copular || len(c.aux) > 0 || t[c.verb].tag != "VBZ" || c.subjB-c.subjA > 2 || c.restB-c.restA < 2 ||
		!w.code && !acronym(w.text) || s.pronouns(c.restA, c.restB) {
		return
	}
	x := c.subject()
	f.add("does", asked{"What does " + x + " do", "what " + x + " does"}, s.str(c.verb, c.restB), 0.76, recall)
}
