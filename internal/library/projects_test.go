package library_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
)

func TestProjects(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		a, b := newProject(t, l, " Alpha "), newProject(t, l, "beta")
		if a.Number != 1 || b.Number != 2 || a.Name != "Alpha" {
			t.Fatalf("%+v %+v", a, b)
		}
		_, err := l.CreateProject(ctx, us, library.NewProject{Name: "ALPHA"})
		wants(t, err, dataset.Conflict)
		if p, err := l.CreateProject(ctx, us, library.NewProject{ID: a.ID, Name: "Alpha"}); err != nil || p.Number != 1 {
			t.Errorf("the same id again: %+v %v", p, err)
		}
		for _, id := range []string{"1", a.ID, strings.ToUpper(a.ID)} {
			if p, err := l.Project(ctx, us, id); err != nil || p.ID != a.ID {
				t.Errorf("%s: %+v %v", id, p, err)
			}
		}
		for _, id := range []string{"", "0", "-1", "3", "01x", "99999999999999999999", "../x", dataset.NewID(), strings.Repeat("a", 2000), "\xff"} {
			_, err := l.Project(ctx, us, id)
			wants(t, err, dataset.NotFound)
		}
		_, err = l.Project(ctx, them, a.ID)
		wants(t, err, dataset.NotFound)
		if p, err := l.CreateProject(ctx, them, library.NewProject{Name: "alpha"}); err != nil || p.Number != 1 {
			t.Errorf("another tenant: %+v %v", p, err)
		}
		for _, name := range []string{"", "  ", strings.Repeat("x", dataset.MaxName+1), "a\x00b", "\xff"} {
			_, err := l.CreateProject(ctx, us, library.NewProject{Name: name})
			wants(t, err, dataset.Invalid)
		}

		name, text := "Gamma", "what it is for"
		if p, err := l.UpdateProject(ctx, us, "1", library.ProjectChange{Name: &name, Description: &text}); err != nil || p.Name != name || p.Description != text {
			t.Errorf("update: %+v %v", p, err)
		}
		upper := "GAMMA"
		if p, err := l.UpdateProject(ctx, us, "1", library.ProjectChange{Name: &upper}); err != nil || p.Name != upper || p.Description != text {
			t.Errorf("the same name in other case: %+v %v", p, err)
		}
		taken := "Beta"
		_, err = l.UpdateProject(ctx, us, "1", library.ProjectChange{Name: &taken})
		wants(t, err, dataset.Conflict)
		newProject(t, l, "alpha") // the old name is free

		runJob(t, l, b, "job", dataset.Running)
		wants(t, l.DeleteProject(ctx, us, "2"), dataset.Conflict)
		runJob(t, l, b, "job", dataset.Completed)
		deleted, failed, err := l.DeleteProjects(ctx, us, []string{"2", "17", a.ID, "2"})
		if err != nil || !slices.Equal(deleted, []string{"2", a.ID}) || len(failed) != 2 || failed[0].ID != "17" {
			t.Errorf("deleted %v, failed %v, %v", deleted, failed, err)
		}
		wants(t, l.DeleteProject(ctx, us, "2"), dataset.NotFound)
		_, err = l.UpdateProject(ctx, us, b.ID, library.ProjectChange{Name: &name})
		wants(t, err, dataset.NotFound)
		_, err = l.CreateProject(ctx, us, library.NewProject{ID: b.ID, Name: "other"})
		wants(t, err, dataset.Conflict)
		if p := newProject(t, l, "Beta"); p.Number != 4 {
			t.Errorf("number %d was given, want 4: numbers are never given twice", p.Number)
		}
		list, err := l.Projects(ctx, us, library.Window{Page: 1, PerPage: 10})
		if err != nil || len(list.Items) != 2 || list.Total != 2 || list.Items[0].Number != 3 || list.Items[1].Number != 4 {
			t.Errorf("list %+v %v", list, err)
		}
	})
}

