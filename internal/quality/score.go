package quality

import (
	"math"

	"compileo/internal/dataset"
)

// Version of the score. It changes whenever the same entry and chunk may get another one.
const Version = "1"

// faulty is the most that an entry can have which does not pass a gate.
const faulty = 0.3

// Assess sets e.Quality and e.QualityScore, and e.Difficulty when it is empty, from the entry's texts, its
// evidence and its mode. It may be repeated: nothing that it sets is read, but a difficulty that is there
// stays. The score is rounded to four decimals once, here: compare it with a threshold as it is.
func (c *Context) Assess(e *dataset.Entry) {
	if c.terms == nil {
		c.analyse()
	}
	v := c.look(e)
	faults, numbers, names := c.gates(v)
	f := c.features(v)
	grounding := c.grounding(v, numbers, names)
	parts := f.parts()
	e.Quality = dataset.Quality{
		Version: Version, Grounding: round(grounding), Answerability: round(parts[answerability]),
		SelfContained: round(parts[selfContained]), Fluency: round(parts[fluency]), Readability: round(parts[readability]), Faults: faults,
	}
	score := f.good() * grounding
	if len(faults) > 0 {
		score = min(score, faulty)
	}
	e.QualityScore = round(score)
	if e.Difficulty == "" {
		e.Difficulty = difficulty(v)
	}
}

// good is P(good).
func (f *features) good() float64 {
	z := bias
	for i, w := range weights {
		z += w.sign * w.weight * f[i]
	}
	return 1 / (1 + math.Exp(-z))
}

// parts returns for each part of the score the share of its weight that nothing speaks against.
func (f *features) parts() [partCount]float64 {
	var sum, all [partCount]float64
	for i, w := range weights {
		value := f[i]
		if w.sign < 0 {
			value = 1 - value
		}
		sum[w.part] += w.weight * value
		all[w.part] += w.weight
	}
	for i := range sum {
		sum[i] = ratio(sum[i], all[i], 1)
	}
	return sum
}

// round keeps four decimals; what is no number is 0.
func round(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return math.Round(clamp(x)*1e4) / 1e4
}

// difficulty guesses a level from what is asked and how much it takes to answer it.
func difficulty(v *view) string {
	level := 0
	switch v.kind {
	case whyKind, howKind:
		level = 1
	case taskKind:
		if first := v.qWords[0].low; first != "define" && first != "list" && first != "name" && first != "identify" {
			level = 1
		}
	}
	if v.qClass&deepWord != 0 {
		level++
	}
	if n := len(v.aWords); n > 90 {
		level += 2
	} else if n > 35 {
		level++
	}
	if level > 0 && len(v.aWords) < 6 {
		level--
	}
	return dataset.Difficulties[min(level, len(dataset.Difficulties)-1)]
}
