package main

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"compileo/internal/model/modeltest"
)

const (
	killChunks      = 1_000
	killConcurrency = 32
	killLatency     = 100 * time.Millisecond
	kills           = 20
	quickKills      = 6 // in a row at most, and at first: before any call was answered
	lateKills       = 5 // of kills: after the last call was answered
)

// killArgs is the command that is killed. Nothing is left out of its dataset, so that what is missing was lost.
var killArgs = []string{
	"generate", "docs", "-o", "out.jsonl", "--model", "openai/mock", "--concurrency", "32", "--chunk-strategy", "delimiter",
	"--delimiter", separator, "--quality=false", "--json",
}

// The program is killed at random moments of a job and started again with the same command, until the job is
// complete: no entry is lost or doubled, and what is paid twice are the calls that were in flight.
//
// The moments are random, but for how many lives in a row end without an answer: a call whose worker dies each time
// that it alone is made is given up as what kills it, by design, and that takes eight of them.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: kill -9, with -short")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KILL_SEED"); s != "" {
		seed = 0
		for _, c := range s {
			seed = seed*10 + uint64(c-'0')
		}
	}
	t.Logf("KILL_SEED=%d repeats the moments of the kills", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := newPlace(t)
	server := p.model(modeltest.New(killLatency))
	sentences := p.stations(killChunks, 5)

	lives, inLanes, done, quick := 0, 0, 0, 0
	for killed := 0; killed < kills; lives++ {
		if lives > 10*kills {
			t.Fatalf("%d programs were started and only %d could be killed", lives, killed)
		}
		late := killed >= kills-lateKills
		life := time.Duration(random.IntN(int(killLatency)))
		before := server.Counts()
		until := func(c modeltest.Counts) bool { return c.Calls > before.Calls }
		quick++
		switch {
		case done > 0:
			life /= 4 // it has but to write the file
			until = func(modeltest.Counts) bool { return true }
		case late: // whatever calls are left are answered first: the last kills strike what comes after them
			until = func(c modeltest.Counts) bool { return c.Distinct == killChunks && c.InFlight == 0 }
		case quick > quickKills || killed >= quickKills && random.IntN(2) == 0:
			quick = 0
			until = func(c modeltest.Counts) bool { return c.Answered >= before.Answered+killConcurrency }
		}
		r := p.start(killArgs...)
		_ = r.during(func(ctx context.Context) error { return server.Wait(ctx, until) }) // or it has ended: that is seen below
		select {
		case <-time.After(life):
		case <-r.ended:
		}
		if r.signal(syscall.SIGKILL) {
			killed++
		}
		switch got := r.wait(); got.code {
		case -1:
		case exitOK:
			done++
			p.wantEntries(p.path("out.jsonl"), sentences)
		default:
			t.Fatalf("life %d ended with %d:\n%s", lives, got.code, got.stderr)
		}
		if err := server.Wait(t.Context(), modeltest.Idle); err != nil {
			t.Fatal(err)
		}
		if server.Counts().Distinct < killChunks {
			inLanes = killed
		}
	}
	last := p.decode(p.succeed(killArgs...))
	p.wantEntries(p.path("out.jsonl"), sentences)
	c := server.Counts()
	twice := c.Calls - c.Distinct
	t.Logf("%d kills, %d of them while calls were made; %d calls for %d chunks, %d paid twice (bound %d); %d in flight at most",
		kills, inLanes, c.Calls, killChunks, twice, killConcurrency*kills, c.MaxInFlight)
	if c.Distinct != killChunks || twice > killConcurrency*kills || c.MaxInFlight > killConcurrency {
		t.Errorf("calls = %+v, want %d prompts, at most %d paid twice, at most %d in flight", c, killChunks, killConcurrency*kills, killConcurrency)
	}
	if inLanes < kills/2 {
		t.Errorf("%d kills struck while calls were made, want most of %d", inLanes, kills)
	}
	if n := last.Result.Chunks; n.Total != killChunks || n.WithEntries != killChunks || last.Result.Entries != len(sentences) {
		t.Errorf("report = %+v with %d entries, want %d chunks with entries", n, last.Result.Entries, killChunks)
	}
	if left := temporaries(t, p); len(left) > 0 {
		t.Logf("killed programs left %v beside the dataset", left)
	}
}

