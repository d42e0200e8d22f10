package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// maxFileName bounds the name of a document.
const maxFileName = 500

// AddDocument stores an uploaded file in a project. Its id derives from project and content: adding the same
// bytes again, under any name, gives the document that is there, and known is true.
func (l *Library) AddDocument(ctx context.Context, p *dataset.Project, name string, data []byte) (doc *dataset.Document, known bool, err error) {
	if err := checkFile(name, int64(len(data))); err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256(data)
	doc = &dataset.Document{
		Tenant: p.Tenant, Project: p.ID, Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]),
		Status: dataset.Uploaded, Added: time.Now().UTC(),
	}
	doc.ID = documentID(doc)
	return l.add(ctx, doc, func(d *dataset.Document) error {
		d.Source = dataset.SourceKey(d.Tenant, d.Project, d.Objects())
		return dataset.PutOnce(ctx, l.Blobs, d.Source, data)
	})
}

func documentID(d *dataset.Document) string {
	return dataset.DeriveID("document", string(d.Tenant), d.Project, d.SHA256)
}

func checkFile(name string, size int64) error {
	if err := checkText("/name", name, 1, maxFileName); err != nil {
		return err
	}
	if size > dataset.MaxDocument {
		return dataset.Errorf(dataset.Invalid, "%s has %d bytes, want at most %d", name, size, dataset.MaxDocument)
	}
	if !document.Supported(name) {
		return dataset.Errorf(dataset.Invalid, "%s: files of type %q cannot be read, want %s", name, path.Ext(name), document.Wanted)
	}
	return nil
}

// add makes the record of a document, unless it is there, and puts it on the lists. store writes its objects, which
// are those of a life of the document, and may be repeated.
func (l *Library) add(ctx context.Context, doc *dataset.Document, store func(*dataset.Document) error) (added *dataset.Document, known bool, err error) {
	pk, sk := dataset.ProjectPK(doc.Tenant, doc.Project), dataset.DocumentSK(doc.ID)
	err = dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		there, version, err := dataset.Load[dataset.Document](ctx, l.Table, pk, sk)
		switch {
		case dataset.Is(err, dataset.NotFound):
			version = dataset.Absent
		case err != nil:
			return nil, err
		case there.Deleted.IsZero():
			// Its time tells a write of ours that took effect without an answer from an earlier one.
			added, known = there, !there.Added.Equal(doc.Added)
			return nil, nil
		default:
			doc.Life = there.Life + 1
		}
		if err := store(doc); err != nil {
			return nil, err
		}
		added = doc
		listed, at := dataset.Listed{Project: doc.Project, ID: doc.ID}, dataset.ListSK(dataset.DocumentList, doc.Added, doc.ID)
		return records(
			row{pk, sk, doc, version},
			row{pk, at, listed, dataset.Any},
			row{dataset.DocumentsPK(doc.Tenant), at, listed, dataset.Any},
			row{dataset.DocumentsPK(doc.Tenant), dataset.DocumentIDSK(doc.ID), listed, dataset.Any},
		)
	})
	if err != nil {
		return nil, false, err
	}
	return added, known, nil
}

// Document finds a document by its id; NotFound.
func (l *Library) Document(ctx context.Context, t dataset.Tenant, id string) (*dataset.Document, error) {
	d, _, err := l.loadDocument(ctx, t, id)
	return d, err
}

func (l *Library) loadDocument(ctx context.Context, t dataset.Tenant, id string) (*dataset.Document, int64, error) {
	id = strings.ToLower(id)
	if !idForm.MatchString(id) {
		return nil, 0, gone("document", id)
	}
	listed, _, err := dataset.Load[dataset.Listed](ctx, l.Table, dataset.DocumentsPK(t), dataset.DocumentIDSK(id))
	if err == nil {
		_, err = l.project(ctx, t, listed.Project)
	}
	if dataset.Is(err, dataset.NotFound) {
		return nil, 0, gone("document", id)
	}
	if err != nil {
		return nil, 0, err
	}
	return l.documentOf(ctx, t, listed)
}

func (l *Library) documentOf(ctx context.Context, t dataset.Tenant, listed *dataset.Listed) (*dataset.Document, int64, error) {
	d, version, err := dataset.Load[dataset.Document](ctx, l.Table, dataset.ProjectPK(t, listed.Project), dataset.DocumentSK(listed.ID))
	if dataset.Is(err, dataset.NotFound) || err == nil && !d.Deleted.IsZero() {
		return nil, 0, gone("document", listed.ID)
	}
	return d, version, err
}

// Documents lists the documents of a project, or with none those of the tenant, newest first.
func (l *Library) Documents(ctx context.Context, t dataset.Tenant, p *dataset.Project, w Window) (*List[*dataset.Document], error) {
	rows, err := l.listed(ctx, t, p, dataset.DocumentsPK(t), dataset.DocumentList, w)
	if err != nil {
		return nil, err
	}
	return each(ctx, rows, func(ctx context.Context, listed *dataset.Listed) (*dataset.Document, error) {
		d, _, err := l.documentOf(ctx, t, listed)
		return d, err
	})
}

// listed reads a list by time of a project, or with none that of the tenant.
func (l *Library) listed(ctx context.Context, t dataset.Tenant, p *dataset.Project, tenantPK, list string, w Window) (*List[dataset.Record], error) {
	if p != nil {
		return l.rows(ctx, listOf(dataset.ProjectPK(t, p.ID), list), w, all)
	}
	return l.rows(ctx, listOf(tenantPK, list), w, l.inLiving(ctx, t))
}

// DeleteDocument deletes a document with its chunks. Jobs that run keep what they have planned.
func (l *Library) DeleteDocument(ctx context.Context, t dataset.Tenant, id string) error {
	tried := false
	return dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		d, version, err := l.loadDocument(ctx, t, id)
		if tried && dataset.Is(err, dataset.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		tried = true
		d.Deleted, d.Sets, d.Marks = time.Now().UTC(), nil, nil
		pk, at := dataset.ProjectPK(t, d.Project), dataset.ListSK(dataset.DocumentList, d.Added, d.ID)
		writes, err := records(
			// The mark stays, so that a later life does not use the objects of this one.
			row{pk, dataset.DocumentSK(d.ID), d, version},
			purgeRow(dataset.Purge{Tenant: t, Project: d.Project, Document: d.Objects(), Keys: []string{d.Source}, Since: d.Deleted}, d.Objects()),
		)
		return append(writes,
			dataset.Gone(pk, at, dataset.Any),
			dataset.Gone(dataset.DocumentsPK(t), at, dataset.Any),
			dataset.Gone(dataset.DocumentsPK(t), dataset.DocumentIDSK(d.ID), dataset.Any)), err
	})
}
