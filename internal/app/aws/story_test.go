package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/pipeline"
	"compileo/internal/snapshot"
)

// root is the folder of the repository.
const root = "../../.."

// event reads a sample.
func event(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sampleJob is the job that all samples are about.
var sampleJob = dataset.JobRef{Tenant: "demo", ID: "handbook"}

// stage is where the story plays: the engine writes what clients would, and invoke calls a function.
type stage struct {
	engine *pipeline.Engine
	invoke func(t *testing.T, function string, event []byte) string
	// hinted returns the bodies that the generator sent to the score queue.
	hinted func(t *testing.T) []string
}

// handbook is a document of a few headed sections.
func handbook() []byte {
	var b strings.Builder
	b.WriteString("# Handbook of the harbour\n")
	for _, s := range []struct{ name, text string }{
		{"Tides", "High water at the old quay occurs twice a day. A pilot must be on board before the lock opens, because the current in the channel reaches four knots. The harbour master records each passage in the log."},
		{"Cranes", "Crane 2 lifts at most 40 tonnes. The operator inspects the cables every morning. A load that swings must be lowered at once, since the wind over the quay changes quickly."},
		{"Storage", "Refrigerated containers are kept in yard C. Their temperature is measured every 15 minutes. If it rises above 5 degrees, the yard office informs the owner."},
		{"Customs", "Customs officers inspect one container in twenty. A sealed container is opened only in the presence of two officers. The seal number is written on the waybill."},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.name, s.text)
	}
	return []byte(b.String())
}

