package pipeline

import (
	"context"
	"sync"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// Planned is the output of Plan: the lanes.
type Planned struct {
	Lanes []PlannedLane `json:"lanes"`
}

// PlannedLane is what the workflow needs to know of a lane to send its message, the tenant so that tenants take turns.
type PlannedLane struct {
	Lane   int            `json:"lane"`
	Tenant dataset.Tenant `json:"tenant"`
}

// Plan pins what the job does: which chunks, in which order, in units on lanes. It writes the plan once and
// creates the lane records; later changes to the documents change nothing.
func (e *Engine) Plan(ctx context.Context, in JobInput) (Planned, error) {
	j, err := e.enter(ctx, in.Job, "Plan")
	if err != nil {
		return Planned{}, err
	}
	plan, err := e.plan(ctx, j.Ref)
	if dataset.Is(err, dataset.NotFound) {
		plan, err = e.newPlan(ctx, j)
	}
	if err != nil {
		return Planned{}, err
	}
	if err := e.createLanes(ctx, j, plan.PlanCounts); err != nil {
		return Planned{}, err
	}
	_, err = e.change(ctx, j.Ref, func(j *dataset.Job) (bool, error) {
		changed := j.Plan != plan.PlanCounts && !j.Status.Over()
		j.Plan = plan.PlanCounts
		return changed, nil
	}, nil)
	out := Planned{Lanes: make([]PlannedLane, plan.Lanes)}
	for i := range out.Lanes {
		out.Lanes[i] = PlannedLane{Lane: i, Tenant: j.Ref.Tenant}
	}
	return out, err
}

// plan reads the job's plan, which nobody may change; NotFound before Plan has written it.
func (e *Engine) plan(ctx context.Context, ref dataset.JobRef) (*dataset.Plan, error) {
	if p := e.plans.get(ref); p != nil {
		return p, nil
	}
	p, err := dataset.ReadJSON[dataset.Plan](ctx, e.Blobs, dataset.JobKey(ref, "plan"))
	if err == nil {
		e.plans.set(ref, p)
	}
	return p, err
}

// lastPlan remembers the plan that was read last: every message about a lane needs it, and that of a job of many
// documents is large. A plan is written once, so what is remembered is what is stored.
type lastPlan struct {
	mu   sync.Mutex
	ref  dataset.JobRef
	plan *dataset.Plan
}

func (l *lastPlan) get(ref dataset.JobRef) *dataset.Plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ref != ref {
		return nil
	}
	return l.plan
}

func (l *lastPlan) set(ref dataset.JobRef, p *dataset.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ref, l.plan = ref, p
}

func (e *Engine) newPlan(ctx context.Context, j *dataset.Job) (*dataset.Plan, error) {
	sets, err := e.sets(ctx, j)
	if err != nil {
		return nil, err
	}
	plan := dataset.NewPlan(sets, j.Settings.Concurrency)
	if plan.Tasks > dataset.MaxTasks {
		return nil, dataset.Errorf(dataset.Invalid, "the job has %d chunks, want at most %d", plan.Tasks, dataset.MaxTasks)
	}
	if n := plan.Tasks * j.Settings.PerChunk; n > dataset.MaxCandidates {
		return nil, dataset.Errorf(dataset.Invalid, "the job may make %d entries, want at most %d: lower datasets_per_chunk", n, dataset.MaxCandidates)
	}
	return dataset.PinJSON(ctx, e.Blobs, dataset.JobKey(j.Ref, "plan"), &plan)
}

// sets are the chunk sets that the job works on.
func (e *Engine) sets(ctx context.Context, j *dataset.Job) ([]dataset.PlanSet, error) {
	old, err := e.retried(ctx, j)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return e.present(ctx, old.Sets)
	}
	docs, err := e.documents(ctx, j)
	if err != nil {
		return nil, err
	}
	var sets []dataset.PlanSet
	for _, d := range docs {
		if set, ok := d.Set(chunkingOf(j)); ok && set.Count > 0 {
			sets = append(sets, dataset.PlanSet{ChunkSet: set, Document: d.ID, Name: d.Name})
		}
	}
	return sets, nil
}

// createLanes writes all lane records in one transaction, so they are all there or none is.
func (e *Engine) createLanes(ctx context.Context, j *dataset.Job, p dataset.PlanCounts) error {
	if p.Lanes == 0 {
		return nil
	}
	now := j.Stepped
	writes := make([]dataset.Write, p.Lanes)
	for i := range writes {
		l := dataset.Lane{Job: j.Ref, Index: i, End: p.UnitsOf(i), HintAt: now, Moved: now}
		w, err := dataset.NewRecord(dataset.JobPK(j.Ref), dataset.LaneSK(i), l, dataset.Absent)
		if err != nil {
			return err
		}
		writes[i] = w
	}
	err := e.Table.Write(ctx, writes...)
	if dataset.Is(err, dataset.Conflict) {
		return nil // an earlier try wrote them
	}
	return err
}

// lane reads a lane's record.
func (e *Engine) lane(ctx context.Context, ref dataset.JobRef, lane int) (*dataset.Lane, error) {
	l, _, err := dataset.Load[dataset.Lane](ctx, e.Table, dataset.JobPK(ref), dataset.LaneSK(lane))
	return l, err
}

// updateLane changes a lane's record as update does.
func (e *Engine) updateLane(ctx context.Context, ref dataset.JobRef, lane int, change func(*dataset.Lane) (bool, error)) (*dataset.Lane, error) {
	return dataset.Update(ctx, e.Table, dataset.JobPK(ref), dataset.LaneSK(lane), change)
}

// lanes reads all lane records of a job.
func (e *Engine) lanes(ctx context.Context, ref dataset.JobRef) ([]*dataset.Lane, error) {
	var lanes []*dataset.Lane
	for r, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: dataset.JobPK(ref), From: "lane#", To: "lane$"}) {
		if err != nil {
			return nil, err
		}
		l, err := dataset.Decode[dataset.Lane](r)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	return lanes, nil
}

// task is one chunk of a plan, with what its entries say about where they come from.
type task struct {
	Number int    // in the plan
	Name   string // of the document
	Chunk  dataset.Chunk
}

// tasks reads the chunks of one unit of the plan.
func (e *Engine) tasks(ctx context.Context, plan *dataset.Plan, unit int) ([]task, error) {
	first, end := plan.TasksOf(unit)
	var list []task
	for i := setOf(plan.Sets, first); i < len(plan.Sets) && plan.Sets[i].First < end; i++ {
		s := plan.Sets[i]
		from, to := max(first-s.First, 0), min(end-s.First, s.Count)
		chunks, err := document.ReadSet(ctx, e.Blobs, s.ChunkSet, from, to)
		if err != nil {
			return nil, err
		}
		for k, c := range chunks {
			list = append(list, task{Number: s.First + from + k, Name: s.Name, Chunk: c})
		}
	}
	if len(list) != end-first {
		return nil, dataset.Errorf(dataset.Internal, "unit %d has %d chunks, want %d", unit, len(list), end-first)
	}
	return list, nil
}

// setOf finds the set that holds a task.
func setOf(sets []dataset.PlanSet, number int) int {
	lo, hi := 0, len(sets) // sets[lo].First ≤ number < sets[hi].First
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; sets[mid].First <= number {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}
