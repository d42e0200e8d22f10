package snapshot

import (
	"context"
	"encoding/json"
	"slices"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
)

// PageQuery asks for entries number Offset to Offset+Limit-1 of those that pass all filters, in an order.
type PageQuery struct {
	Order      Order
	Offset     int // from 0
	Limit      int // 0 to MaxPage; 0 asks for the total only
	MinQuality *float64
	Category   *string
	Difficulty *string
	Flagged    *bool // whether its quality names a fault
}

// Page is a page of entries, with the number of all entries that pass the filters.
type Page struct {
	Entries []json.RawMessage
	Total   int
}

// Page returns a page under the edits of overlay, which may be nil; Invalid when the query makes no sense.
//
// Without filters, and with the one filter that the order is made for (quality by quality, and so on), it
// needs two rounds of reads whatever the offset. Other filters read the rows of the whole order, or of the
// part of it that the order's own filter leaves, in bounded memory.
func (v *Version) Page(ctx context.Context, q PageQuery, overlay *Overlay) (Page, error) {
	f, err := q.check()
	if err != nil {
		return Page{}, err
	}
	w := window{order: q.Order, hi: v.manifest.Entries, offset: q.Offset, limit: q.Limit}
	rest := f
	switch {
	case q.Order == ByQuality && f.quality != nil:
		// Before this key stand all rows that pass. Its place is at most hi; direct finds it.
		w.end = &key{quality: *f.quality, ordinal: MaxOrdinal + 1}
		w.least, w.hi = v.bounds(ByQuality, *w.end)
		rest.quality = nil
	case q.Order == ByCategory && f.category != nil:
		w.lo, w.hi = v.run(ByCategory, key{category: *f.category})
		rest.category = nil
	case q.Order == ByDifficulty && f.level != nil:
		w.lo, w.hi = v.run(ByDifficulty, key{level: *f.level})
		rest.level = nil
	}
	var items []item
	var total int
	if rest == (filter{}) {
		items, total, err = v.direct(ctx, w, f, overlay)
	} else {
		items, total, err = v.scan(ctx, w, f, overlay)
	}
	if err != nil {
		return Page{}, err
	}
	lines, err := v.fetch(ctx, items)
	return Page{Entries: lines, Total: total}, err
}

func (q *PageQuery) check() (filter, error) {
	f := filter{quality: q.MinQuality, category: q.Category, flagged: q.Flagged}
	switch {
	case q.Order.index() < 0:
		return f, dataset.InvalidField("sort_by", "is %.60q, want one of %q", string(q.Order), orders)
	case q.Limit < 0 || q.Limit > MaxPage:
		return f, dataset.InvalidField("per_page", "is %d, want at most %d", q.Limit, MaxPage)
	case q.Offset < 0:
		return f, dataset.InvalidField("page", "begins at entry %d", q.Offset)
	case q.MinQuality != nil && !isShare(*q.MinQuality):
		return f, dataset.InvalidField("filter_quality", "is %v, want 0 to 1", *q.MinQuality)
	}
	if q.Difficulty != nil {
		level := slices.Index(dataset.Difficulties, *q.Difficulty)
		if level < 0 {
			return f, dataset.InvalidField("difficulty", "is %.60q, want one of %q", *q.Difficulty, dataset.Difficulties)
		}
		f.level = &level
	}
	return f, nil
}

// filter is the conditions of a query; nil ones hold for all.
type filter struct {
	quality  *float64 // at least
	category *string
	level    *int
	flagged  *bool
}

func (f filter) match(k key) bool {
	return (f.quality == nil || k.quality >= *f.quality) &&
		(f.category == nil || k.category == *f.category) &&
		(f.level == nil || k.level == *f.level) &&
		(f.flagged == nil || k.flagged == *f.flagged)
}

// window is the run of rows lo to hi-1 of an order, and the page wanted of what it holds. When end is set,
// the run ends where that key would be, from least to hi.
type window struct {
	order         Order
	lo, hi        int
	end           *key
	least         int
	offset, limit int
}

