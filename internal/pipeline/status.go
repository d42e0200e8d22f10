package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"compileo/internal/dataset"
)

// Progress is how far a job is, counted from what is stored.
type Progress struct {
	Job      *dataset.Job
	Revision string        // changes whenever anything here does but Ends
	Read     int           // documents, of Job.Waiting
	Answered int           // chunks
	Total    int           // chunks; 0 before the plan
	Tally    dataset.Tally // of the units scored
	Percent  int           // 0 to 100; never falls
	Step     string        // for people: "Processing chunk 45 of 100"
	Ends     time.Time     // estimated from the rate so far; zero when there is none yet
}

// Progress reports how far a job is; NotFound.
func (e *Engine) Progress(ctx context.Context, ref dataset.JobRef) (*Progress, error) {
	j, version, err := e.job(ctx, ref.String())
	if err != nil {
		return nil, err
	}
	p := &Progress{Job: j, Total: j.Plan.Tasks, Step: stepText(j)}
	var worked time.Duration
	switch {
	case p.reading():
		worked, err = e.countRead(ctx, p)
	case j.Plan.Lanes > 0:
		worked, err = e.countAnswered(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	p.estimate(worked)
	p.Revision = fmt.Sprintf("%d-%d-%d-%d", version, p.Read, p.Answered, p.Tally.Tasks)
	return p, nil
}

// reading reports whether reading documents is all that the job has done so far.
func (p *Progress) reading() bool { return p.Job.Waiting > 0 && p.Total == 0 }

// pauseCounts is how long a pause between two documents counts as work: in a longer one the system was down.
const pauseCounts = 5 * time.Minute

// countRead counts the documents that were read, and how long that took.
func (e *Engine) countRead(ctx context.Context, p *Progress) (time.Duration, error) {
	times := []time.Time{p.Job.Stepped}
	for r, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: dataset.JobPK(p.Job.Ref), From: "read#", To: "read$"}) {
		if err != nil {
			return 0, err
		}
		b, err := dataset.Decode[dataset.BatchRead](r)
		if err != nil {
			return 0, err
		}
		p.Read += b.Done
		times = append(times, b.At)
	}
	times = append(times, time.Now())
	slices.SortFunc(times, time.Time.Compare)
	worked := time.Duration(0)
	for i := range times[1:] {
		worked += min(times[i+1].Sub(times[i]), pauseCounts)
	}
	return worked, nil
}

// countAnswered adds up the lanes: the chunks of units behind them, and of those at hand. It returns how long the
// job has worked on them.
func (e *Engine) countAnswered(ctx context.Context, p *Progress) (time.Duration, error) {
	lanes, err := e.lanes(ctx, p.Job.Ref)
	if err != nil {
		return 0, err
	}
	idle := time.Duration(0)
	for _, l := range lanes {
		p.Tally.Add(l.Tally)
		for i := range l.Next {
			first, end := p.Job.Plan.TasksOf(p.Job.Plan.Unit(l.Index, i))
			p.Answered += end - first
		}
		p.Answered += l.Answered
		idle = max(idle, l.Idle)
	}
	p.Answered = min(p.Answered, p.Total)
	return time.Since(p.Job.Stepped) - idle, nil
}

// How much of the way, in percent, reading documents is, when there are any to read, and the steps after the chunks.
const (
	readShare = 20
	tailShare = 5
)

// estimate fills in Percent and Ends, and says how many things are done. worked is how long they took.
func (p *Progress) estimate(worked time.Duration) {
	j := p.Job
	before := tailShare
	switch {
	case j.Kind == dataset.ProcessJob:
		before = 100 - tailShare
	case j.Waiting > 0:
		before = readShare
	}
	switch {
	case j.Status == dataset.Completed:
		p.Percent = 100
	case j.Step == "Curate" || j.Step == "Assemble" || j.Step == "Publish":
		p.Percent = 100 - tailShare
	case p.reading():
		p.Percent = before * p.Read / j.Waiting
		if !j.Status.Over() && j.Step == "Ingest" {
			p.Step = fmt.Sprintf("Reading document %d of %d", min(p.Read+1, j.Waiting), j.Waiting)
		}
		if j.Kind == dataset.ProcessJob { // how many chunks there will be is not known
			p.ends(worked, p.Read, j.Waiting-p.Read)
		}
	case p.Total > 0:
		p.Percent = before + (100-tailShare-before)*p.Answered/p.Total
		if !j.Status.Over() && j.Status != dataset.Stopping {
			p.Step = fmt.Sprintf("Processing chunk %d of %d", min(p.Answered+1, p.Total), p.Total)
		}
		// Kept replies come at once, and first: they say nothing about the pace of the others.
		p.ends(worked, p.Answered-p.Tally.Usage.Reused, p.Total-p.Answered)
	}
}

// ends estimates when what is left will be done at the pace of what is done.
func (p *Progress) ends(worked time.Duration, done, left int) {
	if p.Job.Status.Over() || done <= 0 || left <= 0 || worked <= 0 {
		return
	}
	p.Ends = time.Now().Add(time.Duration(float64(worked) * float64(left) / float64(done)))
}

// stepText says where a job stands for people.
func stepText(j *dataset.Job) string {
	switch {
	case j.Status == dataset.Pending:
		return "Waiting to start"
	case j.Status.Over():
		return "Job " + string(j.Status)
	case j.Status == dataset.Stopping && j.Step == "Plan":
		return "Stopping: " + j.Stop.Detail
	}
	switch j.Step {
	case "Prepare", "Ingest":
		return "Reading documents"
	case "Plan":
		return "Planning"
	case "Curate":
		return "Removing duplicates and choosing entries"
	case "Assemble":
		return "Writing the dataset"
	case "Publish":
		if j.Kind == dataset.ProcessJob {
			return "Finishing"
		}
		return "Writing the dataset"
	}
	return "Starting"
}

// Pauses of Watch between two looks at a job.
const (
	firstLook = 200 * time.Millisecond
	lastLook  = 2 * time.Second
)

// Watch waits until a job's progress is of another revision than since, or the job is over, for at most so long, and
// returns it; NotFound. With an empty since it does not wait.
func (e *Engine) Watch(ctx context.Context, ref dataset.JobRef, since string, atMost time.Duration) (*Progress, error) {
	end := time.Now().Add(atMost)
	for look := firstLook; ; look = min(look*3/2, lastLook) {
		p, err := e.Progress(ctx, ref)
		left := time.Until(end)
		if err != nil || p.Revision != since || p.Job.Status.Over() || left <= 0 {
			return p, err
		}
		if err := dataset.Pause(ctx, min(look, left)); err != nil {
			return nil, err
		}
	}
}
