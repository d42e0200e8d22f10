package quality

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestDuplicates(t *testing.T) {
	item := func(score float64, question, answer string) Item {
		return Item{Shingles: Shingles(qa(question, answer)), Score: score}
	}
	p := paraphrases[0]
	items := []Item{
		item(0.5, p[0], p[2]),
		item(0.9, p[1], p[2]), // better, one word differs
		item(0.9, siblings[0][0], siblings[0][1]),
		item(0.9, siblings[0][2], siblings[0][3]),
		item(0.9, "which PORT does the harbor server listen on when no flag is given", "8080!"), // 0 again
		item(0.2, "…", "?"),
		item(0.2, "…", "?"), // nothing to compare
	}
	want := []int{1, -1, -1, -1, 1, -1, -1}
	if got := Duplicates(items); !reflect.DeepEqual(got, want) {
		t.Errorf("Duplicates = %v, want %v", got, want)
	}
	if got := Duplicates(nil); len(got) != 0 {
		t.Errorf("Duplicates(nil) = %v", got)
	}
}

// variants returns groups of items: a base each, and items that share at least 90 of its 100 shingles.
func variants(r *rand.Rand, groups, each int) (items []Item, group []int) {
	for g := range groups {
		base := make([]uint32, 100)
		for i := range base {
			base[i] = r.Uint32()
		}
		for range each {
			list := slices.Clone(base)
			for range r.IntN(6) {
				list[r.IntN(len(list))] = r.Uint32()
			}
			items = append(items, Item{Shingles: sorted(list), Score: r.Float64()})
			group = append(group, g)
		}
	}
	return items, group
}

func TestDuplicatesFindsClusters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	items, group := variants(r, 400, 5)
	result := Duplicates(items)
	kept, best := 0, make([]float64, 400)
	for i := range items {
		best[group[i]] = max(best[group[i]], items[i].Score)
	}
	for i, of := range result {
		if of < 0 {
			kept++
			if items[i].Score != best[group[i]] {
				t.Errorf("group %d keeps score %v, best is %v", group[i], items[i].Score, best[group[i]])
			}
		} else if group[of] != group[i] || result[of] >= 0 {
			t.Errorf("item %d of group %d is said to repeat %d of group %d (%d)", i, group[i], of, group[of], result[of])
		}
	}
	if kept != 400 {
		t.Errorf("%d items kept, want one of each of 400 groups", kept)
	}
}

// The same items in any order give the same items kept.
func TestDuplicatesIgnoresOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	items, _ := variants(r, 100, 6)
	// Chains: neighbours are alike, ends are not.
	chain := make([]uint32, 60)
	for i := range chain {
		chain[i] = r.Uint32()
	}
	for range 40 {
		chain = slices.Clone(chain)
		for range 4 {
			chain[r.IntN(len(chain))] = r.Uint32()
		}
		items = append(items, Item{Shingles: sorted(slices.Clone(chain)), Score: r.Float64()})
	}
	want := map[float64]float64{} // score → score of what it repeats
	for i, of := range Duplicates(items) {
		if of >= 0 {
			want[items[i].Score] = items[of].Score
		}
	}
	for range 5 {
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		got := map[float64]float64{}
		for i, of := range Duplicates(items) {
			if of >= 0 {
				got[items[i].Score] = items[of].Score
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("another order gives %d duplicates, before %d", len(got), len(want))
		}
	}
}

// Any number of processors gives the same result, also where buckets have more items than are compared.
func TestDuplicatesIgnoresProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := rand.New(rand.NewPCG(8, 8))
	items, _ := variants(r, 50, 6)
	base := Shingles(qa(paraphrases[0][0], longText(40)))
	for range 500 {
		list := slices.Clone(base)
		for j := r.IntN(9); j < len(list); j += 7 + r.IntN(5) {
			list[j] = r.Uint32()
		}
		items = append(items, Item{Shingles: sorted(list), Score: r.Float64()})
	}
	r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	want := Duplicates(items)
	for _, n := range []int{2, 5, 2 * bands} {
		runtime.GOMAXPROCS(n)
		if got := Duplicates(items); !slices.Equal(got, want) {
			t.Errorf("%d processors give another result than one", n)
		}
	}
}