func TestListPages(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		const n = 23
		for i := range n {
			newProject(t, l, fmt.Sprint("project ", i))
		}
		for _, per := range []int{1, 5, 22, 23, 24, 1000} {
			for _, byCursor := range []bool{false, true} {
				var got []int
				w := library.Window{Page: 1, PerPage: per}
				for range n + 2 {
					list, err := l.Projects(ctx, us, w)
					if err != nil {
						t.Fatal(err)
					}
					if list.Total != n || list.AtLeast {
						t.Errorf("total %d", list.Total)
					}
					for _, p := range list.Items {
						got = append(got, p.Number)
					}
					if list.Cursor == "" {
						break
					}
					if w.Page++; byCursor {
						w.Page, w.Cursor = 1, list.Cursor
					}
				}
				if len(got) != n || !slices.IsSorted(got) {
					t.Errorf("%d a page, by cursor %v: %v", per, byCursor, got)
				}
			}
		}
		for _, w := range []library.Window{{Page: 0, PerPage: 1}, {Page: 1}, {Page: 1, PerPage: 1001}, {Page: 11, PerPage: 1000}, {Page: 1 << 62, PerPage: 1000}, {Page: 1, PerPage: 5, Cursor: "x"}} {
			_, err := l.Projects(ctx, us, w)
			wants(t, err, dataset.Invalid)
		}
		if list, err := l.Projects(ctx, us, library.Window{Page: 9, PerPage: 10}); err != nil || len(list.Items) != 0 || list.Total != n || list.Cursor != "" {
			t.Errorf("past the end: %+v %v", list, err)
		}
	})
}

// TestListCounts: beyond 10,000 items a list goes on by cursor and says that there are more.
func TestListCounts(t *testing.T) {
	l := inMemory(4)
	ctx := t.Context()
	p := newProject(t, l, "p")
	const n = 10_050
	for i := range n {
		id := fmt.Sprintf("%08d", i)
		at := time.Unix(int64(i), 0)
		write(t, l, dataset.ProjectPK(us, p.ID), dataset.ListSK(dataset.DocumentList, at, id), dataset.Listed{Project: p.ID, ID: id})
		write(t, l, dataset.ProjectPK(us, p.ID), dataset.DocumentSK(id), dataset.Document{ID: id, Tenant: us, Project: p.ID, Added: at})
	}
	if c, err := l.CountDocuments(ctx, p); err != nil || c.N != library.MaxCounted || !c.AtLeast {
		t.Errorf("count %+v %v", c, err)
	}
	list, err := l.Documents(ctx, us, p, library.Window{Page: 10, PerPage: 1000})
	if err != nil || len(list.Items) != 1000 || !list.AtLeast || list.Cursor == "" {
		t.Fatalf("last page that is counted: %v", err)
	}
	list, err = l.Documents(ctx, us, p, library.Window{Page: 1, PerPage: 1000, Cursor: list.Cursor})
	if err != nil || len(list.Items) != 50 || list.Items[49].ID != "00000000" || list.Total != library.MaxCounted || !list.AtLeast || list.Cursor != "" {
		t.Errorf("the rest: %d items, total %d, %v", len(list.Items), list.Total, err)
	}
}

func TestProjectsAtTheSameTime(t *testing.T) {
	l := inMemory(6)
	var all sync.WaitGroup
	var mu sync.Mutex
	numbers, same := map[int]bool{}, 0
	for i := range 16 {
		all.Go(func() {
			p, err := l.CreateProject(t.Context(), us, library.NewProject{Name: strconv.Itoa(i)})
			if err != nil {
				t.Error(err)
				return
			}
			_, err = l.CreateProject(t.Context(), us, library.NewProject{Name: "same"})
			mu.Lock()
			defer mu.Unlock()
			numbers[p.Number] = true
			if err == nil {
				same++
			} else {
				wants(t, err, dataset.Conflict)
			}
		})
	}
	all.Wait()
	if len(numbers) != 16 || same != 1 {
		t.Errorf("%d numbers, %d projects of the same name", len(numbers), same)
	}
}

