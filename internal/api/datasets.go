package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
	"compileo/internal/snapshot"
)

// Dataset is a dataset as clients see it, with its first entries.
type Dataset struct {
	ID         string         `json:"id" doc:"Id of the dataset, as it was asked for." example:"dataset_550e8400-e29b-41d4-a716-446655440000"`
	Name       string         `json:"name" doc:"Its name." example:"medical_qa_dataset"`
	ProjectID  string         `json:"project_id" doc:"UUID of its project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	Version    string         `json:"version" doc:"Its current version." example:"1.0.0"`
	Entries    []entryJSON    `json:"entries" doc:"The first 100 entries by quality; GET /datasets/{id}/entries has all."`
	Total      int            `json:"total_entries" doc:"All its entries." example:"150"`
	CreatedAt  time.Time      `json:"created_at" doc:"When it was created." example:"2026-01-21T10:30:00Z"`
	FormatType string         `json:"format_type" doc:"Format of its file." enum:"jsonl" example:"jsonl"`
	Quality    QualitySummary `json:"quality_summary" doc:"How good its entries are."`
}

// QualitySummary is the distribution of scores and categories.
type QualitySummary struct {
	Average      float64        `json:"average_score" doc:"Mean of the scores." example:"0.87"`
	Distribution map[string]int `json:"distribution" doc:"Entries that are high (0.8 and more), medium (0.6 and more) and low."`
	Categories   map[string]int `json:"categories" doc:"Entries of each category."`
	Histogram    []int          `json:"histogram" doc:"Entries by score in 20 equal steps from 0 to 1."`
}

// DatasetSummary is a dataset in a list.
type DatasetSummary struct {
	ID         string    `json:"id" doc:"UUID of the dataset." example:"550e8400-e29b-41d4-a716-446655440000"`
	Name       string    `json:"name" doc:"Its name." example:"medical_qa_dataset"`
	Dataset    string    `json:"dataset_name" doc:"The same as name." example:"medical_qa_dataset"`
	ProjectID  string    `json:"project_id" doc:"UUID of its project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	Version    string    `json:"version" doc:"Its current version." example:"1.0.0"`
	Total      int       `json:"total_entries" doc:"Entries of the current version." example:"150"`
	CreatedAt  time.Time `json:"created_at" doc:"When it was created." example:"2026-01-21T10:30:00Z"`
	UpdatedAt  time.Time `json:"updated_at" doc:"When its current version was published." example:"2026-01-21T10:30:00Z"`
	FormatType string    `json:"format_type" doc:"Format of its file." enum:"jsonl" example:"jsonl"`
}

// DatasetList is a page of datasets.
type DatasetList struct {
	Datasets []DatasetSummary `json:"datasets" doc:"Datasets, newest first."`
	Paged
}

// DatasetDetails is all that is known of a dataset but its entries.
type DatasetDetails struct {
	DatasetSummary
	SizeBytes        int64          `json:"size_bytes" doc:"Bytes of its file." example:"48213"`
	Entries          int            `json:"entries_count" doc:"All its entries." example:"150"`
	Status           string         `json:"status" doc:"Always completed: a dataset is there once its first version is." enum:"completed" example:"completed"`
	Edited           bool           `json:"edited" doc:"Entries were edited since the version was published."`
	GenerationParams map[string]any `json:"generation_params" doc:"Settings of the job that made the current version; empty when that is no longer known."`
	JobID            string         `json:"job_id" doc:"The job that made the current version." example:"550e8400-e29b-41d4-a716-446655440000"`
	Quality          QualitySummary `json:"quality_summary" doc:"How good its entries are."`
	Difficulties     map[string]int `json:"difficulties" doc:"Published entries of each level."`
	Rejected         map[string]int `json:"rejected" doc:"Entries that were left out, by reason."`
}

