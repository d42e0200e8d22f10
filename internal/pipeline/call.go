package pipeline

import (
	"context"
	"math/rand/v2"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// unit is a unit of the lane in a holder's hands.
type unit struct {
	index int // in the lane
	tasks []*work
	left  int // tasks without an answer
	kept  int // replies that were kept when the unit was read
}

// work is one chunk of a unit on its way to an answer.
type work struct {
	task
	request model.Request
	key     string // of the reply to request
	usage   dataset.Usage
	begun   bool // a caller has it
	alone   bool // and no other call is in flight
	answer  *chunkAnswer
}

// load reads a unit: its chunks, the requests they make, and the replies that are kept for them.
func (h *holder) load(ctx context.Context, index int) (*unit, error) {
	tasks, err := h.tasks(ctx, h.plan, h.plan.Unit(h.lane, index))
	if err != nil {
		return nil, err
	}
	u := &unit{index: index, left: len(tasks)}
	for _, t := range tasks {
		w := &work{task: t}
		w.ask(h, 0, "")
		u.tasks = append(u.tasks, w)
	}
	if h.model.Free {
		return u, nil
	}
	kept := make([]int, len(u.tasks))
	err = parallel(ctx, len(u.tasks), func(ctx context.Context, i int) error {
		w := u.tasks[i]
		for w.answer == nil {
			reply, err := h.replies.Kept(ctx, w.key)
			if err != nil || reply == nil {
				return err
			}
			kept[i]++
			w.accept(h, reply)
		}
		return nil
	})
	for i, n := range kept {
		u.kept += n
		if u.tasks[i].answer != nil {
			u.left--
		}
	}
	return u, err
}

// fail gives up one task of the unit.
func (u *unit) fail(number int, why string) {
	for _, w := range u.tasks {
		if w.Number == number && w.answer == nil {
			w.failed(why)
			u.left--
		}
	}
}

// failRest gives up all tasks of the unit that have no answer, as they will not be asked.
func (u *unit) failRest(why string) {
	for _, w := range u.tasks {
		if w.answer == nil {
			w.failed(why)
			w.answer.Skipped = true
		}
	}
	u.left = 0
}

func (w *work) failed(why string) {
	w.answer = &chunkAnswer{Task: w.Number, Outcome: dataset.FailedChunk, Reason: why, Usage: w.usage}
}

// callChunks takes one chunk after the other, and answers it, until no more calls begin.
func (h *holder) callChunks(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { h.finish(sliceOver) })
	defer stop()
	for {
		w := h.take()
		if w == nil {
			return
		}
		h.put(w, h.answer(ctx, w))
	}
}

// take waits for a chunk that nobody has begun, of the current unit or of the one after it.
func (h *holder) take() *work {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if !h.mayBegin() {
			return nil
		}
		if h.alone > 0 && h.calls > 0 {
			h.change.Wait()
			continue
		}
		if w := h.suspected(); w != nil {
			return h.begin(w)
		}
		for _, u := range []*unit{h.cur, h.next} {
			if u == nil || u == h.next && !h.ahead {
				continue
			}
			for _, w := range u.tasks {
				if !w.begun && w.answer == nil {
					return h.begin(w)
				}
			}
		}
		h.change.Wait()
	}
}

// begin gives a chunk to a caller. The caller of begin holds mu.
func (h *holder) begin(w *work) *work {
	w.begun, w.alone = true, h.alone > 0
	h.calls++
	return w
}

// suspected is the chunk whose call an earlier holder died of, if it is to be asked again: it comes first, so that
// it is cleared or found guilty soon. The caller holds mu.
func (h *holder) suspected() *work {
	if h.suspect == nil || h.cur == nil {
		return nil
	}
	for _, w := range h.cur.tasks {
		if w.Number == h.suspect.Task && !w.begun && w.answer == nil {
			return w
		}
	}
	return nil
}

// mayBegin says whether another call may begin: the slice is not over, for whatever reason, and the lease is
// surely ours. The caller holds mu.
func (h *holder) mayBegin() bool {
	if h.over == "" && !time.Now().Before(h.until.Add(-h.Timing.Margin)) {
		h.finishLocked(leaseLost)
	}
	return h.over == ""
}

// put hands a chunk back, answered or not.
func (h *holder) put(w *work, a *chunkAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls--
	if a == nil {
		w.begun = false
	} else if w.answer == nil {
		w.answer = a
		h.alone = max(0, h.alone-1)
		for _, u := range []*unit{h.cur, h.next} {
			if u != nil && u.holds(w) {
				u.left--
			}
		}
	}
	h.change.Broadcast()
}

func (u *unit) holds(w *work) bool {
	first := u.tasks[0].Number
	return w.Number >= first && w.Number < first+len(u.tasks)
}

