package api

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
	"compileo/internal/snapshot"
)

// EntryList is a page of entries.
type EntryList struct {
	Entries []entryJSON    `json:"entries" doc:"The entries."`
	ETags   []string       `json:"etags" doc:"The ETag of each of them, for If-Match."`
	Total   int            `json:"total" doc:"All entries that pass the filters, exactly." example:"150"`
	Page    int            `json:"page" doc:"Number of this page; 0 where a cursor was followed." example:"1"`
	PerPage int            `json:"per_page" doc:"Entries of a page." example:"50"`
	Cursor  string         `json:"cursor,omitempty" doc:"Leads to the next page, as the parameter cursor; absent at the end. Who follows cursors sees one state of the dataset to the end."`
	Version string         `json:"version" doc:"Version that the entries are of." example:"1.0.0"`
	Quality QualitySummary `json:"quality_summary" doc:"How good all entries of the dataset are, whatever the filters."`
}

type entryQuery struct {
	byDataset
	Page       int      `query:"page" doc:"Number of the page, from 1." default:"1" minimum:"1" maximum:"10000000"`
	PerPage    int      `query:"per_page" doc:"Entries of a page." default:"50" minimum:"1" maximum:"1000"`
	Cursor     string   `query:"cursor" doc:"The cursor of the page before, instead of page." maxLength:"2000"`
	MinQuality *float64 `query:"filter_quality" doc:"Only entries with this score or a better one." minimum:"0" maximum:"1" example:"0.8"`
	Sort       string   `query:"sort_by" doc:"Order: quality (best first), category (A to Z), difficulty (easiest first), number. Ties go by number." default:"quality" enum:"quality,category,difficulty,number"`
	Category   *string  `query:"category" doc:"Only entries of this category." maxLength:"200" example:"Endocrinology"`
	Difficulty *string  `query:"difficulty" doc:"Only entries of this level; basic is beginner." enum:"beginner,basic,intermediate,advanced,expert"`
	Flagged    *bool    `query:"flagged" doc:"Only entries that did not pass a gate, or only those that passed all."`
	Text       string   `query:"q" doc:"Only entries with this text in question, answer or another text, whatever the case. For datasets of up to 20,000 entries." maxLength:"1000"`
	Version    string   `query:"version" doc:"A version as it was published, by name; absent: the current one with its edits." maxLength:"40" example:"1.0.0"`
	Fields     []string `query:"fields" doc:"Which members entries have beside those of the guide, which they always have; absent: all." enum:"id,question,answer,category,quality_score,difficulty,source_chunk,metadata,instruction,input,output,summary,split,evidence,quality" maxItems:"20"`
}

type byEntry struct {
	byDataset
	Entry string `path:"entry_id" doc:"Id of the entry." example:"entry_1"`
}

type entryChange struct {
	Question    *string `json:"question,omitempty" doc:"New question; absent: it stays." minLength:"1" maxLength:"4000" example:"What are the most common symptoms of diabetes mellitus?"`
	Answer      *string `json:"answer,omitempty" doc:"New answer; absent: it stays." minLength:"1" maxLength:"32000" example:"Thirst, frequent urination and fatigue."`
	Category    *string `json:"category,omitempty" doc:"New category; absent: it stays." minLength:"1" maxLength:"200" example:"Endocrinology"`
	Difficulty  *string `json:"difficulty,omitempty" doc:"New level; absent: it stays. basic is beginner." enum:"beginner,basic,intermediate,advanced,expert"`
	Instruction *string `json:"instruction,omitempty" doc:"New instruction; absent: it stays." maxLength:"4000"`
	Input       *string `json:"input,omitempty" doc:"New input; absent: it stays." maxLength:"32000"`
	Output      *string `json:"output,omitempty" doc:"New output; absent: it stays." maxLength:"32000"`
	Summary     *string `json:"summary,omitempty" doc:"New summary; absent: it stays." maxLength:"32000"`
	Feedback    *string `json:"feedback,omitempty" doc:"Why it is changed; kept with the change." maxLength:"10000" example:"Improved medical terminology"`
}

// EntryChanged says that an entry was changed.
type EntryChanged struct {
	Message string    `json:"message" doc:"What was done." example:"Entry entry_1 updated successfully"`
	Entry   entryJSON `json:"entry" doc:"The entry as it is now, scored anew."`
}