// direct returns the page when all rows of the window pass the filter: it follows by arithmetic. Where the
// end is not known yet, it is looked for while the page is read; rows beyond it then drop out.
func (v *Version) direct(ctx context.Context, w window, f filter, overlay *Overlay) ([]item, int, error) {
	removed, inserts := overlay.over(w.order, f)
	items, total := w.arrange(removed, inserts)
	first, last := rowsOf(items)
	g, gctx := errgroup.WithContext(ctx)
	var rows rowRange
	g.Go(func() (err error) {
		rows, err = v.readRange(gctx, w.order, first, last)
		return err
	})
	if w.end != nil && w.least < w.hi {
		g.Go(func() (err error) {
			w.hi, err = v.rank(gctx, w.order, *w.end)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	if w.end != nil {
		items, total = w.arrange(removed, inserts)
	}
	for i := range items {
		if items[i].edit != nil {
			continue
		}
		var err error
		if items[i].row, err = rows.at(items[i].rank - first); err != nil {
			return nil, 0, err
		}
	}
	return items, total, nil
}

// arrange merges the rows of the window with edits: without those at the ranks removed (ascending), and with
// each insert (in order) before the row of its rank. It returns the page and the length of the whole.
func (w *window) arrange(removed []int, inserts []*edit) ([]item, int) {
	var items []item
	at := w.lo // next row
	pos := 0   // entries so far
	rowsUntil := func(end int) {
		n := max(end-at, 0)
		for i := max(w.offset-pos, 0); i < n && len(items) < w.limit; i++ {
			items = append(items, item{rank: at + i})
		}
		pos += n
		at += n
	}
	o := w.order.index()
	for len(removed) > 0 || len(inserts) > 0 {
		if len(inserts) > 0 && (len(removed) == 0 || inserts[0].After.Ranks[o] <= removed[0]) {
			rowsUntil(min(inserts[0].After.Ranks[o], w.hi))
			if pos >= w.offset && len(items) < w.limit {
				items = append(items, item{edit: inserts[0]})
			}
			pos++
			inserts = inserts[1:]
			continue
		}
		if removed[0] >= w.lo && removed[0] < w.hi {
			rowsUntil(removed[0])
			at++
		}
		removed = removed[1:]
	}
	rowsUntil(w.hi)
	return items, pos
}

// rowsOf returns the first rank of the rows among items, and the last plus one.
func rowsOf(items []item) (first, end int) {
	for _, it := range items {
		if it.edit != nil {
			continue
		}
		if end == 0 {
			first = it.rank
		}
		end = it.rank + 1
	}
	return first, end
}

// scanReads is how many reads of a scan are under way together.
const scanReads = 4

// scan returns the page by looking at every row of the window.
func (v *Version) scan(ctx context.Context, w window, f filter, overlay *Overlay) ([]item, int, error) {
	_, inserts := overlay.over(w.order, f)
	o := w.order.index()
	var items []item
	total := 0
	emit := func(it item) {
		if total >= w.offset && len(items) < w.limit {
			items = append(items, it)
		}
		total++
	}
	for lo := w.lo; lo < w.hi; lo += scanReads * v.scanRows {
		var blocks [scanReads]rowRange
		g, gctx := errgroup.WithContext(ctx)
		for i := range blocks {
			from := lo + i*v.scanRows
			g.Go(func() (err error) {
				blocks[i], err = v.readRange(gctx, w.order, from, min(from+v.scanRows, w.hi))
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, 0, err
		}
		rank := lo
		for _, rows := range blocks {
			for i := range rows.len() {
				r, err := rows.at(i)
				if err != nil {
					return nil, 0, err
				}
				for ; len(inserts) > 0 && inserts[0].After.Ranks[o] <= rank; inserts = inserts[1:] {
					emit(item{edit: inserts[0]})
				}
				if f.match(v.key(r)) && overlay.of(int(r.ordinal)) == nil {
					emit(item{row: r})
				}
				rank++
			}
		}
	}
	for _, e := range inserts {
		emit(item{edit: e})
	}
	return items, total, nil
}
