package document

import (
	"strings"
	"testing"

	"compileo/internal/dataset"
)

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // kind: text
	}{
		{"# Title\n\nSome text.\n\n- one\n- two", []string{"heading: # Title", "paragraph: Some text.", "item: - one", "item: - two"}},
		{"not  canonical \n\n\n text\nof two lines", []string{"paragraph: not  canonical", "paragraph: text\nof two lines"}},
		{"  ", nil},
		{"\r\n x \r\n\r\n y", []string{"paragraph: x", "paragraph: y"}},
	} {
		blocks, err := Blocks(t.Context(), c.text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range blocks {
			got = append(got, string(b.Kind)+": "+c.text[b.Start:b.End])
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add("# a\n\nb")
	f.Add(" a\u2028b\r\n\n\tc ")
	f.Fuzz(func(t *testing.T, text string) {
		blocks, err := Blocks(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		for _, b := range blocks {
			if b.Start < last || b.End <= b.Start || b.End > len(text) {
				t.Fatalf("%q has block %+v", text, b)
			}
			if b.Kind == dataset.ParagraphBlock && strings.TrimSpace(text[b.Start:b.End]) == "" {
				t.Fatalf("%q has a blank block", text)
			}
			last = b.End
		}
	})
}
