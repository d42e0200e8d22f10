package document

import (
	"context"
	"strings"
	"unicode/utf8"
)

// wrapWidth is the least width at which a line of plain text may have been broken only because it was full.
const wrapWidth = 60

// parsePlain reads plain text. Blank lines separate paragraphs; nothing is guessed to be a heading or a list.
//
// Lines are joined where a writer or an editor broke them because they were full, so that sentences can be
// quoted whole: where the next line's first word would not have fit into the width of the paragraph (its
// longest line, at least 60 and at most 120 code points). Other line breaks stay, and so does the space inside
// the lines around them, which may be an alignment.
func parsePlain(ctx context.Context, text string, b *Builder) (string, error) {
	tick := ticker{ctx: ctx}
	var lines []string
	for text != "" && b.err == nil {
		if err := tick.done(); err != nil {
			return "", err
		}
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if line = strings.TrimRight(line, " \t"); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
			continue
		}
		b.Paragraph(joinWrapped(lines))
		lines = lines[:0]
	}
	b.Paragraph(joinWrapped(lines))
	return "", nil
}

// joinWrapped makes one paragraph of its lines.
func joinWrapped(lines []string) string {
	width := wrapWidth
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l))
	}
	var out strings.Builder
	for i, l := range lines {
		if i > 0 {
			if width <= 2*wrapWidth && wrapped(lines[i-1], l, width) {
				out.WriteByte(' ')
				l = strings.TrimLeft(l, " \t")
			} else {
				out.WriteByte('\n')
			}
		}
		out.WriteString(l)
	}
	return strings.TrimSpace(out.String())
}

// wrapped reports whether line is followed by next only because it was full.
func wrapped(line, next string, width int) bool {
	indent := len(next) - len(strings.TrimLeft(next, " \t"))
	word, _, _ := strings.Cut(next[indent:], " ")
	if indent > len(line)-len(strings.TrimLeft(line, " \t"))+1 || isMark(word) {
		return false
	}
	return utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width
}

// isMark reports whether a line that begins with word is an item of a list.
func isMark(word string) bool {
	switch word {
	case "-", "*", "+", "•", "–", "·", "o":
		return true
	}
	digits := strings.TrimLeft(word, "0123456789")
	return digits != word && len(word)-len(digits) <= 3 && (digits == "." || digits == ")")
}
