package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/snapshot"
)

// screen is what the user sees: notes and progress on standard error, the result on standard output.
type screen struct {
	out, err io.Writer
	json     bool
	terminal bool
	drawn    bool      // a progress bar is on the current line
	said     time.Time // last progress line where there is no terminal
	step     string    // the step that it was about
}

func newScreen(out, err io.Writer, asJSON bool) *screen {
	s := &screen{out: out, err: err, json: asJSON}
	if f, ok := err.(*os.File); ok {
		info, statErr := f.Stat()
		s.terminal = statErr == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

func (s *screen) note(text string) {
	s.end()
	fmt.Fprintln(s.err, text)
}

const (
	barWidth = 30              // characters of the progress bar
	sayEvery = 2 * time.Second // between lines about the same step where there is no terminal
)

// progress draws the bar anew, or, where there is no terminal, says a line now and then.
func (s *screen) progress(p *pipeline.Progress) {
	if p.Job.Status.Over() {
		return // whatever comes next says more
	}
	text := fmt.Sprintf("%3d %%  %s", p.Percent, p.Step)
	if p.Tally.Entries > 0 {
		text += fmt.Sprintf(", %d entries", p.Tally.Entries)
	}
	if !p.Ends.IsZero() {
		text += fmt.Sprintf(", %s left", time.Until(p.Ends).Round(time.Second))
	}
	switch {
	case s.terminal:
		full := barWidth * p.Percent / 100
		fmt.Fprintf(s.err, "\r\x1b[K[%s%s] %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), text)
		s.drawn = true
	case s.step != p.Job.Step || time.Since(s.said) >= sayEvery:
		s.step, s.said = p.Job.Step, time.Now()
		fmt.Fprintln(s.err, text)
	}
}

// end leaves the line of the bar.
func (s *screen) end() {
	if s.drawn {
		fmt.Fprint(s.err, "\r\x1b[K")
		s.drawn = false
	}
}

// failed reports a job that failed.
func (s *screen) failed(j *dataset.Job) {
	if s.json {
		_ = s.encode(map[string]any{"status": j.Status, "job_id": j.Ref.ID, "error": j.Error, "result": j.Result})
	} else if j.Result != nil {
		chunks(s.err, j.Result)
		unreadable(s.err, j.Result)
	}
	fmt.Fprintf(s.err, "compileo: the job %s: %s\n", ended[j.Status], j.Error)
}

// ended says how a job that made no dataset ended.
var ended = map[dataset.JobStatus]string{dataset.Failed: "failed", dataset.Cancelled: "was cancelled"}

// done reports the dataset.
func (s *screen) done(ctx context.Context, g *generation, j *dataset.Job, v *snapshot.Version) error {
	if s.json {
		return s.encode(map[string]any{"status": j.Status, "job_id": j.Ref.ID, "file": g.out, "reused": g.reused, "result": j.Result})
	}
	r := j.Result
	chunks(s.out, r)
	unreadable(s.out, r)
	s.rejected(r)
	s.histogram(r)
	if err := s.examples(ctx, v); err != nil {
		return err
	}
	took := ""
	if !g.reused {
		took = fmt.Sprintf(" in %s", j.Ended.Sub(j.Created).Round(100*time.Millisecond))
	}
	fmt.Fprintf(s.out, "\n%d entries%s, average quality %.2f, by %s\n%s\n", r.Entries, took, r.QualitySummary.AverageScore, r.Model, g.out)
	return nil
}

func (s *screen) encode(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// chunks shows the table of outcomes.
func chunks(out io.Writer, r *dataset.Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nchunks\t%d\t\n", r.Chunks.Total)
	fmt.Fprintf(w, "  with entries\t%d\t\n", r.Chunks.WithEntries)
	fmt.Fprintf(w, "  empty\t%d\t\n", r.Chunks.Empty)
	fmt.Fprintf(w, "  failed\t%d\t\n", r.Chunks.Failed)
	for _, reason := range byCount(r.Chunks.Reasons) {
		fmt.Fprintf(w, "    %s\t%d\t\n", reason, r.Chunks.Reasons[reason])
	}
	_ = w.Flush()
}

func unreadable(out io.Writer, r *dataset.Result) {
	if r.Documents.Unreadable == 0 {
		return
	}
	fmt.Fprintf(out, "\n%d of %d documents could not be read:\n", r.Documents.Unreadable, r.Documents.Total)
	names := make([]string, 0, len(r.Documents.Reasons))
	for name := range r.Documents.Reasons {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(out, "  %s: %s\n", name, r.Documents.Reasons[name])
	}
}

func (s *screen) rejected(r *dataset.Result) {
	if len(r.Rejected) == 0 {
		return
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nleft out, by reason\t\t\n")
	for _, reason := range byCount(r.Rejected) {
		fmt.Fprintf(w, "  %s\t%d\t\n", reason, r.Rejected[reason])
	}
	_ = w.Flush()
}

// byCount lists the keys of counts, highest first.
func byCount(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return keys
}

// histogram plots the distribution of quality scores from the lowest step that has an entry.
func (s *screen) histogram(r *dataset.Result) {
	h := r.QualitySummary.Histogram
	first := slices.IndexFunc(h[:], func(n int) bool { return n > 0 })
	if first < 0 {
		return
	}
	most := slices.Max(h[:])
	fmt.Fprintln(s.out, "\nquality")
	for i := len(h) - 1; i >= first; i-- {
		fmt.Fprintf(s.out, "  %.2f  %s %d\n", float64(i)/float64(len(h)), strings.Repeat("█", (h[i]*40+most-1)/most), h[i])
	}
}

// shown is how many entries are printed.
const shown = 3

// examples prints some of the best entries, from different documents, with the quote that each rests on.
func (s *screen) examples(ctx context.Context, v *snapshot.Version) error {
	page, err := v.Page(ctx, snapshot.PageQuery{Order: snapshot.ByQuality, Limit: 100}, nil)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, raw := range page.Entries {
		var e dataset.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return dataset.Errorf(dataset.Internal, "an entry of the dataset is damaged: %w", err)
		}
		if len(e.Evidence) == 0 || seen[e.Evidence[0].Document] || len(seen) == shown {
			continue
		}
		seen[e.Evidence[0].Document] = true
		at := e.Evidence[0]
		fmt.Fprintf(s.out, "\n%s  (%.2f, %s)\n  Q  %s\n  A  %s\n  «%s»\n  %s, characters %d to %d\n", e.ID, e.QualityScore, e.Difficulty,
			oneLine(e.Question), oneLine(e.Answer), oneLine(at.Quote), at.Document, at.Start, at.End)
	}
	return nil
}

// oneLine shortens a text for the screen.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 160 {
		return string(r[:160]) + " …"
	}
	return text
}
