package library

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

// MaxSearched is up to how many entries a dataset is searched for text.
const MaxSearched = 20_000

// EntryQuery asks for entries of a view.
type EntryQuery struct {
	Window
	Order      snapshot.Order // ByQuality, ByCategory, ByDifficulty or ByNumber; ties by number
	MinQuality *float64
	Category   *string
	Difficulty *string
	Flagged    *bool
	Text       string // in question, answer, or another text of the entry, whatever the case; empty: any
}

// Entries is a page of entries and the number of all that pass the filters, which is exact.
type Entries struct {
	View    *View
	Entries []json.RawMessage
	Tags    []string // of the entries
	Total   int
	Cursor  string // leads to the next page; empty at the end
}

// entryPlace is where a list of entries goes on: what it is of, and the moment that it shows. Whoever follows cursors sees
// one state of the dataset to the end, whatever is edited or published meanwhile.
type entryPlace struct {
	At      int    `json:"at"`
	Version int    `json:"v"`
	Edits   int64  `json:"e"`
	Sum     string `json:"of"`
}

// Entries returns a page of the current state of a dataset, or of that which the cursor is of.
func (l *Library) Entries(ctx context.Context, t dataset.Tenant, id string, q EntryQuery) (*Entries, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.Cursor == "" {
		v, err := l.Open(ctx, t, id)
		if err != nil {
			return nil, err
		}
		return v.entries(ctx, q, (q.Page-1)*q.PerPage)
	}
	d, err := l.FindDataset(ctx, t, id)
	if err != nil {
		return nil, err
	}
	var at entryPlace
	if err := readCursor(q.Cursor, &at); err != nil || at.At < 0 || at.Edits < 0 || at.Sum != q.sum(d.ID) {
		return nil, errCursor(q.Cursor)
	}
	version, err := l.version(ctx, d.Dataset, at.Version)
	if err != nil {
		return nil, err
	}
	v, err := l.view(ctx, d, *version, at.Edits)
	if err != nil {
		return nil, err
	}
	return v.entries(ctx, q, at.At)
}

// maxPages keeps offsets small enough to be multiplied.
const maxPages = snapshot.MaxEntries

func (q *EntryQuery) check() error {
	if err := q.Window.check(); err != nil {
		return err
	}
	q.Page = min(q.Page, maxPages)
	return checkText("/q", q.Text, 0, 1_000)
}

// sum stands for the dataset and all that the query filters and sorts by.
func (q *EntryQuery) sum(id string) string {
	b, _ := json.Marshal([]any{q.Order, q.MinQuality, q.Category, q.Difficulty, q.Flagged, q.Text}) // plain data
	return dataset.Hash(id, string(b))[:16]
}

// Entries returns a page of the view. Cursors are for Library.Entries only.
func (v *View) Entries(ctx context.Context, q EntryQuery) (*Entries, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	return v.entries(ctx, q, (q.Page-1)*q.PerPage)
}

func (v *View) entries(ctx context.Context, q EntryQuery, offset int) (*Entries, error) {
	p := snapshot.PageQuery{
		Order: q.Order, Offset: offset, Limit: q.PerPage, MinQuality: q.MinQuality, Category: q.Category, Difficulty: q.Difficulty, Flagged: q.Flagged,
	}
	out := &Entries{View: v}
	if q.Text == "" {
		page, err := v.snapshot.Page(ctx, p, v.overlay)
		if err != nil {
			return nil, err
		}
		out.Entries, out.Total = page.Entries, page.Total
	} else {
		// The same query without text says whether it makes sense.
		p.Limit = 0
		if _, err := v.snapshot.Page(ctx, p, v.overlay); err != nil {
			return nil, err
		}
		if err := v.search(ctx, q, offset, out); err != nil {
			return nil, err
		}
	}
	for _, e := range out.Entries {
		var named struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(e, &named); err != nil {
			return nil, dataset.Errorf(dataset.Internal, "an entry of dataset %s is damaged: %w", v.Dataset.ID, err)
		}
		ordinal, err := snapshot.Ordinal(named.ID)
		if err != nil {
			return nil, err
		}
		out.Tags = append(out.Tags, v.tag(ordinal))
	}
	if end := offset + len(out.Entries); len(out.Entries) > 0 && end < out.Total {
		out.Cursor = cursor(entryPlace{end, v.Version.Ordinal, v.Edits, q.sum(v.Dataset.ID)})
	}
	return out, nil
}

// match is what a found entry is sorted by.
type match struct {
	ordinal  int
	quality  float64
	category string
	level    int
}

// search looks into every entry, and then again at those of the page: it holds the texts of a page only.
func (v *View) search(ctx context.Context, q EntryQuery, offset int, out *Entries) error {
	if n, _ := v.Summary(); n > MaxSearched {
		return dataset.InvalidField("/q", "searches datasets of up to %d entries, this one has %d: use category, difficulty, flagged or filter_quality, or search a download",
			MaxSearched, n)
	}
	var found []match
	text := strings.ToLower(q.Text)
	for line, err := range v.snapshot.Lines(ctx, v.overlay) {
		if err != nil {
			return err
		}
		var e dataset.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return dataset.Errorf(dataset.Internal, "an entry of dataset %s is damaged: %w", v.Dataset.ID, err)
		}
		if !q.passes(&e) || !holds(&e, text) {
			continue
		}
		ordinal, err := snapshot.Ordinal(e.ID)
		if err != nil {
			return err
		}
		found = append(found, match{ordinal, e.QualityScore, e.Category, slices.Index(dataset.Difficulties, e.Difficulty)})
	}
	slices.SortFunc(found, func(a, b match) int {
		first := 0
		switch q.Order {
		case snapshot.ByQuality:
			first = cmp.Compare(b.quality, a.quality)
		case snapshot.ByCategory:
			first = cmp.Compare(a.category, b.category)
		case snapshot.ByDifficulty:
			first = cmp.Compare(a.level, b.level)
		}
		return cmp.Or(first, cmp.Compare(a.ordinal, b.ordinal))
	})
	out.Total = len(found)
	page := found[min(offset, len(found)):min(offset+q.PerPage, len(found))]
	if len(page) == 0 {
		return nil
	}
	place := make(map[string]int, len(page))
	for i, m := range page {
		place[snapshot.EntryID(m.ordinal)] = i
	}
	out.Entries = make([]json.RawMessage, len(page))
	for line, err := range v.snapshot.Lines(ctx, v.overlay) {
		if err != nil {
			return err
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(string(line[:min(len(line), 32)]), `{"id":"`), `"`)
		if i, ok := place[id]; ok {
			out.Entries[i] = slices.Clone(line)
		}
	}
	return nil
}

// passes reports whether an entry passes the filters but for the text.
func (q *EntryQuery) passes(e *dataset.Entry) bool {
	return (q.MinQuality == nil || e.QualityScore >= *q.MinQuality) &&
		(q.Category == nil || e.Category == *q.Category) &&
		(q.Difficulty == nil || e.Difficulty == *q.Difficulty) &&
		(q.Flagged == nil || len(e.Quality.Faults) > 0 == *q.Flagged)
}

// holds reports whether a text of the entry holds the one that is looked for, which is in lower case.
func holds(e *dataset.Entry, text string) bool {
	for _, s := range []string{e.Question, e.Answer, e.Instruction, e.Input, e.Output, e.Summary} {
		if s != "" && strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}
