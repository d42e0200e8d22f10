package dataset_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"compileo/internal/dataset"
)

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		text         string
		words, lines int
	}{
		{"", 0, 0},
		{"one", 1, 1},
		{" two  words\n", 2, 1},
		{"a\nb\n\nc", 3, 4},
		{"ä\u00a0€", 2, 1},
		{strings.Repeat("€uro ", dataset.MarkRunes), dataset.MarkRunes, 1},
		{strings.Repeat("x", dataset.MarkRunes), 1, 1},
		{strings.Repeat("😀", dataset.MarkRunes+1), 1, 1},
	} {
		d := dataset.Document{Marks: []int64{7}}
		d.Measure(c.text)
		if d.Runes != utf8.RuneCountInString(c.text) || d.Words != c.words || d.Lines != c.lines {
			t.Errorf("%.20q: %d runes, %d words, %d lines, want %d words, %d lines", c.text, d.Runes, d.Words, d.Lines, c.words, c.lines)
		}
		if want := max(d.Runes-1, 0) / dataset.MarkRunes; len(d.Marks) != want {
			t.Errorf("%.20q: %d marks, want %d", c.text, len(d.Marks), want)
		}
		for i, at := range d.Marks {
			if n := utf8.RuneCountInString(c.text[:at]); n != (i+1)*dataset.MarkRunes {
				t.Errorf("%.20q: mark %d is at code point %d", c.text, i, n)
			}
		}
	}
}

func TestObjectsOfEachLife(t *testing.T) {
	d := dataset.Document{ID: "d"}
	first := d.Objects()
	d.Life = 1
	if second := d.Objects(); first == second || dataset.CheckBlobKey(dataset.SourceKey("t", "p", second)) != nil {
		t.Errorf("%q and %q", first, second)
	}
	for _, prefix := range dataset.DocumentPrefixes("t", "p", first) {
		if key := dataset.ChunksKey("t", "p", d.Objects(), "c"); strings.HasPrefix(key, prefix) {
			t.Errorf("%s is in %s, the folder of an earlier life", key, prefix)
		}
	}
}

func TestSetOfReadyChunks(t *testing.T) {
	sets := []dataset.ChunkSet{{Chunking: "a"}, {Chunking: "b"}}
	for _, c := range []struct {
		ready bool
		hash  string
		want  string
	}{{false, "a", "a"}, {false, "", "b"}, {false, "c", ""}, {true, "a", "b"}, {true, "c", "b"}} {
		d := dataset.Document{Sets: sets, Ready: c.ready}
		if set, ok := d.Set(c.hash); set.Chunking != c.want || ok != (c.want != "") {
			t.Errorf("%+v: %+v %v", c, set, ok)
		}
	}
}

func TestKeysOfProjects(t *testing.T) {
	if dataset.ProjectNameSK("Straße Ä") != dataset.ProjectNameSK("straße ä") || dataset.ProjectNameSK("a") == dataset.ProjectNameSK("b") {
		t.Error("names are not compared without their case")
	}
	if dataset.ProjectNumberSK(9) >= dataset.ProjectNumberSK(10) || dataset.EditSK(1, 99) >= dataset.EditSK(1, 100) || dataset.EditSK(1, 1<<40) >= dataset.EditSK(2, 0) {
		t.Error("numbers are not in order")
	}
	for _, prefix := range append(dataset.ProjectPrefixes("t", "p"), dataset.DatasetPrefix("t", "p")) {
		if !strings.HasSuffix(prefix, "/t/p/") {
			t.Errorf("%s reaches beyond what it is of", prefix)
		}
	}
}
