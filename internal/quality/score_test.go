package quality

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// Every weight keeps its sign: making a feature worse never raises P(good) or a part of the score.
func TestWeightsKeepTheirSign(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var best, worst features
	for i, w := range weights {
		if w.weight <= 0 || w.sign != 1 && w.sign != -1 {
			t.Fatalf("feature %d has weight %v and sign %v", i, w.weight, w.sign)
		}
		best[i], worst[i] = max(w.sign, 0), max(-w.sign, 0)
	}
	if p := best.good(); math.Abs(p-0.97) > 0.002 {
		t.Errorf("a faultless entry has P %.4f, want 0.97", p)
	}
	if p := worst.good(); p > 0.001 {
		t.Errorf("the worst entry has P %.4f", p)
	}
	for range 500 {
		var f features
		for i := range f {
			f[i] = r.Float64()
		}
		for i, w := range weights {
			worse := f
			worse[i] = clamp(f[i] - w.sign*r.Float64())
			if worse[i] == f[i] {
				continue
			}
			if worse.good() >= f.good() {
				t.Fatalf("feature %d: from %v to %v raises P", i, f[i], worse[i])
			}
			a, b := f.parts(), worse.parts()
			if b[w.part] > a[w.part] {
				t.Fatalf("feature %d raises part %d", i, w.part)
			}
		}
	}
}

// The more of an answer's words are foreign, the lower the grounding.
func TestGroundingFalls(t *testing.T) {
	for i, s := range corpus(t) {
		if i%6 > 0 || strings.Contains(s.entry.Answer, "not ") || strings.Contains(strings.ToLower(s.entry.Answer), "never") {
			continue // losing the negation is a fault of its own
		}
		list := strings.Fields(s.entry.Answer)
		before := assess(s).Quality.Grounding
		for i := range list {
			list[i] = "zanzi" + strings.Repeat("b", i+1)
			s.entry.Answer = strings.Join(list, " ")
			got := assess(s).Quality.Grounding
			if got > before+1e-9 && i > 0 {
				t.Errorf("%q: grounding rises from %v to %v", s.entry.Answer, before, got)
			}
			before = min(before, got)
		}
		if before > 0.35 {
			t.Errorf("a wholly foreign answer to %q has grounding %v", s.entry.Question, before)
		}
	}
}

func TestAssess(t *testing.T) {
	s := corpus(t)[0]
	e := assess(s)
	if e.Quality.Version != Version || e.Difficulty == "" || e.QualityScore <= 0.8 {
		t.Errorf("%+v", e)
	}
	again := e
	s.context.Assess(&again)
	if again.QualityScore != e.QualityScore || again.Difficulty != e.Difficulty {
		t.Error("a second assessment differs")
	}
	if math.Round(e.QualityScore*1e4)/1e4 != e.QualityScore {
		t.Errorf("score %v is not rounded to four decimals", e.QualityScore)
	}
	e.Difficulty = dataset.Expert
	s.context.Assess(&e)
	if e.Difficulty != dataset.Expert {
		t.Error("a given difficulty was replaced")
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 2} {
		if got := round(x); !(got >= 0 && got <= 1) {
			t.Errorf("round(%v) = %v", x, got)
		}
	}
}

// What a context was used for before does not show in what comes after.
func TestAssessForgets(t *testing.T) {
	for _, s := range corpus(t) {
		used, fresh := assess(s), assess(sample{NewContext(s.context.chunk), s.entry})
		if !reflect.DeepEqual(used, fresh) {
			t.Errorf("%q: %+v in a context used before, %+v in a fresh one", s.entry.Question, used.Quality, fresh.Quality)
		}
	}
}

// The scores of this version, and the shingles. Who changes them changes Version, too.
func TestScoresOfVersion(t *testing.T) {
	h := fnv.New32a()
	samples := corpus(t)
	add := func(s sample) {
		e := assess(s)
		fmt.Fprint(h, e.QualityScore, e.Quality, e.Difficulty, Shingles(&e))
	}
	for _, f := range faults {
		for i, s := range samples {
			if e, ok := f.plant(samples, i); ok {
				add(sample{s.context, e})
			}
		}
	}
	for _, g := range gateCases {
		add(sample{gateContext(), dataset.Entry{Question: g.question, Answer: g.answer, Metadata: dataset.Metadata{Mode: g.mode}}})
	}
	if got, want := Version+fmt.Sprintf(" %08x", h.Sum32()), "1 20996641"; got != want {
		t.Errorf("version and hash of all scores are %q, were %q", got, want)
	}
}

