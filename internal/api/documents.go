package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/rest"
)

// Document is a document as clients see it.
type Document struct {
	ID        string       `json:"id" doc:"UUID of the document; it derives from project and content." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	ProjectID string       `json:"project_id" doc:"UUID of its project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	FileName  string       `json:"file_name" doc:"Name as it was first uploaded." example:"diabetes.html"`
	Source    string       `json:"source_file_path" doc:"Path at which the uploaded file is served." example:"/api/v1/documents/0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10/source"`
	CreatedAt time.Time    `json:"created_at" doc:"When it was uploaded." example:"2026-01-21T10:30:00Z"`
	Status    string       `json:"status" doc:"How far it has come; of an unreadable one error says why." enum:"uploaded,processed,unreadable" example:"processed"`
	Error     string       `json:"error,omitempty" doc:"Why it cannot be read."`
	Title     string       `json:"title,omitempty" doc:"Title found in it." example:"Living with diabetes"`
	Size      int64        `json:"size" doc:"Bytes of the uploaded file." example:"48213"`
	SHA256    string       `json:"sha256" doc:"SHA-256 of the uploaded file." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Chunks    int          `json:"chunk_count" doc:"Chunks in its newest chunking." example:"14"`
	Documents []ParsedText `json:"parsed_documents" doc:"Its text, once it is processed."`
	Files     []string     `json:"parsed_files" doc:"Names of the texts in parsed_documents."`
}

// ParsedText is the text of a document, by its measures.
type ParsedText struct {
	Name       string    `json:"name" doc:"Name of the text." example:"diabetes.html.txt"`
	Path       string    `json:"path" doc:"Path at which it is served, by pages." example:"/api/v1/documents/0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10/content"`
	Characters int       `json:"characters" doc:"Its length in code points." example:"40210"`
	Words      int       `json:"words" doc:"Its words." example:"6120"`
	Lines      int       `json:"lines" doc:"Its lines." example:"512"`
	ParsedAt   time.Time `json:"parsed_at" doc:"When it was made." example:"2026-01-21T10:31:00Z"`
}

// DocumentList is a page of documents.
type DocumentList struct {
	Documents []Document `json:"documents" doc:"Documents, newest first."`
	Paged
}

// Content is a page of a document's text.
type Content struct {
	ID         string `json:"document_id" doc:"UUID of the document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	FileName   string `json:"file_name" doc:"Name of the document." example:"diabetes.html"`
	Text       string `json:"content" doc:"The text of this page. Evidence counts code points of all pages joined." example:"# Diabetes"`
	Page       int    `json:"page" doc:"Number of this page." example:"1"`
	PageSize   int    `json:"page_size" doc:"Code points of a full page." example:"10000"`
	TotalPages int    `json:"total_pages" doc:"Pages of this size." example:"5"`
	Length     int    `json:"total_length" doc:"Code points of the whole text." example:"40210"`
	Previous   bool   `json:"has_previous" doc:"There is a page before."`
	Next       bool   `json:"has_next" doc:"There is a page after."`
	Words      int    `json:"word_count" doc:"Words of the whole text." example:"6120"`
	Lines      int    `json:"line_count" doc:"Lines of the whole text." example:"512"`
}

func parsedName(d *dataset.Document) string { return d.Name + ".txt" }

func showDocument(d *dataset.Document) Document {
	set, _ := d.Set("")
	out := Document{
		ID: d.ID, ProjectID: d.Project, FileName: d.Name, Source: base + "/documents/" + d.ID + "/source", CreatedAt: d.Added,
		Status: string(d.Status), Error: d.Reason, Title: d.Title, Size: d.Size, SHA256: d.SHA256, Chunks: set.Count,
	}
	if d.Text != "" {
		out.Files = []string{parsedName(d)}
		out.Documents = []ParsedText{{parsedName(d), base + "/documents/" + d.ID + "/content", d.Runes, d.Words, d.Lines, d.Parsed}}
	}
	return out
}

func showDocuments(list []*dataset.Document) []Document {
	out := make([]Document, len(list))
	for i, d := range list {
		out[i] = showDocument(d)
	}
	return out
}

