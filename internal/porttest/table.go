package porttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"compileo/internal/dataset"
)

// Table runs the conformance suite of dataset.Table. open is called for each case; it may return the same
// table each time, as every case keeps to partitions of its own. The suite makes about 1,500 writes.
func Table(t *testing.T, open func(t *testing.T) dataset.Table, skip ...Skips) {
	t.Helper()
	o := options{}
	for _, s := range skip {
		o.skip = s
	}
	cases := slices.Concat(rowCases, transactionCases, queryCases)
	runAll(t, o, cases, func(t *testing.T) *rows {
		return &rows{Table: open(t), pk: "T#porttest#" + dataset.NewID()}
	})
}

// rows is a table with a partition that a case has for itself.
type rows struct {
	dataset.Table
	pk string
}

// put is an unconditional write of a row in the partition.
func (r *rows) put(sk, data string) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: r.pk, SK: sk, Data: []byte(data)}, If: dataset.Any}
}

// when is put under a condition.
func (r *rows) when(sk, data string, condition int64) dataset.Write {
	w := r.put(sk, data)
	w.If = condition
	return w
}

// check only looks at a condition.
func (r *rows) check(sk string, condition int64) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: r.pk, SK: sk}, If: condition, Check: true}
}

// delete removes a row under a condition.
func (r *rows) delete(sk string, condition int64) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: r.pk, SK: sk}, If: condition, Delete: true}
}

// try writes, again while throttled.
func (r *rows) try(ctx context.Context, writes ...dataset.Write) error {
	return patient(ctx, func() error { return r.Write(ctx, writes...) })
}

// must writes; the case ends when that fails.
func (r *rows) must(t *testing.T, writes ...dataset.Write) {
	t.Helper()
	if err := r.try(t.Context(), writes...); err != nil {
		t.Fatalf("Write of %d = %v", len(writes), err)
	}
}

// fill writes many rows, 100 at a time.
func (r *rows) fill(t *testing.T, writes []dataset.Write) {
	t.Helper()
	for batch := range slices.Chunk(writes, dataset.MaxWrites) {
		r.must(t, batch...)
	}
}

// read returns the row; the case ends when it is not there.
func (r *rows) read(t *testing.T, sk string) dataset.Record {
	t.Helper()
	var got dataset.Record
	err := patient(t.Context(), func() (err error) {
		got, err = r.Get(t.Context(), r.pk, sk)
		return err
	})
	if err != nil {
		t.Fatalf("Get(%q) = %v", sk, err)
	}
	return got
}

// want fails the case unless the row holds data at version; version 0 is a row that must not be there.
func (r *rows) want(t *testing.T, sk, data string, version int64) {
	t.Helper()
	if version == 0 {
		_, err := r.Get(t.Context(), r.pk, sk)
		wantKind(t, fmt.Sprintf("Get(%q)", sk), err, dataset.NotFound)
		return
	}
	got := r.read(t, sk)
	if string(got.Data) != data || got.Version != version {
		t.Errorf("row %q = %.80q at version %d, want %.80q at version %d", sk, got.Data, got.Version, data, version)
	}
}

// wantRefused fails the case unless err says that the conditions of exactly these writes did not hold.
func wantRefused(t *testing.T, err error, at ...int) {
	t.Helper()
	refused, ok := errors.AsType[*dataset.Refused](err)
	if !ok || refused == nil {
		t.Errorf("Write = %v, want *Refused", err)
		return
	}
	wantKind(t, "Write", err, dataset.Conflict)
	if !slices.Equal(refused.At, at) {
		t.Errorf("Refused.At = %v, want %v", refused.At, at)
	}
}

// number reads a row that holds a number.
func number(r dataset.Record) (n int) {
	_ = json.Unmarshal(r.Data, &n)
	return n
}

// document is a JSON string of exactly size bytes, quotes included.
func document(size int) []byte {
	return slices.Concat([]byte{'"'}, bytes.Repeat([]byte{'x'}, size-2), []byte{'"'})
}
