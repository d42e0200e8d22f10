package pipeline

import (
	"context"
	"fmt"

	"compileo/internal/dataset"
	"compileo/internal/quality"
)

// curation is what Curate decided, but for the single entries, which are in the decisions of each part.
type curation struct {
	Parts    []int               `json:"parts"`
	Entries  int                 `json:"entries"`
	Chunks   dataset.ChunkReport `json:"chunks"`
	Rejected map[string]int      `json:"rejected"`
	Usage    dataset.Usage       `json:"usage"`
}

// decisions says what becomes of the entries of the units of one part. Codes hold one number an entry: 0 is kept,
// n is rejected for Reasons[n-1]. Kept entries are numbered on from First. Of holds, for those rejected as
// duplicates, in order, the number of the entry that is kept instead.
type decisions struct {
	First   int            `json:"first"`
	Reasons []string       `json:"reasons"`
	Units   []unitDecision `json:"units"`
	Of      []int          `json:"of"`
}

type unitDecision struct {
	Unit  int   `json:"unit"`
	Codes []int `json:"codes"`
}

// The reasons for which Curate rejects an entry that passed its gates.
const (
	belowThreshold = "below_threshold"
	duplicate      = "duplicate"
)

// Curated is the output of Curate: the numbers of the parts to assemble.
type Curated struct {
	Parts []int `json:"parts"`
}

// Curate sees the whole job: it drops what is below the threshold and what repeats a better entry, numbers the
// rest, and cuts it into parts. It reads summaries, not texts, and writes decisions, not entries. All it reads
// is immutable by now, so a repeated run decides the same.
func (e *Engine) Curate(ctx context.Context, in JobInput) (Curated, error) {
	j, err := e.enter(ctx, in.Job, "Curate")
	if err != nil {
		return Curated{}, err
	}
	c, err := dataset.ReadJSON[curation](ctx, e.Blobs, dataset.JobKey(j.Ref, "curation", "summary"))
	if err == nil || !dataset.Is(err, dataset.NotFound) {
		return Curated{Parts: append([]int{}, curatedParts(c)...)}, err
	}
	run, err := e.gather(ctx, j)
	if err != nil {
		return Curated{}, err
	}
	run.decide(j.Settings)
	parts := run.parts()
	for i, p := range parts {
		if _, err := dataset.PinJSON(ctx, e.Blobs, decisionsKey(j.Ref, i), &p); err != nil {
			return Curated{}, err
		}
	}
	run.report.Parts = upTo(len(parts))
	c, err = dataset.PinJSON(ctx, e.Blobs, dataset.JobKey(j.Ref, "curation", "summary"), &run.report)
	return Curated{Parts: curatedParts(c)}, err
}

func curatedParts(c *curation) []int {
	if c == nil {
		return nil
	}
	return c.Parts
}

func decisionsKey(r dataset.JobRef, part int) string {
	return dataset.JobKey(r, "curation", fmt.Sprintf("part-%05d", part))
}

// curating is one run of Curate: every candidate in the order of the plan.
type curating struct {
	report curation
	units  []unitEntries
	items  []quality.Item
	faults []uint8 // for each item: 0, or 1 + the number of its fault in reasons
	reject []int   // for each item: 0 is kept, n is rejected for reasons[n-1]
	of     []int   // for each item: the item it duplicates, or -1
	names  []string
}

// unitEntries is how many candidates a unit has.
type unitEntries struct{ unit, entries int }

// gather reads the summaries of all units that were scored, several ahead, in the order of the plan.
func (e *Engine) gather(ctx context.Context, j *dataset.Job) (*curating, error) {
	plan, err := e.plan(ctx, j.Ref)
	if err != nil {
		return nil, err
	}
	lanes, err := e.lanes(ctx, j.Ref)
	if err != nil {
		return nil, err
	}
	if len(lanes) != plan.Lanes {
		return nil, dataset.Errorf(dataset.Internal, "job has %d lane records, want %d", len(lanes), plan.Lanes)
	}
	run := &curating{report: curation{
		Rejected: map[string]int{}, Chunks: dataset.ChunkReport{Total: plan.Tasks, Reasons: map[string]int{}},
	}}
	var units []int
	never := 0 // chunks of units that a stopped job did not begin
	for u := range plan.Units {
		if u/plan.Lanes < lanes[u%plan.Lanes].End {
			units = append(units, u)
			continue
		}
		first, end := plan.TasksOf(u)
		never += end - first
	}
	err = inOrder(ctx, len(units), func(ctx context.Context, i int) (*unitSummary, error) {
		return e.summary(ctx, dataset.ScoredKey(j.Ref, units[i]))
	}, func(_ int, s *unitSummary) error {
		run.add(s)
		return nil
	})
	if never > 0 {
		run.add(&unitSummary{Chunks: map[string]int{string(dataset.FailedChunk) + ": " + jobStopped: never}, Skipped: never})
	}
	return run, err
}

