package dataset

import "time"

// Limits on jobs.
const (
	MaxConcurrency = 1_000
	MaxTasks       = 1_000_000
	MaxCandidates  = 2_000_000
	MaxDocuments   = 100_000 // of one job
	MaxBatches     = 1_000   // iterations that parse documents (the history of an execution is bounded)
	MaxLanes       = 40      // iterations that the Map runs at a time
	MaxUnit        = 50      // tasks of a unit
	MaxPart        = 50_000  // entries of a part
)

// JobKind is what a job is for.
type JobKind string

// The kinds of job.
const (
	GenerateJob JobKind = "generate"
	ProcessJob  JobKind = "process" // parse and chunk only
)

// JobStatus is where a job stands.
type JobStatus string

// The states of a job. The last three are final.
const (
	Pending   JobStatus = "pending"
	Running   JobStatus = "running"
	Stopping  JobStatus = "stopping" // begins no more calls; what was made goes on to Publish
	Completed JobStatus = "completed"
	Failed    JobStatus = "failed"
	Cancelled JobStatus = "cancelled"
)

// Over reports whether the status is final.
func (s JobStatus) Over() bool { return s == Completed || s == Failed || s == Cancelled }

// Settings is what a generate job was asked to do, complete and checked: no defaults are applied later.
type Settings struct {
	Mode           Mode      `json:"mode"`
	Model          string    `json:"model"` // provider or provider/model, as asked for
	CustomPrompt   string    `json:"custom_prompt,omitempty"`
	PerChunk       int       `json:"per_chunk"`
	Concurrency    int       `json:"concurrency"`
	AnalyzeQuality bool      `json:"analyze_quality"`
	Threshold      float64   `json:"threshold"`
	MaxFailedShare float64   `json:"max_failed_share"`
	Seed           int64     `json:"seed"`
	Temperature    float64   `json:"temperature"`
	MaxTokens      int       `json:"max_tokens,omitempty"` // of a reply; 0: derived from PerChunk
	Chunking       *Chunking `json:"chunking,omitempty"`   // nil: each document's newest chunks
	DatasetName    string    `json:"dataset_name"`
	ParsingModel   string    `json:"parsing_model,omitempty"`  // resolved: for documents that need a model to be read
	ChunkingModel  string    `json:"chunking_model,omitempty"` // resolved: for chunks that need a model to be cut
	Versioned      bool      `json:"versioned"`                // the next version of the project's dataset of that name, if there is one
}

// DefaultSettings returns the contract's defaults.
func DefaultSettings() Settings {
	return Settings{
		Mode: QuestionAnswer, Model: "gemini", PerChunk: 3, Concurrency: 1, AnalyzeQuality: true, Threshold: 0.7,
		MaxFailedShare: 0.2, Seed: 1, Temperature: 0.2, DatasetName: "dataset",
	}
}

// Check returns an Invalid error that names all faulty fields.
func (s *Settings) Check() error {
	_, mode := ParseMode(string(s.Mode))
	errs := []error{mode}
	check := func(ok bool, pointer, format string, args ...any) {
		if !ok {
			errs = append(errs, InvalidField(pointer, format, args...))
		}
	}
	share := func(v float64) bool { return v >= 0 && v <= 1 } // false for NaN
	check(s.PerChunk >= 1 && s.PerChunk <= MaxPerChunk, "/datasets_per_chunk", "is %d, want 1 to %d", s.PerChunk, MaxPerChunk)
	check(s.Concurrency >= 1 && s.Concurrency <= MaxConcurrency, "/concurrency", "is %d, want 1 to %d", s.Concurrency, MaxConcurrency)
	check(share(s.Threshold), "/quality_threshold", "is %v, want 0 to 1", s.Threshold)
	check(share(s.MaxFailedShare), "/max_failed_share", "is %v, want 0 to 1", s.MaxFailedShare)
	check(s.Temperature >= 0 && s.Temperature <= 2, "/temperature", "is %v, want 0 to 2", s.Temperature)
	check(s.MaxTokens >= 0 && s.MaxTokens <= 100_000, "/max_tokens", "is %d, want 1 to 100000", s.MaxTokens)
	check(s.Model != "", "/classification_model", "is empty, want a provider or provider/model")
	check(s.DatasetName != "" && len(s.DatasetName) <= 200, "/dataset_name", "has %d bytes, want 1 to 200", len(s.DatasetName))
	check(len(s.CustomPrompt) <= 32<<10, "/custom_prompt", "has %d bytes, want at most %d", len(s.CustomPrompt), 32<<10)
	if s.Chunking != nil {
		errs = append(errs, s.Chunking.Check())
	}
	return Faults(errs...)
}

// Job is the record of a job.
type Job struct {
	Ref       JobRef     `json:"ref"`
	Project   string     `json:"project"`
	Kind      JobKind    `json:"kind"`
	RetryOf   string     `json:"retry_of,omitempty"` // id of the job whose plan this one carries out again
	Retries   int        `json:"retries,omitempty"`  // how many jobs there were before it
	Settings  Settings   `json:"settings"`
	Selection string     `json:"selection,omitempty"` // blob key of the documents chosen; empty: all of the project
	Target    Target     `json:"target,omitzero"`
	Status    JobStatus  `json:"status"`
	Stop      *Stop      `json:"stop,omitempty"` // why it is, or was, stopping
	Error     string     `json:"error,omitempty"`
	Created   time.Time  `json:"created"`
	Started   time.Time  `json:"started,omitzero"`
	Ended     time.Time  `json:"ended,omitzero"`
	Updated   time.Time  `json:"updated,omitzero"`  // when this record last changed
	Step      string     `json:"step,omitempty"`    // the workflow's step that began last
	Stepped   time.Time  `json:"stepped,omitzero"`  // when it began
	Model     string     `json:"model,omitempty"`   // Settings.Model as resolved at submission: provider/model
	Waiting   int        `json:"waiting,omitempty"` // documents that it had to read
	Plan      PlanCounts `json:"plan,omitzero"`
	Result    *Result    `json:"result,omitempty"`
	Warnings  []string   `json:"warnings,omitempty"`
}

