package memory

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// message is a message of a lane. It is in exactly one place: hidden (delayed or in flight) with its place
// in the heap, or visible in its group, with no place there.
type message struct {
	body     []byte
	group    string
	at       time.Time // when it is visible next
	receives int
	place    int // in hidden; -1: not there
	gone     bool
}

// receipt is one delivery of a message.
type receipt struct {
	message *message
	nth     int
}

// lane is one queue.
type lane struct {
	visibility  time.Duration
	maxReceives int
	duplicate   float64
	maxLate     time.Duration

	mu      sync.Mutex
	random  *rand.Rand
	hidden  schedule
	visible map[string][]*message // by group; none is empty
	groups  []string              // those of visible
	flying  map[string]int        // messages in flight of a group; none is zero
	dead    [][]byte
	changed chan struct{} // closed and replaced when receivers should look again
}

func newLane(o Options, random *rand.Rand) *lane {
	return &lane{
		visibility: o.Visibility, maxReceives: o.MaxReceives, duplicate: o.Duplicate, maxLate: o.MaxLate,
		random: random, visible: map[string][]*message{}, flying: map[string]int{}, changed: make(chan struct{}),
	}
}

// add takes in messages, some of them twice.
func (l *lane) add(messages []dataset.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, m := range messages {
		copies := 1
		if l.random.Float64() < l.duplicate {
			copies = 2
		}
		for range copies {
			l.hide(&message{body: slices.Clone(m.Body), group: m.Group, at: now.Add(m.Delay + l.late())})
		}
	}
	l.wake()
}

// late is how much later than it could something becomes visible.
func (l *lane) late() time.Duration {
	if l.maxLate <= 0 {
		return 0
	}
	return time.Duration(l.random.Int64N(int64(l.maxLate)))
}

// hide keeps a message until its time.
func (l *lane) hide(m *message) {
	heap.Push(&l.hidden, m)
	if m.place == 0 {
		l.wake() // receivers wait for a later time
	}
}

func (l *lane) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// receive waits for a message; false when ctx ended.
func (l *lane) receive(ctx context.Context) (receipt, bool) {
	for {
		if alive(ctx) != nil {
			return receipt{}, false
		}
		r, ok, next, changed := l.take()
		if ok {
			return r, true
		}
		await(ctx, next, changed)
	}
}

// await returns at the given time (zero: never), when changed is closed, or when ctx ends.
func await(ctx context.Context, at time.Time, changed <-chan struct{}) {
	var due <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-changed:
	case <-ctx.Done():
	}
}

// take delivers a visible message. If there is none it says when the next one may be (zero: unknown), and
// which channel is closed when that changes.
func (l *lane) take() (r receipt, ok bool, next time.Time, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.promote(now)
	if len(l.groups) == 0 {
		if len(l.hidden) > 0 {
			next = l.hidden[0].at
		}
		return r, false, next, l.changed
	}
	m := l.choose()
	m.receives++
	m.at = now.Add(l.visibility + l.late())
	l.flying[m.group]++
	l.hide(m)
	return receipt{m, m.receives}, true, next, nil
}

// promote makes visible what is due, and gives up what was delivered too often.
func (l *lane) promote(now time.Time) {
	for len(l.hidden) > 0 && !l.hidden[0].at.After(now) {
		m := heap.Pop(&l.hidden).(*message)
		l.landed(m)
		if m.receives >= l.maxReceives {
			m.gone = true
			l.dead = append(l.dead, m.body)
			continue
		}
		if len(l.visible[m.group]) == 0 {
			l.groups = append(l.groups, m.group)
		}
		l.visible[m.group] = append(l.visible[m.group], m)
	}
}

// landed takes a message that was delivered out of its group's count in flight.
func (l *lane) landed(m *message) {
	if m.receives == 0 {
		return
	}
	if l.flying[m.group]--; l.flying[m.group] == 0 {
		delete(l.flying, m.group)
	}
}

// choose removes a random message from a group that has the fewest in flight.
func (l *lane) choose() *message {
	l.random.Shuffle(len(l.groups), func(i, j int) { l.groups[i], l.groups[j] = l.groups[j], l.groups[i] })
	group := slices.MinFunc(l.groups, func(a, b string) int { return l.flying[a] - l.flying[b] })
	return l.show(group, l.random.IntN(len(l.visible[group])))
}

// show removes the i-th visible message of a group.
func (l *lane) show(group string, i int) *message {
	all := l.visible[group]
	m, last := all[i], len(all)-1
	all[i], all[last] = all[last], nil
	l.visible[group] = all[:last]
	if last == 0 {
		delete(l.visible, group)
		l.groups = slices.DeleteFunc(l.groups, func(g string) bool { return g == group })
	}
	return m
}

// remove deletes the message of a receipt. If it was delivered again since, the receipt is old and nothing
// happens: SQS does not promise more.
func (l *lane) remove(r receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := r.message
	if m.gone || m.receives != r.nth {
		return
	}
	m.gone = true
	if m.place >= 0 {
		heap.Remove(&l.hidden, m.place)
		l.landed(m)
		return
	}
	l.show(m.group, slices.Index(l.visible[m.group], m))
}

// schedule is a heap of messages, the next visible one first.
type schedule []*message

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i]; s[i].place, s[j].place = i, j }

// Push implements heap.Interface.
func (s *schedule) Push(x any) {
	m := x.(*message)
	m.place = len(*s)
	*s = append(*s, m)
}

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	m := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	m.place = -1
	return m
}
