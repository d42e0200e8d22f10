package library

import (
	"bufio"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// Chunk is a chunk with how it was made.
type Chunk struct {
	dataset.Chunk
	By dataset.Chunking // nothing: it was given as it is
}

// DocumentChunks lists the chunks of a document's newest chunking in the order of the text. The total is exact.
func (l *Library) DocumentChunks(ctx context.Context, t dataset.Tenant, id string, w Window) (*dataset.Document, *List[Chunk], error) {
	if err := w.check(); err != nil {
		return nil, nil, err
	}
	d, err := l.Document(ctx, t, id)
	if err != nil {
		return nil, nil, err
	}
	set, _ := d.Set("")
	from := (min(w.Page, MaxCounted*MaxPerPage) - 1) * w.PerPage
	if w.Cursor != "" {
		at, err := readPlace(w.Cursor, d.ID, set.Key)
		if err != nil {
			return nil, nil, err
		}
		from = at
	}
	out := &List[Chunk]{Items: []Chunk{}, Total: set.Count}
	to := min(from+w.PerPage, set.Count)
	if from < to {
		if out.Items, err = l.chunks(ctx, set, from, to); err != nil {
			return nil, nil, err
		}
	}
	if to < set.Count && from < to {
		out.Cursor = place(to, d.ID, set.Key)
	}
	return d, out, nil
}

func (l *Library) chunks(ctx context.Context, set dataset.ChunkSet, from, to int) ([]Chunk, error) {
	list, err := document.ReadSet(ctx, l.Blobs, set, from, to)
	if err != nil {
		return nil, err
	}
	chunks := make([]Chunk, len(list))
	for i, c := range list {
		chunks[i] = Chunk{c, set.By}
	}
	return chunks, nil
}

// ProjectChunks lists the chunks of all documents of a project, each in its newest chunking. The order is that of
// the documents' ids, which says nothing but stays.
func (l *Library) ProjectChunks(ctx context.Context, p *dataset.Project, w Window) (*List[Chunk], error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	skip, after := 0, ""
	if w.Cursor != "" {
		var at projectPlace
		if err := readCursor(w.Cursor, &at); err != nil || at.Project != p.ID || at.Chunk < 0 {
			return nil, errCursor(w.Cursor)
		}
		skip, after = at.Chunk, at.Document
	} else {
		if w.Page > MaxCounted/w.PerPage {
			return nil, w.beyond()
		}
		skip = (w.Page - 1) * w.PerPage
	}
	out := &List[Chunk]{}
	var spans []span
	room := w.PerPage
	q := dataset.Query{PK: dataset.ProjectPK(p.Tenant, p.ID), From: dataset.DocumentSK(""), To: dataset.DocumentSK("~")}
	for r, err := range dataset.Rows(ctx, l.Table, q) {
		if err != nil {
			return nil, err
		}
		d, err := dataset.Decode[dataset.Document](r)
		if err != nil {
			return nil, err
		}
		set, ok := d.Set("")
		if !ok || !d.Deleted.IsZero() {
			continue
		}
		out.Total += set.Count
		if after != "" {
			if d.ID < after {
				continue
			}
			if d.ID > after {
				skip = 0 // the one that the cursor names is gone
			}
			after = ""
		}
		first := min(skip, set.Count)
		skip -= first
		n := min(set.Count-first, room)
		if n > 0 {
			spans = append(spans, span{set, first, first + n})
			room -= n
		}
		if first+n < set.Count && out.Cursor == "" {
			out.Cursor = cursor(projectPlace{p.ID, d.ID, first + n})
		}
		if out.Total > MaxCounted && out.Cursor != "" {
			break
		}
	}
	if out.Total > MaxCounted {
		out.Total, out.AtLeast = MaxCounted, true
	}
	var err error
	out.Items, err = l.readSpans(ctx, spans)
	return out, err
}

// span is a stretch of a chunk set.
type span struct {
	set       dataset.ChunkSet
	from, end int
}

func (l *Library) readSpans(ctx context.Context, spans []span) ([]Chunk, error) {
	parts := make([][]Chunk, len(spans))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for i, s := range spans {
		g.Go(func() (err error) {
			parts[i], err = l.chunks(ctx, s.set, s.from, s.end)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// projectPlace is where a list of a project's chunks goes on.
type projectPlace struct {
	Project  string `json:"p"`
	Document string `json:"d"`
	Chunk    int    `json:"c"`
}

var chunkForm = regexp.MustCompile(`^([0-9a-f-]{36})-([0-9a-f]{12})-(0|[1-9][0-9]{0,8})$`)

// chunkID is the id of a chunk in its parts.
type chunkID struct {
	document, chunking string
	ordinal            int
}

// parseChunkID reads what dataset.Chunk.ID writes.
func parseChunkID(id string) (chunkID, bool) {
	m := chunkForm.FindStringSubmatch(id)
	if m == nil {
		return chunkID{}, false
	}
	n, _ := strconv.Atoi(m[3]) // digits
	return chunkID{m[1], m[2], n}, true
}

// Chunk finds a chunk by its id; NotFound.
func (l *Library) Chunk(ctx context.Context, t dataset.Tenant, id string) (*Chunk, error) {
	at, ok := parseChunkID(id)
	if !ok {
		return nil, gone("chunk", id)
	}
	d, err := l.Document(ctx, t, at.document)
	if dataset.Is(err, dataset.NotFound) {
		return nil, gone("chunk", id)
	}
	if err != nil {
		return nil, err
	}
	set, ok := setOf(d, at.chunking)
	if !ok {
		return nil, gone("chunk", id)
	}
	// Only where chunks were taken out is it in front of its number: look back from there.
	for end := min(at.ordinal+1, set.Count); end > 0; {
		from := max(end-256, 0)
		if end == at.ordinal+1 {
			from = at.ordinal
		}
		list, err := l.chunks(ctx, set, from, end)
		if err != nil {
			return nil, err
		}
		if list[0].Ordinal <= at.ordinal {
			i, found := slices.BinarySearchFunc(list, at.ordinal, func(c Chunk, n int) int { return c.Ordinal - n })
			if found {
				return &list[i], nil
			}
			break
		}
		end = from
	}
	return nil, gone("chunk", id)
}

// setOf finds a chunk set of exactly that chunking.
func setOf(d *dataset.Document, chunking string) (dataset.ChunkSet, bool) {
	for i := len(d.Sets) - 1; i >= 0; i-- {
		if d.Sets[i].Chunking == chunking {
			return d.Sets[i], true
		}
	}
	return dataset.ChunkSet{}, false
}

// DeleteChunks deletes chunks and returns which of the ids name none. Those that stay keep their ids. A chunking is not made
// anew by that; jobs that run keep what they have planned.
func (l *Library) DeleteChunks(ctx context.Context, t dataset.Tenant, ids []string) (deleted int, missing []string, err error) {
	type group struct{ document, chunking string }
	groups := map[group]map[int]string{}
	for _, id := range ids {
		at, ok := parseChunkID(id)
		if !ok {
			missing = append(missing, id)
			continue
		}
		g := group{at.document, at.chunking}
		if groups[g] == nil {
			groups[g] = map[int]string{}
		}
		groups[g][at.ordinal] = id
	}
	for g, chosen := range groups {
		found, err := l.takeOut(ctx, t, g.document, g.chunking, chosen)
		if err != nil && !dataset.Is(err, dataset.NotFound) {
			return deleted, nil, err
		}
		deleted += len(found)
		for ordinal, id := range chosen {
			if !found[ordinal] {
				missing = append(missing, id)
			}
		}
	}
	slices.Sort(missing)
	return deleted, missing, nil
}

// takeOut puts a set without some chunks in the place of the one that a document has.
func (l *Library) takeOut(ctx context.Context, t dataset.Tenant, id, chunking string, chosen map[int]string) (map[int]bool, error) {
	var found map[int]bool
	tried := "" // key of the set that a try of ours may have put there
	err := dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		d, version, err := l.loadDocument(ctx, t, id)
		if err != nil {
			return nil, err
		}
		set, ok := setOf(d, chunking)
		if !ok || set.Key == tried {
			return nil, nil
		}
		var less dataset.ChunkSet
		if less, found, err = l.without(ctx, d, set, chosen); err != nil || len(found) == 0 {
			return nil, err
		}
		tried = less.Key
		d.Sets = slices.Clone(d.Sets)
		d.Sets[slices.Index(d.Sets, set)] = less
		return records(row{dataset.ProjectPK(t, d.Project), dataset.DocumentSK(d.ID), d, version})
	})
	return found, err
}

// without writes a set without the chosen chunks, under a key that derives from what it is made of.
func (l *Library) without(ctx context.Context, d *dataset.Document, set dataset.ChunkSet, chosen map[int]string) (dataset.ChunkSet, map[int]bool, error) {
	found := map[int]bool{}
	ordinals := make([]int, 0, len(chosen))
	for n := range chosen {
		ordinals = append(ordinals, n)
	}
	slices.Sort(ordinals)
	list, _ := json.Marshal(ordinals) // numbers
	less := set
	less.Key = dataset.ChunksKey(d.Tenant, d.Project, d.Objects(), set.Chunking+"-"+dataset.Hash(set.Key, string(list)))
	w, err := l.Blobs.Create(ctx, less.Key)
	if err != nil {
		return less, nil, err
	}
	defer w.Abort()
	buffer := bufio.NewWriterSize(w, 256<<10)
	to := document.NewSetWriter(buffer)
	less.Count = 0
	const step = 500
	for from := 0; from < set.Count; from += step {
		chunks, err := document.ReadSet(ctx, l.Blobs, set, from, min(from+step, set.Count))
		if err != nil {
			return less, nil, err
		}
		for i := range chunks {
			if _, out := chosen[chunks[i].Ordinal]; out {
				found[chunks[i].Ordinal] = true
				continue
			}
			less.Count++
			if err := to.Add(chunks[i]); err != nil {
				return less, nil, err
			}
		}
	}
	if len(found) == 0 {
		return less, found, nil
	}
	less.Taken += len(found)
	if less.Size, err = to.Close(); err != nil {
		return less, nil, err
	}
	if err := buffer.Flush(); err != nil {
		return less, nil, err
	}
	if err := w.Commit(); err != nil && !dataset.Is(err, dataset.Conflict) {
		return less, nil, err
	}
	return less, found, nil
}

// DeleteDocumentChunks deletes all chunks of a document, in every chunking, and returns how many of the newest there
// were. The next job that needs chunks makes them anew, unless they were given as they are.
func (l *Library) DeleteDocumentChunks(ctx context.Context, t dataset.Tenant, id string) (int, error) {
	n := 0
	err := dataset.Transact(ctx, l.Table, func() ([]dataset.Write, error) {
		d, version, err := l.loadDocument(ctx, t, id)
		if err != nil || len(d.Sets) == 0 {
			return nil, err
		}
		set, _ := d.Set("")
		n = set.Count
		d.Sets = nil
		if !d.Ready {
			d.Status = dataset.Uploaded
		}
		return records(row{dataset.ProjectPK(t, d.Project), dataset.DocumentSK(d.ID), d, version})
	})
	return n, err
}
