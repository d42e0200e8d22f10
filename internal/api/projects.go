package api

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
)

// Project is a project as clients see it.
type Project struct {
	ID          string    `json:"id" doc:"UUID of the project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	Number      int       `json:"number" doc:"The same project in short: 1, 2 and so on, never given twice." example:"1"`
	Name        string    `json:"name" doc:"Name; no two projects have the same, whatever the case." example:"Diabetes guidelines"`
	Description string    `json:"description" doc:"What it is for." example:"Patient leaflets of 2026"`
	CreatedAt   time.Time `json:"created_at" doc:"When it was created." example:"2026-01-21T10:30:00Z"`
	UpdatedAt   time.Time `json:"updated_at" doc:"When its name or description was changed last." example:"2026-01-21T10:30:00Z"`
	Documents   int       `json:"document_count" doc:"Documents in it, counted to 10,000." example:"12"`
	Datasets    int       `json:"dataset_count" doc:"Datasets made in it, counted to 10,000." example:"2"`
	Status      string    `json:"status" doc:"Always active: a deleted project is not found." enum:"active" example:"active"`
}

// ProjectList is a page of projects.
type ProjectList struct {
	Projects []Project `json:"projects" doc:"Projects by their numbers."`
	Paged
}

// Deleted says what became of several things that were to be deleted.
type Deleted struct {
	Message string    `json:"message" doc:"How many were deleted." example:"2 projects deleted"`
	Deleted []string  `json:"deleted" doc:"Those that were deleted, as they were given."`
	Failed  []Failure `json:"failed,omitempty" doc:"Those that were not, each with the reason."`
}

type newProject struct {
	Name        string `json:"name" doc:"Name of the project, unique whatever the case." minLength:"1" maxLength:"200" example:"Diabetes guidelines"`
	Description string `json:"description,omitempty" doc:"What it is for." maxLength:"10000" example:"Patient leaflets of 2026"`
}

type projectChange struct {
	Name        *string `json:"name,omitempty" doc:"New name; absent: it stays." minLength:"1" maxLength:"200" example:"Diabetes 2026"`
	Description *string `json:"description,omitempty" doc:"New description; absent: it stays." maxLength:"10000" example:"Leaflets and guidelines"`
}

type projectIDs struct {
	IDs []ProjectID `json:"project_ids" doc:"Numbers or UUIDs of projects." minItems:"1" maxItems:"1000"`
}

func projects(t *rest.Table, c Config) {
	l := c.Library
	type one struct{ Body *Project }
	type created struct {
		Location string `header:"Location" doc:"Path of the project." example:"/api/v1/projects/b357e573-89a5-4b40-8e1b-4c075a1835a6"`
		Body     *Project
	}

	rest.Add(t, rest.Op{
		ID: "createProject", Method: "POST", Path: base + "/projects", Tag: "projects", Status: 201, Summary: "Create a project",
	}, func(ctx context.Context, in *struct{ Body newProject }) (*created, error) {
		p, err := l.CreateProject(ctx, tenantOf(ctx), library.NewProject{
			ID: dataset.DeriveID("project", seedOf(ctx)), Name: in.Body.Name, Description: in.Body.Description,
		})
		if err != nil {
			return nil, err
		}
		shown, err := showProject(ctx, l, p)
		return &created{base + "/projects/" + p.ID, shown}, err
	})

	rest.Add(t, rest.Op{
		ID: "listProjects", Method: "GET", Path: base + "/projects", Tag: "projects", Summary: "List the projects",
	}, func(ctx context.Context, in *struct{ paging }) (*struct{ Body ProjectList }, error) {
		list, err := l.Projects(ctx, tenantOf(ctx), in.window())
		if err != nil {
			return nil, err
		}
		out := &struct{ Body ProjectList }{ProjectList{make([]Project, len(list.Items)), paged(in.window(), list)}}
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(8)
		for i, p := range list.Items {
			g.Go(func() error {
				shown, err := showProject(ctx, l, p)
				if err == nil {
					out.Body.Projects[i] = *shown
				}
				return err
			})
		}
		return out, g.Wait()
	})

	rest.Add(t, rest.Op{
		ID: "getProject", Method: "GET", Path: base + "/projects/{project_id}", Tag: "projects", Summary: "One project",
	}, func(ctx context.Context, in *byProject) (*one, error) {
		p, err := l.Project(ctx, tenantOf(ctx), string(in.Project))
		if err != nil {
			return nil, err
		}
		shown, err := showProject(ctx, l, p)
		return &one{shown}, err
	})

	rest.Add(t, rest.Op{
		ID: "updateProject", Method: "PUT", Path: base + "/projects/{project_id}", Tag: "projects", Summary: "Change the name or the description of a project",
	}, func(ctx context.Context, in *struct {
		byProject
		Body projectChange
	},
	) (*one, error) {
		p, err := l.UpdateProject(ctx, tenantOf(ctx), string(in.Project), library.ProjectChange{Name: in.Body.Name, Description: in.Body.Description})
		if err != nil {
			return nil, err
		}
		shown, err := showProject(ctx, l, p)
		return &one{shown}, err
	})

	rest.Add(t, rest.Op{
		ID: "deleteProject", Method: "DELETE", Path: base + "/projects/{project_id}", Tag: "projects", Summary: "Delete a project with its documents and datasets",
		Description: "It is gone at once; its files follow in the background. Refused while a job runs in it.",
	}, func(ctx context.Context, in *byProject) (*struct{ Body Message }, error) {
		if err := l.DeleteProject(ctx, tenantOf(ctx), string(in.Project)); err != nil {
			return nil, err
		}
		return &struct{ Body Message }{Message{fmt.Sprintf("Project %s deleted", in.Project)}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "deleteProjects", Method: "DELETE", Path: base + "/projects", Tag: "projects", Summary: "Delete several projects",
	}, func(ctx context.Context, in *struct{ Body projectIDs }) (*struct{ Body Deleted }, error) {
		ids := make([]string, len(in.Body.IDs))
		for i, id := range in.Body.IDs {
			ids[i] = string(id)
		}
		deleted, failed, err := l.DeleteProjects(ctx, tenantOf(ctx), ids)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Deleted }{Deleted{things(len(deleted), "project") + " deleted", deleted, failures(failed)}}, nil
	})
}

// showProject counts what is in a project.
func showProject(ctx context.Context, l *library.Library, p *dataset.Project) (*Project, error) {
	documents, err := l.CountDocuments(ctx, p)
	if err != nil {
		return nil, err
	}
	datasets, err := l.CountDatasets(ctx, p)
	return &Project{p.ID, p.Number, p.Name, p.Description, p.Created, p.Updated, documents.N, datasets.N, "active"}, err
}

// projectOf finds a project that a request may name; nil: it names none.
func projectOf(ctx context.Context, l *library.Library, id *ProjectID) (*dataset.Project, error) {
	if id == nil {
		return nil, nil
	}
	return l.Project(ctx, tenantOf(ctx), string(*id))
}
