package pipeline

import (
	"context"

	"compileo/internal/dataset"
)

// DocumentOutcome is what became of a document of a job.
type DocumentOutcome struct {
	ID     string
	Name   string
	Status dataset.DocumentStatus // Uploaded while it waits; "deleted" when it is gone
	Reason string                 // why it is unreadable
	Runes  int                    // of its text
	Chunks int                    // under the job's chunking
}

// DeletedDocument is the status of a document that is there no more.
const DeletedDocument dataset.DocumentStatus = "deleted"

// Outcomes lists what became of a job's documents, in their order: at most limit from number first, from 0, and how
// many there are in all. A job that has not begun has none.
func (e *Engine) Outcomes(ctx context.Context, j *dataset.Job, first, limit int) (page []DocumentOutcome, total int, err error) {
	list, err := dataset.ReadJSON[ingestList](ctx, e.Blobs, dataset.JobKey(j.Ref, "ingest"))
	if err != nil {
		return nil, 0, dropGone(err)
	}
	total = len(list.Documents)
	first = min(max(first, 0), total)
	page = make([]DocumentOutcome, min(max(limit, 0), total-first))
	err = parallel(ctx, len(page), func(ctx context.Context, i int) error {
		id := list.Documents[first+i]
		d, _, err := dataset.Load[dataset.Document](ctx, e.Table, dataset.ProjectPK(j.Ref.Tenant, j.Project), dataset.DocumentSK(id))
		if dataset.Is(err, dataset.NotFound) || err == nil && !d.Deleted.IsZero() {
			page[i] = DocumentOutcome{ID: id, Status: DeletedDocument}
			return nil
		}
		if err != nil {
			return err
		}
		o := DocumentOutcome{ID: id, Name: d.Name, Status: d.Status, Reason: d.Reason, Runes: d.Runes}
		if set, ok := d.Set(chunkingOf(j)); ok {
			o.Chunks = set.Count
		} else if !waits(d, j) {
			o.Status = dataset.Unreadable
		} else {
			o.Status = dataset.Uploaded // it has chunks, but not those that the job wants
		}
		page[i] = o
		return nil
	})
	return page, total, err
}
