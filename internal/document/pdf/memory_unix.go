//go:build unix

package pdf

import "syscall"

// memory is one reservation for the life of an instance: growing never copies, pages that were not touched cost
// nothing, and Free gives all back at once.
type memory struct{ reserved, used []byte }

func newMemory(limit int) *memory {
	b, err := syscall.Mmap(-1, 0, limit, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return &memory{} // which cannot grow: the instance does not start
	}
	return &memory{reserved: b}
}

func (m *memory) bytes() []byte { return m.used }

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	m.used = m.reserved[:size:size]
	return m.used
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() {
	if m.reserved != nil {
		_ = syscall.Munmap(m.reserved)
	}
	m.reserved, m.used = nil, nil
}
