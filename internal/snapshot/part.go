package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// PartInfo describes a written part. A file without entries does not exist and has no key.
type PartInfo struct {
	Number     int            `json:"number"`
	Lines      dataset.File   `json:"lines"`
	Index      dataset.File   `json:"index"`
	Rejects    dataset.File   `json:"rejects"`
	Categories []string       `json:"categories"` // by their number in the index
	Splits     map[string]int `json:"splits,omitempty"`
	Rejected   map[string]int `json:"rejected"` // by reason
}

// PartWriter writes one part. It is not safe for concurrent use and holds the part's index (32 bytes an
// entry) in memory. It has to be ended by Close or Abort; Abort after Close does nothing.
type PartWriter struct {
	blobs      dataset.Blobs
	prefix     string
	info       PartInfo
	lines      *object
	rejects    *object
	line       bytes.Buffer
	encoder    *json.Encoder
	index      []byte
	categories map[string]uint32
	last       int   // ordinal of the last entry
	err        error // the first failure to write; nothing goes on after it
}

// NewPart begins part number (from 0) of the version under prefix. ctx covers all writing.
func NewPart(ctx context.Context, blobs dataset.Blobs, prefix string, number int) (*PartWriter, error) {
	if number < 0 || number >= MaxParts {
		return nil, dataset.Errorf(dataset.Invalid, "part %d: want a number from 0 to %d", number, MaxParts-1)
	}
	w := &PartWriter{blobs: blobs, prefix: prefix, categories: map[string]uint32{}, last: -1}
	w.info = PartInfo{Number: number, Categories: []string{}, Splits: map[string]int{}, Rejected: map[string]int{}}
	w.encoder = json.NewEncoder(&w.line)
	w.encoder.SetEscapeHTML(false)
	var err error
	if w.lines, err = createObject(ctx, blobs, prefix, partFile(number, "jsonl")); err != nil {
		return nil, err
	}
	if w.rejects, err = createObject(ctx, blobs, prefix, rejectedFile(number)); err != nil {
		w.lines.abort()
		return nil, err
	}
	return w, nil
}

// Add appends an entry. Its id must be entry_<ordinal> with an ordinal above that of the entry before.
// An entry that breaks a limit is Invalid and not added.
func (w *PartWriter) Add(e *dataset.Entry) error {
	if w.err != nil {
		return w.err
	}
	k, err := keyOf(e)
	switch {
	case err != nil:
		return fmt.Errorf("entry %.60q: %w", e.ID, err)
	case k.ordinal <= w.last:
		return dataset.Errorf(dataset.Invalid, "entry %s comes after %s: want ascending numbers", e.ID, EntryID(w.last))
	case w.lines.file.Entries == dataset.MaxPart:
		return dataset.Errorf(dataset.Invalid, "part %d: more than %d entries", w.info.Number, dataset.MaxPart)
	}
	if err := w.encode(e, withEvidence(e)); err != nil {
		return err
	}
	r := row{
		quality: k.quality, offset: w.lines.file.Size, ordinal: uint32(k.ordinal), length: uint32(w.line.Len()),
		category: w.category(k.category), part: uint16(w.info.Number), level: uint8(k.level),
	}
	if k.flagged {
		r.flags = flagged
	}
	if w.err = w.lines.add(w.line.Bytes()); w.err != nil {
		return w.err
	}
	w.index = appendRow(w.index, r)
	w.last = k.ordinal
	if e.Split != "" {
		w.info.Splits[e.Split]++
	}
	return nil
}

// rejectedLine is an entry that was left out, with the reason.
type rejectedLine struct {
	*dataset.Entry
	Rejected    string `json:"rejected"`
	DuplicateOf string `json:"duplicate_of,omitempty"`
}

// Reject keeps an entry that was left out, for inspection. Its id may be anything, so may duplicateOf, the
// id of the entry that it repeats. Reasons are few: they are counted by their text.
func (w *PartWriter) Reject(e *dataset.Entry, reason, duplicateOf string) error {
	switch {
	case w.err != nil:
		return w.err
	case reason == "" || len(reason) > MaxCategory:
		return dataset.Errorf(dataset.Invalid, "reason %.60q: want 1 to %d bytes", reason, MaxCategory)
	case w.rejects.file.Entries == dataset.MaxCandidates:
		return dataset.Errorf(dataset.Invalid, "part %d: more than %d entries left out", w.info.Number, dataset.MaxCandidates)
	}
	if err := w.encode(e, rejectedLine{withEvidence(e), reason, duplicateOf}); err != nil {
		return err
	}
	if w.err = w.rejects.add(w.line.Bytes()); w.err != nil {
		return w.err
	}
	w.info.Rejected[reason]++
	return nil
}

