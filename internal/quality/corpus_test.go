package quality

import (
	"os"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// sample is a good entry with its chunk and its evidence located.
type sample struct {
	context *Context
	entry   dataset.Entry
}

// corpus reads testdata/pairs.txt: clean pairs on twelve chunks. The evidence of each is the sentence of the
// chunk that shares most words with question and answer.
func corpus(t testing.TB) []sample {
	t.Helper()
	data, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for n, section := range strings.Split(string(data), "## ")[1:] {
		lines := strings.Split(strings.TrimSpace(section), "\n")
		path := strings.Split(lines[0], " / ")
		chunk := &dataset.Chunk{Document: "doc", Chunking: "abc", Ordinal: n, Start: 100, Title: path[0], Headings: path[1:], Text: lines[1]}
		chunk.End = chunk.Start + len([]rune(chunk.Text))
		c := NewContext(chunk)
		for i := 2; i+1 < len(lines); i += 2 {
			q, isQ := strings.CutPrefix(lines[i], "Q: ")
			a, isA := strings.CutPrefix(lines[i+1], "A: ")
			if !isQ || !isA {
				t.Fatalf("section %s: %q, %q is no pair", path[0], lines[i], lines[i+1])
			}
			e := dataset.Entry{Question: q, Answer: a, Metadata: dataset.Metadata{Mode: dataset.QuestionAnswer}}
			e.Evidence = c.Evidence([]string{nearest(chunk.Text, q+" "+a+" "+a)}, "doc.md")
			if len(e.Evidence) != 1 {
				t.Fatalf("no evidence for %q", q)
			}
			samples = append(samples, sample{c, e})
		}
	}
	if len(samples) < 100 {
		t.Fatalf("%d pairs", len(samples))
	}
	return samples
}

// words cuts a text into words.
func words(text string) []word {
	v := vocabulary{terms: map[string]*term{}}
	return v.words(nil, text)
}

func nearest(text, about string) string {
	wanted := map[string]int{}
	for _, w := range words(about) {
		if !w.stop {
			wanted[w.stem.low]++
		}
	}
	best, found := 0, ""
	for _, span := range sentences(text) {
		have := map[string]bool{}
		for _, w := range words(text[span[0]:span[1]]) {
			have[w.stem.low] = have[w.stem.low] || !w.stop
		}
		n := 0
		for stem, content := range have {
			if content {
				n += wanted[stem]
			}
		}
		if n > best {
			best, found = n, strings.TrimSpace(text[span[0]:span[1]])
		}
	}
	return found
}

func assess(s sample) dataset.Entry {
	e := s.entry
	s.context.Assess(&e)
	return e
}

func TestCleanPairs(t *testing.T) {
	samples := corpus(t)
	low, sum := 0, 0.0
	for _, s := range samples {
		e := assess(s)
		sum += e.QualityScore
		if len(e.Quality.Faults) > 0 {
			t.Errorf("%q > %q: faults %v", e.Question, e.Answer, e.Quality.Faults)
		}
		if e.QualityScore < 0.75 {
			low++
			t.Logf("%.4f %+v %q > %q", e.QualityScore, e.Quality, e.Question, e.Answer)
		}
	}
	t.Logf("%d pairs, mean score %.3f, %d below 0.75", len(samples), sum/float64(len(samples)), low)
	if low*10 > len(samples) {
		t.Errorf("%d of %d clean pairs are below 0.75", low, len(samples))
	}
}

// faults are what is planted. Each returns false where it does not apply.
var faults = []struct {
	name  string
	plant func(all []sample, i int) (dataset.Entry, bool)
}{
	{"foreign answer", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Answer = all[(i+len(all)/2)%len(all)].entry.Answer
		return e, true
	}},
	{"changed number", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Answer = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '0' + (r-'0'+3)%10
			}
			return r
		}, e.Answer)
		return e, e.Answer != all[i].entry.Answer
	}},
	{"negation", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		if strings.Contains(e.Answer, " not ") || strings.Contains(e.Answer, "never") || strings.Contains(e.Answer, "Never") {
			return e, false
		}
		for _, verb := range []string{" is ", " are ", " may ", " must ", " can ", " has ", " was ", " were "} {
			if before, after, ok := strings.Cut(e.Answer, verb); ok {
				e.Answer = before + verb + "not " + after
				return e, true
			}
		}
		return e, false
	}},
	{"changed name", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		before, code, ok := strings.Cut(e.Answer, "`")
		if !ok {
			return e, false
		}
		e.Answer = before + "`zanzi" + code
		return e, true
	}},
	{"question cut", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		list := strings.Fields(e.Question)
		e.Question = strings.Join(list[:len(list)/2], " ")
		return e, true
	}},
	{"question cut, with a mark", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		list := strings.Fields(e.Question)
		e.Question = strings.Join(list[:len(list)/2], " ") + "?"
		return e, true
	}},
	{"answer cut", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Answer = strings.TrimRight(e.Answer, ".`") + ", which means that"
		return e, true
	}},
	{"question repeated", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Question += " " + e.Question
		return e, true
	}},
	{"word repeated", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		list := words(e.Question)
		for _, w := range list {
			if !w.stop {
				e.Question = e.Question[:w.start] + w.low + " " + e.Question[w.start:]
				break
			}
		}
		return e, true
	}},
	{"answer is the question", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Answer = e.Question
		return e, true
	}},
	{"no evidence", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Evidence = nil
		return e, true
	}},
	{"dangling", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Question = "According to the text, " + strings.ToLower(e.Question[:1]) + e.Question[1:]
		return e, true
	}},
	{"link added", func(all []sample, i int) (dataset.Entry, bool) {
		e := all[i].entry
		e.Answer += " See https://more.example.com/now for details."
		return e, true
	}},
}

