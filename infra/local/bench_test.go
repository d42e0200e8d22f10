package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/model/modeltest"
	"compileo/internal/model/openai"
	"compileo/internal/prompt"
)

// serverVariable makes the test binary a model server with the latency that it holds.
const serverVariable = "COMPILEO_TEST_MODEL"

// serveModel says its address, serves until standard input ends, and says how long it was called.
func serveModel(latency string) {
	d, err := time.ParseDuration(latency)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String() + "/v1")
	server := modeltest.New(d)
	go func() { _ = http.Serve(l, server) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println(server.Called())
}

// modelProcess starts a model server as a process of its own. It returns its base URL, and a function that ends it
// and says how long it was called: from the first call to the end of the last.
func modelProcess(b *testing.B, latency time.Duration) (url string, end func() time.Duration) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverVariable+"="+latency.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line := func() string {
		s, err := lines.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		return strings.TrimSpace(s)
	}
	return line(), func() time.Duration {
		_ = in.Close()
		called, err := time.ParseDuration(line())
		if err := errors.Join(err, cmd.Wait()); err != nil {
			b.Fatal(err)
		}
		return called
	}
}

const (
	benchInFlight = 64
	benchEntries  = 3 // of a chunk
)

// BenchmarkGenerate is the whole command, from its start to its exit, against a model server in another process;
// beside it a bare client that makes the same calls, as many in flight, and does nothing with the replies.
//
// Efficiency is the least time that the calls can take, ⌈calls / in flight⌉ × latency, over the time from the first
// call to the end of the last, as the server sees them; that of the whole command has reading, choosing and writing in it.
func BenchmarkGenerate(b *testing.B) {
	for _, c := range []struct {
		chunks  int
		latency time.Duration
	}{{8_000, 0}, {8_000, 50 * time.Millisecond}, {2_000, 250 * time.Millisecond}} {
		b.Run(fmt.Sprintf("chunks=%d/latency=%s", c.chunks, c.latency), func(b *testing.B) {
			var ours, bare, calls, bareCalls, processor time.Duration
			for b.Loop() {
				url, end := modelProcess(b, c.latency)
				p := newPlace(b)
				p.env = append(p.env, "OPENAI_BASE_URL="+url)
				p.stations(c.chunks, 10)
				begun := time.Now()
				run := p.start("generate", "docs", "-o", "out.jsonl", "--model", "openai/mock", "--concurrency", strconv.Itoa(benchInFlight),
					"--chunk-strategy", "delimiter", "--delimiter", separator, "--threshold", "0", "--json")
				r := p.decode(run.wait())
				ours += time.Since(begun)
				processor += run.cmd.ProcessState.UserTime() + run.cmd.ProcessState.SystemTime()
				if want := c.chunks * benchEntries; r.Result.Entries+r.Result.Rejected["duplicate"] != want {
					b.Fatalf("%d entries and %v, want %d", r.Result.Entries, r.Result.Rejected, want)
				}
				calls += end()
				url, end = modelProcess(b, c.latency)
				bare += bareClient(b, url, c.chunks)
				bareCalls += end()
			}
			n := float64(b.N)
			least := float64((c.chunks+benchInFlight-1)/benchInFlight) * c.latency.Seconds()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(n*float64(c.chunks*benchEntries)/ours.Seconds(), "entries/s")
			b.ReportMetric(n*float64(c.chunks*benchEntries)/bare.Seconds(), "bare-entries/s")
			b.ReportMetric(n*float64(c.chunks*benchEntries)/processor.Seconds(), "entries/cpu-s")
			b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare")
			if c.latency > 0 {
				b.ReportMetric(100*n*least/calls.Seconds(), "%efficient")
				b.ReportMetric(100*n*least/bareCalls.Seconds(), "%bare-efficient")
				b.ReportMetric(100*n*least/ours.Seconds(), "%efficient-in-all")
			}
		})
	}
}

// bareClient makes the calls of a job with nothing around them.
func bareClient(b *testing.B, url string, chunks int) time.Duration {
	b.Helper()
	client := &openai.Client{BaseURL: url, HTTP: openai.NewHTTP(benchInFlight)}
	template, schema := prompt.Builtin(dataset.QuestionAnswer), prompt.Schema(dataset.QuestionAnswer, benchEntries)
	begun := time.Now()
	var next atomic.Int64
	var callers sync.WaitGroup
	for range benchInFlight {
		callers.Go(func() {
			for i := next.Add(1) - 1; i < int64(chunks); i = next.Add(1) - 1 {
				text := strings.Join(facts(int(i)), ". ") + "."
				system, user := template.Render(&dataset.Chunk{Text: text}, benchEntries)
				if _, err := client.Generate(context.Background(), &model.Request{Model: "mock", System: system, User: user, Schema: schema, MaxTokens: 1_712}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	client.HTTP.CloseIdleConnections()
	return time.Since(begun)
}

// BenchmarkMemory is the most memory that the command has at a time, up to Curate and in all, with the built-in model.
func BenchmarkMemory(b *testing.B) {
	for _, chunks := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint("chunks=", chunks), func(b *testing.B) {
			var before, all float64
			entries := 0
			for b.Loop() {
				p := newPlace(b)
				p.stations(chunks, max(1, chunks/2_000))
				r := p.start("generate", "docs", "-o", "out.jsonl", "--chunk-strategy", "delimiter", "--delimiter", separator, "--threshold", "0", "--json")
				lanes, peak := r.watchMemory()
				before, all = max(before, lanes), max(all, peak)
				entries = p.decode(r.wait()).Result.Entries
			}
			b.ReportMetric(before, "MB-to-curate")
			b.ReportMetric(all, "MB-peak")
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// watchMemory waits for the program's end and returns its peak of resident memory in MB: until it was first seen
// to curate, and in all.
func (r *process) watchMemory() (lanes, all float64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.ended:
			return lanes, all
		case <-tick.C:
		}
		if mb := r.peakMemory(); mb > 0 {
			if all = mb; !strings.Contains(r.err.String(), "Removing duplicates") {
				lanes = mb
			}
		}
	}
}

// peakMemory is the most resident memory that the program had so far, in MB; 0 when it has ended. The rusage of a
// child would begin with that of its parent.
func (r *process) peakMemory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	if err != nil {
		r.t.Fatal(err)
	}
	return kb / 1024
}
