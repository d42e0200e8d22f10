package quality

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
)

func TestLocate(t *testing.T) {
	const text = "The server listens on port 8080.\nUse `go vet` – it’s “quick” and\n  never  fails… Größe: 5 ﬁles. Café au lait is served."
	for _, c := range []struct{ quote, want string }{
		{"The server listens on port 8080.", "The server listens on port 8080."},
		{"8080", "8080"},
		{"808", ""},      // cuts a number
		{"server l", ""}, // cuts a word
		{"Use go vet - it's \"quick\" and never fails", "Use `go vet` – it’s “quick” and\n  never  fails"},
		{"\"The server  listens on\nport 8080\"", "The server listens on port 8080"},
		{"The server listens on port 8080…", "The server listens on port 8080"},
		{"the server LISTENS on port 8080", "The server listens on port 8080"},
		{"the SERVER", ""}, // too short for folding case
		{"5 files. Café", "5 ﬁles. Café"},
		{"Cafe\u0301 au lait is served", "Café au lait is served"},
		{"  listens on port  ", "listens on port"},
		{"The client listens on port 8080.", ""},
		{"", ""},
		{" … ", ""},
		{"...", ""},
	} {
		start, end, ok := Locate(text, c.quote)
		if got := text[start:end]; got != c.want || ok != (c.want != "") {
			t.Errorf("Locate(%q) = %q, %v, want %q", c.quote, got, ok, c.want)
		}
	}
}

func TestEvidence(t *testing.T) {
	text := strings.Repeat("Größe zählt. ", 40) + "Der Anschluss heißt Tür. Ende der Zählung."
	chunk := &dataset.Chunk{Document: "d", Chunking: "c", Ordinal: 2, Start: 1000, Text: text}
	c := NewContext(chunk)
	got := c.Evidence([]string{"Ende der Zählung", "Der Anschluss heißt Tür.", "steht nicht da, gar nicht", "Der Anschluss heißt Tür."}, "d.md")
	if len(got) != 2 {
		t.Fatalf("Evidence = %+v, want two in the order of the text", got)
	}
	for _, e := range got {
		runes := []rune(text)
		if quote := string(runes[e.Start-1000 : e.End-1000]); quote != e.Quote || !c.holds(&e) || e.ChunkID != chunk.ID() || e.Document != "d.md" || e.DocumentID != "d" {
			t.Errorf("evidence %+v quotes %q", e, quote)
		}
		for _, wrong := range []dataset.Evidence{
			{Start: e.Start + 1, End: e.End, Quote: e.Quote},
			{Start: e.Start, End: e.End + 1, Quote: e.Quote},
			{Start: -5, End: e.End, Quote: e.Quote},
			{Start: e.Start, End: 1 << 40, Quote: e.Quote},
			{Start: e.End, End: e.Start, Quote: e.Quote},
			{Start: e.Start, End: e.Start},
		} {
			if c.holds(&wrong) {
				t.Errorf("holds(%+v)", wrong)
			}
		}
	}
}

func TestLocateIsLinear(t *testing.T) {
	for _, c := range [][2]string{
		{strings.Repeat("ab", 50_000), strings.Repeat("ab", 10_000) + "c"},
		{strings.Repeat("aaaa bbbb cccc ", 7_000), strings.Repeat("aaaa bbbb cccc ", 1_000) + "d"},
		{strings.Repeat("e\u0301", 33_000), strings.Repeat("é", 10_000) + "x"},
		{strings.Repeat("\u0301", 50_000), strings.Repeat("\u0301", 10_000) + "x y z ab cd ef gh"},
		{strings.Repeat("x", 100_000), strings.Repeat("x", 50)},
	} {
		start := time.Now()
		for range 3 {
			Locate(c[0], c[1])
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.10q…: took %v", c[0], took)
		}
	}
}

func FuzzLocate(f *testing.F) {
	f.Add("The server “listens” on\nport 8080.", "server \"listens\" on port 8080")
	f.Add("ﬁ…\u00a0é e\u0301 İstanbul ` `", "fi... é é i̇stanbul")
	f.Fuzz(func(t *testing.T, text, quote string) {
		start, end, ok := Locate(text, quote)
		if !ok {
			if start != 0 || end != 0 {
				t.Fatalf("%d:%d without a find", start, end)
			}
			return
		}
		if start < 0 || start >= end || end > len(text) {
			t.Fatalf("%d:%d of %d", start, end, len(text))
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[start:end]) {
			t.Fatalf("%q cuts a code point of %q", text[start:end], text)
		}
	})
}

func BenchmarkLocate(b *testing.B) {
	text := strings.Repeat("The server listens on one port, and the client on another one. ", 40) + "Use `go vet` – it’s quick, and it never fails."
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, _, ok := Locate(text, "Use go vet - it's quick, and it never fails"); !ok {
			b.Fatal("not found")
		}
	}
}
