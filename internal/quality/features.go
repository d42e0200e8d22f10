package quality

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The features of an entry from which P(good) is made. Each is 0 to 1.
const (
	covered  = iota // question's content words that the chunk holds
	best            // … that its best two neighbouring sentences hold
	near            // … that the sentences hold where the answer stands
	gap             // best − near: another place fits the question better
	fitting         // the answer is of the kind asked for
	yesNo           // a bare yes or no to another question
	leak            // answer's content words that the question gives away
	anchors         // content words that tie the question to the place, five are enough
	pronoun         // a pronoun in the question
	vague           // a question of one content word or none
	marked          // ends as a question, or is a task
	repeats         // question's words that stand in it before
	dangling        // ends in a word that needs another one
	capital         // begins with a capital letter, a digit or code
	long            // words of the question beyond 30, 20 more are full
	balanced        // brackets and quotation marks are closed
	complete        // the answer ends as a sentence, or is none
	ease            // short sentences and words
	featureCount
)

// features are an entry's values.
type features [featureCount]float64

// parts of a score.
const (
	answerability = iota
	selfContained
	fluency
	readability
	partCount
)

// weights is the whole model of P(good), set by hand after the studies of signed fits on rated questions.
// Each weight is held to its sign: a feature that speaks for an entry never lowers P, one that speaks
// against it never raises P. Free fits of correlated features get signs wrong, and then reward faults.
var weights = [featureCount]struct {
	part   int
	sign   float64
	weight float64 // not negative
}{
	covered:  {answerability, +1, 1.8},
	best:     {answerability, +1, 0.8},
	near:     {answerability, +1, 1.8},
	gap:      {answerability, -1, 0.8},
	fitting:  {answerability, +1, 0.6},
	yesNo:    {answerability, -1, 1.2},
	leak:     {answerability, -1, 0.6},
	anchors:  {answerability, +1, 1.0},
	pronoun:  {selfContained, -1, 0.35},
	vague:    {selfContained, -1, 0.8},
	marked:   {fluency, +1, 0.6},
	repeats:  {fluency, -1, 2.5},
	dangling: {fluency, -1, 1.5},
	capital:  {fluency, +1, 0.2},
	long:     {fluency, -1, 0.6},
	balanced: {fluency, +1, 0.3},
	complete: {fluency, +1, 0.5},
	ease:     {readability, +1, 0.4},
}

// bias makes P of a faultless entry 0.97.
const bias = 3.5 - (1.8 + 0.8 + 1.8 + 0.6 + 1.0 + 0.6 + 0.2 + 0.3 + 0.5 + 0.4)

// features measures an entry.
func (c *Context) features(v *view) features {
	var f features
	f.answerability(c, v)
	c.tick++
	for i, w := range v.qWords {
		if i > 0 && w.term == v.qWords[i-1].term {
			f[repeats] += float64(len(v.qTerms))
		} else if w.seen == c.tick && !w.stop {
			f[repeats]++
		}
		w.seen = c.tick
	}
	f[pronoun] = truth(v.qClass&pronounWord != 0)
	f[repeats] = ratio(f[repeats], float64(len(v.qTerms)), 0)
	if len(v.qTerms) <= 1 && v.entry.Input == "" {
		f[vague] = 1
	}
	f[long] = clamp(float64(len(v.qWords)-30) / 20)
	f[marked] = truth(endsAsQuestion(v.question) || v.kind == taskKind)
	f[dangling] = truth(v.kind != taskKind && endsInFunctionWord(v.qWords))
	first, _ := utf8.DecodeRuneInString(v.question)
	f[capital] = truth(!unicode.IsLower(first) || len(v.qWords) > 0 && v.qWords[0].code)
	f[balanced] = truth(closed(v.question) && closed(v.answer))
	f[complete] = truth(len(v.aWords) < 8 || endsComplete(v.answer))
	f[ease] = c.ease(v)
	return f
}

func (f *features) answerability(c *Context, v *view) {
	held := 0
	for _, term := range v.qTerms {
		if term.knows() {
			held++
		}
	}
	n := float64(len(v.qTerms))
	// A quarter of a word more than there are: the same share of few words says less.
	f[covered] = ratio(float64(held), n+0.25, 1)
	counts, base := c.windows(v.qTerms)
	most, here := int32(0), int32(0)
	for _, count := range counts {
		most = max(most, count)
	}
	for _, p := range v.parts {
		if p.window >= 0 {
			// The sentence before may hold the subject that the answer's sentence refers to.
			here = max(here, counts[p.window], counts[max(p.window-1, 0)])
		}
	}
	f[best] = ratio(float64(int(most)+base), n, 1)
	f[near] = ratio(float64(int(here)+base), n+0.25, 1)
	f[gap] = clamp(ratio(float64(most-here), n, 0))
	f[anchors] = min(float64(int(here)+base), 6) / 6
	f[fitting] = fit(v)
	f[yesNo] = truth(v.kind != yesNoKind && len(v.aWords) == 1 && v.aWords[0].class&yesNoWord != 0)
	given := 0
	for _, term := range v.aTerms {
		if term.asked == v.round {
			given++
		}
	}
	// A full answer takes up the question; only what is almost nothing but the question gives it away.
	f[leak] = clamp(ratio(float64(given), float64(len(v.aTerms)), 0)*2 - 1)
}

// ease is 1 for short sentences of short words, 0 for very long ones, and 0.8 where that says nothing.
func (c *Context) ease(v *view) float64 {
	if !c.english || len(v.aWords) < 8 || strings.Contains(v.answer, "```") {
		return 0.8
	}
	letters := 0
	for _, w := range v.aWords {
		letters += len(w.low)
	}
	n := float64(len(v.aWords))
	perSentence := n / float64(max(len(v.parts), 1))
	return clamp(1-(perSentence-22)/40) * clamp(1-(float64(letters)/n-5.5)/6)
}

// grounding says how far the answer stands in the chunk: its content words anywhere, those of each sentence
// in one place, in the evidence, its neighbouring words; less for unknown numbers and names and for "not".
func (c *Context) grounding(v *view, numbers, names float64) float64 {
	known, quoted, pairs := 0, 0, 0
	for _, term := range v.aTerms {
		if term.knows() {
			known++
		}
		if term.quoted == v.round || term.around {
			quoted++
		}
	}
	for i := 1; i < len(v.aWords); i++ {
		if c.pairs[pair(v.aWords[i-1].term, v.aWords[i].term)] {
			pairs++
		}
	}
	held, sum, flipped := 0, 0, false
	for _, p := range v.parts {
		held, sum, flipped = held+p.held, sum+p.terms, flipped || p.flipped
	}
	n := float64(len(v.aTerms))
	support := ratio(float64(known), n, 1)
	raw := 0.40*support + 0.25*ratio(float64(held), float64(sum), 1) + 0.20*ratio(float64(quoted), n, 1) +
		0.15*ratio(float64(pairs), float64(len(v.aWords)-1), support)
	miss := 1 - clamp(raw)
	g := 1 - miss*(0.4+0.6*miss) // a light paraphrase costs little, a heavy one much
	g *= (0.5 + 0.5*numbers) * (0.5 + 0.5*names)
	if flipped {
		g *= 0.5
	}
	return clamp(g)
}

func ratio(a, b, none float64) float64 {
	if b <= 0 {
		return none
	}
	return clamp(a / b)
}

func clamp(x float64) float64 { return min(max(x, 0), 1) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
