package embedded

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	"compileo/internal/dataset"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	databaseName  = "compileo.db"
	lockName      = "lock"
	applicationID = 0x436f6d70 // "Comp", in the file's header
	format        = 1          // user_version; a program opens this one only

	secretSize = 32 // bytes

	// A whole check reads the whole file. Up to this size it is not noticed; damage in a larger file shows
	// when the page is read.
	maxCheck = 32 << 20 // bytes
)

// Keys are blobs so that they compare by byte. Rows have a rowid apart from their key: values are appended to
// a table, and only the small entries of an index move about.
const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

CREATE TABLE rows (
	id INTEGER PRIMARY KEY, pk BLOB NOT NULL, sk BLOB NOT NULL, ver INTEGER NOT NULL,
	expires INTEGER NOT NULL, -- microseconds since 1970; 0: never
	data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX rows_key ON rows (pk, sk);
CREATE INDEX rows_expires ON rows (expires) WHERE expires > 0;

CREATE TABLE blobs (
	id INTEGER PRIMARY KEY, key TEXT NOT NULL, size INTEGER NOT NULL,
	file TEXT, -- name in blobs/; NULL: the bytes are in data
	data BLOB
) STRICT;
CREATE UNIQUE INDEX blobs_key ON blobs (key);
CREATE UNIQUE INDEX blobs_file ON blobs (file) WHERE file IS NOT NULL;

CREATE TABLE messages (
	id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, as a late delete names it
	queue TEXT NOT NULL, grp TEXT NOT NULL, visible INTEGER NOT NULL, -- microseconds since 1970
	receives INTEGER NOT NULL, held INTEGER NOT NULL, -- 1: delivered and neither deleted nor visible again
	body BLOB NOT NULL
) STRICT;
CREATE INDEX messages_turn ON messages (queue, grp, visible);
CREATE INDEX messages_held ON messages (held) WHERE held = 1;

CREATE TABLE dead (
	id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, died INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX dead_queue ON dead (queue, id);
CREATE INDEX dead_died ON dead (died);
`

// connect returns at most n connections to the database file. More pragmas are as the driver takes them: "name(value)".
func connect(file string, n int, pragmas ...string) (*sql.DB, error) {
	// The WAL is copied into the database when it has 4,000 pages (16 MB): seldom enough to cost little, and the
	// next program start reads no more than that. A WAL that grew beyond is cut back.
	q := url.Values{"_pragma": append([]string{
		"busy_timeout(10000)", "synchronous(FULL)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)",
		"temp_store(MEMORY)", "cache_size(-16000)", "trusted_schema(0)",
	}, pragmas...)}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// openDatabase opens the database for writing after making sure that it is ours and whole, or makes it.
func openDatabase(file string) (*sql.DB, error) {
	db, err := connect(file, 1)
	if err != nil {
		return nil, err
	}
	if err := adopt(db, file); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func adopt(db *sql.DB, file string) error {
	var app, version, objects int
	if err := db.QueryRow("SELECT * FROM pragma_application_id, pragma_user_version, (SELECT COUNT(*) FROM sqlite_schema)").
		Scan(&app, &version, &objects); err != nil {
		return err
	}
	// A program that was killed while it made the database leaves an empty one.
	switch {
	case app == 0 && version == 0 && objects == 0:
		return create(db)
	case app != applicationID:
		return dataset.Errorf(dataset.Invalid, "%s is a database of another program: choose another directory", file)
	case version > format:
		return dataset.Errorf(dataset.Invalid, "%s was written by a newer version of the program (format %d, this one knows %d): "+
			"use that version", file, version, format)
	case version < format:
		return damaged(file, fmt.Errorf("format %d was never written", version))
	}
	if info, err := os.Stat(file); err != nil {
		return err
	} else if info.Size() > maxCheck {
		return nil
	}
	var result string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return damaged(file, fmt.Errorf("quick_check: %s", result))
	}
	return nil
}

// create makes the schema in one transaction, so that a killed program leaves all of it or nothing.
func create(db *sql.DB) error {
	if _, err := db.Exec("PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	if _, err := tx.Exec(schema); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO meta VALUES ('secret', ?)", secret); err != nil {
		return err
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, format)); err != nil {
		return err
	}
	return tx.Commit()
}
