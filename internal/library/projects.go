package library

import (
	"context"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// NewProject is what a project is made from.
type NewProject struct {
	ID          string // empty: a new one; creating with the same id again gives the project that is there
	Name        string
	Description string
}

// CreateProject makes a project under the tenant's next number. Conflict: another one has the name.
func (l *Library) CreateProject(ctx context.Context, t dataset.Tenant, in NewProject) (*dataset.Project, error) {
	in.Name = strings.TrimSpace(in.Name)
	if err := checkProject(in.Name, in.Description); err != nil {
		return nil, err
	}
	if in.ID == "" {
		in.ID = dataset.NewID()
	}
	var p *dataset.Project
	if !idForm.MatchString(in.ID) {
		return nil, dataset.InvalidField("/id", "is %.100q, want a UUID", in.ID)
	}
	err := dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		var err error
		p, _, err = dataset.Load[dataset.Project](ctx, l.Table, dataset.ProjectPK(t, in.ID), dataset.ProjectSK)
		if err == nil && !p.Deleted.IsZero() {
			return nil, dataset.Errorf(dataset.Conflict, "project %s was deleted", in.ID)
		}
		if !dataset.Is(err, dataset.NotFound) {
			return nil, err
		}
		if err := l.nameIsFree(ctx, t, in.Name); err != nil {
			return nil, err
		}
		last, version, err := dataset.Load[int](ctx, l.Table, dataset.ProjectsPK(t), dataset.LastProjectSK)
		if dataset.Is(err, dataset.NotFound) {
			last, version, err = new(int), dataset.Absent, nil
		}
		if err != nil {
			return nil, err
		}
		if *last >= dataset.MaxProjects {
			return nil, dataset.Errorf(dataset.Invalid, "there were %d projects, more cannot be made", *last)
		}
		now := time.Now().UTC()
		p = &dataset.Project{ID: in.ID, Tenant: t, Number: *last + 1, Name: in.Name, Description: in.Description, Created: now, Updated: now}
		return records(
			row{dataset.ProjectPK(t, p.ID), dataset.ProjectSK, p, dataset.Absent},
			row{dataset.ProjectsPK(t), dataset.LastProjectSK, p.Number, version},
			row{dataset.ProjectsPK(t), dataset.ProjectNumberSK(p.Number), dataset.Listed{Project: p.ID, ID: p.ID}, dataset.Absent},
			row{dataset.ProjectsPK(t), dataset.ProjectNameSK(p.Name), dataset.Listed{Project: p.ID, ID: p.ID}, dataset.Absent},
		)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func checkProject(name, description string) error {
	if err := checkText("/name", name, 1, dataset.MaxName); err != nil {
		return err
	}
	return checkText("/description", description, 0, dataset.MaxDescription)
}

// nameIsFree refuses a name that a project has.
func (l *Library) nameIsFree(ctx context.Context, t dataset.Tenant, name string) error {
	_, err := l.Table.Get(ctx, dataset.ProjectsPK(t), dataset.ProjectNameSK(name))
	if err == nil {
		return dataset.Errorf(dataset.Conflict, "there is a project named %q", name)
	}
	if dataset.Is(err, dataset.NotFound) {
		return nil
	}
	return err
}

// Project finds a project by its number or its id; NotFound.
func (l *Library) Project(ctx context.Context, t dataset.Tenant, id string) (*dataset.Project, error) {
	if n, err := strconv.Atoi(id); err == nil && len(id) <= 9 && n > 0 {
		listed, _, err := dataset.Load[dataset.Listed](ctx, l.Table, dataset.ProjectsPK(t), dataset.ProjectNumberSK(n))
		if dataset.Is(err, dataset.NotFound) {
			return nil, gone("project", id)
		}
		if err != nil {
			return nil, err
		}
		id = listed.ID
	}
	return l.project(ctx, t, strings.ToLower(id))
}

func (l *Library) project(ctx context.Context, t dataset.Tenant, id string) (*dataset.Project, error) {
	p, _, err := l.loadProject(ctx, t, id)
	return p, err
}

func (l *Library) loadProject(ctx context.Context, t dataset.Tenant, id string) (*dataset.Project, int64, error) {
	if !idForm.MatchString(id) {
		return nil, 0, gone("project", id)
	}
	p, version, err := dataset.Load[dataset.Project](ctx, l.Table, dataset.ProjectPK(t, id), dataset.ProjectSK)
	if dataset.Is(err, dataset.NotFound) || err == nil && !p.Deleted.IsZero() {
		return nil, 0, gone("project", id)
	}
	return p, version, err
}

// Projects lists the tenant's projects by their numbers.
func (l *Library) Projects(ctx context.Context, t dataset.Tenant, w Window) (*List[*dataset.Project], error) {
	rows, err := l.rows(ctx, dataset.Query{PK: dataset.ProjectsPK(t), From: "number#", To: "number$"}, w, all)
	if err != nil {
		return nil, err
	}
	return each(ctx, rows, func(ctx context.Context, listed *dataset.Listed) (*dataset.Project, error) {
		return l.project(ctx, t, listed.ID)
	})
}

// Count is a number of things up to MaxCounted.
type Count struct {
	N       int
	AtLeast bool
}

// CountDocuments counts the documents of a project.
func (l *Library) CountDocuments(ctx context.Context, p *dataset.Project) (Count, error) {
	return l.count(ctx, p, dataset.DocumentList)
}

// CountDatasets counts the datasets of a project.
func (l *Library) CountDatasets(ctx context.Context, p *dataset.Project) (Count, error) {
	return l.count(ctx, p, dataset.DatasetList)
}

func (l *Library) count(ctx context.Context, p *dataset.Project, list string) (Count, error) {
	rows, err := l.rows(ctx, listOf(dataset.ProjectPK(p.Tenant, p.ID), list), Window{Page: 1, PerPage: 1}, all)
	if err != nil {
		return Count{}, err
	}
	return Count{rows.Total, rows.AtLeast}, nil
}

// listOf is a list by time, newest first.
func listOf(pk, list string) dataset.Query {
	return dataset.Query{PK: pk, From: list, To: list + "~", Reverse: true}
}

// ProjectChange says what is to become of a project; nil stays.
type ProjectChange struct {
	Name, Description *string
}

// UpdateProject changes a project. Conflict: another one has the name.
func (l *Library) UpdateProject(ctx context.Context, t dataset.Tenant, id string, c ProjectChange) (*dataset.Project, error) {
	p, err := l.Project(ctx, t, id)
	if err != nil {
		return nil, err
	}
	id = p.ID
	err = dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		var version int64
		var err error
		if p, version, err = l.loadProject(ctx, t, id); err != nil {
			return nil, err
		}
		old := *p
		if c.Name != nil {
			p.Name = strings.TrimSpace(*c.Name)
		}
		if c.Description != nil {
			p.Description = *c.Description
		}
		if err := checkProject(p.Name, p.Description); err != nil || *p == old {
			return nil, err
		}
		p.Updated = time.Now().UTC()
		writes, err := records(row{dataset.ProjectPK(t, id), dataset.ProjectSK, p, version})
		was, is := dataset.ProjectNameSK(old.Name), dataset.ProjectNameSK(p.Name)
		if err != nil || was == is {
			return writes, err
		}
		if err := l.nameIsFree(ctx, t, p.Name); err != nil {
			return nil, err
		}
		named, err := records(row{dataset.ProjectsPK(t), is, dataset.Listed{Project: id, ID: id}, dataset.Absent})
		return append(writes, append(named, dataset.Gone(dataset.ProjectsPK(t), was, dataset.Any))...), err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// purgeAfter is how long what was deleted keeps its objects at least: longer than any request that began before, and
// than a presigned one is valid.
const purgeAfter = time.Hour

// DeleteProject deletes a project with its documents and datasets. Conflict: a job runs in it. Its number and its
// id are never used again; its name is free.
func (l *Library) DeleteProject(ctx context.Context, t dataset.Tenant, id string) error {
	p, err := l.Project(ctx, t, id)
	if err != nil {
		return err
	}
	id = p.ID
	tried := false
	return dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		p, version, err := l.loadProject(ctx, t, id)
		if tried && dataset.Is(err, dataset.NotFound) {
			return nil, nil // our own write, or an equal one
		}
		if err != nil {
			return nil, err
		}
		j, err := l.running(ctx, t, id)
		if err != nil {
			return nil, err
		}
		if j != nil {
			return nil, dataset.Errorf(dataset.Conflict, "job %s runs in project %d: wait for its end or cancel it", j.Ref.ID, p.Number)
		}
		tried = true
		now := time.Now().UTC()
		p.Deleted, p.Updated = now, now
		writes, err := records(
			row{dataset.ProjectPK(t, id), dataset.ProjectSK, p, version},
			purgeRow(dataset.Purge{Tenant: t, Project: id, Whole: true, Since: now}, id),
		)
		return append(writes,
			dataset.Gone(dataset.ProjectsPK(t), dataset.ProjectNumberSK(p.Number), dataset.Any),
			dataset.Gone(dataset.ProjectsPK(t), dataset.ProjectNameSK(p.Name), dataset.Any)), err
	})
}

// running returns a job of the project that is not over, nil if there is none.
func (l *Library) running(ctx context.Context, t dataset.Tenant, project string) (*dataset.Job, error) {
	for _, pk := range dataset.RunningPKs() {
		// The rows of a tenant begin with its name and "_".
		q := dataset.Query{PK: pk, From: string(t) + "_", To: string(t) + "`"}
		for r, err := range dataset.Rows(ctx, l.Table, q) {
			if err != nil {
				return nil, err
			}
			ref, err := dataset.ParseJobRef(r.SK)
			if err != nil {
				return nil, err
			}
			j, _, err := dataset.Load[dataset.Job](ctx, l.Table, dataset.JobPK(ref), dataset.JobSK)
			if dataset.Is(err, dataset.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if j.Project == project && !j.Status.Over() {
				return j, nil
			}
		}
	}
	return nil, nil
}

// Failure says why something of several could not be deleted.
type Failure struct {
	ID  string
	Err error
}

// DeleteProjects deletes several projects, each as DeleteProject does. An error is one of the ports: what
// was done until then stays, and all may be deleted again.
func (l *Library) DeleteProjects(ctx context.Context, t dataset.Tenant, ids []string) (deleted []string, failed []Failure, err error) {
	return deleteEach(ids, func(id string) error { return l.DeleteProject(ctx, t, id) })
}

// deleteEach deletes several things; only failures of the ports end it.
func deleteEach(ids []string, one func(id string) error) (deleted []string, failed []Failure, err error) {
	for _, id := range ids {
		switch err := one(id); dataset.KindOf(err) {
		case "":
			deleted = append(deleted, id)
		case dataset.NotFound, dataset.Conflict, dataset.Invalid:
			failed = append(failed, Failure{id, err})
		default:
			return deleted, failed, err
		}
	}
	return deleted, failed, nil
}
