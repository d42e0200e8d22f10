package document

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// chunkings are the strategies with settings that make many borders.
var chunkings = []dataset.Chunking{
	dataset.DefaultChunking,
	{Strategy: dataset.ByStructure, Size: 40},
	{Strategy: dataset.ByStructure, Size: 60, Overlap: 20},
	{Strategy: dataset.ByStructure, Size: 1},
	{Strategy: dataset.BySentence, Size: 3, Overlap: 1},
	{Strategy: dataset.BySentence, Size: 1},
	{Strategy: dataset.ByToken, Size: 50, Overlap: 10},
	{Strategy: dataset.ByToken, Size: 2, Overlap: 1},
	{Strategy: dataset.ByCharacter, Size: 100, Overlap: 30},
	{Strategy: dataset.ByCharacter, Size: 2, Overlap: 1},
	{Strategy: dataset.ByCharacter, Size: 1},
	{Strategy: dataset.ByDelimiter, Size: 2, Overlap: 1, Delimiter: "\n\n"},
	{Strategy: dataset.ByDelimiter, Size: 1, Delimiter: "## "},
	{Strategy: dataset.ByDelimiter, Size: 1, Delimiter: ". "},
}

// checkText fails when a text breaks what Text promises.
func checkText(t *testing.T, text *Text) {
	t.Helper()
	if !utf8.ValidString(text.Body) || !utf8.ValidString(text.Title) || text.Title == "" {
		t.Fatalf("title %q or body is no UTF-8 or empty", text.Title)
	}
	at := 0
	for i, b := range text.Blocks {
		if b.Start < at || b.End <= b.Start || b.End > len(text.Body) {
			t.Fatalf("block %d %+v does not follow %d", i, b, at)
		}
		if gap := text.Body[at:b.Start]; strings.Trim(gap, " \n") != "" {
			t.Fatalf("text %q before block %d", gap, i)
		}
		span := text.Body[b.Start:b.End]
		if strings.TrimSpace(span) != span || b.Partial {
			t.Fatalf("block %d %+v is %q", i, b, span)
		}
		form := map[dataset.BlockKind]bool{
			dataset.HeadingBlock:   strings.HasPrefix(span, strings.Repeat("#", b.Level)+" ") && !strings.Contains(span, "\n"),
			dataset.ParagraphBlock: span != "",
			dataset.ItemBlock:      b.Level > 0 && (b.Ordered || strings.HasPrefix(span, "- ")) && (!b.Ordered || unicode.IsDigit(rune(span[0]))),
			dataset.CodeBlock:      strings.HasPrefix(span, "```") && strings.HasSuffix(span, "```") && strings.Count(span, "\n") >= 2,
			dataset.TableBlock:     strings.Count(span, "\n") >= 2 && strings.HasPrefix(span, "|") && strings.HasSuffix(span, "|"),
		}
		if !form[b.Kind] {
			t.Fatalf("block %d %+v is %q", i, b, span)
		}
		at = b.End
	}
	if rest := text.Body[at:]; rest != "" {
		t.Fatalf("text %q after the last block", rest)
	}
}

