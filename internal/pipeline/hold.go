package pipeline

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/prompt"
)

// holder is one worker's hold of a lane for a slice. It keeps the lane's share of calls in flight across the
// border of two units, and finishes units in order.
//
// Three kinds of goroutine share it: callers, which take a chunk each and answer it; the beat, which renews the
// lease and looks at the job; and the one that claimed, which writes finished units and advances the lane.
type holder struct {
	*Engine
	id         string // of this hold, in the lease
	job        *dataset.Job
	plan       *dataset.Plan
	model      model.Resolved
	template   prompt.Template
	schema     json.RawMessage // of all replies
	promptHash string
	replies    model.Replies
	lane       int
	end        int              // units of the lane, as claimed
	share      int              // calls in flight
	suspect    *dataset.Suspect // the call noted by the holder that died; it is made first
	ahead      bool             // calls of the next unit may begin
	last       bool             // the slice ends with the current unit
	waits      int

	mu     sync.Mutex
	change sync.Cond     // any field below changed
	cur    *unit         // the lane's unit Next
	next   *unit         // the one after it; nil: none, or not read yet
	calls  int           // in flight
	alone  int           // calls to be made one at a time and noted, because earlier holders died
	over   ending        // why no more calls begin; "" while they do
	delay  time.Duration // before the lane is worked on again, when over is waiting
	cause  *dataset.Stop // when over is stopping because of a call
	err    error         // when over is broken
	until  time.Time     // the lease's deadline, as last renewed
}

// ending says why a slice ends.
type ending string

const (
	sliceOver ending = "slice over"
	finished  ending = "finished" // no unit is left
	leaseLost ending = "lease lost"
	stopping  ending = "stopping"
	cancelled ending = "cancelled"
	waiting   ending = "waiting" // the model asks to
	broken    ending = "broken"  // a port failed
)

// claim takes the lane's lease on condition that the lane is as it was read when the kept replies were counted,
// and counts the attempt. Not claimed means that somebody else was faster.
func (h *holder) claim(ctx context.Context, read *dataset.Lane) (bool, error) {
	seen := h.cur.kept
	if h.next != nil {
		seen += h.next.kept
	}
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if l.Lease.Holder == h.id || l.Claims != read.Claims || l.Next != read.Next || l.Next >= l.End ||
			l.Lease.Holder != read.Lease.Holder || !l.Lease.Until.Equal(read.Lease.Until) {
			return false, nil
		}
		now := time.Now().UTC()
		l.Lease = dataset.Lease{Holder: h.id, Until: now.Add(h.Timing.Lease)}
		l.Held, l.Nudges = now, 0
		l.Claims++
		if seen > l.Seen {
			l.Attempts = 0
		}
		l.Seen = seen
		l.Attempts++
		if s := l.Suspect; s != nil && s.Asked && h.job.Status == dataset.Running {
			// The holder before died during this call. Once that is no chance any more its chunk fails, and the rest of
			// the unit goes on.
			s.Asked = false
			if s.Deaths++; s.Deaths >= suspectDeaths {
				l.Poisoned = append(l.Poisoned, s.Task)
				l.Suspect = nil
			}
		}
		return true, nil
	})
	if err != nil || l.Lease.Holder != h.id {
		return false, dropGone(err)
	}
	h.until, h.end, h.waits = l.Lease.Until, l.End, l.Waits
	h.ahead = l.Attempts == 1
	h.suspect = l.Suspect
	if l.Attempts > aloneAfter || l.Suspect != nil {
		// Holders that got no answer began with the same calls. Replies of a free model are not kept, so it may have
		// been any of the unit's.
		if h.alone = h.share; h.model.Free {
			h.alone = len(h.cur.tasks)
		}
	}
	for _, number := range l.Poisoned {
		h.cur.fail(number, "its worker died each time it was asked")
	}
	if h.job.Status == dataset.Stopping {
		h.over = stopping
	}
	return true, nil
}

// hold works on the lane until the slice ends, and leaves it in order.
func (h *holder) hold(ctx context.Context) error {
	calls, endCalls := context.WithCancel(ctx)
	defer endCalls()
	guard := time.AfterFunc(time.Until(h.until)-h.Timing.Margin, func() {
		h.finish(leaseLost)
		endCalls()
	})
	defer guard.Stop()
	slice := time.AfterFunc(h.Timing.Slice, h.endSlice)
	defer slice.Stop()
	beating, endBeat := context.WithCancel(ctx)
	defer endBeat()

	var callers, beat sync.WaitGroup
	for range h.share {
		callers.Go(func() { h.callChunks(calls) })
	}
	beat.Go(func() { h.beat(beating, guard) })
	err := h.advanceUnits(ctx)
	if err != nil {
		h.finish(broken)
	}
	callers.Wait() // what they were answered is kept
	// A worker that is asked to end still gives its lane back.
	last, endLast := context.WithTimeout(context.WithoutCancel(ctx), h.Timing.Margin)
	defer endLast()
	left := h.leave(last)
	endBeat()
	beat.Wait()
	if err == nil {
		err = h.err
	}
	if err == nil {
		err = left
	}
	return err
}

// endSlice lets no more calls begin. Replies of a free model are not kept, so a unit of one that is begun is
// finished first: else a lane whose units take longer than a slice would never get on.
func (h *holder) endSlice() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.model.Free && h.over == "" {
		h.last, h.ahead = true, false
		return
	}
	h.finishLocked(sliceOver)
}

// finish lets no more calls begin. A later reason counts only where it is stronger: a lease that is lost, a job
// that is cancelled.
func (h *holder) finish(why ending) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finishLocked(why)
}

