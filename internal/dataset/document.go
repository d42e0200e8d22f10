package dataset

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Limits on documents.
const (
	MaxDocument  = 50 << 20 // bytes of an uploaded text document
	MaxText      = 64 << 20 // bytes of a document's text after parsing
	MaxNesting   = 256      // levels of lists, quotes or elements in a document
	MaxChunks    = 200_000  // chunks of one document
	MaxChunkText = 100_000  // bytes of one chunk
)

// Document is an uploaded source. Its ID derives from project and content, so the same file is one document.
type Document struct {
	ID      string         `json:"id"`
	Tenant  Tenant         `json:"tenant"`
	Project string         `json:"project"`
	Name    string         `json:"name"` // file name as given by whoever added it first
	Size    int64          `json:"size"` // bytes
	SHA256  string         `json:"sha256"`
	Source  string         `json:"source"` // blob key of the uploaded bytes
	Status  DocumentStatus `json:"status"`
	Reason  string         `json:"reason,omitempty"` // why it is unreadable
	Title   string         `json:"title,omitempty"`
	Text    string         `json:"text,omitempty"`  // blob key of the document's text (UTF-8)
	Runes   int            `json:"runes,omitempty"` // length of the text in code points
	Words   int            `json:"words,omitempty"` // between white space
	Lines   int            `json:"lines,omitempty"`
	Marks   []int64        `json:"marks,omitempty"` // byte offsets of code points MarkRunes, 2·MarkRunes, … of the text
	Sets    []ChunkSet     `json:"sets,omitempty"`  // one for each chunking made, newest last, at most 16
	Added   time.Time      `json:"added"`
	Parsed  time.Time      `json:"parsed,omitzero"`
	Parser  string         `json:"parser,omitempty"` // ChunkerVersion that made Status
	Tries   int            `json:"tries,omitempty"`  // begun and not ended: a file that kills its worker is given up
	Ready   bool           `json:"ready,omitempty"`  // its chunks were given as they are: whatever the chunking, they are used
	Life    int            `json:"life,omitempty"`   // how often it was deleted and added again: no life uses the objects of another
	Deleted time.Time      `json:"deleted,omitzero"` // marked: there is no such document any more
}

// MarkRunes is the distance, in code points, of the marks that lead into a long text.
const MarkRunes = 1 << 16

// Objects names the folders of the document's objects, which are those of this life.
func (d *Document) Objects() string {
	if d.Life == 0 {
		return d.ID
	}
	return d.ID + "." + strconv.Itoa(d.Life)
}

// Measure notes what is to be known of the document's text without reading it.
func (d *Document) Measure(text string) {
	d.Runes, d.Words, d.Lines, d.Marks = 0, 0, 0, nil
	word := false
	for i, r := range text {
		if d.Runes > 0 && d.Runes%MarkRunes == 0 {
			d.Marks = append(d.Marks, int64(i))
		}
		d.Runes++
		space := unicode.IsSpace(r)
		if !space && !word {
			d.Words++
		}
		word = !space
		if r == '\n' {
			d.Lines++
		}
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		d.Lines++
	}
}

// DocumentStatus is how far a document has come.
type DocumentStatus string

// The states of a document.
const (
	Uploaded   DocumentStatus = "uploaded"
	Processed  DocumentStatus = "processed"  // text and at least one chunk set are there
	Unreadable DocumentStatus = "unreadable" // Reason says why
)

// Set returns the chunk set made with the chunking of that hash; with an empty hash, the newest. A ready document
// has one set, whatever is asked for.
func (d *Document) Set(hash string) (ChunkSet, bool) {
	if d.Ready {
		hash = ""
	}
	for i := len(d.Sets) - 1; i >= 0; i-- {
		if hash == "" || d.Sets[i].Chunking == hash {
			return d.Sets[i], true
		}
	}
	return ChunkSet{}, false
}

// ChunkSet is one write-once object with all chunks of a document under one chunking: Count JSON lines,
// then Count+1 offsets (8 bytes each, big endian) where each line begins and the last one ends.
type ChunkSet struct {
	Chunking string   `json:"chunking"` // Chunking.Hash
	Key      string   `json:"key"`
	Count    int      `json:"count"`
	Size     int64    `json:"size"`            // bytes of the object
	Taken    int      `json:"taken,omitempty"` // chunks that were taken out: those behind them keep their ordinals
	By       Chunking `json:"by,omitzero"`     // how it was made; nothing: the chunks were given as they are
}

// IndexOffset returns where the offsets begin in the object.
func (s ChunkSet) IndexOffset() int64 { return s.Size - int64(s.Count+1)*8 }

