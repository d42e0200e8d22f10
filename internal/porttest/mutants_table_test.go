package porttest_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

// brokenTable changes single methods of a table.
type brokenTable struct {
	dataset.Table
	get   func(ctx context.Context, pk, sk string) (dataset.Record, error)
	query func(ctx context.Context, q dataset.Query) (dataset.Page, error)
	write func(ctx context.Context, writes []dataset.Write) error
}

func (b *brokenTable) Get(ctx context.Context, pk, sk string) (dataset.Record, error) {
	if b.get != nil {
		return b.get(ctx, pk, sk)
	}
	return b.Table.Get(ctx, pk, sk)
}

func (b *brokenTable) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	if b.query != nil {
		return b.query(ctx, q)
	}
	return b.Table.Query(ctx, q)
}

func (b *brokenTable) Write(ctx context.Context, writes ...dataset.Write) error {
	if b.write != nil {
		return b.write(ctx, slices.Clone(writes))
	}
	return b.Table.Write(ctx, writes...)
}

// eachWrite makes a change to every write of a call.
func (b *brokenTable) eachWrite(change func(*dataset.Write)) {
	b.write = func(ctx context.Context, writes []dataset.Write) error {
		for i := range writes {
			change(&writes[i])
		}
		return b.Table.Write(ctx, writes...)
	}
}

// table adds a table that is spoilt in one way.
func (m *mutants) table(name, finds string, spoil func(b *brokenTable)) {
	*m = append(*m, mutant{"table", name, finds, func(t *testing.T, only porttest.Skips) {
		porttest.Table(t, func(*testing.T) dataset.Table {
			b := &brokenTable{Table: memory.New(memory.Options{}).Table}
			spoil(b)
			return b
		}, only)
	}})
}

func (m *mutants) conditions() {
	ignoreConditions := func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) {
			if !w.Check {
				w.If = dataset.Any
			}
		})
	}
	m.table("ignores Absent", "Absent writes only where no row is", ignoreConditions)
	m.table("ignores versions", "an exact version writes only over that version", ignoreConditions)
	m.table("deletes under any condition", "a delete obeys its condition", ignoreConditions)
	m.table("ignores races", "of two writes on the same version one succeeds", ignoreConditions)
	checkThenAct := func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			for i, w := range writes {
				r, err := b.Table.Get(ctx, w.PK, w.SK)
				if w.If != dataset.Any && w.If != r.Version {
					return &dataset.Refused{At: []int{i}}
				}
				if err != nil && !dataset.Is(err, dataset.NotFound) {
					return err
				}
				writes[i].If = dataset.Any
			}
			for range 1000 { // the others read meanwhile
				runtime.Gosched()
			}
			return b.Table.Write(ctx, writes...)
		}
	}
	m.table("checks, then acts", "of two writes on the same version one succeeds", checkThenAct)
	m.table("loses updates", "no update is lost", checkThenAct)
	m.table("loses transactions", "no transaction is lost", checkThenAct)
}

func (m *mutants) transactions() {
	m.table("writes one by one", "a Write with several rows happens whole or not at all", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			for i, w := range writes {
				if err := b.Table.Write(ctx, w); dataset.Is(err, dataset.Conflict) {
					return &dataset.Refused{At: []int{i}}
				} else if err != nil {
					return err
				}
			}
			return nil
		}
	})
	refusal := func(change func(*dataset.Refused)) func(b *brokenTable) {
		return func(b *brokenTable) {
			b.write = func(ctx context.Context, writes []dataset.Write) error {
				err := b.Table.Write(ctx, writes...)
				if r, ok := errors.AsType[*dataset.Refused](err); ok {
					change(r)
				}
				return err
			}
		}
	}
	const names = "Refused names the writes whose conditions did not hold"
	m.table("names the first refusal only", names, refusal(func(r *dataset.Refused) { r.At = r.At[:1] }))
	m.table("names no refusal", names, refusal(func(r *dataset.Refused) { r.At = nil }))
	m.table("counts refusals from 1", "a check only looks at its condition", refusal(func(r *dataset.Refused) { r.At[0]++ }))
	m.table("says Conflict without Refused", "Absent writes only where no row is", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			if err := b.Table.Write(ctx, writes...); dataset.Is(err, dataset.Conflict) {
				return dataset.Errorf(dataset.Conflict, "refused")
			} else if err != nil {
				return err
			}
			return nil
		}
	})
}

