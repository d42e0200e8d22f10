package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

// Publish completes a job. For one that generates it merges the parts, writes the manifest, and in one
// transaction stores the version under the next number, makes it the dataset's current one and completes the job.
// A job without an entry, with too many failed chunks, or stopped by its model fails with its result kept; its
// dataset stays as it was.
func (e *Engine) Publish(ctx context.Context, in JobInput) error {
	j, err := e.enter(ctx, in.Job, "Publish")
	if err != nil {
		return e.published(ctx, in.Job, err)
	}
	result, err := e.result(ctx, j)
	if err != nil {
		return err
	}
	if failure := failure(j, result); failure != "" {
		result.Error, result.DatasetID, result.Version, result.Files = &failure, "", "", []dataset.File{}
		_, err := e.settle(ctx, j.Ref, dataset.Failed, failure, result)
		return err
	}
	if j.Kind == dataset.ProcessJob {
		_, err := e.settle(ctx, j.Ref, dataset.Completed, "", result)
		return err
	}
	return e.published(ctx, in.Job, e.flip(ctx, j.Ref, result))
}

// published turns the refusal of a job that is completed, by an earlier try of this step, into success.
func (e *Engine) published(ctx context.Context, name string, refused error) error {
	if !dataset.Is(refused, dataset.Conflict) {
		return refused
	}
	j, _, err := e.job(ctx, name)
	if err == nil && (j.Status == dataset.Completed || j.Status == dataset.Failed && j.Result != nil) {
		return e.unlist(ctx, j.Ref)
	}
	return refused
}

// result gathers what the job made, and publishes the files of its version.
func (e *Engine) result(ctx context.Context, j *dataset.Job) (*dataset.Result, error) {
	r := &dataset.Result{
		Model: j.Model, Warnings: append([]string{}, j.Warnings...), Files: []dataset.File{}, Rejected: map[string]int{},
		QualitySummary: dataset.QualitySummary{Distribution: map[string]int{}, Categories: map[string]int{}},
	}
	var err error
	if r.Documents, err = e.documentReport(ctx, j); err != nil || j.Kind == dataset.ProcessJob {
		return r, err
	}
	c, err := dataset.ReadJSON[curation](ctx, e.Blobs, dataset.JobKey(j.Ref, "curation", "summary"))
	if err != nil {
		return nil, err
	}
	r.Chunks, r.Usage, r.Rejected, r.Entries = c.Chunks, c.Usage, c.Rejected, c.Entries
	if len(c.Parts) == 0 {
		return r, nil
	}
	source, err := json.Marshal(map[string]any{"job": j.Ref.ID, "model": j.Model, "settings": j.Settings, "plan": dataset.JobKey(j.Ref, "plan"), "chunks": r.Chunks, "usage": r.Usage})
	if err != nil {
		return nil, dataset.Errorf(dataset.Internal, "encode manifest: %w", err)
	}
	prefix := dataset.VersionPrefix(j.Ref.Tenant, j.Target.Dataset, j.Ref.ID)
	m, err := snapshot.Publish(ctx, e.Blobs, prefix, c.Parts, snapshot.Meta{Created: j.Created, Source: source})
	if err != nil {
		return nil, err
	}
	if m.Entries != c.Entries {
		return nil, dataset.Errorf(dataset.Internal, "the version has %d entries, want %d", m.Entries, c.Entries)
	}
	r.DatasetID, r.Files, r.QualitySummary = j.Target.Dataset, m.Parts, m.QualitySummary
	r.Manifest, r.Version = prefix, versionName(j.Target.Base+1)
	if c.Chunks.Skipped > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d chunks were not asked: the job was stopped", c.Chunks.Skipped))
	}
	return r, nil
}

// versionName is the name of a dataset's n-th version: 1.0.0, 1.1.0, …
func versionName(n int) string { return fmt.Sprintf("1.%d.0", n-1) }

// maxReportedDocuments bounds the reasons in a document report.
const maxReportedDocuments = 100

