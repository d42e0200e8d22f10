package library_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/snapshot"
)

const setID = "0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"

func setOfEntries(t *testing.T, l *library.Library, entries []dataset.Entry) *dataset.Project {
	t.Helper()
	p := newProject(t, l, "p")
	publish(t, l, p, setID, 1, entries)
	return p
}

func decode(t *testing.T, raw json.RawMessage) dataset.Entry {
	t.Helper()
	var e dataset.Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func ids(t *testing.T, list []json.RawMessage) []string {
	t.Helper()
	var out []string
	for _, raw := range list {
		out = append(out, decode(t, raw).ID)
	}
	return out
}

func TestDatasets(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := setOfEntries(t, l, someEntries(5))
		publish(t, l, p, "other", 1, someEntries(2))
		for _, id := range []string{setID, "dataset_" + setID, strings.ToUpper(setID)} {
			if d, err := l.FindDataset(ctx, us, id); err != nil || d.ID != setID || d.Version.Entries != 5 {
				t.Errorf("%s: %+v %v", id, d, err)
			}
		}
		for _, id := range []string{"", "x/y", dataset.NewID(), "job_" + setID} {
			_, err := l.FindDataset(ctx, us, id)
			wants(t, err, dataset.NotFound)
		}
		_, err := l.FindDataset(ctx, them, setID)
		wants(t, err, dataset.NotFound)
		// One that no job has published yet is not there.
		write(t, l, dataset.DatasetPK(us, "new"), dataset.DatasetSK, dataset.Dataset{ID: "new", Tenant: us, Project: p.ID})
		_, err = l.FindDataset(ctx, us, "new")
		wants(t, err, dataset.NotFound)
		for _, of := range []*dataset.Project{p, nil} {
			if list, err := l.Datasets(ctx, us, of, library.Window{Page: 1, PerPage: 10}); err != nil || list.Total != 2 || len(list.Items) != 2 {
				t.Errorf("%+v %v", list, err)
			}
		}
		publish(t, l, p, setID, 2, someEntries(7))
		d, err := l.FindDataset(ctx, us, setID)
		if err != nil || d.Version.Name != "1.1.0" {
			t.Fatalf("%+v %v", d, err)
		}
		if list, err := l.Versions(ctx, d, library.Window{Page: 1, PerPage: 10}); err != nil || list.Total != 2 || list.Items[0].Ordinal != 2 {
			t.Errorf("%+v %v", list, err)
		}
		for name, want := range map[string]int{"1": 1, "1.0.0": 1, "2": 2, "1.1.0": 2} {
			if v, err := l.FindVersion(ctx, d, name); err != nil || v.Ordinal != want {
				t.Errorf("version %s: %+v %v", name, v, err)
			}
		}
		for _, name := range []string{"", "0", "3", "1.2.0", "x", "1000000000"} {
			_, err := l.FindVersion(ctx, d, name)
			wants(t, err, dataset.NotFound)
		}

		write(t, l, dataset.JobPK(dataset.JobRef{Tenant: us, ID: "j"}), dataset.JobSK, dataset.Job{Status: dataset.Running})
		locked := *d.Dataset
		locked.Lock = "j"
		write(t, l, dataset.DatasetPK(us, setID), dataset.DatasetSK, locked)
		wants(t, l.DeleteDataset(ctx, us, setID), dataset.Conflict)
		write(t, l, dataset.JobPK(dataset.JobRef{Tenant: us, ID: "j"}), dataset.JobSK, dataset.Job{Status: dataset.Failed})
		deleted, failed, err := l.DeleteDatasets(ctx, us, []string{"dataset_" + setID, setID})
		if err != nil || len(deleted) != 1 || len(failed) != 1 {
			t.Errorf("deleted %v, failed %v, %v", deleted, failed, err)
		}
		_, err = l.Entries(ctx, us, setID, library.EntryQuery{Window: library.Window{Page: 1, PerPage: 1}, Order: snapshot.ByQuality})
		wants(t, err, dataset.NotFound)
		_, err = l.Table.Get(ctx, dataset.ProjectPK(us, p.ID), dataset.DatasetNameSK(d.Name))
		wants(t, err, dataset.NotFound)
		if n, err := l.CountDatasets(ctx, p); err != nil || n.N != 1 {
			t.Errorf("count %+v %v", n, err)
		}
	})
}

