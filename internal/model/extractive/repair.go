package extractive

import "strings"

// repairTags corrects the mistakes of the tagger that a neighbouring word gives away.
func repairTags(t []word) {
	for i := range t {
		w := &t[i]
		if w.code {
			continue
		}
		if w.low == "it" || w.low == "they" || w.low == "this" && i+1 < len(t) && t[i+1].finite() {
			w.tag = "PRP"
		}
		if i == 0 {
			if len(t) > 2 && imperativeLook(t) {
				w.tag = "VB"
			}
			if w.tag == "JJ" && len(t) > 1 && t[1].tag == "NNP" && !t[1].code && w.text != w.low {
				w.tag = "NNP" // "Varnish Cache"
			}
			continue
		}
		switch p := t[i-1].tag; {
		case (p == "DT" || p == "PRP$") && (w.tag == "VB" || w.tag == "VBP"):
			w.tag = "NN"
		case (p == "MD" || p == "TO") && is(w.tag, "NN", "VBP", "JJ", "NNP") && w.base == w.low && w.base != "":
			w.tag = "VB"
		case p == "DT" && w.tag == "RB" && strings.HasSuffix(w.low, "ly") && i+1 < len(t) && t[i+1].noun():
			w.tag = "JJ"
		case w.low == "n’t" || w.low == "n't":
			w.tag = "RB"
		}
	}
}

// imperativeLook says whether the first word reads as an order: "Install the package", "Set `x` to 1".
func imperativeLook(t []word) bool {
	w, next := t[0], t[1]
	if w.base == "" || w.base != w.low || is(w.low, "be", "do", "have", "let", "like", "plus") {
		return false
	}
	return is(next.tag, "DT", "PRP$") && next.low != "that" || next.code && w.tag != "NNP"
}

// subordinate are words that begin a clause before the main one.
var subordinate = set("if when while because although though since once after before unless until whenever where as")

// repairVerbs looks for a lost verb in the main clause, and in a leading clause before it.
func repairVerbs(t []word) {
	if len(t) > 0 && subordinate[t[0].low] {
		for k := range t {
			if t[k].text == "," {
				repairVerb(t[1:k])
				repairVerb(t[k+1:])
				return
			}
		}
	}
	repairVerb(t)
}

// repairVerb finds the verb of a clause that the tagger took for a noun: it reads "The cache stores compiled
// modules" as NN NNS VBD NNS, and "The scheduler avoids starvation" as NN NNS NN. Nothing is changed when
// the clause has a finite verb in its place.
func repairVerb(t []word) {
	at := -1
	for i := 1; i < len(t); i++ {
		w := &t[i]
		if w.tag == "PRP" || w.tag == "EX" {
			return
		}
		if w.finite() && !(w.tag == "VBD" && t[i-1].tag == "NNS" && at == i-1) || is(w.tag, "WDT", "WP", "WRB") ||
			w.tag == "IN" && (subordinate[w.low] || is(w.low, "that", "so")) {
			break
		}
		if at < 0 && lostVerb(t, i) {
			at = i
		}
	}
	if at < 0 {
		return
	}
	if k := finitePlace(t, at); k >= 0 {
		// "The repo uses two module files": a word in -s before a determiner is the verb, a later one a noun.
		if k < at+2 || t[k].tag != "VBZ" || t[k].base == "be" || !t[k-1].noun() || !is(t[at+1].tag, "DT", "CD", "PRP$") {
			return
		}
		t[k].tag = "NNS"
	}
	if t[at].low == t[at].base {
		t[at].tag = "VBP"
		return
	}
	t[at].tag = "VBZ"
	if t[at-1].tag == "JJ" {
		t[at-1].tag = "NN"
	}
	if at+1 < len(t) && t[at+1].tag == "VBD" {
		t[at+1].tag = "VBN"
	}
}

// finitePlace returns where the clause has a finite verb that is not the participle right behind at; -1: nowhere.
func finitePlace(t []word, at int) int {
	for i, w := range t {
		if i > 0 && w.tag == "IN" && (subordinate[w.low] || is(w.low, "that", "so")) || is(w.tag, "WDT", "WP", "WRB") {
			break
		}
		if w.finite() && !(i == at+1 && w.tag == "VBD") {
			return i
		}
	}
	return -1
}

// lostVerb says whether word i may be a verb tagged as something else.
func lostVerb(t []word, i int) bool {
	w, before := t[i], t[i-1]
	if w.base == "" || w.code {
		return false
	}
	if w.low == w.base { // "the wardens close the gate"
		return before.tag == "NNS" && !w.noun() && !is(w.tag, "IN", "TO", "DT", "CC") && i+1 < len(t) && is(t[i+1].tag, "DT", "PRP$")
	}
	if w.tag != "NNS" || !strings.HasSuffix(w.low, "s") {
		return false
	}
	return is(before.tag, "NN", "NNP") || before.text == "," && i > 2 || before.tag == "JJ" && i > 1 && t[i-2].noun()
}
