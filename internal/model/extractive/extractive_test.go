package extractive

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// TestSameBytes holds that a task has one answer, whoever asks at the same time, and that seeds change it.
func TestSameBytes(t *testing.T) {
	chunks := corpus(t)
	type key struct {
		name string
		mode dataset.Mode
	}
	want := map[key]string{}
	for name, c := range chunks {
		for _, mode := range modes {
			_, want[key{name, mode}] = generate(t, &model.Task{Mode: mode, Chunk: c, Count: 5, Seed: 7})
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for k, text := range want {
				r := &model.Request{Task: &model.Task{Mode: k.mode, Chunk: chunks[k.name], Count: 5, Seed: 7}}
				got, err := New().Generate(t.Context(), r)
				if err != nil || got.Text != text {
					t.Errorf("%v again = %v, %v, want the same bytes", k, got, err)
				}
			}
		})
	}
	wg.Wait()
	differs := false
	for seed := range int64(5) {
		_, text := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunks["cache"], Count: 5, Seed: seed})
		differs = differs || text != want[key{"cache", dataset.QuestionAnswer}]
	}
	if !differs {
		t.Error("five other seeds gave the same phrasings")
	}
}

// TestRounds holds that a later round goes on where the one before ended, and begins again with other words.
func TestRounds(t *testing.T) {
	chunk := corpus(t)["cache"]
	all, _ := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 50})
	n := len(all.Entries)
	if n < 10 {
		t.Fatalf("%d entries, want at least 10", n)
	}
	var asked []string
	for round := range n {
		one, _ := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 1, Round: round})
		asked = append(asked, one.Entries[0].Question)
		if one.Entries[0].Question != all.Entries[round].Question {
			t.Errorf("round %d asks %q, want %q", round, one.Entries[0].Question, all.Entries[round].Question)
		}
	}
	slices.Sort(asked)
	if len(slices.Compact(asked)) != n {
		t.Errorf("rounds asked the same twice: %q", asked)
	}
	changed := 0
	for round := range n {
		again, _ := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 1, Round: n + round})
		if again.Entries[0].Question != all.Entries[round].Question {
			changed++
		}
	}
	if changed == 0 {
		t.Error("no question of the second turn is phrased in another way")
	}
	generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 3, Round: math.MaxInt})
	generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 3, Round: -5})
}

// TestRefused holds which tasks can never be answered.
func TestRefused(t *testing.T) {
	chunk := func(text string, blocks ...dataset.Block) *dataset.Chunk {
		return &dataset.Chunk{Text: text, Blocks: blocks}
	}
	ok := chunk("A cache is a store.", dataset.Block{Kind: dataset.ParagraphBlock, End: 19})
	tests := map[string]*model.Request{
		"no task":       {},
		"no chunk":      {Task: &model.Task{Mode: dataset.Question, Count: 1}},
		"no count":      {Task: &model.Task{Mode: dataset.Question, Chunk: ok}},
		"many":          {Task: &model.Task{Mode: dataset.Question, Chunk: ok, Count: dataset.MaxPerChunk + 1}},
		"no mode":       {Task: &model.Task{Chunk: ok, Count: 1}},
		"not UTF-8":     {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("a\xff"), Count: 1}},
		"too long":      {Task: &model.Task{Mode: dataset.Question, Chunk: chunk(strings.Repeat("a", dataset.MaxChunkText+1)), Count: 1}},
		"block beyond":  {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("ab", dataset.Block{End: 3}), Count: 1}},
		"block before":  {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("ab", dataset.Block{Start: -1, End: 1}), Count: 1}},
		"block turned":  {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("ab", dataset.Block{Start: 2, End: 1}), Count: 1}},
		"blocks cross":  {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("abcd", dataset.Block{End: 3}, dataset.Block{Start: 2, End: 4}), Count: 1}},
		"block in rune": {Task: &model.Task{Mode: dataset.Question, Chunk: chunk("é", dataset.Block{Start: 1, End: 2}), Count: 1}},
	}
	for name, r := range tests {
		reply, err := New().Generate(t.Context(), r)
		if e, ok := errors.AsType[*model.Error](err); !ok || e.Kind != model.Refused {
			t.Errorf("%s: Generate = %v, %v, want Refused", name, reply, err)
		}
	}
	if _, err := New().Generate(t.Context(), nil); model.AsError(err).Kind != model.Refused {
		t.Errorf("no request: %v, want Refused", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New().Generate(done, &model.Request{Task: &model.Task{Mode: dataset.Question, Chunk: ok, Count: 1}})
	if model.AsError(err).Kind != model.Timeout {
		t.Errorf("cancelled: %v, want Timeout", err)
	}
}

// TestPartial holds that what a chunk border cut is not asked about.
func TestPartial(t *testing.T) {
	chunk := chunkOf("", "cache is a store of things that were read. A quorum is a majority of the members. The leader is the node that")
	chunk.Blocks[0].Partial = true
	r, _ := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 50})
	if len(r.Entries) != 1 || r.Entries[0].Question != "What is a quorum?" {
		t.Errorf("entries are %+v, want only that about the whole sentence", r.Entries)
	}
	table := chunkOf("", "| `b` | `1` |\n| `c` | `2` |\n| `d` | `3` |")
	table.Blocks[0].Partial = true
	if r, _ := generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: table, Count: 50}); len(r.Entries) != 0 {
		t.Errorf("a table without its head gave %+v", r.Entries)
	}
}

