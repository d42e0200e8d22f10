// Package extractive is the built-in model: questions with answers from documents by rules alone. It needs
// no network and no weights but those of a part-of-speech tagger, answers the same bytes to the same task,
// and quotes the chunk for everything it says.
//
// A chunk is analysed once (material): sections, sentences, tags, main clauses. Rules, one family a file,
// turn that into too many candidates; shared penalties, duplicates and a turn for every place and rule
// (rank.go) decide which become entries. Precision comes first: what does not parse cleanly yields nothing,
// so a chunk may have no entries. Text that is not English is asked about by its structure only.
//
// Reading a chunk of 400 tokens takes about a millisecond. All work is bounded by the size of the chunk.
package extractive

import (
	"context"
	"fmt"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// Name is what the model calls itself in replies.
const Name = "extractive"

// Model is the built-in model. It has no state of its own and is safe for concurrent use.
type Model struct{}

var _ model.Model = (*Model)(nil)

// New returns the built-in model. Its word lists are loaded with the first call of Generate.
func New() *Model { return &Model{} }

// Generate answers r.Task with at most Count entries, possibly none; nothing else of the request matters. The
// same task gives the same bytes. The error is Refused for a task that can never be answered, Timeout when
// ctx ends first, Broken when the built-in weights cannot be read.
func (*Model) Generate(ctx context.Context, r *model.Request) (*model.Reply, error) {
	if err := check(r); err != nil {
		return nil, &model.Error{Kind: model.Refused, Detail: err.Error()}
	}
	t, err := load()
	if err != nil {
		return nil, &model.Error{Kind: model.Broken, Detail: "the built-in word model cannot be read", Err: err}
	}
	m, err := analyse(ctx, t, r.Task.Chunk)
	if err != nil {
		return nil, model.AsError(err)
	}
	text, err := m.reply(r.Task)
	if err != nil {
		return nil, &model.Error{Kind: model.Broken, Detail: "the reply cannot be written", Err: err}
	}
	return &model.Reply{Text: text, Finish: model.Stop, Model: Name}, nil
}

// check says why a task can never be answered.
func check(r *model.Request) error {
	switch {
	case r == nil || r.Task == nil || r.Task.Chunk == nil:
		return fmt.Errorf("the built-in model needs the task as data")
	case r.Task.Count < 1 || r.Task.Count > dataset.MaxPerChunk:
		return fmt.Errorf("%d entries are asked for, want 1 to %d", r.Task.Count, dataset.MaxPerChunk)
	case len(r.Task.Chunk.Text) > dataset.MaxChunkText:
		return fmt.Errorf("the chunk has %d bytes, want at most %d", len(r.Task.Chunk.Text), dataset.MaxChunkText)
	case !utf8.ValidString(r.Task.Chunk.Text):
		return fmt.Errorf("the chunk's text is not UTF-8")
	}
	switch r.Task.Mode {
	case dataset.QuestionAnswer, dataset.Question, dataset.Answer, dataset.Summarization, dataset.Instruction:
	default:
		return fmt.Errorf("there is no mode %q", r.Task.Mode)
	}
	return checkBlocks(r.Task.Chunk)
}

// checkBlocks makes sure that blocks lie within the text, in order, on the borders of characters.
func checkBlocks(c *dataset.Chunk) error {
	last := 0
	for i, b := range c.Blocks {
		if b.Start < last || b.End < b.Start || b.End > len(c.Text) || !border(c.Text, b.Start) || !border(c.Text, b.End) {
			return fmt.Errorf("block %d of the chunk is at [%d:%d], which is no place in its text", i, b.Start, b.End)
		}
		last = b.End
	}
	return nil
}

func border(text string, i int) bool { return i == len(text) || utf8.RuneStart(text[i]) }