func (m *mutants) sets() {
	m.table("splits large transactions", "a Write has at most MaxWrites rows", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			for part := range slices.Chunk(writes, 50) {
				if err := b.Table.Write(ctx, part...); err != nil {
					return err
				}
			}
			return nil
		}
	})
	m.table("splits transactions of many bytes", "a Write has at most MaxTransaction bytes", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			for part := range slices.Chunk(writes, 10) {
				if err := b.Table.Write(ctx, part...); err != nil {
					return err
				}
			}
			return nil
		}
	})
	m.table("takes writes of nothing", "a Write of nothing, or of what has no meaning, is Invalid", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			if len(writes) == 0 {
				return nil
			}
			return b.Table.Write(ctx, writes...)
		}
	})
	m.table("takes Any for Absent", "Any writes whatever is there", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.If = max(w.If, dataset.Absent) })
	})
	m.table("forgets deletes beside puts", "a Write may put, delete and check in several partitions", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			return b.Table.Write(ctx, slices.DeleteFunc(writes, func(w dataset.Write) bool { return w.Delete && len(writes) > 1 })...)
		}
	})
	m.table("takes the last write of a row", "the rows of a Write are distinct", func(b *brokenTable) {
		b.write = func(ctx context.Context, writes []dataset.Write) error {
			slices.Reverse(writes)
			seen := map[string]bool{}
			return b.Table.Write(ctx, slices.DeleteFunc(writes, func(w dataset.Write) bool {
				before := seen[w.PK+w.SK]
				seen[w.PK+w.SK] = true
				return before
			})...)
		}
	})
	m.table("writes what it should check", "a check only looks at its condition", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.Check = false })
	})
}

func (m *mutants) rows() {
	m.table("forgets keys' case", "rows are in byte order whatever their characters", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.SK = strings.ToLower(w.SK) })
	})
	m.table("answers no row as an empty one", "Get of no row is NotFound", func(b *brokenTable) {
		b.get = func(ctx context.Context, pk, sk string) (dataset.Record, error) {
			r, err := b.Table.Get(ctx, pk, sk)
			if dataset.Is(err, dataset.NotFound) {
				return r, nil
			}
			return r, err
		}
	})
	m.table("cuts keys", "a key ends at MaxKey and is not empty", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.SK = w.SK[:min(len(w.SK), dataset.MaxKey)] })
	})
	m.table("trims data", "a row is read as it was written", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.Data = []byte(strings.ReplaceAll(string(w.Data), " ", "")) })
	})
	m.table("cuts large records", "a record ends at MaxRecord", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.Data = w.Data[:min(len(w.Data), dataset.MaxRecord)] })
	})
	m.table("counts no versions", "a version is 1 when new and one more with each write", func(b *brokenTable) {
		b.get = func(ctx context.Context, pk, sk string) (dataset.Record, error) {
			r, err := b.Table.Get(ctx, pk, sk)
			r.Version = min(r.Version, 1)
			return r, err
		}
	})
	m.table("reads from a cache", "reads see every write answered before they began", func(b *brokenTable) {
		var cache sync.Map
		b.get = func(ctx context.Context, pk, sk string) (dataset.Record, error) {
			r, err := b.Table.Get(ctx, pk, sk)
			if err == nil {
				old, _ := cache.LoadOrStore(pk+sk, r)
				r = old.(dataset.Record)
			}
			return r, err
		}
	})
	m.table("shares its bytes", "records belong to who reads or writes them", func(b *brokenTable) {
		var kept []byte
		b.get = func(ctx context.Context, pk, sk string) (dataset.Record, error) {
			r, err := b.Table.Get(ctx, pk, sk)
			if kept == nil {
				kept = r.Data
			}
			r.Data = kept
			return r, err
		}
	})
	m.table("forgets its context", "a done context is Unavailable", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
			return b.Table.Query(context.WithoutCancel(ctx), q)
		}
	})
}

