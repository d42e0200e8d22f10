package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/prompt"
)

// Submission is what a new job is made from.
type Submission struct {
	Ref       dataset.JobRef // derive it from what is asked for, and asking twice gives one job
	Project   string
	Kind      dataset.JobKind
	Settings  dataset.Settings
	Documents []string // ids of the documents to use; nil: all of the project
	Shared    bool     // an equal request to generate whose job is not over is answered by that job, with a warning
}

// Submit checks everything that can be checked before anything is spent, stores the job, with the lock of the
// dataset it will publish to, and starts it. Repeating it with the same Ref returns the job that is there.
// Invalid names all faulty fields; Conflict says which other job holds the dataset.
func (e *Engine) Submit(ctx context.Context, s Submission) (*dataset.Job, error) {
	if j, err := e.there(ctx, s.Ref); j != nil || err != nil {
		return j, err
	}
	j := &dataset.Job{
		Ref: s.Ref, Project: s.Project, Kind: s.Kind, Settings: s.Settings, Status: dataset.Pending, Created: time.Now().UTC(),
	}
	if err := dataset.Faults(e.check(j), e.checkDocuments(ctx, &s)); err != nil {
		return nil, err
	}
	if s.Documents != nil {
		ids := slices.Compact(slices.Sorted(slices.Values(s.Documents)))
		b, _ := json.Marshal(ids) // strings
		j.Selection = dataset.SelectionKey(j.Ref.Tenant, j.Project, dataset.Hash(string(b)))
		if err := dataset.PutOnce(ctx, e.Blobs, j.Selection, b); err != nil {
			return nil, err
		}
	}
	return e.place(ctx, j, s.Shared)
}

// checkDocuments refuses what would find nothing to read.
func (e *Engine) checkDocuments(ctx context.Context, s *Submission) error {
	pk := dataset.ProjectPK(s.Ref.Tenant, s.Project)
	if _, err := e.project(ctx, s.Ref.Tenant, s.Project); err != nil {
		return err
	}
	if s.Documents == nil {
		for _, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: pk, From: dataset.DocumentList, To: dataset.DocumentList + "~", Limit: 10}) {
			return err
		}
		return dataset.InvalidField("/project_id", "has no documents: add some first")
	}
	if n := len(s.Documents); n == 0 || n > dataset.MaxDocuments {
		return dataset.InvalidField("/document_ids", "has %d documents, want 1 to %d", n, dataset.MaxDocuments)
	}
	missing := make([]bool, len(s.Documents))
	err := parallel(ctx, len(s.Documents), func(ctx context.Context, i int) error {
		d, _, err := dataset.Load[dataset.Document](ctx, e.Table, pk, dataset.DocumentSK(s.Documents[i]))
		missing[i] = dataset.Is(err, dataset.NotFound) || err == nil && !d.Deleted.IsZero()
		return dropGone(err)
	})
	if err != nil {
		return err
	}
	if i := slices.Index(missing, true); i >= 0 {
		return dataset.InvalidField("/document_ids", "%q is no document of the project", s.Documents[i])
	}
	return nil
}

// project returns the write that lets a transaction succeed only if the project is there.
func (e *Engine) project(ctx context.Context, t dataset.Tenant, id string) (dataset.Write, error) {
	pk := dataset.ProjectPK(t, id)
	p, version, err := dataset.Load[dataset.Project](ctx, e.Table, pk, dataset.ProjectSK)
	if dataset.Is(err, dataset.NotFound) || err == nil && !p.Deleted.IsZero() {
		err = dataset.InvalidField("/project_id", "is %q, which is no project", id)
	}
	return dataset.Write{Record: dataset.Record{PK: pk, SK: dataset.ProjectSK}, If: version, Check: true}, err
}

// there returns the job of that name and starts it if it waits; nil when there is none.
func (e *Engine) there(ctx context.Context, ref dataset.JobRef) (*dataset.Job, error) {
	j, err := e.Job(ctx, ref)
	if dataset.Is(err, dataset.NotFound) {
		return nil, nil
	}
	if err == nil {
		e.start(ctx, j)
	}
	return j, err
}

// place stores a new job, in one transaction with all that goes with it, and starts it.
func (e *Engine) place(ctx context.Context, j *dataset.Job, shared bool) (*dataset.Job, error) {
	var answer *dataset.Job // that is there already
	j.Updated = j.Created
	err := dataset.Transact(ctx, e.Table, func() (writes []dataset.Write, err error) {
		// Looked at first: whoever holds the dataset for an equal request is found as its job below.
		locks, unfree := e.target(ctx, j)
		if answer, err = e.there(ctx, j.Ref); answer != nil || err != nil {
			return nil, err // by an equal submission, or an earlier try of this one
		}
		if answer, writes, err = e.request(ctx, j, shared); answer != nil || err != nil {
			return nil, err
		}
		if unfree != nil {
			return nil, unfree
		}
		project, err := e.project(ctx, j.Ref.Tenant, j.Project)
		if err != nil {
			return nil, err
		}
		rows, err := e.jobWrites(ctx, "", j, dataset.Absent)
		if err != nil {
			return nil, err
		}
		running, err := dataset.NewRecord(dataset.RunningPK(j.Ref), j.Ref.String(), j.Ref, dataset.Absent)
		return slices.Concat(rows, locks, writes, []dataset.Write{running, project}), err
	})
	if err != nil || answer != nil {
		return answer, err
	}
	e.start(ctx, j)
	return j, nil
}

