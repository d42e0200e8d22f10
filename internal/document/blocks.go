package document

import (
	"context"
	"strings"

	"compileo/internal/dataset"
)

// Blocks finds the blocks of a text that has to stay as it is: those of Markdown where the text has the form that
// Parse gives it, and else its paragraphs. Unavailable: ctx is done.
func Blocks(ctx context.Context, text string) ([]dataset.Block, error) {
	t, err := Parse(ctx, "text.md", []byte(text), nil)
	if err != nil && !dataset.Is(err, dataset.Invalid) {
		return nil, err
	}
	if err == nil && strings.TrimSuffix(t.Body, "\n") == text {
		return t.Blocks, nil
	}
	var blocks []dataset.Block
	start, at := -1, 0
	end := 0 // of the last line of the paragraph
	add := func() {
		if start >= 0 {
			blocks = append(blocks, dataset.Block{Kind: dataset.ParagraphBlock, Start: start, End: end})
		}
		start = -1
	}
	for line := range strings.SplitAfterSeq(text, "\n") {
		if trimmed := strings.TrimSpace(line); trimmed == "" {
			add()
		} else {
			if start < 0 {
				start = at + strings.Index(line, trimmed)
			}
			end = at + strings.Index(line, trimmed) + len(trimmed)
		}
		at += len(line)
	}
	add()
	return blocks, nil
}
