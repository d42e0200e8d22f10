package dataset

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// What follows is for the adapters of the ports: the limits of each call, looked at in one way everywhere, so
// that no adapter is kinder than another. All errors are Invalid.

var executionForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

// CheckRow looks at the key of a row: a PK or SK of 1 to MaxKey bytes of UTF-8.
func CheckRow(pk, sk string) error {
	for _, k := range []string{pk, sk} {
		if k == "" || len(k) > MaxKey || !utf8.ValidString(k) {
			return Errorf(Invalid, "record key %.40q has %d bytes, want 1 to %d of UTF-8", k, len(k), MaxKey)
		}
	}
	return nil
}

// CheckWrites looks at the writes of a transaction and returns how many bytes their keys and data have.
func CheckWrites(writes []Write) (size int, err error) {
	if len(writes) == 0 || len(writes) > MaxWrites {
		return 0, Errorf(Invalid, "%d writes, want 1 to %d", len(writes), MaxWrites)
	}
	type row struct{ pk, sk string }
	seen := make(map[row]bool, len(writes))
	for i, w := range writes {
		if err := CheckRow(w.PK, w.SK); err != nil {
			return 0, err
		}
		at := row{w.PK, w.SK}
		switch {
		case seen[at]:
			return 0, Errorf(Invalid, "write %d is for the same row as one before it", i)
		case w.If < Any:
			return 0, Errorf(Invalid, "write %d wants version %d", i, w.If)
		case w.Delete && w.Check:
			return 0, Errorf(Invalid, "write %d is both a delete and a check", i)
		case len(w.Data) > MaxRecord:
			return 0, Errorf(Invalid, "write %d has %d bytes, want at most %d", i, len(w.Data), MaxRecord)
		}
		seen[at] = true
		size += len(w.PK) + len(w.SK) + len(w.Data)
	}
	if size > MaxTransaction {
		return 0, Errorf(Invalid, "the writes have %d bytes, want at most %d", size, MaxTransaction)
	}
	return size, nil
}

// CheckQuery looks at a query and returns the sort key that the page before ended at, "" when there is none.
func CheckQuery(q Query) (after string, err error) {
	if err := CheckRow(q.PK, "any"); err != nil {
		return "", err
	}
	for _, k := range []string{q.From, q.To} {
		if len(k) > MaxKey || !utf8.ValidString(k) {
			return "", Errorf(Invalid, "the bound %.40q of a query has %d bytes, want at most %d of UTF-8", k, len(k), MaxKey)
		}
	}
	if q.Limit < 0 {
		return "", Errorf(Invalid, "a page of %d rows", q.Limit)
	}
	if q.Cursor == "" {
		return "", nil
	}
	digits := min(cursorDigits, len(q.Cursor))
	sk, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor[digits:])
	after = string(sk)
	// A page may end at To itself, as DynamoDB's ranges include both ends.
	if err != nil || q.CursorAt(after) != q.Cursor || after < q.From || q.To != "" && after > q.To {
		return "", Errorf(Invalid, "cursor %.40q is not one of this query", q.Cursor)
	}
	return after, nil
}

const cursorDigits = 8

// CursorAt returns the cursor of a page of q that ended at sk. It is bound to the query but for its Limit: it
// begins with a sum over both, which tells a cursor that was made up, cut or taken from elsewhere. It keeps
// nothing secret.
func (q Query) CursorAt(sk string) string {
	way := "forward"
	if q.Reverse {
		way = "reverse"
	}
	return Hash(q.PK, q.From, q.To, way, sk)[:cursorDigits] + base64.RawURLEncoding.EncodeToString([]byte(sk))
}

// Expired reports whether the row counts as absent at that time.
func (r *Record) Expired(now time.Time) bool { return !r.Expires.IsZero() && !r.Expires.After(now) }

// RoundExpires returns Record.Expires as it is kept: in whole seconds, rounded up. Zero stays zero.
func RoundExpires(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second).UTC()
	}
	return t.UTC()
}

// CheckBlobKey looks at the key of an object: 1 to MaxKey bytes of [a-z A-Z 0-9 . _ = -] in parts between
// single slashes, none of them "." or "..", as HTTP clients would resolve these.
func CheckBlobKey(key string) error {
	ok := len(key) <= MaxKey
	for part := range strings.SplitSeq(key, "/") {
		ok = ok && part != "" && part != "." && part != ".." && !strings.ContainsFunc(part, notKeyRune)
	}
	if !ok {
		return Errorf(Invalid, "object key %.100q has %d bytes, want up to %d in parts of a-z A-Z 0-9 . _ = - between single slashes", key, len(key), MaxKey)
	}
	return nil
}

func notKeyRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '=', r == '-':
		return false
	}
	return true
}

// CheckPut looks at the arguments of Blobs.Put.
func CheckPut(key string, data []byte) error {
	if len(data) > MaxBlobPut {
		return Errorf(Invalid, "object %.100q has %d bytes, want at most %d at once", key, len(data), MaxBlobPut)
	}
	return CheckBlobKey(key)
}

// CheckRange looks at the arguments of Blobs.Range. offset+length may pass the largest number there is.
func CheckRange(key string, offset, length int64) error {
	if offset < 0 || length < 0 {
		return Errorf(Invalid, "a range of %d bytes from byte %d", length, offset)
	}
	return CheckBlobKey(key)
}

// CheckList looks at the arguments of Blobs.List, which need not have the form of whole keys.
func CheckList(prefix, after string) error {
	for _, s := range []string{prefix, after} {
		if len(s) > MaxKey || !visible(s) {
			return Errorf(Invalid, "objects from %.100q of %d bytes, want at most %d of visible ASCII", s, len(s), MaxKey)
		}
	}
	return nil
}

// CheckDelete looks at the arguments of Blobs.Delete.
func CheckDelete(keys []string) error {
	for _, key := range keys {
		if err := CheckBlobKey(key); err != nil {
			return err
		}
	}
	return nil
}

// CheckPresignGet looks at the arguments of Blobs.PresignGet.
func CheckPresignGet(key string, as Attachment, valid time.Duration) error {
	if as.ContentType != "" && !contentType(as.ContentType) {
		return Errorf(Invalid, "%.100q is no content type", as.ContentType)
	}
	return checkPresign(key, valid)
}

// CheckPresignPut looks at the arguments of Blobs.PresignPut.
func CheckPresignPut(key string, size int64, kind string, valid time.Duration) error {
	switch {
	case size < 1 || size > MaxUpload:
		return Errorf(Invalid, "an upload of %d bytes, want 1 to %d", size, int64(MaxUpload))
	case !contentType(kind):
		return Errorf(Invalid, "%.100q is no content type", kind)
	}
	return checkPresign(key, valid)
}

func checkPresign(key string, valid time.Duration) error {
	if valid < time.Second || valid > MaxPresign {
		return Errorf(Invalid, "a presigned request valid for %v, want 1s to %v", valid, MaxPresign)
	}
	return CheckBlobKey(key)
}

// maxHeader is how many bytes a file name or a content type has at most.
const maxHeader = 200

func contentType(s string) bool {
	_, _, err := mime.ParseMediaType(s)
	return err == nil && len(s) <= maxHeader && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Disposition is the Content-Disposition that makes a browser save the object, under Filename if there is one,
// whatever is in it.
func (a Attachment) Disposition() string {
	if a.Filename == "" {
		return "attachment"
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(a.Filename, "_"))
	if len(name) > maxHeader {
		name = strings.ToValidUTF8(name[:maxHeader], "")
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// CheckMessages looks at the messages of Queue.Send.
func CheckMessages(messages []Message) error {
	for i, m := range messages {
		switch {
		case len(m.Body) == 0 || len(m.Body) > MaxMessage:
			return Errorf(Invalid, "message %d has %d bytes, want 1 to %d", i, len(m.Body), MaxMessage)
		case !carried(m.Body):
			return Errorf(Invalid, "message %d is no text of UTF-8 without control characters", i)
		case m.Delay < 0 || m.Delay > MaxDelay:
			return Errorf(Invalid, "message %d has a delay of %v, want 0 to %v", i, m.Delay, MaxDelay)
		case len(m.Group) > MaxGroup || !visible(m.Group):
			return Errorf(Invalid, "message %d is of group %.40q, want at most %d characters of visible ASCII", i, m.Group, MaxGroup)
		}
	}
	return nil
}

// carried reports whether SQS takes the bytes as they are: it refuses what XML cannot say.
func carried(body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	for _, r := range string(body) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// visible reports whether s is of visible ASCII; it may be empty.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// CheckExecution looks at the name of an execution: 1 to 80 of [a-z A-Z 0-9 _ -], as every JobRef is.
func CheckExecution(name string) error {
	if !executionForm.MatchString(name) {
		return Errorf(Invalid, "%.100q is no name of an execution, want 1 to 80 of a-z A-Z 0-9 _ -", name)
	}
	return nil
}

// CheckAnswer looks at the output of Workflow.Answer: one JSON value of at most MaxOutput bytes.
func CheckAnswer(output []byte) error {
	if len(output) > MaxOutput || !json.Valid(output) {
		return Errorf(Invalid, "the output of a task has %d bytes, want one JSON value of at most %d", len(output), MaxOutput)
	}
	return nil
}