// JobRow is a job's row in the list of its tenant's jobs. It changes with the job's record, in one transaction.
type JobRow struct {
	Ref     JobRef    `json:"ref"`
	Project string    `json:"project"`
	Kind    JobKind   `json:"kind"`
	Status  JobStatus `json:"status"`
}

// JobCounts is how many jobs there are of each status.
type JobCounts map[JobStatus]int

// Total is how many jobs there are.
func (c JobCounts) Total() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// Request is the record of a request to start a job: the jobs that were started for it, or for requests equal to it,
// and are perhaps not over.
type Request struct {
	Jobs []string `json:"jobs"` // ids
}

// BatchRead is how far a job is with a batch of documents.
type BatchRead struct {
	Done int       `json:"done"` // documents
	At   time.Time `json:"at"`
}

// Target is the dataset that a job publishes to. The job holds the dataset's lock.
type Target struct {
	Dataset string `json:"dataset"`
	Base    int    `json:"base"` // its current version when the job began; 0: none
}

// Stop says why a job begins no more calls.
type Stop struct {
	Reason StopReason `json:"reason"`
	Detail string     `json:"detail"`
}

// StopReason is a cause that ends all calls of a job, not only one chunk.
type StopReason string

// The reasons to stop.
const (
	StopAuth    StopReason = "auth"
	StopQuota   StopReason = "quota"
	StopNoModel StopReason = "unknown_model"
)

// PlanCounts is the size of a job's plan.
type PlanCounts struct {
	Tasks    int `json:"tasks"`
	Units    int `json:"units"`
	UnitSize int `json:"unit_size"`
	Lanes    int `json:"lanes"`
}

// Outcome is how a chunk ended: with entries, without any (Reason), or failed (Reason). Exactly one each.
type Outcome string

// The outcomes of a chunk.
const (
	WithEntries Outcome = "with_entries"
	Empty       Outcome = "empty"
	FailedChunk Outcome = "failed"
)

// Usage counts what calls consumed.
type Usage struct {
	Calls        int     `json:"calls"` // paid for by this job; kept replies that were used again are Reused
	Reused       int     `json:"reused"`
	InputTokens  int64   `json:"input_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd"`
}

// Add adds v to u.
func (u *Usage) Add(v Usage) {
	u.Calls += v.Calls
	u.Reused += v.Reused
	u.InputTokens += v.InputTokens
	u.OutputTokens += v.OutputTokens
	u.CostUSD += v.CostUSD
}

// ChunkReport counts how the chunks of a job ended: Total = WithEntries + Empty + Failed.
type ChunkReport struct {
	Total       int            `json:"total"`
	WithEntries int            `json:"with_entries"`
	Empty       int            `json:"empty"`
	Failed      int            `json:"failed"`
	Skipped     int            `json:"skipped"` // of Failed: never asked, as the job was stopped
	Reasons     map[string]int `json:"reasons,omitempty"`
}

// DocumentReport counts the documents of a job, with the reason for each that could not be read (the first 100).
type DocumentReport struct {
	Total      int               `json:"total"`
	Parsed     int               `json:"parsed"` // by this job
	Unreadable int               `json:"unreadable"`
	Reasons    map[string]string `json:"reasons,omitempty"` // document name → reason
}

// QualitySummary is the distribution of quality scores: high ≥ 0.8, medium ≥ 0.6, low below.
type QualitySummary struct {
	AverageScore float64        `json:"average_score"`
	Distribution map[string]int `json:"distribution"`
	Categories   map[string]int `json:"categories"`
	Histogram    [20]int        `json:"histogram"` // of equal steps from 0 to 1
}

// File is one file of a version.
type File struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Entries int    `json:"entries"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
}

// Result is what a job made. Entries + the sum of Rejected = all candidates of chunks with entries.
type Result struct {
	DatasetID      string         `json:"dataset_id,omitempty"`
	Version        string         `json:"version,omitempty"`
	Entries        int            `json:"entries"`
	Files          []File         `json:"files"`
	Documents      DocumentReport `json:"documents"`
	Chunks         ChunkReport    `json:"chunks"`
	Rejected       map[string]int `json:"rejected"`
	QualitySummary QualitySummary `json:"quality_summary"`
	Usage          Usage          `json:"usage"`
	Model          string         `json:"model"`
	Warnings       []string       `json:"warnings"`
	Error          *string        `json:"error"`
	Manifest       string         `json:"manifest,omitempty"` // blob key
}

// Dataset is the record of a dataset: which version is current, and which job may publish the next.
type Dataset struct {
	ID      string    `json:"id"`
	Tenant  Tenant    `json:"tenant"`
	Project string    `json:"project"`
	Name    string    `json:"name"`
	Current int       `json:"current"`        // ordinal of the current version; 0: none published yet
	Lock    string    `json:"lock,omitempty"` // job id; void when that job is over
	Created time.Time `json:"created"`
	Deleted time.Time `json:"deleted,omitzero"` // marked: there is no such dataset any more
}

// Version is the record of a published version.
type Version struct {
	Ordinal  int       `json:"ordinal"` // 1, 2, …
	Name     string    `json:"name"`    // "1.0.0", "1.1.0", …
	Job      string    `json:"job"`
	Manifest string    `json:"manifest"` // blob key
	Entries  int       `json:"entries"`
	Created  time.Time `json:"created"`
}
