package snapshot

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

var update = flag.Bool("update", false, "write the golden files")

func goldenEntries() []*dataset.Entry {
	entry := func(ordinal int, category, difficulty string, score float64, faults ...string) *dataset.Entry {
		return &dataset.Entry{
			ID: EntryID(ordinal), Question: "Is 1 < 2 & 3 > 2\u2028?", Answer: "Yes.\nIt “is”.", Category: category,
			QualityScore: score, Difficulty: difficulty, SourceChunk: "chunk_001.md", Split: "train",
			Quality: dataset.Quality{Version: "1", Grounding: score, Faults: faults},
			Metadata: dataset.Metadata{
				Model: "extractive", GenerationTime: time.Date(2026, 1, 21, 10, 35, 22, 0, time.UTC), Mode: dataset.QuestionAnswer, Seed: 1,
			},
		}
	}
	return []*dataset.Entry{
		entry(1, "Zoology", dataset.Expert, 0.95),
		entry(2, "Anatomy", dataset.Beginner, 0.3, "echo"),
		entry(5, dataset.Uncategorized, dataset.Advanced, 0.7),
		entry(6, "Anatomy", dataset.Beginner, 0.95),
		entry(9, "Éthique", dataset.Intermediate, 1),
	}
}

// writeGolden writes a version of two parts, three entries and two entries, with one rejected.
func writeGolden(t testing.TB, m *memory) (*Manifest, error) {
	entries := goldenEntries()
	w, err := NewPart(t.Context(), m, prefix, 0)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	for _, e := range entries[:3] {
		if err := w.Add(e); err != nil {
			return nil, err
		}
	}
	rejected := goldenEntries()[1]
	rejected.ID = "candidate_7"
	if err := w.Reject(rejected, "near duplicate", "entry_1"); err != nil {
		return nil, err
	}
	if _, err := w.Close(t.Context()); err != nil {
		return nil, err
	}
	if _, err := writePart(t.Context(), m, 3, entries[3:]); err != nil {
		return nil, err
	}
	return publish(t.Context(), m, prefix, []int{0, 3}, testMeta, 2)
}

func TestFilesAreGolden(t *testing.T) {
	m := newMemory()
	if _, err := writeGolden(t, m); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, key := range strings.Fields(m.names()) {
		data := m.objects[key]
		fmt.Fprintf(&got, "== %s\n", key)
		if strings.HasSuffix(key, ".json") || strings.HasSuffix(key, ".jsonl") {
			got.Write(data)
			if !bytes.HasSuffix(data, []byte("\n")) {
				got.WriteByte('\n')
			}
			continue
		}
		for r := range slices.Chunk(data, rowSize) {
			fmt.Fprintf(&got, "%x %x %x %x %x %x %x %x\n", r[:4], r[4:6], r[6:7], r[7:8], r[8:16], r[16:20], r[20:24], r[24:])
		}
	}
	name := filepath.Join("testdata", "version.golden")
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the files changed:\n%s\nwant\n%s", got.String(), want)
	}
}