func (w *PartWriter) encode(e *dataset.Entry, line any) error {
	w.line.Reset()
	if err := w.encoder.Encode(line); err != nil {
		return dataset.Errorf(dataset.Invalid, "entry %.60q cannot be written as JSON: %w", e.ID, err)
	}
	return checkLine(e.ID, w.line.Len())
}

// checkLine checks the length of an entry's line, its end included.
func checkLine(id string, length int) error {
	if length > MaxLine {
		return dataset.Errorf(dataset.Invalid, "entry %.60q has %d bytes, want at most %d", id, length, MaxLine)
	}
	return nil
}

// withEvidence returns e with a list of evidence, as clients expect a list also where it is empty.
func withEvidence(e *dataset.Entry) *dataset.Entry {
	if e.Evidence != nil {
		return e
	}
	c := *e
	c.Evidence = []dataset.Evidence{}
	return &c
}

func (w *PartWriter) category(name string) uint32 {
	n, ok := w.categories[name]
	if !ok {
		n = uint32(len(w.info.Categories))
		w.categories[name] = n
		w.info.Categories = append(w.info.Categories, name)
	}
	return n
}

// checkCategory keeps names short, and such that JSON returns them unchanged.
func checkCategory(name string) error {
	if len(name) > MaxCategory || !utf8.ValidString(name) {
		return dataset.InvalidField("/category", "is %.60q, want UTF-8 of at most %d bytes", name, MaxCategory)
	}
	return nil
}

// Close writes what is missing of the part. The order of the writes, PartInfo last, lets a crash at any
// point be repaired by writing the whole part again; parts that are there are compared and adopted.
func (w *PartWriter) Close(ctx context.Context) (PartInfo, error) {
	defer w.Abort()
	if w.err != nil {
		return PartInfo{}, w.err
	}
	if len(w.info.Categories) > MaxCategories {
		return PartInfo{}, dataset.Errorf(dataset.Invalid, "part %d: more than %d categories", w.info.Number, MaxCategories)
	}
	var err error
	if w.lines.file.Entries > 0 {
		if w.info.Lines, err = w.lines.commit(ctx); err != nil {
			return PartInfo{}, err
		}
		if err := w.putIndex(ctx); err != nil {
			return PartInfo{}, err
		}
	}
	if w.rejects.file.Entries > 0 {
		if w.info.Rejects, err = w.rejects.commit(ctx); err != nil {
			return PartInfo{}, err
		}
	}
	data, err := json.Marshal(w.info)
	if err != nil {
		return PartInfo{}, fmt.Errorf("part %d: %w", w.info.Number, err)
	}
	return w.info, putOnce(ctx, w.blobs, w.prefix+partFile(w.info.Number, "json"), data)
}

func (w *PartWriter) putIndex(ctx context.Context) error {
	name := partFile(w.info.Number, "index")
	sum := sha256.Sum256(w.index)
	w.info.Index = dataset.File{
		Name: name, Key: w.prefix + name, Entries: w.lines.file.Entries,
		Size: int64(len(w.index)), SHA256: hex.EncodeToString(sum[:]),
	}
	return putOnce(ctx, w.blobs, w.info.Index.Key, w.index)
}

// Abort drops what was written.
func (w *PartWriter) Abort() {
	w.lines.abort()
	w.rejects.abort()
}

// ReadPart returns the description of a part; NotFound when it was not written to its end. A step that is
// repeated may ask for it before it does its work again.
func ReadPart(ctx context.Context, blobs dataset.Blobs, prefix string, number int) (PartInfo, error) {
	name := prefix + partFile(number, "json")
	data, err := blobs.Get(ctx, name)
	if err != nil {
		return PartInfo{}, fmt.Errorf("part %d: %w", number, err)
	}
	var p PartInfo
	if err := json.Unmarshal(data, &p); err != nil {
		return PartInfo{}, corrupt(name, "%v", err)
	}
	n := p.Lines.Entries
	if p.Number != number || n < 0 || n > dataset.MaxPart || p.Index.Entries != n || p.Index.Size != int64(n)*rowSize {
		return PartInfo{}, corrupt(name, "does not add up")
	}
	return p, nil
}
