package porttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

var queryCases = []scenario[*rows]{
	{"a query answers every row of a range once across pages", manyRows},
	{"a page has at most Limit rows", pageLimit},
	{"a range begins at From and ends before To", bounds},
	{"Reverse is the same rows from the end", reverse},
	{"a page ends at about 1 MB", largePages},
	{"rows are in byte order whatever their characters", oddKeys},
	{"a query keeps to its partition", partitions},
	{"a cursor keeps its place when its row is gone", cursorPlace},
	{"a cursor that was made up or is of another query is Invalid", foreignCursors},
	{"a query is of a partition and of bounds that could be keys", queryArguments},
	{"expired rows are not in any page", expiredPages},
}

// all collects the rows of q over its pages and holds each page against the contract.
func (r *rows) all(t *testing.T, q dataset.Query) (keys []string, pages int) {
	t.Helper()
	const mostPages = 1500 // a cursor that goes in circles must not hang the suite
	for q.PK = r.pk; ; pages++ {
		var page dataset.Page
		err := patient(t.Context(), func() (err error) { page, err = r.Query(t.Context(), q); return err })
		if err != nil || pages == mostPages {
			t.Fatalf("Query of page %d = %v", pages, err)
		}
		if q.Limit > 0 && len(page.Records) > q.Limit {
			t.Errorf("a page of %d rows, want at most %d", len(page.Records), q.Limit)
		}
		var size int
		for _, row := range page.Records {
			if row.PK != r.pk || row.Version < 1 {
				t.Errorf("row %q/%q at version %d in a query of %q", row.PK, row.SK, row.Version, r.pk)
			}
			size += len(row.Data)
			keys = append(keys, row.SK)
		}
		if size > 1<<20+dataset.MaxRecord {
			t.Errorf("a page of %d bytes, want it to end at about 1 MB", size)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return keys, pages + 1
		}
	}
}

// wantKeys fails the case unless q answers exactly these rows.
func (r *rows) wantKeys(t *testing.T, q dataset.Query, want []string) {
	t.Helper()
	if got, _ := r.all(t, q); !slices.Equal(got, want) {
		t.Errorf("Query(%q ≤ SK < %q, limit %d, reverse %t) = %d rows %.300q, want %d rows %.300q", q.From, q.To, q.Limit, q.Reverse, len(got), got, len(want), want)
	}
}

// keys writes one row under each key and returns the keys in byte order.
func (r *rows) keys(t *testing.T, keys ...string) []string {
	t.Helper()
	var writes []dataset.Write
	for _, sk := range keys {
		writes = append(writes, r.put(sk, `1`))
	}
	r.fill(t, writes)
	return slices.Sorted(slices.Values(keys))
}

func numbered(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("row-%04d", i))
	}
	return keys
}

func manyRows(t *testing.T, r *rows) {
	want := r.keys(t, numbered(1050)...)
	r.wantKeys(t, dataset.Query{}, want)
	r.wantKeys(t, dataset.Query{Limit: 400}, want)
	r.wantKeys(t, dataset.Query{From: "row-0100", To: "row-0900", Limit: 333}, want[100:900])
	slices.Reverse(want)
	r.wantKeys(t, dataset.Query{Limit: 400, Reverse: true}, want)
}

func pageLimit(t *testing.T, r *rows) {
	want := r.keys(t, numbered(10)...)
	for _, limit := range []int{1, 3, 9, 10, 11, 5000} {
		r.wantKeys(t, dataset.Query{Limit: limit}, want)
	}
	r.wantKeys(t, dataset.Query{From: "row-0008", Limit: 1}, want[8:])
	r.wantKeys(t, dataset.Query{From: "x", Limit: 1}, nil)
}

