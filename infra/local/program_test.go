package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model/modeltest"
)

// TestMain removes the built program, and serves as the model server of a benchmark when it is told to.
func TestMain(m *testing.M) {
	if latency := os.Getenv(serverVariable); latency != "" {
		serveModel(latency)
		return
	}
	code := m.Run()
	if dir, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

// built is the path of the program, built once: what these tests start is what users start.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "compileo-test")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "compileo")
	if out, err := exec.Command("go", "build", "-ldflags=-X main.version=test", "-o", path, ".").CombinedOutput(); err != nil {
		return path, fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

// place is somewhere to run the program in: a home of its own, no provider but those that env names.
type place struct {
	t   testing.TB
	dir string
	env []string
}

func newPlace(t testing.TB) *place {
	t.Helper()
	dir := t.TempDir()
	return &place{t: t, dir: dir, env: []string{
		"HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
	}}
}

// model starts a model server and makes the program use it as "openai".
func (p *place) model(s *modeltest.Server) *modeltest.Server {
	p.t.Helper()
	h := httptest.NewServer(s)
	p.t.Cleanup(h.Close)
	p.env = append(p.env, "OPENAI_BASE_URL="+h.URL+"/v1")
	return s
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

// file writes a file below the place and returns its path.
func (p *place) file(name, content string) string {
	p.t.Helper()
	path := p.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// process is a running program.
type process struct {
	t           testing.TB
	cmd         *exec.Cmd
	stdout, err output
	ended       chan struct{}
}

// output is a buffer that may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// result is how a program ended.
type result struct {
	code           int // -1: by a signal
	stdout, stderr string
}

// hangs is when a program that does not end is killed, and the test has failed.
const hangs = 2 * time.Minute

// start runs the program with the place as its working directory.
func (p *place) start(args ...string) *process {
	p.t.Helper()
	path, err := built()
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	r := &process{t: p.t, cmd: exec.CommandContext(ctx, path, args...), ended: make(chan struct{})}
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = p.dir, p.env, &r.stdout, &r.err
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		defer cancel()
		if err := r.cmd.Wait(); ctx.Err() != nil {
			p.t.Errorf("compileo %s does not end (%v):\n%s", strings.Join(args, " "), err, r.err.String())
		}
	}()
	p.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	})
	return r
}

// signal sends a signal; false: the program has ended.
func (r *process) signal(s os.Signal) bool {
	err := r.cmd.Process.Signal(s)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Fatal(err)
	}
	return err == nil
}

// during calls wait with a context that ends with the program.
func (r *process) during(wait func(context.Context) error) error {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	go func() {
		select {
		case <-r.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return wait(ctx)
}

// wait waits for the program's end.
func (r *process) wait() result {
	<-r.ended
	return result{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.err.String()}
}

// run runs the program to its end.
func (p *place) run(args ...string) result {
	p.t.Helper()
	return p.start(args...).wait()
}

// succeed runs the program, which must exit with 0.
func (p *place) succeed(args ...string) result {
	p.t.Helper()
	r := p.run(args...)
	if r.code != exitOK {
		p.t.Fatalf("compileo %s = exit %d, want 0:\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r
}

// report is what --json prints.
type report struct {
	Status string         `json:"status"`
	JobID  string         `json:"job_id"`
	File   string         `json:"file"`
	Reused bool           `json:"reused"`
	Error  string         `json:"error"`
	Result dataset.Result `json:"result"`
}

func (p *place) decode(r result) report {
	p.t.Helper()
	var v report
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || d.More() {
		p.t.Fatalf("standard output is not one JSON object: %v\n%s", err, r.stdout)
	}
	return v
}

// entries reads a dataset.
func (p *place) entries(path string) []dataset.Entry {
	p.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(b) > 0 && b[len(b)-1] != '\n' {
		p.t.Fatalf("%s does not end with a line", path)
	}
	var list []dataset.Entry
	for line := range strings.Lines(string(b)) {
		var e dataset.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			p.t.Fatalf("%s, line %d: %v", path, len(list)+1, err)
		}
		list = append(list, e)
	}
	return list
}

// separator stands between the chunks of the documents that stations writes.
const separator = "\n---\n"

// facts are the sentences about a station: the model server makes an entry of each.
func facts(station int) []string {
	return []string{
		fmt.Sprintf("The pump of station %d delivers %d litres of water per minute at a pressure of %d bar", station, 100+7*station, station%9+2),
		fmt.Sprintf("The valve of station %d is made of bronze alloy number %d and was fitted in the year %d", station, 3*station, 1900+station%100),
		fmt.Sprintf("The motor of station %d runs at %d turns per minute and needs %d kilowatts of power", station, 1000+11*station, station%40+5),
	}
}

// stations writes documents about n stations, a chunk each, into the folder docs, and returns the sentences.
func (p *place) stations(n, documents int) (sentences []string) {
	p.t.Helper()
	for d := range documents {
		var chunks []string
		for i := d * n / documents; i < (d+1)*n/documents; i++ {
			chunks = append(chunks, strings.Join(facts(i), ". ")+".")
			sentences = append(sentences, facts(i)...)
		}
		p.file(fmt.Sprintf("docs/stations-%02d.txt", d), strings.Join(chunks, separator))
	}
	return sentences
}

// wantEntries checks that a dataset holds one entry for each sentence, and no other.
func (p *place) wantEntries(path string, sentences []string) {
	p.t.Helper()
	of, ids := map[string]int{}, map[string]bool{}
	for _, e := range p.entries(path) {
		if len(e.Evidence) != 1 || e.Answer != e.Evidence[0].Quote+"." {
			p.t.Fatalf("entry %s is not one of those expected: %+v", e.ID, e)
		}
		if ids[e.ID] {
			p.t.Errorf("there are several entries %s", e.ID)
		}
		ids[e.ID] = true
		of[e.Evidence[0].Quote]++
	}
	lost, doubled := 0, 0
	for _, s := range sentences {
		if of[s] == 0 {
			lost++
		} else if of[s] > 1 {
			doubled++
		}
		delete(of, s)
	}
	if lost > 0 || doubled > 0 || len(of) > 0 {
		p.t.Errorf("of %d entries %d are lost, %d doubled, and %d are there that nobody expects", len(sentences), lost, doubled, len(of))
	}
}
