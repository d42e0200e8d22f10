package pipeline

import (
	"context"
	"errors"
	"time"

	"compileo/internal/dataset"
)

// Sweep looks after every job that is not over: it is the answer to whatever a crash, a lost message or a lost
// callback leaves behind, and is called each minute. It repairs only under a condition on the state that it read,
// and logs what it repairs. An error with one job does not keep it from the others.
func (e *Engine) Sweep(ctx context.Context) error {
	var all []error
	for _, pk := range dataset.RunningPKs() {
		for r, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: pk}) {
			if err != nil {
				return err
			}
			ref, err := dataset.ParseJobRef(r.SK)
			if err == nil {
				err = e.sweepJob(ctx, ref)
			}
			if err != nil {
				all = append(all, err)
			}
		}
	}
	return errors.Join(all...)
}

func (e *Engine) sweepJob(ctx context.Context, ref dataset.JobRef) error {
	j, err := e.Job(ctx, ref)
	if dataset.Is(err, dataset.NotFound) {
		return e.unlist(ctx, ref)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	switch {
	case j.Status.Over():
		// Whoever ended it died before its execution was stopped or it was taken from the list.
		if j.Status != dataset.Completed {
			if err := e.Workflow.Stop(ctx, ref.String(), "the job is "+string(j.Status)); err != nil {
				return err
			}
		}
		return e.unlist(ctx, ref)
	case j.Status == dataset.Pending:
		if now.Sub(j.Created) < e.Timing.Start {
			return nil
		}
		e.repair(ctx, ref, "start")
		return e.Workflow.Start(ctx, ref.String())
	}
	lanes, err := e.lanes(ctx, ref)
	if err != nil {
		return err
	}
	moved, held := j.Stepped, time.Time{}
	for _, l := range lanes {
		moved, held = later(moved, l.Moved), later(held, l.Held)
		if err := e.sweepLane(ctx, l, now); err != nil {
			return err
		}
	}
	switch quiet := now.Sub(moved); {
	case quiet > e.Timing.Stuck && held.After(moved):
		e.repair(ctx, ref, "fail a stuck job")
		if _, err := e.end(ctx, ref, dataset.Failed, "no progress for "+e.Timing.Stuck.String(), nil); err != nil {
			return err
		}
		if err := e.Workflow.Stop(ctx, ref.String(), "no progress"); err != nil {
			return err
		}
		return e.unlist(ctx, ref)
	case quiet > e.Timing.MaxQuiet:
		return e.sweepExecution(ctx, ref)
	}
	return nil
}

// sweepExecution settles a job that has been quiet for long if its execution is over.
func (e *Engine) sweepExecution(ctx context.Context, ref dataset.JobRef) error {
	status, err := e.Workflow.Status(ctx, ref.String())
	if dataset.Is(err, dataset.NotFound) {
		e.repair(ctx, ref, "start")
		return e.Workflow.Start(ctx, ref.String())
	}
	if err != nil || status == dataset.ExecutionRunning {
		return err
	}
	e.repair(ctx, ref, "settle")
	return e.Settle(ctx, SettleInput{Job: ref.String(), Failure: Failure{Error: "the workflow " + string(status)}})
}

// sweepLane answers for a lane that is done, and hints at one that is left alone.
func (e *Engine) sweepLane(ctx context.Context, l *dataset.Lane, now time.Time) error {
	if l.Scored == l.End {
		if l.Called >= l.Attempt {
			return nil
		}
		e.repair(ctx, l.Job, "call back")
		return e.callBack(ctx, l)
	}
	patience := min(e.Timing.Quiet<<min(l.Nudges, 10), e.Timing.MaxQuiet)
	if l.Lease.Live(now) || now.Sub(later(l.HintAt, l.Held)) < patience {
		return nil
	}
	nudges, hint := l.Nudges, l.HintAt
	nudged := false
	l, err := e.updateLane(ctx, l.Job, l.Index, func(l *dataset.Lane) (bool, error) {
		if nudged = l.Nudges == nudges && l.HintAt.Equal(hint) && !l.Lease.Live(now); nudged {
			l.Nudges++
			l.HintAt = now.UTC()
		}
		return nudged, nil
	})
	if err != nil || !nudged {
		return err
	}
	e.repair(ctx, l.Job, "hint")
	if l.Next < l.End {
		if err := e.sendLane(ctx, dataset.GenerateQueue, l.Job, l.Index, 0); err != nil {
			return err
		}
	}
	if l.Scored < l.Next {
		return e.sendLane(ctx, dataset.ScoreQueue, l.Job, l.Index, 0)
	}
	return nil
}

// repair logs, and so counts, what the sweeper does.
func (e *Engine) repair(ctx context.Context, ref dataset.JobRef, what string) {
	e.Log.InfoContext(ctx, "sweeper repairs", "job", ref.String(), "repair", what)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Recover voids all leases. Only a process that knows that no worker lives may call it: the one-machine program,
// which has just locked its data directory. Attempts and suspects
// stay, so a chunk that kills the program is found in the end.
func (e *Engine) Recover(ctx context.Context) error {
	for _, pk := range dataset.RunningPKs() {
		for r, err := range dataset.Rows(ctx, e.Table, dataset.Query{PK: pk}) {
			if err != nil {
				return err
			}
			ref, err := dataset.ParseJobRef(r.SK)
			if err != nil {
				return err
			}
			lanes, err := e.lanes(ctx, ref)
			if err != nil {
				return err
			}
			for _, l := range lanes {
				if err := e.recoverLane(ctx, l); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// recoverLane frees a lane and hints at it, whatever became of its messages.
func (e *Engine) recoverLane(ctx context.Context, l *dataset.Lane) error {
	if l.Lease.Holder == "" && l.Scored == l.End {
		return nil
	}
	l, err := e.updateLane(ctx, l.Job, l.Index, func(l *dataset.Lane) (bool, error) {
		now := time.Now().UTC()
		down := now.Sub(later(later(l.Held, l.Moved), l.HintAt))
		if l.Lease.Holder == "" && down <= 0 {
			return false, nil
		}
		l.Idle += max(0, down)
		l.Lease, l.Nudges, l.HintAt = dataset.Lease{}, 0, now
		return true, nil
	})
	if err != nil {
		return err
	}
	if l.Next < l.End {
		return e.sendLane(ctx, dataset.GenerateQueue, l.Job, l.Index, 0)
	}
	return e.sendLane(ctx, dataset.ScoreQueue, l.Job, l.Index, 0)
}
