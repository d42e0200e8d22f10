package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/app"
	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

// idle is a workflow whose executions never begin.
type idle struct {
	dataset.Workflow
	mu      sync.Mutex
	started map[string]bool
}

func (w *idle) Start(_ context.Context, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started[name] = true
	return nil
}

func (w *idle) Stop(context.Context, string, string) error { return nil }

// submitting lets the service take jobs, which nobody works on.
func submitting(c *Config) {
	models, err := app.Models(func(string) string { return "" })
	if err != nil {
		panic(err)
	}
	app.AliasToBuiltIn(models)
	c.Engine = &pipeline.Engine{
		Table: c.Table, Blobs: c.Library.Blobs, Workflow: &idle{started: map[string]bool{}}, Models: models, Timing: pipeline.DefaultTiming, Log: c.Log,
	}
}

// guideBody is what the guide's curl sends.
const guideBody = `{"project_id": 1, "prompt_name": "qa_pairs", "custom_prompt": null, "generation_mode": "default", "format_type": "jsonl", "concurrency": 1,
	"include_evaluation_sets": false, "taxonomy_project": null, "taxonomy_name": null, "output_dir": ".", "analyze_quality": true, "quality_threshold": 0.7,
	"enable_versioning": false, "dataset_name": "medical_qa_dataset", "run_benchmarks": false, "benchmark_suite": "glue", "parsing_model": "gemini",
	"chunking_model": "gemini", "classification_model": "gemini", "datasets_per_chunk": 3}`

const (
	generatePath = "/api/v1/datasets/generate"
	jobsPath     = "/api/v1/jobs"
)

func TestGenerateIsStarted(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		w.says(w.want(422, "POST", generatePath, guideBody), "errors/0/pointer", "/project_id", "errors/0/reason", "has no documents: add some first")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		a := w.call("POST", generatePath+"/", guideBody)
		if a.status != 202 || a.header.Get("Retry-After") != "2" {
			w.Fatal(a)
		}
		job := w.want(202, "POST", generatePath, guideBody)
		id := job["job_id"].(string)
		w.says(job, "message", "Dataset generation started")
		if !strings.Contains(fmt.Sprint(job["warnings"]), "an equal request is under way") {
			w.Errorf("the equal request has warnings %v", job["warnings"])
		}
		if a.header.Get("Location") != generatePath+"/"+id+"/status" || !strings.Contains(a.body, id) {
			w.Errorf("two equal requests: %v, then job %s", a, id)
		}
		status := w.want(200, "GET", a.header.Get("Location"), "")
		w.says(status, "job_id", id, "status", "pending", "progress", 0, "current_step", "Waiting to start", "estimated_completion", nil, "result", nil, "error", nil)
		if len(status) != 7 {
			w.Errorf("the status has %d members: %v", len(status), status)
		}
		j, err := w.config.Engine.Job(w.Context(), dataset.JobRef{Tenant: dataset.LocalTenant, ID: id})
		if err != nil {
			w.Fatal(err)
		}
		want := dataset.DefaultSettings()
		want.DatasetName, want.ParsingModel, want.ChunkingModel = "medical_qa_dataset", "extractive", "extractive"
		if j.Settings != want {
			w.Errorf("settings %+v, want %+v", j.Settings, want)
		}
		w.want(404, "GET", generatePath+"/"+id+"/status", "", "Tenant", them)
		w.want(404, "POST", generatePath, guideBody, "Tenant", them)

		keyed := w.want(202, "POST", generatePath, guideBody, "Idempotency-Key", "k")
		again := w.want(202, "POST", generatePath, guideBody, "Idempotency-Key", "k")
		other := w.want(202, "POST", generatePath, guideBody, "Idempotency-Key", "l")
		if keyed["job_id"] != again["job_id"] || keyed["job_id"] == id || keyed["job_id"] == other["job_id"] {
			w.Errorf("jobs by key: %v, again %v, by another %v, without %s", keyed["job_id"], again["job_id"], other["job_id"], id)
		}
	})
}

