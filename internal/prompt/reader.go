package prompt

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits on a reply. What goes beyond them is read as if the reply ended there.
const (
	maxReply  = 4 << 20 // bytes
	maxDepth  = 64      // arrays and objects inside each other
	maxValues = 100_000 // strings, numbers, arrays and objects
)

// kind is what a value is.
type kind byte

const (
	textKind   kind = iota // a string, or words without quotes
	numberKind             // a number, true or false, as written
	nullKind
	listKind
	objectKind
)

// value is a piece of JSON.
type value struct {
	kind  kind
	text  string
	items []value  // of a list; of an object, the values of keys
	keys  []string // of an object
	cut   bool     // the reply ended, or stopped being JSON, inside it: what is here came before
}

// reader reads JSON and what models write in its place: single or curly quotes or none, quotes and line
// breaks inside strings, commas too many or too few, comments, unknown escapes. JSON it reads as JSON. Where
// a value cannot go on it stops, and whoever calls it may look for the next value from there: it goes back
// over no more than one string, so that the work is linear in the reply.
type reader struct {
	s       string
	i       int
	values  int
	stopped bool
}

// value reads the value that begins here.
func (r *reader) value(depth int, inObject bool) value {
	r.space()
	r.values++
	if r.i >= len(r.s) || r.values > maxValues || depth > maxDepth {
		r.stopped = true
		return value{kind: nullKind, cut: true}
	}
	switch c := r.s[r.i]; {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.list(depth)
	}
	if quote := r.quote(); quote != "" {
		where := inList
		if inObject {
			where = inValue
		}
		text, ok := r.string(quote, where)
		return value{kind: textKind, text: text, cut: !ok}
	}
	return r.word()
}

func (r *reader) object(depth int) value {
	v := value{kind: objectKind}
	r.i++
	for {
		r.separators()
		if r.i >= len(r.s) {
			return r.stop(v)
		}
		if r.s[r.i] == '}' {
			r.i++
			return v
		}
		key, ok := r.key()
		if !ok {
			return r.stop(v)
		}
		item := r.value(depth+1, true)
		if !item.cut || item.kind >= listKind {
			v.keys, v.items = append(v.keys, key), append(v.items, item)
		}
		if r.stopped {
			return r.stop(v)
		}
	}
}

func (r *reader) list(depth int) value {
	v := value{kind: listKind}
	r.i++
	for {
		r.separators()
		if r.i >= len(r.s) {
			return r.stop(v)
		}
		switch r.s[r.i] {
		case ']':
			r.i++
			return v
		case '}', ':': // the list was not closed, or was none
			return v
		}
		start := r.i
		item := r.value(depth+1, false)
		if item.kind == textKind && strings.HasPrefix(r.s[skipSpace(r.s, r.i):], ":") {
			r.i = start // a key: the list was not closed
			return v
		}
		if !item.cut || item.kind >= listKind {
			v.items = append(v.items, item)
		}
		if r.stopped {
			return r.stop(v)
		}
	}
}

func (r *reader) stop(v value) value {
	r.stopped, v.cut = true, true
	return v
}

// key reads an object's key and the colon after it.
func (r *reader) key() (string, bool) {
	var key string
	if quote := r.quote(); quote != "" {
		text, ok := r.string(quote, inKey)
		if !ok {
			return "", false
		}
		key = text
	} else {
		end := r.i + wordLength(r.s[r.i:])
		if end == r.i {
			return "", false
		}
		key, r.i = r.s[r.i:end], end
	}
	r.space()
	if r.i >= len(r.s) || r.s[r.i] != ':' {
		return "", false
	}
	r.i++
	return key, true
}

// wordLength returns the length of the bare key that s begins with.
func wordLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) || i > 40 {
			return i
		}
	}
	return len(s)
}

// word reads a value without quotes, up to a sign that ends it.
func (r *reader) word() value {
	start := r.i
	end := strings.IndexAny(r.s[r.i:], ",]}{[\"\n")
	if end < 0 {
		r.i, r.stopped = len(r.s), true
		return value{kind: textKind, cut: true}
	}
	r.i += end
	text := strings.TrimSpace(r.s[start:r.i])
	switch text {
	case "null", "None", "undefined":
		return value{kind: nullKind}
	case "true", "false", "True", "False":
		return value{kind: numberKind, text: strings.ToLower(text)}
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return value{kind: numberKind, text: text}
	}
	return value{kind: textKind, text: text}
}

