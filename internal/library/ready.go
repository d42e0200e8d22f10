package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// MaxReadyChunks is how many chunks can be given at once.
const MaxReadyChunks = 10_000

// NewChunk is a chunk that is given as it is.
type NewChunk struct {
	Text     string
	Headings []string // that it stands under, outermost first
}

// NewChunks is what a document of ready chunks is made from.
type NewChunks struct {
	Name   string // of the document; empty: chunks.md
	Title  string // empty: the name
	Chunks []NewChunk
}

// between is what stands between two chunks in the text of their document.
const between = "\n\n"

// AddChunks makes a document whose text is the given chunks joined by blank lines. They are used as they are, whatever
// chunking a job asks for. Its id derives from project and chunks, with known as in AddDocument.
func (l *Library) AddChunks(ctx context.Context, p *dataset.Project, in NewChunks) (doc *dataset.Document, known bool, err error) {
	if in.Name == "" {
		in.Name = "chunks.md"
	}
	if in.Title == "" {
		in.Title = in.Name
	}
	if err := in.check(); err != nil {
		return nil, false, err
	}
	texts, parts := make([]string, len(in.Chunks)), []string{"chunks", string(p.Tenant), p.ID, in.Name, in.Title}
	for i, c := range in.Chunks {
		texts[i] = c.Text
		parts = append(append(parts, c.Text, strconv.Itoa(len(c.Headings))), c.Headings...)
	}
	text := strings.Join(texts, between)
	if len(text) > dataset.MaxDocument {
		return nil, false, dataset.InvalidField("/chunks", "have %d bytes, want at most %d", len(text), dataset.MaxDocument)
	}
	sum := sha256.Sum256([]byte(text))
	now := time.Now().UTC()
	doc = &dataset.Document{
		ID: dataset.DeriveID(parts...), Tenant: p.Tenant, Project: p.ID, Name: in.Name, Title: in.Title, Size: int64(len(text)),
		SHA256: hex.EncodeToString(sum[:]), Status: dataset.Processed, Ready: true, Added: now, Parsed: now, Parser: dataset.ChunkerVersion,
	}
	doc.Measure(text)
	return l.add(ctx, doc, func(d *dataset.Document) error {
		set := dataset.ChunkSet{Chunking: dataset.Hash(parts...)[:12], Count: len(in.Chunks)}
		set.Key = dataset.ChunksKey(d.Tenant, d.Project, d.Objects(), set.Chunking)
		var b bytes.Buffer
		chunks, err := in.cut(ctx, d, set.Chunking)
		if err != nil {
			return err
		}
		if set.Size, err = document.WriteSet(&b, chunks); err != nil {
			return err
		}
		d.Source, d.Sets = dataset.SourceKey(d.Tenant, d.Project, d.Objects()), []dataset.ChunkSet{set}
		d.Text = d.Source // it is the text already
		if err := dataset.PutOnce(ctx, l.Blobs, d.Source, []byte(text)); err != nil {
			return err
		}
		return l.putSet(ctx, set.Key, b.Bytes())
	})
}

// putSet stores a set that may be larger than what can be put at once.
func (l *Library) putSet(ctx context.Context, key string, data []byte) error {
	w, err := l.Blobs.Create(ctx, key)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Commit(); err != nil && !dataset.Is(err, dataset.Conflict) {
		return err
	}
	return nil
}

func (in *NewChunks) check() error {
	if err := checkText("/name", in.Name, 1, maxFileName); err != nil {
		return err
	}
	if err := checkText("/title", in.Title, 1, maxFileName); err != nil {
		return err
	}
	if n := len(in.Chunks); n < 1 || n > MaxReadyChunks {
		return dataset.InvalidField("/chunks", "are %d, want 1 to %d", n, MaxReadyChunks)
	}
	for i, c := range in.Chunks {
		at := "/chunks/" + strconv.Itoa(i)
		if err := checkText(at+"/text", c.Text, 1, dataset.MaxChunkText); err != nil {
			return err
		}
		if strings.TrimSpace(c.Text) == "" {
			return dataset.InvalidField(at+"/text", "is blank")
		}
		if len(c.Headings) > 16 {
			return dataset.InvalidField(at+"/headings", "are %d, want at most 16", len(c.Headings))
		}
		for k, h := range c.Headings {
			if err := checkText(at+"/headings/"+strconv.Itoa(k), h, 1, 500); err != nil {
				return err
			}
		}
	}
	return nil
}

// cut makes the chunks, each at its place in the text.
func (in *NewChunks) cut(ctx context.Context, d *dataset.Document, chunking string) ([]dataset.Chunk, error) {
	chunks := make([]dataset.Chunk, len(in.Chunks))
	at := 0
	for i, c := range in.Chunks {
		blocks, err := document.Blocks(ctx, c.Text)
		if err != nil {
			return nil, err
		}
		n := utf8.RuneCountInString(c.Text)
		chunks[i] = dataset.Chunk{
			Document: d.ID, Chunking: chunking, Ordinal: i, Start: at, End: at + n, Title: d.Title, Headings: c.Headings, Text: c.Text, Blocks: blocks,
		}
		at += n + len(between)
	}
	return chunks, nil
}
