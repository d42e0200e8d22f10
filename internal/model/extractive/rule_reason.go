package extractive

// cause asks why: "X because Y", "X so that Y", "X in order to Y".
func cause(f *found, c *clause) {
	s, t := f.s, f.s.toks
	for i := c.restA; i+1 < c.restB; i++ {
		switch {
		case t[i].low == "because" && t[i+1].low != "of" && !s.pronouns(c.restA, i):
			f.add("why", c.ask("Why", clip(s.str(c.restA, i))), s.str(i, c.restB), 0.86, reason)
			return
		case i > c.restA+1 && t[i].low == "so" && t[i+1].low == "that" && !s.pronouns(c.restA, i):
			f.add("why", c.ask("Why", clip(s.str(c.restA, i))), s.str(i, c.restB), 0.8, reason)
			return
		case i > c.restA+1 && t[i].low == "in" && t[i+1].low == "order" && !s.pronouns(c.restA, i):
			f.add("why", c.ask("Why", clip(s.str(c.restA, i))), s.str(i, c.restB), 0.8, reason)
			return
		}
	}
}

// means asks how: "X does Y by Z-ing".
func means(f *found, c *clause) {
	s, t := f.s, f.s.toks
	border := s.border(c.restA, c.restB)
	for i := c.restA + 1; i+1 < border; i++ {
		if t[i].low == "by" && t[i+1].tag == "VBG" && !s.pronouns(c.restA, i) && !c.copular {
			f.add("how-by", c.ask("How", s.str(c.restA, i)), s.str(i, border), 0.84, apply)
			return
		}
	}
}

// leading asks from a clause that stands first: "If X, Y", "Because X, Y", "Before X, do Y".
func leading(f *found, c *clause) {
	switch {
	case is(c.leadWord, "if", "when", "whenever", "once", "unless"):
		consequence(f, c)
	case c.leadWord == "because" || c.leadWord == "since" && c.leadB-c.leadA > 4:
		if !c.vague() && !f.s.pronouns(c.restA, c.restB) {
			rest := f.s.str(c.restA, f.s.border(c.restA, c.restB))
			f.add("why", c.ask("Why", rest), f.s.str(c.leadA, c.leadB), 0.75, reason)
		}
	}
}

// consequence asks what happens under a condition.
func consequence(f *found, c *clause) {
	s, t := f.s, f.s.toks
	k := s.conditionVerb(c.leadA, c.leadB)
	if k == 0 || s.pronouns(c.leadA+1, c.leadB) || c.leadB-c.leadA <= 3 || t[k].tag == "VBD" {
		return
	}
	lead := s.low(c.leadA, c.leadB)
	you := t[c.subjA].low == "you"
	modal := ""
	if len(c.aux) > 0 {
		modal = t[c.aux[0]].low
	}
	switch {
	case you && is(modal, "can", "should", "must", "may"):
		f.add("if-you", asked{"What " + modal + " you do " + lead, "what you " + modal + " do " + lead},
			s.str(c.verb, c.restB), 0.85, reason)
	case you || t[c.leadA+1].low == "you" || is(t[c.subjA].low, "we", "i") || t[c.verb].tag == "VBD" && len(c.aux) == 0:
	default:
		f.add("if", asked{"What happens " + lead, "what happens " + lead}, s.str(c.subjA, c.restB), 0.84, reason)
	}
}

// conditionVerb returns where the finite verb of the clause after a conjunction stands; 0: no clean clause.
func (s *sentence) conditionVerb(a, b int) int {
	k := s.nounPhrase(a+1, true)
	for k > 0 && k < b && s.toks[k].tag == "RB" {
		k++
	}
	if k == 0 || k >= b || !s.toks[k].finite() {
		return 0
	}
	return k
}

// condition asks what to do from a condition before an order: "If X, do Y."
func condition(f *found) {
	s, t := f.s, f.s.toks
	if !is(t[0].low, "if", "when", "before", "after", "unless") || is(t[1].low, "so", "not") || t[len(t)-1].text != "." {
		return
	}
	k := 1
	for k < len(t) && t[k].text != "," {
		k++
	}
	if k <= 2 || k >= len(t)-3 || s.pronouns(1, k) {
		return
	}
	m := k + 1
	if t[m].low == "then" {
		m++
	}
	gerund := is(t[0].low, "before", "after") && t[1].tag == "VBG"
	if !gerund && s.conditionVerb(0, k) == 0 {
		return
	}
	if w := t[m]; w.base == "" || w.base != w.low || w.finite() && w.tag != "VBP" || m+2 >= len(t) || is(w.low, "be") {
		return
	}
	lead := s.low(0, k)
	f.add("if-do", asked{"What should you do " + lead, "what to do " + lead}, s.str(m, s.last()), 0.86, reason)
}
