package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
)

var rowCases = []scenario[*rows]{
	{"a row is read as it was written", readAsWritten},
	{"records belong to who reads or writes them", recordsNotShared},
	{"Get of no row is NotFound", getNotFound},
	{"a version is 1 when new and one more with each write", versionsCount},
	{"Any writes whatever is there", anyCondition},
	{"Absent writes only where no row is", absentCondition},
	{"an exact version writes only over that version", exactCondition},
	{"a delete obeys its condition", deleteCondition},
	{"of two writes on the same version one succeeds", oneWinner},
	{"no update is lost", noLostUpdate},
	{"reads see every write answered before they began", readAfterWrite},
	{"a record ends at MaxRecord", recordLimit},
	{"a key ends at MaxKey and is not empty", keyLimits},
	{"an expired row is absent", expiredRow},
	{"a row that expires later is there", expiresLater},
	{"Expires is kept in whole seconds, rounded up", expiresInSeconds},
	{"a done context is Unavailable", tableContext},
}

func readAsWritten(t *testing.T, r *rows) {
	data := `{"text": "späte\u0000 <&> 🦫", "n": 1e3 }`
	r.must(t, r.put("a", data))
	got := r.read(t, "a")
	if got.PK != r.pk || got.SK != "a" || string(got.Data) != data || got.Version != 1 || !got.Expires.IsZero() {
		t.Errorf("Get = %+v (data %s), want the row as written at version 1, without expiry", got, got.Data)
	}
}

func recordsNotShared(t *testing.T, r *rows) {
	w := r.put("a", `"first"`)
	r.must(t, w)
	copy(w.Data, `"spoil"`)
	got := r.read(t, "a")
	copy(got.Data, `"spoil"`)
	r.want(t, "a", `"first"`, 1)
}

func getNotFound(t *testing.T, r *rows) {
	r.want(t, "a", "", 0)
	r.must(t, r.put("a", `1`))
	r.want(t, "b", "", 0)
	r.must(t, r.delete("a", dataset.Any))
	r.want(t, "a", "", 0)
}

func versionsCount(t *testing.T, r *rows) {
	for v, condition := range []int64{dataset.Absent, dataset.Any, 2, 3, dataset.Any} {
		data := fmt.Sprint(v)
		r.must(t, r.when("a", data, condition))
		r.want(t, "a", data, int64(v+1))
	}
	w := r.when("a", `"given"`, 5)
	w.Version = 77 // the table counts, not the writer
	r.must(t, w)
	r.want(t, "a", `"given"`, 6)
	r.must(t, r.delete("a", 6))
	r.must(t, r.when("a", `"again"`, dataset.Absent))
	r.want(t, "a", `"again"`, 1)
}

func anyCondition(t *testing.T, r *rows) {
	r.must(t, r.put("a", `1`))
	r.must(t, r.put("a", `2`))
	r.want(t, "a", `2`, 2)
}

func absentCondition(t *testing.T, r *rows) {
	r.must(t, r.when("a", `1`, dataset.Absent))
	wantRefused(t, r.try(t.Context(), r.when("a", `2`, dataset.Absent)), 0)
	r.want(t, "a", `1`, 1)
}

func exactCondition(t *testing.T, r *rows) {
	wantRefused(t, r.try(t.Context(), r.when("a", `0`, 1)), 0)
	r.want(t, "a", "", 0)
	r.must(t, r.put("a", `1`))
	r.must(t, r.when("a", `2`, 1))
	for _, stale := range []int64{1, 3} {
		wantRefused(t, r.try(t.Context(), r.when("a", `"lost"`, stale)), 0)
	}
	r.want(t, "a", `2`, 2)
}

func deleteCondition(t *testing.T, r *rows) {
	r.must(t, r.delete("none", dataset.Any))
	wantRefused(t, r.try(t.Context(), r.delete("none", 1)), 0)
	r.must(t, r.put("a", `1`))
	r.must(t, r.put("a", `2`))
	wantRefused(t, r.try(t.Context(), r.delete("a", 1)), 0)
	wantRefused(t, r.try(t.Context(), r.delete("a", dataset.Absent)), 0)
	r.want(t, "a", `2`, 2)
	r.must(t, r.delete("a", 2))
	r.want(t, "a", "", 0)
}

