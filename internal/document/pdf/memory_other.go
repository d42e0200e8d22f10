//go:build !unix

package pdf

// memory grows by copying, where the system's way to reserve memory is not known.
type memory struct {
	limit int
	used  []byte
}

func newMemory(limit int) *memory { return &memory{limit: limit} }

func (m *memory) bytes() []byte { return m.used }

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(m.limit) {
		return nil
	}
	if size > uint64(cap(m.used)) {
		grown := make([]byte, size, min(uint64(m.limit), size+size/2))
		copy(grown, m.used)
		m.used = grown
	}
	m.used = m.used[:size]
	return m.used
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() { m.used = nil }
