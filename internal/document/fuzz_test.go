package document

import (
	"os"
	"path/filepath"
	"testing"

	"compileo/internal/dataset"
)

// seeds adds the golden documents with an extension.
func seeds(f *testing.F, ext string) {
	paths, err := filepath.Glob("testdata/*" + ext)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds for %s: %v", ext, err)
	}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// fuzzParse checks that whatever is accepted keeps the promises of Text and of Chunks.
func fuzzParse(f *testing.F, ext string) {
	seeds(f, ext)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip()
		}
		text, err := Parse(t.Context(), "doc"+ext, data)
		if err != nil {
			if !dataset.Is(err, dataset.Invalid) {
				t.Fatalf("error %v is %s, want invalid", err, dataset.KindOf(err))
			}
			return
		}
		checkText(t, text)
		checkChunks(t, text, chunkings[2])
		checkChunks(t, text, chunkings[4])
	})
}

func FuzzParsePlain(f *testing.F)    { fuzzParse(f, ".txt") }
func FuzzParseMarkdown(f *testing.F) { fuzzParse(f, ".md") }
func FuzzParseHTML(f *testing.F)     { fuzzParse(f, ".html") }

func FuzzChunks(f *testing.F) {
	f.Add([]byte(guide), uint8(0), uint16(40), uint16(10), "\n\n")
	f.Add([]byte("e\u0301e\u0301 \u4e2d\u6587\u3002 1234567 ---- "), uint8(3), uint16(1), uint16(0), ".")
	f.Add([]byte("```\n  a\n\n    b\n```\n"), uint8(3), uint16(4), uint16(2), ".")
	strategies := []dataset.Strategy{dataset.ByStructure, dataset.BySentence, dataset.ByToken, dataset.ByCharacter, dataset.ByDelimiter}
	f.Fuzz(func(t *testing.T, data []byte, strategy uint8, size, overlap uint16, delimiter string) {
		if len(data) > 4<<10 {
			t.Skip()
		}
		text, err := Parse(t.Context(), "doc.md", data)
		if err != nil {
			return
		}
		c := dataset.Chunking{Strategy: strategies[int(strategy)%len(strategies)], Size: int(size), Overlap: int(overlap)}
		if c.Strategy == dataset.ByDelimiter {
			c.Delimiter = delimiter
		}
		if c.Check() != nil {
			t.Skip()
		}
		checkChunks(t, text, c)
	})
}

func FuzzSentences(f *testing.F) {
	f.Add("Dr. J. Smith paid 3.50 (e.g. today). \"Why?\" he asked. See `a. B` [1]. 1. Yes…")
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		for _, span := range Sentences(s) {
			if span.Start < at || span.End <= span.Start || span.End > len(s) {
				t.Fatalf("Sentences(%q): %+v after %d", s, span, at)
			}
			if !isBlankText(s[at:span.Start]) || isBlankText(s[span.Start:span.End]) {
				t.Fatalf("Sentences(%q): %q before %q", s, s[at:span.Start], s[span.Start:span.End])
			}
			at = span.End
		}
		if !isBlankText(s[at:]) {
			t.Fatalf("Sentences(%q): %q left", s, s[at:])
		}
		if n := Tokens(s); n < 0 || n > len(s) {
			t.Fatalf("Tokens(%q) = %d", s, n)
		}
	})
}
