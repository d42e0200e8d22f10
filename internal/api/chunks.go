package api

import (
	"context"

	"compileo/internal/library"
	"compileo/internal/rest"
)

// Chunk is a chunk as clients see it.
type Chunk struct {
	ID       string        `json:"id" doc:"Id of the chunk: document, chunking, number." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10-a1b2c3d4e5f6-0"`
	Document string        `json:"document_id" doc:"UUID of its document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	Index    int           `json:"chunk_index" doc:"Its number in the document, from 0." example:"0"`
	Text     string        `json:"text" doc:"Its text." example:"Common symptoms of diabetes include thirst."`
	Metadata ChunkMetadata `json:"metadata" doc:"Where it is from."`
}

// ChunkMetadata says where a chunk is from and how it was cut.
type ChunkMetadata struct {
	Name     string   `json:"name" doc:"Its short name, as entries show it." example:"chunk_001.md"`
	Title    string   `json:"title" doc:"Title of the document." example:"Living with diabetes"`
	Headings []string `json:"heading_path" doc:"Headings that it stands under, outermost first."`
	Start    int      `json:"start" doc:"Where it begins in the document's text, in code points." example:"0"`
	End      int      `json:"end" doc:"Where it ends." example:"1250"`
	Strategy string   `json:"chunk_strategy" doc:"How it was cut; given: it was given as it is." example:"structure"`
	Size     int      `json:"chunk_size,omitempty" doc:"Size that was asked for, in the strategy's unit." example:"400"`
	Overlap  int      `json:"overlap,omitempty" doc:"Overlap that was asked for." example:"0"`
}

// DocumentChunks is a page of a document's chunks.
type DocumentChunks struct {
	ID     string  `json:"document_id" doc:"UUID of the document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	Chunks []Chunk `json:"chunks" doc:"Chunks of the newest chunking, in the order of the text."`
	Paged
}

// ChunkPreview is a chunk by the beginning of its text.
type ChunkPreview struct {
	ID       string `json:"id" doc:"Id of the chunk." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10-a1b2c3d4e5f6-0"`
	Document string `json:"document_id" doc:"UUID of its document." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"`
	Index    int    `json:"chunk_index" doc:"Its number in the document, from 0." example:"0"`
	Preview  string `json:"content_preview" doc:"Its first 200 code points." example:"Common symptoms of diabetes include thirst."`
	Strategy string `json:"chunk_strategy" doc:"How it was cut; given: it was given as it is." example:"structure"`
	Status   string `json:"status" doc:"Always ready." enum:"ready" example:"ready"`
}

// ProjectChunks is a page of a project's chunks.
type ProjectChunks struct {
	ID     string         `json:"project_id" doc:"UUID of the project." example:"b357e573-89a5-4b40-8e1b-4c075a1835a6"`
	Chunks []ChunkPreview `json:"chunks" doc:"Chunks of all documents; the order says nothing but stays."`
	Paged
}

type newChunks struct {
	Project ProjectID  `json:"project_id" doc:"Number or UUID of the project." example:"1"`
	Name    string     `json:"file_name,omitempty" doc:"Name of the document that the chunks become." default:"chunks.md" maxLength:"500"`
	Title   string     `json:"title,omitempty" doc:"Its title; absent: the name." maxLength:"500"`
	Chunks  []newChunk `json:"chunks" doc:"The chunks, in their order." minItems:"1" maxItems:"10000"`
}

type newChunk struct {
	Text     string   `json:"text" doc:"Text of the chunk, used as it is." minLength:"1" maxLength:"100000" example:"Common symptoms of diabetes include thirst."`
	Headings []string `json:"heading_path,omitempty" doc:"Headings that it stands under, outermost first." maxItems:"16" maxLength:"500"`
}

// DeletedChunks says how many chunks were deleted.
type DeletedChunks struct {
	Message string   `json:"message" doc:"What was done." example:"2 chunks deleted"`
	Count   int      `json:"deleted_count" doc:"Chunks that were deleted." example:"2"`
	Missing []string `json:"not_found,omitempty" doc:"Ids that name no chunk."`
}

type chunkIDs struct {
	IDs []string `json:"chunk_ids" doc:"Ids of chunks." minItems:"1" maxItems:"1000"`
}

// chunkPaging is paging with the words of earlier clients.
type chunkPaging struct {
	Page    int    `query:"page" doc:"Number of the page, from 1." default:"1" minimum:"1" maximum:"1000000"`
	PerPage int    `query:"per_page" doc:"Chunks of a page." default:"100" minimum:"1" maximum:"1000"`
	Limit   *int   `query:"limit" doc:"The same as per_page." minimum:"1" maximum:"1000"`
	Cursor  string `query:"cursor" doc:"The cursor of the page before, instead of page." maxLength:"2000"`
}

func (p chunkPaging) window() library.Window {
	if p.Limit != nil {
		p.PerPage = *p.Limit
	}
	return library.Window{Page: p.Page, PerPage: p.PerPage, Cursor: p.Cursor}
}

func showChunk(c *library.Chunk) Chunk {
	return Chunk{c.ID(), c.Document, c.Ordinal, c.Text, ChunkMetadata{
		c.Name(), c.Title, c.Headings, c.Start, c.End, strategyOf(c), c.By.Size, c.By.Overlap,
	}}
}

func strategyOf(c *library.Chunk) string {
	if c.By.Strategy == "" {
		return "given"
	}
	return string(c.By.Strategy)
}

