package quality

import (
	"cmp"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Item is what Duplicates needs of an entry: its Shingles and its score.
type Item struct {
	Shingles []uint32
	Score    float64
}

// Items that agree in all rows of a band are compared. With 24 bands of 8 rows a pair of similarity 0.80 is
// found with probability 0.988, of 0.85 with 0.9995; one of 0.3, as entries on one subject have, is compared
// in vain once in 600 times, so that buckets stay small among millions.
const (
	rows  = 8
	bands = 24
)

// maxCompared bounds, in each band, the different items that one item is compared with, so that texts made
// to collide cannot cost their square. Honest data stay far below it.
const maxCompared = 12

// maxWorkers bounds the memory for the bands that are at work at a time.
const maxWorkers = 8

// Duplicates finds clusters of items, each of which is similar to another by MinSimilarity or more (by exact
// comparison of their shingles, the signatures only propose pairs), keeps the best scored of each cluster (of
// equal scores the first), and returns for each item the index of the one kept in its place, or -1 for those
// that are kept. Items without shingles are kept. Apart from ties the result does not depend on the order of
// the items, and never on the number of processors, all of which it uses. Besides the items it needs 40 bytes for
// each, and 16 more on each of at most maxWorkers processors. At most 1<<31 - 1 items.
func Duplicates(items []Item) []int {
	f := newForest(len(items))
	order, ranks := distinct(items, f)
	// Signing and sorting a band is most of the work and may be done at any time; what a bucket joins depends on what
	// was joined before, so the bands take turns at it.
	var turns [bands + 1]chan struct{}
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	close(turns[0])
	var next atomic.Int32
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		workers.Go(func() {
			entries := make([]bandEntry, 0, len(order))
			for band := int(next.Add(1)) - 1; band < bands; band = int(next.Add(1)) - 1 {
				entries = sortedBand(entries[:0], items, ranks, band)
				<-turns[band]
				for bucket := range buckets(entries) {
					unite(items, order, bucket, f)
				}
				close(turns[band+1])
			}
		})
	}
	workers.Wait()
	return kept(items, f)
}

type bandEntry struct {
	key  uint64
	rank int32 // in the order of distinct, which is the same whatever the order of the items
}

// sortedBand appends the entries of a band, those of equal keys together. It goes through the items as they lie in memory.
func sortedBand(entries []bandEntry, items []Item, ranks []int32, band int) []bandEntry {
	for i, rank := range ranks {
		if rank >= 0 {
			entries = append(entries, bandEntry{key: bandKey(items[i].Shingles, band), rank: rank})
		}
	}
	slices.SortFunc(entries, func(a, b bandEntry) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return cmp.Compare(a.rank, b.rank)
	})
	return entries
}

// buckets are the runs of two or more entries with one key.
func buckets(entries []bandEntry) iter.Seq[[]bandEntry] {
	return func(yield func([]bandEntry) bool) {
		for start := 0; start < len(entries); {
			end := start + 1
			for end < len(entries) && entries[end].key == entries[start].key {
				end++
			}
			if end-start > 1 && !yield(entries[start:end]) {
				return
			}
			start = end
		}
	}
}

// bandKey hashes the rows of a band. Only these are computed: no signature is kept.
func bandKey(shingles []uint32, band int) uint64 {
	k := uint64(band)
	for i := 0; i < rows; i += 4 {
		for _, x := range sign4(shingles, band*rows+i) {
			k = (k ^ uint64(x)) * 0x9e3779b97f4a7c15
			k ^= k >> 29
		}
	}
	return k
}

// unite compares the items of a bucket, each with the first of every cluster met so far.
func unite(items []Item, order []int32, bucket []bandEntry, f forest) {
	var heads []int32
	for _, e := range bucket {
		i := order[e.rank]
		known := false
		for _, head := range heads {
			if f.find(i) == f.find(head) {
				known = true
			} else if alike(items[i].Shingles, items[head].Shingles) {
				f.join(i, head)
				known = true
			}
		}
		if !known && len(heads) < maxCompared {
			heads = append(heads, i)
		}
	}
}

// distinct joins items with the same shingles, and returns one of each in an order that depends on the shingles
// only, and for each item its place in it or -1. Thus any number of copies costs no more than sorting them.
func distinct(items []Item, f forest) (order, ranks []int32) {
	type keyed struct {
		key uint64
		i   int32
	}
	all := make([]keyed, 0, len(items))
	for i := range items {
		if len(items[i].Shingles) == 0 {
			continue
		}
		k := uint64(len(items[i].Shingles))
		for _, s := range items[i].Shingles {
			k = (k ^ uint64(s)) * 0x9e3779b97f4a7c15
			k ^= k >> 29
		}
		all = append(all, keyed{k, int32(i)})
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return cmp.Compare(a.i, b.i)
	})
	// Lists that differ under one key, should there ever be some, are not joined here, but compared later.
	order, ranks = make([]int32, 0, len(all)), make([]int32, len(items))
	for i := range ranks {
		ranks[i] = -1
	}
	for n, k := range all {
		if n > 0 && k.key == all[n-1].key && slices.Equal(items[k.i].Shingles, items[all[n-1].i].Shingles) {
			f.join(k.i, all[n-1].i)
			continue
		}
		ranks[k.i] = int32(len(order))
		order = append(order, k.i)
	}
	return order, ranks
}

// kept chooses the best item of each cluster.
func kept(items []Item, f forest) []int {
	best := make([]int32, len(items))
	for i := range best {
		best[i] = -1
	}
	for i := range items {
		root := f.find(int32(i))
		if b := best[root]; b < 0 || items[i].Score > items[b].Score {
			best[root] = int32(i)
		}
	}
	result := make([]int, len(items))
	for i := range result {
		result[i] = int(best[f.find(int32(i))])
		if result[i] == i {
			result[i] = -1
		}
	}
	return result
}

// forest is a union-find structure: the parent of each item, itself for a root.
type forest []int32

func newForest(n int) forest {
	f := make(forest, n)
	for i := range f {
		f[i] = int32(i)
	}
	return f
}

// find returns the root of an item and halves the way to it.
func (f forest) find(i int32) int32 {
	for f[i] != i {
		f[i] = f[f[i]]
		i = f[i]
	}
	return i
}

// join makes two clusters one. The smaller index becomes the root, so that no rank need be kept.
func (f forest) join(a, b int32) {
	a, b = f.find(a), f.find(b)
	if a < b {
		f[b] = a
	} else {
		f[a] = b
	}
}
