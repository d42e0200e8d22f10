package extractive

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// entry is one entry of a reply: what the schema of its mode asks any model for, and the rule.
type entry struct {
	Evidence    []string `json:"evidence"`
	Question    string   `json:"question,omitempty"`
	Answer      string   `json:"answer,omitempty"`
	Instruction string   `json:"instruction,omitempty"`
	Input       *string  `json:"input,omitempty"`
	Output      string   `json:"output,omitempty"`
	Summary     string   `json:"summary,omitempty"`
	Difficulty  string   `json:"difficulty"`
	Rule        string   `json:"rule"`
}

// reply writes the entries of a task as JSON, best first.
func (m *material) reply(t *model.Task) (string, error) {
	entries := []entry{}
	if t.Mode == dataset.Summarization {
		entries = append(entries, m.summaries(t)...)
	} else {
		for _, p := range m.picks(t) {
			if e := m.entry(t.Mode, &p.candidate, p.phrasing); fits(e) {
				entries = append(entries, e)
			}
		}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Entries []entry `json:"entries"`
	}{entries})
	return strings.TrimSuffix(b.String(), "\n"), err
}

// fits drops what an entry may not hold.
func fits(e entry) bool {
	return len(e.Question) <= dataset.MaxQuestion && len(e.Instruction) <= dataset.MaxQuestion &&
		len(e.Answer) <= dataset.MaxAnswer && len(e.Output) <= dataset.MaxAnswer && e.Answer+e.Output != ""
}

// pick is a candidate with the phrasing it gets.
type pick struct {
	candidate
	phrasing uint64
}

// enough is how many good candidates make fillers needless, and how many fillers there are at most.
const enough = 2

// picks are the candidates of this round. Each round goes on where the one before ended; when all were used
// it begins again with the next phrasings. Fillers come only after all others.
func (m *material) picks(t *model.Task) []pick {
	all := m.candidates()
	if t.Mode == dataset.Instruction {
		all = append(all, m.passageOrders()...)
	}
	var good, fill []candidate
	for _, c := range all {
		if c.fallback {
			fill = append(fill, c)
		} else {
			good = append(good, c)
		}
	}
	ranked := diverse(good)
	if len(ranked) < enough {
		fill = diverse(fill)
		ranked = append(ranked, fill[:min(len(fill), enough)]...)
	}
	if len(ranked) == 0 {
		return nil
	}
	round := min(max(t.Round, 0), 1<<30) // so that no product overflows
	count := min(t.Count, len(ranked))
	out := make([]pick, 0, count)
	for i := range count {
		n := round*count + i
		c := ranked[n%len(ranked)]
		out = append(out, pick{c, m.draw(c.rule, c.group, t.Seed) + uint64(n/len(ranked))})
	}
	return out
}

// draw is a number that chunk, place, rule and seed decide.
func (m *material) draw(rule string, group int, seed int64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(m.id + "\x00" + rule + "\x00" + strconv.Itoa(group) + "\x00" + strconv.FormatInt(seed, 10)))
	x := h.Sum64()
	return (x ^ x>>32) >> 1
}

// entry writes a candidate in the way of a mode.
func (m *material) entry(mode dataset.Mode, c *candidate, phrasing uint64) entry {
	e := entry{Rule: c.rule}
	answer := c.answer
	switch mode {
	case dataset.Question:
		if c.short != "" {
			answer = statement(c.short)
			if strings.Contains(c.short, "\n") {
				answer = c.short
			}
		}
	case dataset.Answer:
		answer = m.passage(c)
	}
	e.Difficulty = difficulty(c.weight, answer)
	for _, at := range c.evidence {
		e.Evidence = append(e.Evidence, m.text[at.start:at.end])
	}
	if mode != dataset.Instruction {
		e.Question, e.Answer = m.question(c, phrasing), answer
		return e
	}
	input := ""
	if c.rule == "summarize" || m.context(c) == "" && !c.placed && !ownName(c.ask.direct) && c.group > 0 {
		at := m.around(c)
		input = m.trimmed(&at)
	}
	e.Instruction, e.Input, e.Output = m.instruction(c, phrasing, input != ""), &input, answer
	return e
}

// passage is the whole passage that a candidate rests on.
func (m *material) passage(c *candidate) string {
	if c.group < 0 && !strings.HasPrefix(c.rule, "table") && c.rule != "definition-item" {
		return c.answer
	}
	at := m.around(c)
	c.evidence = []span{at}
	return m.trimmed(&c.evidence[0])
}

// around is the block that a candidate's evidence lies in, or its evidence.
func (m *material) around(c *candidate) span {
	at := c.evidence[0]
	for _, b := range c.section.blocks {
		if b.start <= at.start && at.end <= b.End {
			return span{b.start, b.end}
		}
	}
	return at
}

// summarySentences is how many sentences a summary of n sentences has.
func summarySentences(n int) int { return min(max(2, n/5+1), 5) }

// summaries is the one summary of the chunk, or nothing.
func (m *material) summaries(t *model.Task) []entry {
	k := summarySentences(len(m.sentences))
	if max(t.Round, 0)%2 == 1 {
		k++
	}
	picked := m.summarize(k)
	if len(picked) == 0 {
		return nil
	}
	e := entry{Rule: "summary"}
	var text []string
	words := 0
	for _, s := range picked {
		e.Evidence = append(e.Evidence, m.text[s.start:s.end])
		text = append(text, s.body())
		words += len(s.toks)
	}
	e.Summary = strings.Join(text, " ")
	if len(e.Summary) > dataset.MaxAnswer {
		return nil
	}
	e.Difficulty = difficulty(apply, e.Summary)
	return []entry{e}
}

// passageOrders are instructions about long paragraphs: to sum them up.
func (m *material) passageOrders() []candidate {
	var out []candidate
	for _, s := range m.sections {
		for _, b := range s.blocks {
			if len(b.sentences) < 4 || b.Partial || wordCount(b.body) < 60 {
				continue
			}
			part := &material{text: m.text, title: m.title, sentences: b.sentences}
			c := candidate{rule: "summarize", section: s, group: -2 - b.Start, score: 0.8, weight: reason, placed: true}
			var text []string
			for _, x := range part.summarize(2) {
				text = append(text, x.body())
				c.evidence = append(c.evidence, span{x.start, x.end})
			}
			if len(text) == 0 {
				continue
			}
			c.answer = strings.Join(text, " ")
			c.order = "Summarize the passage."
			c.ask = asked{"What does the passage say", "what the passage says"}
			out = append(out, c)
		}
	}
	return out
}
