package quality

// SignatureSize is how many hashes a signature has.
const SignatureSize = 128

// The hash functions are h(x) = a·x + b modulo 2^32 with odd a. Shingles are mixed well already, so that
// the order of h is random enough; minhash_test.go holds the estimate against the similarity. A signature
// is made of the first SignatureSize, the bands of Duplicates of all.
var factors, offsets = hashFunctions()

func hashFunctions() (a, b [bands * rows]uint32) {
	x := uint64(0x2545f4914f6cdd1d) // any seed; another one makes signatures incomparable
	next := func() uint32 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return uint32(x >> 32)
	}
	for i := range a {
		a[i], b[i] = next()|1, next()
	}
	return a, b
}

// Sign writes the MinHash signature of a list of shingles: the share of places in which two signatures agree
// is an estimate of the similarity of their lists (standard error 0.035 at 0.8). The signature of no shingles
// is all ones. Signatures are comparable between machines and versions of the program.
func Sign(shingles []uint32, signature *[SignatureSize]uint32) {
	for i := 0; i < SignatureSize; i += 4 {
		h := sign4(shingles, i)
		copy(signature[i:i+4], h[:])
	}
}

// sign4 computes hashes i to i+3 of a signature: four chains at a time keep the processor busy.
func sign4(shingles []uint32, i int) [4]uint32 {
	a0, a1, a2, a3 := factors[i], factors[i+1], factors[i+2], factors[i+3]
	b0, b1, b2, b3 := offsets[i], offsets[i+1], offsets[i+2], offsets[i+3]
	m0, m1, m2, m3 := ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)
	for _, s := range shingles {
		m0 = min(m0, a0*s+b0)
		m1 = min(m1, a1*s+b1)
		m2 = min(m2, a2*s+b2)
		m3 = min(m3, a3*s+b3)
	}
	return [4]uint32{m0, m1, m2, m3}
}
