package dataset

import (
	"bytes"
	"fmt"
	"math"
	"mime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// verdict fails the test unless err is nil, when ok, or else Invalid.
func verdict(t *testing.T, what string, err error, ok bool) {
	t.Helper()
	if ok && err != nil || !ok && !Is(err, Invalid) {
		t.Errorf("%s = %v, want it taken: %t", what, err, ok)
	}
}

func testWrite(sk string, size int) Write {
	return Write{Record: Record{PK: "p", SK: sk, Data: make([]byte, size)}, If: Any}
}

func TestCheckWrites(t *testing.T) {
	many := func(n, size int) (all []Write) {
		for i := range n {
			all = append(all, testWrite(fmt.Sprintf("%04d", i), size))
		}
		return all
	}
	change := func(f func(*Write)) []Write {
		w := testWrite("b", 1)
		f(&w)
		return []Write{testWrite("a", 1), w}
	}
	long := strings.Repeat("k", MaxKey)
	for _, c := range []struct {
		name   string
		writes []Write
		size   int // 0: Invalid
	}{
		{"one", many(1, 3), 8},
		{"none", nil, 0},
		{"the most", many(MaxWrites, 0), 5 * MaxWrites},
		{"one more", many(MaxWrites+1, 0), 0},
		{"the largest", many(1, MaxRecord), MaxRecord + 5},
		{"one that is larger", many(1, MaxRecord+1), 0},
		{"the most bytes", many(20, MaxTransaction/20-5), MaxTransaction},
		{"too many bytes", append(many(20, MaxTransaction/20-5), testWrite("x", 0)), 0},
		{"a row twice", append(many(2, 1), testWrite("0001", 1)), 0},
		{"keys that join alike", change(func(w *Write) { w.PK, w.SK = "pa", "a" }), 7},
		{"no SK", change(func(w *Write) { w.SK = "" }), 0},
		{"no PK", change(func(w *Write) { w.PK = "" }), 0},
		{"the longest keys", change(func(w *Write) { w.PK, w.SK = long, long }), 2*MaxKey + 1 + 3},
		{"a longer SK", change(func(w *Write) { w.SK = long + "k" }), 0},
		{"a longer PK", change(func(w *Write) { w.PK = long + "k" }), 0},
		{"a key that is no text", change(func(w *Write) { w.SK = "\xff" }), 0},
		{"the least condition", change(func(w *Write) { w.If = Any }), 6},
		{"an unknown condition", change(func(w *Write) { w.If = Any - 1 }), 0},
		{"a delete", change(func(w *Write) { w.Delete = true }), 6},
		{"a delete that checks", change(func(w *Write) { w.Delete, w.Check = true, true }), 0},
	} {
		size, err := CheckWrites(c.writes)
		if verdict(t, c.name, err, c.size > 0); size != c.size {
			t.Errorf("%s: %d bytes, want %d", c.name, size, c.size)
		}
	}
}

func TestCheckQuery(t *testing.T) {
	long := strings.Repeat("k", MaxKey)
	for name, c := range map[string]struct {
		q  Query
		ok bool
	}{
		"all":                  {Query{PK: "p"}, true},
		"the longest bounds":   {Query{PK: long, From: long, To: long, Limit: math.MaxInt}, true},
		"no partition":         {Query{From: "a"}, false},
		"a long partition":     {Query{PK: long + "k"}, false},
		"a long From":          {Query{PK: "p", From: long + "k"}, false},
		"a To that is no text": {Query{PK: "p", To: "a\xff"}, false},
		"fewer than no rows":   {Query{PK: "p", Limit: -1}, false},
	} {
		after, err := CheckQuery(c.q)
		if verdict(t, name, err, c.ok); after != "" {
			t.Errorf("%s begins after %q", name, after)
		}
	}
}

func TestCursors(t *testing.T) {
	q := Query{PK: "p", From: "a", To: "z", Limit: 3}
	for _, sk := range []string{"a", "row#1", "b\x00", "bé\U0001f9ab", strings.Repeat("k", MaxKey), "z"} {
		at := q
		at.Cursor, at.Limit = q.CursorAt(sk), 7
		if after, err := CheckQuery(at); err != nil || after != sk {
			t.Errorf("the cursor at %.20q leads to %.20q, %v", sk, after, err)
		}
		for name, change := range map[string]func(*Query){
			"another partition": func(q *Query) { q.PK = "q" }, "another From": func(q *Query) { q.From = "b" },
			"another To": func(q *Query) { q.To = "" }, "the other way": func(q *Query) { q.Reverse = true },
			"a byte less": func(q *Query) { q.Cursor = q.Cursor[:len(q.Cursor)-1] }, "a byte more": func(q *Query) { q.Cursor += "A" },
			"no sum": func(q *Query) { q.Cursor = q.Cursor[cursorDigits:] },
		} {
			other := at
			change(&other)
			_, err := CheckQuery(other)
			verdict(t, name, err, false)
		}
	}
	for _, sk := range []string{"", "9", "z\x00"} {
		at := q
		at.Cursor = q.CursorAt(sk)
		_, err := CheckQuery(at)
		verdict(t, fmt.Sprintf("a cursor at %q, out of bounds", sk), err, false)
	}
	for _, made := range []string{"x", "0", "after:a", "0123456789", "YQ", "00000000YQ"} {
		_, err := CheckQuery(Query{PK: "p", Cursor: made})
		verdict(t, made, err, false)
	}
}

func FuzzCursor(f *testing.F) {
	q := Query{PK: "p"}
	for _, sk := range []string{"a", "row#1", "é"} {
		f.Add(q.CursorAt(sk))
	}
	f.Add("!")
	f.Add("00000000_w")
	f.Fuzz(func(t *testing.T, cursor string) {
		after, err := CheckQuery(Query{PK: "p", Cursor: cursor})
		if err != nil && !Is(err, Invalid) || err == nil && cursor != "" && q.CursorAt(after) != cursor {
			t.Errorf("the cursor %q leads to %q, %v", cursor, after, err)
		}
	})
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for at, want := range map[time.Time]time.Time{
		{}:                       {},
		now:                      now,
		now.Add(1):               now.Add(time.Second),
		now.Add(time.Second - 1): now.Add(time.Second),
		time.Unix(-2, 5):         time.Unix(-1, 0),
		now.In(time.FixedZone("x", 3600)).Add(time.Millisecond): now.Add(time.Second),
	} {
		if got := RoundExpires(at); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("RoundExpires(%v) = %v, want %v", at, got, want)
		}
	}
	r := Record{Expires: now}
	for at, want := range map[time.Time]bool{now.Add(-1): false, now: true, now.Add(1): true} {
		if r.Expired(at) != want || (&Record{}).Expired(at) {
			t.Errorf("a row of %v is expired at %v: %t, want %t, and one without expiry never", now, at, !want, want)
		}
	}
}

