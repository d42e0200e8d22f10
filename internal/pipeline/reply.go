package pipeline

import (
	"fmt"
	"runtime/debug"
	"strings"

	"compileo/internal/dataset"
	"compileo/internal/model"
	"compileo/internal/prompt"
	"compileo/internal/snapshot"
)

// ask makes the request of a round for a chunk. Rounds come in pairs, one for each job that tries the plan: an even
// one asks, the odd one after it names the fault of the reply before.
func (w *work) ask(h *holder, round int, fault string) {
	s := h.job.Settings
	seed := s.Seed + int64(round/2) // else the model may well say the same again
	system, user := h.template.Render(&w.Chunk, s.PerChunk)
	w.request = model.Request{
		Model: h.model.ID, System: system, User: user, Schema: h.schema, Round: round,
		MaxTokens: s.MaxTokens, Temperature: s.Temperature, Seed: seed,
		Task: &model.Task{Mode: s.Mode, Chunk: &w.Chunk, Count: s.PerChunk, Seed: seed},
	}
	if s.MaxTokens == 0 {
		w.request.MaxTokens = tokensForEntries(s.Mode, s.PerChunk)
	}
	if fault != "" {
		w.request.User += "\n\nYour last reply could not be used: " + fault + ". Answer with the JSON object only."
	}
	w.key = h.model.Key(&w.request)
}

// tokensForEntries bounds a reply with room for long answers.
func tokensForEntries(m dataset.Mode, n int) int {
	if m == dataset.Summarization {
		return 1_024
	}
	return 512 + 400*n
}

// accept reads a reply: into the chunk's answer, or, the first time it cannot be used at all, into another request.
func (w *work) accept(h *holder, reply *model.Reply) {
	defer h.survive(w)
	if reply.Payer == h.job.Ref.ID {
		w.usage.Calls++
		w.usage.CostUSD += reply.Usage.CostUSD
		w.usage.InputTokens += reply.Usage.InputTokens
		w.usage.OutputTokens += reply.Usage.OutputTokens
	} else {
		w.usage.Reused++
	}
	round := w.request.Round
	next := round/2*2 + 2               // asks anew,
	asksAnew := next/2 <= h.job.Retries // if there is another try
	if reply.Finish == model.Filtered {
		if asksAnew {
			w.ask(h, next, "")
		} else {
			w.failed("filtered: the model refused the chunk")
		}
		return
	}
	drafts, faults, err := prompt.Parse(reply.Text, h.job.Settings.Mode, &w.Chunk, h.job.Settings.PerChunk)
	switch {
	case err != nil && round%2 == 0:
		w.ask(h, round+1, reason(err))
		return
	case err != nil && asksAnew:
		w.ask(h, next, "")
		return
	case err != nil:
		why := "invalid reply: " + reason(err)
		if reply.Finish == model.Length {
			why = "truncated: the reply was cut at its token limit before the first entry was complete"
		}
		w.failed(why)
		return
	}
	w.answer = &chunkAnswer{Task: w.Number, Outcome: dataset.WithEntries, Faults: faults, Usage: w.usage}
	if len(drafts) == 0 {
		w.answer.Outcome, w.answer.Reason = dataset.Empty, "the model found nothing to ask"
		if len(faults) > 0 {
			w.answer.Reason = "no entry of the reply could be used"
		}
		return
	}
	w.answer.Drafts, w.answer.Category = drafts, h.category(&w.Chunk)
	w.answer.Metadata = dataset.Metadata{
		Model: h.model.Name(), GenerationTime: reply.Time.UTC(), ChunkLength: w.Chunk.End - w.Chunk.Start, HeadingPath: w.Chunk.Headings,
		Mode: h.job.Settings.Mode, PromptHash: h.promptHash, Seed: w.request.Seed, CostUSD: reply.Usage.CostUSD / float64(len(drafts)),
	}
}

// survive makes a panic over a chunk the failure of that chunk, and not of all that the program works on.
func (h *holder) survive(w *work) {
	if p := recover(); p != nil {
		h.Log.Error("panic over a chunk", "job", h.job.Ref.String(), "task", w.Number, "panic", p, "stack", string(debug.Stack()))
		w.failed(fmt.Sprintf("internal error: %v", p))
	}
}

// category is, without a taxonomy, what the chunk's document is about: its title. A job of more documents than a
// version has room for categories has none.
func (h *holder) category(c *dataset.Chunk) string {
	title := strings.Join(strings.Fields(c.Title), " ")
	if title == "" || len(title) > snapshot.MaxCategory || len(h.plan.Sets) > snapshot.MaxCategories {
		return dataset.Uncategorized
	}
	return title
}
