package snapshot

import (
	"cmp"
	"context"
	"slices"

	"compileo/internal/dataset"
)

// write writes the rows in all orders, with the fences.
func (t *table) write(ctx context.Context, blobs dataset.Blobs, prefix string, m *Manifest) error {
	if len(t.rows) == 0 {
		return nil
	}
	sorted := make([]uint32, len(t.rows))
	for _, o := range orders {
		t.sort(o, sorted)
		file, err := t.writeOrder(ctx, blobs, prefix, o, sorted, &m.Fences)
		if err != nil {
			return err
		}
		m.Orders[o] = file
	}
	return nil
}

// sort fills sorted with the numbers of the rows in the given order. Rows stand in order of their ordinals,
// so numbers break ties, and whatever is stable leaves them right.
func (t *table) sort(o Order, sorted []uint32) {
	switch o {
	case ByCategory:
		t.sortGroups(sorted, len(t.names), func(r *row) int { return int(r.category) })
		return
	case ByDifficulty:
		t.sortGroups(sorted, len(dataset.Difficulties), func(r *row) int { return int(r.level) })
		return
	}
	for i := range sorted {
		sorted[i] = uint32(i)
	}
	if o == ByQuality {
		slices.SortFunc(sorted, func(a, b uint32) int {
			if c := cmp.Compare(t.rows[b].quality, t.rows[a].quality); c != 0 {
				return c
			}
			return cmp.Compare(a, b)
		})
	}
}

// sortGroups is a counting sort.
func (t *table) sortGroups(sorted []uint32, groups int, group func(*row) int) {
	next := make([]int, groups+1)
	for i := range t.rows {
		next[group(&t.rows[i])+1]++
	}
	for g := range groups {
		next[g+1] += next[g]
	}
	for i := range t.rows {
		g := group(&t.rows[i])
		sorted[next[g]] = uint32(i)
		next[g]++
	}
}

func (t *table) writeOrder(
	ctx context.Context, blobs dataset.Blobs, prefix string, o Order, sorted []uint32, f *fences,
) (dataset.File, error) {
	w, err := createObject(ctx, blobs, prefix, o.file())
	if err != nil {
		return dataset.File{}, err
	}
	defer w.abort()
	var b [rowSize]byte
	for i, n := range sorted {
		r := t.rows[n]
		if i%f.Rows == 0 {
			f.Ordinals[o] = append(f.Ordinals[o], r.ordinal)
			if o == ByQuality {
				f.Qualities = append(f.Qualities, r.quality)
			}
		}
		if err := w.add(appendRow(b[:0], r)); err != nil {
			return dataset.File{}, err
		}
	}
	return w.commit(ctx)
}