func oneWinner(t *testing.T, r *rows) {
	const rounds, writers = 10, 8
	for version := range int64(rounds) { // version 0 is Absent: a race to create
		var winners [writers]bool
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				err := r.try(t.Context(), r.when("a", fmt.Sprint(i), version))
				if winners[i] = err == nil; err != nil {
					wantRefused(t, err, 0)
				}
			})
		}
		wg.Wait()
		got := r.read(t, "a")
		if n := number(got); !winners[n] || got.Version != version+1 {
			t.Errorf("row holds writer %d at version %d, want a winner at version %d", n, got.Version, version+1)
		}
		if n := len(slices.DeleteFunc(winners[:], func(won bool) bool { return !won })); n != 1 {
			t.Fatalf("%d writers on version %d succeeded, want 1", n, version)
		}
	}
}

func noLostUpdate(t *testing.T, r *rows) {
	const writers, each = 5, 6
	r.must(t, r.put("n", `0`))
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := r.increment(t.Context(), "n"); err != nil {
					t.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	r.want(t, "n", fmt.Sprint(writers*each), writers*each+1)
}

// increment reads, adds one and writes under the version read, until that succeeds.
func (r *rows) increment(ctx context.Context, sk string) error {
	const tries = 500
	for range tries {
		var row dataset.Record
		err := patient(ctx, func() (err error) { row, err = r.Get(ctx, r.pk, sk); return err })
		if err != nil {
			return err
		}
		err = r.try(ctx, r.when(sk, fmt.Sprint(number(row)+1), row.Version))
		if !dataset.Is(err, dataset.Conflict) {
			return err
		}
	}
	return errors.New("refused each time")
}

func readAfterWrite(t *testing.T, r *rows) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			sk := fmt.Sprintf("row-%d", i)
			for v := range 8 {
				if err := r.try(t.Context(), r.put(sk, fmt.Sprint(v))); err != nil {
					t.Errorf("Write = %v", err)
					return
				}
				got, err := r.Get(t.Context(), r.pk, sk)
				if err != nil || number(got) != v || got.Version != int64(v+1) {
					t.Errorf("Get after write %d = %s at version %d, %v", v, got.Data, got.Version, err)
				}
				page, err := r.Query(t.Context(), dataset.Query{PK: r.pk, From: sk, To: sk + "."})
				if err != nil || len(page.Records) != 1 || number(page.Records[0]) != v {
					t.Errorf("Query after write %d = %d rows, %v, want the row just written", v, len(page.Records), err)
				}
			}
		})
	}
	wg.Wait()
}

func recordLimit(t *testing.T, r *rows) {
	full := string(document(dataset.MaxRecord))
	r.must(t, r.put("full", full))
	r.want(t, "full", full, 1)
	over := r.put("over", string(document(dataset.MaxRecord+1)))
	wantKind(t, "Write above MaxRecord", r.try(t.Context(), over), dataset.Invalid)
	wantKind(t, "Write above MaxRecord with another", r.try(t.Context(), r.put("b", `1`), over), dataset.Invalid)
	r.want(t, "over", "", 0)
	r.want(t, "b", "", 0)
}

func keyLimits(t *testing.T, r *rows) {
	long := strings.Repeat("k", dataset.MaxKey)
	r.must(t, r.put(long, `1`))
	r.want(t, long, `1`, 1)
	pk := &rows{Table: r.Table, pk: r.pk + strings.Repeat("p", dataset.MaxKey-len(r.pk))}
	pk.must(t, pk.put(long, `1`))
	pk.want(t, long, `1`, 1)
	for _, bad := range []struct{ pk, sk string }{{r.pk, long + "k"}, {pk.pk + "p", "a"}, {r.pk, ""}, {"", "a"}, {r.pk, "a\xff"}, {"\xff", "a"}} {
		_, err := r.Get(t.Context(), bad.pk, bad.sk)
		wantKind(t, fmt.Sprintf("Get of keys of %d and %d bytes", len(bad.pk), len(bad.sk)), err, dataset.Invalid)
		w := r.put(bad.sk, `1`)
		w.PK = bad.pk
		what := fmt.Sprintf("Write of keys of %d and %d bytes", len(bad.pk), len(bad.sk))
		wantKind(t, what, r.try(t.Context(), w), dataset.Invalid)
		wantKind(t, what+" with another", r.try(t.Context(), r.put("b", `1`), w), dataset.Invalid)
	}
	r.want(t, "b", "", 0)
}