func TestCheckBlobs(t *testing.T) {
	long := strings.Repeat("k", MaxKey)
	for key, ok := range map[string]bool{
		"a": true, "A.b_c=d-0/9.JSON": true, "...": true, "a/..b/c..": true, long: true,
		"": false, "/": false, "/a": false, "a/": false, "a//b": false, ".": false, "..": false, "a/./b": false, "../a": false, "a/..": false,
		"a b": false, "a\nb": false, "a\n": false, "a\\b": false, "ä": false, "a+b": false, "a%2fb": false, "a~": false, "\xff": false, long + "k": false,
	} {
		what := fmt.Sprintf("key %.20q", key)
		verdict(t, what, CheckBlobKey(key), ok)
		verdict(t, what+" of a Put", CheckPut(key, nil), ok)
		verdict(t, what+" of a Range", CheckRange(key, 0, 0), ok)
		verdict(t, what+" of a Delete", CheckDelete([]string{"a", key, "b"}), ok)
		verdict(t, what+" of a GET", CheckPresignGet(key, Attachment{}, time.Second), ok)
		verdict(t, what+" of a PUT", CheckPresignPut(key, 1, "text/plain", time.Second), ok)
	}
	verdict(t, "the largest Put", CheckPut("a", make([]byte, MaxBlobPut)), true)
	verdict(t, "a larger Put", CheckPut("a", make([]byte, MaxBlobPut+1)), false)
	verdict(t, "any range", CheckRange("a", math.MaxInt64, math.MaxInt64), true)
	verdict(t, "a negative offset", CheckRange("a", -1, 1), false)
	verdict(t, "a negative length", CheckRange("a", 1, -1), false)
	verdict(t, "a Delete of nothing", CheckDelete(nil), true)
	for s, ok := range map[string]bool{"": true, "a/": true, "a//~": true, long: true, long + "k": false, "a b": false, "ä": false, "a\x00": false} {
		verdict(t, fmt.Sprintf("prefix %.20q", s), CheckList(s, "a"), ok)
		verdict(t, fmt.Sprintf("after %.20q", s), CheckList("a", s), ok)
	}
}

func FuzzBlobKey(f *testing.F) {
	for _, key := range []string{"a", "a/b.c_d=e-f", "", "/", "a//b", "a/..", ".", "a\n", "ä"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if CheckBlobKey(key) != nil {
			return
		}
		for part := range strings.SplitSeq(key, "/") {
			if part == "" || part == "." || part == ".." || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-") != "" {
				t.Errorf("%q is taken as a key", key)
			}
		}
	})
}

func TestCheckPresign(t *testing.T) {
	for valid, ok := range map[time.Duration]bool{
		-time.Minute: false, 0: false, time.Second - 1: false, time.Second: true, MaxPresign: true, MaxPresign + 1: false,
	} {
		verdict(t, fmt.Sprint("a GET for ", valid), CheckPresignGet("a", Attachment{}, valid), ok)
		verdict(t, fmt.Sprint("a PUT for ", valid), CheckPresignPut("a", 1, "text/plain", valid), ok)
	}
	for size, ok := range map[int64]bool{-1: false, 0: false, 1: true, MaxUpload: true, MaxUpload + 1: false} {
		verdict(t, fmt.Sprint("a PUT of ", size), CheckPresignPut("a", size, "text/plain", time.Minute), ok)
	}
	for kind, ok := range map[string]bool{
		"": false, "text/plain": true, "text/csv; charset=utf-8": true, "a b": false, "text/html\r\n": false, "text/html\r\nX: y": false, "text/ä": false,
		"a/" + strings.Repeat("b", maxHeader-2): true, "a/" + strings.Repeat("b", maxHeader-1): false,
	} {
		verdict(t, fmt.Sprintf("a PUT of type %.20q", kind), CheckPresignPut("a", 1, kind, time.Minute), ok)
		verdict(t, fmt.Sprintf("a GET as type %.20q", kind), CheckPresignGet("a", Attachment{ContentType: kind}, time.Minute), ok || kind == "")
	}
}