func (h *holder) finishLocked(why ending) {
	if h.over == "" || why == leaseLost || why == cancelled && h.over != leaseLost || why == stopping && h.over != leaseLost && h.over != cancelled {
		h.over = why
	}
	h.change.Broadcast()
}

// beat renews the lease, stores how many chunks are answered, and looks at the job.
func (h *holder) beat(ctx context.Context, guard *time.Timer) {
	tick := time.NewTicker(h.Timing.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.renew(ctx, guard)
		if ctx.Err() == nil {
			h.look(ctx)
		}
	}
}

func (h *holder) renew(ctx context.Context, guard *time.Timer) {
	h.mu.Lock()
	answered := h.answered()
	h.mu.Unlock()
	lost := false
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if lost = l.Lease.Holder != h.id; lost {
			return false, nil
		}
		now := time.Now().UTC()
		l.Lease.Until, l.Held = now.Add(h.Timing.Lease), now
		if l.Answered != answered {
			l.Answered, l.Moved = answered, now
		}
		return true, nil
	})
	switch {
	case lost && ctx.Err() == nil:
		h.finish(leaseLost)
	case err == nil && !lost:
		h.renewed(l.Lease.Until, guard)
	}
}

// renewed notes the new deadline. The guard is moved only if it has not struck.
func (h *holder) renewed(until time.Time, guard *time.Timer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = until
	if guard != nil && guard.Stop() {
		guard.Reset(time.Until(until) - h.Timing.Margin)
	}
}

// look reads the job and ends the slice when it is stopping or over. A read that fails is tried at the next beat.
func (h *holder) look(ctx context.Context) {
	j, err := h.Job(ctx, h.job.Ref)
	if err != nil {
		return
	}
	switch {
	case j.Status.Over():
		h.finish(cancelled)
	case j.Status == dataset.Stopping:
		h.finish(stopping)
	}
}

// answered counts the answered chunks of the two units at hand. The caller holds mu.
func (h *holder) answered() int {
	n := 0
	for _, u := range []*unit{h.cur, h.next} {
		if u != nil {
			n += len(u.tasks) - u.left
		}
	}
	return n
}

// advanceUnits writes units as they are complete, in order, until the slice is over and no call is in flight.
func (h *holder) advanceUnits(ctx context.Context) error {
	stored, err := h.stored(ctx)
	if err != nil {
		return err
	}
	for {
		h.mu.Lock()
		for !stored && h.cur.left > 0 && (h.over == "" || h.calls > 0) {
			h.change.Wait()
		}
		complete := stored || h.cur.left == 0
		ended := h.over == leaseLost || h.over == cancelled || !complete
		h.mu.Unlock()
		if ended {
			return nil
		}
		if !stored {
			if err := h.write(ctx); err != nil {
				return err
			}
		}
		stored = false
		if more, err := h.advance(ctx); err != nil || !more {
			return err
		}
	}
}

// stored reports whether an earlier holder wrote the current unit and did not advance.
func (h *holder) stored(ctx context.Context) (bool, error) {
	_, err := h.Blobs.Stat(ctx, dataset.CandidatesKey(h.job.Ref, h.plan.Unit(h.lane, h.cur.index)))
	if dataset.Is(err, dataset.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// write stores the current unit's candidates, once.
func (h *holder) write(ctx context.Context) error {
	number := h.plan.Unit(h.lane, h.cur.index)
	c := candidates{Unit: number}
	h.mu.Lock()
	for _, w := range h.cur.tasks {
		c.Chunks = append(c.Chunks, *w.answer)
	}
	h.mu.Unlock()
	_, err := dataset.PinJSON(ctx, h.Blobs, dataset.CandidatesKey(h.job.Ref, number), &c)
	return err
}

// advance moves the lane on to the next unit, on condition of this hold's lease, looks at the job and hints the
// scorer. It returns false when there is no next unit or the lease is gone.
func (h *holder) advance(ctx context.Context) (bool, error) {
	h.mu.Lock()
	index, ahead := h.cur.index, h.answered()-len(h.cur.tasks)
	h.mu.Unlock()
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if l.Lease.Holder != h.id || l.Next != index {
			return false, nil // lost, or done already
		}
		now := time.Now().UTC()
		l.Next++
		l.Attempts, l.Waits, l.Suspect, l.Poisoned = 0, 0, nil, nil
		l.Answered, l.Moved = ahead, now
		return true, nil
	})
	if err != nil {
		return false, err
	}
	if l.Lease.Holder != h.id || l.Next != index+1 {
		h.finish(leaseLost)
		return false, nil
	}
	h.look(ctx)
	if err := h.sendLane(ctx, dataset.ScoreQueue, h.job.Ref, h.lane, 0); err != nil {
		return false, err
	}
	return h.shift(ctx)
}

// shift makes the next unit the current one and reads the one after it.
func (h *holder) shift(ctx context.Context) (bool, error) {
	h.mu.Lock()
	h.cur, h.next = h.next, nil
	h.ahead, h.alone, h.waits = true, 0, 0
	switch {
	case h.cur == nil:
		h.finishLocked(finished)
		h.mu.Unlock()
		return false, nil
	case h.last:
		h.finishLocked(sliceOver)
	}
	after := h.cur.index + 1
	h.change.Broadcast()
	h.mu.Unlock()
	if after >= h.end {
		return true, nil
	}
	u, err := h.load(ctx, after)
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	h.next = u
	h.change.Broadcast()
	h.mu.Unlock()
	return true, nil
}