// start begins the job's execution. If it fails the job waits, and the sweeper starts it.
func (e *Engine) start(ctx context.Context, j *dataset.Job) {
	if j.Status != dataset.Pending {
		return
	}
	if err := e.Workflow.Start(ctx, j.Ref.String()); err != nil {
		e.Log.WarnContext(ctx, "start left to the sweeper", "job", j.Ref.String(), "error", err)
	}
}

// check refuses what cannot work and resolves the model.
func (e *Engine) check(j *dataset.Job) error {
	if _, err := dataset.ParseJobRef(j.Ref.String()); err != nil {
		return err
	}
	if j.Kind == dataset.ProcessJob {
		if j.Settings.Chunking == nil {
			return dataset.InvalidField("/chunk_strategy", "is missing")
		}
		return j.Settings.Chunking.Check()
	}
	faults := []error{j.Settings.Check()}
	if _, err := dataset.ParseMode(string(j.Settings.Mode)); err == nil {
		_, err = template(j)
		faults = append(faults, err)
	}
	m, err := e.Models.Resolve(j.Settings.Model)
	if j.Settings.Model != "" {
		faults = append(faults, err)
	}
	if err := dataset.Faults(faults...); err != nil {
		return err
	}
	j.Model = m.Name()
	if m.Asked != "" {
		j.Warnings = append(j.Warnings, m.Asked+" is answered by "+m.Name()+", as configured here")
	}
	return nil
}

// template is the prompt that the job renders.
func template(j *dataset.Job) (prompt.Template, error) {
	if j.Settings.CustomPrompt != "" {
		return prompt.Custom(j.Settings.Mode, j.Settings.CustomPrompt)
	}
	return prompt.Builtin(j.Settings.Mode), nil
}

// target decides which dataset the job publishes to and returns the writes that lock it: that of the job it retries,
// that of its name in the project, or a new one.
func (e *Engine) target(ctx context.Context, j *dataset.Job) ([]dataset.Write, error) {
	if j.Kind == dataset.ProcessJob {
		return nil, nil
	}
	var writes []dataset.Write
	id := ""
	switch {
	case j.RetryOf != "":
		id = j.Target.Dataset
	case j.Settings.Versioned:
		pk, sk := dataset.ProjectPK(j.Ref.Tenant, j.Project), dataset.DatasetNameSK(j.Settings.DatasetName)
		known, _, err := dataset.Load[string](ctx, e.Table, pk, sk)
		if err == nil {
			id = *known
			break
		}
		if !dataset.Is(err, dataset.NotFound) {
			return nil, err
		}
		w, err := dataset.NewRecord(pk, sk, newDataset(j).ID, dataset.Absent)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	d, version := newDataset(j), dataset.Absent
	if id != "" {
		there, is, err := dataset.Load[dataset.Dataset](ctx, e.Table, dataset.DatasetPK(j.Ref.Tenant, id), dataset.DatasetSK)
		if err == nil && !there.Deleted.IsZero() {
			err = dataset.Errorf(dataset.NotFound, "dataset %s was deleted", id)
		}
		if err == nil {
			d, version = there, is
			err = e.unlocked(ctx, d, j.Ref.ID)
		} else if j.RetryOf != "" {
			err = dropGone(err) // it was deleted: the retry makes another
		}
		if err != nil {
			return nil, err
		}
	}
	d.Lock = j.Ref.ID
	j.Target = dataset.Target{Dataset: d.ID, Base: d.Current}
	w, err := dataset.NewRecord(dataset.DatasetPK(j.Ref.Tenant, d.ID), dataset.DatasetSK, d, version)
	return append(writes, w), err
}

func newDataset(j *dataset.Job) *dataset.Dataset {
	return &dataset.Dataset{
		ID: dataset.DeriveID("dataset", j.Ref.String()), Tenant: j.Ref.Tenant, Project: j.Project,
		Name: j.Settings.DatasetName, Created: j.Created,
	}
}

// unlocked refuses when another job that is not over holds the dataset.
func (e *Engine) unlocked(ctx context.Context, d *dataset.Dataset, job string) error {
	if d.Lock == "" || d.Lock == job {
		return nil
	}
	holder, err := e.Job(ctx, dataset.JobRef{Tenant: d.Tenant, ID: d.Lock})
	if err != nil && !dataset.Is(err, dataset.NotFound) {
		return err
	}
	if err == nil && !holder.Status.Over() {
		return dataset.Errorf(dataset.Conflict, "dataset %q is being written by job %s", d.Name, d.Lock)
	}
	return nil
}

// Cancel ends a job: its record first, so that no worker begins a call, then its execution. A job that is over
// stays as it is. If StopExecution cannot be reached the sweeper repeats it.
func (e *Engine) Cancel(ctx context.Context, ref dataset.JobRef) (*dataset.Job, error) {
	j, err := e.end(ctx, ref, dataset.Cancelled, "cancelled", nil)
	if err != nil || j.Status != dataset.Cancelled {
		return j, err
	}
	if err := e.Workflow.Stop(ctx, ref.String(), "cancelled"); err != nil {
		e.Log.WarnContext(ctx, "stop left to the sweeper", "job", ref.String(), "error", err)
	}
	return j, nil
}
