package api

import (
	"context"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

// Job is a job as clients see it.
type Job struct {
	ID        string     `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Kind      string     `json:"kind" doc:"What it is for: generate makes a dataset, process reads documents and cuts them into chunks." enum:"generate,process" example:"generate"`
	Project   string     `json:"project_id" doc:"UUID of its project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	Status    string     `json:"status" doc:"Where it stands; the last three are final." enum:"pending,running,completed,failed,cancelled" example:"running"`
	Progress  int        `json:"progress" doc:"Percent done, from what is stored; it never falls." example:"65"`
	Step      string     `json:"current_step" doc:"What it does, in words." example:"Processing chunk 45 of 100"`
	Ends      *time.Time `json:"estimated_completion" doc:"When it will be over at the measured rate; null while there is none." example:"2026-01-21T11:45:00Z"`
	Chunks    JobChunks  `json:"chunks" doc:"How its chunks have ended so far."`
	Model     string     `json:"model" doc:"The model that generates, as provider/model; empty where none is used." example:"extractive"`
	Result    *JobResult `json:"result" doc:"What came of it, once it is over; null before, and where nothing was made."`
	Error     *string    `json:"error" doc:"Why it failed; null when it did not."`
	Warnings  []string   `json:"warnings" doc:"What its owner should know."`
	RetryOf   *string    `json:"retry_of" doc:"The job whose failed part this one does again; null when there is none."`
	CreatedAt time.Time  `json:"created_at" doc:"When it was asked for." example:"2026-01-21T10:30:00Z"`
	StartedAt *time.Time `json:"started_at" doc:"When work began; null before." example:"2026-01-21T10:30:01Z"`
	EndedAt   *time.Time `json:"completed_at" doc:"When it was over, however it ended; null before." example:"2026-01-21T10:45:00Z"`
	UpdatedAt time.Time  `json:"updated_at" doc:"When its record last changed." example:"2026-01-21T10:45:00Z"`
}

// JobChunks counts chunks of a job while it runs.
type JobChunks struct {
	Total       int `json:"total" doc:"Chunks of the job; 0 until they are counted." example:"100"`
	Answered    int `json:"answered" doc:"Chunks that the model has answered." example:"45"`
	WithEntries int `json:"with_entries" doc:"Chunks that gave entries." example:"41"`
	Empty       int `json:"empty" doc:"Chunks that held nothing worth an entry." example:"2"`
	Failed      int `json:"failed" doc:"Chunks that failed." example:"0"`
}

// JobResult is what a job made.
type JobResult struct {
	Dataset       string          `json:"dataset_id,omitempty" doc:"UUID of the dataset; absent when there is none." example:"f0efd610-ffdb-4d38-8506-835320f7270d"`
	Version       string          `json:"version,omitempty" doc:"The version that it published." example:"1.0.0"`
	Entries       int             `json:"entries" doc:"Entries of that version." example:"150"`
	Files         []ResultFile    `json:"files" doc:"Files of that version."`
	Documents     ResultDocuments `json:"documents" doc:"What became of the documents."`
	Chunks        ResultChunks    `json:"chunks" doc:"How the chunks ended: total is the sum of with_entries, empty and failed."`
	Rejected      map[string]int  `json:"rejected" doc:"Candidates that were left out, by reason."`
	Quality       ResultQuality   `json:"quality_summary" doc:"Quality of the entries."`
	Usage         ResultUsage     `json:"usage" doc:"What the calls of the model consumed."`
	Model         string          `json:"model" doc:"The model that generated." example:"extractive"`
	ParsingModel  string          `json:"parsing_model,omitempty" doc:"The model for documents that need one to be read; none did." example:"extractive"`
	ChunkingModel string          `json:"chunking_model,omitempty" doc:"The model for chunks that need one to be cut; none did." example:"extractive"`
	Warnings      []string        `json:"warnings" doc:"What the dataset's owner should know."`
	Error         *string         `json:"error" doc:"Why the job failed though it ran to its end; null when it did not."`
}

// ResultFile is one file of a version.
type ResultFile struct {
	Name    string `json:"name" doc:"Name of the file." example:"part-00000.jsonl"`
	Entries int    `json:"entries" doc:"Entries in it." example:"150"`
	Size    int64  `json:"size" doc:"Bytes." example:"183204"`
	SHA256  string `json:"sha256" doc:"SHA-256 of its bytes in hexadecimal digits." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

// ResultDocuments counts the documents of a job.
type ResultDocuments struct {
	Total      int               `json:"total" doc:"Documents of the job." example:"12"`
	Parsed     int               `json:"parsed" doc:"Documents that this job has read; the others were read before." example:"2"`
	Unreadable int               `json:"unreadable" doc:"Documents that could not be read." example:"1"`
	Reasons    map[string]string `json:"reasons,omitempty" doc:"Why documents could not be read, by name; the first 100."`
}

// ResultChunks counts how the chunks of a job ended.
type ResultChunks struct {
	Total       int            `json:"total" doc:"Chunks of the job." example:"100"`
	WithEntries int            `json:"with_entries" doc:"Chunks that gave entries." example:"97"`
	Empty       int            `json:"empty" doc:"Chunks that held nothing worth an entry." example:"3"`
	Failed      int            `json:"failed" doc:"Chunks that failed." example:"0"`
	Skipped     int            `json:"skipped" doc:"Of the failed: those that were never asked, as the job was stopped." example:"0"`
	Reasons     map[string]int `json:"reasons,omitempty" doc:"Why chunks were empty or failed."`
}

// ResultQuality is the distribution of the quality scores of a version.
type ResultQuality struct {
	Average      float64        `json:"average_score" doc:"Mean of the scores." example:"0.87"`
	Distribution map[string]int `json:"distribution" doc:"Entries by score: high from 0.8, medium from 0.6, low below."`
	Categories   map[string]int `json:"categories" doc:"Entries by category."`
	Histogram    []int          `json:"histogram" doc:"Entries by score in 20 equal steps from 0 to 1."`
}

// ResultUsage is what calls consumed.
type ResultUsage struct {
	Calls        int     `json:"calls" doc:"Calls that were made and paid for." example:"100"`
	Reused       int     `json:"reused" doc:"Replies kept from earlier jobs that were used again, for nothing." example:"0"`
	InputTokens  int64   `json:"input_tokens" doc:"Tokens sent." example:"91000"`
	OutputTokens int64   `json:"output_tokens" doc:"Tokens received." example:"24000"`
	CostUSD      float64 `json:"cost_usd" doc:"Cost in US dollars, where the price is known." example:"0.12"`
}

// statusWord is a status as the API says it.
func statusWord(s dataset.JobStatus) string {
	if s == dataset.Stopping {
		return string(dataset.Running)
	}
	return string(s)
}

// plainStatus is a job's status and error for pollers that know four words and wait for completed or failed.
func plainStatus(j *dataset.Job) (status string, why *string) {
	if j.Status == dataset.Cancelled {
		cancelled := "the job was cancelled"
		return string(dataset.Failed), &cancelled
	}
	return statusWord(j.Status), orNull(j.Error)
}

// orNull is nil for what is empty.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func showJob(p *pipeline.Progress) *Job {
	j := p.Job
	shown := &Job{
		ID: j.Ref.ID, Kind: string(j.Kind), Project: j.Project, Status: statusWord(j.Status), Progress: p.Percent, Step: p.Step,
		Ends: timeOrNull(p.Ends.Truncate(time.Second)), Model: j.Model, Result: showResult(j), Warnings: append([]string{}, j.Warnings...), RetryOf: orNull(j.RetryOf),
		Chunks:    JobChunks{p.Total, p.Answered, p.Tally.WithEntries, p.Tally.Empty, p.Tally.Failed},
		CreatedAt: j.Created, StartedAt: timeOrNull(j.Started), EndedAt: timeOrNull(j.Ended), UpdatedAt: j.Updated,
	}
	if j.Status == dataset.Failed {
		shown.Error = orNull(j.Error)
	}
	return shown
}

func showResult(j *dataset.Job) *JobResult {
	r := j.Result
	if r == nil {
		return nil
	}
	files := make([]ResultFile, len(r.Files))
	for i, f := range r.Files {
		files[i] = ResultFile{f.Name, f.Entries, f.Size, f.SHA256}
	}
	c := r.Chunks
	return &JobResult{
		Dataset: r.DatasetID, Version: r.Version, Entries: r.Entries, Files: files, Rejected: orEmpty(r.Rejected), Model: r.Model,
		Documents:    ResultDocuments(r.Documents),
		Chunks:       ResultChunks{c.Total, c.WithEntries, c.Empty, c.Failed, c.Skipped, c.Reasons},
		Quality:      ResultQuality{r.QualitySummary.AverageScore, orEmpty(r.QualitySummary.Distribution), orEmpty(r.QualitySummary.Categories), r.QualitySummary.Histogram[:]},
		Usage:        ResultUsage(r.Usage),
		ParsingModel: j.Settings.ParsingModel, ChunkingModel: j.Settings.ChunkingModel, Warnings: append([]string{}, r.Warnings...), Error: r.Error,
	}
}

// progressOf is the progress of the job that a path names, if it is of that kind; "" is any.
func progressOf(ctx context.Context, e *pipeline.Engine, id string, kind dataset.JobKind) (*pipeline.Progress, error) {
	ref, err := jobOf(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := e.Progress(ctx, ref)
	if dataset.Is(err, dataset.NotFound) || err == nil && kind != "" && p.Job.Kind != kind {
		return nil, noJob(id)
	}
	return p, err
}

// tagOf is the ETag of a job's progress: a weak one, as an estimated end moves without it.
func tagOf(p *pipeline.Progress) string { return `W/"` + p.Revision + `"` }
