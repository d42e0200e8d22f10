package embedded

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Limits of DynamoDB, which this table does not exceed.
const (
	maxPage        = 1 << 20 // bytes of keys and data of a page
	maxPageRows    = 5_000
	maxTransaction = 4 << 20 // bytes of keys and data of a Write
)

// afterAll is greater than every key, as keys are valid UTF-8.
const afterAll = "\xff"

type table struct{ s *Store }

func (t *table) Get(ctx context.Context, pk, sk string) (dataset.Record, error) {
	r := dataset.Record{PK: pk, SK: sk}
	if err := checkRowKey(pk, sk); err != nil {
		return r, err
	}
	var expires int64
	found, err := t.s.reader.get(ctx, "SELECT ver, data, expires FROM rows WHERE pk = ? AND sk = ?", []any{[]byte(pk), []byte(sk)},
		&r.Version, &r.Data, &expires)
	if err != nil {
		return dataset.Record{}, t.s.failure("read", err)
	}
	if !found || expired(expires, time.Now()) {
		return dataset.Record{}, dataset.Errorf(dataset.NotFound, "no record %q %q", pk, sk)
	}
	r.Expires = expiry(expires)
	return r, nil
}

func (t *table) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	if err := checkRowKey(q.PK); err != nil {
		return dataset.Page{}, err
	}
	from, to, err := q.From, q.To, error(nil)
	if to == "" {
		to = afterAll
	}
	if q.Cursor != "" {
		last, err := readCursor(q.Cursor)
		if err != nil {
			return dataset.Page{}, err
		}
		if q.Reverse {
			to = min(to, last)
		} else {
			from = max(from, last+"\x00") // the next possible key
		}
	}
	limit := maxPageRows
	if q.Limit > 0 {
		limit = min(limit, q.Limit)
	}
	query := "SELECT sk, ver, data, expires FROM rows WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk LIMIT ?"
	if q.Reverse {
		query = "SELECT sk, ver, data, expires FROM rows WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk DESC LIMIT ?"
	}
	page, err := t.page(ctx, q.PK, limit, query, []byte(q.PK), []byte(from), []byte(to), limit)
	if err != nil {
		return dataset.Page{}, t.s.failure("read", err)
	}
	return page, nil
}

// page reads one page. As in DynamoDB rows that have expired count against its limits, and a page that is
// full has a cursor, whether more follows or not.
func (t *table) page(ctx context.Context, pk string, limit int, query string, args ...any) (dataset.Page, error) {
	rows, err := t.s.reader.query(ctx, query, args...)
	if err != nil {
		return dataset.Page{}, err
	}
	defer rows.Close()
	var page dataset.Page
	now, size, n, last := time.Now(), 0, 0, ""
	for rows.Next() {
		r := dataset.Record{PK: pk}
		var expires int64
		if err := rows.Scan(&r.SK, &r.Version, &r.Data, &expires); err != nil {
			return dataset.Page{}, err
		}
		if size += len(pk) + len(r.SK) + len(r.Data); size > maxPage && n > 0 {
			page.Cursor = writeCursor(last)
			return page, nil
		}
		last = r.SK
		n++
		if !expired(expires, now) {
			r.Expires = expiry(expires)
			page.Records = append(page.Records, r)
		}
	}
	if n == limit {
		page.Cursor = writeCursor(last)
	}
	return page, rows.Err()
}

func (t *table) Write(ctx context.Context, writes ...dataset.Write) error {
	size, err := checkWrites(writes)
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
		if ok && expired(expires, t.now) {
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

// checkWrites returns how many bytes the writes hold.
func checkWrites(writes []dataset.Write) (size int, err error) {
	if len(writes) == 0 || len(writes) > dataset.MaxWrites {
		return 0, dataset.Errorf(dataset.Invalid, "%d writes, want 1 to %d", len(writes), dataset.MaxWrites)
	}
	type key struct{ pk, sk string }
	seen := make(map[key]bool, len(writes))
	for i, w := range writes {
		if err := checkRowKey(w.PK, w.SK); err != nil {
			return 0, err
		}
		k := key{w.PK, w.SK}
		switch {
		case seen[k]:
			return 0, dataset.Errorf(dataset.Invalid, "write %d is for the same row as one before it", i)
		case w.If < dataset.Any:
			return 0, dataset.Errorf(dataset.Invalid, "write %d wants version %d", i, w.If)
		case w.Delete && w.Check:
			return 0, dataset.Errorf(dataset.Invalid, "write %d is both a delete and a check", i)
		case len(w.Data) > dataset.MaxRecord:
			return 0, dataset.Errorf(dataset.Invalid, "write %d has %d bytes, want at most %d", i, len(w.Data), dataset.MaxRecord)
		}
		seen[k] = true
		size += len(w.PK) + len(w.SK) + len(w.Data)
	}
	if size > maxTransaction {
		return 0, dataset.Errorf(dataset.Invalid, "the writes have %d bytes, want at most %d", size, maxTransaction)
	}
	return size, nil
}

func checkRowKey(keys ...string) error {
	for _, k := range keys {
		if k == "" || len(k) > dataset.MaxKey || !utf8.ValidString(k) {
			return dataset.Errorf(dataset.Invalid, "record key %.40q has %d bytes, want 1 to %d of UTF-8", k, len(k), dataset.MaxKey)
		}
	}
	return nil
}

// A cursor is the sort key that the page ended with.
func writeCursor(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

func readCursor(cursor string) (last string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || checkRowKey(string(b)) != nil {
		return "", dataset.Errorf(dataset.Invalid, "cursor %.40q is not one of this table", cursor)
	}
	return string(b), nil
}

func expired(stored int64, now time.Time) bool { return stored != 0 && stored <= micros(now) }

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
	return max(micros(t), 1)
}

// notNil keeps empty bytes from being stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
