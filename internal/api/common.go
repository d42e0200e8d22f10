package api

import (
	"encoding/json"
	"errors"
	"strconv"

	"compileo/internal/library"
	"compileo/internal/rest"
)

// ProjectID is a project's number, as a number or a string, or its UUID.
type ProjectID string

// Schema says what it is.
func (ProjectID) Schema() *rest.Schema {
	least := 1.0
	return &rest.Schema{AnyOf: []*rest.Schema{{Type: "integer", Minimum: &least}, {Type: "string"}}}
}

var errProjectID = errors.New("must be the number of a project or its UUID")

// UnmarshalJSON reads a number or a string.
func (p *ProjectID) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		return p.UnmarshalText([]byte(text))
	}
	var n float64
	if json.Unmarshal(b, &n) != nil || n != float64(int32(n)) || n < 1 {
		return errProjectID
	}
	*p = ProjectID(strconv.Itoa(int(n)))
	return nil
}

// UnmarshalText reads a parameter.
func (p *ProjectID) UnmarshalText(b []byte) error {
	if len(b) == 0 || len(b) > 100 {
		return errProjectID
	}
	*p = ProjectID(b)
	return nil
}

// byProject is a path that names a project.
type byProject struct {
	Project ProjectID `path:"project_id" doc:"Number or UUID of the project." example:"1"`
}

// paging are the parameters of a list.
type paging struct {
	Page    int    `query:"page" doc:"Number of the page, from 1. Pages reach 10,000 items; cursors go on." default:"1" minimum:"1" maximum:"1000000"`
	PerPage int    `query:"per_page" doc:"Items of a page." default:"20" minimum:"1" maximum:"1000"`
	Cursor  string `query:"cursor" doc:"The cursor of the page before, instead of page." maxLength:"2000"`
}

func (p paging) window() library.Window {
	return library.Window{Page: p.Page, PerPage: p.PerPage, Cursor: p.Cursor}
}

// Paged is where a list's page stands in it.
type Paged struct {
	Total   int    `json:"total" doc:"Items of the whole list." example:"150"`
	AtLeast bool   `json:"total_is_minimum,omitempty" doc:"There are more than total, which were not counted."`
	Page    int    `json:"page" doc:"Number of this page; 0 where a cursor was followed." example:"1"`
	PerPage int    `json:"per_page" doc:"Items of a page." example:"20"`
	Cursor  string `json:"cursor,omitempty" doc:"Leads to the next page, as the parameter cursor; absent at the end."`
}

// paged says where the page of a list stands.
func paged[T any](w library.Window, l *library.List[T]) Paged {
	p := Paged{Total: l.Total, AtLeast: l.AtLeast, Page: w.Page, PerPage: w.PerPage, Cursor: l.Cursor}
	if w.Cursor != "" {
		p.Page = 0
	}
	return p
}

// Message is an answer in words.
type Message struct {
	Message string `json:"message" doc:"What was done." example:"Project 1 deleted"`
}

// Failure is one of several things that could not be deleted.
type Failure struct {
	ID    string `json:"id" doc:"As it was given."`
	Error string `json:"error" doc:"Why it was not deleted."`
}

func failures(list []library.Failure) []Failure {
	out := make([]Failure, len(list))
	for i, f := range list {
		out[i] = Failure{f.ID, f.Err.Error()}
	}
	return out
}

// things is a number of them in words.
func things(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
