package dataset

import "time"

// Limits on projects.
const (
	MaxName        = 200       // bytes of a project's name
	MaxDescription = 10_000    // bytes
	MaxProjects    = 1_000_000 // of a tenant, ever
)

// Project is what documents and datasets belong to.
type Project struct {
	ID          string    `json:"id"`
	Tenant      Tenant    `json:"tenant"`
	Number      int       `json:"number"` // 1, 2, … of the tenant's projects; never given twice
	Name        string    `json:"name"`   // unique in the tenant, whatever the case
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Deleted     time.Time `json:"deleted,omitzero"` // marked: there is no such project any more
}

// Listed is a row of a list: what the list's keys leave out.
type Listed struct {
	Project string `json:"project"`
	ID      string `json:"id"`
}

// Purge says which objects and records nobody can find any more. They go when no job that runs in the project can
// still read them.
type Purge struct {
	Tenant   Tenant    `json:"tenant"`
	Project  string    `json:"project"`
	Whole    bool      `json:"whole,omitempty"`    // all of the project
	Document string    `json:"document,omitempty"` // Document.Objects of a document
	Dataset  string    `json:"dataset,omitempty"`  // id
	Keys     []string  `json:"keys,omitempty"`     // single objects
	Upload   string    `json:"upload,omitempty"`   // id of an upload, unless a document came of it
	Since    time.Time `json:"since"`
}

// Upload is a file on its way, by a presigned request, to become a document.
type Upload struct {
	ID       string    `json:"id"`
	Tenant   Tenant    `json:"tenant"`
	Project  string    `json:"project"`
	Name     string    `json:"name"`
	Type     string    `json:"type"` // content type
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256,omitempty"` // as announced
	Key      string    `json:"key"`              // of the object
	Begun    time.Time `json:"begun"`
	Document string    `json:"document,omitempty"` // id of what it became
}
