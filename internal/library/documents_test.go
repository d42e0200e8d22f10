package library_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
)

func TestDocuments(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p, q := newProject(t, l, "p"), newProject(t, l, "q")
		a := addFile(t, l, p, "a.md", "alpha")
		b := addFile(t, l, p, "b.md", "beta")
		c := addFile(t, l, q, "a.md", "alpha")
		if a.ID == c.ID {
			t.Error("two projects share a document")
		}
		if d, known, err := l.AddDocument(ctx, p, "other.md", []byte("alpha")); err != nil || !known || d.Name != "a.md" {
			t.Errorf("the same bytes: %+v %v %v", d, known, err)
		}
		for name, data := range map[string][]byte{"x.exe": nil, "": nil, "a\x00.md": nil, strings.Repeat("x", 600) + ".md": nil, "big.md": make([]byte, dataset.MaxDocument+1)} {
			_, _, err := l.AddDocument(ctx, p, name, data)
			wants(t, err, dataset.Invalid)
		}
		list, err := l.Documents(ctx, us, p, library.Window{Page: 1, PerPage: 10})
		if err != nil || len(list.Items) != 2 || list.Items[0].ID != b.ID || list.Items[1].ID != a.ID {
			t.Errorf("newest first: %+v %v", list, err)
		}
		if list, err = l.Documents(ctx, us, nil, library.Window{Page: 1, PerPage: 2}); err != nil || list.Total != 3 || len(list.Items) != 2 || list.Items[0].ID != c.ID {
			t.Errorf("of the tenant: %+v %v", list, err)
		}
		_, err = l.Document(ctx, them, a.ID)
		wants(t, err, dataset.NotFound)
		wants(t, l.DeleteDocument(ctx, them, a.ID), dataset.NotFound)
		if err := l.DeleteDocument(ctx, us, strings.ToUpper(a.ID)); err != nil {
			t.Fatal(err)
		}
		wants(t, l.DeleteDocument(ctx, us, a.ID), dataset.NotFound)
		_, err = l.Document(ctx, us, a.ID)
		wants(t, err, dataset.NotFound)
		if n, err := l.CountDocuments(ctx, p); err != nil || n.N != 1 {
			t.Errorf("count %+v %v", n, err)
		}
		again := addFile(t, l, p, "again.md", "alpha")
		if again.ID != a.ID || again.Name != "again.md" || again.Source == a.Source || again.Objects() == a.Objects() {
			t.Errorf("added again: %+v", again)
		}
		if err := l.DeleteProject(ctx, us, q.ID); err != nil {
			t.Fatal(err)
		}
		_, err = l.Document(ctx, us, c.ID)
		wants(t, err, dataset.NotFound)
	})
}

func TestDocumentFaults(t *testing.T) {
	p := &dataset.Project{ID: "p", Tenant: us}
	prepare := func(l *library.Library) {
		write(t, l, dataset.ProjectPK(us, "p"), dataset.ProjectSK, p)
	}
	add := func(l *library.Library) error {
		_, _, err := l.AddDocument(t.Context(), p, "a.md", []byte("alpha"))
		return err
	}
	one := func(t *testing.T, l *library.Library) {
		for _, of := range []*dataset.Project{p, nil} {
			list, err := l.Documents(t.Context(), us, of, library.Window{Page: 1, PerPage: 9})
			if err != nil || len(list.Items) != 1 || list.Total != 1 {
				t.Fatalf("%+v %v", list, err)
			}
			d, err := l.Document(t.Context(), us, list.Items[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := l.Blobs.Get(t.Context(), d.Source); err != nil || string(b) != "alpha" {
				t.Errorf("source %q %v", b, err)
			}
		}
	}
	everyFault(t, prepare, add, one)
	id := dataset.DeriveID("document", "us", "p", hexSum("alpha"))
	remove := func(l *library.Library) error {
		return l.DeleteDocument(t.Context(), us, id)
	}
	everyFault(t, func(l *library.Library) { prepare(l); _ = add(l) }, remove, func(t *testing.T, l *library.Library) {
		for _, of := range []*dataset.Project{p, nil} {
			if list, err := l.Documents(t.Context(), us, of, library.Window{Page: 1, PerPage: 9}); err != nil || list.Total != 0 {
				t.Errorf("%+v %v", list, err)
			}
		}
		// Added again, it lives on whatever becomes of its earlier life.
		if err := add(l); err != nil {
			t.Fatal(err)
		}
		one(t, l)
	})
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TestDeleteAndAddAgain: what is purged is never of a document that lives.
func TestDeleteAndAddAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inMemory(2)
		ctx := t.Context()
		p := newProject(t, l, "p")
		for range 3 {
			d := addFile(t, l, p, "a.md", "alpha")
			r := readyChunks(t, l, p, "r.md", "one")
			if err := l.DeleteDocument(ctx, us, d.ID); err != nil {
				t.Fatal(err)
			}
			if err := l.DeleteDocument(ctx, us, r.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Minute)
			if err := l.Purge(ctx); err != nil {
				t.Fatal(err)
			}
		}
		d := addFile(t, l, p, "a.md", "alpha")
		r := readyChunks(t, l, p, "r.md", "one")
		time.Sleep(3 * time.Hour)
		if err := l.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if b, err := l.Blobs.Get(ctx, d.Source); err != nil || string(b) != "alpha" {
			t.Errorf("%q %v", b, err)
		}
		if c, err := l.Content(ctx, us, r.ID, 1, 10); err != nil || c.Text != "one" {
			t.Errorf("%+v %v", c, err)
		}
		want := []string{d.Source, r.Sets[0].Key, r.Source}
		slices.Sort(want)
		if got := objects(t, l); !slices.Equal(got, want) {
			t.Errorf("left are %v, want %v", got, want)
		}
	})
}

