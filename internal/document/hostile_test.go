package document

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// hostile are texts on which parsers take time or memory out of all proportion, each as its repeated unit.
var hostile = []struct{ name, unit string }{
	{"brackets", "["},
	{"closing brackets", "]"},
	{"links", "[a]("},
	{"angle links", "[a](<b"},
	{"references", "[a]["},
	{"nested images", "!["},
	{"titles", "[a](b \""},
	{"emphasis", "*a_"},
	{"emphasised links", "*[a*]("},
	{"rule of three", "a**b"},
	{"stars", "*"},
	{"strikes", "~~a"},
	{"backticks", "`"},
	{"angles", "<"},
	{"tags", "<a "},
	{"attributes", "<a b=\""},
	{"comments", "<!--"},
	{"open comments", "a <!--"},
	{"instructions", "a <?"},
	{"declarations", "a <!A "},
	{"quotes", ">"},
	{"spaced quotes", "> "},
	{"items", "- "},
	{"numbered items", "1. "},
	{"loose items", "- a\n\n"},
	{"bars", "|"},
	{"rows", "|a|b|\n"},
	{"tables", "a|b\n-|-\n\n"},
	{"terms", "a\n: b\n\n"},
	{"paragraphs", "a\n\n"},
	{"lines", "a\n"},
	{"blank lines", "\n"},
	{"spaces", " "},
	{"entities", "&amp"},
	{"fences", "```\n"},
	{"quoted fences", "> ```\n"},
	{"divs", "<div>\n"},
	{"open elements", "<b><p>"},
	{"formatting", "<b a=1><i><p>x"},
	{"nested lists", "<ul><li>"},
	{"nested tables", "<table><tr><td>"},
	{"cells", "<td>a"},
	{"items without list", "<li>a"},
	{"wide cells", "<td colspan=50 rowspan=1000>a"},
	{"titles of terms", "<dt>a"},
	{"setext", "a\n=\n"},
	{"hard breaks", "a  \n"},
	{"definitions", "[a]: b\n"},
	{"open titles", "[a]: b '\n"},
	{"footnotes", "[^a]: b\n\n"},
	{"marks", "a\u0301\u0301\u0301"},
	{"numbers", "1. a. "},
	{"ellipses", "…. "},
	{"headings", "# a\n"},
	{"sup", "<sup>1"},
	{"code", "<code>a"},
	{"pre", "<pre>a"},
	{"nav", "<nav>a"},
	{"words", "abcdefghij"},
	{"quotation", "\".\" "},
}

// TestHostile parses and cuts each of them in a time that is wide for what is linear, as other work shares the
// machine, but that nothing quadratic keeps.
func TestHostile(t *testing.T) {
	size := 64 << 10
	if raceEnabled {
		size = 12 << 10
	}
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			for _, ext := range []string{".txt", ".md", ".html"} {
				src := strings.Repeat(h.unit, size/len(h.unit))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				text, err := Parse(ctx, "doc"+ext, []byte(src), nil)
				cancel()
				if err != nil {
					if !dataset.Is(err, dataset.Invalid) {
						t.Errorf("%s: %v", ext, err)
					}
					continue
				}
				for _, c := range []dataset.Chunking{dataset.DefaultChunking, {Strategy: dataset.BySentence, Size: 5}, {Strategy: dataset.ByStructure, Size: 8, Overlap: 4}} {
					started := time.Now()
					if _, err := text.Chunks(c); err != nil && !dataset.Is(err, dataset.Invalid) {
						t.Errorf("%s %+v: %v", ext, c, err)
					}
					if took := time.Since(started); took > 10*time.Second {
						t.Errorf("%s %+v: %v", ext, c, took)
					}
				}
			}
		})
	}
}

// TestLarge takes some of them, and their like, to the size of a large document.
func TestLarge(t *testing.T) {
	size := 5 << 20
	if raceEnabled {
		size = 256 << 10
	}
	for _, test := range []struct{ ext, unit string }{
		{".md", "["},
		{".md", "> "},
		{".md", "- an item of a long list\n  - and one below it\n"},
		{".md", "|a|b|\n|-|-|\n"},
		{".html", "<div><b><p>x"},
		{".html", "<table><tr><td>x"},
	} {
		started := time.Now()
		text, err := Parse(t.Context(), "large"+test.ext, []byte(strings.Repeat(test.unit, size/len(test.unit))), nil)
		if err == nil {
			_, err = text.Chunks(dataset.DefaultChunking)
		}
		if err != nil {
			t.Errorf("%s of %q: %v", test.ext, test.unit, err)
		}
		if took := time.Since(started); took > 30*time.Second {
			t.Errorf("%s of %q took %v", test.ext, test.unit, took)
		}
	}
}

// TestHostileShapes are hostile texts that are no repetition.
func TestHostileShapes(t *testing.T) {
	size := 128 << 10
	if raceEnabled {
		size = 32 << 10
	}
	grow := func(f func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(f(i))
		}
		return b.String()
	}
	shapes := map[string]string{
		"ticks":         grow(func(i int) string { return strings.Repeat("`", i+1) + "a" }),
		"deeper items":  grow(func(i int) string { return strings.Repeat("  ", i) + "- a\n" }),
		"deeper quotes": grow(func(i int) string { return strings.Repeat("> ", i) + "a\n" }),
		"labels":        grow(func(i int) string { return fmt.Sprintf("[a%d]: /u\n", i) }),
		"notes":         grow(func(i int) string { return fmt.Sprintf("[^%d]: x\n\n", i) }),
		"uses":          grow(func(i int) string { return fmt.Sprintf("[^%d] [a%d] ", i, i) }),
		"deep and blank": strings.Repeat("- ", dataset.MaxNesting) + "a\n" +
			grow(func(int) string { return strings.Repeat("\n", 50) + strings.Repeat(" ", 2*dataset.MaxNesting) + "a\n" }),
		"deep and lazy": strings.Repeat("> ", dataset.MaxNesting) + grow(func(int) string { return "a\n" }),
		"wide table":    strings.Repeat("|a", size/4) + "|\n" + strings.Repeat("|-", size/4) + "|\n",
		"one word":      strings.Repeat("é", size/2),
		"attributes":    "<a " + grow(func(i int) string { return fmt.Sprintf("a%d=1 ", i) }) + ">",
	}
	for name, src := range shapes {
		for _, ext := range []string{".txt", ".md", ".html"} {
			started := time.Now()
			text, err := Parse(t.Context(), "doc"+ext, []byte(src), nil)
			if err == nil {
				_, err = text.Chunks(dataset.DefaultChunking)
			}
			if err != nil && !dataset.Is(err, dataset.Invalid) {
				t.Errorf("%s%s: %v", name, ext, err)
			}
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("%s%s took %v", name, ext, took)
			}
		}
	}
}

// TestEndedContext wants every format to stop when its context is done.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"a.txt", "a.md", "a.html"} {
		if _, err := Parse(ctx, name, []byte("one\n\ntwo\n"), nil); !dataset.Is(err, dataset.Unavailable) {
			t.Errorf("Parse(%s) with an ended context: %v", name, err)
		}
	}
}