func TestDeleteDatasetFaults(t *testing.T) {
	everyFault(t, func(l *library.Library) { setOfEntries(t, l, someEntries(3)) }, func(l *library.Library) error {
		return l.DeleteDataset(t.Context(), us, setID)
	}, func(t *testing.T, l *library.Library) {
		_, err := l.FindDataset(t.Context(), us, setID)
		wants(t, err, dataset.NotFound)
		if list, err := l.Datasets(t.Context(), us, nil, library.Window{Page: 1, PerPage: 10}); err != nil || list.Total != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestPurgeDataset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inMemory(2)
		ctx := t.Context()
		p := setOfEntries(t, l, someEntries(3))
		publish(t, l, p, "other", 1, someEntries(3))
		answer := "Another answer."
		if _, err := l.EditEntry(ctx, us, setID, "entry_1", library.EntryChange{Answer: &answer}); err != nil {
			t.Fatal(err)
		}
		n := len(objects(t, l))
		if err := l.DeleteDataset(ctx, us, setID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		for range 20 {
			_ = l.Purge(ctx) // a transaction may be throttled
		}
		if left := objects(t, l); len(left) != n/2 || strings.Contains(strings.Join(left, " "), setID) {
			t.Errorf("left are %v of %d", left, n)
		}
		page, err := l.Table.Query(ctx, dataset.Query{PK: dataset.DatasetPK(us, setID)})
		if err != nil || len(page.Records) > 2 {
			t.Errorf("%d records %v", len(page.Records), err)
		}
	})
}

// listed is what a query has to give: by sorting and filtering everything.
func listed(all []dataset.Entry, q library.EntryQuery) []string {
	number := func(e dataset.Entry) int { n, _ := snapshot.Ordinal(e.ID); return n }
	level := func(e dataset.Entry) int { return slices.Index(dataset.Difficulties, e.Difficulty) }
	list := slices.DeleteFunc(slices.Clone(all), func(e dataset.Entry) bool {
		return q.MinQuality != nil && e.QualityScore < *q.MinQuality || q.Category != nil && e.Category != *q.Category ||
			q.Difficulty != nil && e.Difficulty != *q.Difficulty || q.Flagged != nil && (len(e.Quality.Faults) > 0) != *q.Flagged ||
			!strings.Contains(strings.ToLower(e.Question+"\n"+e.Answer), strings.ToLower(q.Text))
	})
	slices.SortFunc(list, func(a, b dataset.Entry) int {
		c := 0
		switch q.Order {
		case snapshot.ByQuality:
			c = cmp.Compare(b.QualityScore, a.QualityScore)
		case snapshot.ByCategory:
			c = cmp.Compare(a.Category, b.Category)
		case snapshot.ByDifficulty:
			c = cmp.Compare(level(a), level(b))
		}
		return cmp.Or(c, cmp.Compare(number(a), number(b)))
	})
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.ID
	}
	return out
}

// TestEntries compares pages, by number and by cursor, with sorting and filtering everything, also under edits.
func TestEntries(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		all := someEntries(60)
		setOfEntries(t, l, all)
		for _, k := range []int{0, 7, 8, 30, 59} {
			category, answer := "Botany", fmt.Sprintf("Leaf %d has ÄRGER with coins.", k)
			e, err := l.EditEntry(ctx, us, setID, all[k].ID, library.EntryChange{Category: &category, Answer: &answer})
			if err != nil {
				t.Fatal(err)
			}
			all[k] = decode(t, e.JSON)
		}
		quality, category, difficulty, flagged := 0.4, "Botany", dataset.Advanced, true
		for name, q := range map[string]library.EntryQuery{
			"all":        {},
			"quality":    {MinQuality: &quality},
			"category":   {Category: &category},
			"difficulty": {Difficulty: &difficulty, Flagged: &flagged},
			"text":       {Text: "ärger"},
			"text of":    {Text: "ITEM 1", MinQuality: &quality},
			"no text":    {Text: "nobody wrote this"},
		} {
			for _, q.Order = range []snapshot.Order{snapshot.ByQuality, snapshot.ByCategory, snapshot.ByDifficulty, snapshot.ByNumber} {
				want := listed(all, q)
				for _, q.PerPage = range []int{7, 60, 1000} {
					for _, byCursor := range []bool{false, true} {
						var got []string
						q.Page, q.Cursor = 1, ""
						for range 70 {
							list, err := l.Entries(ctx, us, setID, q)
							if err != nil {
								t.Fatal(name, err)
							}
							if list.Total != len(want) || len(list.Tags) != len(list.Entries) {
								t.Errorf("%s by %s: total %d with %d tags, want %d", name, q.Order, list.Total, len(list.Tags), len(want))
							}
							got = append(got, ids(t, list.Entries)...)
							if list.Cursor == "" {
								break
							}
							if q.Page++; byCursor {
								q.Page, q.Cursor = 1, list.Cursor
							}
						}
						if !slices.Equal(got, want) {
							t.Errorf("%s by %s, %d a page, by cursor %v:\n%v, want\n%v", name, q.Order, q.PerPage, byCursor, got, want)
						}
					}
				}
			}
		}
		w := library.Window{Page: 1, PerPage: 7}
		first, err := l.Entries(ctx, us, setID, library.EntryQuery{Window: w, Order: snapshot.ByQuality})
		if err != nil {
			t.Fatal(err)
		}
		tooMuch, nonsense := 1.5, "hard"
		for name, q := range map[string]library.EntryQuery{
			"order":        {Window: w, Order: "size"},
			"quality":      {Window: w, Order: snapshot.ByQuality, MinQuality: &tooMuch},
			"difficulty":   {Window: w, Order: snapshot.ByQuality, Difficulty: &nonsense},
			"with text":    {Window: w, Order: snapshot.ByQuality, Difficulty: &nonsense, Text: "x"},
			"page":         {Window: library.Window{PerPage: 1}, Order: snapshot.ByQuality},
			"other cursor": {Window: library.Window{Page: 1, PerPage: 7, Cursor: first.Cursor}, Order: snapshot.ByCategory},
			"made up":      {Window: library.Window{Page: 1, PerPage: 7, Cursor: "e30"}, Order: snapshot.ByQuality},
		} {
			if _, err := l.Entries(ctx, us, setID, q); !dataset.Is(err, dataset.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSearchIsBounded(t *testing.T) {
	l := inMemory(2)
	setOfEntries(t, l, someEntries(library.MaxSearched+1))
	q := library.EntryQuery{Window: library.Window{Page: 1, PerPage: 5}, Order: snapshot.ByNumber, Text: "coins"}
	_, err := l.Entries(t.Context(), us, setID, q)
	wants(t, err, dataset.Invalid)
	q.Text, q.Page = "", 4001
	if list, err := l.Entries(t.Context(), us, setID, q); err != nil || len(list.Entries) != 1 || list.Total != library.MaxSearched+1 {
		t.Errorf("%+v %v", list, err)
	}
}