// checkChunks fails when chunks break what Chunks promises.
func checkChunks(t *testing.T, text *Text, c dataset.Chunking) []dataset.Chunk {
	t.Helper()
	chunks, err := text.Chunks(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	runes := []rune(text.Body)
	covered := 0
	for i, k := range chunks {
		if k.Ordinal != i || k.Chunking != c.Hash() || k.Title != text.Title {
			t.Fatalf("%+v: chunk %d has ordinal %d, chunking %s, title %q", c, i, k.Ordinal, k.Chunking, k.Title)
		}
		if k.Start < 0 || k.End > len(runes) || k.Start >= k.End || string(runes[k.Start:k.End]) != k.Text {
			t.Fatalf("%+v: chunk %d is not the text at %d to %d: %q", c, i, k.Start, k.End, k.Text)
		}
		if i > 0 && (k.Start <= chunks[i-1].Start || k.End <= chunks[i-1].End) {
			t.Fatalf("%+v: chunk %d at %d to %d after %d to %d", c, i, k.Start, k.End, chunks[i-1].Start, chunks[i-1].End)
		}
		if k.Start > covered && strings.TrimSpace(string(runes[covered:k.Start])) != "" {
			t.Fatalf("%+v: %q is in no chunk", c, string(runes[covered:k.Start]))
		}
		covered = k.End
		checkSize(t, c, k, text)
		checkBlocks(t, c, k, text)
	}
	if strings.TrimSpace(string(runes[covered:])) != "" {
		t.Fatalf("%+v: %q is in no chunk", c, string(runes[covered:]))
	}
	return chunks
}

func checkSize(t *testing.T, c dataset.Chunking, k dataset.Chunk, text *Text) {
	t.Helper()
	size := map[dataset.Strategy]int{
		dataset.ByStructure: Tokens(k.Text), dataset.ByToken: Tokens(k.Text), dataset.ByCharacter: utf8.RuneCountInString(k.Text),
	}[c.Strategy]
	if size > c.Size || len(k.Text) > dataset.MaxChunkText {
		t.Fatalf("%+v: chunk %d has size %d and %d bytes: %.300q", c, k.Ordinal, size, len(k.Text), k.Text)
	}
}

func checkBlocks(t *testing.T, c dataset.Chunking, k dataset.Chunk, text *Text) {
	t.Helper()
	if len(k.Blocks) == 0 {
		t.Fatalf("%+v: chunk %d has no blocks: %q", c, k.Ordinal, k.Text)
	}
	at := 0
	offset := len(string([]rune(text.Body)[:k.Start]))
	for _, b := range k.Blocks {
		if b.Start < at || b.End <= b.Start || b.End > len(k.Text) {
			t.Fatalf("%+v: chunk %d has block %+v after %d", c, k.Ordinal, b, at)
		}
		at = b.End
		whole := text.Blocks[text.blockAt(offset+b.Start)]
		if partial := whole.End-whole.Start != b.End-b.Start; partial != b.Partial || whole.Kind != b.Kind {
			t.Fatalf("%+v: chunk %d has block %+v of %+v", c, k.Ordinal, b, whole)
		}
	}
}

func mustParse(t testing.TB, name, src string) *Text {
	t.Helper()
	text, err := Parse(t.Context(), name, []byte(src), nil)
	if err != nil {
		t.Fatalf("Parse(%s) of %.100q: %v", name, src, err)
	}
	return text
}

const guide = `# Guide

Intro of the guide.

## Install

Run the installer. It asks for a directory:

` + "```sh\nget it\nrun it\n```" + `

Then restart.

## Use

| Flag | Meaning |
|------|---------|
| -a   | all of the files |
| -b   | bare output |
| -c   | colours |

### Details

The details are long. They go on for a while. They end here.

## Uninstall

Delete the directory.
`

func TestStructure(t *testing.T) {
	text := mustParse(t, "guide.md", guide)
	for _, test := range []struct {
		size int
		want []string // how the chunks begin
		path []string // headings above each
	}{
		{400, []string{"# Guide"}, []string{""}},
		{60, []string{"# Guide", "## Use"}, []string{"", "Guide"}},
		{40, []string{"# Guide", "## Use", "### Details", "## Uninstall"}, []string{"", "Guide", "Guide/Use", "Guide"}},
	} {
		chunks := checkChunks(t, text, dataset.Chunking{Strategy: dataset.ByStructure, Size: test.size})
		var got, path []string
		for _, k := range chunks {
			first, _, _ := strings.Cut(k.Text, "\n")
			got = append(got, first)
			path = append(path, strings.Join(k.Headings, "/"))
		}
		if strings.Join(got, "; ") != strings.Join(test.want, "; ") || strings.Join(path, ";") != strings.Join(test.path, ";") {
			t.Errorf("size %d: chunks %q under %q, want %q under %q", test.size, got, path, test.want, test.path)
		}
	}
}

func isBlankText(s string) bool { return strings.TrimSpace(s) == "" }
