package document

import (
	"html"
	"strings"
)

// tag is an HTML tag inside a paragraph of Markdown.
type tag struct {
	name  string
	end   bool
	attrs map[string]string // alt and src only
}

// readTag reads a tag at the beginning of s and returns it with its length; 0: there is none.
func readTag(s string) (t tag, n int) {
	i := 1
	if i < len(s) && s[i] == '/' {
		t.end = true
		i++
	}
	start := i
	for i < len(s) && (isLetter(s[i]) || i > start && (s[i] >= '0' && s[i] <= '9' || s[i] == '-')) {
		i++
	}
	if i == start || i-start > 40 {
		return t, 0
	}
	t.name = strings.ToLower(s[start:i])
	for {
		gap := spaces(s[i:])
		i += gap
		switch {
		case i >= len(s):
			return t, 0
		case s[i] == '>':
			return t, i + 1
		case strings.HasPrefix(s[i:], "/>"):
			return t, i + 2
		case gap == 0 || t.end:
			return t, 0
		}
		k := t.attribute(s[i:])
		if k == 0 {
			return t, 0
		}
		i += k
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// attribute reads one attribute and returns its length; 0: there is none.
func (t *tag) attribute(s string) int {
	i := strings.IndexAny(s, " \t\n\"'>/=<`")
	if i <= 0 {
		return 0
	}
	name := strings.ToLower(s[:i])
	k := i + spaces(s[i:])
	if k >= len(s) || s[k] != '=' {
		return i
	}
	k++
	k += spaces(s[k:])
	if k >= len(s) {
		return 0
	}
	var value string
	switch c := s[k]; c {
	case '"', '\'':
		// No value is that long, and looking further each time would be quadratic.
		end := strings.IndexByte(s[k+1:min(len(s), k+1+1<<16)], c)
		if end < 0 {
			return 0
		}
		value = s[k+1 : k+1+end]
		k += end + 2
	default:
		end := strings.IndexAny(s[k:], " \t\n\"'=<>`")
		if end <= 0 {
			return 0
		}
		value = s[k : k+end]
		k += end
	}
	if name == "alt" || name == "src" {
		if t.attrs == nil {
			t.attrs = map[string]string{}
		}
		t.attrs[name] = html.UnescapeString(value)
	}
	return k
}