func TestDifficulty(t *testing.T) {
	long := strings.Repeat("The client retries every request with full jitter. ", 6)
	for _, c := range []struct{ question, answer, want string }{
		{"What is Harbor?", "A server.", dataset.Beginner},
		{"Why does Harbor retry requests?", "Because the network may fail at any time.", dataset.Intermediate},
		{"Why does Harbor retry requests?", long, dataset.Advanced},
		{"How does Harbor compare with Quay?", long + long, dataset.Expert},
		{"Define retry.", "To send again.", dataset.Beginner},
	} {
		e := dataset.Entry{Question: c.question, Answer: c.answer}
		gateContext().Assess(&e)
		if e.Difficulty != c.want {
			t.Errorf("%q: %s, want %s", c.question, e.Difficulty, c.want)
		}
	}
}

// Other languages and scripts are judged by what does not depend on English words.
func TestOtherLanguages(t *testing.T) {
	for _, c := range []struct{ text, question, answer string }{
		{"Der Server lauscht auf Port 8080. Die Schnittstelle antwortet unter /healthz.", "Auf welchem Port lauscht der Server?", "Der Server lauscht auf Port 8080."},
		{"服务器默认监听端口8080。健康检查地址是/healthz。", "服务器默认监听哪个端口？", "服务器默认监听端口8080。"},
		{"Сервер слушает порт 8080 на локальном интерфейсе.", "Какой порт слушает сервер?", "Сервер слушает порт 8080."},
	} {
		ctx := NewContext(&dataset.Chunk{Text: c.text})
		e := dataset.Entry{Question: c.question, Answer: c.answer, Metadata: dataset.Metadata{Mode: dataset.QuestionAnswer}}
		e.Evidence = ctx.Evidence([]string{c.answer}, "d")
		if len(e.Evidence) == 0 {
			e.Evidence = ctx.Evidence([]string{strings.TrimRight(c.answer, "。.")}, "d")
		}
		ctx.Assess(&e)
		if len(e.Quality.Faults) > 0 || e.QualityScore < 0.6 {
			t.Errorf("%q: %.4f %+v", c.question, e.QualityScore, e.Quality)
		}
	}
}

func FuzzAssess(f *testing.F) {
	for _, g := range gateCases[:20] {
		f.Add(gateText, g.question, g.answer, "The `Client` retries a request", byte(0))
	}
	f.Add("", "", "", "", byte(3))
	f.Add("ﬁ e\u0301 İ\xff ``` | 1.", "İ?", "```", "e", byte(4))
	modes := []dataset.Mode{dataset.QuestionAnswer, dataset.Question, dataset.Answer, dataset.Summarization, dataset.Instruction}
	f.Fuzz(func(t *testing.T, text, question, answer, quote string, mode byte) {
		c := NewContext(&dataset.Chunk{Title: quote, Headings: []string{question}, Text: text, Start: 5})
		e := dataset.Entry{Question: question, Answer: answer, Metadata: dataset.Metadata{Mode: modes[int(mode)%len(modes)]}}
		if mode > 100 {
			e.Input = quote
		}
		e.Evidence = c.Evidence([]string{quote, answer}, "d")
		for i := range e.Evidence {
			if !c.holds(&e.Evidence[i]) {
				t.Fatalf("evidence %+v does not hold in %q", e.Evidence[i], text)
			}
		}
		c.Assess(&e)
		q := e.Quality
		for _, x := range []float64{e.QualityScore, q.Grounding, q.Answerability, q.SelfContained, q.Fluency, q.Readability} {
			if !(x >= 0 && x <= 1) {
				t.Fatalf("score %v in %+v", x, q)
			}
		}
		if len(q.Faults) > 0 && e.QualityScore > faulty || !slices.Contains(dataset.Difficulties, e.Difficulty) {
			t.Fatalf("%+v", e)
		}
		if list := Shingles(&e); len(list) > MaxShingles || !slices.IsSorted(list) {
			t.Fatalf("shingles %v", list)
		}
	})
}

func BenchmarkNewContext(b *testing.B) {
	chunk := corpus(b)[0].context.chunk
	chunk.Text = strings.Repeat(chunk.Text+"\n", 4)
	for name, prepare := range map[string]func(*Context){
		"evidence": func(c *Context) { c.Evidence([]string{"The health endpoint answers on the same port"}, "d") },
		"assess":   func(c *Context) { c.analyse() },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(chunk.Text)))
			b.ReportAllocs()
			for b.Loop() {
				prepare(NewContext(chunk))
			}
		})
	}
}

func BenchmarkAssess(b *testing.B) {
	samples := corpus(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e := samples[i%len(samples)].entry
		samples[i%len(samples)].context.Assess(&e)
		i++
	}
}
