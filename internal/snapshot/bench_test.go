package snapshot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// benchEntry is an entry of about 1.3 KB, as those of a question and an answer with one quote are.
func benchEntry(r *rand.Rand, ordinal int) *dataset.Entry {
	e := randomEntry(r, ordinal)
	e.QualityScore = float64(r.IntN(10_001)) / 10_000
	e.Answer = strings.Repeat("An answer has some words. ", 12)
	e.Evidence = []dataset.Evidence{{
		DocumentID: "0b9a1d3c-6b0e-8c1e-9f2b-2f1f6f0c6c11", Document: "handbook.md", Start: 1203, End: 1403,
		ChunkID: "0b9a1d3c-6b0e-8c1e-9f2b-2f1f6f0c6c11-a1b2c3d4e5f6-17", Quote: strings.Repeat("Words of a quote. ", 11),
	}}
	e.Metadata = dataset.Metadata{
		Model: "extractive", GenerationTime: testMeta.Created, ChunkLength: 1250, HeadingPath: []string{"Guide", "Setting up"},
		Mode: dataset.QuestionAnswer, PromptHash: "0123456789abcdef0123456789abcdef", Seed: 1, Rule: "definition",
	}
	return e
}

// benchVersion publishes n small entries in parts of MaxPart.
func benchVersion(b *testing.B, m *memory, n int) []int {
	b.Helper()
	r := rand.New(rand.NewPCG(20, uint64(n)))
	var parts []int
	for first := 0; first < n; first += dataset.MaxPart {
		w, err := NewPart(b.Context(), m, prefix, len(parts))
		if err != nil {
			b.Fatal(err)
		}
		for i := first; i < min(first+dataset.MaxPart, n); i++ {
			e := randomEntry(r, i)
			e.QualityScore = float64(r.IntN(10_001)) / 10_000
			if err := w.Add(e); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		parts = append(parts, len(parts))
	}
	return parts
}

func openBench(b *testing.B, n int) (*Version, *memory) {
	b.Helper()
	m := newMemory()
	if _, err := Publish(b.Context(), m, prefix, benchVersion(b, m, n), Meta{}); err != nil {
		b.Fatal(err)
	}
	v, err := Open(b.Context(), m, prefix)
	if err != nil {
		b.Fatal(err)
	}
	return v, m
}

func BenchmarkPartWriter(b *testing.B) {
	r := rand.New(rand.NewPCG(21, 21))
	entries := make([]*dataset.Entry, 1_000)
	for i := range entries {
		entries[i] = benchEntry(r, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		info, err := writePart(b.Context(), &memory{discard: true, objects: map[string][]byte{}}, 0, entries)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(info.Lines.Size)
	}
}

// BenchmarkPublish reports all memory that it asks for, which bounds what it needs, in bytes an entry.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := newMemory()
			parts := benchVersion(b, m, n)
			for key := range m.objects {
				if strings.HasSuffix(key, ".jsonl") {
					m.objects[key] = nil // not read
				}
			}
			m.discard = true
			written := len(m.objects)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				if _, err := Publish(b.Context(), m, prefix, parts, Meta{}); err != nil {
					b.Fatal(err)
				}
				if len(m.objects) != written+5 {
					b.Fatalf("%d objects written, want 5", len(m.objects)-written)
				}
				for _, o := range orders {
					delete(m.objects, prefix+o.file())
				}
				delete(m.objects, prefix+manifestFile)
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(n), "B/entry")
		})
	}
}

func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		v, m := openBench(b, n)
		for _, delay := range []time.Duration{0, 15 * time.Millisecond} {
			m.delay = delay
			for _, limit := range []int{50, 250} {
				for _, q := range []PageQuery{
					{Order: ByQuality},
					{Order: ByQuality, Offset: n - limit},
					{Order: ByQuality, Offset: n/2 - limit, MinQuality: new(0.45)},
				} {
					q.Limit = limit
					name := fmt.Sprintf("%d/delay=%v/limit=%d/offset=%d/filter=%v", n, delay, limit, q.Offset, q.MinQuality != nil)
					b.Run(name, func(b *testing.B) { benchPage(b, v, q, nil) })
				}
			}
		}
		m.delay = 0
	}
}

func BenchmarkScan(b *testing.B) {
	v, _ := openBench(b, 1_000_000)
	benchPage(b, v, PageQuery{Order: ByQuality, Limit: 50, Category: new("Zoology")}, nil)
}

func BenchmarkPageUnderEdits(b *testing.B) {
	v, _ := openBench(b, 100_000)
	r := rand.New(rand.NewPCG(22, 22))
	edits := make([]Edit, MaxEdits)
	for i := range edits {
		e, err := v.NewEdit(b.Context(), i*10, randomEntry(r, i*10))
		if err != nil {
			b.Fatal(err)
		}
		edits[i] = e
	}
	b.Run("overlay", func(b *testing.B) {
		for b.Loop() {
			if _, err := v.Overlay(edits); err != nil {
				b.Fatal(err)
			}
		}
	})
	o, err := v.Overlay(edits)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("page", func(b *testing.B) { benchPage(b, v, PageQuery{Order: ByQuality, Offset: 60_000, Limit: 50}, o) })
}

func benchPage(b *testing.B, v *Version, q PageQuery, o *Overlay) {
	for b.Loop() {
		p, err := v.Page(b.Context(), q, o)
		if err != nil || len(p.Entries) != q.Limit {
			b.Fatalf("%d entries, %v", len(p.Entries), err)
		}
	}
}

func BenchmarkNewEdit(b *testing.B) {
	v, _ := openBench(b, 1_000_000)
	r := rand.New(rand.NewPCG(23, 23))
	for b.Loop() {
		n := r.IntN(1_000_000)
		if _, err := v.NewEdit(b.Context(), n, randomEntry(r, n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	_, m := openBench(b, 1_000_000)
	b.SetBytes(int64(len(m.objects[prefix+manifestFile])))
	for b.Loop() {
		if _, err := Open(context.Background(), m, prefix); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJSONL(b *testing.B) {
	r := rand.New(rand.NewPCG(24, 24))
	entries := make([]*dataset.Entry, 20_000)
	for i := range entries {
		entries[i] = benchEntry(r, i)
	}
	v := publishEntries(b, newMemory(), entries, 10_000, fenceRows)
	var size bytes.Buffer
	if err := v.WriteJSONL(b.Context(), &size, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.WriteJSONL(b.Context(), io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
