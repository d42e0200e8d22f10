package pipeline_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"compileo/infra"
	"compileo/internal/porttest"
)

// schedule is one run of the simulation: all of it follows from the seed.
type schedule struct {
	seed        uint64
	documents   int
	chunks      int // of each document
	perChunk    int
	concurrency int
	latency     time.Duration // of a call, at most
	free        bool          // the model costs nothing: replies are not kept
	analyze     bool
	rates       porttest.Rates
	calm        time.Duration // no faults after this
	restarts    []time.Duration
	cancelAt    time.Duration // 0: never
	cancelTail  int           // the job is cancelled before this port call from the first of Curate's; 0: never
	patience    time.Duration // of the workflow with a lane, before it sends another token; 0: as deployed
	strays      time.Duration // now and then a message about a lane comes again, so often on average; 0: never
	quotaAfter  int           // calls after which the provider wants money; 0: never
	busy        float64       // share of calls that are told to wait
	poison      int           // the chunk that kills its worker, by number in its document; -1: none
	garbage     float64       // share of replies that cannot be read
	clients     int           // who ask for the same at once: 1 has a key of its own
	retries     bool          // the job is retried if something of it failed
	lossy       bool          // a message that is not handled the first time is lost, but for the workflow's own
}

// newSchedule draws a schedule. Kinds of trouble are combined, but not all of them each time.
func newSchedule(seed uint64) schedule {
	r := rand.New(rand.NewPCG(seed, 77))
	pick := func(n int) bool { return r.IntN(n) == 0 }
	s := schedule{
		seed: seed, documents: 1 + r.IntN(3), chunks: 1 + r.IntN(12), perChunk: 1 + r.IntN(3), concurrency: 1 + r.IntN(20),
		latency: time.Duration(1+r.IntN(8)) * time.Second, analyze: pick(2), free: pick(4), poison: -1,
		calm: time.Duration(10+r.IntN(50)) * time.Minute,
	}
	if pick(6) {
		s.chunks, s.documents = 60+r.IntN(120), 1 // several units a lane
	}
	level := []float64{0, 0.002, 0.004, 0.015}[r.IntN(4)]
	s.rates = porttest.Rates{CrashBefore: level, CrashAfter: level, FailBefore: level, FailAfter: level, Throttle: level, Duplicate: level}
	if pick(3) {
		s.rates.Delay, s.rates.MaxDelay = 0.02, 100*time.Second // longer than a lease
	}
	for pick(3) && len(s.restarts) < 4 {
		s.restarts = append(s.restarts, time.Duration(r.IntN(int(20*time.Minute))))
	}
	switch r.IntN(10) {
	case 0:
		s.cancelAt = time.Duration(1 + r.IntN(int(3*time.Minute)))
	case 1:
		s.quotaAfter = 1 + r.IntN(30)
	case 2:
		s.poison = r.IntN(s.chunks)
	case 3:
		s.busy = 0.1
	case 4:
		s.garbage = 0.2
	}
	if pick(12) && !s.free { // a lane takes so long that the workflow loses patience
		s.chunks, s.documents, s.concurrency = 60+r.IntN(120), 1, 1+r.IntN(3)
		s.patience = time.Duration(180+r.IntN(240)) * time.Second
		s.strays = time.Minute
	}
	if pick(8) && s.cancelAt == 0 {
		s.cancelTail = 1 + r.IntN(60)
	}
	if pick(12) && !s.free && s.poison < 0 { // workers that are slow for longer than their lease, while others are eager
		s.chunks, s.documents, s.concurrency = 60+r.IntN(60), 1, 1+r.IntN(4)
		s.rates.Delay, s.rates.MaxDelay = 0.05, 4*time.Minute
		s.strays = 15 * time.Second
		if pick(2) {
			s.latency = 50 * time.Second // and calls that take nearly as long
		}
	}
	if s.free {
		s.busy = 0 // nobody else uses it; and what it answered is not kept
	}
	if s.busy > 0 && s.chunks < 13 && pick(2) {
		s.busy = 0.9 // slices end without an answer
	}
	s.lossy = pick(4)
	s.clients, s.retries = 1+r.IntN(3), pick(2)
	return s
}

// workflow is the deployed one, but for its patience with lanes.
func (s *schedule) workflow(t *testing.T) []byte {
	if s.patience == 0 {
		return infra.Workflow
	}
	deployed := []byte(`"TimeoutSeconds": 86400`)
	if bytes.Count(infra.Workflow, deployed) != 1 {
		t.Fatalf("the workflow has no %s for its lanes", deployed)
	}
	return bytes.Replace(infra.Workflow, deployed, fmt.Appendf(nil, `"TimeoutSeconds": %d`, s.patience/time.Second), 1)
}
