package pipeline

import (
	"context"
	"time"

	"compileo/internal/dataset"
)

// leave ends the hold in order: by then no call is in flight.
func (h *holder) leave(ctx context.Context) error {
	h.mu.Lock()
	why, cause, failed := h.over, h.cause, h.err != nil
	h.mu.Unlock()
	if why == leaseLost {
		return nil // whoever has the lane now finds the kept replies
	}
	if cause != nil && why != cancelled {
		if err := h.stop(ctx, h.job.Ref, cause.Reason, cause.Detail); err != nil {
			return err
		}
		why = stopping
	}
	if why == stopping && !failed {
		return h.endLane(ctx)
	}
	// After a failed write more replies may be kept than this holder knows: the next one counts them anew.
	return h.release(ctx, why)
}

// release gives the lease back, so that the slice does not count as an attempt, and hands the lane on.
func (h *holder) release(ctx context.Context, why ending) error {
	delay := time.Duration(0)
	if why == waiting {
		delay = min(max(h.delay, h.Timing.Wait<<min(h.waits, 10)), h.Timing.MaxWait)
		delay = min(max(delay, h.delay), dataset.MaxDelay)
	}
	held := false
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if l.Lease.Holder != h.id {
			return false, nil // gone, or released by the write that this one repeats
		}
		held = true
		l.Lease = dataset.Lease{}
		l.Attempts = max(0, l.Attempts-1)
		if l.Suspect != nil {
			l.Suspect.Asked = false
		}
		l.HintAt = time.Now().UTC().Add(delay)
		if why == waiting {
			l.Waits++
		}
		return true, nil
	})
	if err != nil || !held || l.Next >= l.End || why == cancelled {
		return err
	}
	return h.sendLane(ctx, dataset.GenerateQueue, h.job.Ref, h.lane, delay)
}

// jobStopped is why a chunk failed that was never asked.
const jobStopped = "the job was stopped"

// endLane ends a lane of a stopping job. Units of which something was answered are closed, the rest of them
// failed; then the lane ends where it is.
func (h *holder) endLane(ctx context.Context) error {
	for {
		h.mu.Lock()
		closes := h.cur != nil && h.answered() > 0
		if closes {
			h.cur.failRest(jobStopped)
		}
		h.mu.Unlock()
		if !closes {
			break
		}
		if err := h.write(ctx); err != nil {
			return err
		}
		more, err := h.advance(ctx)
		if err != nil {
			return err
		}
		if h.lost() {
			return nil
		}
		if !more {
			break
		}
	}
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if l.Lease.Holder != h.id {
			return false, nil
		}
		l.End = l.Next
		l.Attempts, l.Answered, l.Lease = 0, 0, dataset.Lease{}
		return true, nil
	})
	switch {
	case err != nil:
		return err
	case l.Scored == l.End:
		return h.callBack(ctx, l)
	case l.Scored < l.Next:
		return h.sendLane(ctx, dataset.ScoreQueue, h.job.Ref, h.lane, 0)
	}
	return nil
}

func (h *holder) lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.over == leaseLost
}
