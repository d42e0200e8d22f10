package pipeline

import (
	"context"
	"encoding/json"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/prompt"
)

// Generate handles one message of the generate queue: the workflow's own, which brings a lane's task token, or a
// hint. If the lane has units left and nobody works on it, this worker claims it and holds it for a slice.
func (e *Engine) Generate(ctx context.Context, body []byte) error {
	m, ref, err := decodeLane(body)
	if err != nil {
		return err
	}
	if m.Token != "" {
		if err := e.storeToken(ctx, ref, m); err != nil {
			return dropGone(err)
		}
	}
	lane, err := e.lane(ctx, ref, m.Lane)
	if err != nil {
		return dropGone(err)
	}
	j, err := e.Job(ctx, ref)
	if err != nil {
		return dropGone(err)
	}
	switch {
	case j.Status.Over():
		return nil
	case lane.Scored == lane.End:
		return e.callBack(ctx, lane)
	}
	if lane.Scored < lane.Next {
		if err := e.sendLane(ctx, dataset.ScoreQueue, ref, m.Lane, 0); err != nil {
			return err
		}
	}
	if lane.Next == lane.End || lane.Lease.Live(time.Now()) {
		return nil
	}
	h, err := e.newHolder(ctx, j, lane)
	if err != nil {
		return err
	}
	if claimed, err := h.claim(ctx, lane); !claimed || err != nil {
		return err
	}
	return h.hold(ctx)
}

func decodeLane(body []byte) (LaneMessage, dataset.JobRef, error) {
	var m LaneMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return m, dataset.JobRef{}, dataset.Errorf(dataset.Invalid, "not a message about a lane: %w", err)
	}
	ref, err := dataset.ParseJobRef(m.Job)
	if err == nil && (m.Lane < 0 || m.Lane >= dataset.MaxLanes) {
		err = dataset.Errorf(dataset.Invalid, "lane %d, want 0 to %d", m.Lane, dataset.MaxLanes-1)
	}
	return m, ref, err
}

// dropGone turns the absence of a record into success: a message about what was purged has no meaning any more.
func dropGone(err error) error {
	if dataset.Is(err, dataset.NotFound) {
		return nil
	}
	return err
}

// storeToken keeps the token of the highest attempt seen.
func (e *Engine) storeToken(ctx context.Context, ref dataset.JobRef, m LaneMessage) error {
	_, err := e.updateLane(ctx, ref, m.Lane, func(l *dataset.Lane) (bool, error) {
		if m.Attempt+1 <= l.Attempt {
			return false, nil
		}
		l.Token, l.Attempt = m.Token, m.Attempt+1
		return true, nil
	})
	return err
}

// callBack answers the workflow's wait for a lane that is done. A token that is dead may have been replaced by
// that of a later attempt: then that one is answered.
func (e *Engine) callBack(ctx context.Context, l *dataset.Lane) error {
	for {
		token, attempt := l.Token, l.Attempt
		err := dataset.Errorf(dataset.NotFound, "no token yet")
		if token != "" {
			if err := e.Workflow.Answer(ctx, token, []byte("{}")); err == nil {
				return e.setCalled(ctx, l, attempt)
			} else if !dataset.Is(err, dataset.NotFound) {
				return err
			}
		}
		again, readErr := e.lane(ctx, l.Job, l.Index)
		switch {
		case readErr != nil:
			return readErr
		case again.Attempt > attempt:
			l = again
			continue
		case token == "":
			e.Log.DebugContext(ctx, "lane done before its token came", "job", l.Job.String(), "lane", l.Index, "error", err)
			return nil
		}
		return e.setCalled(ctx, l, attempt)
	}
}

func (e *Engine) setCalled(ctx context.Context, l *dataset.Lane, attempt int) error {
	_, err := e.updateLane(ctx, l.Job, l.Index, func(l *dataset.Lane) (bool, error) {
		if attempt <= l.Called {
			return false, nil
		}
		l.Called = attempt
		return true, nil
	})
	return err
}

// stop lets a running job begin no more calls. The first reason stays.
func (e *Engine) stop(ctx context.Context, ref dataset.JobRef, reason dataset.StopReason, detail string) error {
	_, err := e.change(ctx, ref, func(j *dataset.Job) (bool, error) {
		if j.Status != dataset.Running {
			return false, nil
		}
		j.Status, j.Stop = dataset.Stopping, &dataset.Stop{Reason: reason, Detail: detail}
		return true, nil
	}, nil)
	return err
}

// newHolder gathers what a slice needs and reads the first two units, with the replies that are kept for them.
func (e *Engine) newHolder(ctx context.Context, j *dataset.Job, lane *dataset.Lane) (*holder, error) {
	plan, err := e.plan(ctx, j.Ref)
	if err != nil {
		return nil, err
	}
	m, err := e.Models.Resolve(j.Model)
	if err != nil {
		// The operator removed the provider while the job waited: every call would fail in the same way.
		return nil, e.stop(ctx, j.Ref, dataset.StopNoModel, reason(err))
	}
	t, err := template(j)
	if err != nil {
		return nil, err
	}
	h := &holder{
		Engine: e, id: dataset.NewID(), job: j, plan: plan, model: m, template: t, lane: lane.Index,
		schema: prompt.Schema(j.Settings.Mode, j.Settings.PerChunk), promptHash: t.Hash(),
		end: lane.End, share: plan.Share(lane.Index, j.Settings.Concurrency),
		replies: model.Replies{Blobs: e.Blobs, Tenant: j.Ref.Tenant, Project: j.Project},
	}
	h.change.L = &h.mu
	if h.cur, err = h.load(ctx, lane.Next); err != nil {
		return nil, err
	}
	if lane.Next+1 < lane.End {
		h.next, err = h.load(ctx, lane.Next+1)
	}
	return h, err
}
