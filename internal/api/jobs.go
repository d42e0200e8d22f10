package api

import (
	"context"
	"fmt"
	"net/http"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/rest"
)

// JobList is a page of jobs.
type JobList struct {
	Jobs []*Job `json:"jobs" doc:"Jobs, the newest first."`
	Paged
}

// Started is the answer to a request that started a job.
type Started struct {
	ID       string   `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Message  string   `json:"message" doc:"What was begun." example:"Dataset generation started"`
	Warnings []string `json:"warnings" doc:"What its owner should know, such as which model a name stands for here."`
}

type started struct {
	Location   string `header:"Location" doc:"Path of the job's state." example:"/api/v1/jobs/550e8400-e29b-41d4-a716-446655440000"`
	RetryAfter int    `header:"Retry-After" doc:"Seconds after which to ask for it." example:"2"`
	Body       Started
}

// lookAfter is after how many seconds a client should look at a job that it started.
const lookAfter = 2

// Cancelled is the answer to who cancels a job.
type Cancelled struct {
	ID      string `json:"job_id" doc:"UUID of the job." example:"550e8400-e29b-41d4-a716-446655440000"`
	Status  string `json:"status" doc:"Its status now." enum:"cancelled" example:"cancelled"`
	Message string `json:"message" doc:"What was done." example:"Job 550e8400-e29b-41d4-a716-446655440000 cancelled"`
}

// QueueStats counts the jobs by status.
type QueueStats struct {
	Pending   int `json:"pending_jobs" doc:"Jobs that wait to start." example:"1"`
	Running   int `json:"running_jobs" doc:"Jobs at work." example:"2"`
	Completed int `json:"completed_jobs" doc:"Jobs that were completed." example:"40"`
	Failed    int `json:"failed_jobs" doc:"Jobs that failed." example:"1"`
	Cancelled int `json:"cancelled_jobs" doc:"Jobs that were cancelled." example:"0"`
	Total     int `json:"total_jobs" doc:"All of them." example:"44"`
}

// byJob is a path that names a job.
type byJob struct {
	Job string `path:"job_id" doc:"UUID of the job." maxLength:"100" example:"550e8400-e29b-41d4-a716-446655440000"`
}

type oneJob struct {
	ETag string `header:"ETag" doc:"Names this state of the job." example:"W/\"7-0-45-44\""`
	Body *Job
}

func jobs(t *rest.Table, c Config) {
	e := c.Engine

	rest.Add(t, rest.Op{ID: "listJobs", Method: http.MethodGet, Path: base + "/jobs", Tag: "jobs", Summary: "List jobs, the newest first"}, func(ctx context.Context, in *struct {
		paging
		Status  []string   `query:"status" doc:"Only jobs with one of these statuses." enum:"pending,running,completed,failed,cancelled" maxItems:"5"`
		Kind    string     `query:"kind" doc:"Only jobs of this kind." enum:"generate,process"`
		Project *ProjectID `query:"project_id" doc:"Only jobs of this project." example:"1"`
	},
	) (*struct{ Body JobList }, error) {
		q := pipeline.JobsQuery{Kind: dataset.JobKind(in.Kind), Page: in.Page, PerPage: in.PerPage, Cursor: in.Cursor}
		for _, s := range in.Status {
			if q.Status = append(q.Status, dataset.JobStatus(s)); s == string(dataset.Running) {
				q.Status = append(q.Status, dataset.Stopping)
			}
		}
		if in.Project != nil {
			p, err := c.Library.Project(ctx, tenantOf(ctx), string(*in.Project))
			if err != nil {
				return nil, err
			}
			q.Project = p.ID
		}
		page, err := e.Jobs(ctx, tenantOf(ctx), q)
		if err != nil {
			return nil, err
		}
		out := &struct{ Body JobList }{}
		out.Body.Jobs = make([]*Job, len(page.Jobs))
		for i, p := range page.Jobs {
			out.Body.Jobs[i] = showJob(p)
		}
		out.Body.Paged = Paged{Total: page.Total, AtLeast: page.AtLeast, Page: in.Page, PerPage: in.PerPage, Cursor: page.Cursor}
		if in.Cursor != "" {
			out.Body.Page = 0
		}
		return out, nil
	})

	rest.Add(t, rest.Op{
		ID: "getJob", Method: http.MethodGet, Path: base + "/jobs/{job_id}", Also: []string{base + "/jobs/status/{job_id}"}, Tag: "jobs", Summary: "One job",
	}, func(ctx context.Context, in *byJob) (*oneJob, error) {
		p, err := progressOf(ctx, e, in.Job, "")
		if err != nil {
			return nil, err
		}
		return &oneJob{tagOf(p), showJob(p)}, nil
	})

	rest.Add(t, rest.Op{
		ID: "cancelJob", Method: http.MethodPost, Path: base + "/jobs/{job_id}/cancel", Also: []string{base + "/jobs/cancel/{job_id}"}, Tag: "jobs",
		Summary: "Cancel a job", Description: "It begins no further call of a model; calls under way are broken off. Cancelling a cancelled job again is a success; one that ended otherwise is a conflict.",
	}, func(ctx context.Context, in *byJob) (*struct{ Body Cancelled }, error) {
		ref, err := jobOf(ctx, in.Job)
		if err != nil {
			return nil, err
		}
		j, err := e.Cancel(ctx, ref)
		switch {
		case dataset.Is(err, dataset.NotFound):
			return nil, noJob(in.Job)
		case err != nil:
			return nil, err
		case j.Status != dataset.Cancelled:
			return nil, dataset.Errorf(dataset.Conflict, "job %s is %s: it cannot be cancelled any more", ref.ID, j.Status)
		}
		return &struct{ Body Cancelled }{Cancelled{ref.ID, statusWord(j.Status), fmt.Sprintf("Job %s cancelled", ref.ID)}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "retryJob", Method: http.MethodPost, Path: base + "/jobs/{job_id}/retry", Also: []string{base + "/jobs/restart/{job_id}"}, Tag: "jobs", Status: http.StatusAccepted,
		Summary: "Do again what failed of a job", Description: "Starts a new job over the same plan: replies that were good are kept, so only what failed is asked and paid again. The result goes to the same dataset. A conflict when the job is not over, or nothing of it failed.",
	}, func(ctx context.Context, in *byJob) (*started, error) {
		of, err := jobOf(ctx, in.Job)
		if err != nil {
			return nil, err
		}
		as, shared := newJob(ctx, "retry")
		j, err := e.Retry(ctx, of, as, shared)
		if dataset.Is(err, dataset.NotFound) {
			return nil, noJob(in.Job)
		}
		if err != nil {
			return nil, err
		}
		return &started{base + "/jobs/" + j.Ref.ID, lookAfter, Started{j.Ref.ID, "Job started again", j.Warnings}}, nil
	})

	rest.Add(t, rest.Op{
		ID: "queueStats", Method: http.MethodGet, Path: base + "/jobs/queue/stats", Tag: "jobs", Summary: "How many jobs there are of each status",
	}, func(ctx context.Context, _ *struct{}) (*struct{ Body QueueStats }, error) {
		n, err := e.JobCounts(ctx, tenantOf(ctx))
		if err != nil {
			return nil, err
		}
		return &struct{ Body QueueStats }{QueueStats{
			n[dataset.Pending], n[dataset.Running] + n[dataset.Stopping], n[dataset.Completed], n[dataset.Failed], n[dataset.Cancelled], n.Total(),
		}}, nil
	})
}
