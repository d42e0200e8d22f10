package document

import (
	"bytes"
	"os"
	"testing"

	"compileo/internal/dataset"
)

// sample repeats a golden document to about a megabyte.
func sample(b *testing.B, path string) []byte {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Repeat(append(data, '\n', '\n'), 1<<20/len(data))
}

func BenchmarkParse(b *testing.B) {
	for _, path := range []string{"testdata/notes.txt", "testdata/features.md", "testdata/page.html"} {
		b.Run(path, func(b *testing.B) {
			data := sample(b, path)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(b.Context(), path, data, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkChunks(b *testing.B) {
	text, err := Parse(b.Context(), "a.md", sample(b, "testdata/features.md"), nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []dataset.Chunking{
		dataset.DefaultChunking,
		{Strategy: dataset.BySentence, Size: 10},
		{Strategy: dataset.ByToken, Size: 400, Overlap: 50},
		{Strategy: dataset.ByCharacter, Size: 1000},
		{Strategy: dataset.ByDelimiter, Size: 5, Delimiter: "\n\n"},
	} {
		b.Run(string(c.Strategy), func(b *testing.B) {
			b.SetBytes(int64(len(text.Body)))
			for b.Loop() {
				if _, err := text.Chunks(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSentences(b *testing.B) {
	text := string(sample(b, "testdata/notes.txt"))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if len(Sentences(text)) == 0 {
			b.Fatal("no sentences")
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	text := string(sample(b, "testdata/notes.txt"))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if Tokens(text) == 0 {
			b.Fatal("no tokens")
		}
	}
}
