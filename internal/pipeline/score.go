package pipeline

import (
	"context"
	"slices"
	"strings"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/prompt"
	"compileo/internal/quality"
	"compileo/internal/snapshot"
)

// Score handles one message of the score queue: it scores all units of the lane that are generated and not yet
// scored, and answers the workflow when the lane is done. Scoring is pure computation: doing it twice costs
// nothing and changes nothing.
func (e *Engine) Score(ctx context.Context, body []byte) error {
	m, ref, err := decodeLane(body)
	if err != nil {
		return err
	}
	j, err := e.Job(ctx, ref)
	if err != nil || j.Status.Over() {
		return dropGone(err)
	}
	deadline := time.Now().Add(e.Timing.Slice)
	for {
		lane, err := e.lane(ctx, ref, m.Lane)
		switch {
		case err != nil:
			return dropGone(err)
		case lane.Scored == lane.End:
			return e.callBack(ctx, lane)
		case lane.Scored >= lane.Next:
			return nil
		case time.Now().After(deadline):
			return e.sendLane(ctx, dataset.ScoreQueue, ref, m.Lane, 0)
		}
		if err := e.scoreUnit(ctx, lane); err != nil {
			return err
		}
	}
}

// scoreUnit writes scored(s) once and advances s on condition of s.
func (e *Engine) scoreUnit(ctx context.Context, lane *dataset.Lane) error {
	plan, err := e.plan(ctx, lane.Job)
	if err != nil {
		return err
	}
	number := plan.Unit(lane.Index, lane.Scored)
	c, err := dataset.ReadJSON[candidates](ctx, e.Blobs, dataset.CandidatesKey(lane.Job, number))
	if err != nil {
		return err
	}
	tasks, err := e.tasks(ctx, plan, number)
	if err != nil {
		return err
	}
	s, err := score(c, tasks)
	if err != nil {
		return err
	}
	b, err := s.encode()
	if err != nil {
		return err
	}
	if err := dataset.PutOnce(ctx, e.Blobs, dataset.ScoredKey(lane.Job, number), b); err != nil {
		return err
	}
	scored := lane.Scored
	_, err = e.updateLane(ctx, lane.Job, lane.Index, func(l *dataset.Lane) (bool, error) {
		if l.Scored != scored {
			return false, nil
		}
		l.Scored++
		l.Moved = time.Now().UTC()
		l.Tally.Add(s.tally())
		return true, nil
	})
	return err
}

// score makes the entries of a unit and assesses them.
func score(c *candidates, tasks []task) (*scored, error) {
	s := &scored{summary: unitSummary{Unit: c.Unit, Chunks: map[string]int{}, Faults: map[string]int{}}}
	for i := range c.Chunks {
		a := &c.Chunks[i]
		if i >= len(tasks) || tasks[i].Number != a.Task {
			return nil, dataset.Errorf(dataset.Internal, "unit %d does not fit its plan", c.Unit)
		}
		if (a.Outcome == dataset.WithEntries) != (len(a.Drafts) > 0) {
			return nil, dataset.Errorf(dataset.Internal, "chunk %d of unit %d is %s, with %d drafts", a.Task, c.Unit, a.Outcome, len(a.Drafts))
		}
		s.summary.count(a)
		if len(a.Drafts) == 0 {
			continue
		}
		context := quality.NewContext(&tasks[i].Chunk)
		for _, d := range a.Drafts {
			e := a.entry(&tasks[i], d)
			e.Evidence = context.Evidence(d.Evidence, tasks[i].Name)
			context.Assess(&e)
			if err := s.add(&e); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// entry makes a dataset entry, still without id, evidence and score, of a draft.
func (a *chunkAnswer) entry(t *task, d prompt.Draft) dataset.Entry {
	e := dataset.Entry{
		Question: d.Question, Answer: d.Answer, Instruction: d.Instruction, Input: d.Input, Output: d.Output, Summary: d.Summary,
		Category: a.Category, SourceChunk: t.Chunk.Name(), Metadata: a.Metadata,
	}
	e.Metadata.Rule = d.Rule
	if slices.Contains(dataset.Difficulties, d.Difficulty) {
		e.Difficulty = d.Difficulty
	}
	return e
}

func (s *scored) add(e *dataset.Entry) (err error) {
	if s.lines, err = snapshot.AppendLine(s.lines, e); err != nil {
		return err
	}
	one := entrySummary{Score: e.QualityScore, Shingles: quality.Shingles(e)}
	if len(e.Quality.Faults) > 0 {
		one.Fault = e.Quality.Faults[0]
	}
	s.summary.Entries = append(s.summary.Entries, one)
	return nil
}

// tally sums the unit up for the lane's record.
func (s *scored) tally() dataset.Tally {
	t := dataset.Tally{Entries: len(s.summary.Entries), Usage: s.summary.Usage}
	for key, n := range s.summary.Chunks {
		t.Count(outcomeOf(key), n)
	}
	return t
}

// outcomeOf is the outcome in a key of unitSummary.Chunks.
func outcomeOf(key string) dataset.Outcome {
	outcome, _, _ := strings.Cut(key, ": ")
	return dataset.Outcome(outcome)
}

// count adds what became of one chunk.
func (s *unitSummary) count(a *chunkAnswer) {
	key := string(a.Outcome)
	if a.Reason != "" {
		key += ": " + a.Reason
	}
	s.Chunks[key]++
	if a.Skipped {
		s.Skipped++
	}
	for _, f := range a.Faults {
		s.Faults[f]++
	}
	s.Usage.Add(a.Usage)
}
