package extractive

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

var itemLine = regexp.MustCompile(`^( *)([-*]|\d+\.) `)

// chunkOf makes a chunk of clean Markdown as the document package writes it: blocks apart by empty lines,
// items line by line.
func chunkOf(title, text string) *dataset.Chunk {
	c := &dataset.Chunk{Document: "doc", Chunking: "test", Title: title, Text: text}
	var open *dataset.Block
	end := func() {
		if open != nil {
			c.Blocks = append(c.Blocks, *open)
			open = nil
		}
	}
	pos := 0
	for line := range strings.Lines(text) {
		from, to := pos, pos+len(strings.TrimRight(line, "\r\n"))
		pos += len(line)
		s := strings.TrimSpace(line)
		if open != nil && open.Kind == dataset.CodeBlock {
			open.End = to
			if s == "```" {
				end()
			}
			continue
		}
		kind := dataset.ParagraphBlock
		b := dataset.Block{Start: from, End: to}
		switch m := itemLine.FindStringSubmatch(line); {
		case s == "":
			end()
			continue
		case strings.HasPrefix(s, "```"):
			kind, b.Lang = dataset.CodeBlock, strings.TrimPrefix(s, "```")
		case strings.HasPrefix(s, "#"):
			kind, b.Level = dataset.HeadingBlock, len(s)-len(strings.TrimLeft(s, "#"))
		case m != nil:
			kind, b.Level, b.Ordered = dataset.ItemBlock, len(m[1])/2+1, m[2][0] >= '0' && m[2][0] <= '9'
		case strings.HasPrefix(s, "|"):
			kind = dataset.TableBlock
		}
		b.Kind = kind
		if open != nil && (open.Kind == kind && kind != dataset.ItemBlock || open.Kind == dataset.ItemBlock && kind == dataset.ParagraphBlock) {
			open.End = to
			continue
		}
		end()
		open = &b
		if kind == dataset.HeadingBlock {
			end()
		}
	}
	end()
	return c
}

// replied is a decoded reply.
type replied struct {
	Entries []entry `json:"entries"`
}

// generate runs a task and checks what holds for every reply.
func generate(t testing.TB, task *model.Task) (replied, string) {
	t.Helper()
	reply, err := New().Generate(t.Context(), &model.Request{Task: task})
	if err != nil {
		t.Fatalf("Generate: %v", err)
	}
	if reply.Finish != model.Stop || reply.Model != Name || reply.Usage != (model.Usage{}) {
		t.Errorf("reply is %+v, want a stop by %s without usage", reply, Name)
	}
	var r replied
	if err := json.Unmarshal([]byte(reply.Text), &r); err != nil {
		t.Fatalf("reply is not JSON: %v\n%s", err, reply.Text)
	}
	checkReply(t, task, r)
	return r, reply.Text
}

func checkReply(t testing.TB, task *model.Task, r replied) {
	t.Helper()
	if len(r.Entries) > task.Count {
		t.Errorf("%d entries, want at most %d", len(r.Entries), task.Count)
	}
	for _, e := range r.Entries {
		if len(e.Evidence) == 0 || e.Rule == "" || e.Difficulty == "" {
			t.Errorf("entry without evidence, rule or difficulty: %+v", e)
		}
		for _, q := range e.Evidence {
			if q == "" || !strings.Contains(task.Chunk.Text, q) {
				t.Errorf("rule %s: evidence %q is not in the chunk", e.Rule, q)
			}
		}
		var ok bool
		switch task.Mode {
		case dataset.Summarization:
			ok = e.Summary != ""
		case dataset.Instruction:
			ok = e.Instruction != "" && e.Output != "" && e.Input != nil && e.Question == ""
		default:
			ok = strings.HasSuffix(e.Question, "?") && e.Answer != "" && e.Instruction == ""
		}
		if !ok {
			t.Errorf("mode %s: entry has not its fields: %+v", task.Mode, e)
		}
	}
}
