package snapshot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"
)

// How entries are read: those nearer to each other than maxGap in one read of up to about maxSpan bytes, and
// maxReads of them at a time. A page of up to maxReads entries is one round of reads.
const (
	maxGap   = 8 << 10
	maxSpan  = 1 << 20
	maxReads = 256
)

// rowRange is a stretch of the rows of an order, decoded one by one as they are looked at.
type rowRange struct {
	v     *Version
	order Order
	first int // rank of the first one
	data  []byte
}

// readRange reads the rows from rank lo to, not including, hi of an order, in one read.
func (v *Version) readRange(ctx context.Context, o Order, lo, hi int) (rowRange, error) {
	r := rowRange{v: v, order: o, first: lo}
	if lo >= hi {
		return r, nil
	}
	name := v.manifest.Orders[o].Key
	var err error
	if r.data, err = v.blobs.Range(ctx, name, int64(lo)*rowSize, int64(hi-lo)*rowSize); err != nil {
		return r, reading(name, err)
	}
	if len(r.data) != (hi-lo)*rowSize {
		return r, corrupt(name, "ends too early")
	}
	return r, nil
}

func (r rowRange) len() int { return len(r.data) / rowSize }

// at returns row number i of the range.
func (r rowRange) at(i int) (row, error) {
	got, err := decodeRow(r.data[i*rowSize:])
	if err == nil && (int(got.part) >= len(r.v.manifest.Parts) || int(got.category) >= len(r.v.names)) {
		err = errRow
	}
	if err != nil {
		return row{}, corrupt(r.v.manifest.Orders[r.order].Key, "row %d: %v", r.first+i, err)
	}
	return got, nil
}

// search returns how many rows of the range sort before k.
func (r rowRange) search(k key) (int, error) {
	var fault error
	n := sort.Search(r.len(), func(i int) bool {
		got, err := r.at(i)
		if err != nil {
			fault = err
			return true
		}
		return compare(r.order, r.v.key(got), k) >= 0
	})
	return n, fault
}

// key returns what a row is sorted and filtered by.
func (v *Version) key(r row) key {
	return key{
		quality: r.quality, category: v.names[r.category], level: int(r.level),
		ordinal: int(r.ordinal), flagged: r.flags&flagged != 0,
	}
}

// item is an entry of a page: an edit, or else a row.
type item struct {
	row  row
	rank int
	edit *edit
}

// fetch returns the JSON of the items.
func (v *Version) fetch(ctx context.Context, items []item) ([]json.RawMessage, error) {
	lines := make([]json.RawMessage, len(items))
	wanted := make([]int, 0, len(items))
	for i, it := range items {
		if it.edit != nil {
			lines[i] = it.edit.Entry
		} else {
			wanted = append(wanted, i)
		}
	}
	slices.SortFunc(wanted, func(a, b int) int {
		ra, rb := items[a].row, items[b].row
		return cmp.Or(cmp.Compare(ra.part, rb.part), cmp.Compare(ra.offset, rb.offset))
	})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for len(wanted) > 0 {
		n := spanOf(items, wanted)
		span := wanted[:n]
		wanted = wanted[n:]
		g.Go(func() error { return v.readSpan(ctx, items, span, lines) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return lines, nil
}

// spanOf returns how many of the wanted items, sorted by place, are read together.
func spanOf(items []item, wanted []int) int {
	first := items[wanted[0]].row
	end := first.offset + int64(first.length)
	for n, w := range wanted[1:] {
		r := items[w].row
		if r.part != first.part || r.offset-end > maxGap || r.offset+int64(r.length)-first.offset > maxSpan {
			return n + 1
		}
		end = r.offset + int64(r.length)
	}
	return len(wanted)
}

// readSpan reads the items of a span into their lines.
func (v *Version) readSpan(ctx context.Context, items []item, span []int, lines []json.RawMessage) error {
	first, last := items[span[0]].row, items[span[len(span)-1]].row
	name := v.manifest.Parts[first.part].Key
	data, err := v.blobs.Range(ctx, name, first.offset, last.offset+int64(last.length)-first.offset)
	if err != nil {
		return reading(name, err)
	}
	for _, i := range span {
		r := items[i].row
		from := r.offset - first.offset
		to := from + int64(r.length)
		if from < 0 || to > int64(len(data)) {
			return corrupt(name, "ends before %s", EntryID(int(r.ordinal)))
		}
		line, ended := bytes.CutSuffix(data[from:to:to], []byte("\n"))
		if n, ok := lineOrdinal(line); !ended || !ok || n != int(r.ordinal) || !json.Valid(line) {
			return corrupt(name, "holds no %s at byte %d", EntryID(int(r.ordinal)), r.offset)
		}
		lines[i] = line
	}
	return nil
}

// lineStart is how every line of a part begins: the id is the first field of an entry.
const lineStart = `{"id":"` + idPrefix

// lineOrdinal reads the ordinal that a line begins with, without decoding the rest.
func lineOrdinal(line []byte) (int, bool) {
	digits, ok := bytes.CutPrefix(line, []byte(lineStart))
	n, i := 0, 0
	for ok && i < len(digits) && digits[i] >= '0' && digits[i] <= '9' && n <= MaxOrdinal {
		n = n*10 + int(digits[i]-'0')
		i++
	}
	return n, i > 0 && n <= MaxOrdinal && bytes.HasPrefix(digits[i:], []byte(`",`))
}
