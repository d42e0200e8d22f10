package porttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"compileo/internal/dataset"
)

var transactionCases = []scenario[*rows]{
	{"a Write with several rows happens whole or not at all", allOrNothing},
	{"Refused names the writes whose conditions did not hold", refusedAt},
	{"a check only looks at its condition", checkWrites},
	{"a Write may put, delete and check in several partitions", mixedWrite},
	{"the rows of a Write are distinct", distinctRows},
	{"a Write has at most MaxWrites rows", writeLimit},
	{"a Write has at most MaxTransaction bytes", writeBytes},
	{"a Write of nothing, or of what has no meaning, is Invalid", writeMeaning},
	{"no transaction is lost", noLostTransaction},
}

func allOrNothing(t *testing.T, r *rows) {
	r.must(t, r.put("b", `1`))
	err := r.try(t.Context(), r.put("a", `1`), r.when("b", `2`, 7), r.delete("c", dataset.Any))
	wantRefused(t, err, 1)
	r.want(t, "a", "", 0)
	r.want(t, "b", `1`, 1)
	r.must(t, r.put("a", `1`), r.when("b", `2`, 1), r.when("c", `3`, dataset.Absent))
	r.want(t, "a", `1`, 1)
	r.want(t, "b", `2`, 2)
	r.want(t, "c", `3`, 1)
}

func refusedAt(t *testing.T, r *rows) {
	r.must(t, r.put("b", `1`), r.put("d", `1`))
	err := r.try(t.Context(),
		r.put("a", `1`), r.when("b", `2`, 9), r.when("c", `1`, dataset.Absent), r.delete("d", dataset.Absent),
		r.check("e", 1), r.check("f", dataset.Absent))
	wantRefused(t, err, 1, 3, 4)
	for _, sk := range []string{"a", "c", "e"} {
		r.want(t, sk, "", 0)
	}
}

func checkWrites(t *testing.T, r *rows) {
	r.must(t, r.put("a", `1`))
	r.must(t, r.check("a", 1), r.check("none", dataset.Absent), r.put("b", `1`))
	r.want(t, "a", `1`, 1)
	r.want(t, "none", "", 0)
	r.want(t, "b", `1`, 1)
	wantRefused(t, r.try(t.Context(), r.put("b", `2`), r.check("a", 2)), 1)
	wantRefused(t, r.try(t.Context(), r.check("a", dataset.Absent), r.put("b", `2`)), 0)
	r.want(t, "b", `1`, 1)
	r.must(t, r.check("a", 1))
	wantRefused(t, r.try(t.Context(), r.check("a", 2)), 0)
	r.want(t, "a", `1`, 1)
}

func mixedWrite(t *testing.T, r *rows) {
	other := &rows{Table: r.Table, pk: r.pk + "#other"}
	r.must(t, r.put("a", `1`), r.put("b", `1`), other.put("a", `1`))
	r.must(t, r.delete("a", 1), r.check("b", 1), other.when("a", `2`, 1), other.when("b", `2`, dataset.Absent))
	r.want(t, "a", "", 0)
	r.want(t, "b", `1`, 1)
	other.want(t, "a", `2`, 2)
	other.want(t, "b", `2`, 1)
}

func distinctRows(t *testing.T, r *rows) {
	for name, second := range map[string]dataset.Write{
		"put": r.put("a", `2`), "delete": r.delete("a", dataset.Any), "check": r.check("a", dataset.Absent),
	} {
		err := r.try(t.Context(), r.put("a", `1`), r.put("b", `1`), second)
		wantKind(t, "a put and a "+name+" of one row", err, dataset.Invalid)
	}
	r.want(t, "a", "", 0)
	r.want(t, "b", "", 0)
}

func writeLimit(t *testing.T, r *rows) {
	var writes []dataset.Write
	for i := range dataset.MaxWrites + 1 {
		writes = append(writes, r.put(fmt.Sprintf("row-%03d", i), `1`))
	}
	wantKind(t, "Write of 101 rows", r.try(t.Context(), writes...), dataset.Invalid)
	r.want(t, "row-000", "", 0)
	r.must(t, writes[:dataset.MaxWrites]...)
	for _, sk := range []string{"row-000", "row-099"} {
		r.want(t, sk, `1`, 1)
	}
	writes[99].If = dataset.Absent
	wantRefused(t, r.try(t.Context(), writes[:dataset.MaxWrites]...), 99)
	r.want(t, "row-000", `1`, 1)
}

func writeBytes(t *testing.T, r *rows) {
	full := string(document(dataset.MaxRecord))
	var writes []dataset.Write
	for size := 0; size <= dataset.MaxTransaction; size += dataset.MaxRecord {
		writes = append(writes, r.put(fmt.Sprintf("row-%02d", len(writes)), full))
	}
	wantKind(t, fmt.Sprintf("Write of %d full rows", len(writes)), r.try(t.Context(), writes...), dataset.Invalid)
	r.want(t, "row-00", "", 0)
	writes = writes[:len(writes)-1]
	r.must(t, writes...)
	r.want(t, "row-00", full, 1)
	r.want(t, writes[len(writes)-1].SK, full, 1)
}

func writeMeaning(t *testing.T, r *rows) {
	wantKind(t, "Write of nothing", r.Write(t.Context()), dataset.Invalid)
	both, unknown := r.delete("b", dataset.Any), r.when("b", `1`, dataset.Any-1)
	both.Check = true
	for name, w := range map[string]dataset.Write{"a delete that is a check": both, "an unknown condition": unknown} {
		wantKind(t, "Write of "+name, r.try(t.Context(), w), dataset.Invalid)
		wantKind(t, "Write of "+name+" with another", r.try(t.Context(), r.put("a", `1`), w), dataset.Invalid)
	}
	r.want(t, "a", "", 0)
}

func noLostTransaction(t *testing.T, r *rows) {
	const accounts, movers, each = 3, 4, 5
	var balance, version [accounts]int
	for i := range accounts {
		balance[i], version[i] = 100, 1
		r.must(t, r.put(fmt.Sprint(i), `100`))
	}
	var wg sync.WaitGroup
	for m := range movers {
		for i := range each {
			from, to := (m+i)%accounts, (m+i+1)%accounts
			balance[from], balance[to] = balance[from]-1, balance[to]+1
			version[from], version[to] = version[from]+1, version[to]+1
		}
		wg.Go(func() {
			for i := range each {
				if err := r.move(t.Context(), fmt.Sprint((m+i)%accounts), fmt.Sprint((m+i+1)%accounts)); err != nil {
					t.Errorf("move: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	for i := range accounts {
		r.want(t, fmt.Sprint(i), fmt.Sprint(balance[i]), int64(version[i]))
	}
}

// move takes one from a row and gives it to another, under the versions read, until that succeeds.
func (r *rows) move(ctx context.Context, from, to string) error {
	const tries = 500
	for range tries {
		var a, b dataset.Record
		err := patient(ctx, func() (err error) {
			if a, err = r.Get(ctx, r.pk, from); err == nil {
				b, err = r.Get(ctx, r.pk, to)
			}
			return err
		})
		if err != nil {
			return err
		}
		err = r.try(ctx, r.when(from, fmt.Sprint(number(a)-1), a.Version), r.when(to, fmt.Sprint(number(b)+1), b.Version))
		if !dataset.Is(err, dataset.Conflict) {
			return err
		}
	}
	return errors.New("refused each time")
}
