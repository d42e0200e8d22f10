package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/pipeline"
	"compileo/internal/rest"
)

// GenerateRequest asks for a dataset. Every field is known that clients of the API send: one that has no effect here yet
// is taken at its default and refused, by name, at any other value.
type GenerateRequest struct {
	Project        ProjectID `json:"project_id" doc:"Number or UUID of the project whose documents are used." example:"1"`
	DatasetName    string    `json:"dataset_name,omitempty" doc:"Name of the dataset." default:"dataset" minLength:"1" maxLength:"200" pattern:"^[^\\x00-\\x1f\\x7f]*$" example:"medical_qa_dataset"`
	Versioned      bool      `json:"enable_versioning,omitempty" doc:"Whether this becomes the next version of the project's dataset of that name; else it is a new dataset at 1.0.0." default:"false"`
	Mode           string    `json:"generation_mode,omitempty" doc:"What is made of a chunk: default (questions with answers), question, answer, summarization or instruction following." default:"default" enum:"default,question and answer,question,answer,summarization,instruction following" example:"default"`
	PromptName     string    `json:"prompt_name,omitempty" doc:"Built-in prompt: qa_pairs and default are that of the generation mode; the name of a mode must be the one that is generated." default:"qa_pairs" maxLength:"200" example:"qa_pairs"`
	CustomPrompt   string    `json:"custom_prompt,omitempty" doc:"Your own prompt instead: {chunk} is where the text goes, else it is put at the end; {datasets_per_chunk}, {title} and {headings} are filled in, too." maxLength:"32768" example:"Ask about doses in this text, at most {datasets_per_chunk} times: {chunk}"`
	PerChunk       int       `json:"datasets_per_chunk,omitempty" doc:"Entries of a chunk at most; they are asked for in one call." default:"3" minimum:"1" maximum:"50" example:"3"`
	AnalyzeQuality bool      `json:"analyze_quality,omitempty" doc:"Whether entries under quality_threshold are left out, and counted. Every entry has a score in any case." default:"true"`
	Threshold      float64   `json:"quality_threshold,omitempty" doc:"Least quality of an entry." default:"0.7" minimum:"0" maximum:"1" example:"0.7"`
	Concurrency    int       `json:"concurrency,omitempty" doc:"Calls of the model at a time; the provider may allow fewer." default:"1" minimum:"1" maximum:"1000" example:"4"`
	Classification string    `json:"classification_model,omitempty" doc:"The model that generates, as provider or provider/model." default:"gemini" minLength:"1" maxLength:"200" example:"gemini"`
	Generation     string    `json:"generation_model,omitempty" doc:"The model that generates, where it is another one than classification_model." maxLength:"200" example:"openai/gpt-5-mini"`
	ParsingModel   string    `json:"parsing_model,omitempty" doc:"The model for documents that need one to be read. It is noted with the job; no document is read by a model yet." default:"gemini" minLength:"1" maxLength:"200" example:"gemini"`
	ChunkingModel  string    `json:"chunking_model,omitempty" doc:"The model for chunks that need one to be cut. It is noted with the job; no chunks are cut by a model yet." default:"gemini" minLength:"1" maxLength:"200" example:"gemini"`
	MaxFailedShare float64   `json:"max_failed_share,omitempty" doc:"The job fails when more than this share of its chunks failed." default:"0.2" minimum:"0" maximum:"1" example:"0.2"`
	Seed           int64     `json:"seed,omitempty" doc:"Another seed gives other entries; the same one, with the same model, the same where the model can do that." default:"1" example:"1"`
	Documents      []string  `json:"document_ids,omitempty" doc:"Documents to use; absent: all of the project." minItems:"1" maxItems:"100000"`

	Later
}

type generateAnswer struct {
	Location   string `header:"Location" doc:"Path of the job's state." example:"/api/v1/datasets/generate/550e8400-e29b-41d4-a716-446655440000/status"`
	RetryAfter int    `header:"Retry-After" doc:"Seconds after which to ask for it." example:"2"`
	Body       Started
}

