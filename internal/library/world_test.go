package library_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/embedded"
	"compileo/internal/library"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
	"compileo/internal/snapshot"
)

const (
	us   = dataset.Tenant("us")
	them = dataset.Tenant("them")
)

// presigning adds requests to blobs in memory: whoever sends one puts the object himself.
type presigning struct{ dataset.Blobs }

func (p presigning) PresignPut(_ context.Context, key string, size int64, kind string, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignPut(key, size, kind, valid); err != nil {
		return dataset.Presigned{}, err
	}
	return dataset.Presigned{Method: http.MethodPut, URL: "memory:" + key, Expires: time.Now().Add(valid)}, nil
}

func inMemory(seed uint64) *library.Library {
	w := memory.New(memory.Options{Seed: seed, ShortPages: seed%2 == 1, Throttle: 0.1})
	return &library.Library{Table: w.Table, Blobs: presigning{w.Blobs}, Log: slog.New(slog.DiscardHandler)}
}

// onBoth runs a test in memory and on the embedded ports.
func onBoth(t *testing.T, test func(t *testing.T, l *library.Library)) {
	t.Run("memory", func(t *testing.T) { test(t, inMemory(1)) })
	t.Run("embedded", func(t *testing.T) {
		s, err := embedded.Open(t.TempDir(), embedded.Options{BaseURL: "http://127.0.0.1:1/files"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		test(t, &library.Library{Table: s.Table(), Blobs: s.Blobs(), Log: slog.New(slog.DiscardHandler)})
	})
}

// everyFault does something once for each port call it makes and each fault that may befall this call. When that fails, it is
// done again without faults, as a client would. Then check looks at what is there.
func everyFault(t *testing.T, prepare func(l *library.Library), do func(l *library.Library) error, check func(t *testing.T, l *library.Library)) {
	t.Helper()
	broken := dataset.Errorf(dataset.Unavailable, "broken")
	total := int64(1)
	for n := int64(0); n <= total; n++ {
		for name, fault := range map[string]porttest.Fault{"before": {Before: broken}, "after": {After: broken}, "duplicate": {Duplicate: true}} {
			l := inMemory(2)
			if prepare != nil {
				prepare(l)
			}
			at := ""
			var mu sync.Mutex
			faults := &porttest.Faults{Decide: func(_ context.Context, c porttest.Call) porttest.Fault {
				mu.Lock()
				defer mu.Unlock()
				total = max(total, c.N)
				if c.N == n {
					at = c.Port + "." + c.Method + " " + c.Key
					return fault
				}
				return porttest.Fault{}
			}}
			faulty := &library.Library{Table: faults.Table(l.Table), Blobs: faults.Blobs(l.Blobs), Log: l.Log}
			err := do(faulty)
			if err != nil && errors.Is(err, broken) {
				if err = do(l); dataset.Is(err, dataset.NotFound) {
					err = nil // it was deleted by the try that took effect
				}
			}
			if err != nil {
				t.Errorf("fault %s at call %d, %s: %v", name, n, at, err)
				continue
			}
			t.Run(fmt.Sprint(name, n), func(t *testing.T) { check(t, l) })
			if t.Failed() {
				t.Fatalf("fault %s at call %d of %d, %s", name, n, total, at)
			}
		}
	}
	if total < 2 {
		t.Errorf("%d port calls: nothing was tried", total)
	}
}

func newProject(t *testing.T, l *library.Library, name string) *dataset.Project {
	t.Helper()
	p, err := l.CreateProject(t.Context(), us, library.NewProject{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addFile(t *testing.T, l *library.Library, p *dataset.Project, name, text string) *dataset.Document {
	t.Helper()
	d, _, err := l.AddDocument(t.Context(), p, name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readyChunks(t *testing.T, l *library.Library, p *dataset.Project, name string, texts ...string) *dataset.Document {
	t.Helper()
	in := library.NewChunks{Name: name}
	for _, s := range texts {
		in.Chunks = append(in.Chunks, library.NewChunk{Text: s, Headings: []string{"Chapter"}})
	}
	d, _, err := l.AddChunks(t.Context(), p, in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write puts a record as it is.
func write(t testing.TB, l *library.Library, pk, sk string, v any) {
	t.Helper()
	w, err := dataset.NewRecord(pk, sk, v, dataset.Any)
	if err != nil {
		t.Fatal(err)
	}
	for dataset.Is(err, dataset.Throttled) || err == nil {
		if err = l.Table.Write(t.Context(), w); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// runJob puts the records of a job that runs.
func runJob(t *testing.T, l *library.Library, p *dataset.Project, id string, status dataset.JobStatus) {
	t.Helper()
	ref := dataset.JobRef{Tenant: us, ID: id}
	write(t, l, dataset.JobPK(ref), dataset.JobSK, dataset.Job{Ref: ref, Project: p.ID, Status: status})
	write(t, l, dataset.RunningPK(ref), ref.String(), ref)
}

// publish makes the next version of a dataset, as pipeline.Publish does.
func publish(t testing.TB, l *library.Library, p *dataset.Project, id string, ordinal int, entries []dataset.Entry) {
	t.Helper()
	ctx := t.Context()
	prefix := dataset.VersionPrefix(us, id, fmt.Sprint("job", ordinal))
	w, err := snapshot.NewPart(ctx, l.Blobs, prefix, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Publish(ctx, l.Blobs, prefix, []int{0}, snapshot.Meta{Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 1, 2, 3, 4, 5, ordinal, time.UTC)
	d := dataset.Dataset{ID: id, Tenant: us, Project: p.ID, Name: "set " + id, Current: ordinal, Created: created.Truncate(time.Second)}
	listed, at := dataset.Listed{Project: p.ID, ID: id}, dataset.ListSK(dataset.DatasetList, d.Created, id)
	write(t, l, dataset.DatasetPK(us, id), dataset.VersionSK(ordinal), dataset.Version{
		Ordinal: ordinal, Name: fmt.Sprintf("1.%d.0", ordinal-1), Manifest: prefix, Entries: len(entries), Created: created,
	})
	write(t, l, dataset.DatasetPK(us, id), dataset.DatasetSK, d)
	write(t, l, dataset.ProjectPK(us, p.ID), dataset.DatasetNameSK(d.Name), id)
	write(t, l, dataset.ProjectPK(us, p.ID), at, listed)
	write(t, l, dataset.DatasetsPK(us), at, listed)
}

// someEntries makes n entries with few distinct values of all that is sorted by.
func someEntries(n int) []dataset.Entry {
	list := make([]dataset.Entry, n)
	for i := range list {
		list[i] = dataset.Entry{
			ID: snapshot.EntryID(i + 1), Question: fmt.Sprintf("What costs %d coins?", i), Answer: fmt.Sprintf("Item %d costs %d coins.", i, i),
			Category: []string{"Zoology", "Anatomy", dataset.Uncategorized}[i%3], QualityScore: float64(i%11) / 10,
			Difficulty: dataset.Difficulties[i%4], Split: "train",
		}
		if i%5 == 0 {
			list[i].Quality.Faults = []string{"echo"}
		}
	}
	return list
}

func wants(t *testing.T, err error, kind dataset.Kind) {
	t.Helper()
	if !dataset.Is(err, kind) {
		t.Errorf("got error %v (%s), want %s", err, dataset.KindOf(err), kind)
	}
}
