package pipeline

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// ingestList is what one job parses, cut into batches: pinned by Prepare. Counts are of all documents chosen.
type ingestList struct {
	Total     int        `json:"total"`
	Documents []string   `json:"documents"` // all of them, in order
	Batches   [][]string `json:"batches"`   // ids of those that wait
}

// Prepared is the output of Prepare: the numbers of the batches to ingest, and what kind of job this is.
type Prepared struct {
	Batches []int           `json:"batches"`
	Kind    dataset.JobKind `json:"kind"`
}

// maxTries is how often a document may be begun before it is given up as one that ends its worker.
const maxTries = 8

// Prepare finds the job's documents that still wait to be parsed or chunked and pins them in batches. Several
// documents share a batch only in jobs of more than MaxBatches: a file that takes its worker down takes no other along.
func (e *Engine) Prepare(ctx context.Context, in JobInput) (Prepared, error) {
	j, err := e.enter(ctx, in.Job, "Prepare")
	if err != nil {
		return Prepared{}, err
	}
	key := dataset.JobKey(j.Ref, "ingest")
	list, err := dataset.ReadJSON[ingestList](ctx, e.Blobs, key)
	if dataset.Is(err, dataset.NotFound) {
		if list, err = e.newIngest(ctx, j); err == nil {
			list, err = dataset.PinJSON(ctx, e.Blobs, key, list)
		}
	}
	if err != nil {
		return Prepared{}, err
	}
	waiting := 0
	for _, b := range list.Batches {
		waiting += len(b)
	}
	_, err = e.change(ctx, j.Ref, func(j *dataset.Job) (bool, error) {
		changed := j.Waiting != waiting && !j.Status.Over()
		j.Waiting = waiting
		return changed, nil
	}, nil)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{Batches: upTo(len(list.Batches)), Kind: j.Kind}, nil
}

// newIngest lists what the job has to read: nothing where the plan of an earlier job is there to be carried out again.
func (e *Engine) newIngest(ctx context.Context, j *dataset.Job) (*ingestList, error) {
	docs, err := e.documents(ctx, j)
	if err != nil {
		return nil, err
	}
	old, err := e.retried(ctx, j)
	if err != nil {
		return nil, err
	}
	list := &ingestList{Total: len(docs)}
	var waiting []string
	for _, d := range docs {
		list.Documents = append(list.Documents, d.ID)
		if old == nil && waits(d, j) {
			waiting = append(waiting, d.ID)
		}
	}
	if len(waiting) > 0 {
		size := (len(waiting) + dataset.MaxBatches - 1) / dataset.MaxBatches
		list.Batches = slices.Collect(slices.Chunk(waiting, size))
	}
	return list, nil
}

// waits reports whether the job has to parse or chunk the document.
func waits(d *dataset.Document, j *dataset.Job) bool {
	if d.Status == dataset.Unreadable && d.Parser == dataset.ChunkerVersion {
		return false
	}
	_, ok := d.Set(chunkingOf(j))
	return !ok && !d.Ready
}

// chunkingOf is the hash of the chunking that the job wants; "" when any will do.
func chunkingOf(j *dataset.Job) string {
	if j.Settings.Chunking == nil {
		return ""
	}
	return j.Settings.Chunking.Hash()
}

