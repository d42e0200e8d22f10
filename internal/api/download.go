package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/rest"
)

// Link is where a file is.
type Link struct {
	URL     string    `json:"url" doc:"Where the file is. It needs no key."`
	Expires time.Time `json:"expires_at" doc:"Until when the link is valid." example:"2026-01-21T10:40:00Z"`
	Size    int64     `json:"size" doc:"Bytes of the file." example:"48213"`
	SHA256  string    `json:"sha256" doc:"SHA-256 of the file." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

const jsonLines = "application/jsonl"

func download(t *rest.Table, c Config) {
	l := c.Library
	file := []rest.Header{
		{Name: "Content-Disposition", Doc: "Name of the file: dataset, version, extension.", Example: "attachment; filename=medical_qa_dataset-1.0.0.jsonl"},
		{Name: "ETag", Doc: "Names the state of the dataset.", Example: "\"1-0\""},
	}
	rest.Add(t, rest.Op{
		ID: "downloadDataset", Method: "GET", Path: base + "/datasets/{dataset_id}/download", Tag: "datasets", Summary: "Download a dataset",
		Description: "The current version with its edits, one JSON object a line; curl -OJ saves it under its name. With Accept: application/json the answer is a link. " +
			"A version without edits can be had by ranges.",
		Answers: []rest.Answer{
			{Status: 200, Type: jsonLines, Doc: "The file, or with Accept: application/json a link to it", Headers: file},
			{Status: 200, Type: "application/json", Doc: "The file, or with Accept: application/json a link to it", Body: Link{}},
			{Status: 206, Type: jsonLines, Doc: "The part of the file that Range asks for", Headers: file},
			{Status: 302, Doc: "A large file is got from where Location says", Headers: []rest.Header{{Name: "Location", Doc: "Where the file is, for some minutes."}}},
			{Status: 304, Doc: "Unchanged: If-None-Match names what there is"},
			{Status: 416, Type: "text/plain", Doc: "The file is shorter than Range says"},
		},
	}, func(ctx context.Context, in *struct {
		byDataset
		Format     string   `query:"format" doc:"Format of the file; for now jsonl only." default:"jsonl" maxLength:"40"`
		Version    string   `query:"version" doc:"A version as it was published, by name; absent: the current one with its edits." maxLength:"40" example:"1.0.0"`
		Split      *string  `query:"split" doc:"Not available yet: any value is refused." maxLength:"40"`
		MinQuality *float64 `query:"min_quality" doc:"Not available yet: any value is refused." minimum:"0" maximum:"1"`
		Accept     string   `header:"Accept" doc:"application/json asks for a link." example:"application/json"`
	},
	) (*rest.Stream, error) {
		switch {
		case in.Format != jsonl:
			return nil, dataset.InvalidField("format", "is %q: only jsonl can be had yet", in.Format)
		case in.Split != nil:
			return nil, dataset.InvalidField("split", "cannot be chosen yet: download all, each entry says its split")
		case in.MinQuality != nil:
			return nil, dataset.InvalidField("min_quality", "cannot be chosen yet: download all, or page with filter_quality")
		}
		var v *library.View
		var err error
		if in.Version == "" {
			v, err = l.Open(ctx, tenantOf(ctx), in.Dataset)
		} else {
			v, err = l.OpenVersion(ctx, tenantOf(ctx), in.Dataset, in.Version)
		}
		if err != nil {
			return nil, err
		}
		as := dataset.Attachment{Filename: cmp.Or(v.Dataset.Name, "dataset") + "-" + v.Version.Name + ".jsonl", ContentType: jsonLines}
		size, _ := v.Size()
		linked := strings.Contains(in.Accept, "application/json")
		if !linked && (c.Redirect == 0 || size < c.Redirect) {
			return whole(ctx, l, v, as), nil
		}
		f, err := l.File(ctx, v)
		if err != nil {
			return nil, err
		}
		p, err := l.Blobs.PresignGet(ctx, f.Key, as, linkValid)
		if err != nil {
			return nil, err
		}
		if linked {
			return rest.JSON(http.StatusOK, Link{p.URL, p.Expires, f.Size, f.SHA256}), nil
		}
		return rest.Redirect(http.StatusFound, p.URL), nil
	})
}

// whole sends all entries of a view.
func whole(ctx context.Context, l *library.Library, v *library.View, as dataset.Attachment) *rest.Stream {
	return &rest.Stream{Send: func(w http.ResponseWriter, r *http.Request) error {
		size, exact := v.Size()
		h := w.Header()
		h.Set("Content-Type", as.ContentType)
		h.Set("Content-Disposition", as.Disposition())
		h.Set("Vary", "Accept")
		h.Set("ETag", fmt.Sprintf(`"%d-%d"`, v.Version.Ordinal, v.Edits))
		if !exact {
			if strings.Contains(rest.HeaderValue(r.Header, "If-None-Match"), h.Get("ETag")) {
				w.WriteHeader(http.StatusNotModified)
				return nil
			}
			if r.Method == http.MethodHead {
				return nil
			}
			return v.WriteJSONL(ctx, w)
		}
		if r.Method == http.MethodHead || r.Header.Get("Range") != "" || r.Header.Get("If-None-Match") != "" {
			part := l.Reader(ctx, v)
			http.ServeContent(w, r, "", v.Version.Created, part)
			return part.Err
		}
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Length", strconv.FormatInt(size, 10))
		return v.WriteJSONL(ctx, w) // checks what it reads
	}}
}
