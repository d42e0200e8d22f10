package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"sync"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/porttest"
)

// fakeModel is a paid provider: it counts what it is asked, and what became of it.
type fakeModel struct {
	s schedule

	mu       sync.Mutex
	paid     map[string]int // chunk and round → calls begun
	orphans  map[string]int // … of which the caller died or was ended by its lease
	doubled  map[string]int // … begun while another was in flight
	flying   map[string]int
	inFlight int
	most     int
	calls    int
	cut      int       // calls that ended because their caller, who lives, ended them
	last     time.Time // when a call began last
}

func newFakeModel(s schedule) *fakeModel {
	return &fakeModel{s: s, paid: map[string]int{}, orphans: map[string]int{}, doubled: map[string]int{}, flying: map[string]int{}}
}

var itemForm = regexp.MustCompile(`item (\d+)-(\d+)`)

// Generate answers with entries that quote the chunk. What it answers depends on the chunk alone.
func (m *fakeModel) Generate(ctx context.Context, r *model.Request) (*model.Reply, error) {
	if err := porttest.Alive(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	item := itemForm.FindStringSubmatch(r.Task.Chunk.Text)
	if item == nil {
		return nil, &model.Error{Kind: model.Refused, Detail: "no item"}
	}
	key := fmt.Sprintf("%s/%d", item[0], r.Round)
	n := m.begin(key)
	latency := 1 + time.Duration(m.dice(key, n, "latency")*float64(m.s.latency))
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	alive := porttest.Alive(ctx) == nil
	ended := ctx.Err() != nil || !alive
	m.end(key, ended, alive)
	switch {
	case ended:
		return nil, &model.Error{Kind: model.Timeout, Detail: "ended", Err: ctx.Err()}
	case m.s.quotaAfter > 0 && n > m.s.quotaAfter:
		m.refund(key)
		return nil, &model.Error{Kind: model.Quota, Detail: "pay"}
	case m.dice(key, n, "busy") < m.s.busy:
		m.refund(key)
		return nil, &model.Error{Kind: model.RateLimited, After: time.Duration(m.dice(key, n, "after") * float64(time.Minute))}
	case m.s.poison >= 0 && item[2] == fmt.Sprint(m.s.poison) && item[1] == "0":
		ctx.Value(processKey{}).(*porttest.Process).Kill()
		m.mu.Lock()
		m.orphans[key]++
		m.mu.Unlock()
		return nil, porttest.ErrCrashed
	}
	return &model.Reply{Text: m.text(key, r), Finish: model.Stop, Model: key, Time: time.Now()}, nil
}

func (m *fakeModel) begin(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	m.last = time.Now()
	m.paid[key]++
	if m.flying[key] > 0 {
		m.doubled[key]++
	}
	m.flying[key]++
	m.inFlight++
	m.most = max(m.most, m.inFlight)
	return m.calls
}

// begun is how many calls were begun so far.
func (m *fakeModel) begun() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

func (m *fakeModel) end(key string, orphan, alive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying[key]--
	m.inFlight--
	if orphan {
		m.orphans[key]++
		if alive {
			m.cut++
		}
	}
}

// refund: a call that is told to wait is not paid.
func (m *fakeModel) refund(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paid[key]--
}

// text is the reply to a chunk: 0 to perChunk entries, or now and then something that cannot be read.
func (m *fakeModel) text(key string, r *model.Request) string {
	if m.garbage(key) {
		return "I am sorry, I do not know."
	}
	type entry struct {
		Evidence   []string `json:"evidence"`
		Question   string   `json:"question"`
		Answer     string   `json:"answer"`
		Difficulty string   `json:"difficulty"`
	}
	entries := []entry{}
	quote := r.Task.Chunk.Text
	for i := range expected(key, r.Task.Count) {
		entries = append(entries, entry{[]string{quote}, fmt.Sprintf("How much does %s cost in way %d?", itemForm.FindString(quote), i), quote, dataset.Beginner})
	}
	b, _ := json.Marshal(map[string]any{"entries": entries})
	return string(b)
}

func (m *fakeModel) garbage(key string) bool { return m.dice(key, 0, "garbage") < m.s.garbage }

// expected is how many entries the reply to a chunk has.
func expected(key string, count int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32() % uint32(count+1))
}

// dice is a number from 0 to 1 that depends on the seed and on what it is for.
func (m *fakeModel) dice(key string, n int, what string) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d %s", m.s.seed, key, n, what)
	return float64(h.Sum64()>>11) / (1 << 53)
}
