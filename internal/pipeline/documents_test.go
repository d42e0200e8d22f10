package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/pipeline"
)

// projectP is where all documents of a world are.
var projectP = &dataset.Project{ID: "p", Tenant: "sim"}

// addTo adds documents through the ports of an engine.
func addTo(e *pipeline.Engine) *library.Library {
	return &library.Library{Table: e.Table, Blobs: e.Blobs, Log: e.Log}
}

var tenPerPage = library.Window{Page: 1, PerPage: 10}

// TestReadyChunksAreUsed: what was given in chunks is not cut again, whatever chunking the job asks for, and what was
// taken out is not asked.
func TestReadyChunksAreUsed(t *testing.T) {
	calm(t, schedule{}, func(ctx context.Context, w *world) {
		l := addTo(w.engine)
		in := library.NewChunks{Name: "ready.txt"}
		for _, s := range []string{"One says that item 1-1 costs 1 coins.\n\nIt goes on.", "Two says that item 2-2 costs 2 coins.", "Three says that item 3-3 costs 3 coins."} {
			in.Chunks = append(in.Chunks, library.NewChunk{Text: s})
		}
		d, _, err := l.AddChunks(ctx, projectP, in)
		if err != nil {
			t.Fatal(err)
		}
		_, chunks, err := l.DocumentChunks(ctx, "sim", d.ID, tenPerPage)
		if err != nil {
			t.Fatal(err)
		}
		if n, _, err := l.DeleteChunks(ctx, "sim", []string{chunks.Items[1].ID()}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		j := w.await(ctx, "one")
		if j.Status != dataset.Completed || j.Result.Chunks.Total != 2 {
			t.Fatalf("job is %s: %+v", j.Status, j.Result)
		}
		list, err := l.Datasets(ctx, "sim", projectP, tenPerPage)
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != j.Result.DatasetID || list.Items[0].Version.Entries != j.Result.Entries {
			t.Errorf("the project's datasets: %+v %v", list, err)
		}
		entries, err := l.Entries(ctx, "sim", j.Result.DatasetID, library.EntryQuery{Window: tenPerPage, Order: "quality"})
		if err != nil || entries.Total != j.Result.Entries {
			t.Errorf("entries %+v %v", entries, err)
		}
		for _, e := range entries.Entries {
			if strings.Contains(string(e), "item 2-2") {
				t.Errorf("an entry is of a chunk that was deleted: %s", e)
			}
		}
	})
}

// TestDeletedDocuments: they are in no job that begins later; one that is deleted and added again is read anew, and a
// document without its chunks is cut anew.
func TestDeletedDocuments(t *testing.T) {
	calm(t, schedule{documents: 2, chunks: 3, perChunk: 2, concurrency: 8, poison: -1}, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		l := addTo(w.engine)
		run := func(name string, documents, parsed int) {
			t.Helper()
			if _, err := w.submit(ctx, name, nil); err != nil {
				t.Fatal(err)
			}
			if j := w.await(ctx, name); j.Status != dataset.Completed || j.Result.Documents.Total != documents || j.Result.Documents.Parsed != parsed || j.Result.Chunks.Total != 3*documents {
				t.Fatalf("%s is %s: %+v", name, j.Status, j.Result)
			}
		}
		run("one", 2, 2)
		docs, err := l.Documents(ctx, "sim", projectP, tenPerPage)
		if err != nil || docs.Total != 2 {
			t.Fatal(docs, err)
		}
		d := docs.Items[0]
		c, err := l.Content(ctx, "sim", d.ID, 1, 1000)
		if err != nil || !strings.Contains(c.Text, "Paragraph 2") || c.Document.Words != len(strings.Fields(c.Text)) || c.Document.Lines != strings.Count(strings.TrimSuffix(c.Text, "\n"), "\n")+1 {
			t.Fatalf("%+v %v", c, err)
		}
		if err := l.DeleteDocument(ctx, "sim", d.ID); err != nil {
			t.Fatal(err)
		}
		run("two", 1, 0)
		w.addDocuments(ctx, w.engine)
		run("three", 2, 1)
		again, err := l.Document(ctx, "sim", d.ID)
		if err != nil || again.Text == d.Text || slices.Contains(again.Sets, d.Sets[0]) {
			t.Errorf("it uses objects of its earlier life: %+v %v", again, err)
		}
		if n, err := l.DeleteDocumentChunks(ctx, "sim", d.ID); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		run("four", 2, 1)
	})
}

// TestPurgeWaitsForJobs: a job goes on with what it has planned though its document was deleted long ago. When it is
// over, that goes.
func TestPurgeWaitsForJobs(t *testing.T) {
	s := schedule{documents: 1, chunks: 200, perChunk: 1, concurrency: 1, latency: 50 * time.Second, poison: -1}
	calm(t, s, func(ctx context.Context, w *world) {
		w.addDocuments(ctx, w.engine)
		l := addTo(w.engine)
		l.Blobs = w.raw.Blobs
		if _, err := w.submit(ctx, "one", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		docs, err := l.Documents(ctx, "sim", projectP, tenPerPage)
		if err != nil || docs.Total != 1 || docs.Items[0].Status != dataset.Processed {
			t.Fatal(docs, err)
		}
		d := docs.Items[0]
		if err := l.DeleteDocument(ctx, "sim", d.ID); err != nil {
			t.Fatal(err)
		}
		purge := func() bool {
			t.Helper()
			if err := l.Purge(ctx); err != nil {
				t.Fatal(err)
			}
			_, err := w.raw.Blobs.Stat(ctx, d.Sets[0].Key)
			if err != nil && !dataset.Is(err, dataset.NotFound) {
				t.Fatal(err)
			}
			return err != nil
		}
		time.Sleep(61 * time.Minute)
		if purge() {
			t.Error("the job's chunks are gone while it runs")
		}
		if j := w.await(ctx, "one"); j.Status != dataset.Completed || j.Result.Chunks.Total != 200 || j.Result.Chunks.Failed != 0 {
			t.Fatalf("job is %s: %+v", j.Status, j.Result)
		}
		if !purge() {
			t.Error("the document's chunks are left")
		}
	})
}
