package api

import (
	"encoding/json"
	"strings"

	"compileo/internal/dataset"
)

// Later are the fields of generate that have no effect yet. A default is what is done anyway; any other value is refused.
type Later struct {
	Format          string          `json:"format_type,omitempty" doc:"Format of the file; parquet is not written yet." default:"jsonl" enum:"jsonl,parquet" example:"jsonl"`
	Splits          bool            `json:"include_evaluation_sets,omitempty" doc:"Train, validation and test sets; only false yet." default:"false"`
	SplitRatios     json.RawMessage `json:"split_ratios,omitempty" doc:"Shares of the splits; not there yet."`
	TaxonomyProject *ProjectID      `json:"taxonomy_project,omitempty" doc:"Project of the taxonomy; not there yet."`
	TaxonomyName    string          `json:"taxonomy_name,omitempty" doc:"Taxonomy of the categories; not there yet." maxLength:"200"`
	Categories      []string        `json:"selected_categories,omitempty" doc:"Categories to use; not there yet." maxItems:"10000"`
	Benchmarks      bool            `json:"run_benchmarks,omitempty" doc:"Run benchmarks on the dataset; only false yet." default:"false"`
	BenchmarkSuite  string          `json:"benchmark_suite,omitempty" doc:"Benchmarks to run, where run_benchmarks is true." default:"glue" maxLength:"200" example:"glue"`
	OutputDir       string          `json:"output_dir,omitempty" doc:"Folder of the file; only . yet: files are got by download." default:"." maxLength:"1000" example:"."`
	MaxCost         *float64        `json:"max_cost_usd,omitempty" doc:"A hard budget; not there yet." minimum:"0"`
	ScoringModel    string          `json:"scoring_model,omitempty" doc:"A model that judges entries; not there yet: scores are computed." maxLength:"200"`
	Quotas          json.RawMessage `json:"quotas,omitempty" doc:"Entries by category or difficulty; not there yet."`

	DataSource    string `json:"data_source,omitempty" doc:"What entries are made from; only chunks yet." default:"Chunks" maxLength:"200" example:"Chunks"`
	Extraction    string `json:"extraction_file_id,omitempty" doc:"An extraction to use; there are none." maxLength:"200"`
	OnlyValidated bool   `json:"only_validated,omitempty" doc:"Only validated extractions; there are none." default:"false"`
	BatchSize     int    `json:"batch_size,omitempty" doc:"Chunks of a file; only 0 (one dataset, whole) is possible." default:"0" minimum:"0"`

	Purpose        string   `json:"purpose,omitempty" doc:"Purpose of the dataset; not there yet: say it in custom_prompt." maxLength:"2000"`
	Audience       string   `json:"audience,omitempty" doc:"Who it is for; not there yet: say it in custom_prompt." maxLength:"2000"`
	CustomPurpose  string   `json:"custom_purpose,omitempty" doc:"Purpose in your words; not there yet: say it in custom_prompt." maxLength:"2000"`
	CustomAudience string   `json:"custom_audience,omitempty" doc:"Audience in your words; not there yet: say it in custom_prompt." maxLength:"2000"`
	Rules          string   `json:"extraction_rules,omitempty" doc:"Rules for what is taken from the text; only default yet." default:"default" maxLength:"2000"`
	DatasetFormat  string   `json:"dataset_format,omitempty" doc:"Another name of format_type; only jsonl yet." default:"jsonl" maxLength:"200"`
	QuestionStyle  string   `json:"question_style,omitempty" doc:"Style of questions; not there yet." maxLength:"200"`
	AnswerStyle    string   `json:"answer_style,omitempty" doc:"Style of answers; not there yet." maxLength:"200"`
	Complexity     string   `json:"complexity_level,omitempty" doc:"Level of complexity; not there yet." maxLength:"200"`
	Domain         string   `json:"domain,omitempty" doc:"Domain of the content; only general yet." default:"general" maxLength:"200"`
	Augmentation   string   `json:"data_augmentation,omitempty" doc:"Augmentation; only none yet." default:"none" maxLength:"200"`
	Negativity     *float64 `json:"negativity_ratio,omitempty" doc:"Share of negative examples; only 0 yet." minimum:"0" maximum:"1"`
}

// refused names each field that asks for what is not there yet.
func (l *Later) refused() (faults []error) {
	refuse := func(asked bool, pointer, why string) {
		if asked {
			faults = append(faults, dataset.InvalidField(pointer, "%s", why))
		}
	}
	given := func(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
	const own = "is not there yet: leave it out, and say it in custom_prompt"
	refuse(l.Format != "jsonl", "/format_type", "parquet is not written yet: want jsonl")
	refuse(l.Splits, "/include_evaluation_sets", "splits are not made yet: want false")
	refuse(given(l.SplitRatios), "/split_ratios", "splits are not made yet: leave it out")
	refuse(l.TaxonomyProject != nil, "/taxonomy_project", "there are no taxonomies yet: leave it out")
	refuse(l.TaxonomyName != "", "/taxonomy_name", "there are no taxonomies yet: leave it out")
	refuse(len(l.Categories) > 0, "/selected_categories", "there are no taxonomies yet: leave it out")
	refuse(l.Benchmarks, "/run_benchmarks", "benchmarks cannot be run yet: want false")
	refuse(l.OutputDir != ".", "/output_dir", "folders cannot be chosen yet: want \".\" and get the file by /datasets/{dataset_id}/download")
	refuse(l.MaxCost != nil, "/max_cost_usd", "budgets are not there yet: leave it out")
	refuse(l.ScoringModel != "", "/scoring_model", "scores are computed, no model judges yet: leave it out")
	refuse(given(l.Quotas), "/quotas", "quotas are not there yet: leave it out")
	refuse(!strings.EqualFold(l.DataSource, "chunks"), "/data_source", "entries are made from chunks only: want Chunks")
	refuse(l.Extraction != "", "/extraction_file_id", "there are no extractions: leave it out")
	refuse(l.OnlyValidated, "/only_validated", "there are no extractions to validate: want false")
	refuse(l.BatchSize != 0, "/batch_size", "datasets are not divided by chunks: want 0")
	refuse(l.Purpose != "", "/purpose", own)
	refuse(l.Audience != "", "/audience", own)
	refuse(l.CustomPurpose != "", "/custom_purpose", own)
	refuse(l.CustomAudience != "", "/custom_audience", own)
	refuse(l.Rules != "default", "/extraction_rules", own)
	refuse(l.DatasetFormat != "jsonl", "/dataset_format", "only jsonl is written yet")
	refuse(l.QuestionStyle != "", "/question_style", own)
	refuse(l.AnswerStyle != "", "/answer_style", own)
	refuse(l.Complexity != "", "/complexity_level", own)
	refuse(l.Domain != "general", "/domain", own)
	refuse(l.Augmentation != "none", "/data_augmentation", "entries are not augmented yet: want none")
	refuse(l.Negativity != nil && *l.Negativity != 0, "/negativity_ratio", "negative examples are not made yet: want 0")
	return faults
}
