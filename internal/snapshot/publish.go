package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
)

// fenceRows is the distance of the fences: what a binary search reads is at most this many rows, 128 KiB.
const (
	fenceRows = 4096
	maxFence  = 1 << 16
)

// Meta is what a manifest says about a version besides its content.
type Meta struct {
	Created      time.Time
	EditsThrough int64           // sequence of the last edit that the version contains
	Source       json.RawMessage // models, prompts, parameters, documents; at most MaxSource bytes of JSON
}

// Publish makes a version of the parts with these numbers. Numbers ascend, and so do ordinals from part to
// part. It needs 36 bytes of memory an entry. It may be repeated: the first manifest stays and is returned, also when
// meta differs; other parts are an Internal error. A part that is not whole is NotFound; too many entries,
// parts or categories are Invalid.
func Publish(ctx context.Context, blobs dataset.Blobs, prefix string, parts []int, meta Meta) (*Manifest, error) {
	return publish(ctx, blobs, prefix, parts, meta, fenceRows)
}

func publish(ctx context.Context, blobs dataset.Blobs, prefix string, parts []int, meta Meta, fence int) (*Manifest, error) {
	if len(parts) > MaxParts || len(meta.Source) > MaxSource {
		return nil, dataset.Errorf(dataset.Invalid, "%d parts and %d bytes of source, want at most %d and %d",
			len(parts), len(meta.Source), MaxParts, MaxSource)
	}
	for i := 1; i < len(parts); i++ {
		if parts[i-1] >= parts[i] {
			return nil, dataset.Errorf(dataset.Invalid, "part %d comes before part %d, want ascending numbers", parts[i-1], parts[i])
		}
	}
	infos := make([]PartInfo, len(parts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for i, number := range parts {
		g.Go(func() (err error) {
			infos[i], err = ReadPart(gctx, blobs, prefix, number)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	m, err := newManifest(infos, meta)
	if err != nil {
		return nil, err
	}
	if old, err := readManifest(ctx, blobs, prefix); !dataset.Is(err, dataset.NotFound) {
		return adopt(prefix, old, m, err)
	}
	t, err := merge(ctx, blobs, infos, m.Entries)
	if err != nil {
		return nil, err
	}
	t.summarize(m)
	m.Fences = fences{Rows: fence, Ordinals: map[Order][]uint32{}}
	if err := t.write(ctx, blobs, prefix, m); err != nil {
		return nil, err
	}
	return putManifest(ctx, blobs, prefix, m)
}

// newManifest adds up what the parts say of themselves.
func newManifest(infos []PartInfo, meta Meta) (*Manifest, error) {
	m := &Manifest{
		Format: manifestFormat, Created: meta.Created.UTC(), EditsThrough: meta.EditsThrough, Source: meta.Source,
		Rejected: map[string]int{}, Splits: map[string]int{}, Parts: []dataset.File{}, RejectedFiles: []dataset.File{},
		Orders: map[Order]dataset.File{}, Difficulties: map[string]int{},
	}
	for _, p := range infos {
		m.Entries += p.Lines.Entries
		if p.Lines.Entries > 0 {
			m.Parts = append(m.Parts, p.Lines)
		}
		if p.Rejects.Entries > 0 {
			m.RejectedFiles = append(m.RejectedFiles, p.Rejects)
		}
		for reason, n := range p.Rejected {
			m.Rejected[reason] += n
		}
		for split, n := range p.Splits {
			m.Splits[split] += n
		}
	}
	if m.Entries > MaxEntries {
		return nil, dataset.Errorf(dataset.Invalid, "%d entries in one version, want at most %d", m.Entries, MaxEntries)
	}
	return m, nil
}

// adopt returns the manifest that is there, if it is of the same parts.
func adopt(prefix string, old, m *Manifest, err error) (*Manifest, error) {
	if err != nil {
		return nil, err
	}
	if !slices.Equal(old.Parts, m.Parts) || !slices.Equal(old.RejectedFiles, m.RejectedFiles) {
		return nil, corrupt(prefix+manifestFile, "is of other parts than the step that is repeated publishes")
	}
	return old, nil
}

func putManifest(ctx context.Context, blobs dataset.Blobs, prefix string, m *Manifest) (*Manifest, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, dataset.Errorf(dataset.Invalid, "the manifest cannot be written as JSON: %w", err)
	}
	err := blobs.Put(ctx, prefix+manifestFile, b.Bytes())
	if dataset.Is(err, dataset.Conflict) {
		old, err := readManifest(ctx, blobs, prefix)
		return adopt(prefix, old, m, err)
	}
	if err != nil {
		return nil, fmt.Errorf("put manifest: %w", err)
	}
	return parseManifest(prefix+manifestFile, b.Bytes()) // what any reader will have
}

// table holds all rows of a version in order of their ordinals.
type table struct {
	rows  []row
	names []string // of the categories, sorted
	buf   bytes.Buffer
}

// merge reads the indexes of the parts and gives their rows the numbers of the version.
func merge(ctx context.Context, blobs dataset.Blobs, infos []PartInfo, entries int) (*table, error) {
	seen := map[string]bool{}
	for _, p := range infos {
		for _, name := range p.Categories {
			seen[name] = true
		}
	}
	if len(seen) > MaxCategories {
		return nil, dataset.Errorf(dataset.Invalid, "%d categories in one version, want at most %d", len(seen), MaxCategories)
	}
	t := &table{rows: make([]row, 0, entries), names: slices.Sorted(maps.Keys(seen))}
	part := 0
	for _, p := range infos {
		if p.Lines.Entries == 0 {
			continue
		}
		if err := t.mergePart(ctx, blobs, p, uint16(part)); err != nil {
			return nil, err
		}
		part++
	}
	return t, nil
}

func (t *table) mergePart(ctx context.Context, blobs dataset.Blobs, p PartInfo, part uint16) error {
	numbers := make([]uint32, len(p.Categories))
	for i, name := range p.Categories {
		n, _ := slices.BinarySearch(t.names, name)
		numbers[i] = uint32(n)
	}
	name := p.Index.Key
	data, err := t.read(ctx, blobs, p.Index)
	if err != nil {
		return err
	}
	var offset int64
	for ; len(data) > 0; data = data[rowSize:] {
		r, err := decodeRow(data)
		switch {
		case err != nil:
			return corrupt(name, "%v", err)
		case r.offset != offset || int(r.part) != p.Number || int(r.category) >= len(numbers):
			return corrupt(name, "row of %s does not fit the part", EntryID(int(r.ordinal)))
		case len(t.rows) > 0 && r.ordinal <= t.rows[len(t.rows)-1].ordinal:
			return corrupt(name, "%s comes after %s, want ascending numbers", EntryID(int(r.ordinal)),
				EntryID(int(t.rows[len(t.rows)-1].ordinal)))
		}
		offset += int64(r.length)
		r.part, r.category = part, numbers[r.category]
		t.rows = append(t.rows, r)
	}
	if offset != p.Lines.Size {
		return corrupt(name, "covers %d bytes of a part of %d", offset, p.Lines.Size)
	}
	return nil
}

// read returns a part's index, in a buffer that the next call uses again.
func (t *table) read(ctx context.Context, blobs dataset.Blobs, file dataset.File) ([]byte, error) {
	r, err := blobs.Open(ctx, file.Key)
	if err != nil {
		return nil, reading(file.Key, err)
	}
	defer r.Close()
	t.buf.Reset()
	t.buf.Grow(int(file.Size) + bytes.MinRead)
	if _, err := t.buf.ReadFrom(io.LimitReader(r, file.Size+1)); err != nil {
		return nil, reading(file.Key, err)
	}
	sum := sha256.Sum256(t.buf.Bytes())
	return t.buf.Bytes(), checkSum(file, int64(t.buf.Len()), sum[:])
}

// summarize counts.
func (t *table) summarize(m *Manifest) {
	categories := make([]int, len(t.names))
	levels := make([]int, len(dataset.Difficulties))
	var q quality
	for i := range t.rows {
		r := &t.rows[i]
		categories[r.category]++
		levels[r.level]++
		q.add(r.quality, 1)
	}
	m.QualitySummary = q.summary(len(t.rows))
	for i, name := range t.names {
		m.QualitySummary.Categories[name] = categories[i]
	}
	for i, name := range dataset.Difficulties {
		m.Difficulties[name] = levels[i]
	}
}