func FuzzDisposition(f *testing.F) {
	for _, name := range []string{"a.jsonl", `données "1" 100%.csv`, "a;b", "a\r\nSet-Cookie: b", "\xff", "", strings.Repeat("ä", 300), "../x"} {
		f.Add(name)
	}
	unsafe := func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }
	f.Fuzz(func(t *testing.T, name string) {
		got := Attachment{Filename: name}.Disposition()
		if got == "" || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("the disposition of %q is %q: no header", name, got)
		}
		kind, params, err := mime.ParseMediaType(got)
		if err != nil || kind != "attachment" {
			t.Fatalf("the disposition of %q is %q: %v", name, got, err)
		}
		file := params["filename"]
		if len(file) > maxHeader || !utf8.ValidString(file) || strings.ContainsFunc(file, unsafe) {
			t.Errorf("the disposition of %q names %q", name, file)
		}
		if len(name) <= maxHeader && utf8.ValidString(name) && !strings.ContainsFunc(name, unsafe) && file != name {
			t.Errorf("the disposition of %q names %q, want it unchanged", name, file)
		}
	})
}

func TestCheckMessages(t *testing.T) {
	for name, c := range map[string]struct {
		m  Message
		ok bool
	}{
		"text":               {Message{Body: []byte("späte\t\r\n\x7f \ue000\ufffd\U0001f9ab")}, true},
		"the largest":        {Message{Body: bytes.Repeat([]byte("x"), MaxMessage)}, true},
		"a larger one":       {Message{Body: bytes.Repeat([]byte("x"), MaxMessage+1)}, false},
		"an empty one":       {Message{}, false},
		"a control sign":     {Message{Body: []byte("a\x00")}, false},
		"no UTF-8":           {Message{Body: []byte("a\xff")}, false},
		"a surrogate":        {Message{Body: []byte("a\xed\xa0\x80")}, false},
		"no character":       {Message{Body: []byte("a\uffff")}, false},
		"the longest delay":  {Message{Body: []byte("x"), Delay: MaxDelay}, true},
		"a longer delay":     {Message{Body: []byte("x"), Delay: MaxDelay + 1}, false},
		"a delay before now": {Message{Body: []byte("x"), Delay: -1}, false},
		"the longest group":  {Message{Body: []byte("x"), Group: strings.Repeat("~", MaxGroup)}, true},
		"a longer group":     {Message{Body: []byte("x"), Group: strings.Repeat("~", MaxGroup+1)}, false},
		"a spaced group":     {Message{Body: []byte("x"), Group: "a b"}, false},
		"a foreign group":    {Message{Body: []byte("x"), Group: "ä"}, false},
	} {
		verdict(t, name, CheckMessages([]Message{{Body: []byte("x")}, c.m}), c.ok)
	}
	verdict(t, "no message", CheckMessages(nil), true)
}

func TestCheckWorkflow(t *testing.T) {
	for name, ok := range map[string]bool{
		JobRef{"local", NewID()}.String(): true, "A-z_0": true, strings.Repeat("n", 80): true,
		"": false, strings.Repeat("n", 81): false, "a b": false, "a:b": false, "a\n": false, "ä": false, "a.b": false,
	} {
		verdict(t, fmt.Sprintf("name %.90q", name), CheckExecution(name), ok)
	}
	for output, ok := range map[string]bool{
		`{}`: true, " 1 ": true, `"` + strings.Repeat("x", MaxOutput-2) + `"`: true,
		"": false, "{": false, "{} {}": false, `"` + strings.Repeat("x", MaxOutput-1) + `"`: false,
	} {
		verdict(t, fmt.Sprintf("output %.20q", output), CheckAnswer([]byte(output)), ok)
	}
}

func BenchmarkCheckBlobKey(b *testing.B) {
	key := ReplyKey("local", NewID(), Hash("a"))
	for b.Loop() {
		if err := CheckBlobKey(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckWrites(b *testing.B) {
	writes := []Write{testWrite("lane#01", 1000), testWrite("lane#02", 1000)}
	for b.Loop() {
		if _, err := CheckWrites(writes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckMessages(b *testing.B) {
	messages := []Message{{Body: []byte(`{"job": "local_0b9a1d3c", "lane": 3, "token": "` + strings.Repeat("x", 600) + `"}`), Group: "local"}}
	for b.Loop() {
		if err := CheckMessages(messages); err != nil {
			b.Fatal(err)
		}
	}
}
