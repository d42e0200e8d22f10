package library

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

// Dataset is a dataset with its current version.
type Dataset struct {
	*dataset.Dataset
	Version dataset.Version
}

// FindDataset finds a dataset by its id, with or without "dataset_" before it; NotFound, also as long as it has no
// version.
func (l *Library) FindDataset(ctx context.Context, t dataset.Tenant, id string) (*Dataset, error) {
	d, _, err := l.loadDataset(ctx, t, id)
	if err != nil {
		return nil, err
	}
	if _, err := l.project(ctx, t, d.Project); err != nil {
		if dataset.Is(err, dataset.NotFound) {
			return nil, gone("dataset", id)
		}
		return nil, err
	}
	return l.current(ctx, d)
}

func (l *Library) loadDataset(ctx context.Context, t dataset.Tenant, id string) (*dataset.Dataset, int64, error) {
	id = strings.TrimPrefix(strings.ToLower(id), "dataset_")
	if !idForm.MatchString(id) {
		return nil, 0, gone("dataset", id)
	}
	d, version, err := dataset.Load[dataset.Dataset](ctx, l.Table, dataset.DatasetPK(t, id), dataset.DatasetSK)
	if dataset.Is(err, dataset.NotFound) || err == nil && (!d.Deleted.IsZero() || d.Current == 0) {
		return nil, 0, gone("dataset", id)
	}
	return d, version, err
}

func (l *Library) current(ctx context.Context, d *dataset.Dataset) (*Dataset, error) {
	v, err := l.version(ctx, d, d.Current)
	if err != nil {
		return nil, err
	}
	return &Dataset{d, *v}, nil
}

func (l *Library) version(ctx context.Context, d *dataset.Dataset, ordinal int) (*dataset.Version, error) {
	v, _, err := dataset.Load[dataset.Version](ctx, l.Table, dataset.DatasetPK(d.Tenant, d.ID), dataset.VersionSK(ordinal))
	if dataset.Is(err, dataset.NotFound) {
		return nil, dataset.Errorf(dataset.NotFound, "dataset %s has no version %d", d.ID, ordinal)
	}
	return v, err
}

// Datasets lists the datasets of a project, or with none those of the tenant, newest first.
func (l *Library) Datasets(ctx context.Context, t dataset.Tenant, p *dataset.Project, w Window) (*List[*Dataset], error) {
	rows, err := l.listed(ctx, t, p, dataset.DatasetsPK(t), dataset.DatasetList, w)
	if err != nil {
		return nil, err
	}
	return each(ctx, rows, func(ctx context.Context, listed *dataset.Listed) (*Dataset, error) {
		d, _, err := l.loadDataset(ctx, t, listed.ID)
		if err != nil {
			return nil, err
		}
		return l.current(ctx, d)
	})
}