// quote returns the quotation mark that the text goes on with, or "".
func (r *reader) quote() string {
	for _, q := range [...]string{`"`, "'", "“", "”"} {
		if strings.HasPrefix(r.s[r.i:], q) {
			return q
		}
	}
	return ""
}

// The places of a string, which decide what may follow its closing quote.
const (
	inKey = iota
	inValue
	inList
)

// string reads a string; false when the text ends inside it.
func (r *reader) string(quote string, where int) (string, bool) {
	r.i += len(quote)
	if quote == "“" {
		quote = "”"
	}
	start := r.i
	var b []byte // nil as long as the string is a piece of the text
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '\\':
			if b == nil {
				b = append(make([]byte, 0, r.i-start+64), r.s[start:r.i]...)
			}
			b = r.escape(b)
			continue
		case c == quote[0] && strings.HasPrefix(r.s[r.i:], quote) && r.closes(r.i+len(quote), where):
			text := r.s[start:r.i]
			r.i += len(quote)
			if b != nil {
				text = string(b)
			}
			return text, true
		case b != nil:
			b = append(b, c)
		}
		r.i++
	}
	r.stopped = true
	return "", false
}

// escape appends what the escape that begins here stands for. An unknown one stands for itself, as in "\d+".
func (r *reader) escape(b []byte) []byte {
	if r.i+1 >= len(r.s) {
		r.i++
		return b
	}
	c := r.s[r.i+1]
	r.i += 2
	if at := strings.IndexByte(`"\/bfnrt'`, c); at >= 0 {
		return append(b, "\"\\/\b\f\n\r\t'"[at])
	}
	if c != 'u' {
		return append(b, '\\', c)
	}
	x, ok := r.hex()
	if !ok {
		return append(b, '\\', 'u')
	}
	if utf16.IsSurrogate(x) {
		if strings.HasPrefix(r.s[r.i:], `\u`) {
			before := r.i
			r.i += 2
			if low, ok := r.hex(); ok {
				if full := utf16.DecodeRune(x, low); full != utf8.RuneError {
					return utf8.AppendRune(b, full)
				}
			}
			r.i = before
		}
		x = utf8.RuneError
	}
	return utf8.AppendRune(b, x)
}

func (r *reader) hex() (rune, bool) {
	if r.i+4 > len(r.s) {
		return 0, false
	}
	x, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 16)
	if err != nil {
		return 0, false
	}
	r.i += 4
	return rune(x), true
}

// closes tells whether a quotation mark just before i ends its string, by what follows: models forget to
// escape quotes inside. In JSON every such mark is followed by one of the signs looked for.
func (r *reader) closes(i, where int) bool {
	line := i
	i = skipSpace(r.s, i)
	if i >= len(r.s) {
		return true
	}
	switch c := r.s[i]; {
	case where == inKey: // no key holds quotes
		return true
	case c == '}' || where == inList && (c == ']' || c == ':'):
		return true
	case c == ',':
		i = skipSpace(r.s, i+1)
		if i >= len(r.s) {
			return true
		}
		rest := r.s[i:]
		if strings.IndexByte("\"'}]/", rest[0]) >= 0 || strings.HasPrefix(rest, "“") {
			return true
		}
		if where == inValue {
			n := wordLength(rest)
			return n > 0 && strings.HasPrefix(rest[skipSpace(rest, n):], ":")
		}
		for _, next := range [...]string{"{", "[", "true", "false", "null", "-"} {
			if strings.HasPrefix(rest, next) {
				return true
			}
		}
		return rest[0] >= '0' && rest[0] <= '9'
	case c == '"' && where == inValue: // a comma is missing if this is a key
		end := strings.IndexByte(r.s[i+1:min(len(r.s), i+64)], '"')
		return end > 0 && strings.HasPrefix(r.s[skipSpace(r.s, i+1+end+1):], ":")
	case c == '"':
		return strings.Contains(r.s[line:i], "\n")
	}
	return false
}

// separators skips space and commas.
func (r *reader) separators() {
	for {
		r.space()
		if r.i >= len(r.s) || r.s[r.i] != ',' {
			return
		}
		r.i++
	}
}

// space skips space and comments.
func (r *reader) space() {
	for {
		r.i = skipSpace(r.s, r.i)
		end, length := "", 0
		switch rest := r.s[r.i:]; {
		case strings.HasPrefix(rest, "//"):
			end, length = "\n", 1
		case strings.HasPrefix(rest, "/*"):
			end, length = "*/", 2
		default:
			return
		}
		n := strings.Index(r.s[r.i+2:], end)
		if n < 0 {
			r.i = len(r.s)
			return
		}
		r.i += 2 + n + length
	}
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}
