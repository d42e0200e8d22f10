package extractive

import "strings"

// clause is a parsed main clause. Pairs are half-open ranges of words.
type clause struct {
	s                *sentence
	introA, introB   int    // introductory adjunct
	leadWord         string // first word of a leading subordinate clause
	leadA, leadB     int    // that clause
	subjA, subjB     int    // subject
	adverbs          []int  // between subject and verb
	aux              []int  // auxiliaries
	verb             int    // main verb
	restA, restB     int    // what follows the verb
	appA, appB       int    // appositive of the subject
	copular, passive bool
}

var (
	connective = set("however therefore moreover furthermore additionally also thus finally similarly instead consequently nevertheless hence meanwhile likewise indeed today then but and so sadly unfortunately fortunately luckily conversely alternatively specifically otherwise nonetheless note")
	vagueFirst = set("this these that those it there he she they some many several others another both such other most all please feel thanks each either his her their its my our one two three same first second third following any every no none you we i")
	vagueAny   = set("this these above following latter former same his her their its such below")
)

// parse reads one main clause: [connective] [subordinate clause or adjunct,] subject [appositive]
// auxiliaries verb rest. What does not fit cleanly is refused: precision comes first.
func (s *sentence) parse() *clause {
	end := s.last()
	if end < 3 || s.toks[len(s.toks)-1].text == "?" {
		return nil
	}
	c := &clause{s: s}
	i, ok := c.opening(s.connectives(end), end)
	if !ok {
		return nil
	}
	if i < end && s.toks[i].text == "," {
		i++
	}
	c.subjA, c.subjB = i, s.nounPhrase(i, true)
	if c.subjB == 0 {
		return nil
	}
	if i, ok = c.afterSubject(end); !ok {
		return nil
	}
	if !c.verbGroup(i, end) {
		return nil
	}
	return c
}

// connectives returns the place after an opening such as "However," or "In addition,".
func (s *sentence) connectives(end int) int {
	t := s.toks
	switch {
	case connective[t[0].low]:
		if end > 2 && t[1].low == "that" && t[0].low == "note" {
			return 2
		}
		if t[1].text == "," || t[0].low == "note" && t[1].text == ":" {
			return 2
		}
		return 1
	case end > 5 && t[0].low == "as" && t[1].low == "a" && t[2].low == "result" && t[3].text == ",":
		return 4
	case end > 4 && t[2].text == "," && is(t[0].low+" "+t[1].low, "in addition", "for example", "for instance",
		"as such", "in fact", "in particular", "in general", "in contrast", "in short", "of course"):
		return 3
	}
	return 0
}

// opening reads a leading subordinate clause or adjunct.
func (c *clause) opening(i, end int) (int, bool) {
	t := c.s.toks
	if i >= end {
		return i, false
	}
	comma := i
	for comma < end && t[comma].text != "," {
		comma++
	}
	switch {
	case is(t[i].low, "if", "when", "while", "because", "although", "though", "since", "once", "after", "before",
		"unless", "until", "whenever", "where", "as") && !t[i].noun():
		if comma >= end-2 {
			return i, false
		}
		if c.s.holdsVerb(i, comma) {
			c.leadWord, c.leadA, c.leadB = t[i].low, i, comma
		} else {
			c.introA, c.introB = i, comma
		}
		return comma + 1, true
	case t[i].tag == "IN" || t[i].tag == "TO":
		two := i+1 < end && (t[i].low == "by" && t[i+1].low == "default" || reYear.MatchString(t[i+1].text))
		if comma < end && comma < i+14 {
			c.introA, c.introB = i, comma
			return comma + 1, true
		}
		c.introA, c.introB = i, i+2
		return i + 2, two
	}
	return i, true
}

func (s *sentence) holdsVerb(a, b int) bool {
	for _, w := range s.toks[a:b] {
		if w.finite() || is(w.tag, "VBG", "VBN") {
			return true
		}
	}
	return false
}

// afterSubject skips a parenthesis, an appositive or relative clause between commas, and adverbs.
func (c *clause) afterSubject(end int) (int, bool) {
	t := c.s.toks
	j := c.subjB
	if j < end && t[j].text == "(" {
		for j < end && t[j].text != ")" {
			j++
		}
		j++
	}
	if j < end && t[j].text == "," {
		k := j + 1
		for k < end && t[k].text != "," {
			k++
		}
		if k >= end || k == j+1 {
			return 0, false
		}
		if is(t[j+1].low, "a", "an", "the", "one") {
			if q := c.s.nounPhrase(j+1, true); q > 0 && q <= k {
				c.appA, c.appB = j+1, k
			}
		} else if !is(t[j+1].low, "which", "who", "whose") && t[j+1].tag != "VBN" {
			return 0, false
		}
		j = k + 1
	}
	for j < end && t[j].tag == "RB" {
		c.adverbs = append(c.adverbs, j)
		j++
	}
	return j, j < end && t[j].finite()
}