func TestProjectFaults(t *testing.T) {
	id := dataset.DeriveID("p")
	create := func(l *library.Library) error {
		_, err := l.CreateProject(t.Context(), us, library.NewProject{ID: id, Name: "one"})
		return err
	}
	everyFault(t, nil, create, func(t *testing.T, l *library.Library) {
		list, err := l.Projects(t.Context(), us, library.Window{Page: 1, PerPage: 9})
		if err != nil || len(list.Items) != 1 || list.Items[0].Number != 1 {
			t.Errorf("%+v %v", list, err)
		}
		if p := newProject(t, l, "two"); p.Number != 2 {
			t.Errorf("next number %d", p.Number)
		}
	})
	name := "renamed"
	everyFault(t, func(l *library.Library) { _ = create(l) }, func(l *library.Library) error {
		_, err := l.UpdateProject(t.Context(), us, id, library.ProjectChange{Name: &name})
		return err
	}, func(t *testing.T, l *library.Library) {
		newProject(t, l, "one")
		_, err := l.CreateProject(t.Context(), us, library.NewProject{Name: name})
		wants(t, err, dataset.Conflict)
	})
	everyFault(t, func(l *library.Library) { _ = create(l) }, func(l *library.Library) error {
		return l.DeleteProject(t.Context(), us, id)
	}, func(t *testing.T, l *library.Library) {
		_, err := l.Project(t.Context(), us, id)
		wants(t, err, dataset.NotFound)
		newProject(t, l, "one")
	})
}

// TestPurgeProject: an hour after a project was deleted nothing is left of it but its mark, and its jobs; others stay.
func TestPurgeProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inMemory(3)
		ctx := t.Context()
		p, other := newProject(t, l, "p"), newProject(t, l, "other")
		for _, p := range []*dataset.Project{p, other} {
			addFile(t, l, p, "a.md", "text")
			readyChunks(t, l, p, "b.md", "one", "two")
			publish(t, l, p, "d"+fmt.Sprint(p.Number), 1, someEntries(3))
		}
		if err := l.DeleteProject(ctx, us, p.ID); err != nil {
			t.Fatal(err)
		}
		for _, per := range []int{1, 100} {
			docs, err := l.Documents(ctx, us, nil, library.Window{Page: 1, PerPage: per})
			if err != nil || docs.Total != 2 || docs.Items[0].Project != other.ID {
				t.Errorf("documents of the tenant: %+v %v", docs, err)
			}
			sets, err := l.Datasets(ctx, us, nil, library.Window{Page: 1, PerPage: per})
			if err != nil || sets.Total != 1 || sets.Items[0].ID != "d2" {
				t.Errorf("datasets of the tenant: %+v %v", sets, err)
			}
		}
		_, err := l.FindDataset(ctx, us, "d1")
		wants(t, err, dataset.NotFound)

		before := len(objects(t, l))
		purge := func(wait time.Duration) int {
			time.Sleep(wait)
			for range 20 { // a transaction may be throttled: the next time will do
				if err := l.Purge(ctx); err != nil && !dataset.Is(err, dataset.Throttled) {
					t.Fatal(err)
				}
			}
			return len(objects(t, l))
		}
		if n := purge(59 * time.Minute); n != before {
			t.Errorf("%d of %d objects after less than an hour", n, before)
		}
		runJob(t, l, p, "late", dataset.Running)
		if n := purge(time.Hour); n != before {
			t.Errorf("%d of %d objects while a job runs", n, before)
		}
		runJob(t, l, p, "late", dataset.Failed)
		if n := purge(0); n != before/2 {
			t.Errorf("%d of %d objects, want half", n, before)
		}
		for _, key := range objects(t, l) {
			if strings.Contains(key, p.ID) || strings.Contains(key, "/d1/") {
				t.Errorf("%s is left", key)
			}
		}
		page, err := l.Table.Query(ctx, dataset.Query{PK: dataset.PurgePK})
		if err != nil || len(page.Records) != 0 {
			t.Errorf("left to purge: %+v %v", page, err)
		}
		if v, err := l.Open(ctx, us, "d2"); err != nil {
			t.Errorf("the other dataset: %v %v", v, err)
		}
	})
}

// objects lists all objects.
func objects(t *testing.T, l *library.Library) []string {
	t.Helper()
	var keys []string
	for after := ""; ; {
		page, err := l.Blobs.List(t.Context(), "", after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return keys
		}
		for _, o := range page {
			keys = append(keys, o.Key)
		}
		after = keys[len(keys)-1]
	}
}