func submit(t *testing.T, e *pipeline.Engine, ref dataset.JobRef, documents []string) *dataset.Job {
	t.Helper()
	s := dataset.DefaultSettings()
	s.Model, s.Threshold, s.Concurrency = "extractive", 0.1, 8
	s.DatasetName = "harbour " + ref.ID
	s.Chunking = &dataset.Chunking{Strategy: dataset.ByStructure, Size: 60}
	j, err := e.Submit(t.Context(), pipeline.Submission{
		Ref: ref, Project: "harbour", Kind: dataset.GenerateJob, Settings: s, Documents: documents,
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func addHandbook(t *testing.T, e *pipeline.Engine) string {
	t.Helper()
	l := &library.Library{Table: e.Table, Blobs: e.Blobs, Log: e.Log}
	p := &dataset.Project{ID: "harbour", Tenant: sampleJob.Tenant}
	w, err := dataset.NewRecord(dataset.ProjectPK(p.Tenant, p.ID), dataset.ProjectSK, p, dataset.Any)
	if err == nil {
		err = e.Table.Write(t.Context(), w)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := l.AddDocument(t.Context(), p, "handbook.md", handbook())
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// tellStory runs one job through all functions by the samples, each twice, as each may come twice.
func tellStory(t *testing.T, s stage) {
	document := addHandbook(t, s.engine)
	submit(t, s.engine, sampleJob, []string{document})
	for _, step := range []struct{ function, sample, want string }{
		{"prepare", "prepare", `{"batches":[0],"kind":"generate"}`},
		{"ingest", "ingest", `{}`},
		{"plan", "plan", `{"lanes":[{"lane":0,"tenant":"` + string(sampleJob.Tenant) + `"}]}`},
		{"generator", "generator", `{"batchItemFailures":[]}`},
		{"scorer", "scorer", `{"batchItemFailures":[]}`},
		{"sweeper", "sweeper", `{}`},
		{"curate", "curate", `{"parts":[0]}`},
		{"assemble", "assemble", `{}`},
		{"publish", "publish", `{}`},
		{"settle", "settle", `{}`},
		{"settle", "settle-ended", `{}`},
	} {
		for _, time := range []string{"first", "second"} {
			if step.function == "generator" && time == "second" {
				checkHints(t, s.hinted(t))
			}
			if got := s.invoke(t, step.function, event(t, step.sample)); got != step.want {
				t.Fatalf("%s, %s time, answered %s, want %s", step.sample, time, got, step.want)
			}
		}
	}
	checkPublished(t, s.engine)
	tellAPI(t, s)
}

// checkHints holds what the generator sent against the sample of the next function.
func checkHints(t *testing.T, hints []string) {
	t.Helper()
	var sample struct{ Records []struct{ Body string } }
	if err := json.Unmarshal(event(t, "scorer"), &sample); err != nil {
		t.Fatal(err)
	}
	if len(hints) == 0 {
		t.Error("the generator sent nothing to the scorer")
	}
	for _, h := range hints {
		if h != sample.Records[0].Body {
			t.Errorf("the generator sent %s, the sample of the scorer has %s", h, sample.Records[0].Body)
		}
	}
}

// checkPublished looks at what the job made as a reader would.
func checkPublished(t *testing.T, e *pipeline.Engine) {
	t.Helper()
	j, err := e.Job(t.Context(), sampleJob)
	if err != nil {
		t.Fatal(err)
	}
	if j.Status != dataset.Completed || j.Error != "" || j.Result == nil {
		t.Fatalf("the job is %s (%s), result %+v", j.Status, j.Error, j.Result)
	}
	r := j.Result
	if c := r.Chunks; c.Total < 4 || c.WithEntries+c.Empty+c.Failed != c.Total || c.Failed > 0 {
		t.Errorf("chunks are %+v, want all of at least 4 with an outcome, none failed", c)
	}
	version, err := snapshot.Open(t.Context(), e.Blobs, r.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	page, err := version.Page(t.Context(), snapshot.PageQuery{Order: snapshot.ByNumber, Limit: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if page.Total != r.Entries || len(page.Entries) != r.Entries || r.Entries < 4 {
		t.Errorf("the version has %d entries, the page %d, the result says %d", page.Total, len(page.Entries), r.Entries)
	}
	text := string(handbook())
	for _, raw := range page.Entries {
		var entry dataset.Entry
		if err := json.Unmarshal(raw, &entry); err != nil {
			t.Fatal(err)
		}
		if len(entry.Evidence) == 0 || !strings.Contains(text, entry.Evidence[0].Quote) {
			t.Errorf("%s rests on %+v, which the handbook does not say", entry.ID, entry.Evidence)
		}
	}
}

// tellEndings runs the ways in which jobs end otherwise.
func tellEndings(t *testing.T, s stage) {
	document := addHandbook(t, s.engine)
	retell := func(sample, job string) []byte {
		return []byte(strings.ReplaceAll(string(event(t, sample)), sampleJob.String(), "demo_"+job))
	}
	for _, c := range []struct{ job, sample, want string }{
		{"broken", "settle", "the job has 1200000 chunks, want at most 1000000"},
		{"late", "settle-ended", "the workflow timed_out"},
	} {
		ref := dataset.JobRef{Tenant: "demo", ID: c.job}
		submit(t, s.engine, ref, []string{document})
		s.invoke(t, "settle", retell(c.sample, c.job))
		j, err := s.engine.Job(t.Context(), ref)
		if err != nil || j.Status != dataset.Failed || j.Error != c.want {
			t.Errorf("after %s the job is %s (%s), %v; want failed (%s)", c.sample, j.Status, j.Error, err, c.want)
		}
	}
	left := submit(t, s.engine, dataset.JobRef{Tenant: "demo", ID: "left"}, []string{document})
	if _, err := s.engine.Cancel(t.Context(), left.Ref); err != nil {
		t.Fatal(err)
	}
	listed := func() bool {
		_, err := s.engine.Table.Get(t.Context(), dataset.RunningPK(left.Ref), left.Ref.String())
		if err != nil && !dataset.Is(err, dataset.NotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !listed() {
		t.Error("a cancelled job is not listed for the sweeper")
	}
	s.invoke(t, "sweeper", event(t, "sweeper"))
	if listed() {
		t.Error("the sweeper left a cancelled job on its list")
	}
}