// DatasetFile is a dataset in the list of a project's files.
type DatasetFile struct {
	ID         string         `json:"id" doc:"UUID of the dataset." example:"550e8400-e29b-41d4-a716-446655440000"`
	Name       string         `json:"name" doc:"Its name." example:"medical_qa_dataset"`
	FormatType string         `json:"format_type" doc:"Format of its file." enum:"jsonl" example:"jsonl"`
	SizeBytes  int64          `json:"size_bytes" doc:"Bytes of its file." example:"48213"`
	Entries    int            `json:"entries_count" doc:"Its entries." example:"150"`
	CreatedAt  time.Time      `json:"created_at" doc:"When it was created." example:"2026-01-21T10:30:00Z"`
	Status     string         `json:"status" doc:"Always completed." enum:"completed" example:"completed"`
	Params     map[string]any `json:"generation_params" doc:"Settings of the job that made it; empty when that is no longer known."`
}

// DatasetFiles is a page of a project's datasets.
type DatasetFiles struct {
	Datasets []DatasetFile `json:"datasets" doc:"Datasets, newest first."`
	Total    int           `json:"total_count" doc:"Datasets that pass the filters, counted to 10,000." example:"3"`
	Page     int           `json:"page" doc:"Number of this page." example:"1"`
	PageSize int           `json:"page_size" doc:"Datasets of a page." example:"20"`
}

type datasetIDs struct {
	IDs []string `json:"dataset_ids" doc:"Ids of datasets." minItems:"1" maxItems:"1000"`
}

// DeletedDatasets says what became of datasets that were to be deleted.
type DeletedDatasets struct {
	Message string    `json:"message" doc:"How many were deleted." example:"2 datasets deleted"`
	Count   int       `json:"deleted_count" doc:"Datasets that were deleted." example:"2"`
	Failed  []Failure `json:"failed_deletions" doc:"Those that were not, each with the reason."`
}

type byDataset struct {
	Dataset string `path:"dataset_id" doc:"UUID of the dataset, with or without dataset_ before it." example:"dataset_550e8400-e29b-41d4-a716-446655440000"`
}

const jsonl = "jsonl"

func showQuality(q dataset.QualitySummary) QualitySummary {
	return QualitySummary{q.AverageScore, q.Distribution, q.Categories, q.Histogram[:]}
}

func summarize(d *library.Dataset) DatasetSummary {
	return DatasetSummary{d.ID, d.Name, d.Name, d.Project, d.Version.Name, d.Version.Entries, d.Created, d.Version.Created, jsonl}
}

