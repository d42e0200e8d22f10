package document

import (
	"slices"
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	for _, test := range []string{ // sentences between bars
		"One.|Two!|Three?|Four",
		"Dr. Smith met Mrs. J. R. Jones.|They talked.",
		"It costs 3.50 euros, i.e. 4 dollars.|That is e.g. fine.",
		"He moved to the U.S. Army base.|He left the U.S.|The base closed.",
		"Apples, pears, etc. are fruit.|Bring apples, pears, etc.|Then eat.",
		"See Fig. 3 and Sec. 4.2 of vol. 2.|It is no. 7.",
		"\"Stop!\" he said.|\"Why?\"|Nobody knew.",
		"She said (quietly.)|Then left.",
		"Run `a. B` now.|`Foo.Bar` is a name.|Use ``x` . Y`` too.",
		"See https://example.com/a.B?c=d. e and file.go for it.|Node.js is there.",
		"Version 1.2.3 is out.|2019 was good.",
		"Wait... what?|Well…|Yes.",
		"Really?!|Yes.",
		"This is proved.[12][3]|Next one.",
		"We met at 5 p.m. on Monday.|It was 6 p.m.|The sun set.",
		"Vitamin C.|The next.",
		"Plan B was I.|However, no.",
		"a line\ngoes on here.|Another\n|Line",
		"1. First item. |Still it.",
		"# Heading|Text here.",
		"今日は。|晴れです！|はい",
		"Approx. five of them vs. six.|Done.",
		"Inc. magazine is by Foo Inc. and Co. partners.|Good.",
		"It runs on gRPC.|iPhone users agree. npm too. it is lower.",
		"A. B. Curtis wrote it.|End.",
		"",
		" \n ",
	} {
		var want []string
		for s := range strings.SplitSeq(test, "|") {
			if s = strings.TrimSpace(s); s != "" {
				want = append(want, s)
			}
		}
		text := strings.ReplaceAll(test, "|", " ")
		if strings.Contains(test, "#") {
			text = strings.ReplaceAll(test, "|", "\n")
		}
		var got []string
		for _, s := range Sentences(text) {
			got = append(got, text[s.Start:s.End])
		}
		if !slices.Equal(got, want) {
			t.Errorf("Sentences(%q) =\n%q, want\n%q", text, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, " \n\t": 0, "word": 1, "two words": 2, "documentation": 2, "Hello, world!": 4, "12345": 2, "3.14": 3,
		"日本語": 3, "Привет": 2, "---------": 3, "e\u0301": 1, "a_b": 3, "👍🏽": 1, "\u00a0": 0, "naïve": 1,
		strings.Repeat("a", 5000): 500,
	} {
		if got := Tokens(s); got != want {
			t.Errorf("Tokens(%.20q) = %d, want %d", s, got, want)
		}
	}
}
