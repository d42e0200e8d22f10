package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// words is the runs of letters, digits and underscores of x, in lower case.
func words(x string) []string {
	return strings.FieldsFunc(strings.ToLower(x), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
	})
}

// terms is the stemmed content words of x, in order, with repeats.
func terms(x string) []string {
	all := words(x)
	kept := all[:0]
	for _, w := range all {
		if !stopWords[w] {
			kept = append(kept, stem(w))
		}
	}
	return kept
}

// stem strips the commonest English endings; good enough for telling whether two words are one.
func stem(w string) string {
	for _, s := range []string{"ings", "ing", "ies", "ied", "ed", "es", "s"} {
		if len(w) > len(s)+3 && strings.HasSuffix(w, s) {
			return w[:len(w)-len(s)]
		}
	}
	if len(w) > 4 && w[len(w)-1] == 'e' {
		return w[:len(w)-1]
	}
	return w
}

// squash joins the words of x by single spaces.
func squash(x string) string { return strings.Join(strings.Fields(x), " ") }

// wordCount is the number of space-separated words.
func wordCount(x string) int {
	n := 0
	for range strings.FieldsSeq(x) {
		n++
	}
	return n
}

// upper gives x a capital.
func upper(x string) string {
	x = strings.TrimSpace(x)
	r, n := utf8.DecodeRuneInString(x)
	if !unicode.IsLower(r) {
		return x
	}
	return string(unicode.ToUpper(r)) + x[n:]
}

// lower takes the capital of the first letter away.
func lower(x string) string {
	r, n := utf8.DecodeRuneInString(x)
	if !unicode.IsUpper(r) {
		return x
	}
	return string(unicode.ToLower(r)) + x[n:]
}

// acronym says whether w has a capital after its first letter.
func acronym(w string) bool {
	for i, r := range w {
		if i > 0 && unicode.IsUpper(r) {
			return true
		}
	}
	return false
}

// clip drops separators from both ends of a span.
func clip(x string) string { return strings.Trim(x, " \n\t,;:") }

// statement makes a span a sentence: capital and full stop.
func statement(x string) string {
	x = upper(clip(squash(x)))
	if x == "" || strings.ContainsAny(x[len(x)-1:], ".!?") || strings.HasSuffix(x, "`") && strings.Count(x, "`") == 2 && x[0] == '`' {
		return x
	}
	return x + "."
}