// A chunk that kills the program each time it is asked fails, in the end, and no other does: neither those of its own
// lane nor those that were under way on other lanes.
func TestPoison(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: a chunk that kills the program, with -short")
	}
	t.Parallel()
	const chunks, poison = 200, 57
	p := newPlace(t)
	server := p.model(modeltest.New(20 * time.Millisecond))
	var running atomic.Pointer[process]
	server.Script = func(c modeltest.Call) modeltest.Trouble {
		if strings.Contains(c.Prompt, facts(poison)[0]) {
			running.Load().signal(syscall.SIGKILL)
		}
		return modeltest.None
	}
	sentences := p.stations(chunks, 2)
	for lives := 1; ; lives++ {
		r := p.start(killArgs...)
		running.Store(r)
		got := r.wait()
		if got.code == -1 && lives < 30 {
			continue
		}
		if got.code != exitOK {
			t.Fatalf("life %d ended with %d:\n%s", lives, got.code, got.stderr)
		}
		t.Logf("the program died %d times", lives-1)
		n := p.decode(got).Result.Chunks
		if why := "failed: its worker died each time it was asked"; n.Failed != 1 || n.WithEntries != chunks-1 || n.Reasons[why] != 1 {
			t.Errorf("chunks = %+v, want one that failed because %q", n, why)
		}
		break
	}
	p.wantEntries(p.path("out.jsonl"), slices.Delete(sentences, 3*poison, 3*poison+3))
}

// temporaries lists what killed programs left where the dataset goes.
func temporaries(t *testing.T, p *place) (names []string) {
	t.Helper()
	list, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name()[0] == '.' {
			names = append(names, e.Name())
		}
	}
	return names
}

// Ctrl-C ends the program with 130; the same command goes on, and a later one uses again what was paid for.
func TestInterruptAndReuse(t *testing.T) {
	t.Parallel()
	const chunks, concurrency = 200, 16
	p := newPlace(t)
	server := p.model(modeltest.New(50 * time.Millisecond))
	sentences := p.stations(chunks, 2)
	args := []string{
		"generate", "docs", "-o", "out.jsonl", "--model", "openai/mock", "--concurrency", "16", "--chunk-strategy", "delimiter",
		"--delimiter", separator, "--quality=false", "--json",
	}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		begun := server.Counts().Answered
		r := p.start(args...)
		if err := r.during(func(ctx context.Context) error {
			return server.Wait(ctx, func(c modeltest.Counts) bool { return c.Answered >= begun+3*concurrency })
		}); err != nil {
			t.Fatal(err)
		}
		if !r.signal(s) {
			t.Fatal("the program ended before it could be interrupted")
		}
		got := r.wait()
		if got.code != exitInterrupted || got.stdout != "" || lastLine(got.stderr) != "interrupted; nothing is lost: the same command goes on from here" {
			t.Errorf("after %v: exit %d, %q, %q", s, got.code, got.stdout, got.stderr)
		}
		if _, err := os.Stat(p.path("out.jsonl")); !os.IsNotExist(err) {
			t.Errorf("after %v there is a dataset: %v", s, err)
		}
	}
	first := p.decode(p.succeed(args...))
	p.wantEntries(p.path("out.jsonl"), sentences)
	c := server.Counts()
	if c.Distinct != chunks || c.Calls > chunks+2*concurrency {
		t.Errorf("calls = %+v, want %d prompts and at most %d paid twice", c, chunks, 2*concurrency)
	}

	// The same command: the job is there.
	again := p.decode(p.succeed(args...))
	if !again.Reused || again.JobID != first.JobID {
		t.Errorf("the second run made job %s anew, want job %s", again.JobID, first.JobID)
	}
	// Another command on the same documents: another job, the same replies.
	other := p.decode(p.succeed(append(args, "--per-chunk", "3", "--quality=true", "-o", "other.jsonl")...))
	if u := other.Result.Usage; other.Reused || u.Calls != 0 || u.Reused != chunks {
		t.Errorf("another job used %+v, want %d replies again and no call", u, chunks)
	}
	if after := server.Counts(); after.Calls != c.Calls {
		t.Errorf("%d calls were made for what was there", after.Calls-c.Calls)
	}
}
