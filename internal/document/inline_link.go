package document

import (
	"strings"
	"unicode"
)

// maxLabel is the length of a link's label, by CommonMark.
const maxLabel = 999

// bracket is an open "[" or "![".
type bracket struct {
	piece  int
	image  bool
	start  int  // of what is inside
	runs   int  // runs of emphasis before it
	nested bool // there is a bracket inside, so that what is inside is no label
}

func (in *inliner) open(image bool) {
	n := 1
	if image {
		n = 2
	}
	in.add(in.src[in.pos : in.pos+n])
	in.pos += n
	if len(in.brackets) > 0 {
		in.brackets[len(in.brackets)-1].nested = true
	}
	in.brackets = append(in.brackets, bracket{piece: len(in.pieces) - 1, image: image, start: in.pos, runs: len(in.runs)})
}

// close reads "]" and, where it ends a link or an image, what belongs to it.
func (in *inliner) close() {
	end := in.pos
	in.pos++
	if len(in.brackets) == 0 {
		in.add("]")
		return
	}
	top := len(in.brackets) - 1
	open := in.brackets[top]
	in.brackets = in.brackets[:top]
	if active := open.image || top >= in.inactive; !active {
		in.inactive = min(in.inactive, top)
		in.add("]")
		return
	}
	in.inactive = min(in.inactive, top)
	target, ok := in.target(open, end)
	if !ok {
		in.add("]")
		return
	}
	in.settle(open.runs - 1)
	in.pieces[open.piece].text = ""
	switch {
	case strings.HasPrefix(target, "^"): // a footnote's mark
		in.pieces = in.pieces[:open.piece]
	case open.image && isBadge(target):
		in.pieces = in.pieces[:open.piece]
	case open.image:
		in.pieces[open.piece].skip = len(in.pieces)
		if in.anchor {
			in.pieces = in.pieces[:open.piece]
		}
	default:
		if in.onlyImages(open.piece + 1) {
			in.pieces = in.pieces[:open.piece]
		}
		in.inactive = top
	}
}

// onlyImages reports whether the pieces from i hold an image and no other text: such a link is a button.
func (in *inliner) onlyImages(i int) bool {
	images := 0
	for i < len(in.pieces) {
		switch p := in.pieces[i]; {
		case p.skip > i:
			images++
			i = p.skip
		case strings.TrimSpace(p.text) != "":
			return false
		default:
			i++
		}
	}
	return images > 0
}

// isBadge reports whether an image's address is that of a status badge.
func isBadge(address string) bool {
	address = strings.ToLower(address[:min(len(address), 500)])
	return strings.Contains(address, "badge") || strings.Contains(address, "shields.")
}

// target reads "(address)", "[label]" or nothing after the "]" at end, and reports whether that makes a link.
func (in *inliner) target(open bracket, end int) (string, bool) {
	if strings.HasPrefix(in.src[in.pos:], "(") {
		if address, n := inlineTarget(in.src[in.pos:]); n > 0 {
			in.pos += n
			return address, true
		}
	}
	label := ""
	if !open.nested && end-open.start <= maxLabel {
		label = in.src[open.start:end]
	}
	if strings.HasPrefix(in.src[in.pos:], "[") {
		if given, n := bracketed(in.src[in.pos:]); n > 0 {
			if strings.TrimSpace(given) != "" {
				label = given
			}
			if !in.refs[foldLabel(label)] {
				return "", false
			}
			in.pos += n
			return "", true
		}
	}
	if !in.refs[foldLabel(label)] {
		return "", false
	}
	if strings.HasPrefix(label, "^") {
		return label, true
	}
	return "", true
}

// bracketed reads "[label]" at the beginning of s and returns the label and how long it all is; 0: there is none.
func bracketed(s string) (label string, n int) {
	for i := 1; i < len(s) && i <= maxLabel+1; i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			return "", 0
		case ']':
			return s[1:i], i + 1
		}
	}
	return "", 0
}

// foldLabel makes labels that are the same to CommonMark equal.
func foldLabel(s string) string { return strings.ToLower(oneLine(s)) }

// inlineTarget reads `(address "title")` at the beginning of s. n is its length, 0 when it is none.
func inlineTarget(s string) (address string, n int) {
	i := 1 + spaces(s[1:])
	address, k := destination(s[i:])
	i += k
	if gap := spaces(s[i:]); gap > 0 {
		i += gap
		i += title(s[i:])
		i += spaces(s[i:])
	}
	if i < len(s) && s[i] == ')' {
		return address, i + 1
	}
	return "", 0
}

func spaces(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\n")) }

// destination reads an address, bare or in angle brackets.
func destination(s string) (address string, n int) {
	if strings.HasPrefix(s, "<") {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '>':
				return s[1:i], i + 1
			case '<', '\n':
				return "", 0
			}
		}
		return "", 0
	}
	depth := 0
	for n < len(s) {
		switch c := s[n]; {
		case c == '\\' && n+1 < len(s) && isPunctByte(s[n+1]):
			n++
		case c == '(':
			if depth++; depth > 32 {
				return "", 0
			}
		case c == ')':
			if depth--; depth < 0 {
				return s[:n], n
			}
		case c <= ' ':
			return s[:n], n
		}
		n++
	}
	return s, n
}

// title returns the length of a link's title at the beginning of s; 0: there is none.
func title(s string) int {
	if s == "" {
		return 0
	}
	end := s[0]
	switch end {
	case '"', '\'':
	case '(':
		end = ')'
	default:
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == end:
			return i + 1
		case s[i] == '(' && end == ')':
			return 0
		}
	}
	return 0
}

// angle reads what begins with "<": an address, a tag, a comment, or just the sign.
func (in *inliner) angle() {
	rest := in.src[in.pos:]
	for _, m := range []struct{ begin, end string }{{"<!--", "-->"}, {"<?", "?>"}, {"<![CDATA[", "]]>"}, {"<!", ">"}} {
		if strings.HasPrefix(rest, m.begin) && !in.absent[m.end] {
			if i := strings.Index(rest[len(m.begin):], m.end); i >= 0 {
				in.pos += len(m.begin) + i + len(m.end)
				return
			}
			in.miss(m.end)
		}
	}
	if i := strings.IndexAny(rest[1:min(len(rest), maxLabel)], "<> \t\n"); i > 0 && rest[1+i] == '>' && isAddress(rest[1:1+i]) {
		in.add(rest[1 : 1+i])
		in.pos += i + 2
		return
	}
	tag, n := readTag(rest)
	if n == 0 || !htmlElements[tag.name] {
		in.plain()
		return
	}
	in.pos += n
	switch tag.name {
	case "br":
		in.pieces = append(in.pieces, piece{hard: true})
	case "a":
		in.anchor = !tag.end
	case "img":
		if alt := tag.attrs["alt"]; alt != "" && !in.anchor && !isBadge(tag.attrs["src"]) {
			in.add(alt)
			in.pieces[len(in.pieces)-1].skip = len(in.pieces)
		}
	}
}

// isAddress reports whether s is an absolute address or an e-mail address.
func isAddress(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if ok && len(scheme) >= 2 && rest != "" && isName(scheme) {
		return true
	}
	user, host, ok := strings.Cut(s, "@")
	return ok && user != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, "\"=/")
}

func isName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+.-", r)
	}) < 0
}