// Versions lists the versions of a dataset, newest first.
func (l *Library) Versions(ctx context.Context, d *Dataset, w Window) (*List[*dataset.Version], error) {
	q := dataset.Query{PK: dataset.DatasetPK(d.Tenant, d.ID), From: "version#", To: "version#~", Reverse: true}
	rows, err := l.rows(ctx, q, w, all)
	if err != nil {
		return nil, err
	}
	out := &List[*dataset.Version]{Total: rows.Total, AtLeast: rows.AtLeast, Cursor: rows.Cursor}
	for _, r := range rows.Items {
		v, err := dataset.Decode[dataset.Version](r)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// FindVersion finds a version by its name, such as 1.2.0, or its number; NotFound.
func (l *Library) FindVersion(ctx context.Context, d *Dataset, name string) (*dataset.Version, error) {
	if n, err := strconv.Atoi(name); err == nil && n > 0 && len(name) <= 6 {
		return l.version(ctx, d.Dataset, n)
	}
	if name == d.Version.Name {
		return &d.Version, nil
	}
	for r, err := range dataset.Rows(ctx, l.Table, dataset.Query{PK: dataset.DatasetPK(d.Tenant, d.ID), From: "version#", To: "version#~"}) {
		if err != nil {
			return nil, err
		}
		v, err := dataset.Decode[dataset.Version](r)
		if err != nil {
			return nil, err
		}
		if v.Name == name {
			return v, nil
		}
	}
	return nil, dataset.Errorf(dataset.NotFound, "dataset %s has no version %.40q", d.ID, name)
}

// DeleteDataset deletes a dataset with its versions. Conflict: a job is writing it.
func (l *Library) DeleteDataset(ctx context.Context, t dataset.Tenant, id string) error {
	if _, err := l.FindDataset(ctx, t, id); err != nil {
		return err
	}
	tried := false
	return dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		d, version, err := l.loadDataset(ctx, t, id)
		if tried && dataset.Is(err, dataset.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := l.unlocked(ctx, d); err != nil {
			return nil, err
		}
		tried = true
		d.Deleted = time.Now().UTC()
		pk, at := dataset.ProjectPK(t, d.Project), dataset.ListSK(dataset.DatasetList, d.Created, d.ID)
		writes, err := records(
			row{dataset.DatasetPK(t, d.ID), dataset.DatasetSK, d, version},
			purgeRow(dataset.Purge{Tenant: t, Project: d.Project, Dataset: d.ID, Since: d.Deleted}, d.ID),
		)
		if err != nil {
			return nil, err
		}
		writes = append(writes, dataset.Gone(pk, at, dataset.Any), dataset.Gone(dataset.DatasetsPK(t), at, dataset.Any))
		// Its name, if it is versioned, leads the next job to a new dataset.
		named, is, err := dataset.Load[string](ctx, l.Table, pk, dataset.DatasetNameSK(d.Name))
		if dataset.Is(err, dataset.NotFound) || err == nil && *named != d.ID {
			return writes, nil
		}
		return append(writes, dataset.Gone(pk, dataset.DatasetNameSK(d.Name), is)), err
	})
}

// unlocked refuses when a job that is not over holds the dataset.
func (l *Library) unlocked(ctx context.Context, d *dataset.Dataset) error {
	if d.Lock == "" {
		return nil
	}
	j, _, err := dataset.Load[dataset.Job](ctx, l.Table, dataset.JobPK(dataset.JobRef{Tenant: d.Tenant, ID: d.Lock}), dataset.JobSK)
	switch {
	case dataset.Is(err, dataset.NotFound):
		return nil
	case err == nil && !j.Status.Over():
		return dataset.Errorf(dataset.Conflict, "dataset %q is being written by job %s", d.Name, d.Lock)
	}
	return err
}

// DeleteDatasets deletes several datasets, with what DeleteProjects returns.
func (l *Library) DeleteDatasets(ctx context.Context, t dataset.Tenant, ids []string) (deleted []string, failed []Failure, err error) {
	return deleteEach(ids, func(id string) error { return l.DeleteDataset(ctx, t, id) })
}

// View is what a dataset looks like at one moment: a version, and the edits over it up to one of them. It does
// not change, whatever happens to the dataset, and is safe for concurrent use.
type View struct {
	Dataset *Dataset
	Version dataset.Version
	Edits   int64 // number of the last edit that it shows; 0: none

	snapshot *snapshot.Version
	overlay  *snapshot.Overlay // nil: as published
	edits    map[int]*Edit     // the last of each entry, by ordinal
}

// Open opens the current state of a dataset.
func (l *Library) Open(ctx context.Context, t dataset.Tenant, id string) (*View, error) {
	d, err := l.FindDataset(ctx, t, id)
	if err != nil {
		return nil, err
	}
	last, _, err := l.lastEdit(ctx, d.Dataset)
	if err != nil {
		return nil, err
	}
	return l.view(ctx, d, d.Version, last)
}

// OpenVersion opens a version as it was published, by its name or number.
func (l *Library) OpenVersion(ctx context.Context, t dataset.Tenant, id, version string) (*View, error) {
	d, err := l.FindDataset(ctx, t, id)
	if err != nil {
		return nil, err
	}
	v, err := l.FindVersion(ctx, d, version)
	if err != nil {
		return nil, err
	}
	return l.view(ctx, d, *v, 0)
}

func (l *Library) view(ctx context.Context, d *Dataset, version dataset.Version, last int64) (*View, error) {
	v := &View{Dataset: d, Version: version, Edits: last}
	var err error
	if v.snapshot, err = snapshot.Open(ctx, l.Blobs, version.Manifest); err != nil {
		if dataset.Is(err, dataset.NotFound) {
			return nil, gone("dataset", d.ID) // it was deleted meanwhile
		}
		return nil, err
	}
	if last > 0 {
		err = l.readEdits(ctx, v)
	}
	return v, err
}

// Manifest says what the version consists of.
func (v *View) Manifest() *snapshot.Manifest { return v.snapshot.Manifest() }

// Edited reports whether edits lie over the version: then its files are not what the view shows.
func (v *View) Edited() bool { return len(v.edits) > 0 }

// Summary returns the number of entries and the distribution of their scores.
func (v *View) Summary() (int, dataset.QualitySummary) { return v.snapshot.Summary(v.overlay) }

// WriteJSONL writes all entries as JSON lines, in constant memory. The output is whole only when the error is nil.
func (v *View) WriteJSONL(ctx context.Context, w io.Writer) error {
	return v.snapshot.WriteJSONL(ctx, w, v.overlay)
}
