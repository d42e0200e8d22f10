package dataset

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"
)

// The four ports are all that the domain asks of the world outside. internal/cloud implements them on
// AWS, internal/embedded on SQLite and files, and internal/porttest holds the suites that both pass.
//
// Common to all methods: they are safe for concurrent use; a done context ends them with an error whose
// Kind is Unavailable; an error of Kind Unavailable or Throttled says nothing about whether the call took
// effect, so every caller must be able to repeat it. Arguments beyond a limit or of another form are Invalid,
// before anything took effect (check.go says it once for all adapters). Bytes handed in or out are not shared.

// Limits of the ports, those of the tighter side (AWS).
const (
	MaxRecord      = 350 << 10 // bytes of Record.Data (an item of DynamoDB ends at 400 KB, names included)
	MaxWrites      = 100       // writes in one transaction
	MaxTransaction = 4_000_000 // bytes of keys and data in one transaction (one of DynamoDB ends at 4 MiB, names included)
	MaxKey         = 900       // bytes of a PK, a SK or a blob key
	MaxMessage     = 200 << 10 // bytes of Message.Body
	MaxGroup       = 128       // characters of Message.Group
	MaxDelay       = 15 * time.Minute
	MaxBlobPut     = 64 << 20 // bytes of one Put; what is larger is written through Create
	MaxUpload      = 5 << 30  // bytes of a presigned PUT
	MaxPresign     = 15 * time.Minute
	MaxListPage    = 1000
	MaxOutput      = 256 << 10 // bytes of the output of Workflow.Answer
)

// Record is one row of the table, addressed by partition key and sort key: each 1 to MaxKey bytes of UTF-8.
//
// A row that was deleted or has expired is no more: the next one of its key begins at version 1 again, though
// over an expired one it may also go on counting. So a version tells the states of a row apart as long as it
// lives, not two lives of one key.
type Record struct {
	PK, SK  string
	Version int64     // counted by the table: 1 when the row is new, one more with each write
	Data    []byte    // JSON, at most MaxRecord bytes
	Expires time.Time // when not zero and past, the row is absent (deleting it is only clean-up); kept in whole seconds, rounded up
}

// The conditions of a Write besides an exact version (any number above zero).
const (
	Any    int64 = -1 // whatever is there
	Absent int64 = 0  // no row is there (an expired one counts as none)
)

// Write is a conditional write of one row: a put, a Delete, or only a Check of the condition.
type Write struct {
	Record       // Version is ignored
	If     int64 // Any, Absent, or the version that the row must have
	Delete bool
	Check  bool
}

// Refused is the error of a Write whose conditions did not all hold. Its Kind is Conflict.
// It may also be the echo of one's own earlier try that took effect though it failed: read, then decide.
type Refused struct {
	At []int // which of the writes, in order
}

func (r *Refused) Error() string { return fmt.Sprintf("condition of write %v did not hold", r.At) }

// Query selects rows of one partition by a range of sort keys, in byte order.
type Query struct {
	PK       string
	From, To string // From ≤ SK < To; an empty To has no end
	Limit    int    // rows of a page at most; 0: as many as the table likes
	Reverse  bool
	Cursor   string // Page.Cursor of the page before; opaque. One that was made up or is of another query (but for Limit) is Invalid
}

// Page is a part of an answer. It ends after Limit rows or at about 1 MB of them, and expired rows count for
// both: it may hold fewer rows than asked for, even none, and still have a Cursor, also at the very end.
type Page struct {
	Records []Record
	Cursor  string // empty: there is no more
}

// Table keeps partitioned, sorted, versioned records.
//
// Reads see every write that was answered before they began (strongly consistent). A Write with several
// rows happens whole or not at all; there are 1 to MaxWrites of them, all distinct, of at most MaxTransaction
// bytes together. No two writes on the same version of a row both succeed.
type Table interface {
	// Get returns the row; NotFound when there is none.
	Get(ctx context.Context, pk, sk string) (Record, error)
	// Query returns one page; use Rows for all of them. From ≥ To is an empty range.
	Query(ctx context.Context, q Query) (Page, error)
	// Write writes all or nothing: *Refused (Kind Conflict) when a condition does not hold. A transaction that
	// lost against another one is Throttled: repeat it.
	Write(ctx context.Context, writes ...Write) error
}

// Rows iterates over all rows of q across pages. It ends after the first error.
func Rows(ctx context.Context, t Table, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			page, err := t.Query(ctx, q)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range page.Records {
				if !yield(r, nil) {
					return
				}
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				return
			}
		}
	}
}

// BlobInfo describes a stored object.
type BlobInfo struct {
	Key  string
	Size int64
}

// Presigned is a request that whoever holds it may send until Expires, a whole second: this method, this URL,
// these headers, all of them.
type Presigned struct {
	Method  string
	URL     string
	Header  http.Header
	Expires time.Time
}

// Attachment says how a presigned GET presents the object. Both may be empty.
type Attachment struct {
	Filename    string // whatever it holds: slashes and control characters become _, and what is beyond 200 bytes is cut
	ContentType string // at most 200 bytes
}

