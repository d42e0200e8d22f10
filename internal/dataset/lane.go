package dataset

import "time"

// Lane is the record of one lane of a job: a share of its units and of its calls in flight. The record is
// the truth, messages about it are hints. Units count within the lane: unit i of lane l is unit i·lanes+l
// of the plan, so 0 ≤ Scored ≤ Next ≤ End, and the lane is done when Scored = End.
type Lane struct {
	Job      JobRef        `json:"job"`
	Index    int           `json:"index"`
	Next     int           `json:"next"`   // unit to generate next
	Scored   int           `json:"scored"` // unit to score next
	End      int           `json:"end"`    // past the last unit; less than planned if the job was stopped
	Token    string        `json:"token,omitempty"`
	Attempt  int           `json:"attempt"` // of the Map, that Token belongs to; from 1, 0: no token seen yet
	Called   int           `json:"called"`  // highest attempt answered
	Lease    Lease         `json:"lease,omitzero"`
	Claims   int           `json:"claims"`             // ever: a lease that was released and a lease never taken are not the same
	Attempts int           `json:"attempts"`           // claims since the last progress, but for those that were released
	Seen     int           `json:"seen"`               // kept replies of units Next and Next+1 as counted for the last claim
	Waits    int           `json:"waits"`              // slices ended by a model that asked to wait, since the last progress
	Suspect  *Suspect      `json:"suspect,omitempty"`  // the call made alone, as earlier holders died
	Poisoned []int         `json:"poisoned,omitempty"` // tasks of unit Next given up because they killed their workers
	Answered int           `json:"answered"`           // tasks of units Next and Next+1 answered, for progress
	HintAt   time.Time     `json:"hint_at,omitzero"`   // when the last hint was, or will be, visible
	Nudges   int           `json:"nudges"`             // hints sent by the sweeper since the last claim
	Moved    time.Time     `json:"moved,omitzero"`     // last progress
	Held     time.Time     `json:"held,omitzero"`      // a worker last held the lane
	Idle     time.Duration `json:"idle,omitempty"`     // while the whole system was down
	Tally    Tally         `json:"tally"`              // of the units scored
}

// Lease is a worker's exclusive right to make a lane's calls, until its deadline.
type Lease struct {
	Holder string    `json:"holder,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// Suspect is a call that is made alone, noted before it begins, and how many holders died during it.
type Suspect struct {
	Task   int  `json:"task"` // of the plan
	Deaths int  `json:"deaths"`
	Asked  bool `json:"asked,omitempty"` // the call is under way, or its holder died
}

// Live reports whether somebody holds the lease at the given time.
func (l Lease) Live(now time.Time) bool { return l.Holder != "" && now.Before(l.Until) }

// Tally sums up scored units.
type Tally struct {
	Tasks       int   `json:"tasks"`
	WithEntries int   `json:"with_entries"`
	Empty       int   `json:"empty"`
	Failed      int   `json:"failed"`
	Entries     int   `json:"entries"` // candidates
	Usage       Usage `json:"usage"`
}

// Count adds n chunks of one outcome.
func (t *Tally) Count(o Outcome, n int) {
	t.Tasks += n
	switch o {
	case WithEntries:
		t.WithEntries += n
	case Empty:
		t.Empty += n
	default:
		t.Failed += n
	}
}

// Add adds v to t.
func (t *Tally) Add(v Tally) {
	t.Tasks += v.Tasks
	t.WithEntries += v.WithEntries
	t.Empty += v.Empty
	t.Failed += v.Failed
	t.Entries += v.Entries
	t.Usage.Add(v.Usage)
}

// Plan is what a job does, pinned: the chunk sets in order, numbered through as tasks, cut into units of
// UnitSize tasks that are dealt out to Lanes lanes.
type Plan struct {
	PlanCounts
	Sets []PlanSet `json:"sets"`
}

// PlanSet is a document's chunk set in a plan. Its chunks are tasks First to First+Count-1.
type PlanSet struct {
	ChunkSet
	Document string `json:"document"`
	Name     string `json:"name"`
	First    int    `json:"first"`
}

// NewPlan cuts tasks of the given sets for concurrency calls in flight: min(40, ⌈concurrency/8⌉, tasks) lanes,
// units of clamp(⌈tasks/(4·lanes)⌉, 1, 50) tasks. It numbers the sets.
func NewPlan(sets []PlanSet, concurrency int) Plan {
	p := Plan{Sets: sets}
	for i := range sets {
		sets[i].First = p.Tasks
		p.Tasks += sets[i].Count
	}
	if p.Tasks == 0 {
		return p
	}
	p.Lanes = min(MaxLanes, ceil(concurrency, 8), p.Tasks)
	p.UnitSize = min(max(ceil(p.Tasks, 4*p.Lanes), 1), MaxUnit)
	p.Units = ceil(p.Tasks, p.UnitSize)
	p.Lanes = min(p.Lanes, p.Units)
	return p
}

// UnitsOf returns how many units lane has.
func (p PlanCounts) UnitsOf(lane int) int { return (p.Units - lane + p.Lanes - 1) / p.Lanes }

// Unit returns the plan's number of the lane's unit i.
func (p PlanCounts) Unit(lane, i int) int { return i*p.Lanes + lane }

// TasksOf returns the tasks of a unit of the plan: from first to, not including, end.
func (p PlanCounts) TasksOf(unit int) (first, end int) {
	return unit * p.UnitSize, min((unit+1)*p.UnitSize, p.Tasks)
}

// Share returns how many of the job's calls in flight belong to lane. Shares add up to concurrency, but
// for the calls of a job with fewer lanes than calls: a lane has at least one.
func (p PlanCounts) Share(lane, concurrency int) int {
	n := concurrency / p.Lanes
	if lane < concurrency%p.Lanes {
		n++
	}
	return max(n, 1)
}

func ceil(a, b int) int { return (a + b - 1) / b }
