package library_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/document"
	"compileo/internal/library"
)

func texts(chunks []library.Chunk) []string {
	list := make([]string, len(chunks))
	for i, c := range chunks {
		list[i] = c.Text
	}
	return list
}

func TestReadyChunks(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := newProject(t, l, "p")
		in := library.NewChunks{Name: "given.md", Title: "Given", Chunks: []library.NewChunk{
			{Text: "## Prices\n\nAn apple costs 5 coins.", Headings: []string{"Fruit", "Prices"}},
			{Text: "ä€😀 stays\nas it is\n\n\n  and so does this "},
			{Text: "- one\n- two"},
		}}
		d, known, err := l.AddChunks(ctx, p, in)
		if err != nil || known || !d.Ready || d.Status != dataset.Processed {
			t.Fatalf("%+v %v %v", d, known, err)
		}
		if again, known, err := l.AddChunks(ctx, p, in); err != nil || !known || again.ID != d.ID {
			t.Errorf("given again: %+v %v %v", again, known, err)
		}
		content, err := l.Content(ctx, us, d.ID, 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		_, list, err := l.DocumentChunks(ctx, us, d.ID, library.Window{Page: 1, PerPage: 10})
		if err != nil || list.Total != 3 || len(list.Items) != 3 {
			t.Fatalf("%+v %v", list, err)
		}
		all := []rune(content.Text)
		for i, c := range list.Items {
			if c.Text != in.Chunks[i].Text || string(all[c.Start:c.End]) != c.Text || c.Title != "Given" || !slices.Equal(c.Headings, in.Chunks[i].Headings) {
				t.Errorf("chunk %d: %+v", i, c)
			}
			last := 0
			for _, b := range c.Blocks {
				if b.Start < last || b.End <= b.Start || b.End > len(c.Text) || !utf8.ValidString(c.Text[b.Start:b.End]) || c.Text[b.Start:b.End] != strings.TrimSpace(c.Text[b.Start:b.End]) {
					t.Errorf("chunk %d has block %+v", i, b)
				}
				last = b.End
			}
			if one, err := l.Chunk(ctx, us, c.ID()); err != nil || one.Text != c.Text {
				t.Errorf("chunk %s: %+v %v", c.ID(), one, err)
			}
		}
		if k := list.Items[0].Blocks[0].Kind; k != dataset.HeadingBlock {
			t.Errorf("first block is a %s", k)
		}
		if n := len(list.Items[1].Blocks); n != 2 {
			t.Errorf("%d paragraphs, want 2", n)
		}
		if set, ok := d.Set("a chunking that it never saw"); !ok || set.Count != 3 {
			t.Errorf("for another chunking: %+v %v", set, ok)
		}
		for _, bad := range []library.NewChunks{
			{},
			{Chunks: []library.NewChunk{{Text: " \n"}}},
			{Chunks: []library.NewChunk{{Text: "\xff"}}},
			{Chunks: []library.NewChunk{{Text: "a\x00"}}},
			{Chunks: []library.NewChunk{{Text: strings.Repeat("x", dataset.MaxChunkText+1)}}},
			{Chunks: make([]library.NewChunk, library.MaxReadyChunks+1)},
			{Chunks: []library.NewChunk{{Text: "x", Headings: make([]string, 17)}}},
			{Chunks: []library.NewChunk{{Text: "x", Headings: []string{""}}}},
		} {
			_, _, err := l.AddChunks(ctx, p, bad)
			wants(t, err, dataset.Invalid)
		}
	})
}

