package document

import (
	"strings"
)

const (
	maxFrontMatter = 64 << 10 // bytes
	maxRefs        = 200_000  // definitions of links and footnotes; further ones are not known
)

// frontMatter returns the title in the YAML or TOML before the document, and what follows it.
func frontMatter(src string) (title, rest string) {
	for _, fence := range []string{"---", "+++"} {
		if !strings.HasPrefix(src, fence+"\n") {
			continue
		}
		head := src[:min(len(src), maxFrontMatter)]
		end := strings.Index(head, "\n"+fence+"\n")
		if end < 0 && strings.HasSuffix(head, "\n"+fence) {
			end = len(head) - 1 - len(fence)
		}
		if end < len(fence) || !isSetting(head[len(fence)+1:]) { // two rules with text between them
			continue
		}
		rest = src[min(len(src), end+len(fence)+2):]
		for line := range strings.Lines(head[:end]) {
			key, value, ok := strings.Cut(line, ":")
			if fence == "+++" {
				key, value, ok = strings.Cut(line, "=")
			}
			if ok && strings.EqualFold(strings.TrimRight(key, " "), "title") {
				return strings.Trim(strings.TrimSpace(value), `"'`), rest
			}
		}
		return "", rest
	}
	return "", src
}

// isSetting reports whether s begins with "key:", "key =" or a comment.
func isSetting(s string) bool {
	i := 0
	for i < len(s) && (isLetter(s[i]) || s[i] >= '0' && s[i] <= '9' || s[i] == '_' || s[i] == '-' || s[i] == '.') {
		i++
	}
	rest := strings.TrimLeft(s[i:], " ")
	return i > 0 && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "=")) || strings.HasPrefix(s, "#") || strings.HasPrefix(s, "[")
}

// tidyLines empties blank lines, drops those after maxBlankLines in a row, and shortens indents to maxIndent.
func tidyLines(src string) string {
	var b strings.Builder
	b.Grow(len(src) + 1)
	blank := 0
	for line := range strings.Lines(src) {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		switch {
		case indent == len(line) || line[indent] == '\n':
			if blank++; blank <= maxBlankLines {
				b.WriteByte('\n')
			}
			continue
		case indent > maxIndent:
			line = line[indent-maxIndent:]
		}
		blank = 0
		b.WriteString(line)
	}
	return b.String()
}

// definitions returns the labels of all links and footnotes ("^…") that the document defines.
func definitions(src string) map[string]bool {
	refs := map[string]bool{}
	for line := range strings.Lines(src) {
		line = strings.TrimLeft(line, " \t>")
		if !strings.HasPrefix(line, "[") {
			continue
		}
		label, n := bracketed(line)
		if label = foldLabel(label); label == "" || !strings.HasPrefix(line[n:], ":") || len(refs) == maxRefs {
			continue
		}
		if rest := line[n+1:]; strings.HasPrefix(label, "^") || isTarget(rest) {
			refs[label] = true
		}
	}
	return refs
}

// isTarget reports whether the rest of a line can be what a link's definition says: an address and perhaps a
// title, of which one or both may stand on the lines below.
func isTarget(rest string) bool {
	rest = strings.TrimSpace(rest)
	_, n := destination(rest)
	after := strings.TrimSpace(rest[n:])
	return after == "" || n > 0 && strings.IndexByte("\"'(", after[0]) >= 0
}

// dropDefinitions takes the definitions of links off the beginning of a paragraph.
func dropDefinitions(src string) string {
	for strings.HasPrefix(src, "[") && !strings.HasPrefix(src, "[^") {
		label, n := bracketed(src)
		if strings.TrimSpace(label) == "" || !strings.HasPrefix(src[n:], ":") {
			return src
		}
		rest := src[n+1:]
		rest = rest[spaces(rest):]
		_, k := destination(rest)
		if k == 0 {
			return src
		}
		line, after, _ := strings.Cut(rest[k:], "\n")
		if strings.TrimSpace(line) == "" { // the title may stand on a line of its own
			if t := title(after[spaces(after):]); t > 0 {
				if end, next, _ := strings.Cut(after[spaces(after)+t:], "\n"); strings.TrimSpace(end) == "" {
					after = next
				}
			}
		} else if t := title(strings.TrimSpace(line)); t == 0 || t != len(strings.TrimSpace(line)) {
			return src
		}
		src = strings.TrimLeft(after, " \t")
	}
	return src
}

// alertName turns the mark of a GitHub alert, "[!NOTE]" on a line of its own, into "Note:".
func alertName(src string) string {
	if !strings.HasPrefix(src, "[!") {
		return src
	}
	name, n := bracketed(src)
	line, rest, _ := strings.Cut(src[n:], "\n")
	if n > 20 || len(name) < 3 || strings.Trim(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.TrimSpace(line) != "" {
		return src
	}
	return name[1:2] + strings.ToLower(name[2:]) + ": " + rest
}

// stripAttributes takes "{#id .class}" off the end of a heading.
func stripAttributes(src string) string {
	if i := strings.LastIndexByte(src, '{'); i >= 0 && strings.HasSuffix(src, "}") && i+1 < len(src) && strings.ContainsRune("#.", rune(src[i+1])) {
		return src[:i]
	}
	return src
}

// findTable splits a paragraph before the header of the table that it ends with.
func findTable(src string) (before, table string) {
	header := 0 // where the line before the one at hand begins
	for at := strings.IndexByte(src, '\n') + 1; at > 0 && at < len(src); {
		end := strings.IndexByte(src[at:], '\n')
		line := src[at:]
		if end >= 0 {
			line = line[:end]
		}
		if width := ruleWidth(line); width > 0 && strings.ContainsRune(src[header:at], '|') && len(splitRow(src[header:at])) == width {
			return src[:header], src[header:]
		}
		if end < 0 {
			break
		}
		header, at = at, at+end+1
	}
	return src, ""
}

// ruleWidth returns the columns of the line below a table's header; 0: it is none.
func ruleWidth(line string) int {
	if !strings.Contains(line, "-") || strings.Trim(line, "|-: \t") != "" {
		return 0
	}
	cells := splitRow(line)
	for _, c := range cells {
		c = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(c), ":"), ":")
		if c == "" || strings.Trim(c, "-") != "" {
			return 0
		}
	}
	return len(cells)
}

// splitRow returns the cells of a row, without the escapes of their bars.
func splitRow(line string) []string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "|")
	var cells []string
	var cell strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '|':
			cell.WriteByte('|')
			i++
		case line[i] == '\\' && i+1 < len(line):
			cell.WriteString(line[i : i+2])
			i++
		case line[i] == '|':
			cells = append(cells, cell.String())
			cell.Reset()
		default:
			cell.WriteByte(line[i])
		}
	}
	if strings.TrimSpace(cell.String()) != "" || !strings.HasSuffix(line, "|") {
		cells = append(cells, cell.String())
	}
	return cells
}
