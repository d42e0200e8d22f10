package snapshot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// storedLine is the stored line of e without its id.
func storedLine(t testing.TB, e *dataset.Entry) []byte {
	t.Helper()
	c := *e
	c.ID = ""
	b, err := AppendLine(nil, &c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cutOne(t testing.TB, b []byte) Line {
	t.Helper()
	l, rest, err := CutLine(b)
	if err != nil || len(rest) > 0 {
		t.Fatalf("CutLine(%q) leaves %q, %v", b, rest, err)
	}
	return l
}

// TestLinesGiveTheFilesOfEntries: a part of stored lines is, byte for byte, the one of their entries.
func TestLinesGiveTheFilesOfEntries(t *testing.T) {
	entries := append(entriesOf(rand.New(rand.NewPCG(16, 16)), 300, true), goldenEntries()...)
	for i, e := range entries[300:] {
		e.ID = EntryID(10_000 + i)
		e.Split = []string{"", "train", "test"}[i%3]
	}
	entries[4].Evidence = []dataset.Evidence{{Quote: "<a> & \"b\"\u2029"}}
	reasons := []string{"duplicate", "a <reason> & \"more\"\n", "pii"}
	files := func(add func(w *PartWriter, i int) error) map[string][]byte {
		m := newMemory()
		w, err := NewPart(t.Context(), m, prefix, 7)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		for i := range entries {
			if err := add(w, i); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return m.objects
	}
	reject := func(i int) (bool, string, string) {
		return i%4 == 1, reasons[i/4%3], []string{"", "entry_<7>"}[i/4%2]
	}
	want := files(func(w *PartWriter, i int) error {
		if yes, reason, of := reject(i); yes {
			e := *entries[i]
			e.ID = ""
			return w.Reject(&e, reason, of)
		}
		return w.Add(entries[i])
	})
	var stored []byte
	for _, e := range entries {
		stored = append(stored, storedLine(t, e)...)
	}
	got := files(func(w *PartWriter, i int) (err error) {
		var l Line
		if l, stored, err = CutLine(stored); err != nil {
			return err
		}
		if yes, reason, of := reject(i); yes {
			return w.RejectLine(l, reason, of)
		}
		ordinal, _ := Ordinal(entries[i].ID)
		return w.AddLine(ordinal, l)
	})
	if len(want) != 4 || !reflect.DeepEqual(got, want) {
		for name := range want {
			if !bytes.Equal(got[name], want[name]) {
				t.Errorf("%s:\n%.400q\nwant\n%.400q", name, got[name], want[name])
			}
		}
	}
}

func TestAddLineRefuses(t *testing.T) {
	w, err := NewPart(t.Context(), newMemory(), prefix, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	changed := func(change func(e *dataset.Entry)) Line {
		e := goldenEntries()[0]
		change(e)
		return cutOne(t, storedLine(t, e))
	}
	good := changed(func(*dataset.Entry) {})
	named, err := AppendLine(nil, goldenEntries()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddLine(5, good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ordinal int
		line    Line
	}{
		"again":      {5, good},
		"before":     {4, good},
		"no number":  {-1, good},
		"too high":   {MaxOrdinal + 1, good},
		"no line":    {6, Line{}},
		"an id":      {6, cutOne(t, named)},
		"quality":    {6, changed(func(e *dataset.Entry) { e.QualityScore = 1.01 })},
		"difficulty": {6, changed(func(e *dataset.Entry) { e.Difficulty = "easy" })},
		"category":   {6, changed(func(e *dataset.Entry) { e.Category = strings.Repeat("x", MaxCategory+1) })},
		"UTF-8":      {6, changed(func(e *dataset.Entry) { e.Category = "\xff" })},
		"length":     {6, changed(func(e *dataset.Entry) { e.Answer = strings.Repeat("x", MaxLine) })},
	} {
		if err := w.AddLine(c.ordinal, c.line); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("%s: AddLine = %v, want invalid", name, err)
		}
	}
	for name, l := range map[string]Line{
		"no line": {}, "length": changed(func(e *dataset.Entry) { e.Answer = strings.Repeat("x", MaxLine) }),
	} {
		if err := w.RejectLine(l, "pii", ""); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("%s: RejectLine = %v, want invalid", name, err)
		}
	}
	if err := w.AddLine(MaxOrdinal, good); err != nil {
		t.Errorf("AddLine after refusals = %v", err)
	}
	if info, err := w.Close(t.Context()); err != nil || info.Lines.Entries != 2 || info.Rejects.Entries != 0 {
		t.Errorf("Close = %+v, %v, want the two good lines", info, err)
	}
}

// TestDamagedLineIsNotCut changes every bit of a stored line and cuts it everywhere.
func TestDamagedLineIsNotCut(t *testing.T) {
	stored := storedLine(t, goldenEntries()[1])
	for i := range 8 * len(stored) {
		b := slices.Clone(stored)
		b[i/8] ^= 1 << (i % 8)
		if l, _, err := CutLine(append(b, stored...)); !dataset.Is(err, dataset.Internal) {
			t.Fatalf("bit %d changed: %+v, %v, want internal", i, l, err)
		}
	}
	for n := range stored {
		if l, _, err := CutLine(stored[:n]); !dataset.Is(err, dataset.Internal) {
			t.Fatalf("cut at %d: %+v, %v, want internal", n, l, err)
		}
	}
}

// FuzzCutLine reads anything under a checksum that fits: an error or a line that a part takes or refuses.
func FuzzCutLine(f *testing.F) {
	f.Add(storedLine(f, goldenEntries()[0])[lineHeader:])
	f.Add([]byte("12345678\x00\x00\x00\x00"))
	f.Add([]byte("12345678\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, content []byte) {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(content, castagnoli))
		l, rest, err := CutLine(append(b, content...))
		if err != nil {
			if !dataset.Is(err, dataset.Internal) {
				t.Errorf("CutLine = %v, want internal", err)
			}
			return
		}
		if len(rest) > 0 || !bytes.HasSuffix(content, l.json) {
			t.Errorf("CutLine leaves %q, line %q", rest, l.json)
		}
		w, err := NewPart(t.Context(), newMemory(), prefix, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		if err := w.AddLine(1, l); err != nil && !dataset.Is(err, dataset.Invalid) {
			t.Errorf("AddLine = %v", err)
		}
		if err := w.RejectLine(l, "pii", ""); err != nil && !dataset.Is(err, dataset.Invalid) {
			t.Errorf("RejectLine = %v", err)
		}
	})
}
