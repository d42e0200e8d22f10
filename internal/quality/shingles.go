package quality

import (
	"slices"
	"strings"

	"compileo/internal/dataset"
)

// MaxShingles is how many shingles an entry has at most (1 KiB of them): those with the smallest hashes,
// which are a fair sample of all.
const MaxShingles = 256

// MinSimilarity is the Jaccard similarity from which two entries are near-duplicates.
const MinSimilarity = 0.8

// Shingles returns the sorted, distinct hashes of the words of question and answer (each under two names, so
// that it weighs double; words with a digit, and code, under four) and of their pairs of neighbours. Case,
// signs and space do not count. An entry without words has none.
//
// One word said otherwise in a question of twelve leaves 0.8 or more; questions made alike about different
// things stay below. Smallest similarity of the former and largest of the latter over the pairs in
// shingles_test.go: these 0.81 and 0.71; character 5-grams 0.73 and 0.81; words alone 0.86 and 0.83; words
// and pairs alike 0.79 and 0.69; trigrams inside words 0.78 and 0.82.
func Shingles(e *dataset.Entry) []uint32 {
	list := make([]uint32, 0, 128)
	for _, text := range [...]string{e.Question, e.Input, e.Answer} {
		before := uint64(0)
		for s := newScanner(text); s.next(); {
			h := s.hash()
			list = append(list, mix(h, 1), mix(h, 2), mix(before, h))
			if s.number() || s.code() {
				list = append(list, mix(h, 3), mix(h, 4))
			}
			before = h
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.Clone(list[:min(len(list), MaxShingles)])
}

// hash hashes the scanner's word in lower case (FNV-1a).
func (s *scanner) hash() uint64 {
	word := s.text[s.start:s.end]
	if s.shape&foreign != 0 {
		word = strings.ToLower(word)
	}
	h := uint64(14695981039346656037)
	for i := range len(word) {
		h = (h ^ uint64(lower(word[i]))) * 1099511628211
	}
	return h
}

// mix hashes two numbers (the finalizer of splitmix64), the order of which counts.
func mix(a, b uint64) uint32 {
	x := a*0x9e3779b97f4a7c15 + b
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return uint32(x >> 32)
}

// similarity returns the Jaccard similarity of two sorted lists of distinct hashes, and 0 when either is empty.
func similarity(a, b []uint32) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	common := common(a, b, len(a)+len(b))
	return float64(common) / float64(len(a)+len(b)-common)
}

// alike reports whether the similarity of two lists is MinSimilarity or more: most pairs that are not are
// told apart before the end.
func alike(a, b []uint32) bool {
	// J ≥ 0.8 means 9·common ≥ 4·(len(a)+len(b)), so that at most a ninth of all hashes have no partner.
	all := len(a) + len(b)
	return all > 0 && 9*common(a, b, all/9) >= 4*all
}

// common counts the hashes that two lists share, and stops when more than alone of them have no partner.
func common(a, b []uint32, alone int) int {
	n, i, j := 0, 0, 0
	for i < len(a) && j < len(b) && i+j-2*n <= alone {
		x, y := a[i], b[j]
		if x == y {
			n++
		}
		if x <= y {
			i++
		}
		if y <= x {
			j++
		}
	}
	return n
}
