package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
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
	line       bytes.Buffer // that is written
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
	k, err := keyOf(e)
	if err != nil {
		return fmt.Errorf("entry %.60q: %w", e.ID, err)
	}
	w.line.Reset()
	if err := writeEntry(&w.line, e); err != nil {
		return err
	}
	return w.add(k, e.Split)
}

// AddLine does with a line, whose entry had no id, what Add does with that entry once it has the id of the ordinal.
func (w *PartWriter) AddLine(ordinal int, l Line) error {
	k, err := l.key(ordinal)
	if err != nil {
		return fmt.Errorf("entry %d: %w", ordinal, err)
	}
	rest, ok := bytes.CutPrefix(l.json, []byte(withoutID))
	if !ok {
		return dataset.Errorf(dataset.Invalid, "the line for entry %d is empty or has an id", ordinal)
	}
	w.line.Reset()
	w.line.WriteString(lineStart)
	w.line.Write(strconv.AppendInt(w.line.AvailableBuffer(), int64(ordinal), 10))
	w.line.WriteString(`",`)
	w.line.Write(rest)
	return w.add(k, l.split)
}

// add appends the line in w.line.
func (w *PartWriter) add(k key, split string) error {
	switch {
	case w.err != nil:
		return w.err
	case k.ordinal <= w.last || k.ordinal > MaxOrdinal:
		return dataset.Errorf(dataset.Invalid, "entry %d comes after %s: want ascending numbers to %d", k.ordinal, EntryID(w.last), MaxOrdinal)
	case w.lines.file.Entries == dataset.MaxPart:
		return dataset.Errorf(dataset.Invalid, "part %d: more than %d entries", w.info.Number, dataset.MaxPart)
	}
	if err := checkLine(EntryID(k.ordinal), w.line.Len()); err != nil {
		return err
	}
	r := row{
		quality: k.quality, offset: w.lines.file.Size, ordinal: uint32(k.ordinal), length: uint32(w.line.Len()),
		category: w.category(k.category), part: uint16(w.info.Number), level: uint8(k.level), flags: flagsOf(k.flagged),
	}
	if w.err = w.lines.add(w.line.Bytes()); w.err != nil {
		return w.err
	}
	w.index = appendRow(w.index, r)
	w.last = k.ordinal
	if split != "" {
		w.info.Splits[split]++
	}
	return nil
}

// rejection is what the line of an entry that was left out has at its end.
type rejection struct {
	Rejected    string `json:"rejected"`
	DuplicateOf string `json:"duplicate_of,omitempty"`
}

// Reject keeps an entry that was left out, for inspection. Its id may be anything, so may duplicateOf, the
// id of the entry that it repeats. Reasons are few: they are counted by their text.
func (w *PartWriter) Reject(e *dataset.Entry, reason, duplicateOf string) error {
	var line bytes.Buffer
	if err := writeEntry(&line, e); err != nil {
		return err
	}
	return w.RejectLine(Line{json: line.Bytes()}, reason, duplicateOf)
}

// RejectLine does with a line what Reject does with its entry.
func (w *PartWriter) RejectLine(l Line, reason, duplicateOf string) error {
	switch {
	case w.err != nil:
		return w.err
	case reason == "" || len(reason) > MaxCategory:
		return dataset.Errorf(dataset.Invalid, "reason %.60q: want 1 to %d bytes", reason, MaxCategory)
	case w.rejects.file.Entries == dataset.MaxCandidates:
		return dataset.Errorf(dataset.Invalid, "part %d: more than %d entries left out", w.info.Number, dataset.MaxCandidates)
	}
	entry, ok := bytes.CutSuffix(l.json, []byte("}\n"))
	if !ok {
		return dataset.Errorf(dataset.Invalid, "the line of an entry left out is empty")
	}
	w.line.Reset()
	w.line.Write(entry)
	if err := writeJSON(&w.line, rejection{reason, duplicateOf}); err != nil {
		return dataset.Errorf(dataset.Invalid, "reason %.60q cannot be written as JSON: %w", reason, err)
	}
	w.line.Bytes()[len(entry)] = ',' // instead of a brace: the entry goes on
	if err := checkLine("an entry left out", w.line.Len()); err != nil {
		return err
	}
	if w.err = w.rejects.add(w.line.Bytes()); w.err != nil {
		return w.err
	}
	w.info.Rejected[reason]++
	return nil
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
