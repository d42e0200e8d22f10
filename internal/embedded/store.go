package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Options are the settings of a Store. The zero value is good for a program that serves no presigned URLs.
type Options struct {
	BaseURL     string        // where clients reach Handler, such as http://127.0.0.1:8000/files; for presigned URLs only
	Visibility  time.Duration // a delivered message that was not deleted is delivered again after this; default 15 min
	MaxReceives int           // deliveries of a message before it is dead; default 5
	Log         *slog.Logger  // default: none
}

func (o Options) withDefaults() Options {
	if o.Visibility <= 0 {
		o.Visibility = 15 * time.Minute
	}
	if o.MaxReceives <= 0 {
		o.MaxReceives = 5
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is an open data directory. It is safe for concurrent use.
type Store struct {
	dir     string
	options Options
	base    *url.URL // of Options.BaseURL; nil when there is none
	secret  []byte   // signs presigned URLs; made with the database

	lock    *os.File
	writer  *writer
	reader  *reader
	bells   bells
	files   openFiles
	closing chan struct{}
	close   sync.Once
	closed  error
}

// Open opens the data directory dir, or makes it, and locks it until Close. Messages that were being handled
// when the directory was last in use become visible, and files that no object names are removed.
//
// Conflict: another program has it open. Invalid: it belongs to something else, or a newer version of the
// program wrote it. Internal: it is damaged; nothing was changed. Unavailable: the disk failed or is full.
func Open(dir string, options Options) (*Store, error) {
	s := &Store{options: options.withDefaults(), closing: make(chan struct{})}
	s.reader, s.bells.of, s.files.most = &reader{}, map[string]map[chan struct{}]bool{}, maxFiles
	var err error
	if s.dir, err = filepath.Abs(dir); err != nil {
		return nil, dataset.Errorf(dataset.Invalid, "data directory %q: %w", dir, err)
	}
	if options.BaseURL != "" {
		if s.base, err = url.Parse(options.BaseURL); err != nil || s.base.Host == "" {
			return nil, dataset.Errorf(dataset.Invalid, "base URL %q: want scheme://host/path", options.BaseURL)
		}
	}
	if err := s.prepareDir(); err != nil {
		return nil, err
	}
	if s.lock, err = lockDir(s.dir); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// start opens the database and brings it and blobs/ into the state that the program begins with.
func (s *Store) start() error {
	// Nothing is made before the lock is there, by which a directory is known as ours.
	if err := os.MkdirAll(s.blobDir(), 0o700); err != nil {
		return s.failure("make", err)
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	if err := s.checkPresent(); err != nil {
		return err
	}
	db, err := openDatabase(s.file())
	if err != nil {
		return s.failure("open", err)
	}
	if s.writer, err = newWriter(s, db); err != nil {
		_ = db.Close()
		return s.failure("open", err)
	}
	if s.reader.db, err = connect(s.file(), max(4, runtime.GOMAXPROCS(0)), "query_only(1)"); err != nil {
		return s.failure("open", err)
	}
	s.reader.statements.prepare = s.reader.db.Prepare
	ctx := context.Background()
	if _, err := s.reader.get(ctx, "SELECT value FROM meta WHERE name = 'secret'", nil, &s.secret); err != nil {
		return s.failure("open", err)
	}
	if len(s.secret) != secretSize {
		return damaged(s.file(), errors.New("it has no secret"))
	}
	// The lock proves that nobody holds a message.
	if err := s.write(ctx, 0, func(t *tx) error {
		_, err := t.exec("UPDATE messages SET visible = ?, held = 0 WHERE held = 1", micros(t.now))
		return err
	}); err != nil {
		return err
	}
	return s.sweepFiles()
}

// prepareDir makes the directory. It changes nothing in one that holds something else.
func (s *Store) prepareDir() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !os.IsNotExist(err) {
		return dataset.Errorf(dataset.Invalid, "data directory %s: %w", s.dir, err)
	}
	ours := len(entries) == 0
	for _, e := range entries {
		ours = ours || e.Name() == lockName || e.Name() == databaseName
	}
	if !ours {
		return dataset.Errorf(dataset.Invalid, "%s holds files that are not of this program: choose an empty or a new directory", s.dir)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return s.failure("make", err)
	}
	return syncDir(filepath.Dir(s.dir))
}

// checkPresent fails when the database is gone though there is data that belongs to it. To begin a new one
// would be to drop that data.
func (s *Store) checkPresent() error {
	if info, err := os.Stat(s.file()); err == nil && info.Size() > 0 {
		return nil
	}
	blobs, err := os.Open(s.blobDir())
	if err != nil {
		return s.failure("open", err)
	}
	defer blobs.Close()
	names, err := blobs.Readdirnames(1)
	if err != nil && err != io.EOF {
		return s.failure("open", err)
	}
	if wal, err := os.Stat(s.file() + "-wal"); len(names) > 0 || err == nil && wal.Size() > 0 {
		return damaged(s.file(), errors.New("it is missing or empty, and what belongs to it is there"))
	}
	return nil
}

// Close ends all calls with Unavailable, waits for writes under way and unlocks the directory. Handlers of
// Consume should have returned before: what they still do fails. Calling it again returns the same.
func (s *Store) Close() error {
	s.close.Do(func() {
		close(s.closing)
		s.closed = s.stop()
	})
	return s.closed
}

func (s *Store) stop() error {
	var err error
	s.files.close()
	if s.reader.db != nil {
		s.reader.statements.close()
		err = s.reader.db.Close()
	}
	if s.writer != nil {
		if e := s.writer.close(); err == nil {
			err = e
		}
	}
	if e := s.lock.Close(); err == nil {
		err = e
	}
	if err != nil {
		return s.failure("close", err)
	}
	return nil
}

// Table returns the store's table.
func (s *Store) Table() dataset.Table { return &table{s} }

// Blobs returns the store's objects. Presigning needs Options.BaseURL.
func (s *Store) Blobs() dataset.Blobs { return &blobs{s} }

// Queue returns the store's queues; Consume handles what is sent to them.
func (s *Store) Queue() dataset.Queue { return &queue{s} }

// Handler serves the presigned requests. It is to be mounted at the path of Options.BaseURL, unstripped.
func (s *Store) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// write hands an operation of about weight bytes to the writer and waits for its group.
func (s *Store) write(ctx context.Context, weight int, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	o := &op{ctx: ctx, weight: weight, run: run, done: make(chan error, 1)}
	if !s.writer.add(o) {
		return errClosed()
	}
	// The group is under way: milliseconds. Waiting for it gives the true outcome, and the operation may go
	// on using the caller's bytes.
	return <-o.done
}

func (s *Store) file() string    { return filepath.Join(s.dir, databaseName) }
func (s *Store) blobDir() string { return filepath.Join(s.dir, "blobs") }

// micros is how times are stored: microseconds since 1970, which hold every time that JSON can write.
func micros(t time.Time) int64 { return t.UnixMicro() }

func errClosed() error {
	return dataset.Errorf(dataset.Unavailable, "the store is closed")
}

func ended(err error) error {
	return &dataset.Error{Kind: dataset.Unavailable, Detail: "the call was ended", Err: err}
}

// reader holds the connections that only read.
type reader struct {
	db         *sql.DB
	statements statements
}

// get scans the first row into dest and reports whether there was one. Reads are short and bounded, so the
// context counts at their beginning only; watching it would cost a goroutine each.
func (r *reader) get(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	rows, err := r.query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	return one(rows, dest...)
}

func (r *reader) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stmt, err := r.statements.get(query)
	if err != nil {
		return nil, err
	}
	return stmt.Query(args...)
}

// one scans the first of rows, if any, and ends them.
func one(rows *sql.Rows, dest ...any) (bool, error) {
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(dest...); err != nil {
		return false, err
	}
	return true, rows.Close()
}

// statements prepares each query once. Queries are constants, so their number is bounded.
type statements struct {
	prepare func(string) (*sql.Stmt, error)

	mu sync.Mutex
	of map[string]*sql.Stmt
}

func (s *statements) get(query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.of[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	if s.of == nil {
		s.of = map[string]*sql.Stmt{}
	}
	s.of[query] = stmt
	return stmt, nil
}

// close ends all statements: a connection with an open one would not be closed and keep the WAL from being
// copied into the database.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.of {
		_ = stmt.Close() // frees memory only
	}
	s.of = nil
}
