package document

import "testing"

func TestInline(t *testing.T) {
	in := inliner{refs: map[string]bool{"ref": true, "a b": true, "^1": true}}
	for src, want := range map[string]string{
		"plain  text":                                         "plain text",
		"*a* **b** ***c*** _d_ __e__ ~~f~~ ~g~":               "a b c d e f g",
		"*a **b* c**":                                         "a b c",
		"snake_case_name and 2*3*4":                           "snake_case_name and 234",
		"a * b * c _ d":                                       "a * b * c _ d",
		"**unclosed and `code *x*` *y*":                       "**unclosed and `code *x*` y",
		"*foo**bar*":                                          "foo**bar",
		"`` a`b `` and ` c ` and ```":                         "``a`b`` and `c` and ```",
		"[text](http://a.b/c_(d) 'a title') after":            "text after",
		"[text](<a b>) [x](a \"b\" [y](":                      "text [x](a \"b\" [y](",
		"[*em* [inner](x)](y)":                                "[em inner](y)",
		"[a][ref] [ref][] [REF] [a  B] [c][none]":             "a ref REF a B [c][none]",
		"note[^1] and [^2]":                                   "note and [^2]",
		"![an image](x.png) [![go](y.png)](z) end":            "an image end",
		"![build](https://x.example/badge.svg)":               "",
		"[![go](y.png) text](z)":                              "go text",
		"a\\*b\\_c \\\\ \\x \\[d](e)":                         "a*b_c \\ \\x [d](e)",
		"&lt;b&gt; &copy; &#65; &nope; &":                     "<b> © A &nope; &",
		"<b>x</b> <file> <br/> <!-- no --> a<b":               "x <file>\na<b",
		"<a href='x'><img src=y alt='z'></a> <img alt='pic'>": "pic",
		"<https://a.example/b> <me@a.example>":                "https://a.example/b me@a.example",
		"**https://a.example/_x_y_** b":                       "https://a.example/_x_y_ b",
		"soft\nline":                                          "soft line",
		"hard  \nline\\\nend":                                 "hard\nline\nend",
		"[ ] open [x] done":                                   "[ ] open [x] done",
		"`a\nb`":                                              "`a b`",
		"**\"quoted\"**text":                                  "**\"quoted\"**text",
		"`<b>` &amp;":                                         "`<b>` &",
		"[![a](b)![c](d)":                                     "[ac",
	} {
		if got := in.text(src); got != want {
			t.Errorf("text(%q) = %q, want %q", src, got, want)
		}
	}
}