func (e *Engine) documentReport(ctx context.Context, j *dataset.Job) (dataset.DocumentReport, error) {
	report := dataset.DocumentReport{Reasons: map[string]string{}}
	list, err := dataset.ReadJSON[ingestList](ctx, e.Blobs, dataset.JobKey(j.Ref, "ingest"))
	if err != nil {
		return report, err
	}
	report.Total = list.Total
	for _, batch := range list.Batches {
		report.Parsed += len(batch)
	}
	docs, err := e.documents(ctx, j)
	if err != nil {
		return report, err
	}
	for _, d := range docs {
		if d.Status != dataset.Unreadable {
			continue
		}
		report.Unreadable++
		if len(report.Reasons) < maxReportedDocuments {
			report.Reasons[d.Name] = d.Reason
		}
	}
	report.Parsed = max(0, report.Parsed-report.Unreadable)
	return report, nil
}

// failure says why a job fails in spite of having run to its end; "" when it does not.
func failure(j *dataset.Job, r *dataset.Result) string {
	switch {
	case j.Kind == dataset.ProcessJob:
		return ""
	case j.Stop != nil:
		return fmt.Sprintf("stopped (%s): %s", j.Stop.Reason, j.Stop.Detail)
	case r.Chunks.Total == 0:
		return "no chunk to work on: none of the documents has readable text"
	case float64(r.Chunks.Failed) > j.Settings.MaxFailedShare*float64(r.Chunks.Total):
		return fmt.Sprintf("%d of %d chunks failed, more than the share of %v allowed", r.Chunks.Failed, r.Chunks.Total, j.Settings.MaxFailedShare)
	case r.Entries == 0:
		return "no entry resulted: see chunks and rejected for the reasons"
	}
	return ""
}

// flip is the one transaction in which a version appears.
func (e *Engine) flip(ctx context.Context, ref dataset.JobRef, r *dataset.Result) error {
	_, err := e.change(ctx, ref, func(j *dataset.Job) (bool, error) {
		if j.Status.Over() {
			return false, dataset.Errorf(dataset.Conflict, "job %s is %s", ref.ID, j.Status)
		}
		j.Status, j.Ended, j.Result, j.Step = dataset.Completed, time.Now().UTC(), r, "Publish"
		return true, nil
	}, func(j *dataset.Job) ([]dataset.Write, error) {
		pk := dataset.DatasetPK(ref.Tenant, j.Target.Dataset)
		d, is, err := dataset.Load[dataset.Dataset](ctx, e.Table, pk, dataset.DatasetSK)
		if err != nil {
			return nil, err
		}
		if d.Lock != ref.ID || d.Current != j.Target.Base {
			return nil, dataset.Errorf(dataset.Conflict, "dataset %s is at version %d and held by job %q", d.ID, d.Current, d.Lock)
		}
		d.Current, d.Lock = j.Target.Base+1, ""
		current, err := dataset.NewRecord(pk, dataset.DatasetSK, d, is)
		if err != nil {
			return nil, err
		}
		version, err := dataset.NewRecord(pk, dataset.VersionSK(d.Current), dataset.Version{
			Ordinal: d.Current, Name: r.Version, Job: ref.ID, Manifest: r.Manifest, Entries: r.Entries, Created: j.Ended,
		}, dataset.Absent)
		writes := []dataset.Write{current, version}
		if err != nil || d.Current > 1 {
			return writes, err
		}
		sk, row := dataset.ListSK(dataset.DatasetList, d.Created, d.ID), dataset.Listed{Project: d.Project, ID: d.ID}
		for _, list := range []string{dataset.ProjectPK(ref.Tenant, d.Project), dataset.DatasetsPK(ref.Tenant)} { // of what has a version
			w, err := dataset.NewRecord(list, sk, row, dataset.Absent)
			if err != nil {
				return nil, err
			}
			writes = append(writes, w)
		}
		return writes, nil
	})
	if err != nil {
		return err
	}
	return e.unlist(ctx, ref)
}

// unlist takes a job that is over from the sweeper's list.
func (e *Engine) unlist(ctx context.Context, ref dataset.JobRef) error {
	return e.Table.Write(ctx, dataset.Write{
		Record: dataset.Record{PK: dataset.RunningPK(ref), SK: ref.String()}, If: dataset.Any, Delete: true,
	})
}