// Blobs keeps immutable objects. A key is written at most once: whoever comes second gets Conflict, and
// what is there stays. That Conflict may also be the echo of one's own earlier try that took effect though it
// failed: whoever repeats a Put or a Commit takes it for success where the key says what the bytes are, and
// else reads and decides. An object is visible whole or not at all, also after a crash.
//
// Keys are slash-separated parts of [a-z A-Z 0-9 . _ = -], at most MaxKey bytes; no part is "." or "..". No key
// may be a folder of another: that is on the caller, as S3 takes such keys; other adapters say Invalid.
type Blobs interface {
	// Put stores data (at most MaxBlobPut bytes) under a new key; Conflict when the key exists.
	Put(ctx context.Context, key string, data []byte) error
	// Create begins an object of up to 78 GiB, written in parts under ctx. Nothing is visible before Commit.
	Create(ctx context.Context, key string) (BlobWriter, error)
	// Get returns the whole object; NotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Range returns length bytes from offset, fewer where the object ends before; empty at or past its end.
	Range(ctx context.Context, key string, offset, length int64) ([]byte, error)
	// Open streams the object until ctx ends; the caller closes it. NotFound. A Read that breaks is Unavailable.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Stat returns the size; NotFound.
	Stat(ctx context.Context, key string) (BlobInfo, error)
	// List returns, in byte order, the objects whose key begins with prefix and is greater than after: one
	// page of at most MaxListPage; an empty page is the end. Both are visible ASCII and need not be whole keys.
	List(ctx context.Context, prefix, after string) ([]BlobInfo, error)
	// Delete removes any number of objects; those that do not exist are no error. After an error some may be
	// gone: deleting all again is right.
	Delete(ctx context.Context, keys ...string) error
	// PresignGet returns a request for the object that needs no other credentials, valid for 1 s to MaxPresign,
	// in whole seconds. Whether the object exists may show only when the request is sent: 404.
	PresignGet(ctx context.Context, key string, as Attachment, valid time.Duration) (Presigned, error)
	// PresignPut returns a request that stores exactly size bytes (1 to MaxUpload) of the given type under a new
	// key. It can neither replace an object nor store another length.
	PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (Presigned, error)
}

// BlobWriter writes one object in parts. It is not safe for concurrent use, holds a bounded amount in
// memory, and must be ended by Commit or Abort. A Write that failed has ended it too, and so has a Commit,
// whatever it answered: neither can be repeated. Whoever tries again begins with Create. Write and Commit
// after the end are errors, Abort after the end does nothing.
type BlobWriter interface {
	io.Writer
	// Commit makes the object visible; Conflict when the key came to exist meanwhile. After Unavailable or
	// Throttled the object is there whole or not at all: a second try that gets Conflict has found it.
	Commit() error
	// Abort drops what was written.
	Abort()
}

// The queues of the system. Each has a dead-letter queue that the adapter knows.
const (
	GenerateQueue = "generate"
	ScoreQueue    = "score"
)

// Message is something to be handled, at least once, in any order, by the handler of its queue.
type Message struct {
	Body  []byte        // 1 to MaxMessage bytes of UTF-8 without control characters but tab, line feed and carriage return
	Group string        // whose message it is: handlers are shared out fairly between groups; at most MaxGroup of visible ASCII
	Delay time.Duration // not delivered before; 0 to MaxDelay
}

// Queue delivers messages at least once. Consumption is a function call (a Handler): the adapter calls it
// for each delivery, nil deletes the message, an error or a crash delivers it again once its visibility
// timeout is over, and after several deliveries it goes to the dead-letter queue.
type Queue interface {
	// Send adds messages, any number. Invalid: none was added. NotFound: there is no such queue. After another
	// error some may have been added: sending all again is right.
	Send(ctx context.Context, queue string, messages ...Message) error
}

// Handler handles the body of one delivered message.
type Handler func(ctx context.Context, body []byte) error

// ExecutionStatus is where an execution of the workflow stands.
type ExecutionStatus string

// The states of an execution.
const (
	ExecutionRunning   ExecutionStatus = "running"
	ExecutionSucceeded ExecutionStatus = "succeeded"
	ExecutionFailed    ExecutionStatus = "failed"
	ExecutionTimedOut  ExecutionStatus = "timed_out"
	ExecutionAborted   ExecutionStatus = "aborted"
)

// Workflow runs infra/workflow.asl.json. An execution is named after its job (JobRef.String), by 1 to 80 of
// [a-z A-Z 0-9 _ -], and there is never a second one of the same name as long as the first is remembered: 90
// days after its end at least. What cannot be a name was never started.
type Workflow interface {
	// Start begins the execution with the input {"job": name}. When the name was started before, whether it
	// still runs or not, that is success. Invalid: it cannot be a name.
	Start(ctx context.Context, name string) error
	// Stop aborts the execution. One that is over or was never started is success.
	Stop(ctx context.Context, name, cause string) error
	// Status returns where the execution stands; NotFound when it was never started, or only some seconds ago.
	Status(ctx context.Context, name string) (ExecutionStatus, error)
	// Answer completes the task that waits under token with an output, one JSON value of at most MaxOutput
	// bytes. NotFound: nobody waits under this token (any more), perhaps because one's own earlier try took
	// effect though it failed.
	Answer(ctx context.Context, token string, output []byte) error
}