func TestAnyCrashIsRepairedByRepeating(t *testing.T) {
	whole := newMemory()
	want, err := writeGolden(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []bool{false, true} {
		for at := 1; at <= whole.writes; at++ {
			m := newMemory()
			m.fail, m.after = at, after
			if _, err := writeGolden(t, m); !dataset.Is(err, dataset.Unavailable) {
				t.Fatalf("fault at write %d: %v, want unavailable", at, err)
			}
			got, err := writeGolden(t, m)
			if err != nil {
				t.Fatalf("repeated after a fault at write %d (after: %v): %v", at, after, err)
			}
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(m.objects, whole.objects) {
				t.Errorf("repeated after a fault at write %d (after: %v): other files than without", at, after)
			}
		}
	}
}

func TestRepeatingWithOtherContentIsRefused(t *testing.T) {
	m := newMemory()
	if _, err := writeGolden(t, m); err != nil {
		t.Fatal(err)
	}
	entries := goldenEntries()[3:]
	entries[0].Answer = "No."
	if _, err := writePart(t.Context(), m, 3, entries); !dataset.Is(err, dataset.Internal) || !strings.Contains(err.Error(), "part-00003.jsonl") {
		t.Errorf("other entries: %v, want internal naming the part", err)
	}
	if _, err := Publish(t.Context(), m, prefix, []int{0}, testMeta); !dataset.Is(err, dataset.Internal) {
		t.Errorf("other parts: %v, want internal", err)
	}
	later := testMeta
	later.Created = later.Created.Add(time.Hour)
	got, err := Publish(t.Context(), m, prefix, []int{0, 3}, later)
	if err != nil || !got.Created.Equal(testMeta.Created) {
		t.Errorf("repeated later: created %v, %v, want the first manifest", got, err)
	}
}

func TestManifestAddsUp(t *testing.T) {
	m, err := writeGolden(t, newMemory())
	if err != nil {
		t.Fatal(err)
	}
	q := m.QualitySummary
	if m.Entries != 5 || q.AverageScore != (0.95+0.3+0.7+0.95+1)/5 || m.EditsThrough != 7 ||
		!reflect.DeepEqual(q.Distribution, map[string]int{"high": 3, "medium": 1, "low": 1}) ||
		!reflect.DeepEqual(q.Categories, map[string]int{"Anatomy": 2, "Uncategorized": 1, "Zoology": 1, "Éthique": 1}) ||
		!reflect.DeepEqual(m.Difficulties, map[string]int{"beginner": 2, "intermediate": 1, "advanced": 1, "expert": 1}) ||
		!reflect.DeepEqual(m.Splits, map[string]int{"train": 5}) ||
		!reflect.DeepEqual(m.Rejected, map[string]int{"near duplicate": 1}) ||
		q.Histogram != [20]int{6: 1, 14: 1, 19: 3} {
		t.Errorf("manifest = %+v", m)
	}
}

func TestAddRefuses(t *testing.T) {
	m := newMemory()
	w, err := NewPart(t.Context(), m, prefix, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	good := goldenEntries()[2]
	if err := w.Add(good); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "5", "entry_", "entry_05", "entry_-6", "entry_+6", "entry_2147483648", "entry_5", "entry_4"} {
		e := *good
		e.ID = id
		if err := w.Add(&e); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("Add(id %q) = %v, want invalid", id, err)
		}
	}
	long := *good
	long.ID, long.Answer = "entry_6", strings.Repeat("x", MaxLine)
	if err := w.Add(&long); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("Add(long) = %v, want invalid", err)
	}
	if err := w.Reject(good, "", ""); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("Reject without reason = %v, want invalid", err)
	}
	last := *good
	last.ID = "entry_6"
	if err := w.Add(&last); err != nil {
		t.Errorf("Add after refusals = %v", err)
	}
	info, err := w.Close(t.Context())
	if err != nil || info.Lines.Entries != 2 || bytes.Count(m.objects[info.Lines.Key], []byte("\n")) != 2 {
		t.Errorf("Close = %+v, %v, want the two good entries", info, err)
	}
	if _, err := NewPart(t.Context(), m, prefix, MaxParts); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("NewPart(%d) = %v, want invalid", MaxParts, err)
	}
}

func TestPartIsLimited(t *testing.T) {
	w, err := NewPart(t.Context(), newMemory(), prefix, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	e := goldenEntries()
	w.lines.file.Entries = dataset.MaxPart - 1 // as if so many had been added
	if err := w.Add(e[0]); err != nil {
		t.Errorf("Add of entry %d = %v", dataset.MaxPart, err)
	}
	if err := w.Add(e[1]); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("Add of entry %d = %v, want invalid", dataset.MaxPart+1, err)
	}
}

func TestPublishRefuses(t *testing.T) {
	publishParts := func(parts ...[]*dataset.Entry) error {
		m := newMemory()
		var numbers []int
		for i, entries := range parts {
			if _, err := writePart(t.Context(), m, i, entries); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, i)
		}
		_, err := Publish(t.Context(), m, prefix, numbers, Meta{})
		return err
	}
	e := goldenEntries()
	many := func(from int) []*dataset.Entry {
		entries := make([]*dataset.Entry, MaxCategories/2+1)
		for i := range entries {
			c := *e[0]
			c.ID, c.Category = EntryID(from+i), fmt.Sprint(from+i)
			entries[i] = &c
		}
		return entries
	}
	for name, c := range map[string]struct {
		err  error
		want dataset.Kind
	}{
		"descending parts":    {publishParts(e[2:], e[:2]), dataset.Internal},
		"too many categories": {publishParts(many(0), many(MaxCategories)), dataset.Invalid},
		"nothing wrong":       {publishParts(e[:2], e[2:]), ""},
	} {
		if dataset.KindOf(c.err) != c.want {
			t.Errorf("%s: Publish = %v, want %q", name, c.err, c.want)
		}
	}
	m := newMemory()
	if _, err := Publish(t.Context(), m, prefix, []int{0}, Meta{}); !dataset.Is(err, dataset.NotFound) {
		t.Errorf("part not written: Publish = %v, want not found", err)
	}
	for _, parts := range [][]int{{0, 0}, {1, 0}} {
		if _, err := Publish(t.Context(), m, prefix, parts, Meta{}); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("parts %v: Publish = %v, want invalid", parts, err)
		}
	}
	if _, err := Publish(t.Context(), m, prefix, make([]int, MaxParts+1), Meta{}); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("too many parts: Publish = %v, want invalid", err)
	}
	if _, err := Publish(t.Context(), m, prefix, nil, Meta{Source: json.RawMessage("{")}); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("source that is no JSON: Publish = %v, want invalid", err)
	}
	if _, err := Open(t.Context(), m, prefix); !dataset.Is(err, dataset.NotFound) {
		t.Errorf("Open of nothing = %v, want not found", err)
	}
}

