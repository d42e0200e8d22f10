package prompt

import (
	"strings"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Draft is what a reply says of one entry, cleaned and within the limits of dataset. Every draft has a
// Question and an Answer, whatever the mode. Evidence is what the model claims to quote: nobody has looked
// for it in the chunk yet. Difficulty is empty or one of dataset.Difficulties.
type Draft struct {
	Question, Answer           string
	Instruction, Input, Output string // dataset.Instruction
	Summary                    string // dataset.Summarization
	Difficulty, Category, Rule string
	Evidence                   []string
}

// The faults of an entry that is left out.
const (
	EmptyQuestion   = "empty_question"
	EmptyAnswer     = "empty_answer"
	QuestionTooLong = "question_too_long"
	AnswerTooLong   = "answer_too_long"
	InputTooLong    = "input_too_long"
	Placeholder     = "placeholder"    // "…", "<answer>", "string": the form was given back, not filled in
	Truncated       = "truncated"      // the reply ended, or broke off, inside it
	NotAnEntry      = "not_an_entry"   // a number or a text where an entry should be
	RepeatedEntry   = "repeated_entry" // the same question and answer stand earlier in the reply
	OverCount       = "over_count"     // more entries than asked for
)

// Parse reads a reply to a prompt about chunk in the given mode. It takes what models really send for what
// they mean: entries as an object, a bare list, wrapped in other objects or in a string, one object alone or
// one a line, in code fences, after thoughts, between sentences, under other names, cut short. It returns at
// most count drafts in the order of the reply, and the fault of every entry that is left out, one each.
// A reply with an empty list of entries is read, and has none. The error is Invalid: nothing in the reply can
// be read as entries.
func Parse(text string, mode dataset.Mode, chunk *dataset.Chunk, count int) (drafts []Draft, faults []string, err error) {
	c := collector{}
	c.read(text)
	if c.seen == 0 && !c.emptyList {
		return nil, nil, dataset.Errorf(dataset.Invalid, "the reply holds no entries: it begins with %q", excerpt(text))
	}
	type content struct{ question, answer, input string }
	known := map[content]bool{}
	for _, object := range c.found {
		draft, fault := toDraft(object, mode, chunk)
		key := content{draft.Question, draft.Answer, draft.Input}
		switch {
		case fault != "":
			c.faults = append(c.faults, fault)
		case known[key]:
			c.faults = append(c.faults, RepeatedEntry)
		case len(drafts) >= count:
			c.faults = append(c.faults, OverCount)
		default:
			known[key] = true
			drafts = append(drafts, draft)
		}
	}
	return drafts, c.faults, nil
}

// excerpt returns the beginning of a reply, for an error.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(clean(text[:min(len(text), 400)])), " ")
	if utf8.RuneCountInString(text) > 80 {
		text = string([]rune(text)[:80]) + "…"
	}
	return text
}

// collector looks for entries in a reply.
type collector struct {
	found     []value // objects that are entries
	seen      int     // entries and what stands in their place but is cut
	emptyList bool
	faults    []string
}

// read collects from every value of the text.
func (c *collector) read(text string) {
	text = afterThoughts(cutBytes(text, maxReply))
	r := reader{s: text}
	for r.values <= maxValues {
		next := strings.IndexAny(r.s[r.i:], "{[")
		if next < 0 {
			return
		}
		start := r.i + next
		r.i, r.stopped = start, false
		v := r.value(0, false)
		r.i = max(r.i, start+1)
		if v.kind == listKind && (len(v.items) == 0 || !holdsObjects(v)) && !v.cut {
			// "[1]" among words is no reply; "[]" is one when it stands alone.
			c.emptyList = c.emptyList || len(v.items) == 0 && bare(text[:start]) && bare(text[r.i:])
			continue
		}
		c.collect(v, 0)
	}
}

// bare reports whether text around a value says nothing: space and code fences.
func bare(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || len(s) <= 20 && strings.HasPrefix(s, "```")
}

// afterThoughts drops what a model thought aloud before its reply.
func afterThoughts(text string) string {
	text = strings.TrimLeft(text, " \t\r\n\ufeff")
	for _, name := range [...]string{"think", "thinking", "thought", "reasoning"} {
		closing := "</" + name + ">"
		for strings.HasPrefix(text, "<"+name+">") {
			_, after, ok := strings.Cut(text, closing)
			if !ok {
				return text
			}
			text = strings.TrimLeft(after, " \t\r\n")
		}
		// Some servers leave the opening mark out.
		if text != "" && strings.IndexByte("{[`", text[0]) < 0 {
			if _, after, ok := strings.Cut(text, closing); ok {
				text = strings.TrimLeft(after, " \t\r\n")
			}
		}
	}
	return text
}

// collect adds the entries in v, which is an entry itself, or holds some at any depth.
func (c *collector) collect(v value, depth int) {
	switch v.kind {
	case listKind:
		for _, item := range v.items {
			switch {
			case item.kind >= listKind:
				c.collect(item, depth+1)
			case !c.nested(item, depth):
				c.faults = append(c.faults, NotAnEntry)
			}
		}
		if len(v.items) == 0 && !v.cut {
			c.emptyList = true
		}
	case objectKind:
		before := c.seen
		for i, item := range v.items {
			name := canonical(v.keys[i])
			if !evidenceNames[name] && (item.kind == objectKind || item.kind == listKind && holdsObjects(item)) {
				c.collect(item, depth+1)
			} else if len(v.items) == 1 {
				c.nested(item, depth)
			}
		}
		switch {
		case c.seen > before: // a wrapper
		case isEntry(v):
			c.seen++
			c.found = append(c.found, v)
		case v.cut && len(v.keys) > 0 && evidenceNames[canonical(v.keys[0])]:
			c.seen++
			c.faults = append(c.faults, Truncated)
		}
	}
}

// nested reads JSON that stands in a string.
func (c *collector) nested(v value, depth int) bool {
	text := strings.TrimSpace(v.text)
	if v.kind != textKind || depth > 3 || len(text) < 2 || text[0] != '{' && text[0] != '[' || !strings.Contains(text, ":") {
		return false
	}
	before := c.seen
	r := reader{s: text}
	inner := r.value(depth+1, false)
	if inner.cut || skipSpace(text, r.i) < len(text) {
		return false // code, not a reply
	}
	inside := collector{}
	inside.collect(inner, depth+1)
	if inside.seen == 0 {
		return false
	}
	c.found, c.faults, c.seen = append(c.found, inside.found...), append(c.faults, inside.faults...), before+inside.seen
	return true
}

// holdsObjects reports whether a list may be one of entries.
func holdsObjects(list value) bool {
	if len(list.items) == 0 {
		return true // an empty list of entries, as far as can be told
	}
	for _, item := range list.items {
		if item.kind >= listKind || item.kind == textKind && strings.HasPrefix(item.text, "{") {
			return true
		}
	}
	return false
}

// cutBytes returns the beginning of s with at most n bytes, without a broken code point at its end.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
