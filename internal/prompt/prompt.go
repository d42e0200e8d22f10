// Package prompt turns a chunk into the two turns and the schema that a language model is asked with, and
// a model's reply into drafts of entries. It is pure: no I/O, no clock, the same input gives the same output.
//
// A document is data. Whatever is taken from one (its text, title and headings) is put in by a single pass,
// so braces in a document are never syntax, and its text stands between markers that it cannot contain, as
// they hold a hash of it. What comes back is read with tolerance for what models really send, and with
// limits on size, depth and work; nothing that is left out goes uncounted.
package prompt

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Version changes whenever the same template, chunk and count may be rendered to other turns.
const version = "1"

// Limits on what is rendered.
const (
	maxTemplate = 32 << 10 // bytes of a custom prompt
	maxName     = 200      // code points of a title or a heading in a prompt
)

// Template is a checked prompt for one mode. The zero value is not usable: see Builtin and Custom.
type Template struct {
	mode   dataset.Mode
	text   string
	pieces []piece
}

// piece is literal text or, when name is set, a placeholder.
type piece struct {
	text string
	name string
}

// The placeholders of a template.
const (
	chunkName    = "chunk"
	countName    = "datasets_per_chunk"
	titleName    = "title"
	headingsName = "headings"
)

// Builtin returns the template that belongs to mode; an unknown mode gets that of dataset.QuestionAnswer.
func Builtin(mode dataset.Mode) Template {
	text, ok := builtin[mode]
	if !ok {
		mode = dataset.QuestionAnswer
		text = builtin[mode]
	}
	t, err := Custom(mode, text)
	if err != nil {
		panic(err) // a built-in text is wrong; a test renders each
	}
	return t
}

// Custom returns the template that text describes. {chunk}, {datasets_per_chunk}, {title} and {headings}
// stand for the chunk's text (fenced), the number of entries asked for, and where the chunk stands; "{{" is
// a literal brace, and "}}" closes it. A brace that no placeholder's name follows, as in JSON, is literal too.
// A text without {chunk} gets the fenced chunk appended. The error is Invalid: empty, too long, or a
// placeholder that does not exist, which it names.
func Custom(mode dataset.Mode, text string) (Template, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return Template{}, dataset.InvalidField("/custom_prompt", "is empty")
	case len(text) > maxTemplate:
		return Template{}, dataset.InvalidField("/custom_prompt", "has %d bytes, want at most %d", len(text), maxTemplate)
	case !utf8.ValidString(text):
		return Template{}, dataset.InvalidField("/custom_prompt", "is not valid UTF-8")
	}
	pieces, err := split(text)
	if err != nil {
		return Template{}, err
	}
	return Template{mode: mode, text: text, pieces: pieces}, nil
}

// split cuts text at its placeholders.
func split(text string) ([]piece, error) {
	var pieces []piece
	var literal strings.Builder
	open, hasChunk := 0, false // doubled braces not yet closed
	flush := func() {
		if literal.Len() > 0 {
			pieces = append(pieces, piece{text: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "{{"):
			literal.WriteByte('{')
			open++
			i += 2
		case open > 0 && strings.HasPrefix(text[i:], "}}"):
			literal.WriteByte('}')
			open--
			i += 2
		case text[i] == '{':
			name := placeholder(text[i:])
			if name == "" {
				literal.WriteByte('{')
				i++
				continue
			}
			switch name {
			case chunkName, countName, titleName, headingsName:
			default:
				return nil, dataset.InvalidField("/custom_prompt",
					"has the unknown placeholder {%s}, want {chunk}, {datasets_per_chunk}, {title} or {headings} ({{ is a literal brace)", name)
			}
			flush()
			pieces = append(pieces, piece{name: name})
			hasChunk = hasChunk || name == chunkName
			i += len(name) + 2
		default:
			literal.WriteByte(text[i])
			i++
		}
	}
	if !hasChunk {
		literal.WriteString("\n\n")
		flush()
		pieces = append(pieces, piece{name: chunkName})
	}
	flush()
	return pieces, nil
}

// placeholder returns the name in s = "{name}…", or "" when s does not begin with a placeholder.
func placeholder(s string) string {
	for i := 1; i < len(s) && i <= 64; i++ {
		switch c := s[i]; {
		case c == '}' && i > 1:
			return s[1:i]
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 1 && c >= '0' && c <= '9':
		default:
			return ""
		}
	}
	return ""
}

// Text returns the template as it was written, for people to read and to start their own from.
func (t Template) Text() string { return t.text }

// Hash identifies the template together with the code that renders it and what it adds.
func (t Template) Hash() string {
	return dataset.Hash(version, string(t.mode), system(t.mode), t.text)
}

// Render returns the system and the user turn that ask for at most count entries about chunk.
func (t Template) Render(chunk *dataset.Chunk, count int) (systemTurn, user string) {
	values := map[string]string{
		chunkName:    fence(chunk.Text),
		countName:    strconv.Itoa(count),
		titleName:    inline(chunk.Title),
		headingsName: headings(chunk.Headings),
	}
	var b strings.Builder
	for _, p := range t.pieces {
		b.WriteString(p.text)
		if p.name != "" {
			b.WriteString(values[p.name])
		}
	}
	return system(t.mode), b.String()
}

// fence puts text between two markers that it does not contain. They hold a hash of the text, so that its
// author cannot have written them into it.
func fence(text string) string {
	for n := 0; ; n++ {
		mark := "document-" + dataset.Hash(strconv.Itoa(n), text)[:12]
		if !strings.Contains(text, mark) {
			return "<" + mark + ">\n" + strings.TrimRight(text, "\n") + "\n</" + mark + ">"
		}
	}
}

// inline makes a name from a document harmless inside a sentence: one line, of bounded length, without the
// angle brackets that mark the document.
func inline(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	s = strings.NewReplacer("<", "(", ">", ")").Replace(s)
	n := 0
	for i := range s {
		if n == maxName {
			return s[:i] + "…"
		}
		n++
	}
	if s == "" {
		return "(none)"
	}
	return s
}

func headings(path []string) string {
	names := make([]string, len(path))
	for i, h := range path {
		names[i] = inline(h)
	}
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, " / ")
}
