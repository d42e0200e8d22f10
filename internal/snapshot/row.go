package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"

	"compileo/internal/dataset"
)

// rowSize is the width of a row in bytes. Big endian: ordinal 4, part 2, level 1, flags 1, offset 8,
// length 4, category 4, quality 8 (the bits of the float).
const rowSize = 32

// flagged marks an entry whose quality names a fault.
const flagged = 1

func flagsOf(f bool) uint8 {
	if f {
		return flagged
	}
	return 0
}

// row says where an entry is and what it is sorted and filtered by. In a part's index, part is the number
// of the part and category an index into PartInfo.Categories; in a version's files, part is an index into
// Manifest.Parts and category one into the sorted names of the categories.
type row struct {
	quality  float64
	offset   int64
	ordinal  uint32
	length   uint32 // bytes of the line, its end included
	category uint32
	part     uint16
	level    uint8
	flags    uint8
}

func appendRow(b []byte, r row) []byte {
	b = binary.BigEndian.AppendUint32(b, r.ordinal)
	b = binary.BigEndian.AppendUint16(b, r.part)
	b = append(b, r.level, r.flags)
	b = binary.BigEndian.AppendUint64(b, uint64(r.offset))
	b = binary.BigEndian.AppendUint32(b, r.length)
	b = binary.BigEndian.AppendUint32(b, r.category)
	return binary.BigEndian.AppendUint64(b, math.Float64bits(r.quality))
}

var errRow = errors.New("a row does not make sense")

// decodeRow reads the first row of b. It checks what can be checked without the manifest.
func decodeRow(b []byte) (row, error) {
	if len(b) < rowSize {
		return row{}, errRow
	}
	r := row{
		ordinal:  binary.BigEndian.Uint32(b),
		part:     binary.BigEndian.Uint16(b[4:]),
		level:    b[6],
		flags:    b[7],
		offset:   int64(binary.BigEndian.Uint64(b[8:])),
		length:   binary.BigEndian.Uint32(b[16:]),
		category: binary.BigEndian.Uint32(b[20:]),
		quality:  math.Float64frombits(binary.BigEndian.Uint64(b[24:])),
	}
	switch {
	case r.ordinal > MaxOrdinal, int(r.level) >= len(dataset.Difficulties), r.flags > flagged,
		r.offset < 0, r.offset > math.MaxInt64-MaxLine, r.length == 0, r.length > MaxLine,
		r.category >= MaxCategories, !isShare(r.quality):
		return row{}, errRow
	}
	return r, nil
}

// isShare reports whether v is a number from 0 to 1; NaN is none.
func isShare(v float64) bool { return v >= 0 && v <= 1 }

// key is what an entry is sorted and filtered by.
type key struct {
	quality  float64
	category string
	level    int
	ordinal  int
	flagged  bool
}

// keyOf returns the key of an entry, or an Invalid error when it cannot be kept.
func keyOf(e *dataset.Entry) (key, error) {
	ordinal, err := Ordinal(e.ID)
	if err != nil {
		return key{}, err
	}
	l := factsOf(e)
	return l.key(ordinal)
}

// compare orders keys as order does; 0 only for the same entry.
func compare(order Order, a, b key) int {
	c := 0
	switch order {
	case ByQuality:
		c = cmp.Compare(b.quality, a.quality)
	case ByCategory:
		c = cmp.Compare(a.category, b.category)
	case ByDifficulty:
		c = cmp.Compare(a.level, b.level)
	}
	if c != 0 {
		return c
	}
	return cmp.Compare(a.ordinal, b.ordinal)
}