type byDocument struct {
	Document string `path:"document_id" doc:"UUID of the document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
}

func documents(t *rest.Table, c Config) {
	l := c.Library
	uploads(t, c)

	list := func(ctx context.Context, p *dataset.Project, in paging) (*struct{ Body DocumentList }, error) {
		found, err := l.Documents(ctx, tenantOf(ctx), p, in.window())
		if err != nil {
			return nil, err
		}
		return &struct{ Body DocumentList }{DocumentList{showDocuments(found.Items), paged(in.window(), found)}}, nil
	}
	rest.Add(t, rest.Op{
		ID: "listDocuments", Method: "GET", Path: base + "/documents", Tag: "documents", Summary: "List documents",
	}, func(ctx context.Context, in *struct {
		paging
		Project *ProjectID `query:"project_id" doc:"Number or UUID of a project; absent: documents of all projects." example:"1"`
	},
	) (*struct{ Body DocumentList }, error) {
		p, err := projectOf(ctx, l, in.Project)
		if err != nil {
			return nil, err
		}
		return list(ctx, p, in.paging)
	})
	rest.Add(t, rest.Op{
		ID: "listProjectDocuments", Method: "GET", Path: base + "/projects/{project_id}/documents", Tag: "documents", Summary: "List the documents of a project",
	}, func(ctx context.Context, in *struct {
		byProject
		paging
	},
	) (*struct{ Body DocumentList }, error) {
		p, err := projectOf(ctx, l, &in.Project)
		if err != nil {
			return nil, err
		}
		return list(ctx, p, in.paging)
	})
	rest.Add(t, rest.Op{
		ID: "getDocument", Method: "GET", Path: base + "/documents/{document_id}", Tag: "documents", Summary: "One document",
	}, func(ctx context.Context, in *byDocument) (*struct{ Body Document }, error) {
		d, err := l.Document(ctx, tenantOf(ctx), in.Document)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Document }{showDocument(d)}, nil
	})
	rest.Add(t, rest.Op{
		ID: "deleteDocument", Method: "DELETE", Path: base + "/documents/{document_id}", Tag: "documents", Summary: "Delete a document with its chunks",
		Description: "It is gone at once; its files follow in the background. Jobs that run keep what they have planned, and datasets stay.",
	}, func(ctx context.Context, in *byDocument) (*struct{ Body Message }, error) {
		if err := l.DeleteDocument(ctx, tenantOf(ctx), in.Document); err != nil {
			return nil, err
		}
		return &struct{ Body Message }{Message{"Document " + in.Document + " deleted"}}, nil
	})
	rest.Add(t, rest.Op{
		ID: "getContent", Method: "GET", Path: base + "/documents/{document_id}/content", Tag: "documents", Summary: "The text of a document, by pages",
		Description: "The text that chunks and evidence count in, by code points. A document that was not processed yet has none: 409.",
	}, func(ctx context.Context, in *struct {
		byDocument
		Page     int     `query:"page" doc:"Number of the page, from 1." default:"1" minimum:"1" maximum:"100000000"`
		PageSize int     `query:"page_size" doc:"Code points of a page." default:"10000" minimum:"1" maximum:"1000000"`
		File     *string `query:"parsed_file" doc:"Name of one of the document's parsed_files; there is one." example:"diabetes.html.txt"`
	},
	) (*struct{ Body Content }, error) {
		p, err := l.Content(ctx, tenantOf(ctx), in.Document, in.Page, in.PageSize)
		if err != nil {
			return nil, err
		}
		d := p.Document
		if in.File != nil && *in.File != parsedName(d) {
			return nil, dataset.Errorf(dataset.NotFound, "document %s has no text %.100q, only %q", d.ID, *in.File, parsedName(d))
		}
		return &struct{ Body Content }{Content{
			d.ID, d.Name, p.Text, in.Page, in.PageSize, p.Pages, d.Runes, in.Page > 1, in.Page < p.Pages, d.Words, d.Lines,
		}}, nil
	})
	rest.Add(t, rest.Op{
		ID: "getSource", Method: "GET", Path: base + "/documents/{document_id}/source", Tag: "documents", Summary: "The file as it was uploaded",
		Answers: []rest.Answer{
			{Status: 200, Type: "application/octet-stream", Doc: "The file, as an attachment"},
			{Status: 302, Doc: "A large file is got from where Location says", Headers: []rest.Header{{Name: "Location", Doc: "Where the file is, for some minutes."}}},
		},
	}, func(ctx context.Context, in *byDocument) (*rest.Stream, error) {
		d, err := l.Document(ctx, tenantOf(ctx), in.Document)
		if err != nil {
			return nil, err
		}
		as := dataset.Attachment{Filename: d.Name, ContentType: "application/octet-stream"}
		if c.Redirect > 0 && d.Size >= c.Redirect {
			p, err := l.Blobs.PresignGet(ctx, d.Source, as, linkValid)
			if err != nil {
				return nil, err
			}
			return rest.Redirect(http.StatusFound, p.URL), nil
		}
		return &rest.Stream{Send: func(w http.ResponseWriter, r *http.Request) error {
			h := w.Header()
			h.Set("Content-Type", as.ContentType)
			h.Set("Content-Disposition", as.Disposition())
			h.Set("Content-Length", strconv.FormatInt(d.Size, 10))
			if r.Method == http.MethodHead {
				return nil
			}
			body, err := l.Blobs.Open(ctx, d.Source)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			return copyAll(w, body, d.Size)
		}}, nil
	})
}

// linkValid is how long a link to a file is valid.
const linkValid = 10 * time.Minute

// copyAll sends a file; an error when it ends before its size.
func copyAll(w io.Writer, r io.Reader, size int64) error {
	n, err := io.Copy(w, r)
	if err == nil && n != size {
		err = dataset.Errorf(dataset.Internal, "a file ended after %d of %d bytes", n, size)
	}
	return err
}
