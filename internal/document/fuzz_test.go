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
		text, err := Parse(t.Context(), "doc"+ext, data, nil)
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

// fuzzOffice changes the XML of a document, as changing the archive around it would only damage that.
func fuzzOffice(f *testing.F, ext string, make func(t testing.TB, content string) []byte, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 4<<10 {
			t.Skip()
		}
		text, err := Parse(t.Context(), "doc"+ext, make(t, string(content)), nil)
		if err != nil {
			if !dataset.Is(err, dataset.Invalid) {
				t.Fatalf("error %v is %s, want invalid", err, dataset.KindOf(err))
			}
			return
		}
		checkText(t, text)
		checkChunks(t, text, chunkings[2])
	})
}

func FuzzParseDOCX(f *testing.F) {
	cell := `<w:tc><w:tcPr><w:vMerge w:val="restart"/><w:gridSpan w:val="2"/></w:tcPr>` + para("", "a") + `</w:tc>`
	fuzzOffice(f, ".docx", func(t testing.TB, body string) []byte { return word(t, body, wordParts...) },
		styled("Own", "Two")+listed("1", "1", "b")+listed("2", "0", "c"), `<w:tbl><w:tr>`+cell+cell+`</w:tr><w:tr>`+cell+`</w:tr></w:tbl>`,
		`<w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>1</w:t><w:footnoteReference w:id="2"/><w:txbxContent>`+para("", "x")+`</w:txbxContent></w:r></w:p>`)
}

func FuzzParseEPUB(f *testing.F) {
	fuzzOffice(f, ".epub", func(t testing.TB, page string) []byte { return book(t, file{"a.xhtml", page}, file{"b.xhtml", "<p>b"}) },
		`<h1/><title/><p>a<a epub:type="noteref" href="#b">1</a></p><script/><aside epub:type="note">c</aside><![CDATA[d]]>`)
}

// FuzzArchive changes the bytes of archives.
func FuzzArchive(f *testing.F) {
	f.Add(word(f, para("", "a"), wordParts...))
	f.Add(book(f, file{"a.xhtml", "<p>a"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, ext := range []string{".docx", ".epub"} {
			if _, err := Parse(t.Context(), "doc"+ext, data, nil); err != nil && !dataset.Is(err, dataset.Invalid) {
				t.Fatalf("error %v is %s, want invalid", err, dataset.KindOf(err))
			}
		}
		for m, err := range Members(data) {
			if err != nil && !dataset.Is(err, dataset.Invalid) || err == nil && m.Name == "" {
				t.Fatalf("member %q: %v", m.Name, err)
			}
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte(guide), uint8(0), uint16(40), uint16(10), "\n\n")
	f.Add([]byte("e\u0301e\u0301 \u4e2d\u6587\u3002 1234567 ---- "), uint8(3), uint16(1), uint16(0), ".")
	f.Add([]byte("```\n  a\n\n    b\n```\n"), uint8(3), uint16(4), uint16(2), ".")
	strategies := []dataset.Strategy{dataset.ByStructure, dataset.BySentence, dataset.ByToken, dataset.ByCharacter, dataset.ByDelimiter}
	f.Fuzz(func(t *testing.T, data []byte, strategy uint8, size, overlap uint16, delimiter string) {
		if len(data) > 4<<10 {
			t.Skip()
		}
		text, err := Parse(t.Context(), "doc.md", data, nil)
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
