package extractive

// appositive asks what a named subject is: "Foo, a small web server, listens …".
func appositive(f *found, c *clause) {
	if c.appB == 0 || c.vague() || !f.s.named(c.subjA, c.subjB) {
		return
	}
	wh := "What"
	if f.s.person(c.subjA, c.subjB) {
		wh = "Who"
	}
	be := "is"
	if f.s.toks[c.verb].tag == "VBD" {
		be = "was"
	}
	app := f.s.str(c.appA, c.appB)
	q := f.add("appositive", asked{wh + " " + be + " " + c.subject(), lower(wh) + " " + c.subject() + " " + be}, app, 0.8, recall)
	q.answer = upper(f.s.str(c.subjA, c.subjB)) + " " + be + " " + app + "."
}

// definition asks for what a subject is said to be: "X is a …".
func definition(f *found, c *clause) {
	s, t := f.s, f.s.toks
	if !c.copular || len(c.aux) > 0 || c.restA >= c.restB || c.generic() || c.introB > c.introA || c.subjB-c.subjA > 8 {
		return
	}
	r := t[c.restA]
	end := s.nounPhrase(c.restA, true)
	if end == 0 || r.tag == "PRP" || r.low == "not" || r.tag == "CD" && r.low != "one" {
		return
	}
	if c.plural() != is(t[c.verb].low, "are", "were") { // a parse that disagrees with its verb is wrong
		return
	}
	score := 0.74
	if is(r.low, "a", "an", "the", "one") {
		score = 0.82
		if c.subjB-c.subjA <= 5 {
			score = 0.92
		}
	}
	border := s.border(c.restA, c.restB)
	if border-c.restA < 2 {
		return
	}
	wh := "What"
	if c.aboutPerson(s.nounPhrase(c.restA, false)) {
		wh = "Who"
	}
	verb := t[c.verb].low
	q := f.add("definition", asked{wh + " " + verb + " " + c.subject(), lower(wh) + " " + c.subject() + " " + verb}, s.str(c.restA, border), score, recall)
	if s.named(c.subjA, c.subjB) && c.subjB-c.subjA <= 3 && wh == "What" {
		q.order = "Define " + c.subject() + "."
	}
}

// aboutPerson says whether a copular clause is about a human being: a run of capitalised words as subject,
// and a complement (up to end) whose head noun is a person.
func (c *clause) aboutPerson(end int) bool {
	t := c.s.toks
	for _, w := range t[c.subjA:c.subjB] {
		if !w.name() || w.code || acronym(w.text) || w.text == w.low {
			return false
		}
	}
	if end == 0 || c.subjB-c.subjA > 4 {
		return false
	}
	head := t[c.s.headNoun(c.restA, end)]
	persons := c.s.m.tools.persons
	return persons[head.low] && (c.subjB-c.subjA >= 2 || persons[t[c.subjA].low])
}

// identity asks for names and formal definitions: "X is called Y", "X is defined as …".
func identity(f *found, c *clause) {
	t := f.s.toks
	if !c.passive || c.restA >= c.restB || c.subjB-c.subjA > 8 {
		return
	}
	v, r, border := t[c.verb].low, t[c.restA], f.s.border(c.restA, c.restB)
	switch {
	case v == "defined" && r.low == "as":
		f.add("defined", c.ask("How", ""), f.s.str(c.restA, border), 0.88, recall)
	case is(v, "called", "named", "known", "termed"):
		as := ""
		if r.low == "as" {
			as = "as"
		} else if is(r.tag, "IN", "TO", "RB") || r.text == "," || f.s.nounPhrase(c.restA, true) == 0 {
			return
		}
		for _, w := range t[c.restA:border] {
			if is(w.low, "when", "if", "while") { // "is called stale when …" is a condition, not a name
				return
			}
		}
		if !c.generic() || f.s.named(c.subjA, c.subjB) {
			f.add("called", c.ask("What", as), f.s.str(c.restA, border), 0.8, recall)
		}
	}
}
