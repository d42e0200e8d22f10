package extractive

import "strings"

var (
	// strongObject are verbs whose object is worth asking for nearly always.
	strongObject = set("mean require include contain provide support return specify represent control determine indicate prevent produce cause implement define describe accept expect store")
	// weakObject are verbs whose object is worth asking for when it says enough.
	weakObject = set("imply need offer create receive use affect increase reduce generate establish replace introduce print install remove check override cover handle manage convert configure protect perform measure improve propose delete update add treat build publish validate parse send read write enforce expose track trigger")
	// withPreposition are verbs asked together with their preposition.
	withPreposition = set("stand default refer consist depend rely belong correspond lead contribute result apply resolve")
)

// duty asks what somebody or something must do: "Clients must X".
func duty(f *found, c *clause) {
	s, t := f.s, f.s.toks
	if len(c.aux) == 0 || !is(t[c.aux[0]].low, "must", "should") || c.passive || c.copular || c.restA >= c.restB || c.generic() {
		return
	}
	modal := t[c.aux[0]].low
	from := c.aux[0] + 1
	if t[from].low == "not" {
		modal, from = modal+" not", from+1
	}
	short := s.str(from, s.border(c.verb, c.restB))
	if wordCount(short) < 3 || s.pronouns(c.restA, c.restB) {
		return
	}
	first := t[c.aux[0]].low
	tail := modal[len(first):] + " do"
	f.add("must", asked{"What " + first + " " + c.subject() + tail, "what " + c.subject() + " " + first + tail}, short, 0.72, apply)
}

// complement asks for what follows a verb with its preposition: "X depends on Y".
func complement(f *found, c *clause) {
	s, t := f.s, f.s.toks
	if c.copular || c.passive || c.restA+1 >= c.restB || !withPreposition[t[c.verb].base] || !is(t[c.restA].tag, "IN", "TO") {
		return
	}
	if s.nounPhrase(c.restA+1, false) == 0 || s.pronouns(c.restA, c.restB) {
		return
	}
	f.add("verb-prep", c.ask("What", t[c.restA].low), s.str(c.restA+1, s.border(c.restA, c.restB)), 0.84, recall)
}

// object asks for the object of a verb: "X requires Y".
func object(f *found, c *clause) {
	s, t := f.s, f.s.toks
	b := t[c.verb].base
	strong := strongObject[b]
	if c.copular || c.passive || !strong && !weakObject[b] || c.restA >= c.restB || strings.EqualFold(c.subject(), b) {
		return
	}
	if len(c.aux) > 0 && !is(t[c.aux[0]].low, "can", "must", "will", "should", "may") {
		return
	}
	o := t[c.restA]
	border := s.border(c.restA, c.restB)
	n := border - c.restA
	score, least := 0.84, 2
	if !strong {
		score, least = 0.72, 4
	}
	if o.low == "that" && b == "mean" {
		f.add("object", c.ask("What", ""), s.str(c.restA+1, c.restB), 0.78, recall)
		return
	}
	if is(o.tag, "PRP", "RB", "IN", "TO") || o.low == "that" || s.nounPhrase(c.restA, true) == 0 || n < least || n > 30 || s.pronouns(c.restA, border) {
		return
	}
	intro := ""
	if c.introB > c.introA {
		intro = s.low(c.introA, c.introB)
	}
	f.add("object", c.ask("What", intro), s.str(c.restA, border), score, recall)
}