func TestPlantedFaults(t *testing.T) {
	samples := corpus(t)
	scores := make([]float64, len(samples))
	for i, s := range samples {
		scores[i] = assess(s).QualityScore
	}
	for _, f := range faults {
		n, falls, below, sum := 0, 0, 0, 0.0
		var kept []string
		for i, s := range samples {
			e, ok := f.plant(samples, i)
			if !ok {
				continue
			}
			before, after := scores[i], assess(sample{s.context, e})
			n++
			sum += after.QualityScore
			if after.QualityScore < before {
				falls++
			} else {
				t.Logf("    no fall from %.4f to %.4f: %s > %s", before, after.QualityScore, e.Question, e.Answer)
			}
			if after.QualityScore < 0.6 {
				below++
			} else {
				kept = append(kept, e.Question+" > "+e.Answer)
			}
		}
		t.Logf("%-26s n %3d, falls %5.1f %%, below 0.6 %5.1f %%, mean %.3f", f.name, n, 100*float64(falls)/float64(n), 100*float64(below)/float64(n), sum/float64(n))
		if n < 10 || falls*100 < n*95 {
			t.Errorf("%s: the score falls in %d of %d pairs", f.name, falls, n)
		}
		if len(kept) > 0 {
			t.Logf("    kept, for one: %s", kept[0])
		}
	}
}

// Copies with small changes are found among all pairs, and nothing else is.
func TestPlantedDuplicates(t *testing.T) {
	samples := corpus(t)
	var items []Item
	for _, s := range samples {
		items = append(items, Item{Shingles: Shingles(&s.entry), Score: 0.9})
	}
	for _, s := range samples {
		s.entry.Question = strings.Replace(strings.ToUpper(s.entry.Question), "?", " ?", 1)
		items = append(items, Item{Shingles: Shingles(&s.entry), Score: 0.8})
	}
	for i, of := range Duplicates(items) {
		switch n := len(samples); {
		case i < n && of >= 0:
			t.Errorf("%q is said to repeat %q", samples[i].entry.Question, samples[of%n].entry.Question)
		case i >= n && of != i-n:
			t.Errorf("the copy of %q is said to repeat %d", samples[i-n].entry.Question, of)
		}
	}
}

// Answers in other words than the chunk's, as language models write them, are not taken for foreign.
func TestParaphrasedAnswers(t *testing.T) {
	samples := corpus(t)
	low := 0
	for _, c := range []struct{ about, question, answer string }{
		{"Which port does", "What is the default port of the Harbor server?", "By default, the Harbor server listens on port 8080."},
		{"in use", "How does the Harbor server react when its port is already taken?", "It exits with status 3 after printing the address that it failed to bind."},
		{"Harbor store", "Why is an identical file stored only once in Harbor?", "Harbor names each object after the SHA-256 of its bytes, so uploading the same file again does not create a second object."},
		{"dead-letter", "What happens to a message of the queue that keeps failing?", "After five unsuccessful deliveries, the message is moved to the dead-letter queue and kept there for 14 days."},
		{"flood of 1813", "What damage did the flood of 1813 do to the bridge over the Alva?", "The flood washed away two piers, which were replaced with oak trestles until 1820."},
		{"salt added", "What effect does salt have on a sourdough?", "Salt slows the fermentation, which is why it is added last."},
		{"retries off", "Which setting disables retries in sdk-go?", "Setting `Options.Retries` to 0 turns retries off."},
		{"worker bee", "Why do worker bees live longer in winter than in summer?", "Winter bees do not forage, so a worker survives several months instead of about six weeks."},
		{"partial index", "When would a partial index in Lumen be smaller than a full one?", "A partial index is smaller because it only covers rows for which its `WHERE` clause is true."},
		{"freeze insulin", "Can frozen insulin be used again after it has thawed?", "No, frozen insulin loses its effect even after thawing."},
	} {
		var best *sample
		for i := range samples {
			if s := &samples[i]; best == nil || similarity(wordSet(s.entry.Question+s.entry.Answer), wordSet(c.question+c.answer)) >
				similarity(wordSet(best.entry.Question+best.entry.Answer), wordSet(c.question+c.answer)) {
				best = s
			}
		}
		e := best.entry
		e.Question, e.Answer = c.question, c.answer
		e.Evidence = best.context.Evidence([]string{nearest(best.context.chunk.Text, c.question+" "+c.answer)}, "d")
		best.context.Assess(&e)
		t.Logf("%.4f %+v %s", e.QualityScore, e.Quality, c.answer)
		if len(e.Quality.Faults) > 0 {
			t.Errorf("%q > %q: faults %v", c.question, c.answer, e.Quality.Faults)
		}
		if e.QualityScore < 0.6 {
			low++
		}
	}
	if low > 2 {
		t.Errorf("%d of 10 paraphrased answers are below 0.6", low)
	}
}
