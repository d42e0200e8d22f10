package pipeline_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the rules of the protocol one at a time (builds a binary for each)")

// broken is one rule of the protocol, broken: old is replaced by new in file, and the simulation, begun at seed, must
// fail with says in what it prints.
var broken = []struct {
	name, file, old, new string
	seed, schedules      int
	says                 string
}{
	{"a live lease does not keep others away", "generate.go", "|| lane.Lease.Live(time.Now())", "|| time.Now().IsZero()", 1, 60, ""},
	{
		"a claim does not look whether the lane is as it was read", "hold.go",
		"l.Claims != read.Claims || l.Next != read.Next || l.Next >= l.End ||\n\t\t\tl.Lease.Holder != read.Lease.Holder || !l.Lease.Until.Equal(read.Lease.Until) {", "l.Next != read.Next {", 1, 60, "",
	},
	{"replies are not kept", "call.go", "if !h.model.Free {\n\t\t\t// The reply is paid", "if false {\n\t\t\t// The reply is paid", 1, 60, "paid"},
	{"kept replies are not looked for", "call.go", "if h.model.Free {\n\t\treturn u, nil", "if true {\n\t\treturn u, nil", 1, 60, "paid"},
	{"workers do not look at the job", "hold.go", "\tj, err := h.Job(ctx, h.job.Ref)\n", "\tj, err := h.job, ctx.Err()\n", 260, 100, ""},
	{"a stop drops the unit begun", "leave.go", "closes := h.cur != nil && h.answered() > 0", "closes := false && h.answered() > 0", 1, 200, ""},
	{"a stop moves both cursors", "leave.go", "l.End = l.Next", "l.End, l.Scored = l.Next, l.Next", 1, 100, ""},
	{"a stop moves the cursor to the end", "leave.go", "l.End = l.Next", "l.Next = l.End", 1, 100, ""},
	{"a lane answers before its last unit is scored", "score.go", "case lane.Scored == lane.End:", "case lane.Scored+1 >= lane.End:", 1, 60, ""},
	{"a unit scored twice is counted twice", "score.go", "if l.Scored != scored {", "if scored < 0 {", 1, 200, ""},
	{"the sweeper sends no hints", "sweep.go", "if l.Lease.Live(now) || now.Sub(later(l.HintAt, l.Held)) < patience {", "if true || now.Sub(later(l.HintAt, l.Held)) < patience {", 1, 60, ""},
	{"calls are made alone too early", "pipeline.go", "aloneAfter    = 3", "aloneAfter    = 2", 1, 300, "alone after"},
	{"a chunk is given up too early", "pipeline.go", "suspectDeaths = 5", "suspectDeaths = 4", 1, 300, "guilty"},
	{"a death before the suspect was asked counts", "hold.go", "s != nil && s.Asked &&", "s != nil &&", 1, 300, ""},
	{"the suspect's deaths are not kept", "call.go", "l.Suspect == nil || l.Suspect.Task != number:", "true:", 1, 300, ""},
	{"calls noted as alone are not", "call.go", "if h.alone > 0 && h.calls > 0 {", "if h.alone > 0 && h.calls < 0 {", 1, 300, "at the same time"},
	{"an advance leaves the attempts", "hold.go", "l.Attempts, l.Waits, l.Suspect, l.Poisoned = 0, 0, nil, nil", "l.Waits, l.Suspect, l.Poisoned = 0, nil, nil", 1, 300, "alone after"},
	{"a slice that ends in order counts as an attempt", "leave.go", "l.Attempts = max(0, l.Attempts-1)", "l.Attempts = max(0, l.Attempts)", 1, 300, "alone after"},
	{"calls outlive their lease", "hold.go", "h.finish(leaseLost)\n\t\tendCalls()", "h.finish(leaseLost)", 1, 300, ""},
	{"steps go on with a job that is over", "pipeline.go", "if j.Status.Over() {", "if false && j.Status.Over() {", 1, 300, "when the job was over"},
	{"the sweeper does not call back", "sweep.go", "return e.callBack(ctx, l)", "return nil", 630, 60, ""},
	{"an equal request starts another job", "request.go", "case shared:", "case shared && j == nil:", 1, 60, "equal requests"},
	{"a job is not taken from its old count", "change.go", "(*counts)[from]--", "_ = from", 1, 60, "counted as"},
	{"a retry asks nothing anew", "reply.go", "next/2 <= h.job.Retries", "next < 0", 1, 300, "chunks failed"},
	{"a job that is over can be ended again", "settle.go", "if j.Status.Over() {\n\t\t\treturn false, nil\n\t\t}\n\t\tj.Status, j.Error", "j.Status, j.Error", 1, 60, ""},
}

// TestMutants: each rule is needed, for without it an invariant of the simulation breaks.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("run it with -mutants, as CI does")
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, 2)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, m := range broken {
		source, err := os.ReadFile(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Errorf("%s: the text to break stands %d times in %s", m.name, n, m.file)
			continue
		}
		temp := t.TempDir()
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out, err := simulateMutant(temp, dir, m.file, strings.Replace(string(source), m.old, m.new, 1), m.seed, m.schedules)
			switch {
			case err == nil:
				t.Errorf("%d %s: not caught by %d schedules from seed %d", i, m.name, m.schedules, m.seed)
			case !strings.Contains(out, "--- FAIL: TestSimulation"):
				t.Errorf("%d %s: it does not run:\n%s", i, m.name, out)
			case !strings.Contains(out, m.says):
				t.Errorf("%d %s: caught by another invariant than %q:\n%s", i, m.name, m.says, out)
			default:
				t.Logf("%s: caught, %s", m.name, caughtBy(out))
			}
		})
	}
}

// simulateMutant builds the tests with one file replaced and runs the simulation.
func simulateMutant(temp, dir, file, source string, seed, schedules int) (string, error) {
	replaced := filepath.Join(temp, file)
	overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(dir, file): replaced}})
	for path, text := range map[string]string{replaced: source, filepath.Join(temp, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	binary := filepath.Join(temp, "mutant.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", filepath.Join(temp, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		return string(out), err
	}
	out, err := exec.Command(binary, "-test.run", "TestSimulation", "-seed", fmt.Sprint(seed), "-schedules", fmt.Sprint(schedules)).CombinedOutput()
	return string(out), err
}

// caughtBy is the first line of an invariant in the output of a failed simulation.
func caughtBy(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") && !strings.Contains(line, "replay with") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
