package api

import (
	"encoding/json"
	"slices"
	"time"

	"compileo/internal/rest"
)

// Entry is an entry as it is shown and downloaded. It is dataset.Entry with the words of the document: entries are
// passed on as they are kept.
type Entry struct {
	ID           string        `json:"id" doc:"Names the entry in its dataset, through edits and versions." example:"entry_1"`
	Question     string        `json:"question" doc:"The question." example:"What are the common symptoms of diabetes?"`
	Answer       string        `json:"answer" doc:"The answer." example:"Frequent urination, excessive thirst and fatigue."`
	Instruction  string        `json:"instruction,omitempty" doc:"Of instruction following: what is to be done."`
	Input        string        `json:"input,omitempty" doc:"Of instruction following: what it is to be done with."`
	Output       string        `json:"output,omitempty" doc:"Of instruction following: what comes of it."`
	Summary      string        `json:"summary,omitempty" doc:"Of summarization: the summary."`
	Category     string        `json:"category" doc:"What it is about." example:"Endocrinology"`
	QualityScore float64       `json:"quality_score" doc:"From 0 to 1; quality says how it came about." example:"0.92"`
	Difficulty   string        `json:"difficulty" doc:"Level." enum:"beginner,intermediate,advanced,expert" example:"intermediate"`
	SourceChunk  string        `json:"source_chunk" doc:"Chunk that it was made of." example:"chunk_001.md"`
	Split        string        `json:"split,omitempty" doc:"Set that it belongs to." enum:"train,validation,test" example:"train"`
	Evidence     []Evidence    `json:"evidence,omitempty" doc:"Places in documents that it rests on; an empty list where none was found."`
	Quality      *EntryQuality `json:"quality,omitempty" doc:"The parts of its score."`
	Metadata     EntryMetadata `json:"metadata" doc:"How it came about."`
}

// Evidence is a place in a document: text[start:end] is the quote.
type Evidence struct {
	DocumentID string `json:"document_id" doc:"UUID of the document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	Document   string `json:"document" doc:"Its name." example:"diabetes.html"`
	ChunkID    string `json:"chunk_id" doc:"Id of the chunk." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10-a1b2c3d4e5f6-0"`
	Start      int    `json:"start" doc:"Where it begins in the document's text, in code points." example:"1203"`
	End        int    `json:"end" doc:"Where it ends." example:"1340"`
	Quote      string `json:"quote" doc:"The text there." example:"Common symptoms include frequent urination."`
}

// EntryQuality holds the parts of a score, each from 0 to 1.
type EntryQuality struct {
	Version       string   `json:"version" doc:"Version of the rules." example:"1"`
	Grounding     float64  `json:"grounding" doc:"How far the answer's words, numbers and names stand in the chunk." example:"0.97"`
	Answerability float64  `json:"answerability" doc:"How likely the chunk answers the question, and with this answer." example:"0.9"`
	SelfContained float64  `json:"self_contained" doc:"How far the question is clear without the chunk." example:"1"`
	Fluency       float64  `json:"fluency" doc:"How well its language reads." example:"0.95"`
	Readability   float64  `json:"readability" doc:"How easily it reads." example:"0.7"`
	Faults        []string `json:"faults,omitempty" doc:"Gates that it did not pass; each caps the score."`
}

// EntryMetadata says how an entry came about.
type EntryMetadata struct {
	Model          string    `json:"model" doc:"Provider and model that wrote it." example:"extractive"`
	GenerationTime time.Time `json:"generation_time" doc:"When it was written." example:"2026-01-21T10:35:22Z"`
	ChunkLength    int       `json:"chunk_length" doc:"Length of its chunk in code points." example:"1250"`
	HeadingPath    []string  `json:"heading_path,omitempty" doc:"Headings that the chunk stands under."`
	Mode           string    `json:"mode" doc:"What was generated." example:"question and answer"`
	PromptHash     string    `json:"prompt_hash" doc:"Names the prompt."`
	Seed           int64     `json:"seed" doc:"Seed of the call." example:"1"`
	Rule           string    `json:"rule,omitempty" doc:"Rule of the built-in model." example:"definition"`
	CostUSD        float64   `json:"cost_usd" doc:"Its share of the cost of its call." example:"0"`
}

// entryJSON is an Entry as it is kept.
type entryJSON json.RawMessage

// Schema names that of Entry, which getEntry brings into the document.
func (entryJSON) Schema() *rest.Schema { return &rest.Schema{Ref: "#/components/schemas/Entry"} }

// MarshalJSON passes it on.
func (e entryJSON) MarshalJSON() ([]byte, error) {
	if e == nil {
		return []byte("null"), nil
	}
	return e, nil
}

// only is the entry with the guide's members and those others that are named; none named: all.
func only(raw json.RawMessage, fields []string) (entryJSON, error) {
	if len(fields) == 0 {
		return entryJSON(raw), nil
	}
	var e map[string]json.RawMessage
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	for _, name := range []string{"instruction", "input", "output", "summary", "split", "evidence", "quality"} {
		if !slices.Contains(fields, name) {
			delete(e, name)
		}
	}
	return json.Marshal(e)
}

func onlyOf(list []json.RawMessage, fields []string) ([]entryJSON, error) {
	out := make([]entryJSON, len(list))
	for i, raw := range list {
		var err error
		if out[i], err = only(raw, fields); err != nil {
			return nil, err
		}
	}
	return out, nil
}
