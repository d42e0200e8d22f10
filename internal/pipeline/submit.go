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
}

// Submit checks everything that can be checked before anything is spent, stores the job, with the lock of the
// dataset it will publish to, and starts it. Repeating it with the same Ref returns the job that is there.
// Invalid names the faulty field; Conflict says which other job holds the dataset.
func (e *Engine) Submit(ctx context.Context, s Submission) (*dataset.Job, error) {
	if j, err := e.Job(ctx, s.Ref); err == nil {
		return j, e.start(ctx, j)
	} else if !dataset.Is(err, dataset.NotFound) {
		return nil, err
	}
	j := &dataset.Job{
		Ref: s.Ref, Project: s.Project, Kind: s.Kind, Settings: s.Settings, Status: dataset.Pending, Created: time.Now().UTC(),
	}
	if err := e.check(j); err != nil {
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
	writes, err := e.target(ctx, j)
	if err != nil {
		return nil, err
	}
	for _, r := range []struct {
		pk, sk string
		v      any
	}{
		{dataset.JobPK(j.Ref), dataset.JobSK, j},
		{dataset.JobsPK(j.Ref.Tenant), dataset.JobsSK(j.Created, j.Ref), j.Ref},
		{dataset.RunningPK(j.Ref), j.Ref.String(), j.Ref},
	} {
		w, err := dataset.NewRecord(r.pk, r.sk, r.v, dataset.Absent)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	if err := e.Table.Write(ctx, writes...); err != nil {
		if dataset.Is(err, dataset.Conflict) { // perhaps our own write, or an equal submission
			if there, loadErr := e.Job(ctx, s.Ref); loadErr == nil {
				return there, e.start(ctx, there)
			}
		}
		return nil, err
	}
	return j, e.start(ctx, j)
}

// start begins the job's execution. If it fails the job waits, and the sweeper starts it.
func (e *Engine) start(ctx context.Context, j *dataset.Job) error {
	if j.Status != dataset.Pending {
		return nil
	}
	if err := e.Workflow.Start(ctx, j.Ref.String()); err != nil {
		e.Log.WarnContext(ctx, "start left to the sweeper", "job", j.Ref.String(), "error", err)
	}
	return nil
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
	if err := j.Settings.Check(); err != nil {
		return err
	}
	if _, err := template(j); err != nil {
		return err
	}
	m, err := e.Models.Resolve(j.Settings.Model)
	if err != nil {
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

// target decides which dataset the job publishes to and returns the writes that lock it.
func (e *Engine) target(ctx context.Context, j *dataset.Job) ([]dataset.Write, error) {
	if j.Kind == dataset.ProcessJob {
		return nil, nil
	}
	d := &dataset.Dataset{
		ID: dataset.DeriveID("dataset", j.Ref.String()), Tenant: j.Ref.Tenant, Project: j.Project,
		Name: j.Settings.DatasetName, Created: j.Created,
	}
	version := dataset.Absent
	var writes []dataset.Write
	if j.Settings.Versioned {
		pk, sk := dataset.ProjectPK(j.Ref.Tenant, j.Project), dataset.DatasetNameSK(d.Name)
		id, _, err := dataset.Load[string](ctx, e.Table, pk, sk)
		switch {
		case err == nil:
			if d, version, err = dataset.Load[dataset.Dataset](ctx, e.Table, dataset.DatasetPK(j.Ref.Tenant, *id), dataset.DatasetSK); err != nil {
				return nil, err
			}
			if err := e.unlocked(ctx, d, j.Ref.ID); err != nil {
				return nil, err
			}
		case dataset.Is(err, dataset.NotFound):
			w, err := dataset.NewRecord(pk, sk, d.ID, dataset.Absent)
			if err != nil {
				return nil, err
			}
			writes = append(writes, w)
		default:
			return nil, err
		}
	}
	d.Lock = j.Ref.ID
	j.Target = dataset.Target{Dataset: d.ID, Base: d.Current}
	w, err := dataset.NewRecord(dataset.DatasetPK(j.Ref.Tenant, d.ID), dataset.DatasetSK, d, version)
	return append(writes, w), err
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
