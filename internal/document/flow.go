package document

import "strings"

// flow gathers the running text of one block: white space becomes one space, and none stands at the ends
// of a line.
type flow struct {
	buf   []byte
	space bool // white space was seen since the last text
}

// write adds text, collapsing its white space.
func (f *flow) write(s string) {
	for s != "" {
		i := strings.IndexAny(s, " \t\n\r\f")
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			f.gap()
			f.buf = append(f.buf, s[:i]...)
		}
		if s = s[i:]; s != "" {
			f.space = true
			s = strings.TrimLeft(s, " \t\n\r\f")
		}
	}
}

// gap writes the space that is owed.
func (f *flow) gap() {
	if n := len(f.buf); f.space && n > 0 && f.buf[n-1] != '\n' && f.buf[n-1] != ' ' {
		f.buf = append(f.buf, ' ')
	}
	f.space = false
}

// pause separates what comes from what was.
func (f *flow) pause() { f.space = true }

// breakLine ends the line, unless it is empty.
func (f *flow) breakLine() {
	f.space = false
	if len(f.buf) > 0 && f.buf[len(f.buf)-1] != '\n' {
		f.buf = append(f.buf, '\n')
	}
}

// take returns the text and begins anew.
func (f *flow) take() string {
	s := strings.TrimSpace(string(f.buf))
	f.buf, f.space = f.buf[:0], false
	return s
}

// codeSpan returns code between as many backticks as it needs; "" for blank code.
func codeSpan(code string) string {
	code = strings.Trim(code, " \n")
	if code == "" {
		return ""
	}
	marks := strings.Repeat("`", longestRun(code, '`')+1)
	if code[0] == '`' || code[len(code)-1] == '`' {
		code = " " + code + " "
	}
	return marks + code + marks
}

// longestRun returns the length of the longest run of c in s.
func longestRun(s string, c byte) int {
	longest, n := 0, 0
	for i := range len(s) {
		if s[i] != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}