func bounds(t *testing.T, r *rows) {
	want := r.keys(t, "a", "b", "ba", "c", "d")
	for _, c := range []struct {
		from, to    string
		first, last int
	}{
		{"", "", 0, 5},
		{"b", "", 1, 5},
		{"b", "c", 1, 3},
		{"b", "d", 1, 4},
		{"aa", "bz", 1, 3},
		{"b", "b", 0, 0},
		{"c", "b", 0, 0},
		{"", "a", 0, 0},
		{"", "b", 0, 1},
		{"d", "", 4, 5},
		{"e", "", 0, 0},
		{"ba", "ba\x01", 2, 3},
	} {
		part := slices.Clone(want[c.first:c.last])
		for _, limit := range []int{0, 1, 2} {
			r.wantKeys(t, dataset.Query{From: c.from, To: c.to, Limit: limit}, part)
		}
		slices.Reverse(part)
		for _, limit := range []int{0, 1, 2} {
			r.wantKeys(t, dataset.Query{From: c.from, To: c.to, Limit: limit, Reverse: true}, part)
		}
	}
}

func reverse(t *testing.T, r *rows) {
	want := r.keys(t, numbered(25)...)
	slices.Reverse(want)
	for _, limit := range []int{0, 1, 7, 25} {
		r.wantKeys(t, dataset.Query{Limit: limit, Reverse: true}, want)
	}
	page, err := r.Query(t.Context(), dataset.Query{PK: r.pk, Limit: 1, Reverse: true})
	if err != nil || len(page.Records) > 1 || len(page.Records) == 1 && page.Records[0].SK != want[0] {
		t.Errorf("the newest row = %+v, %v, want %s", page, err, want[0])
	}
}

func largePages(t *testing.T, r *rows) {
	const n = 12
	data := string(document(300 << 10))
	want := numbered(n)
	for _, sk := range want {
		r.must(t, r.put(sk, data))
	}
	for _, q := range []dataset.Query{{}, {Limit: n}, {Limit: 2}} {
		r.wantKeys(t, q, want)
	}
	got, pages := r.all(t, dataset.Query{Reverse: true})
	slices.Reverse(got)
	if !slices.Equal(got, want) || pages < 3 {
		t.Errorf("reverse: %d rows on %d pages, want %d rows on at least 3", len(got), pages, n)
	}
}

func oddKeys(t *testing.T, r *rows) {
	odd := []string{
		" ", "!", "\"", "#", "%", "'", "*", "+", "-", ".", "..", "/", "//", "0", "00", "10", "9", ":", ";--", "=", "?", "@",
		"A", "AA", "Z", "\\", "_", "`", "a", "a ", "a\tb", "a\nb", "a b", "a#b", "aB", "ab", "z", "{", "~", "\x01", "\x7f",
		"\u00e9", "e\u0301", "ß", "ı", "ﬀ", "中", "\uffee", "\U0001f9ab", strings.Repeat("~", 200),
	}
	want := r.keys(t, odd...)
	r.wantKeys(t, dataset.Query{}, want)
	r.wantKeys(t, dataset.Query{Limit: 7}, want)
	r.wantKeys(t, dataset.Query{From: "A", To: "a", Limit: 1}, want[slices.Index(want, "A"):slices.Index(want, "a")])
	for i, sk := range want {
		r.want(t, sk, `1`, 1)
		r.must(t, r.when(sk, fmt.Sprint(i), 1))
	}
	other := &rows{Table: r.Table, pk: r.pk + " ' % \" \\ é \U0001f9ab"}
	other.must(t, other.put("a", `"other"`))
	other.want(t, "a", `"other"`, 1)
}

func partitions(t *testing.T, r *rows) {
	longer := &rows{Table: r.Table, pk: r.pk + "#"}
	upper := &rows{Table: r.Table, pk: strings.ToUpper(r.pk)}
	want := r.keys(t, "b")
	longer.keys(t, "a", "c")
	upper.keys(t, "a", "c", "d")
	r.wantKeys(t, dataset.Query{}, want)
	r.wantKeys(t, dataset.Query{From: "a", To: "z"}, want)
	r.want(t, "a", "", 0)
}

