package document

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// texts returns what the chunks hold.
func texts(t *testing.T, name, src string, c dataset.Chunking) []string {
	t.Helper()
	var out []string
	for _, k := range checkChunks(t, mustParse(t, name, src), c) {
		out = append(out, k.Text)
	}
	return out
}

func TestChunkRules(t *testing.T) {
	structure := func(size, overlap int) dataset.Chunking {
		return dataset.Chunking{Strategy: dataset.ByStructure, Size: size, Overlap: overlap}
	}
	for _, test := range []struct {
		name, src string
		c         dataset.Chunking
		want      []string
	}{
		{
			"rows, the head with the first", "|a|b|\n|-|-|\n|one|two|\n|three|four|\n|five|six|\n", structure(20, 0),
			[]string{"| a | b |\n| --- | --- |\n| one | two |", "| three | four |\n| five | six |"},
		},
		{
			"lines of code with their indent", "```go\nif a {\n\tb c d\n\te f g\n}\n```", structure(8, 0),
			[]string{"```go\nif a {\n\tb c d", "\te f g\n}\n```"},
		},
		{
			"sentences", "# H\n\nOne two three. Four five six. Seven eight nine.", structure(10, 0),
			[]string{"# H\n\nOne two three. Four five six.", "Seven eight nine."},
		},
		{
			"lead-in with its list", "One two three four.\n\nThe list is:\n\n- a\n- b", structure(10, 0),
			[]string{"One two three four.", "The list is:\n\n- a\n- b"},
		},
		{
			"heading at the end", "# A\n\nOne two three four five six.\n\n# B", structure(12, 0),
			[]string{"# A\n\nOne two three four five six.\n\n# B"},
		},
		{
			"tiny siblings", "# A\n\n## B\n\none\n\n## C\n\ntwo\n\n## D\n\n" + strings.Repeat("word ", 36), structure(40, 0),
			[]string{"# A\n\n## B\n\none\n\n## C\n\ntwo", "## D\n\n" + strings.Repeat("word ", 35) + "word"},
		},
		{
			"no chunk across chapters", "# A\n\n## B\n\n" + strings.Repeat("word ", 28) + "\n\n## C\n\n" + strings.Repeat("word ", 16) + "\n\n# D\n\none\n\n## E\n\n" + strings.Repeat("word ", 30), structure(40, 0),
			[]string{
				"# A\n\n## B\n\n" + strings.Repeat("word ", 27) + "word", "## C\n\n" + strings.Repeat("word ", 15) + "word",
				"# D\n\none\n\n## E\n\n" + strings.Repeat("word ", 29) + "word",
			},
		},
		{
			"overlap of sentences", "One two. Three four. Five six. Seven eight.", structure(9, 3),
			[]string{"One two. Three four.", "Three four. Five six. Seven eight."},
		},
		{
			"overlap of words", strings.Repeat("a b c d ", 4), structure(6, 2),
			[]string{"a b c d", "c d a b c d", "c d a b c d", "c d a b c d"},
		},
		{
			"sentences counted", "One. Two. Three.\n\n- Four.\n\n```\nx\ny\n```",
			dataset.Chunking{Strategy: dataset.BySentence, Size: 2, Overlap: 1},
			[]string{"One. Two.", "Two. Three.", "Three.\n\n- Four.", "- Four.\n\n```\nx\ny\n```"},
		},
		{
			"a word larger than a chunk", strings.Repeat("x", 25),
			dataset.Chunking{Strategy: dataset.ByToken, Size: 1},
			[]string{"xxx", "xxx", "xxx", "xxx", "xxx", "xxxxxxxxxx"},
		},
		{
			"accents stay", "aaae\u0301bbb",
			dataset.Chunking{Strategy: dataset.ByCharacter, Size: 4},
			[]string{"aaa", "e\u0301bb", "b"},
		},
		{
			"closing delimiter", "a; b; c",
			dataset.Chunking{Strategy: dataset.ByDelimiter, Size: 1, Delimiter: ";"},
			[]string{"a;", "b;", "c"},
		},
		{
			"opening delimiter", "## a\n\nb\n\n## c",
			dataset.Chunking{Strategy: dataset.ByDelimiter, Size: 1, Delimiter: "## "},
			[]string{"## a\n\nb", "## c"},
		},
	} {
		if got := texts(t, "doc.md", test.src, test.c); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%q, want\n%q", test.name, got, test.want)
		}
	}
}

func TestChunkLimits(t *testing.T) {
	long := mustParse(t, "a.txt", strings.Repeat("word", dataset.MaxChunkText))
	for _, c := range []dataset.Chunking{
		{Strategy: dataset.ByStructure, Size: 8000},
		{Strategy: dataset.BySentence, Size: 5},
		{Strategy: dataset.ByToken, Size: 8000},
		{Strategy: dataset.ByDelimiter, Size: 5, Delimiter: "x"},
	} {
		if chunks, err := long.Chunks(c); err != nil || len(chunks) < 4 || slices.ContainsFunc(chunks, func(k dataset.Chunk) bool { return len(k.Text) > dataset.MaxChunkText }) {
			t.Errorf("%+v: %d chunks, %v", c, len(chunks), err)
		}
	}
	wide := mustParse(t, "a.txt", strings.Repeat("\U0001F600 ", 60_000))
	if chunks, err := wide.Chunks(dataset.Chunking{Strategy: dataset.ByCharacter, Size: 50_000}); err != nil || len(chunks) < 3 {
		t.Errorf("wide characters: %d chunks, %v", len(chunks), err)
	}
	many := mustParse(t, "a.txt", strings.Repeat("a ", dataset.MaxChunks+1))
	_, err := many.Chunks(dataset.Chunking{Strategy: dataset.ByToken, Size: 1})
	if !dataset.Is(err, dataset.Invalid) || !strings.Contains(fmt.Sprint(err), "200000") {
		t.Errorf("too many chunks: %v", err)
	}
	if _, err := many.Chunks(dataset.Chunking{Strategy: "page", Size: 1}); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("unknown strategy: %v", err)
	}
}
