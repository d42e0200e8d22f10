package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// Limits of a group: what one transaction does at most before it answers. One operation may be larger.
const (
	maxGroup      = 1024
	maxGroupBytes = 8 << 20
	cleanEvery    = time.Minute
	cleanRows     = 200 // expired rows deleted at a time
)

// op is a write. run sees the effects of the operations before it. It returns an error only before it wrote
// anything, or the transaction's own.
type op struct {
	ctx    context.Context
	weight int // bytes it writes, about
	run    func(*tx) error
	err    error
	done   chan error // capacity 1
}

// writer runs operations in groups, each a transaction, on the only connection that writes.
type writer struct {
	store   *Store
	db      *sql.DB
	conn    *sql.Conn
	tx      tx
	cleaned time.Time     // when expired rows were last all deleted
	wake    chan struct{} // capacity 1: something is in waiting, or closed is set
	ended   chan struct{}

	mu      sync.Mutex
	waiting []*op
	closed  bool
}

func newWriter(s *Store, db *sql.DB) (*writer, error) {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, db: db, conn: conn, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	w.tx.turns = map[string]string{}
	w.tx.statements.prepare = func(query string) (*sql.Stmt, error) { return conn.PrepareContext(ctx, query) }
	go w.loop()
	return w, nil
}

// add queues the operation and reports whether the writer still takes any.
func (w *writer) add(o *op) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.waiting = append(w.waiting, o)
	w.ring()
	return true
}

func (w *writer) ring() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// close ends the writer after the operations that wait.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.ring()
	w.mu.Unlock()
	<-w.ended
	w.tx.statements.close()
	_ = w.conn.Close() // gives the connection back to db
	return w.db.Close()
}

func (w *writer) loop() {
	defer close(w.ended)
	for range w.wake {
		for {
			group, closed := w.take()
			if len(group) == 0 {
				if closed {
					return
				}
				break
			}
			w.commit(group)
		}
	}
}

// take removes the next group from what waits.
func (w *writer) take() (group []*op, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, size := 0, 0
	for n < len(w.waiting) && n < maxGroup && size < maxGroupBytes {
		size += w.waiting[n].weight
		n++
	}
	group = w.waiting[:n:n]
	if w.waiting = w.waiting[n:]; len(w.waiting) == 0 {
		w.waiting = nil // the group's array is not kept
	}
	return group, w.closed
}

// commit runs the group and answers it. When the transaction fails everyone gets its error, the refused as
// well: a refusal may rest on what another operation wrote and is now gone.
func (w *writer) commit(group []*op) {
	failed := w.transact(group)
	if failed != nil {
		failed = w.store.failure("write to", failed)
		// A failed statement may or may not have ended the transaction; then this one fails, and that is all.
		_, _ = w.tx.exec("ROLLBACK")
	}
	for _, o := range group {
		if failed != nil {
			o.err = failed
		}
		o.done <- o.err
	}
}

func (w *writer) transact(group []*op) error {
	t := &w.tx
	t.now, t.failed = time.Now(), nil
	if _, err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, o := range group {
		if err := o.ctx.Err(); err != nil {
			o.err = ended(err)
			continue
		}
		o.err = o.run(t)
		if t.failed != nil {
			return t.failed
		}
	}
	if err := w.clean(); err != nil {
		return err
	}
	_, err := t.exec("COMMIT")
	if err != nil && code(err) != sqlite3.SQLITE_FULL {
		err = fmt.Errorf("%w: %w", errDoubtful, err)
	}
	return err
}

// errDoubtful marks a commit that failed after it may have reached the file: it can be there after a crash.
var errDoubtful = errors.New("commit")

// clean deletes some of the expired rows now and then. They are absent to readers in any case.
func (w *writer) clean() error {
	t := &w.tx
	if t.now.Sub(w.cleaned) < cleanEvery {
		return nil
	}
	n, err := t.exec("DELETE FROM rows WHERE id IN (SELECT id FROM rows WHERE expires > 0 AND expires <= ? LIMIT ?)", micros(t.now), cleanRows)
	if n < cleanRows {
		w.cleaned = t.now
	}
	return err
}

// tx is what an operation sees of its group's transaction.
type tx struct {
	now        time.Time // of the group
	statements statements
	failed     error             // the first failure of the database: the group is lost
	turns      map[string]string // by queue, the group of messages that was served last
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.statements.get(query)
	if err != nil {
		return 0, t.fail(err)
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := result.RowsAffected()
	return n, t.fail(err)
}

// get scans the first row into dest and reports whether there was one.
func (t *tx) get(query string, args []any, dest ...any) (bool, error) {
	stmt, err := t.statements.get(query)
	if err != nil {
		return false, t.fail(err)
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return false, t.fail(err)
	}
	defer rows.Close()
	found, err := one(rows, dest...)
	return found, t.fail(err)
}

func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}
