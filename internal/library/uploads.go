package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// How long an upload takes at most: the request is valid for uploadValid, it can be completed for uploadOpen, and the
// record is kept for uploadKept.
const (
	uploadValid = dataset.MaxPresign
	uploadOpen  = time.Hour
	uploadKept  = 24 * time.Hour
)

// NewUpload says what is going to be uploaded.
type NewUpload struct {
	ID     string // empty: a new one; beginning with the same id again goes on with the upload that is there
	Name   string
	Size   int64
	Type   string // content type that the request will have; empty: application/octet-stream
	SHA256 string // empty: not known yet
}

var sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// BeginUpload prepares an upload and returns the request that sends the file: of exactly that size and type, once. Then
// CompleteUpload makes the document.
func (l *Library) BeginUpload(ctx context.Context, p *dataset.Project, in NewUpload) (*dataset.Upload, dataset.Presigned, error) {
	in.SHA256 = strings.ToLower(in.SHA256)
	if err := checkFile(in.Name, in.Size); err != nil {
		return nil, dataset.Presigned{}, err
	}
	if in.SHA256 != "" && !sumForm.MatchString(in.SHA256) {
		return nil, dataset.Presigned{}, dataset.InvalidField("/sha256", "is %.80q, want 64 hexadecimal digits", in.SHA256)
	}
	if in.Size < 1 {
		return nil, dataset.Presigned{}, dataset.InvalidField("/size", "is %d, want 1 to %d", in.Size, dataset.MaxDocument)
	}
	if in.Type == "" {
		in.Type = "application/octet-stream"
	}
	if in.ID == "" {
		in.ID = dataset.NewID()
	}
	u := &dataset.Upload{
		ID: in.ID, Tenant: p.Tenant, Project: p.ID, Name: in.Name, Type: in.Type, Size: in.Size, SHA256: in.SHA256,
		Key: dataset.UploadKey(p.Tenant, p.ID, in.ID), Begun: time.Now().UTC(),
	}
	request, err := l.Blobs.PresignPut(ctx, u.Key, u.Size, u.Type, uploadValid)
	if err != nil {
		return nil, dataset.Presigned{}, err
	}
	err = dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		if there, err := l.upload(ctx, p.Tenant, u.ID); !dataset.Is(err, dataset.NotFound) {
			if err == nil && (there.Project != u.Project || there.Name != u.Name || there.Size != u.Size || there.Type != u.Type || there.SHA256 != u.SHA256) {
				return nil, dataset.Errorf(dataset.Conflict, "upload %s was begun for another file", u.ID)
			}
			u = there
			return nil, err
		}
		writes, err := records(
			row{dataset.DocumentsPK(p.Tenant), dataset.UploadSK(u.ID), u, dataset.Absent},
			purgeRow(dataset.Purge{Tenant: p.Tenant, Project: p.ID, Upload: u.ID, Keys: []string{u.Key}, Since: u.Begun.Add(uploadOpen)}, u.ID),
		)
		if err == nil {
			writes[0].Expires = u.Begun.Add(uploadKept)
		}
		return writes, err
	})
	if err != nil {
		return nil, dataset.Presigned{}, err
	}
	return u, request, nil
}

func (l *Library) upload(ctx context.Context, t dataset.Tenant, id string) (*dataset.Upload, error) {
	if !idForm.MatchString(id) {
		return nil, gone("upload", id)
	}
	u, _, err := dataset.Load[dataset.Upload](ctx, l.Table, dataset.DocumentsPK(t), dataset.UploadSK(id))
	if dataset.Is(err, dataset.NotFound) {
		return nil, gone("upload", id)
	}
	return u, err
}

// CompleteUpload makes the document of what was uploaded, with known as in AddDocument. Repeating it returns the
// document. Conflict: nothing was uploaded yet. Invalid: it is not what was announced, or came too late.
func (l *Library) CompleteUpload(ctx context.Context, t dataset.Tenant, id string) (doc *dataset.Document, known bool, err error) {
	u, err := l.upload(ctx, t, id)
	if err != nil {
		return nil, false, err
	}
	if _, err := l.project(ctx, t, u.Project); err != nil {
		return nil, false, err
	}
	if u.Document != "" {
		doc, err = l.Document(ctx, t, u.Document)
		return doc, true, err
	}
	if time.Since(u.Begun) > uploadOpen {
		return nil, false, dataset.Errorf(dataset.Invalid, "the upload was begun more than %v ago: begin again", uploadOpen)
	}
	doc = &dataset.Document{
		Tenant: t, Project: u.Project, Name: u.Name, Size: u.Size, Source: u.Key, Status: dataset.Uploaded, Added: time.Now().UTC(),
	}
	if doc.SHA256, err = l.sum(ctx, u); err != nil {
		return nil, false, err
	}
	doc.ID = documentID(doc)
	doc, known, err = l.add(ctx, doc, func(*dataset.Document) error { return nil })
	if err != nil {
		return nil, false, err
	}
	_, err = dataset.Update(ctx, l.Table, dataset.DocumentsPK(t), dataset.UploadSK(id), func(u *dataset.Upload) (bool, error) {
		changed := u.Document != doc.ID
		u.Document = doc.ID
		return changed, nil
	})
	if dataset.Is(err, dataset.NotFound) {
		err = nil // it expired this moment; the document is there
	}
	return doc, known, err
}

// sum reads what was uploaded and returns its SHA-256.
func (l *Library) sum(ctx context.Context, u *dataset.Upload) (string, error) {
	r, err := l.Blobs.Open(ctx, u.Key)
	if dataset.Is(err, dataset.NotFound) {
		return "", dataset.Errorf(dataset.Conflict, "nothing was uploaded yet: send the file by the request that the upload began with")
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, dataset.MaxDocument+1))
	if err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if n != u.Size || u.SHA256 != "" && u.SHA256 != sum {
		return "", dataset.Errorf(dataset.Invalid, "%d bytes with SHA-256 %s were uploaded, want %d with %s", n, sum, u.Size, u.SHA256)
	}
	return sum, nil
}
