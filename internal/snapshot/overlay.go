package snapshot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
)

// Edit is what became of one entry of a version: another content, or its end. It holds for the version it
// was made over, and carries the entry's place in every order, so that pages need not look for it.
type Edit struct {
	Version  string          `json:"version"`  // blob key of the manifest of the version that it lies over
	Sequence int64           `json:"sequence"` // set by whoever stores it; of two edits of an entry the higher counts
	Ordinal  int             `json:"ordinal"`
	Deleted  bool            `json:"deleted,omitempty"`
	Entry    json.RawMessage `json:"entry,omitempty"` // the whole entry after it
	Before   Place           `json:"before"`          // of the published entry
	After    Place           `json:"after,omitzero"`  // of the edited one
}

// Place is what an entry is sorted and filtered by, and its rank by number, quality, category and
// difficulty: how many published entries sort before it.
type Place struct {
	Quality    float64 `json:"quality"`
	Category   string  `json:"category"`
	Difficulty string  `json:"difficulty"`
	Flagged    bool    `json:"flagged,omitempty"`
	Ranks      [4]int  `json:"ranks"`
}

// NewEdit returns the edit that makes after of the published entry with that ordinal, or that deletes it
// when after is nil. It stores nothing, and takes two rounds of at most six reads. NotFound when the
// version has no such entry, Invalid when after cannot be kept or has another id.
func (v *Version) NewEdit(ctx context.Context, ordinal int, after *dataset.Entry) (Edit, error) {
	e := Edit{Version: v.name, Ordinal: ordinal, Deleted: after == nil}
	var to key
	if after != nil {
		var err error
		if to, err = keyOf(after); err != nil {
			return Edit{}, err
		}
		if to.ordinal != ordinal {
			return Edit{}, dataset.InvalidField("/id", "is %s, want %s", after.ID, EntryID(ordinal))
		}
		if e.Entry, err = encodeEntry(after); err != nil {
			return Edit{}, err
		}
	}
	rank, r, err := v.find(ctx, ordinal)
	if err != nil {
		return Edit{}, err
	}
	from := v.key(r)
	e.Before = placeOf(from, rank)
	if after != nil {
		e.After = placeOf(to, rank)
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, o := range orders[1:] {
		rankOf := func(k key, p *Place) {
			g.Go(func() (err error) {
				p.Ranks[i+1], err = v.rank(ctx, o, k)
				return err
			})
		}
		rankOf(from, &e.Before)
		if after != nil {
			rankOf(to, &e.After)
		}
	}
	return e, g.Wait()
}

func placeOf(k key, number int) Place {
	return Place{
		Quality: k.quality, Category: k.category, Difficulty: dataset.Difficulties[k.level],
		Flagged: k.flagged, Ranks: [4]int{number},
	}
}

func encodeEntry(e *dataset.Entry) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := writeEntry(&b, e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), checkLine(e.ID, b.Len())
}

// edit is an Edit with its keys.
type edit struct {
	*Edit
	before, after key
}

// Overlay is the edits over one version, the last one of each entry. A nil Overlay has none. It does not
// change and is safe for concurrent use.
type Overlay struct {
	edits map[int]*edit // by ordinal
	list  []*edit       // ascending
}

// Overlay collects edits made over this version, at most MaxEdits entries; it keeps pointers into the slice.
// An edit that was made over another version is a Conflict: make it again with NewEdit.
func (v *Version) Overlay(edits []Edit) (*Overlay, error) {
	o := &Overlay{edits: make(map[int]*edit, len(edits))}
	for i := range edits {
		e := &edit{Edit: &edits[i]}
		if e.Version != v.name {
			return nil, dataset.Errorf(dataset.Conflict, "the edit of %s was made over %.200q, not %s", EntryID(e.Ordinal), e.Version, v.name)
		}
		if old := o.edits[e.Ordinal]; old != nil && old.Sequence > e.Sequence {
			continue
		}
		if !v.prepare(e) {
			return nil, corrupt(v.name, "edit %d of %s does not fit", e.Sequence, EntryID(e.Ordinal))
		}
		o.edits[e.Ordinal] = e
	}
	if len(o.edits) > MaxEdits {
		return nil, dataset.Errorf(dataset.Invalid, "%d edited entries, want at most %d: publish a version", len(o.edits), MaxEdits)
	}
	for _, ordinal := range slices.Sorted(maps.Keys(o.edits)) {
		o.list = append(o.list, o.edits[ordinal])
	}
	return o, nil
}

// prepare sets the keys of an edit; false when they make no sense.
func (v *Version) prepare(e *edit) bool {
	ok := e.Ordinal >= 0 && e.Ordinal <= MaxOrdinal
	read := func(p *Place, k *key, last int) {
		level := slices.Index(dataset.Difficulties, p.Difficulty)
		*k = key{quality: p.Quality, category: p.Category, level: level, ordinal: e.Ordinal, flagged: p.Flagged}
		ok = ok && level >= 0 && isShare(p.Quality) && slices.Min(p.Ranks[:]) >= 0 && slices.Max(p.Ranks[:]) <= last
	}
	read(&e.Before, &e.before, v.manifest.Entries-1)
	if !e.Deleted {
		read(&e.After, &e.after, v.manifest.Entries)
		n, named := lineOrdinal(e.Entry)
		ok = ok && named && n == e.Ordinal && bytes.IndexByte(e.Entry, '\n') < 0
	}
	return ok
}

// over returns what pages of an order need: the ranks of all entries that were edited, ascending, and the
// edited entries that pass f, in order.
func (o *Overlay) over(order Order, f filter) (removed []int, inserts []*edit) {
	at := order.index()
	for _, e := range o.all() {
		removed = append(removed, e.Before.Ranks[at])
		if !e.Deleted && f.match(e.after) {
			inserts = append(inserts, e)
		}
	}
	slices.Sort(removed)
	slices.SortFunc(inserts, func(a, b *edit) int {
		return cmp.Or(cmp.Compare(a.After.Ranks[at], b.After.Ranks[at]), compare(order, a.after, b.after))
	})
	return removed, inserts
}

// of returns the edit of an entry, nil if there is none.
func (o *Overlay) of(ordinal int) *edit {
	if o == nil {
		return nil
	}
	return o.edits[ordinal]
}

// all returns the edits by ordinal.
func (o *Overlay) all() []*edit {
	if o == nil {
		return nil
	}
	return o.list
}
