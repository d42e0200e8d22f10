package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"compileo/internal/dataset"
)

// manifestFormat is the version of the files' form.
const manifestFormat = 1

// Manifest says what a version consists of and where it comes from.
type Manifest struct {
	Format         int                    `json:"format"`
	Created        time.Time              `json:"created"`
	Entries        int                    `json:"entries"`
	EditsThrough   int64                  `json:"edits_through"` // sequence of the last edit that the version contains
	Parts          []dataset.File         `json:"parts"`         // the entries, in order of their ordinals
	Rejected       map[string]int         `json:"rejected"`      // entries left out, by reason
	RejectedFiles  []dataset.File         `json:"rejected_files"`
	Orders         map[Order]dataset.File `json:"orders"`
	Difficulties   map[string]int         `json:"difficulties"` // entries of each level
	Splits         map[string]int         `json:"splits,omitempty"`
	QualitySummary dataset.QualitySummary `json:"quality_summary"` // its Categories are all there are
	Fences         fences                 `json:"fences"`
	Source         json.RawMessage        `json:"source,omitempty"`
}

// fences hold the sort key of every Rows-th row, from row 0, so that a binary search in a file needs one
// read. Category and difficulty of a row follow from the counts.
type fences struct {
	Rows      int                `json:"rows"`
	Ordinals  map[Order][]uint32 `json:"ordinals"`
	Qualities []float64          `json:"qualities"` // of ByQuality
}

// readManifest reads the manifest of the version under prefix; NotFound when there is none.
func readManifest(ctx context.Context, blobs dataset.Blobs, prefix string) (*Manifest, error) {
	data, err := blobs.Get(ctx, prefix+manifestFile)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return parseManifest(prefix+manifestFile, data)
}

func parseManifest(name string, data []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, corrupt(name, "%v", err)
	}
	if m.Format != manifestFormat {
		return nil, corrupt(name, "is of format %d, want %d", m.Format, manifestFormat)
	}
	if fault := m.fault(); fault != "" {
		return nil, corrupt(name, "%s do not add up to %d entries", fault, m.Entries)
	}
	return m, nil
}

// fault names what does not fit together; positions are computed from all of this without looking again.
func (m *Manifest) fault() string {
	n, parts := 0, 0
	for _, p := range m.Parts {
		if p.Key == "" || p.Entries < 1 || p.Entries > dataset.MaxPart || p.Size < int64(p.Entries) {
			return "parts"
		}
		n += p.Entries
		parts++
	}
	switch {
	case n != m.Entries || n > MaxEntries || parts > MaxParts:
		return "parts"
	case !addsUp(m.Difficulties, n) || m.Difficulties == nil || len(m.Difficulties) != len(dataset.Difficulties):
		return "difficulties"
	case !addsUp(m.QualitySummary.Categories, n) || len(m.QualitySummary.Categories) > MaxCategories:
		return "categories"
	case n > 0 && (m.Fences.Rows < 1 || m.Fences.Rows > maxFence):
		return "fences"
	}
	for _, d := range dataset.Difficulties {
		if _, ok := m.Difficulties[d]; !ok {
			return "difficulties"
		}
	}
	if n == 0 {
		return ""
	}
	want := (n + m.Fences.Rows - 1) / m.Fences.Rows
	for _, o := range orders {
		f := m.Orders[o]
		if f.Key == "" || f.Entries != n || f.Size != int64(n)*rowSize {
			return "orders"
		}
		if len(m.Fences.Ordinals[o]) != want {
			return "fences"
		}
	}
	if len(m.Fences.Qualities) != want || !slices.IsSorted(m.Fences.Ordinals[ByNumber]) {
		return "fences"
	}
	return ""
}

// addsUp reports whether the counts are no less than 0 and sum up to n.
func addsUp(counts map[string]int, n int) bool {
	for _, c := range counts {
		if c < 0 || c > n {
			return false
		}
		n -= c
	}
	return n == 0
}

// quality adds up scores.
type quality struct {
	sum   float64
	high  int
	low   int
	steps [20]int
}

// add counts n entries (or takes away -n) of a score.
func (q *quality) add(score float64, n int) {
	q.sum += score * float64(n)
	switch {
	case score >= 0.8:
		q.high += n
	case score < 0.6:
		q.low += n
	}
	q.steps[min(int(score*float64(len(q.steps))), len(q.steps)-1)] += n
}

func (q *quality) summary(entries int) dataset.QualitySummary {
	s := dataset.QualitySummary{
		Distribution: map[string]int{"high": q.high, "medium": entries - q.high - q.low, "low": q.low},
		Categories:   map[string]int{},
		Histogram:    q.steps,
	}
	if entries > 0 {
		s.AverageScore = min(max(q.sum/float64(entries), 0), 1)
	}
	return s
}

// from sets q to what a summary says.
func (q *quality) from(s dataset.QualitySummary, entries int) {
	q.sum = s.AverageScore * float64(entries)
	q.high, q.low, q.steps = s.Distribution["high"], s.Distribution["low"], s.Histogram
}
