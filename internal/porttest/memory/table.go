package memory

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"compileo/internal/dataset"
)

const maxPage = 1 << 20 // bytes that a page looks at, as in DynamoDB

// Table is a dataset.Table. As in DynamoDB, Limit counts the rows that a page looks at, expired ones too, and
// a page that reaches it has a Cursor even at the end.
type Table struct {
	throttle float64
	short    bool

	mu         sync.Mutex
	random     *rand.Rand
	partitions map[string]*partition
}

// partition is the rows of one partition key.
type partition struct {
	keys []string // sorted
	rows map[string]dataset.Record
}

func newTable(o Options, random *rand.Rand) *Table {
	return &Table{throttle: o.Throttle, short: o.ShortPages, random: random, partitions: map[string]*partition{}}
}

// Get implements dataset.Table.
func (t *Table) Get(ctx context.Context, pk, sk string) (dataset.Record, error) {
	if err := alive(ctx); err != nil {
		return dataset.Record{}, err
	}
	if err := dataset.CheckRow(pk, sk); err != nil {
		return dataset.Record{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.live(pk, sk)
	if !ok {
		return dataset.Record{}, dataset.Errorf(dataset.NotFound, "no row %s %s", pk, sk)
	}
	r.Data = slices.Clone(r.Data)
	return r, nil
}

// live is the row, unless it is absent or expired.
func (t *Table) live(pk, sk string) (dataset.Record, bool) {
	p := t.partitions[pk]
	if p == nil {
		return dataset.Record{}, false
	}
	r, ok := p.rows[sk]
	return r, ok && !r.Expired(time.Now())
}

// Query implements dataset.Table.
func (t *Table) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	if err := alive(ctx); err != nil {
		return dataset.Page{}, err
	}
	after, err := dataset.CheckQuery(q)
	if err != nil {
		return dataset.Page{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.partitions[q.PK]
	if p == nil {
		return dataset.Page{}, nil
	}
	limit := len(p.keys) + 1
	if q.Limit > 0 {
		limit = q.Limit
	}
	if t.short {
		limit = min(limit, 1+t.random.IntN(8))
	}
	keys := p.between(q, after)
	var page dataset.Page
	size, last := 0, ""
	for i := range keys {
		sk := keys[i]
		if q.Reverse {
			sk = keys[len(keys)-1-i]
		}
		r := p.rows[sk]
		if size += len(r.PK) + len(sk) + len(r.Data); size > maxPage && i > 0 {
			page.Cursor = q.CursorAt(last)
			return page, nil
		}
		if !r.Expired(time.Now()) {
			r.Data = slices.Clone(r.Data)
			page.Records = append(page.Records, r)
		}
		if last = sk; i+1 == limit {
			page.Cursor = q.CursorAt(last)
			return page, nil
		}
	}
	return page, nil
}

// between are the keys of the query's range that lie beyond its cursor.
func (p *partition) between(q dataset.Query, after string) []string {
	first, _ := slices.BinarySearch(p.keys, q.From)
	end := len(p.keys)
	if q.To != "" {
		end, _ = slices.BinarySearch(p.keys, q.To)
	}
	if q.Cursor != "" {
		at, found := slices.BinarySearch(p.keys, after)
		if q.Reverse {
			end = min(end, at)
		} else {
			if found {
				at++
			}
			first = max(first, at)
		}
	}
	return p.keys[first:max(first, end)]
}

// Write implements dataset.Table.
func (t *Table) Write(ctx context.Context, writes ...dataset.Write) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if _, err := dataset.CheckWrites(writes); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(writes) > 1 && t.random.Float64() < t.throttle {
		return dataset.Errorf(dataset.Throttled, "the transaction lost against another one")
	}
	var refused dataset.Refused
	for i, w := range writes {
		// A row's version is above zero and that of no row is zero, which is Absent.
		r, ok := t.live(w.PK, w.SK)
		if !ok {
			r.Version = 0
		}
		if w.If != dataset.Any && w.If != r.Version {
			refused.At = append(refused.At, i)
		}
	}
	if refused.At != nil {
		return &refused
	}
	for _, w := range writes {
		t.apply(w)
	}
	return nil
}

// apply carries out a write whose condition holds.
func (t *Table) apply(w dataset.Write) {
	p := t.partitions[w.PK]
	if w.Check || p == nil && w.Delete {
		return
	}
	if p == nil {
		p = &partition{rows: map[string]dataset.Record{}}
		t.partitions[w.PK] = p
	}
	old, exists := p.rows[w.SK]
	at, _ := slices.BinarySearch(p.keys, w.SK)
	switch {
	case w.Delete && exists:
		delete(p.rows, w.SK)
		p.keys = slices.Delete(p.keys, at, at+1)
	case !w.Delete:
		if !exists {
			p.keys = slices.Insert(p.keys, at, w.SK)
		}
		if old.Expired(time.Now()) {
			old.Version = 0
		}
		r := w.Record
		r.Version = old.Version + 1
		r.Data = slices.Clone(w.Data)
		r.Expires = dataset.RoundExpires(r.Expires)
		p.rows[w.SK] = r
	}
}
