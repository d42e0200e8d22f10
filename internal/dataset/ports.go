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
// effect, so every caller must be able to repeat it.

// Limits of the ports, those of the tighter side (AWS).
const (
	MaxRecord   = 350 << 10 // bytes of Record.Data (an item of DynamoDB ends at 400 KB, names included)
	MaxWrites   = 100       // writes in one transaction
	MaxKey      = 900       // bytes of a PK, a SK or a blob key
	MaxMessage  = 200 << 10 // bytes of Message.Body
	MaxDelay    = 15 * time.Minute
	MaxBlobPut  = 64 << 20 // bytes of one Put; what is larger is written through Create
	MaxPresign  = 15 * time.Minute
	MaxListPage = 1000
)

// Record is one row of the table, addressed by partition key and sort key.
type Record struct {
	PK, SK  string
	Version int64     // counted by the table: 1 when the row is new, one more with each write
	Data    []byte    // JSON, at most MaxRecord bytes
	Expires time.Time // when not zero and past, the row is treated as absent (deleting it is only clean-up)
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
	Cursor   string // Page.Cursor of the page before; opaque
}

// Page is a part of an answer. It may hold fewer rows than asked for, even none, and still have a Cursor.
type Page struct {
	Records []Record
	Cursor  string // empty: there is no more
}

// Table keeps partitioned, sorted, versioned records.
//
// Reads see every write that was answered before they began (strongly consistent). A Write with several
// rows happens whole or not at all; the rows are distinct and at most MaxWrites. No two writes on the same
// version of a row both succeed.
type Table interface {
	// Get returns the row; NotFound when there is none.
	Get(ctx context.Context, pk, sk string) (Record, error)
	// Query returns one page; use Rows for all of them.
	Query(ctx context.Context, q Query) (Page, error)
	// Write writes all or nothing: *Refused (Kind Conflict) when a condition does not hold, Invalid when a
	// limit is passed. A transaction that lost against another one is Throttled: repeat it.
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

// Presigned is a request that whoever holds it may send until Expires: this method, this URL, these headers.
type Presigned struct {
	Method  string
	URL     string
	Header  http.Header
	Expires time.Time
}

// Attachment says how a presigned GET presents the object. Both may be empty.
type Attachment struct {
	Filename    string
	ContentType string
}

// Blobs keeps immutable objects. A key is written at most once: whoever comes second gets Conflict, and
// what is there stays. Keys are slash-separated, of [a-z A-Z 0-9 . _ = -], and no key may be a folder of
// another. An object is visible whole or not at all, also after a crash.
type Blobs interface {
	// Put stores data (at most MaxBlobPut bytes) under a new key; Conflict when the key exists.
	Put(ctx context.Context, key string, data []byte) error
	// Create begins an object of any size, written in parts. Nothing is visible before Commit.
	Create(ctx context.Context, key string) (BlobWriter, error)
	// Get returns the whole object; NotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Range returns length bytes from offset, fewer where the object ends before; empty at or past its end.
	Range(ctx context.Context, key string, offset, length int64) ([]byte, error)
	// Open streams the object; the caller closes it. NotFound.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Stat returns the size; NotFound.
	Stat(ctx context.Context, key string) (BlobInfo, error)
	// List returns, in byte order, the objects whose key begins with prefix and is greater than after: one
	// page of at most MaxListPage; an empty page is the end.
	List(ctx context.Context, prefix, after string) ([]BlobInfo, error)
	// Delete removes objects; those that do not exist are no error.
	Delete(ctx context.Context, keys ...string) error
	// PresignGet returns a request for the object that needs no other credentials, for at most MaxPresign.
	PresignGet(ctx context.Context, key string, as Attachment, valid time.Duration) (Presigned, error)
	// PresignPut returns a request that stores exactly size bytes of the given type under a new key. It can
	// neither replace an object nor store another length.
	PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (Presigned, error)
}

// BlobWriter writes one object in parts. It is not safe for concurrent use, holds a bounded amount in
// memory, and must be ended by Commit or Abort; Abort after Commit does nothing.
type BlobWriter interface {
	io.Writer
	// Commit makes the object visible; Conflict when the key came to exist meanwhile.
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
	Body  []byte
	Group string        // whose message it is: handlers are shared out fairly between groups
	Delay time.Duration // not delivered before; at most MaxDelay
}

// Queue delivers messages at least once. Consumption is a function call (a Handler): the adapter calls it
// for each delivery, nil deletes the message, an error or a crash delivers it again once its visibility
// timeout is over, and after several deliveries it goes to the dead-letter queue.
type Queue interface {
	// Send adds messages. After an error some may have been added: sending again is right.
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

// Workflow runs infra/workflow.asl.json. An execution is named after its job (JobRef.String), and there is
// never a second one of the same name.
type Workflow interface {
	// Start begins the execution with the input {"job": name}. When the name was started before, whether it
	// still runs or not, that is success.
	Start(ctx context.Context, name string) error
	// Stop aborts the execution. One that is over or was never started is success.
	Stop(ctx context.Context, name, cause string) error
	// Status returns where the execution stands; NotFound when it was never started.
	Status(ctx context.Context, name string) (ExecutionStatus, error)
	// Answer completes the task that waits under token with a JSON output. NotFound: nobody waits under this
	// token (any more).
	Answer(ctx context.Context, token string, output []byte) error
}
