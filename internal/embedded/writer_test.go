package embedded

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

// asGroup makes the calls in one group, in their order, and returns their errors. It needs a bubble.
func asGroup(s *Store, calls ...func() error) []error {
	hold, held := make(chan struct{}), make(chan error, 1)
	go func() { held <- s.write(context.Background(), 0, func(*tx) error { <-hold; return nil }) }()
	synctest.Wait() // the writer waits in that operation, the next ones queue behind it
	errs, done := make([]error, len(calls)), make(chan struct{})
	for i, call := range calls {
		go func() { errs[i] = call(); done <- struct{}{} }()
		synctest.Wait()
	}
	close(hold)
	for range calls {
		<-done
	}
	<-held
	return errs
}

func TestGroupSeesItsEffectsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		write := func(data string, version int64) func() error {
			w := row("a", data)
			w.If = version
			return func() error { return s.Table().Write(t.Context(), w) }
		}
		errs := asGroup(s, write(`1`, dataset.Absent), write(`no`, dataset.Absent), write(`2`, 1), write(`no`, 1), write(`3`, dataset.Any))
		var kinds []dataset.Kind
		for _, err := range errs {
			kinds = append(kinds, dataset.KindOf(err))
		}
		if want := []dataset.Kind{"", dataset.Conflict, "", dataset.Conflict, ""}; !slices.Equal(kinds, want) {
			t.Errorf("kinds = %q, want %q", kinds, want)
		}
		if r, err := s.Table().Get(t.Context(), "p", "a"); err != nil || string(r.Data) != `3` || r.Version != 3 {
			t.Errorf("Get = %+v, %v, want 3 at version 3", r, err)
		}
	})
}

func TestFailedTransactionFailsItsWholeGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		put := func(key string) func() error {
			return func() error { return s.Blobs().Put(t.Context(), key, []byte("x")) }
		}
		broken := func() error {
			return s.write(t.Context(), 0, func(t *tx) error {
				_, err := t.exec("INSERT INTO rows (pk, sk, ver, expires, data) VALUES (x'00', x'00', 1, 0, NULL)")
				return err
			})
		}
		for i, err := range asGroup(s, put("a"), put("a"), broken, put("b")) {
			wantKind(t, fmt.Sprintf("call %d", i), err, dataset.Internal)
		}
		if got, err := s.Blobs().List(t.Context(), "", ""); err != nil || len(got) != 0 {
			t.Errorf("List = %v, %v, want nothing of the group", got, err)
		}
		if errs := asGroup(s, put("a"), put("b")); errs[0] != nil || errs[1] != nil {
			t.Errorf("the next group = %v, want it to succeed", errs)
		}
	})
}

func TestEndedCallIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		errs := asGroup(s,
			func() error { return s.Table().Write(ctx, row("a", `1`)) },
			func() error { cancel(); return s.Table().Write(t.Context(), row("b", `1`)) })
		wantKind(t, "ended Write", errs[0], dataset.Unavailable)
		wantKind(t, "other Write", errs[1], "")
		_, err := s.Table().Get(t.Context(), "p", "a")
		wantKind(t, "Get", err, dataset.NotFound)
	})
}

func TestGroupsAreBounded(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    []int // operations of the groups
	}{
		{slices.Repeat([]int{1}, 2*maxGroup+5), []int{maxGroup, maxGroup, 5}},
		{slices.Repeat([]int{5 << 20}, 5), []int{2, 2, 1}},
		{[]int{1, 50 << 20, 1, 1}, []int{2, 2}},
	} {
		w := &writer{wake: make(chan struct{}, 1)}
		for _, weight := range c.weights {
			w.add(&op{weight: weight})
		}
		var got []int
		for {
			group, _ := w.take()
			if len(group) == 0 {
				break
			}
			got = append(got, len(group))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("groups of %d operations = %v, want %v", len(c.weights), got, c.want)
		}
	}
}

func TestExpiredRowsAreDeletedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		const expiring = 2*cleanRows + 10
		for i := 0; i < expiring; i += 10 {
			writes := make([]dataset.Write, 10)
			for n := range writes {
				writes[n] = row(fmt.Sprint(i+n), `1`)
				writes[n].Expires = time.Now().Add(time.Hour)
			}
			mustWrite(t, s, writes...)
		}
		mustWrite(t, s, row("stays", `1`))
		count := func() (n int) {
			_, err := s.reader.get(t.Context(), "SELECT COUNT(*) FROM rows", nil, &n)
			must(t, err)
			return n
		}
		time.Sleep(time.Hour - time.Second)
		mustWrite(t, s, row("stays", `2`))
		if n := count(); n != expiring+1 {
			t.Errorf("%d rows before they expire, want %d", n, expiring+1)
		}
		time.Sleep(2 * time.Minute)
		for _, want := range []int{expiring + 1 - cleanRows, expiring + 1 - 2*cleanRows, 1, 1} {
			mustWrite(t, s, row("stays", `3`))
			if n := count(); n != want {
				t.Errorf("%d rows left, want %d", n, want)
			}
		}
	})
}
