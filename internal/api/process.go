package api

import (
	"context"
	"net/http"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/pipeline"
	"compileo/internal/rest"
)

// ProcessRequest asks to read documents and to cut them into chunks.
type ProcessRequest struct {
	Project     ProjectID `json:"project_id" doc:"Number or UUID of the project." example:"1"`
	Documents   []string  `json:"document_ids,omitempty" doc:"Documents to process; absent: all of the project." minItems:"1" maxItems:"100000"`
	Parser      string    `json:"parser,omitempty" doc:"What reads the documents: auto, pypdf and unstructured are the readers that are built in, chosen by the type of a file. The name of a model is noted; no document is read by a model yet." default:"auto" maxLength:"200" example:"auto"`
	Strategy    string    `json:"chunk_strategy,omitempty" doc:"How to cut: structure (whole blocks under their headings), sentence, token, character or delimiter." default:"structure" enum:"structure,sentence,token,character,delimiter,semantic,schema" example:"structure"`
	Size        *int      `json:"chunk_size,omitempty" doc:"Size of a chunk in the strategy's own unit; absent: 400 tokens (structure), 512 (token, character), 12 sentences, 1 piece (delimiter)." minimum:"1" maximum:"50000" example:"512"`
	Overlap     *int      `json:"overlap,omitempty" doc:"What neighbouring chunks share, in the same unit; absent: a tenth, at most 50, for token and character, else 0." minimum:"0" maximum:"25000" example:"50"`
	Delimiter   string    `json:"delimiter,omitempty" doc:"The text between chunks, for the strategy delimiter." maxLength:"1000" example:"---"`
	SkipParsing bool      `json:"skip_parsing,omitempty" doc:"Takes the text that was read before. It is done in any case where there is one: no document is read twice for nothing." default:"false"`
}

type processAnswer struct {
	Location   string `header:"Location" doc:"Path of the job's state." example:"/api/v1/documents/process/550e8400-e29b-41d4-a716-446655440000/status"`
	RetryAfter int    `header:"Retry-After" doc:"Seconds after which to ask for it." example:"2"`
	Body       Processing
}

// Processing is the answer to a request to process documents.
type Processing struct {
	ID       string   `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Message  string   `json:"message" doc:"What was begun." example:"Document processing started"`
	Status   string   `json:"status" doc:"Always submitted." enum:"submitted" example:"submitted"`
	Warnings []string `json:"warnings" doc:"What its owner should know."`
}

// ProcessStatus says how far documents are.
type ProcessStatus struct {
	ID       string          `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Status   string          `json:"status" doc:"Where it stands; a cancelled job is failed, with an error that says so." enum:"pending,running,completed,failed" example:"running"`
	Progress int             `json:"progress" doc:"Percent done." example:"65"`
	Step     string          `json:"current_step" doc:"What it does, in words." example:"Reading document 3 of 12"`
	Ends     *time.Time      `json:"estimated_completion" doc:"When it will be over at the measured rate; null while there is none." example:"2026-01-21T11:45:00Z"`
	Files    []ProcessedFile `json:"processed_files" doc:"The documents of the job, each with what became of it; a page of them."`
	Total    int             `json:"total_files" doc:"Documents of the job; 0 until it has begun." example:"12"`
	Page     int             `json:"page" doc:"Number of this page." example:"1"`
	PerPage  int             `json:"per_page" doc:"Documents of a page." example:"1000"`
	Error    *string         `json:"error" doc:"Why the job failed; null when it did not."`
}

// ProcessedFile is what became of a document.
type ProcessedFile struct {
	ID         string `json:"document_id" doc:"UUID of the document." example:"7d8e1c9a-90ab-4f6e-8a53-2f3a1f0d9c11"`
	Name       string `json:"file_name" doc:"Its name; empty when it was deleted." example:"diabetes.html"`
	Status     string `json:"status" doc:"uploaded: it waits; processed: its text and chunks are there; unreadable: see reason; deleted: it is gone." enum:"uploaded,processed,unreadable,deleted" example:"processed"`
	Reason     string `json:"reason,omitempty" doc:"Why it is unreadable." example:"it has no text"`
	Characters int    `json:"characters" doc:"Length of its text in code points." example:"12031"`
	Chunks     int    `json:"chunks" doc:"Its chunks, cut as the job asked." example:"14"`
}

