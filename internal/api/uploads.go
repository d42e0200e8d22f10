package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
)

// uploadForm are the parts of an upload.
type uploadForm struct {
	Project ProjectID   `json:"project_id" doc:"Number or UUID of the project. Before the files, so that they need not be held back." example:"1"`
	Files   []rest.File `json:"files" doc:"The documents, any number of them, at most 50 MB each."`
}

// Uploaded says what became of uploaded files.
type Uploaded struct {
	JobID     string     `json:"job_id" doc:"Names the upload for GET /documents/upload/{job_id}/status: the id of the last document of the request." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	Message   string     `json:"message" doc:"How many files were uploaded." example:"1 file uploaded"`
	Count     int        `json:"files_count" doc:"Files in the request." example:"1"`
	Documents []Document `json:"uploaded_files" doc:"The documents; one that was there already is the same document as before."`
}

type newUpload struct {
	Project ProjectID `json:"project_id" doc:"Number or UUID of the project." example:"1"`
	Name    string    `json:"file_name" doc:"Name of the file; its extension says what it is." minLength:"1" maxLength:"500" example:"diabetes.html"`
	Size    int64     `json:"size" doc:"Its bytes: exactly so many can be sent." minimum:"1" maximum:"52428800" example:"48213"`
	Type    string    `json:"content_type,omitempty" doc:"Content type that it will be sent with." default:"application/octet-stream" maxLength:"200" example:"text/html"`
	SHA256  string    `json:"sha256,omitempty" doc:"Its SHA-256, if that is to be checked." pattern:"^[0-9a-fA-F]{64}$"`
}

// Upload is a file on its way.
type Upload struct {
	ID       string            `json:"upload_id" doc:"Names the upload." example:"550e8400-e29b-41d4-a716-446655440000"`
	Method   string            `json:"method" doc:"Method of the request that sends the file." example:"PUT"`
	URL      string            `json:"url" doc:"Where it goes. It needs no key."`
	Headers  map[string]string `json:"headers" doc:"Headers that it must have, all of them."`
	Expires  time.Time         `json:"expires_at" doc:"Until when it can be begun." example:"2026-01-21T10:45:00Z"`
	Complete string            `json:"complete" doc:"Path to POST to when the file is sent." example:"/api/v1/documents/uploads/550e8400-e29b-41d4-a716-446655440000/complete"`
}

// maxHeld is how much of a form is held back in memory until the project is known.
const maxHeld = dataset.MaxDocument + dataset.MaxDocument/2

func uploads(t *rest.Table, c Config) {
	l := c.Library
	rest.Add(t, rest.Op{
		ID: "uploadDocuments", Method: "POST", Path: base + "/documents/upload", Tag: "documents", Summary: "Upload documents",
		Description: "By a form of type multipart/form-data with project_id and any number of files. The same bytes are one document in a project: uploading again changes nothing. " +
			"When a file is refused, the answer is 422 and names it; the other files are stored all the same.",
		Limit: cmp.Or(c.MaxForm, math.MaxInt64), TooLarge: "send larger files one by one as POST " + base + "/documents/uploads says",
	}, func(ctx context.Context, in *struct{ Body rest.Form[uploadForm] }) (*struct{ Body Uploaded }, error) {
		u := &receiver{library: l}
		for part, err := range in.Body.Parts() {
			if err != nil {
				return nil, err
			}
			if err := u.take(ctx, part); err != nil {
				return nil, err
			}
		}
		return u.result()
	})

	rest.Add(t, rest.Op{
		ID: "beginUpload", Method: "POST", Path: base + "/documents/uploads", Tag: "documents", Status: 201, Summary: "Begin to upload a file of any size",
		Description: "Answers with a request that sends the file, straight to where it is kept. Send that, then complete the upload, within an hour.",
	}, func(ctx context.Context, in *struct{ Body newUpload }) (*struct{ Body Upload }, error) {
		p, err := l.Project(ctx, tenantOf(ctx), string(in.Body.Project))
		if err != nil {
			return nil, err
		}
		b := in.Body
		u, request, err := l.BeginUpload(ctx, p, library.NewUpload{
			ID: dataset.DeriveID("upload", seedOf(ctx)), Name: b.Name, Size: b.Size, Type: b.Type, SHA256: b.SHA256,
		})
		if err != nil {
			return nil, err
		}
		headers := map[string]string{}
		for name, values := range request.Header {
			headers[name] = strings.Join(values, ", ")
		}
		return &struct{ Body Upload }{Upload{
			u.ID, request.Method, request.URL, headers, request.Expires, base + "/documents/uploads/" + u.ID + "/complete",
		}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "completeUpload", Method: "POST", Path: base + "/documents/uploads/{upload_id}/complete", Tag: "documents", Summary: "Make the document of an uploaded file",
		Description: "May be repeated: the answer is the same document.",
	}, func(ctx context.Context, in *struct {
		Upload string `path:"upload_id" doc:"As POST /documents/uploads has given it." example:"550e8400-e29b-41d4-a716-446655440000"`
	},
	) (*struct{ Body Document }, error) {
		d, _, err := l.CompleteUpload(ctx, tenantOf(ctx), in.Upload)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Document }{showDocument(d)}, nil
	})
}

// receiver takes the parts of a form as they come.
type receiver struct {
	library *library.Library
	project *dataset.Project
	held    []heldFile // came before the project was known
	size    int64      // of held
	count   int
	stored  []Document
	wrong   []rest.Wrong
}

type heldFile struct {
	number int
	name   string
	data   []byte
}

func (u *receiver) take(ctx context.Context, part *rest.Part) error {
	switch part.Name {
	case "project_id":
		return u.begin(ctx, part)
	case "files", "file":
	default:
		u.wrong = append(u.wrong, rest.Wrong{Pointer: "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part.Name), Reason: "is not known"})
		return nil
	}
	var err error
	f := heldFile{number: u.count, name: part.Filename}
	u.count++
	if f.data, err = io.ReadAll(io.LimitReader(part, dataset.MaxDocument+1)); err != nil {
		return err
	}
	if u.project != nil {
		return u.store(ctx, f)
	}
	if u.size += int64(len(f.data)); u.size > maxHeld {
		return rest.Invalid(rest.Wrong{Pointer: "/project_id", Reason: "must come before the files when these are large"})
	}
	u.held = append(u.held, f)
	return nil
}

// begin finds the project and stores what was held back for it.
func (u *receiver) begin(ctx context.Context, part *rest.Part) error {
	text, err := part.Text(100)
	if err != nil {
		return err
	}
	if u.project != nil {
		return rest.Invalid(rest.Wrong{Pointer: "/project_id", Reason: "is given twice"})
	}
	if u.project, err = u.library.Project(ctx, tenantOf(ctx), strings.TrimSpace(text)); err != nil {
		return err
	}
	for _, f := range u.held {
		if err := u.store(ctx, f); err != nil {
			return err
		}
	}
	u.held = nil
	return nil
}

// store makes a document of a file. A file that cannot be one does not keep the others from it.
func (u *receiver) store(ctx context.Context, f heldFile) error {
	if f.name == "" {
		u.wrong = append(u.wrong, rest.Wrong{Pointer: "/files/" + strconv.Itoa(f.number), Reason: "has no file name"})
		return nil
	}
	d, _, err := u.library.AddDocument(ctx, u.project, f.name, f.data)
	if dataset.Is(err, dataset.Invalid) {
		e, _ := errors.AsType[*dataset.Error](err)
		u.wrong = append(u.wrong, rest.Wrong{Pointer: "/files/" + strconv.Itoa(f.number), Reason: e.Detail})
		return nil
	}
	if err != nil {
		return err
	}
	u.stored = append(u.stored, showDocument(d))
	return nil
}

func (u *receiver) result() (*struct{ Body Uploaded }, error) {
	if u.project == nil {
		u.wrong = append(u.wrong, rest.Wrong{Pointer: "/project_id", Reason: "is required"})
	}
	if u.count == 0 {
		u.wrong = append(u.wrong, rest.Wrong{Pointer: "/files", Reason: "is required: at least one file"})
	}
	if len(u.wrong) > 0 {
		p := rest.Invalid(u.wrong...)
		if n := len(u.stored); n > 0 {
			p.Detail += fmt.Sprintf("; %s stored", things(n, "file"))
		}
		return nil, p
	}
	return &struct{ Body Uploaded }{Uploaded{
		u.stored[len(u.stored)-1].ID, things(u.count, "file") + " uploaded", u.count, u.stored,
	}}, nil
}