// Strategy is a way to cut a document into chunks.
type Strategy string

// The strategies, with the unit in which Size and Overlap count.
const (
	ByStructure Strategy = "structure" // whole blocks under their headings; tokens
	BySentence  Strategy = "sentence"  // whole sentences; sentences
	ByToken     Strategy = "token"     // words, numbers and signs; tokens
	ByCharacter Strategy = "character" // code points
	ByDelimiter Strategy = "delimiter" // pieces between delimiters; pieces
)

// Chunking is a strategy with its settings. Size and Overlap count in the strategy's own unit.
type Chunking struct {
	Strategy  Strategy `json:"strategy"`
	Size      int      `json:"size"`
	Overlap   int      `json:"overlap"`
	Delimiter string   `json:"delimiter,omitempty"` // ByDelimiter only
}

// ChunkerVersion changes whenever parsing or chunking may give other chunks for the same document.
const ChunkerVersion = "1"

// DefaultChunking is used where nothing is asked for.
var DefaultChunking = Chunking{Strategy: ByStructure, Size: 400}

// Hash identifies the chunking together with the code that carries it out.
func (c Chunking) Hash() string {
	return Hash(ChunkerVersion, string(c.Strategy), strconv.Itoa(c.Size), strconv.Itoa(c.Overlap), c.Delimiter)[:12]
}

// Check returns an Invalid error that names the first faulty field.
func (c Chunking) Check() error {
	limit, ok := map[Strategy]int{ByStructure: 8_000, BySentence: 500, ByToken: 8_000, ByCharacter: 50_000, ByDelimiter: 500}[c.Strategy]
	switch {
	case !ok:
		return InvalidField("/chunk_strategy", "is %q, want structure, sentence, token, character or delimiter", c.Strategy)
	case c.Size < 1 || c.Size > limit:
		return InvalidField("/chunk_size", "is %d, want 1 to %d for strategy %s", c.Size, limit, c.Strategy)
	case c.Overlap < 0 || c.Overlap > c.Size/2:
		return InvalidField("/overlap", "is %d, want 0 to %d (half the chunk size)", c.Overlap, c.Size/2)
	case c.Strategy == ByDelimiter && c.Delimiter == "":
		return InvalidField("/delimiter", "is empty, want the text that separates chunks")
	case c.Strategy != ByDelimiter && c.Delimiter != "":
		return InvalidField("/delimiter", "is only for strategy delimiter, not %s", c.Strategy)
	}
	return nil
}

// BlockKind is what a block of text is.
type BlockKind string

// The kinds of block. The span of a block is its text as it stands, marks included ("## ", "- ", fences, pipes).
const (
	HeadingBlock   BlockKind = "heading"   // one line "# …"; Level 1 to 6
	ParagraphBlock BlockKind = "paragraph" // running text
	ItemBlock      BlockKind = "item"      // one list item "- …" or "1. …", without the items nested in it; Level is the depth from 1
	CodeBlock      BlockKind = "code"      // a fenced block, fences included; Lang may be set
	TableBlock     BlockKind = "table"     // a pipe table: header line, rule line, one line a row
)

// Block is a stretch of a text. Start and End are byte offsets into the text that holds it.
type Block struct {
	Kind    BlockKind `json:"kind"`
	Start   int       `json:"start"`
	End     int       `json:"end"`
	Level   int       `json:"level,omitempty"`
	Ordered bool      `json:"ordered,omitempty"` // ItemBlock: of a numbered list
	Lang    string    `json:"lang,omitempty"`    // CodeBlock
	Partial bool      `json:"partial,omitempty"` // a chunk border cuts it; what is missing is in a neighbour
}

// Chunk is a stretch of a document's text: what one model call is about.
type Chunk struct {
	Document string   `json:"document"` // document id
	Chunking string   `json:"chunking"` // Chunking.Hash
	Ordinal  int      `json:"ordinal"`  // from 0, in the order of the text
	Start    int      `json:"start"`    // code points: Text is text[Start:End] of the document
	End      int      `json:"end"`
	Title    string   `json:"title"`              // of the document
	Headings []string `json:"headings,omitempty"` // path of headings that the chunk's first block stands under, outermost first
	Text     string   `json:"text"`
	Blocks   []Block  `json:"blocks"` // in order, not overlapping, offsets into Text
}

// ID identifies the chunk within its tenant.
func (c *Chunk) ID() string { return fmt.Sprintf("%s-%s-%d", c.Document, c.Chunking, c.Ordinal) }

// Name is the chunk's short name within its document, as entries show it.
func (c *Chunk) Name() string { return fmt.Sprintf("chunk_%03d.md", c.Ordinal+1) }
