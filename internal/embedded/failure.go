package embedded

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"syscall"

	"compileo/internal/dataset"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// failure turns an error of the database or of a file into one of a Kind. An error that has one stays as it is.
func (s *Store) failure(doing string, err error) error {
	if _, ok := errors.AsType[*dataset.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ended(err)
	}
	select {
	case <-s.closing: // database/sql has no name for "database is closed"
		return errClosed()
	default:
	}
	c := code(err)
	_, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB:
		return damaged(s.file(), err)
	case c == sqlite3.SQLITE_FULL, errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT),
		c == sqlite3.SQLITE_IOERR && diskFull(s.dir):
		return &dataset.Error{Kind: dataset.Unavailable, Detail: "the disk with " + s.dir + " is full", Err: err}
	case c == sqlite3.SQLITE_IOERR, c == sqlite3.SQLITE_CANTOPEN, c == sqlite3.SQLITE_READONLY, c == sqlite3.SQLITE_BUSY,
		c == sqlite3.SQLITE_PERM, c == sqlite3.SQLITE_NOMEM, isPath, errors.Is(err, sql.ErrConnDone):
		return &dataset.Error{Kind: dataset.Unavailable, Detail: "could not " + doing + " " + s.dir, Err: err}
	}
	return &dataset.Error{Kind: dataset.Internal, Detail: "could not " + doing + " " + s.dir, Err: err}
}

// code is the primary result code of the database's error; the rest of the code says where it happened.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

func damaged(file string, err error) error {
	return &dataset.Error{
		Kind: dataset.Internal, Err: err,
		Detail: "the database " + file + " is damaged; nothing was changed: put back a copy of its directory, " +
			"save what can be read with the sqlite3 tool's .recover, or move the directory away to begin anew",
	}
}
