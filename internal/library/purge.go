package library

import (
	"context"
	"errors"
	"time"

	"compileo/internal/dataset"
)

// purgeRow lists what was deleted for Purge. The name makes its row distinct among those of the same time.
func purgeRow(p dataset.Purge, name string) row {
	return row{dataset.PurgePK, dataset.PurgeSK(p.Since.Add(purgeAfter), name), p, dataset.Any}
}

// Purge removes what was deleted more than an hour ago and no running job can still read. It is called now and then, by one
// caller or several; what it leaves, as a port failed or a job runs, it finds again. An error with one thing does
// not keep it from the others.
func (l *Library) Purge(ctx context.Context) error {
	var faults []error
	q := dataset.Query{PK: dataset.PurgePK, To: dataset.PurgeSK(time.Now(), "")}
	for r, err := range dataset.Rows(ctx, l.Table, q) {
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
		if err := l.purge(ctx, r); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (l *Library) purge(ctx context.Context, r dataset.Record) error {
	p, err := dataset.Decode[dataset.Purge](r)
	if err != nil {
		return err
	}
	// A job that was submitted later has never seen what was deleted.
	j, err := l.running(ctx, p.Tenant, p.Project)
	if err != nil || j != nil {
		return err
	}
	keys := p.Keys
	var prefixes []string
	if p.Upload != "" {
		used, err := l.used(ctx, p)
		if err != nil {
			return err
		}
		if used {
			keys = nil
		}
	}
	if p.Document != "" {
		prefixes = append(prefixes, dataset.DocumentPrefixes(p.Tenant, p.Project, p.Document)...)
	}
	if p.Dataset != "" {
		prefixes = append(prefixes, dataset.DatasetPrefix(p.Tenant, p.Dataset))
	}
	if p.Whole {
		prefixes = append(prefixes, dataset.ProjectPrefixes(p.Tenant, p.Project)...)
		if err := l.purgeProject(ctx, p); err != nil {
			return err
		}
	}
	if err := l.Blobs.Delete(ctx, keys...); err != nil {
		return err
	}
	for _, prefix := range prefixes {
		if err := l.deleteAll(ctx, prefix); err != nil {
			return err
		}
	}
	if p.Dataset != "" {
		pk := dataset.DatasetPK(p.Tenant, p.Dataset)
		if err := l.deleteRows(ctx, dataset.Query{PK: pk, From: "edit", To: "edit~"}, dataset.Query{PK: pk, From: "version#", To: "version#~"}); err != nil {
			return err
		}
	}
	l.Log.InfoContext(ctx, "purged", "tenant", p.Tenant, "project", p.Project, "document", p.Document, "dataset", p.Dataset, "upload", p.Upload, "whole", p.Whole)
	return l.Table.Write(ctx, dataset.Gone(r.PK, r.SK, dataset.Any))
}

// used reports whether a document is made of the object of an upload: then the object goes with the document.
func (l *Library) used(ctx context.Context, p *dataset.Purge) (bool, error) {
	u, err := l.upload(ctx, p.Tenant, p.Upload)
	if dataset.Is(err, dataset.NotFound) {
		// Purge was late, and what became of it cannot be known: better to keep an object too many.
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if u.Document == "" {
		return l.addedUnnoted(ctx, u)
	}
	d, _, err := dataset.Load[dataset.Document](ctx, l.Table, dataset.ProjectPK(p.Tenant, p.Project), dataset.DocumentSK(u.Document))
	if dataset.Is(err, dataset.NotFound) {
		return false, nil
	}
	return err == nil && d.Source == u.Key, err
}

// addedUnnoted reports whether whoever completed an upload died between making the document and noting it.
func (l *Library) addedUnnoted(ctx context.Context, u *dataset.Upload) (bool, error) {
	sum, err := l.sum(ctx, u)
	if dataset.Is(err, dataset.Conflict) || dataset.Is(err, dataset.Invalid) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	id := documentID(&dataset.Document{Tenant: u.Tenant, Project: u.Project, SHA256: sum})
	d, _, err := dataset.Load[dataset.Document](ctx, l.Table, dataset.ProjectPK(u.Tenant, u.Project), dataset.DocumentSK(id))
	if dataset.Is(err, dataset.NotFound) {
		return false, nil
	}
	return err == nil && d.Source == u.Key, err
}

// purgeProject deletes the datasets of a project, and its records but for its own: its id is never used again.
func (l *Library) purgeProject(ctx context.Context, p *dataset.Purge) error {
	pk := dataset.ProjectPK(p.Tenant, p.Project)
	for r, err := range dataset.Rows(ctx, l.Table, listOf(pk, dataset.DatasetList)) {
		if err != nil {
			return err
		}
		listed, err := dataset.Decode[dataset.Listed](r)
		if err != nil {
			return err
		}
		if err := l.deleteAll(ctx, dataset.DatasetPrefix(p.Tenant, listed.ID)); err != nil {
			return err
		}
		if err := l.deleteRows(ctx, dataset.Query{PK: dataset.DatasetPK(p.Tenant, listed.ID)}); err != nil {
			return err
		}
		if err := l.Table.Write(ctx, dataset.Gone(dataset.DatasetsPK(p.Tenant), r.SK, dataset.Any)); err != nil {
			return err
		}
	}
	for r, err := range dataset.Rows(ctx, l.Table, listOf(pk, dataset.DocumentList)) {
		if err != nil {
			return err
		}
		listed, err := dataset.Decode[dataset.Listed](r)
		if err != nil {
			return err
		}
		err = l.Table.Write(ctx,
			dataset.Gone(dataset.DocumentsPK(p.Tenant), r.SK, dataset.Any),
			dataset.Gone(dataset.DocumentsPK(p.Tenant), dataset.DocumentIDSK(listed.ID), dataset.Any))
		if err != nil {
			return err
		}
	}
	return l.deleteRows(ctx,
		dataset.Query{PK: pk, From: "doc", To: "doc~"}, dataset.Query{PK: pk, From: "name#", To: "name#~"},
		dataset.Query{PK: pk, From: dataset.DatasetList, To: dataset.DatasetList + "~"})
}

// deleteRows deletes all rows of the queries.
func (l *Library) deleteRows(ctx context.Context, queries ...dataset.Query) error {
	for _, q := range queries {
		var writes []dataset.Write
		flush := func() error {
			if len(writes) == 0 {
				return nil
			}
			err := l.Table.Write(ctx, writes...)
			writes = writes[:0]
			return err
		}
		for r, err := range dataset.Rows(ctx, l.Table, q) {
			if err != nil {
				return err
			}
			if writes = append(writes, dataset.Gone(r.PK, r.SK, dataset.Any)); len(writes) == dataset.MaxWrites {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll deletes all objects whose keys begin with prefix.
func (l *Library) deleteAll(ctx context.Context, prefix string) error {
	after := ""
	for {
		page, err := l.Blobs.List(ctx, prefix, after)
		if err != nil || len(page) == 0 {
			return err
		}
		keys := make([]string, len(page))
		for i, o := range page {
			keys[i] = o.Key
		}
		if err := l.Blobs.Delete(ctx, keys...); err != nil {
			return err
		}
		after = keys[len(keys)-1]
	}
}