// answer gets a chunk's answer, alone in this process if that is what the chunk needs. nil: the slice ended first,
// for a reason that is noted.
func (h *holder) answer(ctx context.Context, w *work) *chunkAnswer {
	if h.Gate != nil {
		n := int64(1)
		if w.alone {
			n = GateSize
		}
		if h.Gate.Acquire(ctx, n) != nil {
			return nil
		}
		defer h.Gate.Release(n)
	}
	if !w.alone {
		return h.read(ctx, w)
	}
	if err := h.note(ctx, w.Number, true); err != nil {
		return h.abandon(err)
	}
	a := h.read(ctx, w)
	if a != nil {
		if err := h.note(context.WithoutCancel(ctx), w.Number, false); err != nil {
			h.abandon(err)
		}
	}
	return a
}

// read gets a chunk's reply and reads it; a reply that cannot be read is asked for once more with its fault named.
func (h *holder) read(ctx context.Context, w *work) *chunkAnswer {
	got := *w // the unit's own copy is read by others
	for got.answer == nil {
		reply, err := h.call(ctx, &got)
		if err != nil {
			if why, ends := h.ending(err); !ends {
				got.failed(why)
				break
			}
			return nil
		}
		if reply == nil {
			return got.answer
		}
		asked := got
		got.accept(h, reply) // before it is kept: a reply whose reading kills must not be found by who comes next
		if !h.model.Free {
			// The reply is paid for: it is kept even when the slice has ended meanwhile.
			kept, err := h.replies.Keep(context.WithoutCancel(ctx), asked.key, reply)
			if err != nil {
				return h.abandon(err)
			}
			if kept != reply {
				got = asked
				got.accept(h, kept)
			}
		}
	}
	return got.answer
}

// note stores that a call begins alone, or that it ended with an answer, on condition of the lease.
func (h *holder) note(ctx context.Context, number int, begins bool) error {
	l, err := h.updateLane(ctx, h.job.Ref, h.lane, func(l *dataset.Lane) (bool, error) {
		if l.Lease.Holder != h.id {
			return false, nil
		}
		switch {
		case !begins:
			l.Suspect = nil
		case l.Suspect == nil || l.Suspect.Task != number:
			l.Suspect = &dataset.Suspect{Task: number, Asked: true}
		default:
			l.Suspect.Asked = true
		}
		return true, nil
	})
	if err == nil && l.Lease.Holder != h.id {
		h.finish(leaseLost)
		return dataset.Errorf(dataset.Conflict, "the lease is gone")
	}
	return err
}

// abandon ends the slice because a port failed.
func (h *holder) abandon(err error) *chunkAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
	h.finishLocked(broken)
	return nil
}

// Limits of trying a call again within a slice.
const (
	maxBusyTries   = 5 // answers "too busy"; then the lane waits
	maxFailedTries = 3 // calls without a usable answer; then the chunk has failed
)

// call makes the request, again where that may help. Before each try it looks whether calls may begin; nil, nil:
// they may not.
func (h *holder) call(ctx context.Context, w *work) (*model.Reply, error) {
	defer h.survive(w)
	busy, failed := 0, 0
	for {
		h.mu.Lock()
		begin := h.mayBegin()
		h.mu.Unlock()
		if !begin {
			return nil, nil
		}
		bounded, cancel := context.WithTimeout(ctx, h.model.Timeout)
		reply, err := h.model.Model.Generate(bounded, &w.request)
		cancel()
		if err == nil {
			reply.Payer = h.job.Ref.ID
			if reply.Time.IsZero() { // the built-in model's answer has no time of its own: it is always the same
				reply.Time = time.Now()
			}
			return reply, nil
		}
		if ctx.Err() != nil {
			return nil, nil // the slice ended the call
		}
		e := model.AsError(err)
		switch e.Kind {
		case model.RateLimited, model.Overloaded:
			busy++
		case model.Timeout, model.Broken:
			failed++
		default:
			return nil, e
		}
		wait := max(e.After, h.Timing.Retry<<(busy+failed)+rand.N(h.Timing.Retry))
		if busy == maxBusyTries || failed == maxFailedTries || wait > h.Timing.Wait {
			return nil, e
		}
		if dataset.Pause(ctx, wait) != nil {
			return nil, nil
		}
	}
}

// ending decides what a failed call means: the end of its chunk, with the reason, or the end of the slice.
func (h *holder) ending(err error) (why string, ends bool) {
	e := model.AsError(err)
	reasons := map[model.ErrorKind]dataset.StopReason{
		model.Auth: dataset.StopAuth, model.Quota: dataset.StopQuota, model.NotFound: dataset.StopNoModel,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e.Kind {
	case model.RateLimited, model.Overloaded:
		h.delay = max(h.delay, e.After)
		h.finishLocked(waiting)
		return "", true
	case model.Auth, model.Quota, model.NotFound:
		h.cause = &dataset.Stop{Reason: reasons[e.Kind], Detail: e.Detail}
		h.finishLocked(stopping)
		return "", true
	}
	return string(e.Kind) + ": " + e.Detail, false
}
