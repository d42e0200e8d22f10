package pipeline

import (
	"context"
	"fmt"
	"time"

	"compileo/internal/dataset"
)

// Progress is how far a job is, counted from what is stored.
type Progress struct {
	Job      *dataset.Job
	Answered int           // chunks
	Total    int           // chunks; 0 before the plan
	Tally    dataset.Tally // of the units scored
	Percent  int           // 0 to 100; never falls
	Step     string        // for people: "Processing chunk 45 of 100"
	Ends     time.Time     // estimated from the rate so far; zero when there is none yet
}

// Progress reports how far a job is; NotFound.
func (e *Engine) Progress(ctx context.Context, ref dataset.JobRef) (*Progress, error) {
	j, err := e.Job(ctx, ref)
	if err != nil {
		return nil, err
	}
	p := &Progress{Job: j, Total: j.Plan.Tasks, Step: stepText(j)}
	if j.Plan.Lanes > 0 {
		lanes, err := e.lanes(ctx, ref)
		if err != nil {
			return nil, err
		}
		p.count(lanes)
	}
	p.estimate(time.Now())
	return p, nil
}

// count adds up the lanes: the chunks of units behind them, and of those at hand.
func (p *Progress) count(lanes []*dataset.Lane) {
	plan := p.Job.Plan
	for _, l := range lanes {
		p.Tally.Add(l.Tally)
		for i := range l.Next {
			first, end := plan.TasksOf(plan.Unit(l.Index, i))
			p.Answered += end - first
		}
		p.Answered += l.Answered
	}
	p.Answered = min(p.Answered, p.Total)
}

// estimate fills in Percent and Ends. The steps around the lanes are a tenth of the way.
func (p *Progress) estimate(now time.Time) {
	j := p.Job
	switch {
	case j.Status == dataset.Completed:
		p.Percent = 100
		return
	case j.Step == "Curate" || j.Step == "Assemble" || j.Step == "Publish":
		p.Percent = 95
		return
	case p.Total == 0:
		return
	}
	p.Percent = 5 + 90*p.Answered/p.Total
	if !j.Status.Over() && p.Answered > 0 && p.Answered < p.Total {
		took := now.Sub(j.Stepped)
		p.Ends = now.Add(time.Duration(float64(took) * float64(p.Total-p.Answered) / float64(p.Answered)))
	}
	if j.Step == "Plan" && p.Total > 0 {
		p.Step = fmt.Sprintf("Processing chunk %d of %d", min(p.Answered+1, p.Total), p.Total)
	}
}

// stepText says where a job stands for people.
func stepText(j *dataset.Job) string {
	switch {
	case j.Status == dataset.Pending:
		return "Waiting to start"
	case j.Status.Over():
		return "Job " + string(j.Status)
	}
	switch j.Step {
	case "Prepare", "Ingest":
		return "Reading documents"
	case "Plan":
		return "Planning"
	case "Curate":
		return "Removing duplicates and choosing entries"
	case "Assemble", "Publish":
		return "Writing the dataset"
	}
	return "Starting"
}