// What has no effect is refused by name; what is like the default is taken.
func TestGenerateFields(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		for fields, want := range map[string]string{
			`"generation_mode":"question","taxonomy_name":"Heart","taxonomy_project":1`:     "/taxonomy_project /taxonomy_name",
			`"include_evaluation_sets":true,"format_type":"parquet","run_benchmarks":true`:  "/format_type /include_evaluation_sets /run_benchmarks",
			`"output_dir":"/etc","batch_size":50,"data_source":"Taxonomy"`:                  "/output_dir /data_source /batch_size",
			`"extraction_file_id":"x","selected_categories":["a"],"only_validated":true`:    "/selected_categories /extraction_file_id /only_validated",
			`"max_cost_usd":1,"scoring_model":"x","split_ratios":{"train":1},"quotas":{}`:   "/split_ratios /max_cost_usd /scoring_model /quotas",
			`"purpose":"a","audience":"a","domain":"law","negativity_ratio":0.1`:            "/purpose /audience /domain /negativity_ratio",
			`"complexity_level":"basic","question_style":"factual","data_augmentation":"x"`: "/question_style /complexity_level /data_augmentation",
			`"prompt_name":"mine"`:               "/prompt_name",
			`"prompt_name":"summarization"`:      "/prompt_name",
			`"custom_prompt":"{colour} {chunk}"`: "/custom_prompt",
			`"generation_model":"nope","classification_model":"nope","parsing_model":"no","seed":1`:       "/generation_model /classification_model /parsing_model",
			`"datasets_per_chunk":51,"concurrency":0,"quality_threshold":1.5,"dataset_name":"a\u0000"`:    "/datasets_per_chunk /concurrency /quality_threshold /dataset_name",
			`"generation_mode":"poem","colour":1`:                                                         "/generation_mode /colour",
			`"document_ids":["nope"]`:                                                                     "/document_ids",
			`"taxonomy_name":null,"batch_size":0,"negativity_ratio":0,"extraction_rules":"default"`:       "",
			`"seed":2,"prompt_name":"summarization","generation_mode":"summarization"`:                    "",
			`"seed":3,"generation_model":"extractive","max_failed_share":0.5,"prompt_name":"default"`:     "",
			`"seed":4,"custom_prompt":"{chunk}","prompt_name":"qa_pairs","classification_model":"ollama"`: "",
		} {
			status := 422
			if want == "" {
				status = 202
			}
			a := w.call("POST", generatePath, `{"project_id":"1",`+fields+`}`)
			if a.status != status {
				w.Errorf("%s: %v", fields, a)
				continue
			}
			var p map[string]any
			if err := json.Unmarshal([]byte(a.body), &p); err != nil {
				w.Fatal(err)
			}
			var got []string
			list, _ := p["errors"].([]any)
			for _, e := range list {
				got = append(got, fmt.Sprint(at(e, "pointer")))
			}
			if strings.Join(got, " ") != want {
				w.Errorf("%s: faults %v, want %s", fields, got, want)
			}
		}
		w.says(w.want(422, "POST", generatePath, `{}`), "errors/0/pointer", "/project_id")
		w.want(404, "POST", generatePath, `{"project_id":7}`)
	})
}

func TestJobsOverHTTP(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		project := w.project("p")
		w.project("other")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		id := w.want(202, "POST", generatePath, guideBody)["job_id"].(string)
		read := w.want(202, "POST", "/api/v1/documents/process", `{"project_id":1}`)
		w.says(read, "message", "Document processing started", "status", "submitted")

		list := w.want(200, "GET", jobsPath+"?per_page=1", "")
		w.says(list, "total", 2, "page", 1, "per_page", 1, "jobs/0/job_id", read["job_id"], "jobs/0/kind", "process", "jobs/0/project_id", project)
		next := w.want(200, "GET", jobsPath+"?per_page=1&cursor="+list["cursor"].(string), "")
		w.says(next, "jobs/0/job_id", id, "total", 2, "page", 0)
		for query, want := range map[string]int{
			"?status=pending": 2, "?status=running,failed": 0, "?kind=generate": 1, "?project_id=1": 2, "?project_id=" + project: 2, "?project_id=2": 0,
		} {
			w.says(w.want(200, "GET", jobsPath+query, ""), "total", want)
		}
		w.want(404, "GET", jobsPath+"?project_id=7", "")
		w.want(422, "GET", jobsPath+"?status=idle", "")
		w.says(w.want(422, "GET", jobsPath+"?page=10002&per_page=1", ""), "errors/0/parameter", "page")
		w.want(422, "GET", jobsPath+"?cursor=x", "")
		w.says(w.want(200, "GET", jobsPath, "", "Tenant", them), "total", 0, "jobs", "[]")

		a := w.call("GET", jobsPath+"/"+strings.ToUpper(id), "")
		if tag := a.header.Get("ETag"); a.status != 200 || w.call("GET", jobsPath+"/status/"+id, "", "If-None-Match", tag).status != 304 {
			w.Errorf("job: %v", a)
		}
		w.says(w.want(200, "GET", jobsPath+"/status/"+id, ""), "job_id", id, "status", "pending", "result", nil, "error", nil, "started_at", nil,
			"completed_at", nil, "retry_of", nil, "model", "extractive", "chunks/total", 0)
		for _, as := range []string{"nope", dataset.NewID(), "a%00b", "%2e%2e"} {
			w.want(404, "GET", jobsPath+"/status/"+as, "")
			w.want(404, "POST", jobsPath+"/"+as+"/cancel", "")
			w.want(404, "POST", jobsPath+"/"+as+"/retry", "")
			w.want(404, "GET", jobsPath+"/status/"+as+"/stream", "")
		}
		for _, path := range []string{"GET /status/" + id, "GET /" + id, "GET /status/" + id + "/poll", "GET /status/" + id + "/stream", "POST /cancel/" + id, "POST /" + id + "/retry"} {
			method, path, _ := strings.Cut(path, " ")
			w.want(404, method, jobsPath+path, "", "Tenant", them)
		}
		w.want(404, "GET", "/api/v1/documents/process/"+id+"/status", "")
		w.want(404, "GET", generatePath+"/"+read["job_id"].(string)+"/status", "")
		w.want(409, "POST", jobsPath+"/"+id+"/retry", "")

		w.says(w.want(200, "POST", jobsPath+"/cancel/"+id, ""), "message", "Job "+id+" cancelled", "status", "cancelled")
		w.want(200, "POST", jobsPath+"/"+id+"/cancel/", "{}")
		w.says(w.want(200, "GET", jobsPath+"/"+id, ""), "status", "cancelled", "error", nil)
		w.says(w.want(200, "GET", generatePath+"/"+id+"/status", ""), "status", "failed", "error", "the job was cancelled")
		w.says(w.want(200, "GET", jobsPath+"/queue/stats", ""), "pending_jobs", 1, "cancelled_jobs", 1, "running_jobs", 0, "total_jobs", 2)
		w.says(w.want(200, "GET", jobsPath+"/queue/stats", "", "Tenant", them), "total_jobs", 0)

		retry := w.want(202, "POST", jobsPath+"/restart/"+id, "")
		w.says(w.want(200, "GET", jobsPath+"/"+retry["job_id"].(string), ""), "retry_of", id, "status", "pending")
	})
}

