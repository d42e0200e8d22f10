// Package snapshot keeps the versions of a dataset on dataset.Blobs: immutable parts of JSON lines, an
// index over them in four orders, and a manifest that says what belongs together.
//
// A version is a folder of write-once objects:
//
//	part-00000.jsonl      entries, one JSON object a line, in order of their ordinals
//	part-00000.index      a row for each entry of the part
//	part-00000.json       PartInfo; written last, so a part is whole when it exists
//	rejected-00000.jsonl  entries left out, with "rejected" and "duplicate_of"
//	index                 rows of all entries by ordinal
//	by-quality, by-category, by-difficulty   the same rows in other orders
//	manifest.json         Manifest; written last, so a version is whole when it exists
//
// Files without content are not written. An order holds whole rows of fixed width, so any page is one range
// read of it and then the range reads of its entries, side by side: two rounds, whatever the page and the size.
//
// Every writing step is repeated after a crash and must then be given the same content. What is there
// already is compared with it and adopted; if it differs, that is an Internal error which names the file.
// So are all faults found on reading.
package snapshot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"compileo/internal/dataset"
)

// Limits on a version.
const (
	MaxEntries    = dataset.MaxCandidates
	MaxParts      = 1_000
	MaxCategories = 20_000 // distinct ones in a version
	MaxCategory   = 200    // bytes of a category's name
	MaxLine       = 256 << 10
	MaxPage       = 1_000     // entries of a page
	MaxEdits      = 10_000    // entries of a version with edits over them
	MaxOrdinal    = 1<<31 - 1 // of an entry
	MaxSource     = 16 << 20  // bytes of Manifest.Source
)

// Order is a way to sort a version. Ties are sorted by ordinal.
type Order string

// The orders.
const (
	ByNumber     Order = "number"     // ordinal of the entry
	ByQuality    Order = "quality"    // best first
	ByCategory   Order = "category"   // by code points
	ByDifficulty Order = "difficulty" // easiest first
)

var orders = [...]Order{ByNumber, ByQuality, ByCategory, ByDifficulty}

// index returns the order's place in the list of orders, -1 for none of them.
func (o Order) index() int { return slices.Index(orders[:], o) }

// file returns the name of the file with the rows in this order.
func (o Order) file() string {
	if o == ByNumber {
		return "index"
	}
	return "by-" + string(o)
}

const (
	idPrefix     = "entry_"
	manifestFile = "manifest.json"
)

// EntryID returns the id of the entry with that ordinal.
func EntryID(ordinal int) string { return idPrefix + strconv.Itoa(ordinal) }

// Ordinal reads an entry's id; Invalid when it is none.
func Ordinal(id string) (int, error) {
	digits, ok := strings.CutPrefix(id, idPrefix)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n > MaxOrdinal || strconv.Itoa(n) != digits {
		return 0, dataset.Errorf(dataset.Invalid, "%.60q is not an entry id: want %s<number>", id, idPrefix)
	}
	return n, nil
}

func partFile(number int, suffix string) string { return fmt.Sprintf("part-%05d.%s", number, suffix) }

func rejectedFile(number int) string { return fmt.Sprintf("rejected-%05d.jsonl", number) }

// corrupt is the error for a stored file that is not what was written.
func corrupt(key, format string, args ...any) error {
	return dataset.Errorf(dataset.Internal, "%s: %s", key, fmt.Sprintf(format, args...))
}

// reading is the error of a read of a file that has to be there: its absence is our fault, not the caller's.
func reading(key string, err error) error {
	if dataset.Is(err, dataset.NotFound) {
		return corrupt(key, "the file is missing")
	}
	return fmt.Errorf("read %s: %w", key, err)
}