// GenerateStatus is a job for pollers: they wait for completed or failed.
type GenerateStatus struct {
	ID       string     `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Status   string     `json:"status" doc:"Where it stands; a cancelled job is failed, with an error that says so." enum:"pending,running,completed,failed" example:"running"`
	Progress int        `json:"progress" doc:"Percent done, from what is stored; it never falls." example:"65"`
	Step     string     `json:"current_step" doc:"What it does, in words." example:"Processing chunk 45 of 100"`
	Ends     *time.Time `json:"estimated_completion" doc:"When it will be over at the measured rate; null while there is none." example:"2026-01-21T11:45:00Z"`
	Result   *JobResult `json:"result" doc:"What came of it, once it is over; null before."`
	Error    *string    `json:"error" doc:"Why it failed; null when it did not."`
}

type generateStatus struct {
	ETag string `header:"ETag" doc:"Names this state of the job." example:"W/\"7-0-45-44\""`
	Body GenerateStatus
}

func generate(t *rest.Table, c Config) {
	e := c.Engine

	rest.Add(t, rest.Op{
		ID: "generateDataset", Method: http.MethodPost, Path: base + "/datasets/generate", Tag: "datasets", Status: http.StatusAccepted, Summary: "Generate a dataset",
		Description: "Checks everything that can be checked, then starts a job. Documents that wait to be read are read first. Without an Idempotency-Key, a request equal to one whose job is not over is answered by that job, with a warning.",
		Limit:       8 << 20, // a job may name 100,000 documents
	}, func(ctx context.Context, in *struct{ Body GenerateRequest }) (*generateAnswer, error) {
		s, err := in.Body.submission(e.Models)
		if err != nil {
			return nil, err
		}
		p, err := c.Library.Project(ctx, tenantOf(ctx), string(in.Body.Project))
		if err != nil {
			return nil, err
		}
		s.Project = p.ID
		s.Ref, s.Shared = newJob(ctx, "generate")
		j, err := e.Submit(ctx, *s)
		if err != nil {
			return nil, err
		}
		return &generateAnswer{
			base + "/datasets/generate/" + j.Ref.ID + "/status", lookAfter, Started{j.Ref.ID, "Dataset generation started", j.Warnings},
		}, nil
	})

	rest.Add(t, rest.Op{
		ID: "generateStatus", Method: http.MethodGet, Path: base + "/datasets/generate/{job_id}/status", Tag: "datasets", Summary: "How far the generation of a dataset is",
	}, func(ctx context.Context, in *byJob) (*generateStatus, error) {
		p, err := progressOf(ctx, e, in.Job, dataset.GenerateJob)
		if err != nil {
			return nil, err
		}
		status, why := plainStatus(p.Job)
		return &generateStatus{tagOf(p), GenerateStatus{p.Job.Ref.ID, status, p.Percent, p.Step, timeOrNull(p.Ends.Truncate(time.Second)), showResult(p.Job), why}}, nil
	})
}

// submission is the request for the engine, but for project and name. Invalid names every fault.
func (r *GenerateRequest) submission(models *model.Registry) (*pipeline.Submission, error) {
	s := dataset.DefaultSettings()
	var err error
	s.Mode, err = dataset.ParseMode(r.Mode)
	faults := append(r.refused(), err, checkPromptName(r.PromptName, s.Mode))
	s.Model = cmp.Or(r.Generation, r.Classification)
	s.CustomPrompt, s.PerChunk, s.Concurrency = r.CustomPrompt, r.PerChunk, r.Concurrency
	s.AnalyzeQuality, s.Threshold, s.MaxFailedShare, s.Seed = r.AnalyzeQuality, r.Threshold, r.MaxFailedShare, r.Seed
	s.DatasetName, s.Versioned = r.DatasetName, r.Versioned
	if r.Generation != "" {
		_, err := resolve(models, "/generation_model", r.Generation, "")
		faults = append(faults, err)
	}
	if r.Generation == "" || r.Classification != anyModel {
		_, err := resolve(models, "/classification_model", r.Classification, "")
		faults = append(faults, err)
	}
	s.ParsingModel, err = resolve(models, "/parsing_model", r.ParsingModel, anyModel)
	faults = append(faults, err)
	s.ChunkingModel, err = resolve(models, "/chunking_model", r.ChunkingModel, anyModel)
	faults = append(faults, err)
	if err := dataset.Faults(faults...); err != nil {
		return nil, err
	}
	return &pipeline.Submission{Kind: dataset.GenerateJob, Settings: s, Documents: r.Documents}, nil
}

// anyModel is what the fields of models say where nobody chose one.
const anyModel = "gemini"

// resolve is the full name of a model. Where nothing calls it, the one that nobody chose need not be configured.
func resolve(models *model.Registry, pointer, name, optional string) (string, error) {
	m, err := models.Resolve(name)
	switch {
	case err == nil:
		return m.Name(), nil
	case name == optional:
		return "", nil
	}
	return "", dataset.InvalidField(pointer, "%q is not configured here; configured: %s", name, strings.Join(models.Names(), ", "))
}

// checkPromptName refuses a prompt that is not built in, or is that of another mode.
func checkPromptName(name string, mode dataset.Mode) error {
	if name == "qa_pairs" || name == "default" {
		return nil
	}
	of, err := dataset.ParseMode(name)
	switch {
	case err != nil || name == "":
		return dataset.InvalidField("/prompt_name", "%q is not built in, and prompts cannot be stored yet: want qa_pairs or the name of the generation mode, or send custom_prompt", name)
	case mode != "" && of != mode:
		return dataset.InvalidField("/prompt_name", "is the prompt of mode %q, but generation_mode is %q", of, mode)
	}
	return nil
}