// preview is the beginning of a text.
func preview(s string) string {
	n := 0
	for i := range s {
		if n++; n > 200 {
			return s[:i]
		}
	}
	return s
}

type deletedChunks struct{ Body DeletedChunks }

func chunksDeleted(n int, missing []string) *deletedChunks {
	return &deletedChunks{DeletedChunks{things(n, "chunk") + " deleted", n, missing}}
}

func chunks(t *rest.Table, c Config) {
	l := c.Library
	type byChunk struct {
		Chunk string `path:"chunk_id" doc:"Id of the chunk." example:"0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10-a1b2c3d4e5f6-0"`
	}
	rest.Add(t, rest.Op{
		ID: "listDocumentChunks", Method: "GET", Path: base + "/chunks/document/{document_id}", Tag: "chunks", Summary: "List the chunks of a document",
	}, func(ctx context.Context, in *struct {
		byDocument
		chunkPaging
	},
	) (*struct{ Body DocumentChunks }, error) {
		w := in.window()
		d, list, err := l.DocumentChunks(ctx, tenantOf(ctx), in.Document, w)
		if err != nil {
			return nil, err
		}
		out := DocumentChunks{d.ID, make([]Chunk, len(list.Items)), paged(w, list)}
		for i := range list.Items {
			out.Chunks[i] = showChunk(&list.Items[i])
		}
		return &struct{ Body DocumentChunks }{out}, nil
	})
	rest.Add(t, rest.Op{
		ID: "listProjectChunks", Method: "GET", Path: base + "/chunks/project/{project_id}", Tag: "chunks", Summary: "List the chunks of a project",
	}, func(ctx context.Context, in *struct {
		byProject
		chunkPaging
	},
	) (*struct{ Body ProjectChunks }, error) {
		p, err := projectOf(ctx, l, &in.Project)
		if err != nil {
			return nil, err
		}
		w := in.window()
		list, err := l.ProjectChunks(ctx, p, w)
		if err != nil {
			return nil, err
		}
		out := ProjectChunks{p.ID, make([]ChunkPreview, len(list.Items)), paged(w, list)}
		for i := range list.Items {
			c := &list.Items[i]
			out.Chunks[i] = ChunkPreview{c.ID(), c.Document, c.Ordinal, preview(c.Text), strategyOf(c), "ready"}
		}
		return &struct{ Body ProjectChunks }{out}, nil
	})
	rest.Add(t, rest.Op{
		ID: "getChunk", Method: "GET", Path: base + "/chunks/{chunk_id}", Tag: "chunks", Summary: "One chunk",
	}, func(ctx context.Context, in *byChunk) (*struct{ Body Chunk }, error) {
		c, err := l.Chunk(ctx, tenantOf(ctx), in.Chunk)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Chunk }{showChunk(c)}, nil
	})
	rest.Add(t, rest.Op{
		ID: "addChunks", Method: "POST", Path: base + "/chunks", Tag: "chunks", Status: 201, Summary: "Add chunks that are ready",
		Description: "They become a document whose chunks are used as they are, whatever chunking a job asks for. The same chunks again are the same document.",
		Limit:       64 << 20, TooLarge: "add the chunks as several documents",
	}, func(ctx context.Context, in *struct{ Body newChunks }) (*struct{ Body Document }, error) {
		p, err := l.Project(ctx, tenantOf(ctx), string(in.Body.Project))
		if err != nil {
			return nil, err
		}
		list := make([]library.NewChunk, len(in.Body.Chunks))
		for i, c := range in.Body.Chunks {
			list[i] = library.NewChunk(c)
		}
		d, _, err := l.AddChunks(ctx, p, library.NewChunks{Name: in.Body.Name, Title: in.Body.Title, Chunks: list})
		if err != nil {
			return nil, err
		}
		return &struct{ Body Document }{showDocument(d)}, nil
	})
	rest.Add(t, rest.Op{
		ID: "deleteChunk", Method: "DELETE", Path: base + "/chunks/{chunk_id}", Tag: "chunks", Summary: "Delete a chunk",
		Description: "The other chunks keep their ids. Jobs that run keep what they have planned.",
	}, func(ctx context.Context, in *byChunk) (*deletedChunks, error) {
		if _, err := l.Chunk(ctx, tenantOf(ctx), in.Chunk); err != nil {
			return nil, err
		}
		n, _, err := l.DeleteChunks(ctx, tenantOf(ctx), []string{in.Chunk})
		if err != nil {
			return nil, err
		}
		return chunksDeleted(n, nil), nil
	})
	rest.Add(t, rest.Op{
		ID: "deleteDocumentChunks", Method: "DELETE", Path: base + "/chunks/document/{document_id}", Tag: "chunks", Summary: "Delete all chunks of a document",
		Description: "The next job that needs them makes them anew, unless they were given as they are.",
	}, func(ctx context.Context, in *byDocument) (*deletedChunks, error) {
		n, err := l.DeleteDocumentChunks(ctx, tenantOf(ctx), in.Document)
		if err != nil {
			return nil, err
		}
		return chunksDeleted(n, nil), nil
	})
	rest.Add(t, rest.Op{
		ID: "deleteChunks", Method: "DELETE", Path: base + "/chunks/batch", Tag: "chunks", Summary: "Delete several chunks",
	}, func(ctx context.Context, in *struct{ Body chunkIDs }) (*deletedChunks, error) {
		n, missing, err := l.DeleteChunks(ctx, tenantOf(ctx), in.Body.IDs)
		if err != nil {
			return nil, err
		}
		return chunksDeleted(n, missing), nil
	})
}
