package document

import (
	"unicode"
	"unicode/utf8"
)

// Tokens estimates how many tokens a language model counts in s. It is an approximation of cl100k and its
// kind that needs no vocabulary:
//
//   - a word is 1, and 1 more for every 10 letters; a letter beyond ASCII counts as three;
//   - digits are 1 for every three;
//   - Chinese, Japanese and Korean are 1 a character;
//   - any other sign is 1, but a run of the same sign is 1 for every four;
//   - white space is nothing.
//
// English prose comes to about 1.2 a word. It is never less than 1 where s is not blank.
func Tokens(s string) int {
	total := 0
	for i := 0; i < len(s); {
		_, end, cost := nextToken(s, i)
		total += cost
		i = end
	}
	return total
}

// maxWord is where words end at the latest, in bytes, so that looking for their end takes no time. It is a
// multiple of all that signs of one token are counted in.
const maxWord = 1200

// class is what a character is to nextToken.
type class uint8

const (
	blank class = iota
	letter
	digit
	ideograph
	sign
	mark // a combining character: belongs to what is before it
)

var asciiClass = func() (t [utf8.RuneSelf]class) {
	for c := range t {
		switch {
		case c <= ' ' || c == 0x7f:
			t[c] = blank
		case isLetter(byte(c)):
			t[c] = letter
		case c >= '0' && c <= '9':
			t[c] = digit
		default:
			t[c] = sign
		}
	}
	return t
}()

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		return asciiClass[r]
	case r >= 0x3040 && r <= 0x30ff || r >= 0x4e00 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3:
		return ideograph // nearly all of those in the next line, without a search
	case r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo):
		return ideograph
	case unicode.IsLetter(r):
		return letter
	case extends(r):
		return mark
	case unicode.IsDigit(r):
		return digit
	case unicode.IsSpace(r):
		return blank
	}
	return sign
}

// extends reports whether r belongs to the character before it: accents, variation selectors, joiners, skin tones.
func extends(r rune) bool {
	if r < 0x300 {
		return false
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == 0x200d || r >= 0x1f3fb && r <= 0x1f3ff
}

// nextToken returns the next word, number, run of signs or character at or after i, and what it costs. At the
// end of s it is empty and costs nothing.
func nextToken(s string, i int) (start, end, cost int) {
	for i < len(s) && s[i] < utf8.RuneSelf && asciiClass[s[i]] == blank {
		i++
	}
	if i == len(s) {
		return i, i, 0
	}
	start = i
	first, n := utf8.DecodeRuneInString(s[i:])
	kind := classOf(first)
	i += n
	switch kind {
	case blank:
		return nextToken(s, i)
	case letter:
		units := min(2*n-1, 3)
		for i < len(s) && i-start < maxWord {
			if s[i] < utf8.RuneSelf {
				if asciiClass[s[i]] != letter {
					break
				}
				units++
				i++
				continue
			}
			r, n := utf8.DecodeRuneInString(s[i:])
			if k := classOf(r); k != letter && k != mark {
				break
			}
			units += 3
			i += n
		}
		return start, i, (units + 9) / 10
	case ideograph, mark:
		return start, skipMarks(s, i), 1
	}
	count := 1
	for i < len(s) && i-start < maxWord {
		r, n := utf8.DecodeRuneInString(s[i:])
		if kind == digit && classOf(r) != digit || kind == sign && r != first {
			break
		}
		count++
		i += n
	}
	per := 4
	if kind == digit {
		per = 3
	}
	return start, skipMarks(s, i), (count + per - 1) / per
}

// skipMarks returns the end of the combining characters at i.
func skipMarks(s string, i int) int {
	stop := min(len(s), i+maxWord)
	for i < stop && s[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !extends(r) {
			break
		}
		i += n
	}
	return i
}

// runeStart returns the last border of code points in s at or before i.
func runeStart(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// tokenWindows calls add with stretches of body[from:to] of at most size tokens and maxBytes bytes, each
// beginning up to overlap tokens before the end of the one before. A word that is larger is cut.
func tokenWindows(body string, from, to, size, overlap, maxBytes int, add func(Span) bool) {
	type piece struct{ start, end, cost int }
	var window []piece // at most size
	total := 0
	body = body[:to]
	for i := from; ; {
		start, end, cost := nextToken(body, i)
		if cost == 0 {
			break
		}
		if cost > size || end-start > maxBytes {
			end = cutWord(body[start:end], min(3*size, maxBytes/utf8.UTFMax)) + start
			_, _, cost = nextToken(body[start:end], 0)
			cost = max(cost, 1)
		}
		i = end
		if len(window) > 0 && (total+cost > size || end-window[0].start > maxBytes) {
			if !add(Span{window[0].start, window[len(window)-1].end}) {
				return
			}
			keep := len(window)
			for kept := 0; keep > 1; keep-- {
				if kept += window[keep-1].cost; kept > min(overlap, size-cost) || end-window[keep-1].start > maxBytes {
					break
				}
			}
			window = window[:copy(window, window[keep:])]
			total = 0
			for _, p := range window {
				total += p.cost
			}
		}
		window = append(window, piece{start, end, cost})
		total += cost
	}
	if len(window) > 0 {
		add(Span{window[0].start, window[len(window)-1].end})
	}
}

// cutWord returns where to cut a word that is too long after n code points.
func cutWord(word string, n int) int {
	for i := range word {
		if n == 0 {
			if at := graphemeStart(word, i); at > 0 {
				return at
			}
			return i
		}
		n--
	}
	return len(word)
}

// graphemeStart returns the nearest place at or before i where no character is cut from its accents, if
// that is near.
func graphemeStart(s string, i int) int {
	at := i
	for range 16 {
		r, _ := utf8.DecodeRuneInString(s[at:])
		before, n := utf8.DecodeLastRuneInString(s[:at])
		if at == 0 || at == len(s) || !extends(r) && before != 0x200d {
			return at
		}
		at -= n
	}
	return i
}