func TestProcessFields(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		up := w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		const path = "/api/v1/documents/process"
		for fields, want := range map[string]string{
			`"chunk_strategy":"semantic"`:                                      "/chunk_strategy",
			`"chunk_strategy":"token","chunk_size":9000`:                       "/chunk_size",
			`"chunk_strategy":"token","chunk_size":10,"overlap":6`:             "/overlap",
			`"chunk_strategy":"delimiter"`:                                     "/delimiter",
			`"parser":"nope"`:                                                  "/parser",
			`"document_ids":["nope"]`:                                          "/document_ids",
			`"document_ids":[]`:                                                "/document_ids",
			`"colour":1`:                                                       "/colour",
			`"chunk_strategy":"token","chunk_size":512,"overlap":50`:           "",
			`"chunk_strategy":"character","chunk_size":20,"skip_parsing":true`: "",
			`"chunk_strategy":null,"parser":"gemini"`:                          "",
		} {
			if want == "" {
				w.want(202, "POST", path, `{"project_id":1,`+fields+`}`)
			} else {
				w.says(w.want(422, "POST", path, `{"project_id":1,`+fields+`}`), "errors/0/pointer", want)
			}
		}
		a := w.call("POST", path, `{"project_id":1,"document_ids":["`+at(up, "uploaded_files/0/id").(string)+`"]}`)
		w.says(w.want(200, "GET", a.header.Get("Location"), ""), "status", "pending", "processed_files", "[]", "total_files", 0, "error", nil)
		w.want(404, "GET", a.header.Get("Location"), "", "Tenant", them)
		w.says(w.want(200, "GET", "/api/v1/documents/upload/"+up["job_id"].(string)+"/status", ""), "status", "completed", "progress", 100,
			"processed_files/0/file_name", "a.md", "processed_files/0/status", "uploaded")
		w.want(404, "GET", "/api/v1/documents/upload/nope/status", "")
	})
}

// A poll ends when the status changes, and otherwise when its time is up.
func TestPoll(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		id := w.want(202, "POST", generatePath, guideBody)["job_id"].(string)
		path := jobsPath + "/status/" + id + "/poll"
		began := time.Now()
		w.says(w.want(200, "GET", path+"?timeout=300&current_status=running", ""), "status", "pending")
		if took := time.Since(began); took > 5*time.Second {
			w.Errorf("the status is another one, and the poll took %s", took)
		}
		began = time.Now()
		w.says(w.want(200, "GET", path+"?timeout=1", ""), "status", "pending")
		if took := time.Since(began); took < time.Second {
			w.Errorf("the poll took %s", took)
		}
		go func() {
			time.Sleep(300 * time.Millisecond)
			_, _ = w.config.Engine.Cancel(context.WithoutCancel(w.Context()), dataset.JobRef{Tenant: dataset.LocalTenant, ID: id}) // the poll says whether it did
		}()
		began = time.Now()
		w.says(w.want(200, "GET", path+"?timeout=25&current_status=pending", ""), "status", "cancelled")
		if took := time.Since(began); took > 10*time.Second {
			w.Errorf("the poll took %s", took)
		}
		for _, query := range []string{"?timeout=0", "?timeout=301", "?current_status=x"} {
			w.want(422, "GET", path+query, "")
		}
	})
}
