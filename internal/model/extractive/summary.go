package extractive

import (
	"math"
	"slices"
	"strings"
)

// maxSummarized is how many sentences of a chunk are compared with each other; the work grows with the square.
const maxSummarized = 250

// summarize picks up to k sentences, in the order of the text: LexRank on TF-IDF cosine, a prior for early
// sentences and words of the title, penalties for dangling openings, and maximal marginal relevance against
// repetition. Nil when the material has too little prose.
func (m *material) summarize(k int) []*sentence {
	list := m.sentences[:min(len(m.sentences), maxSummarized)]
	list = slices.DeleteFunc(slices.Clone(list), func(s *sentence) bool {
		last := m.text[s.end-1]
		return last == ':' || last == '?' || !strings.ContainsRune(".!)\"'`", rune(last)) || len(s.toks) < 5
	})
	if len(list) == 0 {
		return nil
	}
	sim, bags := similarities(list)
	rank := lexRank(sim)
	title := terms(m.title)
	score := make([]float64, len(list))
	for i, s := range list {
		score[i] = rank[i] * float64(len(list)) * (1 + 0.6/float64(1+i))
		for _, t := range title {
			if bags[i][t] > 0 {
				score[i] += 0.15
			}
		}
		if n := wordCount(s.body()); n < 6 || n > 45 {
			score[i] *= 0.5
		}
		if reDangling.MatchString(firstWord(s.body())) || connective[s.toks[0].low] {
			score[i] *= 0.4
		}
	}
	var picked []int
	for range min(k, len(list)) {
		best, at := math.Inf(-1), -1
		for i := range score {
			if slices.Contains(picked, i) {
				continue
			}
			near := 0.0
			for _, p := range picked {
				near = max(near, sim[i][p])
			}
			if v := score[i] - 0.9*near; v > best {
				best, at = v, i
			}
		}
		picked = append(picked, at)
	}
	slices.Sort(picked)
	out := make([]*sentence, len(picked))
	for i, p := range picked {
		out[i] = list[p]
	}
	return out
}

// similarities are the TF-IDF cosines of all pairs, with each sentence's bag of terms. Sums run in the order
// of the text, so that they are the same to the last bit each time.
func similarities(list []*sentence) (sim [][]float64, bags []map[string]float64) {
	n := len(list)
	bags = make([]map[string]float64, n)
	order := make([][]string, n)
	df := map[string]int{}
	for i, s := range list {
		bags[i] = map[string]float64{}
		for _, t := range terms(s.body()) {
			if bags[i][t]++; bags[i][t] == 1 {
				order[i] = append(order[i], t)
				df[t]++
			}
		}
	}
	weigh := func(t string) float64 { w := math.Log(1 + float64(n)/float64(df[t])); return w * w }
	norm := make([]float64, n)
	for i := range order {
		for _, t := range order[i] {
			norm[i] += bags[i][t] * bags[i][t] * weigh(t)
		}
		norm[i] = math.Sqrt(norm[i])
	}
	sim = make([][]float64, n)
	for i := range sim {
		sim[i] = make([]float64, n)
	}
	for i := range sim {
		for j := range i {
			dot := 0.0
			for _, t := range order[i] {
				if g := bags[j][t]; g > 0 {
					dot += bags[i][t] * g * weigh(t)
				}
			}
			if norm[i]*norm[j] > 0 {
				sim[i][j] = dot / (norm[i] * norm[j])
				sim[j][i] = sim[i][j]
			}
		}
	}
	return sim, bags
}

// lexRank is the stationary distribution of a walk over similar sentences.
func lexRank(sim [][]float64) []float64 {
	n := len(sim)
	degree := make([]float64, n)
	rank, next := make([]float64, n), make([]float64, n)
	for i := range sim {
		rank[i] = 1 / float64(n)
		for _, v := range sim[i] {
			degree[i] += v
		}
	}
	for range 30 {
		for i := range next {
			next[i] = 0.15 / float64(n)
			for j := range rank {
				if degree[j] > 0 {
					next[i] += 0.85 * rank[j] * sim[j][i] / degree[j]
				}
			}
		}
		rank, next = next, rank
	}
	return rank
}
