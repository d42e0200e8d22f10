package modeltest

import (
	"encoding/json"
	"strings"
)

type entry struct {
	Evidence   []string `json:"evidence"`
	Question   string   `json:"question"`
	Answer     string   `json:"answer"`
	Difficulty string   `json:"difficulty"`
}

// Reply is the reply to a prompt: at most n entries, each about one sentence of the document in it. A prompt
// without a document gets an empty list.
func Reply(prompt string, n int) string {
	entries := []entry{}
	for sentence := range strings.FieldsFuncSeq(document(prompt), func(r rune) bool { return r == '\n' || r == '.' }) {
		words := strings.Fields(sentence)
		if len(words) < 5 {
			continue
		}
		if len(entries) == n {
			break
		}
		quote := strings.TrimSpace(sentence)
		entries = append(entries, entry{
			Evidence: []string{quote}, Question: "What is known about " + subject(words) + "?", Answer: quote + ".", Difficulty: "beginner",
		})
	}
	b, _ := json.Marshal(map[string]any{"entries": entries}) // strings
	return string(b)
}

// subject is what a sentence begins with, up to its first verb, as far as the tests' documents go.
func subject(words []string) string {
	for i, w := range words {
		if i > 0 && (w == "delivers" || w == "is" || w == "has" || w == "runs" || w == "says") {
			return strings.ToLower(words[0]) + " " + strings.Join(words[1:i], " ")
		}
	}
	return strings.Join(words[:min(len(words), 5)], " ")
}

// document finds what stands between the markers <document-…> and </document-…>.
func document(prompt string) string {
	const opening = "<document-"
	start := strings.Index(prompt, opening)
	if start < 0 {
		return ""
	}
	mark, rest, ok := strings.Cut(prompt[start+1:], ">")
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(rest, "</"+mark+">")
	return text
}