// documents returns the job's documents, by name and then id: that is the order of its tasks.
func (e *Engine) documents(ctx context.Context, j *dataset.Job) ([]*dataset.Document, error) {
	var chosen map[string]bool
	if j.Selection != "" {
		ids, err := dataset.ReadJSON[[]string](ctx, e.Blobs, j.Selection)
		if err != nil {
			return nil, err
		}
		chosen = make(map[string]bool, len(*ids))
		for _, id := range *ids {
			chosen[id] = true
		}
	}
	var docs []*dataset.Document
	q := dataset.Query{PK: dataset.ProjectPK(j.Ref.Tenant, j.Project), From: dataset.DocumentSK(""), To: dataset.DocumentSK("~")}
	for r, err := range dataset.Rows(ctx, e.Table, q) {
		if err != nil {
			return nil, err
		}
		d, err := dataset.Decode[dataset.Document](r)
		if err != nil {
			return nil, err
		}
		if d.Deleted.IsZero() && (chosen == nil || chosen[d.ID]) {
			docs = append(docs, d)
		}
	}
	if len(docs) > dataset.MaxDocuments {
		return nil, dataset.Errorf(dataset.Invalid, "the job has %d documents, want at most %d", len(docs), dataset.MaxDocuments)
	}
	slices.SortFunc(docs, func(a, b *dataset.Document) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return docs, nil
}

// BatchInput is the input of an iteration of Ingest.
type BatchInput struct {
	Job   string `json:"job"`
	Batch int    `json:"batch"`
}

// Ingest parses and chunks the documents of one batch that were not yet. A document that cannot be read is an
// outcome, kept on its record, not a failure of the job.
func (e *Engine) Ingest(ctx context.Context, in BatchInput) error {
	j, err := e.enter(ctx, in.Job, "Ingest")
	if err != nil {
		return err
	}
	list, err := dataset.ReadJSON[ingestList](ctx, e.Blobs, dataset.JobKey(j.Ref, "ingest"))
	if err != nil {
		return err
	}
	if in.Batch < 0 || in.Batch >= len(list.Batches) {
		return dataset.Errorf(dataset.Invalid, "batch %d of %d", in.Batch, len(list.Batches))
	}
	pk, sk := dataset.JobPK(j.Ref), dataset.ReadSK(in.Batch)
	read, _, err := dataset.Load[dataset.BatchRead](ctx, e.Table, pk, sk)
	if dataset.Is(err, dataset.NotFound) {
		read, err = &dataset.BatchRead{}, nil
	}
	if err != nil {
		return err
	}
	for i, id := range list.Batches[in.Batch] {
		if i < read.Done {
			continue // by an earlier try
		}
		if err := e.ingest(ctx, j, id); err != nil {
			return fmt.Errorf("ingest %s: %w", id, err)
		}
		w, err := dataset.NewRecord(pk, sk, dataset.BatchRead{Done: i + 1, At: time.Now().UTC()}, dataset.Any)
		if err != nil {
			return err
		}
		if err := e.Table.Write(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// ingest parses and chunks one document. The try is noted first, so that a file that kills its worker ends itself.
func (e *Engine) ingest(ctx context.Context, j *dataset.Job, id string) error {
	pk, sk := dataset.ProjectPK(j.Ref.Tenant, j.Project), dataset.DocumentSK(id)
	try, life := 0, 0
	d, err := dataset.Update(ctx, e.Table, pk, sk, func(d *dataset.Document) (bool, error) {
		if try == 0 {
			try, life = d.Tries+1, d.Life
		}
		begins := d.Deleted.IsZero() && waits(d, j) && d.Tries < try // not the echo of this very write
		d.Tries = try
		return begins, nil
	})
	if err != nil || !d.Deleted.IsZero() || !waits(d, j) {
		return dropGone(err)
	}
	chunking := dataset.DefaultChunking
	if j.Settings.Chunking != nil {
		chunking = *j.Settings.Chunking
	}
	done, err := e.parse(ctx, d, chunking)
	if dataset.Is(err, dataset.Invalid) {
		done, err = &dataset.Document{Status: dataset.Unreadable, Reason: reason(err)}, nil
	}
	if err != nil {
		// The worker lives: this was no try that the file ended.
		_, _ = dataset.Update(ctx, e.Table, pk, sk, func(d *dataset.Document) (bool, error) {
			d.Tries = min(d.Tries, try-1)
			return true, nil
		})
		return err
	}
	_, err = dataset.Update(ctx, e.Table, pk, sk, func(d *dataset.Document) (bool, error) {
		if d.Life != life || !d.Deleted.IsZero() || !waits(d, j) {
			return false, nil // another worker was faster, or it was deleted meanwhile
		}
		d.Status, d.Reason, d.Tries = done.Status, done.Reason, 0
		d.Parser, d.Parsed = dataset.ChunkerVersion, time.Now().UTC()
		if done.Status == dataset.Processed {
			d.Title, d.Text = done.Title, done.Text
			d.Runes, d.Words, d.Lines, d.Marks = done.Runes, done.Words, done.Lines, done.Marks
			if d.Sets = append(d.Sets, done.Sets...); len(d.Sets) > maxSets {
				d.Sets = d.Sets[len(d.Sets)-maxSets:]
			}
		}
		return true, nil
	})
	return dropGone(err)
}

// maxSets bounds the chunk sets that a document remembers.
const maxSets = 16

// reason is what a caller is told of err.
func reason(err error) string {
	if d, ok := errors.AsType[*dataset.Error](err); ok {
		return d.Detail
	}
	return err.Error()
}

// parse writes the document's text and chunks, once each, and returns what its record learns. Invalid: the
// document cannot be read, with the reason.
func (e *Engine) parse(ctx context.Context, d *dataset.Document, chunking dataset.Chunking) (*dataset.Document, error) {
	if d.Tries > maxTries {
		return nil, dataset.Errorf(dataset.Invalid, "reading it ended the worker %d times", maxTries)
	}
	source, err := e.Blobs.Get(ctx, d.Source)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, e.Timing.Parse)
	defer cancel()
	text, err := document.Parse(bounded, d.Name, source, e.Readers)
	if err != nil {
		if bounded.Err() != nil && ctx.Err() == nil {
			return nil, dataset.Errorf(dataset.Invalid, "reading it takes longer than %s", e.Timing.Parse)
		}
		return nil, err
	}
	chunks, err := text.Chunks(chunking)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 {
		return nil, dataset.Errorf(dataset.Invalid, "it has no text")
	}
	done := &dataset.Document{
		Status: dataset.Processed, Title: text.Title,
		Text: dataset.TextKey(d.Tenant, d.Project, d.Objects()),
	}
	done.Measure(text.Body)
	for i := range chunks {
		chunks[i].Document, chunks[i].Chunking = d.ID, chunking.Hash()
	}
	if err := dataset.PutOnce(ctx, e.Blobs, done.Text, []byte(text.Body)); err != nil {
		return nil, err
	}
	set := dataset.ChunkSet{
		Chunking: chunking.Hash(), Key: dataset.ChunksKey(d.Tenant, d.Project, d.Objects(), chunking.Hash()), Count: len(chunks), By: chunking,
	}
	w, err := e.Blobs.Create(ctx, set.Key)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	buffer := bufio.NewWriterSize(w, 256<<10)
	if set.Size, err = document.WriteSet(buffer, chunks); err != nil {
		return nil, err
	}
	if err := buffer.Flush(); err != nil {
		return nil, err
	}
	if err := w.Commit(); err != nil && !dataset.Is(err, dataset.Conflict) {
		return nil, err
	}
	done.Sets = []dataset.ChunkSet{set}
	return done, nil
}

// upTo lists 0 to n-1, never nil: it becomes a JSON array.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