// summaryRead is how much of a scored unit is read at first; it holds the summary of most.
const summaryRead = 128 << 10

// summary reads the summary of a scored unit.
func (e *Engine) summary(ctx context.Context, key string) (*unitSummary, error) {
	b, err := e.Blobs.Range(ctx, key, 0, summaryRead)
	if err != nil {
		return nil, err
	}
	n, err := summaryLength(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if n > len(b)-scoredHeader {
		rest, err := e.Blobs.Range(ctx, key, int64(len(b)), int64(n-(len(b)-scoredHeader)))
		if err != nil {
			return nil, err
		}
		b = append(b, rest...)
	}
	s, err := decodeSummary(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return s, nil
}

// add takes a unit in.
func (c *curating) add(s *unitSummary) {
	r := &c.report
	for key, n := range s.Chunks {
		outcome := outcomeOf(key)
		switch outcome {
		case dataset.WithEntries:
			r.Chunks.WithEntries += n
			continue
		case dataset.Empty:
			r.Chunks.Empty += n
		default:
			r.Chunks.Failed += n
		}
		if _, ok := r.Chunks.Reasons[key]; !ok && len(r.Chunks.Reasons) >= maxReasons {
			key = string(outcome) + ": other reasons"
		}
		r.Chunks.Reasons[key] += n
	}
	r.Chunks.Skipped += s.Skipped
	for fault, n := range s.Faults {
		r.Rejected[fault] += n
	}
	r.Usage.Add(s.Usage)
	c.units = append(c.units, unitEntries{s.Unit, len(s.Entries)})
	for _, entry := range s.Entries {
		c.items = append(c.items, quality.Item{Score: entry.Score, Shingles: entry.Shingles})
		c.faults = append(c.faults, uint8(c.reason(entry.Fault)))
	}
}

// maxReasons bounds the reasons that a report lists apart.
const maxReasons = 50

// reason numbers a reason from 1; 0 is none.
func (c *curating) reason(name string) int {
	if name == "" {
		return 0
	}
	for i, known := range c.names {
		if known == name {
			return i + 1
		}
	}
	c.names = append(c.names, name)
	return len(c.names)
}

// decide rejects what is below the threshold and then, of what is left, what repeats a better entry. Nothing is
// left out of a job that does not analyse quality.
func (c *curating) decide(s dataset.Settings) {
	c.reject = make([]int, len(c.items))
	if !s.AnalyzeQuality {
		c.report.Entries = len(c.items)
		return
	}
	var left []int
	for i, item := range c.items {
		switch {
		case item.Score >= s.Threshold:
			left = append(left, i)
		case c.faults[i] > 0:
			c.reject[i] = int(c.faults[i])
		default:
			c.reject[i] = c.reason(belowThreshold)
		}
	}
	passed := make([]quality.Item, len(left))
	for i, k := range left {
		passed[i] = c.items[k]
	}
	c.of = make([]int, len(c.items))
	for i, of := range quality.Duplicates(passed) {
		if of >= 0 {
			c.reject[left[i]], c.of[left[i]] = c.reason(duplicate), left[of]
		}
	}
	for _, code := range c.reject {
		if code == 0 {
			c.report.Entries++
		} else {
			c.report.Rejected[c.names[code-1]]++
		}
	}
}

// maxPartCandidates bounds what one part has to read: entries that are kept and those that are not.
const maxPartCandidates = 4 * dataset.MaxPart

// parts cuts the units into parts of at most MaxPart entries, at borders of units.
func (c *curating) parts() []decisions {
	numbers := make([]int, len(c.items)) // of kept entries
	next := 1
	for i, code := range c.reject {
		if code == 0 {
			numbers[i] = next
			next++
		}
	}
	var parts []decisions
	item, number, kept, all := 0, 1, 0, 0
	for _, u := range c.units {
		if u.entries == 0 {
			continue
		}
		codes := c.reject[item : item+u.entries]
		keeps := 0
		for _, code := range codes {
			if code == 0 {
				keeps++
			}
		}
		if len(parts) == 0 || kept+keeps > dataset.MaxPart || all+u.entries > maxPartCandidates {
			parts = append(parts, decisions{First: number, Reasons: c.names, Of: []int{}})
			kept, all = 0, 0
		}
		p := &parts[len(parts)-1]
		p.Units = append(p.Units, unitDecision{u.unit, codes})
		for i, code := range codes {
			if code > 0 && c.names[code-1] == duplicate {
				p.Of = append(p.Of, numbers[c.of[item+i]])
			}
		}
		item, number, kept, all = item+u.entries, number+keeps, kept+keeps, all+u.entries
	}
	return parts
}
