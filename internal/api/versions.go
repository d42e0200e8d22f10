package api

import (
	"context"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
)

// Version is a version of a dataset.
type Version struct {
	Name        string    `json:"version" doc:"Name of the version." example:"1.1.0"`
	DatasetID   string    `json:"dataset_id" doc:"UUID of the dataset." example:"550e8400-e29b-41d4-a716-446655440000"`
	Total       int       `json:"total_entries" doc:"Entries as it was published." example:"150"`
	Active      bool      `json:"is_active" doc:"It is the current version."`
	CreatedAt   time.Time `json:"created_at" doc:"When it was published." example:"2026-01-21T10:30:00Z"`
	Description string    `json:"description" doc:"How it came about." example:"made by job 550e8400-e29b-41d4-a716-446655440000"`
	JobID       string    `json:"job_id" doc:"The job that made it." example:"550e8400-e29b-41d4-a716-446655440000"`
}

// VersionList is a page of versions.
type VersionList struct {
	Versions []Version `json:"versions" doc:"Versions, newest first."`
	Paged
}

// NamedVersions are the versions of a project's datasets of a name.
type NamedVersions struct {
	Versions []Version `json:"versions" doc:"Versions, newest first; of each dataset the newest 1,000."`
	Total    int       `json:"total" doc:"How many there are." example:"2"`
}

// LatestVersion is the newest version of a name.
type LatestVersion struct {
	Latest *string `json:"latest_version" doc:"Name of the current version; null when there is no such dataset." example:"1.1.0"`
}

// VersionDetails is one version with its distribution.
type VersionDetails struct {
	Version
	Quality  QualitySummary `json:"quality_summary" doc:"How good its entries are, as published."`
	Rejected map[string]int `json:"rejected" doc:"Entries that were left out, by reason."`
}

type versionsQuery struct {
	Project ProjectID `query:"project_id" required:"true" doc:"Number or UUID of the project." example:"1"`
	Name    string    `query:"dataset_name" required:"true" doc:"Name of the dataset." minLength:"1" maxLength:"500" example:"medical_qa_dataset"`
}

func showVersion(d *library.Dataset, v *dataset.Version) Version {
	out := Version{v.Name, d.ID, v.Entries, v.Ordinal == d.Current, v.Created, "", v.Job}
	if v.Job != "" {
		out.Description = "made by job " + v.Job
	}
	return out
}

func versions(t *rest.Table, c Config) {
	l := c.Library
	rest.Add(t, rest.Op{
		ID: "listVersions", Method: "GET", Path: base + "/datasets/{dataset_id}/versions", Tag: "datasets", Summary: "The versions of a dataset",
	}, func(ctx context.Context, in *struct {
		byDataset
		paging
	},
	) (*struct{ Body VersionList }, error) {
		d, err := l.FindDataset(ctx, tenantOf(ctx), in.Dataset)
		if err != nil {
			return nil, err
		}
		list, err := l.Versions(ctx, d, in.window())
		if err != nil {
			return nil, err
		}
		out := VersionList{make([]Version, len(list.Items)), paged(in.window(), list)}
		for i, v := range list.Items {
			out.Versions[i] = showVersion(d, v)
		}
		return &struct{ Body VersionList }{out}, nil
	})
	rest.Add(t, rest.Op{
		ID: "getVersion", Method: "GET", Path: base + "/datasets/{dataset_id}/versions/{version}", Tag: "datasets", Summary: "One version of a dataset",
	}, func(ctx context.Context, in *struct {
		byDataset
		Version string `path:"version" doc:"Name of the version." example:"1.0.0"`
	},
	) (*struct{ Body VersionDetails }, error) {
		v, err := l.OpenVersion(ctx, tenantOf(ctx), in.Dataset, in.Version)
		if err != nil {
			return nil, err
		}
		_, quality := v.Summary()
		return &struct{ Body VersionDetails }{VersionDetails{showVersion(v.Dataset, &v.Version), showQuality(quality), v.Manifest().Rejected}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "listNamedVersions", Method: "GET", Path: base + "/datasets/versions", Tag: "datasets", Summary: "The versions of the datasets of a name",
		Description: "Datasets made without enable_versioning may share a name: the versions of all of them are listed.",
	}, func(ctx context.Context, in *struct {
		versionsQuery
		Active bool `query:"active_only" doc:"Only current versions."`
	},
	) (*struct{ Body NamedVersions }, error) {
		named, err := in.find(ctx, l)
		if err != nil {
			return nil, err
		}
		out := NamedVersions{}
		for _, d := range named {
			list := []*dataset.Version{&d.Version}
			if !in.Active {
				page, err := l.Versions(ctx, d, library.Window{Page: 1, PerPage: library.MaxPerPage})
				if err != nil {
					return nil, err
				}
				list = page.Items
			}
			for _, v := range list {
				out.Versions = append(out.Versions, showVersion(d, v))
			}
		}
		out.Total = len(out.Versions)
		return &struct{ Body NamedVersions }{out}, nil
	})
	rest.Add(t, rest.Op{
		ID: "latestVersion", Method: "GET", Path: base + "/datasets/versions/latest", Tag: "datasets", Summary: "The current version of the newest dataset of a name",
	}, func(ctx context.Context, in *versionsQuery) (*struct{ Body LatestVersion }, error) {
		named, err := in.find(ctx, l)
		if err != nil || len(named) == 0 {
			return &struct{ Body LatestVersion }{}, err
		}
		return &struct{ Body LatestVersion }{LatestVersion{&named[0].Version.Name}}, nil
	})
}

// find finds the project's datasets of the name, newest first.
func (q *versionsQuery) find(ctx context.Context, l *library.Library) ([]*library.Dataset, error) {
	p, err := projectOf(ctx, l, &q.Project)
	if err != nil {
		return nil, err
	}
	return allDatasets(ctx, l, p, func(d *library.Dataset) bool { return d.Name == q.Name })
}
