package extractive

// purposeOrder asks how from an order with its purpose first: "To X, do Y." It reports whether the sentence
// is of that form, right or not.
func purposeOrder(f *found) bool {
	t := f.s.toks
	if t[0].low != "to" || t[1].tag != "VB" {
		return false
	}
	k := 2
	for k < len(t) && t[k].text != "," {
		k++
	}
	if k <= 2 || k >= len(t)-3 || f.s.pronouns(1, k) || vaguePhrase(f.s.str(1, k)) || f.s.last() != len(t)-1 || t[len(t)-1].text == ":" {
		return true
	}
	if next := t[k+1]; is(next.tag, "VB", "VBP") || next.base != "" && next.base == next.low || next.low == "you" {
		x := f.s.str(1, k)
		f.add("howto", asked{"How do you " + x, "how to " + x}, f.s.str(k+1, f.s.last()), 0.92, apply)
	}
	return true
}

// youCan asks how, or what with, from "You can X by Y", "You can use Y to X".
func youCan(f *found) bool {
	s, t := f.s, f.s.toks
	if len(t) < 7 || t[0].low != "you" || !is(t[1].low, "can", "may", "could") || t[2].tag != "VB" {
		return false
	}
	end := s.border(2, s.last())
	if t[2].low == "use" {
		for i := 4; i+1 < end; i++ {
			if t[i].low == "to" && t[i+1].tag == "VB" && !s.pronouns(3, end) {
				x := s.str(i+1, end)
				f.add("use", asked{"What can you use to " + x, "what to use to " + x}, s.str(3, i), 0.82, apply)
				return true
			}
		}
		return true
	}
	for i := 4; i+1 < end; i++ {
		by := t[i].low == "by" && t[i+1].tag == "VBG" || t[i].low == "using" || t[i].low == "via" ||
			t[i].low == "with" && (t[i+1].code || t[i+1].low == "the")
		if by && !s.pronouns(2, i) {
			x := s.str(2, i)
			f.add("howto", asked{"How can you " + x, "how to " + x}, s.str(i, s.last()), 0.88, apply)
			break
		}
	}
	return true
}

// usedFor asks for the use of a thing: "X is used to Y".
func usedFor(f *found, c *clause) {
	t := f.s.toks
	if !c.passive || t[c.verb].low != "used" || is(t[c.aux[0]].low, "must", "should") || c.restA >= c.restB || !is(t[c.restA].low, "to", "for", "as") {
		return
	}
	prep := "for"
	if t[c.restA].low == "as" {
		prep = "as"
	}
	f.add("used-for", c.ask("What", prep), f.s.str(c.restA, f.s.border(c.restA, c.restB)), 0.9, apply)
}

// allows asks what something makes possible: "X allows users to Y", "X lets you Y".
func allows(f *found, c *clause) {
	s, t := f.s, f.s.toks
	v := t[c.verb].base
	if c.passive || !is(v, "allow", "enable", "permit", "help", "let") || c.restA >= c.restB {
		return
	}
	border := s.border(c.restA, c.restB)
	e := s.nounPhrase(c.restA, false)
	if e == 0 || e+1 >= border {
		return
	}
	who := s.low(c.restA, e)
	switch {
	case v != "let" && t[e].low == "to" && t[e+1].tag == "VB":
		f.add("allows", c.ask("What", who+" to do"), s.str(e+1, c.restB), 0.88, reason)
	case is(v, "let", "help") && (t[e].tag == "VB" || t[e].base == t[e].low):
		f.add("allows", c.ask("What", who+" do"), s.str(e, c.restB), 0.86, reason)
	}
}