func (m *mutants) expiry() {
	m.table("forgets expiry", "an expired row is absent", func(b *brokenTable) { b.eachWrite(func(w *dataset.Write) { w.Expires = time.Time{} }) })
	m.table("shows expired rows", "expired rows are not in any page", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.Expires = time.Time{} })
	})
	m.table("expires rows at once", "a row that expires later is there", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) {
			if !w.Expires.IsZero() {
				w.Expires = time.Unix(1, 0)
			}
		})
	})
	m.table("cuts expiry to seconds", "Expires is kept in whole seconds, rounded up", func(b *brokenTable) {
		b.eachWrite(func(w *dataset.Write) { w.Expires = w.Expires.Truncate(time.Second) })
	})
}

func (m *mutants) queries() {
	ask := func(change func(*dataset.Query)) func(b *brokenTable) {
		return func(b *brokenTable) {
			b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
				change(&q)
				return b.Table.Query(ctx, q)
			}
		}
	}
	const bounds = "a range begins at From and ends before To"
	m.table("includes To", bounds, ask(func(q *dataset.Query) {
		if q.To != "" {
			q.To += "\x00"
		}
	}))
	m.table("excludes From", bounds, ask(func(q *dataset.Query) { q.From += "\x00" }))
	m.table("ignores To", bounds, ask(func(q *dataset.Query) { q.To = "" }))
	m.table("ignores Reverse", "Reverse is the same rows from the end", ask(func(q *dataset.Query) { q.Reverse = false }))
	m.table("ignores Limit", "a page has at most Limit rows", ask(func(q *dataset.Query) { q.Limit = 0 }))
	m.table("takes any bounds", "a query is of a partition and of bounds that could be keys", ask(func(q *dataset.Query) {
		q.To = q.To[:min(len(q.To), dataset.MaxKey)]
	}))
	m.table("ends at the first page", "a page ends at about 1 MB", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
			page, err := b.Table.Query(ctx, q)
			page.Cursor = ""
			return page, err
		}
	})
	m.table("makes endless pages", "a page ends at about 1 MB", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (all dataset.Page, err error) {
			for r, err := range dataset.Rows(ctx, b.Table, q) {
				if err != nil {
					return all, err
				}
				all.Records = append(all.Records, r)
			}
			return all, nil
		}
	})
	m.table("mixes partitions", "a query keeps to its partition", ask(func(q *dataset.Query) { q.PK = strings.TrimSuffix(q.PK, "#") + "#" }))
}

func (m *mutants) cursors() {
	m.table("ignores cursors", "a query answers every row of a range once across pages", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
			q.Cursor = ""
			return b.Table.Query(ctx, q)
		}
	})
	m.table("takes any cursor", "a cursor that was made up or is of another query is Invalid", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
			if _, err := dataset.CheckQuery(q); err != nil {
				q.Cursor = ""
			}
			return b.Table.Query(ctx, q)
		}
	})
	m.table("skips a row at each page", "a query answers every row of a range once across pages", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (dataset.Page, error) {
			page, err := b.Table.Query(ctx, q)
			if page.Cursor != "" && len(page.Records) > 0 {
				page.Records = page.Records[1:]
			}
			return page, err
		}
	})
	m.table("counts cursors by place", "a cursor keeps its place when its row is gone", func(b *brokenTable) {
		b.query = func(ctx context.Context, q dataset.Query) (page dataset.Page, err error) {
			place, limit := len(q.Cursor), q.Limit
			q.Cursor, q.Limit = "", 0
			for r, err := range dataset.Rows(ctx, b.Table, q) {
				if page.Records = append(page.Records, r); err != nil {
					return page, err
				}
			}
			page.Records = page.Records[min(place, len(page.Records)):]
			if limit > 0 && len(page.Records) > limit {
				page.Records = page.Records[:limit]
				page.Cursor = strings.Repeat("x", place+limit)
			}
			return page, nil
		}
	})
}