func cursorPlace(t *testing.T, r *rows) {
	keys := r.keys(t, numbered(20)...)
	for _, backwards := range []bool{false, true} {
		q := dataset.Query{PK: r.pk, Limit: 5, Reverse: backwards}
		page, err := r.Query(t.Context(), q)
		if err != nil || len(page.Records) == 0 {
			t.Fatalf("Query = %d rows, %v, want some", len(page.Records), err)
		}
		last := page.Records[len(page.Records)-1].SK
		r.must(t, r.delete(last, dataset.Any))
		want := keys[slices.Index(keys, last)+1:]
		if backwards {
			want = slices.Clone(keys[:slices.Index(keys, last)])
			slices.Reverse(want)
		}
		q.Cursor = page.Cursor
		got, _ := r.all(t, q)
		if !slices.Equal(got, want) {
			t.Errorf("after row %s went: %q, want %q", last, got, want)
		}
		r.must(t, r.put(last, `1`))
	}
}

func foreignCursors(t *testing.T, r *rows) {
	want := r.keys(t, numbered(10)...)
	q := dataset.Query{PK: r.pk, From: "row-0001", To: "row-0009", Limit: 3}
	page, err := r.Query(t.Context(), q)
	if err != nil || page.Cursor == "" {
		t.Fatalf("Query = %+v, %v, want a page with a cursor", page, err)
	}
	for name, change := range map[string]func(*dataset.Query){
		"made up": func(q *dataset.Query) { q.Cursor = "row-0003" }, "in base64": func(q *dataset.Query) { q.Cursor = "cm93LTAwMDM" },
		"cut": func(q *dataset.Query) { q.Cursor = q.Cursor[1:] }, "of another partition": func(q *dataset.Query) { q.PK += "#" },
		"of another From": func(q *dataset.Query) { q.From = "row-0002" }, "of another To": func(q *dataset.Query) { q.To = "" },
		"of the other way": func(q *dataset.Query) { q.Reverse = true },
	} {
		other := q
		other.Cursor = page.Cursor
		change(&other)
		_, err := r.Query(t.Context(), other)
		wantKind(t, "Query with a cursor "+name, err, dataset.Invalid)
	}
	q.Cursor, q.Limit = page.Cursor, 100 // the Limit may change
	last := page.Records[len(page.Records)-1].SK
	if got, _ := r.all(t, q); !slices.Equal(got, want[slices.Index(want, last)+1:9]) {
		t.Errorf("the pages after %s = %q", last, got)
	}
}

func queryArguments(t *testing.T, r *rows) {
	long := strings.Repeat("k", dataset.MaxKey)
	for name, q := range map[string]dataset.Query{
		"no partition": {From: "a"}, "a long partition": {PK: long + "k"}, "a partition that is no text": {PK: "\xff"},
		"a long From": {PK: r.pk, From: long + "k"}, "a long To": {PK: r.pk, To: long + "k"},
		"a From that is no text": {PK: r.pk, From: "\xff"}, "a To that is no text": {PK: r.pk, To: "a\xff"}, "less than no rows": {PK: r.pk, Limit: -1},
	} {
		_, err := r.Query(t.Context(), q)
		wantKind(t, "Query of "+name, err, dataset.Invalid)
	}
	r.wantKeys(t, dataset.Query{From: long, To: long}, nil)
}

func expiredPages(t *testing.T, r *rows) {
	var writes []dataset.Write
	var want []string
	for i, sk := range numbered(100) {
		w := r.put(sk, `1`)
		if i%25 != 10 {
			w.Expires = time.Now().Add(-time.Hour)
		} else {
			want = append(want, sk)
		}
		writes = append(writes, w)
	}
	r.fill(t, writes)
	r.wantKeys(t, dataset.Query{}, want)
	r.wantKeys(t, dataset.Query{Limit: 3}, want)
	slices.Reverse(want)
	r.wantKeys(t, dataset.Query{Limit: 3, Reverse: true}, want)
}