func datasets(t *rest.Table, c Config) {
	l := c.Library
	datasetLists(t, c)
	entries(t, c)
	versions(t, c)
	download(t, c)

	rest.Add(t, rest.Op{
		ID: "getDataset", Method: "GET", Path: base + "/datasets/{dataset_id}", Tag: "datasets", Summary: "One dataset with its best entries",
	}, func(ctx context.Context, in *byDataset) (*struct{ Body Dataset }, error) {
		v, err := l.Open(ctx, tenantOf(ctx), in.Dataset)
		if err != nil {
			return nil, err
		}
		page, err := v.Entries(ctx, library.EntryQuery{Window: library.Window{Page: 1, PerPage: 100}, Order: snapshot.ByQuality})
		if err != nil {
			return nil, err
		}
		best, err := onlyOf(page.Entries, nil)
		n, quality := v.Summary()
		return &struct{ Body Dataset }{Dataset{
			in.Dataset, v.Dataset.Name, v.Dataset.Project, v.Version.Name, best, n, v.Dataset.Created, jsonl, showQuality(quality),
		}}, err
	})

	rest.Add(t, rest.Op{
		ID: "getDatasetDetails", Method: "GET", Path: base + "/datasets/{dataset_id}/details", Tag: "datasets", Summary: "What a dataset consists of and how it was made",
	}, func(ctx context.Context, in *byDataset) (*struct{ Body DatasetDetails }, error) {
		v, err := l.Open(ctx, tenantOf(ctx), in.Dataset)
		if err != nil {
			return nil, err
		}
		params, err := paramsOf(ctx, c.Table, v.Dataset)
		if err != nil {
			return nil, err
		}
		m := v.Manifest()
		size, _ := v.Size()
		out := DatasetDetails{
			DatasetSummary: summarize(v.Dataset), SizeBytes: size, Status: "completed", Edited: v.Edited(), GenerationParams: params,
			JobID: v.Version.Job, Difficulties: m.Difficulties, Rejected: m.Rejected,
		}
		n, quality := v.Summary()
		out.Entries, out.Total, out.Quality = n, n, showQuality(quality)
		return &struct{ Body DatasetDetails }{out}, nil
	})

	rest.Add(t, rest.Op{
		ID: "deleteDataset", Method: "DELETE", Path: base + "/datasets/{dataset_id}", Also: []string{base + "/datasets/{dataset_id}/delete"}, Tag: "datasets",
		Summary: "Delete a dataset with all its versions", Description: "It is gone at once; its files follow in the background. Refused while a job writes it.",
	}, func(ctx context.Context, in *byDataset) (*struct{ Body Message }, error) {
		if err := l.DeleteDataset(ctx, tenantOf(ctx), in.Dataset); err != nil {
			return nil, err
		}
		return &struct{ Body Message }{Message{"Dataset " + in.Dataset + " deleted"}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "deleteDatasets", Method: "POST", Path: base + "/datasets/bulk-delete", Tag: "datasets", Summary: "Delete several datasets",
	}, func(ctx context.Context, in *struct{ Body datasetIDs }) (*struct{ Body DeletedDatasets }, error) {
		deleted, failed, err := l.DeleteDatasets(ctx, tenantOf(ctx), in.Body.IDs)
		if err != nil {
			return nil, err
		}
		n := len(deleted)
		return &struct{ Body DeletedDatasets }{DeletedDatasets{fmt.Sprintf("%d datasets deleted", n), n, failures(failed)}}, nil
	})
}

func datasetLists(t *rest.Table, c Config) {
	l := c.Library
	list := func(ctx context.Context, p *dataset.Project, in paging) (*struct{ Body DatasetList }, error) {
		found, err := l.Datasets(ctx, tenantOf(ctx), p, in.window())
		if err != nil {
			return nil, err
		}
		out := DatasetList{make([]DatasetSummary, len(found.Items)), paged(in.window(), found)}
		for i, d := range found.Items {
			out.Datasets[i] = summarize(d)
		}
		return &struct{ Body DatasetList }{out}, nil
	}
	rest.Add(t, rest.Op{
		ID: "listDatasets", Method: "GET", Path: base + "/datasets", Tag: "datasets", Summary: "List datasets",
	}, func(ctx context.Context, in *struct {
		paging
		Project *ProjectID `query:"project_id" doc:"Number or UUID of a project; absent: datasets of all projects." example:"1"`
	},
	) (*struct{ Body DatasetList }, error) {
		p, err := projectOf(ctx, l, in.Project)
		if err != nil {
			return nil, err
		}
		return list(ctx, p, in.paging)
	})
	rest.Add(t, rest.Op{
		ID: "listProjectDatasets", Method: "GET", Path: base + "/projects/{project_id}/datasets", Tag: "datasets", Summary: "List the datasets of a project",
	}, func(ctx context.Context, in *struct {
		byProject
		paging
	},
	) (*struct{ Body DatasetList }, error) {
		p, err := projectOf(ctx, l, &in.Project)
		if err != nil {
			return nil, err
		}
		return list(ctx, p, in.paging)
	})

	rest.Add(t, rest.Op{
		ID: "listDatasetFiles", Method: "GET", Path: base + "/datasets/list/{project_id}", Tag: "datasets", Summary: "List the datasets of a project with their files",
		Description: "Looks through the newest 10,000 datasets of the project.",
	}, func(ctx context.Context, in *struct {
		byProject
		filesQuery
	},
	) (*struct{ Body DatasetFiles }, error) {
		p, err := projectOf(ctx, l, &in.Project)
		if err != nil {
			return nil, err
		}
		found, err := allDatasets(ctx, l, p, in.passes)
		if err != nil {
			return nil, err
		}
		from := min((in.Page-1)*in.PageSize, len(found))
		page := found[from:min(from+in.PageSize, len(found))]
		out := DatasetFiles{make([]DatasetFile, len(page)), len(found), in.Page, in.PageSize}
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(8)
		for i, d := range page {
			g.Go(func() error {
				params, err := paramsOf(ctx, c.Table, d)
				if err != nil {
					return err
				}
				v, err := l.Open(ctx, d.Tenant, d.ID)
				if err != nil {
					return err
				}
				size, _ := v.Size()
				out.Datasets[i] = DatasetFile{d.ID, d.Name, jsonl, size, d.Version.Entries, d.Created, "completed", params}
				return nil
			})
		}
		return &struct{ Body DatasetFiles }{out}, g.Wait()
	})
}

type filesQuery struct {
	Page     int       `query:"page" doc:"Number of the page, from 1." default:"1" minimum:"1" maximum:"10000"`
	PageSize int       `query:"page_size" doc:"Datasets of a page." default:"20" minimum:"1" maximum:"1000"`
	Search   string    `query:"search" doc:"Part of the name, whatever the case." maxLength:"200"`
	Format   string    `query:"format_filter" doc:"Only datasets of this format; all are jsonl." enum:"jsonl"`
	From     *moment   `query:"date_from" doc:"Created at this time or later." example:"2026-01-21"`
	To       *lastOfIt `query:"date_to" doc:"Created at this time or before; a date means all of the day." example:"2026-01-31"`
}

func (q *filesQuery) passes(d *library.Dataset) bool {
	return strings.Contains(strings.ToLower(d.Name), strings.ToLower(q.Search)) &&
		(q.From == nil || !d.Created.Before(q.From.Time)) && (q.To == nil || !d.Created.After(q.To.Time))
}

// moment is a time or a date.
type moment struct{ time.Time }

// Schema says what it is.
func (moment) Schema() *rest.Schema { return &rest.Schema{Type: "string"} }

// UnmarshalText reads a parameter.
func (m *moment) UnmarshalText(b []byte) error { return m.read(string(b), 0) }

// read reads a time, or a date and so much more.
func (m *moment) read(s string, more time.Duration) (err error) {
	if m.Time, err = time.Parse(time.RFC3339, s); err == nil {
		return nil
	}
	if m.Time, err = time.Parse(time.DateOnly, s); err != nil {
		return fmt.Errorf("must be a date such as 2026-01-21, or a time such as 2026-01-21T10:30:00Z")
	}
	m.Time = m.Add(more)
	return nil
}

// lastOfIt is a time, or the end of a date.
type lastOfIt struct{ moment }

// UnmarshalText reads a parameter.
func (m *lastOfIt) UnmarshalText(b []byte) error { return m.read(string(b), 24*time.Hour-1) }

// allDatasets are those of a project's newest datasets that keep accepts.
func allDatasets(ctx context.Context, l *library.Library, p *dataset.Project, keep func(*library.Dataset) bool) ([]*library.Dataset, error) {
	var found []*library.Dataset
	w := library.Window{Page: 1, PerPage: library.MaxPerPage}
	for n := 0; n < library.MaxCounted; n += library.MaxPerPage {
		list, err := l.Datasets(ctx, p.Tenant, p, w)
		if err != nil {
			return nil, err
		}
		for _, d := range list.Items {
			if keep(d) {
				found = append(found, d)
			}
		}
		if w.Cursor = list.Cursor; w.Cursor == "" {
			break
		}
	}
	return found, nil
}

// paramsOf are the settings of the job that made a dataset's current version.
func paramsOf(ctx context.Context, table dataset.Table, d *library.Dataset) (map[string]any, error) {
	params := map[string]any{}
	if d.Version.Job == "" {
		return params, nil
	}
	j, _, err := dataset.Load[dataset.Job](ctx, table, dataset.JobPK(dataset.JobRef{Tenant: d.Tenant, ID: d.Version.Job}), dataset.JobSK)
	if dataset.Is(err, dataset.NotFound) {
		return params, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(j.Settings)
	if err == nil {
		err = json.Unmarshal(b, &params)
	}
	return params, err
}
