package memory

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// What DynamoDB adds to the limits of the port.
const (
	maxPage        = 1 << 20 // bytes that a page looks at
	maxTransaction = 4 << 20 // bytes of all rows of a Write
)

// Table is a dataset.Table. As in DynamoDB, Limit counts the rows that a page looks at, expired ones too; a
// page that reaches it has a Cursor even at the end; Expires keeps whole seconds; the rows of one Write hold
// at most 4 MiB together (Invalid).
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
	return r, ok && !expired(r)
}

func expired(r dataset.Record) bool { return !r.Expires.IsZero() && !time.Now().Before(r.Expires) }

// cursorMark begins every cursor, so that it is never empty and others are told apart.
const cursorMark = "after:"

// Query implements dataset.Table. A Cursor that no page had is Invalid.
func (t *Table) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	if err := alive(ctx); err != nil {
		return dataset.Page{}, err
	}
	after, ok := strings.CutPrefix(q.Cursor, cursorMark)
	if q.Cursor != "" && !ok {
		return dataset.Page{}, dataset.Errorf(dataset.Invalid, "%q is no cursor of this table", q.Cursor)
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
	size := 0
	for i := range keys {
		sk := keys[i]
		if q.Reverse {
			sk = keys[len(keys)-1-i]
		}
		r := p.rows[sk]
		if size += len(r.PK) + len(sk) + len(r.Data); size > maxPage && i > 0 {
			return page, nil
		}
		if !expired(r) {
			r.Data = slices.Clone(r.Data)
			page.Records = append(page.Records, r)
		}
		if page.Cursor = cursorMark + sk; i+1 == limit {
			return page, nil
		}
	}
	page.Cursor = ""
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

// Write implements dataset.Table. No writes at all are Invalid.
func (t *Table) Write(ctx context.Context, writes ...dataset.Write) error {
	if err := alive(ctx); err != nil {
		return err
	}
	if err := check(writes); err != nil {
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

// check holds writes against the limits.
func check(writes []dataset.Write) error {
	if len(writes) == 0 || len(writes) > dataset.MaxWrites {
		return dataset.Errorf(dataset.Invalid, "%d writes, want 1 to %d", len(writes), dataset.MaxWrites)
	}
	total := 0
	seen := make(map[[2]string]bool, len(writes))
	for i, w := range writes {
		row := [2]string{w.PK, w.SK}
		for _, key := range row {
			if key == "" || len(key) > dataset.MaxKey || !utf8.ValidString(key) {
				return dataset.Errorf(dataset.Invalid, "write %d: a key of %d bytes, want 1 to %d of UTF-8", i, len(key), dataset.MaxKey)
			}
		}
		switch {
		case seen[row]:
			return dataset.Errorf(dataset.Invalid, "write %d: row %s %s is written twice", i, w.PK, w.SK)
		case w.If < dataset.Any:
			return dataset.Errorf(dataset.Invalid, "write %d: %d is no condition", i, w.If)
		case w.Check && w.Delete:
			return dataset.Errorf(dataset.Invalid, "write %d: is a check and a delete", i)
		case len(w.Data) > dataset.MaxRecord:
			return dataset.Errorf(dataset.Invalid, "write %d: a record of %d bytes, want at most %d", i, len(w.Data), dataset.MaxRecord)
		}
		seen[row] = true
		total += len(w.PK) + len(w.SK) + len(w.Data)
	}
	if total > maxTransaction && len(writes) > 1 {
		return dataset.Errorf(dataset.Invalid, "writes of %d bytes, want at most %d", total, maxTransaction)
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
		if expired(old) {
			old.Version = 0
		}
		r := w.Record
		r.Version = old.Version + 1
		r.Data = slices.Clone(w.Data)
		if !r.Expires.IsZero() {
			r.Expires = r.Expires.Truncate(time.Second)
		}
		p.rows[w.SK] = r
	}
}
