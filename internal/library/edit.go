package library

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/quality"
	"compileo/internal/snapshot"
)

// Edit is the record of one edit: what it did, who made it and when. The entry before it is that of the edit
// numbered Previous, or the published one.
type Edit struct {
	snapshot.Edit
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Feedback string    `json:"feedback,omitempty"`
	Previous int64     `json:"previous,omitempty"`
}

// lastEdit returns the number of the dataset's last edit, 0 if there is none, with the version of its record.
func (l *Library) lastEdit(ctx context.Context, d *dataset.Dataset) (last, version int64, err error) {
	n, version, err := dataset.Load[int64](ctx, l.Table, dataset.DatasetPK(d.Tenant, d.ID), dataset.EditsSK)
	if dataset.Is(err, dataset.NotFound) {
		return 0, dataset.Absent, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return *n, version, nil
}

// readEdits lays the edits over a view's version, up to the last one that it shows.
func (l *Library) readEdits(ctx context.Context, v *View) error {
	d := v.Dataset
	var list []snapshot.Edit
	v.edits = map[int]*Edit{}
	q := dataset.Query{
		PK: dataset.DatasetPK(d.Tenant, d.ID), From: dataset.EditSK(v.Version.Ordinal, 0), To: dataset.EditSK(v.Version.Ordinal, v.Edits+1),
	}
	for r, err := range dataset.Rows(ctx, l.Table, q) {
		if err != nil {
			return err
		}
		e, err := dataset.Decode[Edit](r)
		if err != nil {
			return err
		}
		v.edits[e.Ordinal] = e
	}
	for _, e := range v.edits {
		list = append(list, e.Edit)
	}
	var err error
	v.overlay, err = v.snapshot.Overlay(list)
	return err
}

// Entry is one entry of a view.
type Entry struct {
	JSON json.RawMessage
	Tag  string // tells the states of the entry apart: what If-Match compares
}

// Entry finds an entry by its id; NotFound.
func (v *View) Entry(ctx context.Context, id string) (*Entry, error) {
	ordinal, err := snapshot.Ordinal(id)
	if err != nil {
		return nil, gone("entry", id)
	}
	e := &Entry{Tag: v.tag(ordinal)}
	if edit := v.edits[ordinal]; edit != nil {
		if edit.Deleted {
			return nil, gone("entry", id)
		}
		e.JSON = edit.Entry
		return e, nil
	}
	e.JSON, err = v.snapshot.Entry(ctx, ordinal)
	return e, err
}

func (v *View) tag(ordinal int) string {
	return fmt.Sprintf("%d-%d", v.Version.Ordinal, v.previous(ordinal))
}

// previous is the number of the last edit of an entry.
func (v *View) previous(ordinal int) int64 {
	if e := v.edits[ordinal]; e != nil {
		return e.Sequence
	}
	return 0
}

// EntryChange says what is to become of an entry; nil stays.
type EntryChange struct {
	Question, Answer, Instruction, Input, Output, Summary, Category, Difficulty *string

	Feedback string // kept with the edit
	By       string // who makes it
	IfMatch  string // Tag of the entry as whoever makes it has seen it; empty: however it is
}

// EditEntry changes an entry of the dataset's current version and scores it anew, with its source chunk where that
// still is. The version stays as it was published: the edit lies over it. Stale: the entry is no longer what
// IfMatch says. Conflict: a new version was published at this moment.
func (l *Library) EditEntry(ctx context.Context, t dataset.Tenant, id, entry string, c EntryChange) (*Entry, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	at := time.Now().UTC()
	first := 0 // version that the change is for
	var result *Entry
	err := dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		d, isVersion, err := l.loadDataset(ctx, t, id)
		if err != nil {
			return nil, err
		}
		if _, err := l.project(ctx, t, d.Project); err != nil {
			return nil, err
		}
		if first == 0 {
			first = d.Current
		}
		if d.Current != first {
			return nil, dataset.Errorf(dataset.Conflict, "version %d of dataset %s was published meanwhile: look at it first", d.Current, d.ID)
		}
		last, isLast, err := l.lastEdit(ctx, d)
		if err != nil {
			return nil, err
		}
		now, err := l.current(ctx, d)
		if err != nil {
			return nil, err
		}
		v, err := l.view(ctx, now, now.Version, last)
		if err != nil {
			return nil, err
		}
		before, err := v.Entry(ctx, entry)
		if err != nil {
			return nil, err
		}
		ordinal, _ := snapshot.Ordinal(entry) // it was found
		if e := v.edits[ordinal]; e != nil && e.By == c.By && e.At.Equal(at) {
			result = before // a try of ours took effect without an answer
			return nil, nil
		}
		if c.IfMatch != "" && c.IfMatch != before.Tag {
			return nil, dataset.Errorf(dataset.Stale, "%s was changed meanwhile: it is %q now, not %q", entry, before.Tag, c.IfMatch)
		}
		edit, err := l.newEdit(ctx, v, ordinal, before, c)
		if edit == nil || err != nil {
			result = before
			return nil, err
		}
		edit.Sequence, edit.Previous, edit.At = last+1, v.previous(ordinal), at
		if v.overlay, err = v.snapshot.Overlay(v.with(edit)); err != nil {
			return nil, err
		}
		result = &Entry{JSON: edit.Entry, Tag: fmt.Sprintf("%d-%d", d.Current, edit.Sequence)}
		pk := dataset.DatasetPK(t, d.ID)
		writes, err := records(
			row{pk, dataset.EditsSK, edit.Sequence, isLast},
			row{pk, dataset.EditSK(d.Current, edit.Sequence), edit, dataset.Absent},
		)
		// The dataset itself is only looked at: whoever publishes the next version is not kept from it.
		return append(writes, dataset.Write{Record: dataset.Record{PK: pk, SK: dataset.DatasetSK}, If: isVersion, Check: true}), err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// with returns the edits of a view with one more, as Overlay wants them: it counts them.
func (v *View) with(e *Edit) []snapshot.Edit {
	list := []snapshot.Edit{e.Edit}
	for ordinal, old := range v.edits {
		if ordinal != e.Ordinal {
			list = append(list, old.Edit)
		}
	}
	return list
}

func (c *EntryChange) check() error {
	for _, f := range []struct {
		pointer string
		value   *string
		least   int
		most    int
	}{
		{"/question", c.Question, 1, dataset.MaxQuestion},
		{"/answer", c.Answer, 1, dataset.MaxAnswer},
		{"/instruction", c.Instruction, 0, dataset.MaxQuestion},
		{"/input", c.Input, 0, dataset.MaxAnswer},
		{"/output", c.Output, 0, dataset.MaxAnswer},
		{"/summary", c.Summary, 0, dataset.MaxAnswer},
		{"/category", c.Category, 1, snapshot.MaxCategory},
		{"/difficulty", c.Difficulty, 1, 20},
		{"/feedback", &c.Feedback, 0, 10_000},
	} {
		if f.value == nil {
			continue
		}
		if err := checkText(f.pointer, *f.value, f.least, f.most); err != nil {
			return err
		}
	}
	return nil
}

// newEdit makes the edit of an entry; nil when nothing changes and nothing is said.
func (l *Library) newEdit(ctx context.Context, v *View, ordinal int, before *Entry, c EntryChange) (*Edit, error) {
	var e dataset.Entry
	if err := json.Unmarshal(before.JSON, &e); err != nil {
		return nil, dataset.Errorf(dataset.Internal, "entry %d of dataset %s is damaged: %w", ordinal, v.Dataset.ID, err)
	}
	changed := false
	for _, f := range []struct{ to, from *string }{
		{&e.Question, c.Question},
		{&e.Answer, c.Answer},
		{&e.Instruction, c.Instruction},
		{&e.Input, c.Input},
		{&e.Output, c.Output},
		{&e.Summary, c.Summary},
		{&e.Category, c.Category},
		{&e.Difficulty, c.Difficulty},
	} {
		if f.from != nil && *f.from != *f.to {
			*f.to, changed = *f.from, true
		}
	}
	if !changed && c.Feedback == "" {
		return nil, nil
	}
	if changed {
		if err := l.assess(ctx, v.Dataset.Tenant, &e); err != nil {
			return nil, err
		}
	}
	over, err := v.snapshot.NewEdit(ctx, ordinal, &e)
	if err != nil {
		return nil, err
	}
	return &Edit{Edit: over, By: c.By, Feedback: c.Feedback}, nil
}

// assess scores an entry anew. Without the chunk that it was made of, its quotes stand for that: what is left of
// the chunk is less, so the score is not better than it would be.
func (l *Library) assess(ctx context.Context, t dataset.Tenant, e *dataset.Entry) error {
	chunk := &dataset.Chunk{Headings: e.Metadata.HeadingPath}
	for _, v := range e.Evidence {
		c, err := l.Chunk(ctx, t, v.ChunkID)
		if err == nil {
			chunk = &c.Chunk
			break
		}
		if !dataset.Is(err, dataset.NotFound) {
			return err
		}
		chunk.Text += v.Quote + "\n"
	}
	quality.NewContext(chunk).Assess(e)
	return nil
}

// Changes lists the edits over the view's version, oldest first: who changed which entry, when, and to what.
func (l *Library) Changes(ctx context.Context, v *View, w Window) (*List[*Edit], error) {
	q := dataset.Query{
		PK: dataset.DatasetPK(v.Dataset.Tenant, v.Dataset.ID), From: dataset.EditSK(v.Version.Ordinal, 0), To: dataset.EditSK(v.Version.Ordinal+1, 0),
	}
	rows, err := l.rows(ctx, q, w, all)
	if err != nil {
		return nil, err
	}
	out := &List[*Edit]{Total: rows.Total, AtLeast: rows.AtLeast, Cursor: rows.Cursor}
	for _, r := range rows.Items {
		e, err := dataset.Decode[Edit](r)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, e)
	}
	return out, nil
}