func TestAddAndDeleteAtTheSameTime(t *testing.T) {
	l := inMemory(8)
	p := newProject(t, l, "p")
	d := addFile(t, l, p, "a.md", "alpha")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if i%2 == 0 {
				if _, _, err := l.AddDocument(t.Context(), p, "a.md", []byte("alpha")); err != nil {
					t.Error(err)
				}
			} else if err := l.DeleteDocument(t.Context(), us, d.ID); err != nil && !dataset.Is(err, dataset.NotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, err := l.Document(t.Context(), us, d.ID)
	list, listErr := l.Documents(t.Context(), us, p, library.Window{Page: 1, PerPage: 9})
	if listErr != nil || (err == nil) != (list.Total == 1) || list.Total > 1 {
		t.Errorf("the document: %v, listed: %d %v", err, list.Total, listErr)
	}
}

// TestContent reads texts by pages of several sizes: together they are the text, whatever its code points.
func TestContent(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := newProject(t, l, "p")
		var long strings.Builder
		for i := range 40_000 {
			fmt.Fprintf(&long, "Zeile %d: ä€😀\n", i)
		}
		for _, text := range []string{"x", "two words\nand a line", long.String(), strings.Repeat("é", dataset.MarkRunes), strings.Repeat("😀", 2*dataset.MarkRunes+1)} {
			d := &dataset.Document{ID: dataset.DeriveID(text), Tenant: us, Project: p.ID, Status: dataset.Processed, Added: time.Now().UTC()}
			d.Text = dataset.TextKey(us, p.ID, d.ID)
			d.Measure(text)
			if err := l.Blobs.Put(ctx, d.Text, []byte(text)); err != nil {
				t.Fatal(err)
			}
			write(t, l, dataset.ProjectPK(us, p.ID), dataset.DocumentSK(d.ID), d)
			write(t, l, dataset.DocumentsPK(us), dataset.DocumentIDSK(d.ID), dataset.Listed{Project: p.ID, ID: d.ID})
			for _, size := range []int{1_000_000, 10_000, dataset.MarkRunes, dataset.MarkRunes - 1, 77_777} {
				var got strings.Builder
				for page := 1; ; page++ {
					c, err := l.Content(ctx, us, d.ID, page, size)
					if err != nil {
						t.Fatal(err)
					}
					got.WriteString(c.Text)
					if page == c.Pages {
						break
					}
				}
				if got.String() != text {
					t.Errorf("text of %d bytes by pages of %d: %d bytes", len(text), size, got.Len())
				}
			}
			_, err := l.Content(ctx, us, d.ID, d.Runes+1, 1)
			wants(t, err, dataset.NotFound)
		}
		d := addFile(t, l, p, "a.md", "alpha")
		_, err := l.Content(ctx, us, d.ID, 1, 10)
		wants(t, err, dataset.Conflict)
		for _, c := range [][2]int{{0, 10}, {1, 0}, {1, library.MaxContentPage + 1}} {
			_, err := l.Content(ctx, us, d.ID, c[0], c[1])
			wants(t, err, dataset.Invalid)
		}
	})
}