// verbGroup reads auxiliaries and main verb from i.
func (c *clause) verbGroup(i, end int) bool {
	t := c.s.toks
	for i < end {
		w := t[i]
		k := i + 1
		for k < end && t[k].tag == "RB" {
			k++
		}
		auxiliary := w.tag == "MD" || is(w.base, "be", "have", "do")
		if !auxiliary || k >= end || !followsAux(w, t[k]) {
			break
		}
		if w.base == "be" && t[k].tag == "VBN" && k+1 < end && is(t[k+1].tag, "NN", "NNS") && !naming[t[k].low] {
			break // "are ordered scripts": the participle belongs to the noun
		}
		c.aux = append(c.aux, i)
		c.passive = w.base == "be" && is(t[k].tag, "VBN", "VBD")
		i = k
	}
	if i >= end || !strings.HasPrefix(t[i].tag, "VB") || t[i].base == "" {
		return false
	}
	if len(c.aux) == 0 && !t[i].finite() {
		return false
	}
	c.verb = i
	c.copular = t[i].base == "be" && !c.passive
	c.restA, c.restB = i+1, end
	return true
}

// naming are participles that a noun may follow directly.
var naming = set("called named termed given made set considered asked sent shown offered elected")

func followsAux(aux, v word) bool {
	return is(v.tag, "VBN", "VBG", "VB") || is(v.low, "been", "be") ||
		v.tag == "VBD" && aux.base != "do" && aux.tag != "MD"
}

// subject is the subject for the middle of a question.
func (c *clause) subject() string {
	return strings.TrimSpace(paren.ReplaceAllString(c.s.low(c.subjA, c.subjB), ""))
}

// head is the head noun of the subject.
func (c *clause) head() int { return c.s.headNoun(c.subjA, c.subjB) }

// plural says whether the subject takes a plural verb.
func (c *clause) plural() bool {
	t := c.s.toks
	for i := c.subjA; i < c.subjB; i++ {
		if t[i].low == "and" {
			return true
		}
		if i > c.subjA && t[i].tag == "IN" {
			break
		}
	}
	return is(t[c.head()].tag, "NNS", "NNPS") || is(t[c.subjA].low, "you", "we", "they")
}

// vague says that the subject cannot stand alone in a question.
func (c *clause) vague() bool {
	t := c.s.toks
	if strings.ContainsAny(inlineCode.ReplaceAllString(c.s.str(c.subjA, c.subjB), ""), `:<>{}|\*=#[]`) {
		return true
	}
	if c.subjB-c.subjA == 1 && is(t[c.subjA].tag, "PRP", "EX", "DT", "CD", "JJ") || vagueFirst[t[c.subjA].low] {
		return true
	}
	for _, w := range t[c.subjA:c.subjB] {
		if vagueAny[w.low] {
			return true
		}
	}
	return false
}

// generic says that the subject names hardly anything ("the value", "the server"). A kind of thing ("a quorum",
// "migrations") needs one word that tells, a particular thing two.
func (c *clause) generic() bool {
	n, least := 0, 1
	if t := c.s.toks[c.subjA]; is(t.tag, "DT", "PRP$") && !is(t.low, "a", "an") {
		least = 2
	}
	for _, w := range c.s.toks[c.subjA:c.subjB] {
		if w.code || w.name() {
			return false
		}
		if (w.noun() || strings.HasPrefix(w.tag, "JJ")) && !genericNoun[w.low] {
			n++
		}
	}
	return n < least
}

// named says whether a name or code stands in [a,b).
func (s *sentence) named(a, b int) bool {
	for _, w := range s.toks[a:b] {
		if w.code || w.name() {
			return true
		}
	}
	return false
}

// pronouns says whether [a,b) points at something said elsewhere.
func (s *sentence) pronouns(a, b int) bool {
	for _, w := range s.toks[a:b] {
		if is(w.low, "it", "this", "they", "these", "those", "he", "she", "so", "its", "their", "them",
			"latter", "former") {
			return true
		}
	}
	return false
}
