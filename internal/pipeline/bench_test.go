package pipeline

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/embedded"
	"compileo/internal/prompt"
)

// benchUnit is a unit of n chunks with three candidates each, as a generator writes it.
func benchUnit(number, n int) (*candidates, []task) {
	c := &candidates{Unit: number}
	var tasks []task
	for i := number * n; i < (number+1)*n; i++ {
		facts := []string{
			fmt.Sprintf("The pump of station %d delivers %d litres of water per minute at a pressure of %d bar", i, 100+7*i, i%9+2),
			fmt.Sprintf("The valve of station %d is made of bronze alloy number %d and was fitted in the year %d", i, 3*i, 1900+i%100),
			fmt.Sprintf("The motor of station %d runs at %d turns per minute and needs %d kilowatts of power", i, 1000+11*i, i%40+5),
		}
		text := strings.Join(facts, ". ") + "."
		chunk := dataset.Chunk{
			Document: "d", Chunking: "c", Ordinal: i, End: len(text), Title: "Stations", Text: text,
			Blocks: []dataset.Block{{Kind: dataset.ParagraphBlock, End: len(text)}},
		}
		a := chunkAnswer{
			Task: i, Outcome: dataset.WithEntries, Usage: dataset.Usage{Calls: 1}, Category: "Stations",
			Metadata: dataset.Metadata{Model: "openai/mock", GenerationTime: time.Unix(1_790_000_000, 0).UTC(), ChunkLength: len(text), Mode: dataset.QuestionAnswer, Seed: 1},
		}
		for _, fact := range facts {
			subject, _, _ := strings.Cut(fact, fmt.Sprint(" ", i, " "))
			a.Drafts = append(a.Drafts, prompt.Draft{
				Question: fmt.Sprintf("What is known about %s %d?", strings.ToLower(subject), i), Answer: fact + ".", Evidence: []string{fact},
			})
		}
		c.Chunks = append(c.Chunks, a)
		tasks = append(tasks, task{Number: i, Name: "stations.txt", Chunk: chunk})
	}
	return c, tasks
}

// BenchmarkScore makes, assesses and encodes the entries of one unit, on one processor.
func BenchmarkScore(b *testing.B) {
	c, tasks := benchUnit(1, 50)
	entries := 0
	b.ReportAllocs()
	for b.Loop() {
		s, err := score(c, tasks)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.encode(); err != nil {
			b.Fatal(err)
		}
		entries += len(s.summary.Entries)
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}

// benchJob is a job of so many chunks that waits for Curate: all its units are scored.
func benchJob(b *testing.B, chunks int) (*Engine, *dataset.Job) {
	b.Helper()
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	e := &Engine{Table: store.Table(), Blobs: store.Blobs(), Queue: store.Queue(), Timing: DefaultTiming, Log: slog.New(slog.DiscardHandler)}
	j := &dataset.Job{
		Ref: dataset.JobRef{Tenant: "bench", ID: "job"}, Project: "p", Kind: dataset.GenerateJob, Settings: dataset.DefaultSettings(),
		Target: dataset.Target{Dataset: "dataset"}, Status: dataset.Running, Created: time.Now().UTC(),
	}
	j.Settings.Threshold = 0.1
	plan := dataset.NewPlan([]dataset.PlanSet{{ChunkSet: dataset.ChunkSet{Key: "none", Count: chunks}, Document: "d", Name: "stations.txt"}}, 64)
	j.Plan = plan.PlanCounts
	if _, err := dataset.PinJSON(b.Context(), e.Blobs, dataset.JobKey(j.Ref, "plan"), &plan); err != nil {
		b.Fatal(err)
	}
	put := func(sk string, v any) {
		w, err := dataset.NewRecord(dataset.JobPK(j.Ref), sk, v, dataset.Absent)
		if err == nil {
			err = e.Table.Write(b.Context(), w)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	put(dataset.JobSK, j)
	for i := range plan.Lanes {
		n := plan.UnitsOf(i)
		put(dataset.LaneSK(i), dataset.Lane{Job: j.Ref, Index: i, Next: n, Scored: n, End: n})
	}
	for u := range plan.Units {
		s, err := score(benchUnit(u, plan.UnitSize))
		if err != nil {
			b.Fatal(err)
		}
		data, err := s.encode()
		if err == nil {
			err = e.Blobs.Put(b.Context(), dataset.ScoredKey(j.Ref, u), data)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return e, j
}

// heapPeak calls do and returns by how many bytes the heap's live objects grew at most. The collector runs often, so
// that what is there is about what is in use.
func heapPeak(do func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	live := func() float64 {
		metrics.Read(sample)
		return float64(sample[0].Value.Uint64())
	}
	before, peak := live(), 0.0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, live())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	<-stopped
	return peak - before
}

// BenchmarkCurate decides over all candidates of a job and says what it holds in memory for each.
func BenchmarkCurate(b *testing.B) {
	for _, chunks := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint("chunks=", chunks), func(b *testing.B) {
			e, j := benchJob(b, chunks)
			entries := 0
			curate := func() {
				run, err := e.gather(b.Context(), j)
				if err != nil {
					b.Fatal(err)
				}
				run.decide(j.Settings)
				run.parts()
				entries = len(run.items)
			}
			peak := heapPeak(curate)
			for b.Loop() {
				curate()
			}
			if entries < 3*chunks {
				b.Fatalf("%d candidates, want %d", entries, 3*chunks)
			}
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(peak/float64(entries), "B/entry")
		})
	}
}

// BenchmarkAssemble writes the parts of a version of 60,000 entries.
func BenchmarkAssemble(b *testing.B) {
	const chunks = 20_000
	e, j := benchJob(b, chunks)
	curated, err := e.Curate(b.Context(), JobInput{Job: j.Ref.String()})
	if err != nil {
		b.Fatal(err)
	}
	written := int64(0)
	for b.Loop() {
		for _, part := range curated.Parts {
			if err := e.Assemble(b.Context(), PartInput{Job: j.Ref.String(), Part: part}); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		prefix := dataset.VersionPrefix(j.Ref.Tenant, j.Target.Dataset, j.Ref.ID)
		list, err := e.Blobs.List(b.Context(), prefix, "")
		if err != nil || len(list) < len(curated.Parts) {
			b.Fatalf("version = %v, %v, want %d parts", list, err, len(curated.Parts))
		}
		for _, file := range list {
			if strings.HasSuffix(file.Key, ".jsonl") {
				written += file.Size
			}
			if err := e.Blobs.Delete(b.Context(), file.Key); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	if written == 0 {
		b.Fatal("nothing was written")
	}
	b.ReportMetric(float64(written)/1e6/b.Elapsed().Seconds(), "MB/s")
}