// TestPlace holds when a question names where it belongs.
func TestPlace(t *testing.T) {
	const text = "The exporter requires a writable folder on the disk. Otherwise nothing is written."
	tests := []struct {
		title    string
		headings []string
		text     string
		want     string
	}{
		{"", nil, text, "What does the exporter require?"},
		{"Harbor", nil, text, "In Harbor, what does the exporter require?"},
		{"README.md", []string{"Harbor", "Installation"}, text, "In Harbor, what does the exporter require?"},
		{"", []string{"Overview", "Batch export"}, text, `In "Batch export", what does the exporter require?`},
		{"The whole story of how Harbor came to be", nil, text, `In "The whole story of how Harbor came to be", what does the exporter require?`},
		{"Harbor", nil, "The Harbor exporter requires a writable folder on the disk.", "What does the Harbor exporter require?"},
		{"Harbor", nil, "Grace Hopper Hall requires a new roof of copper.", "What does Grace Hopper Hall require?"},
	}
	for _, x := range tests {
		chunk := chunkOf(x.title, x.text)
		chunk.Headings = x.headings
		tools, err := load()
		if err != nil {
			t.Fatal(err)
		}
		m, err := analyse(t.Context(), tools, chunk)
		if err != nil {
			t.Fatal(err)
		}
		list := m.candidates()
		if len(list) == 0 {
			t.Errorf("%q under %q: nothing", x.title, x.headings)
			continue
		}
		if got := m.question(&list[0], 0); got != x.want {
			t.Errorf("%q under %q: %q, want %q", x.title, x.headings, got, x.want)
		}
	}
}

// TestHostile holds that a large chunk of the worst form ends in good time.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	for name, unit := range map[string]string{
		"parens": "(", "ticks": "`", "dots": ". ", "letters": "a", "commas": "the cache, and ", "pipes": "|a", "abbreviations": "e.g. A. ",
		"conjunctions": "the cache and the disk or ", "sentences": "A cache is a store of `x` and the disk. ", "items": "- `a`: b is a kind of thing\n",
		"runs": strings.Repeat("x.(", 260) + ". The ", "headings": "# Installing a thing\n\nThe thing is a cache.\n\n",
	} {
		text := strings.Repeat(unit, dataset.MaxChunkText/3/len(unit))
		started := time.Now()
		for _, mode := range []dataset.Mode{dataset.Instruction, dataset.Summarization} {
			generate(t, &model.Task{Mode: mode, Chunk: chunkOf("", text), Count: dataset.MaxPerChunk})
		}
		if took := time.Since(started); took > 30*time.Second {
			t.Errorf("%s: %v for two calls, want seconds even on a busy machine", name, took)
		}
	}
}

// FuzzGenerate holds that no text makes the model panic, and that what it says stands in the chunk.
func FuzzGenerate(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.Title, c.Text, uint8(0), false)
	}
	for _, s := range []string{"# `", "- ", "| a | b |\n|---|---|\n", "```", "A cache is a", "To be, or not.", "You can’t “say” it’s — done.", "If , you."} {
		f.Add("T", s, uint8(3), true)
	}
	f.Fuzz(func(t *testing.T, title, text string, mode uint8, partial bool) {
		if len(text) > 8<<10 || !utf8.ValidString(text) {
			return
		}
		chunk := chunkOf(title, text)
		for i := range chunk.Blocks {
			chunk.Blocks[i].Partial = partial
		}
		generate(t, &model.Task{Mode: modes[int(mode)%len(modes)], Chunk: chunk, Count: dataset.MaxPerChunk})
	})
}
