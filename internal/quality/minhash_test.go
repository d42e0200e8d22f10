package quality

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// twoLists returns sorted lists of n hashes each, of which about share are common.
func twoLists(r *rand.Rand, n int, share float64) (a, b []uint32) {
	for range n {
		x := r.Uint32()
		a = append(a, x)
		if r.Float64() >= share {
			x = r.Uint32()
		}
		b = append(b, x)
	}
	return sorted(a), sorted(b)
}

func TestSignEstimatesSimilarity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, share := range []float64{0, 0.3, 0.6, 0.9, 1} {
		sum, worst, n := 0.0, 0.0, 300
		for range n {
			a, b := twoLists(r, 80, share)
			var sa, sb [SignatureSize]uint32
			Sign(a, &sa)
			Sign(b, &sb)
			same := 0
			for i := range sa {
				if sa[i] == sb[i] {
					same++
				}
			}
			d := float64(same)/SignatureSize - similarity(a, b)
			sum += d
			worst = max(worst, math.Abs(d))
		}
		if mean := sum / float64(n); math.Abs(mean) > 0.015 || worst > 0.25 {
			t.Errorf("common share %.1f: mean error %.4f, worst %.3f", share, mean, worst)
		}
	}
}

func TestSign(t *testing.T) {
	var empty, one, two [SignatureSize]uint32
	Sign(nil, &empty)
	if empty[0] != math.MaxUint32 || empty[SignatureSize-1] != math.MaxUint32 {
		t.Error("signature of no shingles is not all ones")
	}
	Sign([]uint32{7, 9}, &one)
	Sign([]uint32{9, 7, 7}, &two)
	if one != two {
		t.Error("the signature depends on order or repetition")
	}
	// Signatures are stored: they must not change unnoticed.
	if got, want := [3]uint32{one[0], one[64], one[127]}, [3]uint32{1597932010, 825895597, 58506611}; got != want {
		t.Errorf("signature is %v, was %v", got, want)
	}
}

func TestSimilarity(t *testing.T) {
	for _, c := range []struct {
		a, b []uint32
		want float64
	}{
		{nil, nil, 0},
		{nil, []uint32{1}, 0},
		{[]uint32{1}, []uint32{1}, 1},
		{[]uint32{1, 2, 3, 4, 5}, []uint32{1, 2, 3, 4}, 0.8},
		{[]uint32{1, 3}, []uint32{2, 4}, 0},
	} {
		if got := similarity(c.a, c.b); got != c.want || similarity(c.b, c.a) != got {
			t.Errorf("similarity(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		a, b := twoLists(r, 1+r.IntN(60), 0.6+0.4*r.Float64())
		b = b[:len(b)-r.IntN(len(b)/4+1)]
		if got, want := alike(a, b), similarity(a, b) >= MinSimilarity; got != want {
			t.Fatalf("alike = %v at similarity %v", got, similarity(a, b))
		}
	}
}

func BenchmarkSign(b *testing.B) {
	list, _ := twoLists(rand.New(rand.NewPCG(1, 1)), 80, 0)
	var s [SignatureSize]uint32
	for b.Loop() {
		Sign(list, &s)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
	if slices.Max(s[:]) == 0 {
		b.Fatal("empty signature")
	}
}
