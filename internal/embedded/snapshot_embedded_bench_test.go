package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/embedded"
	"compileo/internal/snapshot"
)

// BenchmarkSnapshotPage reads pages of 50 entries by quality, far into the version and at its begin, as people
// leaf through a dataset. What a page costs should not depend on how many entries there are.
func BenchmarkSnapshotPage(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		store, err := embedded.Open(b.TempDir(), embedded.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close() })
		v := publish(b, store.Blobs(), n)
		const limit = 50
		for name, offset := range map[string]func() int{
			"first": func() int { return 0 }, "any": func() int { return rand.IntN(n/limit) * limit },
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					page, err := v.Page(b.Context(), snapshot.PageQuery{Order: snapshot.ByQuality, Offset: offset(), Limit: limit}, nil)
					if err != nil || len(page.Entries) != limit {
						b.Fatalf("a page of %d entries, %v", len(page.Entries), err)
					}
				}
			})
		}
	}
}

// publish makes a version of n entries of about 1 KB, in parts of the usual size.
func publish(b *testing.B, blobs dataset.Blobs, n int) *snapshot.Version {
	b.Helper()
	const prefix = "versions/local/d/j/"
	random := rand.New(rand.NewPCG(1, uint64(n)))
	answer := strings.Repeat("An answer has some words. ", 30)
	var parts []int
	for first := 0; first < n; first += dataset.MaxPart {
		w, err := snapshot.NewPart(b.Context(), blobs, prefix, len(parts))
		if err != nil {
			b.Fatal(err)
		}
		for i := first; i < min(first+dataset.MaxPart, n); i++ {
			if err := w.Add(&dataset.Entry{
				ID: snapshot.EntryID(i), Question: fmt.Sprintf("What does part %d say?", i), Answer: answer[:300+random.IntN(400)],
				Category: dataset.Uncategorized, Difficulty: dataset.Beginner, Split: "train",
				QualityScore: float64(random.IntN(10_001)) / 10_000,
			}); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		parts = append(parts, len(parts))
	}
	if _, err := snapshot.Publish(b.Context(), blobs, prefix, parts, snapshot.Meta{}); err != nil {
		b.Fatal(err)
	}
	v, err := snapshot.Open(b.Context(), blobs, prefix)
	if err != nil {
		b.Fatal(err)
	}
	return v
}
