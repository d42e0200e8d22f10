package dataset

import "time"

// Mode is what is generated.
type Mode string

// The modes. All entries have a question and an answer; Instruction adds instruction, input and output,
// Summarization adds summary.
const (
	QuestionAnswer Mode = "question and answer"
	Question       Mode = "question"
	Answer         Mode = "answer"
	Summarization  Mode = "summarization"
	Instruction    Mode = "instruction following"
)

// ParseMode accepts the modes and their other names in the API.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "", "default", "qa", "qa_pairs", string(QuestionAnswer):
		return QuestionAnswer, nil
	case "instruction", string(Instruction):
		return Instruction, nil
	case string(Question), string(Answer), string(Summarization):
		return Mode(s), nil
	}
	return "", InvalidField("/generation_mode", "is %q, want default, question, answer, summarization or instruction following", s)
}

// Difficulty levels, easiest first.
const (
	Beginner     = "beginner"
	Intermediate = "intermediate"
	Advanced     = "advanced"
	Expert       = "expert"
)

// Difficulties lists the levels, easiest first.
var Difficulties = []string{Beginner, Intermediate, Advanced, Expert}

// Uncategorized is the category of an entry that has none.
const Uncategorized = "Uncategorized"

// Limits on entries.
const (
	MaxPerChunk = 50
	MaxQuestion = 4_000  // bytes
	MaxAnswer   = 32_000 // bytes
)

// Entry is one line of a dataset: the object of the contract.
type Entry struct {
	ID           string     `json:"id"` // entry_<ordinal>; stays with the entry through edits and versions
	Question     string     `json:"question"`
	Answer       string     `json:"answer"`
	Instruction  string     `json:"instruction,omitempty"`
	Input        string     `json:"input,omitempty"`
	Output       string     `json:"output,omitempty"`
	Summary      string     `json:"summary,omitempty"`
	Category     string     `json:"category"`
	QualityScore float64    `json:"quality_score"` // 0 to 1; Quality says how it came about
	Difficulty   string     `json:"difficulty"`
	SourceChunk  string     `json:"source_chunk"`
	Split        string     `json:"split,omitempty"`
	Evidence     []Evidence `json:"evidence"`
	Quality      Quality    `json:"quality"`
	Metadata     Metadata   `json:"metadata"`
}

// Evidence is a place in a document that an entry rests on: text[Start:End] == Quote, in code points.
type Evidence struct {
	DocumentID string `json:"document_id"`
	Document   string `json:"document"` // its name
	ChunkID    string `json:"chunk_id"`
	Start      int    `json:"start"`
	End        int    `json:"end"`
	Quote      string `json:"quote"`
}

// Quality holds the parts of a quality score, each 0 to 1 with more being better, under the version of the
// code that made them. Faults names the gates that the entry did not pass; any of them caps the score.
type Quality struct {
	Version       string   `json:"version"`
	Grounding     float64  `json:"grounding"`     // how far the answer's words, numbers and names stand in the chunk
	Answerability float64  `json:"answerability"` // how likely the chunk answers the question, and with this answer
	SelfContained float64  `json:"self_contained"`
	Fluency       float64  `json:"fluency"`
	Readability   float64  `json:"readability"`
	Faults        []string `json:"faults,omitempty"`
}

// Metadata says how an entry came about.
type Metadata struct {
	Model          string    `json:"model"` // provider/model that wrote it
	GenerationTime time.Time `json:"generation_time"`
	ChunkLength    int       `json:"chunk_length"` // code points
	HeadingPath    []string  `json:"heading_path,omitempty"`
	Mode           Mode      `json:"mode"`
	PromptHash     string    `json:"prompt_hash"`
	Seed           int64     `json:"seed"`
	Rule           string    `json:"rule,omitempty"` // of the built-in model
	CostUSD        float64   `json:"cost_usd"`       // this entry's share of its call
}