func TestDeleteChunks(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := newProject(t, l, "p")
		var given []string
		for i := range 1_200 {
			given = append(given, fmt.Sprintf("chunk %d", i))
		}
		d := readyChunks(t, l, p, "a.md", given...)
		old := d.Sets[0]
		id := func(n int) string { return fmt.Sprintf("%s-%s-%d", d.ID, old.Chunking, n) }
		nowhere := fmt.Sprintf("%s-%s-%d", dataset.NewID(), old.Chunking, 1)
		n, missing, err := l.DeleteChunks(ctx, us, []string{id(0), id(7), id(7), id(1199), id(1200), "x", nowhere})
		slices.Sort(missing)
		want := []string{id(1200), nowhere, "x"}
		slices.Sort(want)
		if err != nil || n != 3 || !slices.Equal(missing, want) {
			t.Fatalf("deleted %d, missing %v, %v", n, missing, err)
		}
		if n, missing, err := l.DeleteChunks(ctx, us, []string{id(7), id(8)}); err != nil || n != 1 || len(missing) != 1 {
			t.Errorf("deleted %d, missing %v, %v", n, missing, err)
		}
		if n, _, err := l.DeleteChunks(ctx, them, []string{id(9)}); err != nil || n != 0 {
			t.Errorf("another tenant deleted %d, %v", n, err)
		}
		_, list, err := l.DocumentChunks(ctx, us, d.ID, library.Window{Page: 1, PerPage: 1000})
		if err != nil || list.Total != 1196 || list.Items[0].Ordinal != 1 || list.Items[6].Ordinal != 9 || list.Cursor == "" {
			t.Fatalf("total %d, %v", list.Total, err)
		}
		_, rest, err := l.DocumentChunks(ctx, us, d.ID, library.Window{Page: 1, PerPage: 1000, Cursor: list.Cursor})
		if err != nil || len(rest.Items) != 196 || rest.Items[195].ID() != id(1198) || rest.Cursor != "" {
			t.Errorf("the rest: %d, %v", len(rest.Items), err)
		}
		for _, k := range []int{1, 6, 9, 600, 1198} {
			if c, err := l.Chunk(ctx, us, id(k)); err != nil || c.Text != given[k] {
				t.Errorf("chunk %d: %+v %v", k, c, err)
			}
		}
		for _, k := range []int{0, 7, 8, 1199, 5000} {
			_, err := l.Chunk(ctx, us, id(k))
			wants(t, err, dataset.NotFound)
		}
		// What a plan has pinned stays as it was.
		if chunks, err := document.ReadSet(ctx, l.Blobs, old, 0, old.Count); err != nil || len(chunks) != 1200 {
			t.Errorf("the old set: %d %v", len(chunks), err)
		}
		if n, err := l.DeleteDocumentChunks(ctx, us, d.ID); err != nil || n != 1196 {
			t.Errorf("deleted %d, %v", n, err)
		}
		if _, list, err := l.DocumentChunks(ctx, us, d.ID, library.Window{Page: 1, PerPage: 10}); err != nil || list.Total != 0 || len(list.Items) != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// TestProjectChunks compares every page, by number and by cursor, with the list of all chunks.
func TestProjectChunks(t *testing.T) {
	onBoth(t, func(t *testing.T, l *library.Library) {
		ctx := t.Context()
		p := newProject(t, l, "p")
		total := 0
		for i, n := range []int{3, 1, 7, 2, 5} {
			var given []string
			for k := range n {
				given = append(given, fmt.Sprintf("%d-%d", i, k))
			}
			readyChunks(t, l, p, fmt.Sprint(i, ".md"), given...)
			total += n
		}
		addFile(t, l, p, "waits.md", "not chunked yet")
		list, err := l.ProjectChunks(ctx, p, library.Window{Page: 1, PerPage: 1000})
		if err != nil || list.Total != total || len(list.Items) != total || list.Cursor != "" {
			t.Fatalf("%+v %v", list, err)
		}
		want := texts(list.Items)
		for per := 1; per <= total+1; per++ {
			for _, byCursor := range []bool{false, true} {
				var got []string
				w := library.Window{Page: 1, PerPage: per}
				for range total + 1 {
					list, err := l.ProjectChunks(ctx, p, w)
					if err != nil || list.Total != total {
						t.Fatal(list, err)
					}
					got = append(got, texts(list.Items)...)
					if list.Cursor == "" {
						break
					}
					if w.Page++; byCursor {
						w.Page, w.Cursor = 1, list.Cursor
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%d a page, by cursor %v: %v, want %v", per, byCursor, got, want)
				}
			}
		}
		for _, w := range []library.Window{{Page: 1, PerPage: 1, Cursor: "x"}, {Page: 1, PerPage: 0}, {Page: 11, PerPage: 1000}} {
			_, err := l.ProjectChunks(ctx, p, w)
			wants(t, err, dataset.Invalid)
		}
	})
}

func TestDeleteChunksFaults(t *testing.T) {
	p := &dataset.Project{ID: "p", Tenant: us}
	var d *dataset.Document
	prepare := func(l *library.Library) {
		write(t, l, dataset.ProjectPK(us, "p"), dataset.ProjectSK, p)
		d = readyChunks(t, l, p, "a.md", "a", "b", "c")
	}
	everyFault(t, prepare, func(l *library.Library) error {
		n, _, err := l.DeleteChunks(t.Context(), us, []string{fmt.Sprintf("%s-%s-1", d.ID, d.Sets[0].Chunking)})
		if err == nil && n == 0 {
			return dataset.Errorf(dataset.NotFound, "nothing was deleted")
		}
		return err
	}, func(t *testing.T, l *library.Library) {
		_, list, err := l.DocumentChunks(t.Context(), us, d.ID, library.Window{Page: 1, PerPage: 10})
		if err != nil || !slices.Equal(texts(list.Items), []string{"a", "c"}) {
			t.Errorf("%+v %v", list, err)
		}
	})
	everyFault(t, func(l *library.Library) { write(t, l, dataset.ProjectPK(us, "p"), dataset.ProjectSK, p) }, func(l *library.Library) error {
		_, _, err := l.AddChunks(t.Context(), p, library.NewChunks{Chunks: []library.NewChunk{{Text: "a"}, {Text: "b"}}})
		return err
	}, func(t *testing.T, l *library.Library) {
		list, err := l.ProjectChunks(t.Context(), p, library.Window{Page: 1, PerPage: 10})
		if err != nil || !slices.Equal(texts(list.Items), []string{"a", "b"}) {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// TestDeleteChunksAtTheSameTime: no chunk goes that was not to go. Two clients that delete the same one at the same moment are
// both told that they did.
func TestDeleteChunksAtTheSameTime(t *testing.T) {
	l := inMemory(2)
	p := newProject(t, l, "p")
	d := readyChunks(t, l, p, "a.md", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	var all sync.WaitGroup
	var mu sync.Mutex
	deleted := 0
	for i := range 12 {
		all.Go(func() {
			n, _, err := l.DeleteChunks(t.Context(), us, []string{fmt.Sprintf("%s-%s-%d", d.ID, d.Sets[0].Chunking, i%6)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			deleted += n
			mu.Unlock()
		})
	}
	all.Wait()
	_, list, err := l.DocumentChunks(t.Context(), us, d.ID, library.Window{Page: 1, PerPage: 10})
	if err != nil || !slices.Equal(texts(list.Items), []string{"6", "7", "8", "9"}) || deleted < 6 {
		t.Errorf("%d deleted, left %v %v", deleted, texts(list.Items), err)
	}
}