func TestPublishNeedsFewBytesAnEntry(t *testing.T) {
	const n = 30_000
	m := newMemory()
	if _, err := writePart(t.Context(), m, 0, entriesOf(rand.New(rand.NewPCG(15, 15)), n, false)); err != nil {
		t.Fatal(err)
	}
	m.discard = true
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Publish(t.Context(), m, prefix, []int{0}, testMeta); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// Besides the entries, there is the index of one part at a time, and buffers.
	const fixed = n*rowSize + 1<<20
	if got := (float64(after.TotalAlloc-before.TotalAlloc) - fixed) / n; got > 64 {
		t.Errorf("%.1f bytes an entry, want at most 64", got)
	}
}

// TestCorruptionNamesTheFile changes, cuts and removes every file and reads all there is.
func TestCorruptionNamesTheFile(t *testing.T) {
	whole := newMemory()
	if _, err := writeGolden(t, whole); err != nil {
		t.Fatal(err)
	}
	readAll := func(m *memory) error {
		v, err := Open(t.Context(), m, prefix)
		if err != nil {
			return err
		}
		for _, o := range orders {
			if _, err := v.Page(t.Context(), PageQuery{Order: o, Limit: 10}, nil); err != nil {
				return err
			}
		}
		return v.WriteJSONL(t.Context(), &bytes.Buffer{}, nil)
	}
	// publishAgain is what reads the files of the parts.
	publishAgain := func(m *memory) error {
		delete(m.objects, prefix+manifestFile)
		_, err := publish(t.Context(), m, prefix, []int{0, 3}, testMeta, 2)
		return err
	}
	changes := map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"zeroed":  func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"emptied": func([]byte) []byte { return nil },
	}
	for key := range whole.objects {
		read := readAll
		if strings.HasSuffix(key, ".index") || strings.HasPrefix(strings.TrimPrefix(key, prefix), "part-") && strings.HasSuffix(key, ".json") {
			read = publishAgain
		}
		if strings.Contains(key, "rejected-") {
			continue // is never read here
		}
		for name, change := range changes {
			m := whole.clone()
			m.change(t, key, change)
			if name == "cut" && strings.HasSuffix(key, manifestFile) {
				m.change(t, key, change) // its last byte is only a line end
			}
			if err := read(m); !dataset.Is(err, dataset.Internal) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s: %v, want internal naming it", key, name, err)
			}
		}
		m := whole.clone()
		delete(m.objects, key)
		err := read(m)
		if strings.HasSuffix(key, ".json") {
			if !dataset.Is(err, dataset.NotFound) {
				t.Errorf("%s missing: %v, want not found", key, err)
			}
		} else if !dataset.Is(err, dataset.Internal) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s missing: %v, want internal naming it", key, err)
		}
	}
}

func TestPartThatDoesNotAddUpIsNotPublished(t *testing.T) {
	m := newMemory()
	if _, err := writeGolden(t, m); err != nil {
		t.Fatal(err)
	}
	delete(m.objects, prefix+manifestFile)
	m.change(t, prefix+"part-00000.json", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"size":1452`), []byte(`"size":1453`), 1)
	})
	_, err := Publish(t.Context(), m, prefix, []int{0, 3}, testMeta)
	if !dataset.Is(err, dataset.Internal) || !strings.Contains(err.Error(), "part-00000.index") {
		t.Errorf("Publish = %v, want internal naming the index", err)
	}
}

func TestQualityCounts(t *testing.T) {
	for _, c := range []struct {
		score float64
		class string
		step  int
	}{
		{0, "low", 0},
		{0.05, "low", 1},
		{0.5999, "low", 11},
		{0.6, "medium", 12},
		{0.7999, "medium", 15},
		{0.8, "high", 16},
		{1, "high", 19},
	} {
		var q quality
		q.add(c.score, 1)
		s := q.summary(1)
		if s.Distribution[c.class] != 1 || s.Histogram[c.step] != 1 || s.AverageScore != c.score {
			t.Errorf("score %v: %+v, want it %s in step %d", c.score, s, c.class, c.step)
		}
	}
}

func TestCategoriesComeBackUnchanged(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	entries := entriesOf(r, 6, false)
	for i, name := range []string{"", "<&>", "\u2028", "\"\\", "\x00", "é"} {
		entries[i].Category = name
	}
	v := publishEntries(t, newMemory(), entries, 6, 8)
	for _, e := range entries {
		checkPage(t, v, nil, entries, PageQuery{Order: ByCategory, Limit: 10, Category: &e.Category})
	}
}