func process(t *rest.Table, c Config) {
	e := c.Engine

	rest.Add(t, rest.Op{
		ID: "processDocuments", Method: http.MethodPost, Path: base + "/documents/process", Tag: "documents", Status: http.StatusAccepted,
		Summary: "Read documents and cut them into chunks", Description: "Starts a job. What was read and cut in the same way before is not done again. POST /datasets/generate reads what still waits, too.",
		Limit: 8 << 20, // a job may name 100,000 documents
	}, func(ctx context.Context, in *struct{ Body ProcessRequest }) (*processAnswer, error) {
		settings, err := in.Body.settings(e.Models)
		if err != nil {
			return nil, err
		}
		p, err := c.Library.Project(ctx, tenantOf(ctx), string(in.Body.Project))
		if err != nil {
			return nil, err
		}
		ref, _ := newJob(ctx, "process")
		j, err := e.Submit(ctx, pipeline.Submission{Ref: ref, Project: p.ID, Kind: dataset.ProcessJob, Settings: *settings, Documents: in.Body.Documents})
		if err != nil {
			return nil, err
		}
		return &processAnswer{
			base + "/documents/process/" + j.Ref.ID + "/status", lookAfter, Processing{j.Ref.ID, "Document processing started", "submitted", j.Warnings},
		}, nil
	})

	rest.Add(t, rest.Op{
		ID: "processStatus", Method: http.MethodGet, Path: base + "/documents/process/{job_id}/status", Tag: "documents",
		Summary: "How far the processing of documents is",
	}, func(ctx context.Context, in *struct {
		byJob
		Page    int `query:"page" doc:"Number of the page of documents, from 1." default:"1" minimum:"1" maximum:"100000"`
		PerPage int `query:"per_page" doc:"Documents of a page." default:"1000" minimum:"1" maximum:"1000"`
	},
	) (*struct{ Body ProcessStatus }, error) {
		p, err := progressOf(ctx, e, in.Job, dataset.ProcessJob)
		if err != nil {
			return nil, err
		}
		outcomes, total, err := e.Outcomes(ctx, p.Job, (in.Page-1)*in.PerPage, in.PerPage)
		if err != nil {
			return nil, err
		}
		files := make([]ProcessedFile, len(outcomes))
		for i, o := range outcomes {
			files[i] = ProcessedFile{o.ID, o.Name, string(o.Status), o.Reason, o.Runes, o.Chunks}
		}
		status, why := plainStatus(p.Job)
		return &struct{ Body ProcessStatus }{ProcessStatus{
			p.Job.Ref.ID, status, p.Percent, p.Step, timeOrNull(p.Ends.Truncate(time.Second)), files, total, in.Page, in.PerPage, why,
		}}, nil
	})
}

// uploaded adds the status of an upload, which is over when it is answered.
func uploaded(t *rest.Table, c Config) {
	rest.Add(t, rest.Op{
		ID: "uploadStatus", Method: http.MethodGet, Path: base + "/documents/upload/{job_id}/status", Tag: "documents",
		Summary: "What came of an upload", Description: "An upload is complete when it is answered: this repeats it, by the job_id of that answer.",
	}, func(ctx context.Context, in *byJob) (*struct{ Body ProcessStatus }, error) {
		d, err := c.Library.Document(ctx, tenantOf(ctx), in.Job)
		if err != nil {
			return nil, err
		}
		set, _ := d.Set("")
		return &struct{ Body ProcessStatus }{ProcessStatus{
			ID: d.ID, Status: string(dataset.Completed), Progress: 100, Step: "Uploaded", Total: 1, Page: 1, PerPage: 1,
			Files: []ProcessedFile{{d.ID, d.Name, string(d.Status), d.Reason, d.Runes, set.Count}},
		}}, nil
	})
}

// settings are those of the job. Invalid names every fault.
func (r *ProcessRequest) settings(models *model.Registry) (*dataset.Settings, error) {
	var faults []error
	s := &dataset.Settings{Chunking: r.chunking()}
	switch r.Strategy {
	case "semantic", "schema":
		faults = append(faults, dataset.InvalidField("/chunk_strategy", "%s is not there yet: want structure, sentence, token, character or delimiter", r.Strategy))
	default:
		faults = append(faults, s.Chunking.Check())
	}
	switch r.Parser {
	case "auto", "pypdf", "unstructured":
	default:
		name, err := resolve(models, "/parser", r.Parser, "")
		s.ParsingModel = name
		faults = append(faults, err)
	}
	return s, dataset.Faults(faults...)
}

func (r *ProcessRequest) chunking() *dataset.Chunking {
	c := &dataset.Chunking{Strategy: dataset.Strategy(r.Strategy), Delimiter: r.Delimiter}
	switch c.Strategy {
	case dataset.ByToken, dataset.ByCharacter:
		c.Size = 512
	case dataset.BySentence:
		c.Size = 12
	case dataset.ByDelimiter:
		c.Size = 1
	default:
		c.Size = dataset.DefaultChunking.Size
	}
	if r.Size != nil {
		c.Size = *r.Size
	}
	switch {
	case r.Overlap != nil:
		c.Overlap = *r.Overlap
	case c.Strategy == dataset.ByToken || c.Strategy == dataset.ByCharacter:
		c.Overlap = min(50, c.Size/10)
	}
	return c
}
