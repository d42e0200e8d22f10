package embedded

import (
	"context"
	"time"

	"compileo/internal/dataset"
)

// Limits of a page.
const (
	maxPage     = 1 << 20 // bytes of keys and data, as in DynamoDB
	maxPageRows = 5_000
)

// afterAll is greater than every key, as keys are valid UTF-8.
const afterAll = "\xff"

type table struct{ s *Store }

func (t *table) Get(ctx context.Context, pk, sk string) (dataset.Record, error) {
	r := dataset.Record{PK: pk, SK: sk}
	if err := dataset.CheckRow(pk, sk); err != nil {
		return dataset.Record{}, err
	}
	var expires int64
	found, err := t.s.reader.get(ctx, "SELECT ver, data, expires FROM rows WHERE pk = ? AND sk = ?", []any{[]byte(pk), []byte(sk)},
		&r.Version, &r.Data, &expires)
	if err != nil {
		return dataset.Record{}, t.s.failure("read", err)
	}
	if r.Expires = expiry(expires); !found || r.Expired(time.Now()) {
		return dataset.Record{}, dataset.Errorf(dataset.NotFound, "no record %q %q", pk, sk)
	}
	return r, nil
}

func (t *table) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	last, err := dataset.CheckQuery(q)
	if err != nil {
		return dataset.Page{}, err
	}
	from, to := q.From, q.To
	if to == "" {
		to = afterAll
	}
	switch { // a cursor lies within the bounds of its query
	case q.Cursor == "":
	case q.Reverse:
		to = last
	default:
		from = last + "\x00" // the next possible key
	}
	limit := maxPageRows
	if q.Limit > 0 {
		limit = min(limit, q.Limit)
	}
	query := "SELECT sk, ver, data, expires FROM rows WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk LIMIT ?"
	if q.Reverse {
		query = "SELECT sk, ver, data, expires FROM rows WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk DESC LIMIT ?"
	}
	page, err := t.page(ctx, q, limit, query, []byte(q.PK), []byte(from), []byte(to), limit)
	if err != nil {
		return dataset.Page{}, t.s.failure("read", err)
	}
	return page, nil
}

// page reads one page. As in DynamoDB rows that have expired count against its limits, and a page that is
// full has a cursor, whether more follows or not.
func (t *table) page(ctx context.Context, q dataset.Query, limit int, query string, args ...any) (dataset.Page, error) {
	rows, err := t.s.reader.query(ctx, query, args...)
	if err != nil {
		return dataset.Page{}, err
	}
	defer rows.Close()
	var page dataset.Page
	now, size, n, last := time.Now(), 0, 0, ""
	for rows.Next() {
		r := dataset.Record{PK: q.PK}
		var expires int64
		if err := rows.Scan(&r.SK, &r.Version, &r.Data, &expires); err != nil {
			return dataset.Page{}, err
		}
		if size += len(q.PK) + len(r.SK) + len(r.Data); size > maxPage && n > 0 {
			page.Cursor = q.CursorAt(last)
			return page, nil
		}
		last = r.SK
		n++
		if r.Expires = expiry(expires); !r.Expired(now) {
			page.Records = append(page.Records, r)
		}
	}
	if n == limit {
		page.Cursor = q.CursorAt(last)
	}
	return page, rows.Err()
}

func (t *table) Write(ctx context.Context, writes ...dataset.Write) error {
	size, err := dataset.CheckWrites(writes)
	if err != nil {
		return err
	}
	return t.s.write(ctx, size, func(tx *tx) error { return tx.writeRows(writes) })
}

// writeRows checks all conditions, then writes.
func (t *tx) writeRows(writes []dataset.Write) error {
	type row struct{ id, version int64 } // id 0: there is none; version 0: none that counts
	found := make([]row, len(writes))
	var refused []int
	for i, w := range writes {
		var expires int64
		r := &found[i]
		ok, err := t.get("SELECT id, ver, expires FROM rows WHERE pk = ? AND sk = ?", []any{[]byte(w.PK), []byte(w.SK)}, &r.id, &r.version, &expires)
		if err != nil {
			return err
		}
		if old := (dataset.Record{Expires: expiry(expires)}); ok && old.Expired(t.now) {
			r.version = 0
		}
		if w.If != dataset.Any && w.If != r.version {
			refused = append(refused, i)
		}
	}
	if refused != nil {
		return &dataset.Refused{At: refused}
	}
	for i, w := range writes {
		var err error
		switch r := found[i]; {
		case w.Check, w.Delete && r.id == 0:
		case w.Delete:
			_, err = t.exec("DELETE FROM rows WHERE id = ?", r.id)
		case r.id == 0:
			_, err = t.exec("INSERT INTO rows (pk, sk, ver, data, expires) VALUES (?, ?, 1, ?, ?)",
				[]byte(w.PK), []byte(w.SK), notNil(w.Data), storedExpiry(w.Expires))
		default:
			_, err = t.exec("UPDATE rows SET ver = ?, data = ?, expires = ? WHERE id = ?", r.version+1, notNil(w.Data), storedExpiry(w.Expires), r.id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func expiry(stored int64) time.Time {
	if stored == 0 {
		return time.Time{}
	}
	return time.UnixMicro(stored).UTC()
}

// storedExpiry is 0 for never only.
func storedExpiry(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(micros(dataset.RoundExpires(t)), 1)
}

// notNil keeps empty bytes from being stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
