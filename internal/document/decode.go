package document

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"

	"compileo/internal/dataset"
)

// decode returns data as clean UTF-8: no byte order mark, "\n" line ends, no control characters.
//
// UTF-8 and UTF-16 with a byte order mark are known by themselves. HTML may name another encoding. What is
// left is read as Windows-1252 when it then looks like text, and refused otherwise.
func decode(data []byte, isHTML bool) (string, error) {
	text, err := toUTF8(data, isHTML)
	if err != nil {
		return "", err
	}
	if text, err = dropControls(text); err != nil {
		return "", err
	}
	if len(text) > dataset.MaxText {
		return "", tooLarge("the document's text has", len(text), dataset.MaxText)
	}
	return text, nil
}

func tooLarge(what string, n, limit int) error {
	return dataset.Errorf(dataset.Invalid, "%s %d bytes, the limit is %d", what, n, limit)
}

func notText(format string, args ...any) error {
	return dataset.Errorf(dataset.Invalid, "looks like a binary file ("+format+")", args...)
}

func toUTF8(data []byte, isHTML bool) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return fromUTF16(data[2:], binary.LittleEndian), nil
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return fromUTF16(data[2:], binary.BigEndian), nil
	}
	if kind := binaryKind(data); kind != "" {
		return "", notText("%s", kind)
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return "", notText("NUL at byte %d", i)
	}
	valid := utf8.Valid(data)
	if isHTML {
		// A page that is valid UTF-8 beyond ASCII is UTF-8, whatever it says; ISO-2022-JP is ASCII to look at.
		enc, name, _ := charset.DetermineEncoding(data[:min(len(data), 1024)], "")
		if name != "utf-8" && name != "windows-1252" && (!valid || name == "iso-2022-jp") {
			if out, err := enc.NewDecoder().Bytes(data); err == nil && !tooManyReplaced(out) {
				return string(out), nil
			}
		}
	}
	if valid {
		return string(data), nil
	}
	good, bad := countUTF8(data)
	if good >= 10*bad { // UTF-8 with a few bytes broken, for example cut off at the end
		return strings.ToValidUTF8(string(data), "\uFFFD"), nil
	}
	// Hardly any European text has more letters beyond ASCII than this, and 5 bytes mean nothing.
	if high := good + bad; high*3 > len(data) || hasUndefined1252(data) {
		return "", dataset.Errorf(dataset.Invalid, "unknown text encoding: neither UTF-8, UTF-16 with a byte order mark, nor Windows-1252")
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil {
		return "", dataset.Errorf(dataset.Invalid, "unknown text encoding: %w", err)
	}
	return string(out), nil
}

// hasUndefined1252 reports whether data has one of the five bytes that Windows-1252 leaves undefined.
func hasUndefined1252(data []byte) bool {
	for _, c := range []byte{0x81, 0x8d, 0x8f, 0x90, 0x9d} {
		if bytes.IndexByte(data, c) >= 0 {
			return true
		}
	}
	return false
}

// countUTF8 counts the sequences of several bytes that are UTF-8, and the bytes beyond ASCII that are not.
func countUTF8(data []byte) (good, bad int) {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good, bad
}

func tooManyReplaced(text []byte) bool {
	return bytes.Count(text, []byte("\uFFFD"))*100 > len(text)
}

func fromUTF16(data []byte, order binary.ByteOrder) string {
	var b strings.Builder
	b.Grow(len(data))
	for i := 0; i+1 < len(data); i += 2 {
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(data) {
				low = rune(order.Uint16(data[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 2
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// oldOffice is the container of .doc, and of encrypted .docx.
const oldOffice = "an old office document"

// magic are the first bytes of the files that people take for text most often.
var magic = []struct{ prefix, kind string }{
	{"%PDF-", "PDF"},
	{"PK\x03\x04", "ZIP or an office document"},
	{"\xd0\xcf\x11\xe0", oldOffice},
	{"{\\rtf", "RTF"},
	{"\x89PNG", "PNG image"},
	{"\xff\xd8\xff", "JPEG image"},
	{"GIF8", "GIF image"},
	{"\x1f\x8b", "gzip"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"7z\xbc\xaf", "7z"},
	{"\x7fELF", "a program"},
	{"SQLite format 3\x00", "SQLite"},
}

func binaryKind(data []byte) string {
	for _, m := range magic {
		if bytes.HasPrefix(data, []byte(m.prefix)) {
			return m.kind
		}
	}
	return ""
}

// dropControls makes "\n" of every line end and page break and drops control characters. Text that has
// more of them than one in fifty is none.
func dropControls(s string) (string, error) {
	if !hasControls(s) {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	dropped := 0
	for i, r := range s {
		switch {
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case r == '\r' || r == '\f' || r == '\v' || r == '\u0085':
			b.WriteByte('\n')
		case r != '\n' && r != '\t' && isControl(r):
			dropped++
		default:
			b.WriteRune(r)
		}
	}
	if dropped*50 > len(s) {
		return "", notText("%d control characters", dropped)
	}
	return b.String(), nil
}

// hasControls looks at bytes, as nearly all text has none.
func hasControls(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f || c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0 {
			return true
		}
	}
	return false
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }
