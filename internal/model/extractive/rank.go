package extractive

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Scores below which a candidate is dropped: of all rules, and of those that only fill up.
const (
	leastScore    = 0.56
	leastFallback = 0.4
)

var reDangling = regexp.MustCompile(`(?i)\b(it|its|they|them|their|this|these|those|he|she|his|her|above|below|following|we|our|us|my|here|former|latter|previous|aforementioned)\b`)

// reElsewhere finds an answer that leans on what stands around it.
var reElsewhere = regexp.MustCompile(`(?i)\b(following|as follows|below|above|see also|for more information)\b`)

// candidates are all questions of the material, best first, without repeats.
func (m *material) candidates() []candidate {
	var all []candidate
	for _, s := range m.sections {
		for _, rule := range []func(*material, *section) []candidate{headings, lists, tables, codes, documented, wholes} {
			all = append(all, rule(m, s)...)
		}
		for _, b := range s.blocks {
			if strings.HasSuffix(b.body, ":") && len(b.sentences) == 1 { // a lead-in says nothing alone
				continue
			}
			for _, x := range b.sentences {
				list := x.questions()
				if len(list) == 0 {
					list = subjects(m, x)
				}
				for i := range list {
					list[i].section = s
				}
				all = append(all, list...)
			}
		}
	}
	kept := all[:0]
	for _, c := range all {
		c.score -= m.penalty(&c)
		if c.fallback && c.score >= leastFallback || c.score >= leastScore {
			kept = append(kept, c)
		}
	}
	slices.SortStableFunc(kept, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	return distinct(kept)
}

// penalty is what a candidate loses for faults that any rule may make.
func (m *material) penalty(c *candidate) float64 {
	q := c.ask.direct
	p, n := 0.0, wordCount(q)
	switch {
	case n < 3 || n > 26:
		p += 0.4
	case n > 18:
		p += 0.1
	}
	if reDangling.MatchString(inlineCode.ReplaceAllString(q, "")) {
		p += 0.3
	}
	if strings.Count(q, ",") > 2 || strings.ContainsAny(inlineCode.ReplaceAllString(q, ""), ";!?") && !c.placed {
		p += 0.15
	}
	if unbalanced(q) || strings.Contains(q, "\\") || strings.Contains(q, "://") {
		p += 0.5
	}
	asked := terms(q)
	if len(asked) < 2 && !strings.Contains(q, "`") && !c.placed {
		p += 0.15
	}
	if len(asked) == 0 {
		p++
	}
	if c.short != "" {
		p += shortPenalty(c, asked)
	}
	if c.group > 0 && reElsewhere.MatchString(c.answer) {
		p += 0.2
	}
	if n := wordCount(c.answer); n < 2 {
		p += 0.1
	} else if n > 400 {
		p += 0.2
	}
	if unbalanced(strings.ReplaceAll(c.answer, "```", "")) {
		p += 0.15
	}
	return p
}

// shortPenalty looks at the span asked for: it must add something, be whole and be worth asking for.
func shortPenalty(c *candidate, asked []string) float64 {
	p, added := 0.0, 0
	for _, t := range terms(c.short) {
		if !slices.Contains(asked, t) {
			added++
		}
	}
	if added == 0 {
		p += 0.5
	}
	if len(c.short) < 600 && (unbalanced(c.short) && !strings.Contains(c.short, "```") || reDangling.MatchString(firstWord(c.short))) {
		p += 0.25
	}
	if wordCount(c.short) <= 8 && reDangling.MatchString(inlineCode.ReplaceAllString(c.short, "")) {
		p += 0.2
	}
	if last := lastWord(c.short); is(last, "the", "a", "an", "of", "to", "and", "or", "in", "for", "with", "by", "that", "as", "e.g", "i.e", "etc") {
		p += 0.3
	}
	if w := strings.ToLower(firstWord(c.short)); is(w, "what", "where", "how", "why", "not", "more", "less", "better") {
		p += 0.15
	}
	return p
}

func unbalanced(x string) bool {
	return strings.Count(x, "(") != strings.Count(x, ")") || strings.Count(x, "`")%2 == 1 || strings.Count(x, `"`)%2 == 1 ||
		strings.Count(x, "“") != strings.Count(x, "”")
}

func firstWord(x string) string {
	for w := range strings.FieldsSeq(x) {
		return w
	}
	return ""
}

func lastWord(x string) string {
	w := strings.ToLower(strings.TrimRight(x, " .,;:"))
	return w[strings.LastIndexByte(w, ' ')+1:]
}

// distinct drops candidates that ask the same as a better one: the same terms, or most of them about the
// same evidence.
func distinct(list []candidate) []candidate {
	seen := map[string]bool{}
	kept := list[:0]
	for _, c := range list {
		t := terms(c.ask.direct)
		slices.Sort(t)
		key := strings.Join(slices.Compact(t), " ")
		if seen[key] {
			continue
		}
		seen[key] = true
		kept = append(kept, c)
	}
	return kept
}

// diverse orders candidates so that each place of the chunk and each rule has its turn: what comes again
// from the same place costs more each time, what uses the same rule a little.
func diverse(list []candidate) []candidate {
	groups, rules := map[int]int{}, map[string]int{}
	out := make([]candidate, 0, len(list))
	used := make([]bool, len(list))
	for range min(len(list), maxRanked) {
		best, at := -10.0, -1
		for i, c := range list {
			if used[i] || groups[c.group] > 1 && c.group > 0 {
				continue
			}
			if v := c.score - 0.13*float64(groups[c.group]) - 0.02*float64(rules[c.rule]); v > best {
				best, at = v, i
			}
		}
		if at < 0 {
			break
		}
		used[at] = true
		groups[list[at].group]++
		rules[list[at].rule]++
		out = append(out, list[at])
	}
	return out
}

// maxRanked bounds how many candidates are put in order: what any number of rounds can use.
const maxRanked = 300