func expiredRow(t *testing.T, r *rows) {
	past := time.Now().Add(-time.Minute)
	old := func(sk string) {
		w := r.put(sk, `"old"`)
		w.Expires = past
		r.must(t, w)
	}
	for _, sk := range []string{"a", "b", "c", "d", "e"} {
		old(sk)
		r.want(t, sk, "", 0)
	}
	page, err := r.Query(t.Context(), dataset.Query{PK: r.pk})
	if err != nil || len(page.Records) != 0 {
		t.Errorf("Query = %d rows, %v, want none: all are expired", len(page.Records), err)
	}
	wantRefused(t, r.try(t.Context(), r.when("a", `1`, 1)), 0)
	wantRefused(t, r.try(t.Context(), r.delete("a", 1)), 0)
	wantRefused(t, r.try(t.Context(), r.check("a", 1), r.check("b", dataset.Absent), r.put("x", `1`)), 0)
	r.must(t, r.check("a", dataset.Absent), r.when("b", `"new"`, dataset.Absent), r.put("c", `"new"`))
	r.must(t, r.when("d", `"new"`, dataset.Absent))
	r.must(t, r.put("e", `"new"`))
	for _, sk := range []string{"b", "c", "d", "e"} {
		got := r.read(t, sk)
		if string(got.Data) != `"new"` || got.Version < 1 || !got.Expires.IsZero() {
			t.Errorf("row %s = %s, version %d, expires %v, want it new and without expiry", sk, got.Data, got.Version, got.Expires)
		}
		r.must(t, r.when(sk, `2`, got.Version))
	}
}

func expiresLater(t *testing.T, r *rows) {
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	w := r.put("a", `1`)
	w.Expires = later
	r.must(t, w)
	if got := r.read(t, "a"); !got.Expires.Equal(later) {
		t.Errorf("Expires = %v, want %v", got.Expires, later)
	}
	page, err := r.Query(t.Context(), dataset.Query{PK: r.pk})
	if err != nil || len(page.Records) != 1 || !page.Records[0].Expires.Equal(later) {
		t.Errorf("Query = %+v, %v, want the row with its expiry", page, err)
	}
	wantRefused(t, r.try(t.Context(), r.when("a", `2`, dataset.Absent)), 0)
	r.must(t, r.when("a", `2`, 1))
	if got := r.read(t, "a"); !got.Expires.IsZero() {
		t.Errorf("Expires after a write without one = %v, want none", got.Expires)
	}
}

func expiresInSeconds(t *testing.T, r *rows) {
	whole := time.Now().Add(time.Hour).Truncate(time.Second)
	for after, want := range map[time.Duration]time.Time{
		0: whole, 1: whole.Add(time.Second), 300 * time.Millisecond: whole.Add(time.Second), time.Second - 1: whole.Add(time.Second),
	} {
		w := r.put("a", `1`)
		w.Expires = whole.Add(after)
		r.must(t, w)
		if got := r.read(t, "a"); !got.Expires.Equal(want) {
			t.Errorf("Expires = %v after it was written as %v, want %v", got.Expires, w.Expires, want)
		}
	}
}

func tableContext(t *testing.T, r *rows) {
	r.must(t, r.put("a", `1`))
	_, err := r.Get(ended(t), r.pk, "a")
	wantKind(t, "Get", err, dataset.Unavailable)
	_, err = r.Query(ended(t), dataset.Query{PK: r.pk})
	wantKind(t, "Query", err, dataset.Unavailable)
	wantKind(t, "Write", r.Write(ended(t), r.put("b", `1`)), dataset.Unavailable)
	wantKind(t, "Write of two", r.Write(ended(t), r.put("b", `1`), r.put("c", `1`)), dataset.Unavailable)
}
