package snapshot

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sort"

	"compileo/internal/dataset"
)

// Version reads a published version. It never changes and is safe for concurrent use.
type Version struct {
	blobs    dataset.Blobs
	name     string // of the manifest: what edits say they lie over
	manifest *Manifest
	names    []string // of the categories, sorted
	starts   []int    // where each category begins in ByCategory; one more for the end
	levels   []int    // where each level begins in ByDifficulty; one more for the end
	scanRows int      // rows of one read of a scan
}

// Open opens the version under prefix by reading its manifest; NotFound when it was not published.
func Open(ctx context.Context, blobs dataset.Blobs, prefix string) (*Version, error) {
	m, err := readManifest(ctx, blobs, prefix)
	if err != nil {
		return nil, err
	}
	return newVersion(blobs, prefix, m), nil
}

func newVersion(blobs dataset.Blobs, prefix string, m *Manifest) *Version {
	v := &Version{blobs: blobs, name: prefix + manifestFile, manifest: m, scanRows: 1 << 15}
	v.names = slices.Sorted(maps.Keys(m.QualitySummary.Categories))
	v.starts = starts(v.names, m.QualitySummary.Categories)
	v.levels = starts(dataset.Difficulties, m.Difficulties)
	return v
}

func starts(names []string, counts map[string]int) []int {
	s := make([]int, len(names)+1)
	for i, name := range names {
		s[i+1] = s[i] + counts[name]
	}
	return s
}

// Manifest returns what the version says of itself; it must not be changed.
func (v *Version) Manifest() *Manifest { return v.manifest }

// Entry returns the published entry with that ordinal, in two reads; NotFound when there is none.
func (v *Version) Entry(ctx context.Context, ordinal int) (json.RawMessage, error) {
	_, r, err := v.find(ctx, ordinal)
	if err != nil {
		return nil, err
	}
	lines, err := v.fetch(ctx, []item{{row: r}})
	if err != nil {
		return nil, err
	}
	return lines[0], nil
}

// find returns the row of an entry and its rank in ByNumber.
func (v *Version) find(ctx context.Context, ordinal int) (int, row, error) {
	lo, hi := v.bounds(ByNumber, key{ordinal: ordinal})
	rows, err := v.readRange(ctx, ByNumber, lo, min(hi+1, v.manifest.Entries))
	if err != nil {
		return 0, row{}, err
	}
	i, err := rows.search(key{ordinal: ordinal})
	if err != nil {
		return 0, row{}, err
	}
	if i < rows.len() {
		if r, err := rows.at(i); err != nil || int(r.ordinal) == ordinal {
			return lo + i, r, err
		}
	}
	return 0, row{}, dataset.Errorf(dataset.NotFound, "there is no %s in this version", EntryID(ordinal))
}

// rank returns how many rows of the order sort before k. It needs one read at most.
func (v *Version) rank(ctx context.Context, o Order, k key) (int, error) {
	lo, hi := v.bounds(o, k)
	rows, err := v.readRange(ctx, o, lo, hi)
	if err != nil {
		return 0, err
	}
	i, err := rows.search(k)
	return lo + i, err
}

// bounds returns the lowest and the highest rank that k may have in the order, by manifest alone.
func (v *Version) bounds(o Order, k key) (lo, hi int) {
	lo, hi = v.run(o, k)
	f := &v.manifest.Fences
	ordinals := f.Ordinals[o]
	if lo == hi || len(ordinals) == 0 {
		return lo, hi
	}
	first, last := (lo+f.Rows-1)/f.Rows, (hi+f.Rows-1)/f.Rows // the fences within the run
	if first >= last {
		return lo, hi
	}
	i := first + sort.Search(last-first, func(i int) bool {
		i += first
		if o == ByQuality && f.Qualities[i] != k.quality {
			return f.Qualities[i] < k.quality
		}
		return int(ordinals[i]) >= k.ordinal
	})
	below, above := i > first, i < last // whether there is a fence before k, and one that is not
	at := (i - 1) * f.Rows
	if below {
		lo = at + 1
	}
	if above {
		hi = min(hi, i*f.Rows)
	}
	if o != ByQuality { // ordinals ascend, each by one or more: where none is missing this gives the very rank
		if below {
			hi = min(hi, at+k.ordinal-int(ordinals[i-1]))
		}
		if above {
			lo = max(lo, i*f.Rows-(int(ordinals[i])-k.ordinal))
		}
	}
	return lo, max(lo, hi)
}

// run returns the rows of the order that share what k is sorted by before its ordinal; an empty run is
// where they would be. In ByQuality, where that is not known, and in ByNumber it is all rows.
func (v *Version) run(o Order, k key) (lo, hi int) {
	switch o {
	case ByCategory:
		i, found := slices.BinarySearch(v.names, k.category)
		if !found {
			return v.starts[i], v.starts[i]
		}
		return v.starts[i], v.starts[i+1]
	case ByDifficulty:
		return v.levels[k.level], v.levels[k.level+1]
	}
	return 0, v.manifest.Entries
}

// Summary returns the number of entries and the distribution of their scores, edits included.
func (v *Version) Summary(overlay *Overlay) (int, dataset.QualitySummary) {
	n := v.manifest.Entries
	var q quality
	q.from(v.manifest.QualitySummary, n)
	categories := maps.Clone(v.manifest.QualitySummary.Categories)
	for _, e := range overlay.all() {
		n--
		q.add(e.before.quality, -1)
		categories[e.before.category]--
		if !e.Deleted {
			n++
			q.add(e.after.quality, 1)
			categories[e.after.category]++
		}
	}
	s := q.summary(n)
	maps.DeleteFunc(categories, func(_ string, n int) bool { return n == 0 })
	s.Categories = categories
	return n, s
}
