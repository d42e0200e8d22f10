package quality

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Quotes shorter than these are only found as they stand: folded, they would be found by chance.
const (
	minFolded = 12 // bytes after folding
	minCase   = 24 // bytes after folding, when case does not count
)

// Locate finds quote in text and returns the bytes text[start:end] that it quotes. It is tried as it stands
// (and then on borders of words), then with space, quotation marks, dashes, backticks and compatibility forms
// folded, then without the marks around it (quotes, a final stop, an ellipsis), and last without regard to
// case; the folded ways only for quotes long enough not to be met by chance. Of several places it is the
// first. The work is linear in both lengths.
func Locate(text, quote string) (start, end int, ok bool) {
	return locate(text, quote, func() *folding { return fold(text) })
}

// locate is Locate with a way to text's folding, which most quotes do not need.
func locate(text, quote string, folding func() *folding) (start, end int, ok bool) {
	quote = strings.TrimSpace(quote)
	if strings.IndexFunc(quote, isContent) < 0 {
		return 0, 0, false
	}
	if start, ok = indexWord(text, quote); ok {
		return start, start + len(quote), true
	}
	if len(quote) < minFolded {
		return 0, 0, false
	}
	folded := folding()
	q := fold(quote).text
	for _, form := range [...]string{q, strings.Trim(q, ` "'.,;:…!?*`)} {
		if len(form) < minFolded {
			continue
		}
		if at, ok := indexWord(folded.text, form); ok {
			start, end = folded.span(at, at+len(form))
			return start, end, true
		}
	}
	form := strings.ToLower(strings.Trim(q, ` "'.,;:…!?*`))
	if len(form) < minCase {
		return 0, 0, false
	}
	// Lower case may have another length in bytes; then the offsets do not fit and nothing is found.
	low := folded.lower()
	if at, ok := indexWord(low, form); ok && len(low) == len(folded.text) {
		start, end = folded.span(at, at+len(form))
		return start, end, true
	}
	return 0, 0, false
}

func isContent(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// indexWord returns the first place of s in text where no word is cut at either end.
func indexWord(text, s string) (int, bool) {
	if s == "" {
		return 0, false
	}
	head, _ := utf8.DecodeRuneInString(s)
	tail, _ := utf8.DecodeLastRuneInString(s)
	// After a few places inside words the search gives up: a text of nothing else must not cost its square.
	for from, tries := 0, 0; tries < 1000; tries++ {
		at := strings.Index(text[from:], s)
		if at < 0 {
			return 0, false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(s):])
		if !(joined(before, head) || joined(tail, after)) {
			return at, true
		}
		from = at + 1
	}
	return 0, false
}

// joined reports whether two neighbouring code points belong to one word.
func joined(a, b rune) bool {
	return a != utf8.RuneError && b != utf8.RuneError && isWordRune(a) && isWordRune(b) && !ideographic(a) && !ideographic(b)
}

// folding is a text in which what does not change its meaning is made the same, with the way back.
type folding struct {
	text string
	at   []int32 // for each byte of text, where the code points it was made of begin in the original; and the end
	next []int32 // for each byte, where they end
	low  string
}

func (f *folding) span(from, to int) (start, end int) { return int(f.at[from]), int(f.next[to-1]) }

func (f *folding) lower() string {
	if f.low == "" {
		f.low = strings.ToLower(f.text)
	}
	return f.low
}

// fold makes runs of space one space, all quotation marks ' or ", all dashes -, and drops backticks and
// marks that are not seen. What is not ASCII is brought into the form NFKC.
func fold(text string) *folding {
	f := &folding{at: make([]int32, 0, len(text)), next: make([]int32, 0, len(text))}
	out := make([]byte, 0, len(text))
	add := func(s string, start, end int) {
		for i := range len(s) {
			out = append(out, s[i])
			f.at, f.next = append(f.at, int32(start)), append(f.next, int32(end))
		}
	}
	space := func(start, end int) {
		if n := len(out); n > 0 && out[n-1] != ' ' {
			add(" ", start, end)
		}
	}
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			switch {
			case c == ' ' || c == '\n' || c == '\t' || c == '\r':
				space(i, i+1)
			case c != '`':
				add(text[i:i+1], i, i+1)
			}
			i++
			continue
		}
		// One segment: a code point with what combines with it, of bounded length.
		window := text[i:min(len(text), i+256)]
		size := max(norm.NFKC.NextBoundaryInString(window, true), 1)
		for _, r := range norm.NFKC.String(window[:size]) {
			switch s := foldRune(r); s {
			case " ":
				space(i, i+size)
			default:
				add(s, i, i+size)
			}
		}
		i += size
	}
	f.text = string(out)
	return f
}

// foldRune folds a code point of a normalized text.
func foldRune(r rune) string {
	switch r {
	case '‘', '’', '‚', '‛', '′', '´':
		return "'"
	case '“', '”', '„', '‟', '″', '«', '»':
		return `"`
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return "-"
	case '…':
		return "..."
	case '`', '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff':
		return ""
	}
	if unicode.IsSpace(r) {
		return " "
	}
	return string(r)
}