// History is what became of an entry since the current version was published.
type History struct {
	Entry   string   `json:"entry_id" doc:"Id of the entry." example:"entry_1"`
	Version string   `json:"version" doc:"Version that the changes lie over." example:"1.0.0"`
	Changes []Change `json:"changes" doc:"The changes, oldest first."`
}

// Change is one change of an entry.
type Change struct {
	Number   int64      `json:"number" doc:"Number of the change in the dataset." example:"7"`
	By       string     `json:"changed_by" doc:"Who made it." example:"local"`
	At       time.Time  `json:"changed_at" doc:"When it was made." example:"2026-01-21T11:00:00Z"`
	Feedback string     `json:"feedback,omitempty" doc:"Why it was made."`
	Before   *entryJSON `json:"before" doc:"The entry before it."`
	After    *entryJSON `json:"after" doc:"The entry after it."`
}

func entries(t *rest.Table, c Config) {
	l := c.Library
	rest.Add(t, rest.Op{
		ID: "listEntries", Method: "GET", Path: base + "/datasets/{dataset_id}/entries", Tag: "datasets", Summary: "The entries of a dataset",
		Description: "Filtered, sorted, by pages, with all edits.",
	}, func(ctx context.Context, in *entryQuery) (*struct{ Body EntryList }, error) {
		found, err := in.find(ctx, l)
		if err != nil {
			return nil, err
		}
		list, err := onlyOf(found.Entries, in.Fields)
		if err != nil {
			return nil, err
		}
		_, quality := found.View.Summary()
		out := EntryList{list, make([]string, len(found.Tags)), found.Total, in.Page, in.PerPage, found.Cursor, found.View.Version.Name, showQuality(quality)}
		for i, tag := range found.Tags {
			out.ETags[i] = quoted(tag)
		}
		switch {
		case in.Cursor != "":
			out.Page = 0
		case in.Version != "":
			out.Cursor = "" // cursors are of the current state
		}
		return &struct{ Body EntryList }{out}, nil
	})

	type shown struct {
		ETag string `header:"ETag" doc:"Names the state of the entry, for If-Match." example:"\"1-7\""`
		Body entryJSON
	}
	rest.Add(t, rest.Op{
		ID: "getEntry", Method: "GET", Path: base + "/datasets/{dataset_id}/entries/{entry_id}", Tag: "datasets", Summary: "One entry",
		Answers: []rest.Answer{{Status: 200, Type: "application/json", Doc: "The entry", Body: Entry{}}},
	}, func(ctx context.Context, in *byEntry) (*shown, error) {
		v, err := l.Open(ctx, tenantOf(ctx), in.Dataset)
		if err != nil {
			return nil, err
		}
		e, err := v.Entry(ctx, in.Entry)
		if err != nil {
			return nil, err
		}
		return &shown{quoted(e.Tag), entryJSON(e.JSON)}, nil
	})

	type changed struct {
		ETag string `header:"ETag" doc:"Names the new state of the entry." example:"\"1-8\""`
		Body EntryChanged
	}
	rest.Add(t, rest.Op{
		ID: "updateEntry", Method: "PUT", Path: base + "/datasets/{dataset_id}/entries/{entry_id}", Tag: "datasets", Summary: "Change an entry",
		Description: "What is absent stays. The entry is scored anew; who, when, before and after are kept in its history. The published version stays as it is: changes lie over it. " +
			"The fields of the guide may also come as query parameters.",
	}, func(ctx context.Context, in *struct {
		byEntry
		Question *string `query:"question" doc:"As in the body." maxLength:"4000"`
		Answer   *string `query:"answer" doc:"As in the body." maxLength:"32000"`
		Category *string `query:"category" doc:"As in the body." maxLength:"200"`
		Feedback *string `query:"feedback" doc:"As in the body." maxLength:"10000"`
		IfMatch  string  `header:"If-Match" doc:"ETag of the entry as you have seen it: 412 when it is another one now. Absent: however it is." example:"\"1-7\""`
		Body     *entryChange
	},
	) (*changed, error) {
		var b entryChange
		if in.Body != nil {
			b = *in.Body
		}
		for _, f := range []struct {
			name     string
			to, from **string
		}{
			{"question", &b.Question, &in.Question},
			{"answer", &b.Answer, &in.Answer},
			{"category", &b.Category, &in.Category},
			{"feedback", &b.Feedback, &in.Feedback},
		} {
			switch {
			case *f.from == nil:
			case *f.to != nil:
				return nil, dataset.InvalidField(f.name, "is in the query and in the body")
			default:
				*f.to = *f.from
			}
		}
		if b == (entryChange{}) {
			return nil, dataset.Errorf(dataset.Invalid, "nothing is to be changed: give question, answer, category or another field")
		}
		change := library.EntryChange{
			Question: b.Question, Answer: b.Answer, Instruction: b.Instruction, Input: b.Input, Output: b.Output, Summary: b.Summary,
			Category: b.Category, Difficulty: levelOf(b.Difficulty), By: callerOf(ctx), IfMatch: unquoted(in.IfMatch),
		}
		if b.Feedback != nil {
			change.Feedback = *b.Feedback
		}
		e, err := l.EditEntry(ctx, tenantOf(ctx), in.Dataset, in.Entry, change)
		if err != nil {
			return nil, err
		}
		return &changed{quoted(e.Tag), EntryChanged{"Entry " + in.Entry + " updated successfully", entryJSON(e.JSON)}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "getEntryHistory", Method: "GET", Path: base + "/datasets/{dataset_id}/entries/{entry_id}/history", Tag: "datasets", Summary: "What became of an entry",
		Description: "Every change since the current version was published.",
	}, func(ctx context.Context, in *byEntry) (*struct{ Body History }, error) {
		v, err := l.Open(ctx, tenantOf(ctx), in.Dataset)
		if err != nil {
			return nil, err
		}
		out, err := history(ctx, l, v, in.Entry)
		return &struct{ Body History }{out}, err
	})
}

func (in *entryQuery) find(ctx context.Context, l *library.Library) (*library.Entries, error) {
	q := library.EntryQuery{
		Window: library.Window{Page: in.Page, PerPage: in.PerPage, Cursor: in.Cursor}, Order: snapshot.Order(in.Sort), MinQuality: in.MinQuality,
		Category: in.Category, Difficulty: levelOf(in.Difficulty), Flagged: in.Flagged, Text: in.Text,
	}
	switch {
	case in.Version == "":
		return l.Entries(ctx, tenantOf(ctx), in.Dataset, q)
	case in.Cursor != "":
		return nil, dataset.InvalidField("cursor", "cannot be given with version: use page")
	}
	v, err := l.OpenVersion(ctx, tenantOf(ctx), in.Dataset, in.Version)
	if err != nil {
		return nil, err
	}
	return v.Entries(ctx, q)
}

// levelOf is a level by its name here.
func levelOf(s *string) *string {
	if s != nil && *s == "basic" {
		level := dataset.Beginner
		return &level
	}
	return s
}

func quoted(tag string) string { return `"` + tag + `"` }

// unquoted is the tag of an If-Match; "": whatever there is.
func unquoted(header string) string {
	if header == "*" {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
}

// history collects the changes of an entry, each with what was before it.
func history(ctx context.Context, l *library.Library, v *library.View, id string) (History, error) {
	out := History{Entry: id, Version: v.Version.Name}
	published, err := l.OpenVersion(ctx, v.Dataset.Tenant, v.Dataset.ID, strconv.Itoa(v.Version.Ordinal))
	if err != nil {
		return out, err
	}
	first, err := published.Entry(ctx, id)
	if err != nil {
		return out, err
	}
	before := entryOrNil(first.JSON)
	w := library.Window{Page: 1, PerPage: library.MaxPerPage}
	for {
		list, err := l.Changes(ctx, v, w)
		if err != nil {
			return out, err
		}
		for _, e := range list.Items {
			if snapshot.EntryID(e.Ordinal) != id {
				continue
			}
			after := entryOrNil(e.Entry)
			out.Changes = append(out.Changes, Change{e.Sequence, e.By, e.At, e.Feedback, before, after})
			before = after
		}
		if w.Cursor = list.Cursor; w.Cursor == "" {
			return out, nil
		}
	}
}

func entryOrNil(raw json.RawMessage) *entryJSON {
	if raw == nil {
		return nil
	}
	e := entryJSON(raw)
	return &e
}