// What is called a duplicate is linked to what is kept by pairs that are really similar.
func TestDuplicatesAreSimilar(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var items []Item
	for range 300 {
		a, b := twoLists(r, 60, 0.7+0.3*r.Float64())
		items = append(items, Item{Shingles: a, Score: r.Float64()}, Item{Shingles: b, Score: r.Float64()})
	}
	missed, close := 0, 0
	for i, of := range Duplicates(items) {
		twin := i ^ 1
		s := similarity(items[i].Shingles, items[twin].Shingles)
		switch {
		case of >= 0 && (of != twin || s < MinSimilarity):
			t.Errorf("item %d repeats %d at similarity %.2f", i, of, s)
		case s >= MinSimilarity && items[i].Score < items[twin].Score:
			close++
			if of < 0 {
				missed++
			}
		}
	}
	if close < 50 || missed*50 > close {
		t.Errorf("%d of %d near-duplicates missed, want at most 2 %%", missed, close)
	}
}

func TestDuplicatesHostile(t *testing.T) {
	one := Shingles(qa(paraphrases[0][0], longText(60)))
	r := rand.New(rand.NewPCG(9, 9))
	same := make([]Item, 100_000)
	alikeAll := make([]Item, 4_000)    // all alike, no two the same
	nearlyAlike := make([]Item, 4_000) // all but alike: in one bucket often
	for i := range same {
		same[i] = Item{Shingles: one, Score: 0.5}
	}

	for i := range alikeAll {
		alikeAll[i] = Item{Shingles: sorted(append(slices.Clone(one), r.Uint32(), r.Uint32()))}
		list := slices.Clone(one)
		for j := 0; j < len(list); j += 8 {
			list[j+r.IntN(min(8, len(list)-j))] = r.Uint32()
		}
		nearlyAlike[i] = Item{Shingles: sorted(list)}
	}
	for _, c := range []struct {
		name  string
		items []Item
		kept  int
	}{{"same", same, 1}, {"alike", alikeAll, 1}, {"nearly alike", nearlyAlike, len(nearlyAlike)}} {
		start := time.Now()
		kept := 0
		for _, of := range Duplicates(c.items) {
			if of < 0 {
				kept++
			}
		}
		if c.name != "nearly alike" && kept != c.kept {
			t.Errorf("%s: %d kept, want %d", c.name, kept, c.kept)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
}

func BenchmarkDuplicates(b *testing.B) {
	for _, n := range []int{100_000, 2_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			items := manyItems(r, n)
			runtime.GC()
			runtime.ReadMemStats(&after)
			held := after.HeapAlloc - before.HeapAlloc
			b.ReportAllocs()
			b.ResetTimer()
			kept := 0
			for b.Loop() {
				kept = 0
				for _, of := range Duplicates(items) {
					if of < 0 {
						kept++
					}
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(held)/float64(n), "item-bytes/entry")
			b.ReportMetric(float64(kept)/float64(n), "kept-share")
		})
	}
}

// manyItems makes entries whose words come as often as in a language (the n-th with 1/n), one in twenty a
// near-duplicate.
func manyItems(r *rand.Rand, n int) []Item {
	items := make([]Item, 0, n)
	zipf := rand.NewZipf(r, 1.1, 4, 50_000)
	for len(items) < n {
		list := make([]uint32, 0, 90)
		before := uint64(0)
		for range 30 {
			w := zipf.Uint64() + 1
			list = append(list, mix(w, 1), mix(w, 2), mix(before, w))
			before = w
		}
		items = append(items, Item{Shingles: slices.Clone(sorted(list)), Score: r.Float64()})
		if r.IntN(20) == 0 {
			again := append(slices.Clone(list[3:]), r.Uint32())
			items = append(items, Item{Shingles: sorted(again), Score: r.Float64()})
		}
	}
	return items[:n]
}
