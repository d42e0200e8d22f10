package memory_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest/memory"
)

func put(sk string, data []byte, condition int64) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: "p", SK: sk, Data: data}, If: condition}
}

func TestRowsExpireAtTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := memory.New(memory.Options{}).Table
		w := put("a", []byte(`1`), dataset.Any)
		w.Expires = time.Now().Add(time.Hour - 300*time.Millisecond) // kept in whole seconds, rounded up
		if err := table.Write(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - 1)
		if _, err := table.Get(t.Context(), "p", "a"); err != nil {
			t.Errorf("Get before it expires = %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := table.Get(t.Context(), "p", "a"); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("Get when it expires = %v, want NotFound", err)
		}
		if err := table.Write(t.Context(), put("a", []byte(`2`), dataset.Absent)); err != nil {
			t.Errorf("Write over the expired row = %v", err)
		}
		if r, err := table.Get(t.Context(), "p", "a"); err != nil || r.Version != 1 {
			t.Errorf("Get = %+v, %v, want version 1", r, err)
		}
	})
}

func TestPagesAreShort(t *testing.T) {
	table := memory.New(memory.Options{ShortPages: true}).Table
	for i := range 100 {
		w := put(fmt.Sprintf("%02d", i), []byte(`1`), dataset.Any)
		if i < 50 {
			w.Expires = time.Now().Add(-time.Minute)
		}
		if err := table.Write(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	pages, empty, rows := 0, 0, 0
	for q := (dataset.Query{PK: "p", Limit: 20}); ; pages++ {
		page, err := table.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if rows += len(page.Records); len(page.Records) == 0 && page.Cursor != "" {
			empty++
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if rows != 50 || pages < 100/8 || empty < 50/8 {
		t.Errorf("%d rows on %d pages, %d of them empty, want 50 rows, on pages of at most 8", rows, pages, empty)
	}
}

func TestTransactionsAreThrottled(t *testing.T) {
	table := memory.New(memory.Options{Throttle: 0.25}).Table
	const n = 1000
	throttled := 0
	for range n {
		if err := table.Write(t.Context(), put("one", []byte(`1`), dataset.Any)); err != nil {
			t.Fatalf("Write of one row = %v", err)
		}
		err := table.Write(t.Context(), put("a", []byte(`1`), dataset.Any), put("b", []byte(`1`), dataset.Any))
		if dataset.Is(err, dataset.Throttled) {
			throttled++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if throttled < n/5 || throttled > n*3/10 {
		t.Errorf("%d of %d transactions were throttled, want about a quarter", throttled, n)
	}
	for _, sk := range []string{"a", "b"} {
		if r, err := table.Get(t.Context(), "p", sk); err != nil || r.Version != int64(n-throttled) {
			t.Errorf("row %s is at version %d, %v, want %d: throttled writes have no effect", sk, r.Version, err, n-throttled)
		}
	}
}

func BenchmarkTableWrite(b *testing.B) {
	table := memory.New(memory.Options{}).Table
	data := make([]byte, 1000)
	n := 0
	for b.Loop() {
		w := put(fmt.Sprintf("%08d", n*7919%100_000), data, dataset.Any)
		if err := table.Write(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkTableQuery(b *testing.B) {
	table := memory.New(memory.Options{}).Table
	for i := range 10_000 {
		if err := table.Write(b.Context(), put(fmt.Sprintf("%08d", i), make([]byte, 200), dataset.Any)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if page, err := table.Query(b.Context(), dataset.Query{PK: "p", From: "00005000", Limit: 100}); err != nil || len(page.Records) != 100 {
			b.Fatal(len(page.Records), err)
		}
	}
}
