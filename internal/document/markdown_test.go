package document

import "testing"

func TestMarkdown(t *testing.T) {
	for src, want := range map[string]string{
		"> [!NOTE]\n> Mind it.":                       "Note: Mind it.",
		"> [!ö]\n> x":                                 "[!ö] x",
		"# A {#id .c}\n\n## B ##":                     "# A\n\n## B",
		"# C#\n\nx {y}":                               "# C#\n\nx {y}",
		"[a]: /x 'y'\n[b]: <z>\n  \"t\"\ntext [a]":    "text a",
		"[a]: not a definition":                       "[a]: not a definition",
		"text[^n]\n\n[^n]: Foot\n    and more":        "text\n\nFoot and more",
		"a|b\n-|-\n1|2\n3|4|5\n\nafter":               "| a | b | |\n| --- | --- | --- |\n| 1 | 2 | |\n| 3 | 4 | 5 |\n\nafter",
		"before\n| a |\n|---|\n| 1 |":                 "before\n\na\n\n1",
		"|a|b|\n|-|\n":                                "|a|b| |-|",
		"- a\n\n  ```\n  x\n    y\n  ```\n\n  b\n- c": "- a\n\n```\nx\n  y\n```\n\nb\n\n- c",
		"3) x\n4) y\n\n- z\n\n* w":                    "3. x\n4. y\n\n- z\n\n- w",
		"- - deep\n- ":                                "  - deep",
		"1. a\n   - b\n\n     c\n2. d":                "1. a\n   - b\n     c\n2. d",
		"<div>\n\n**md**\n\n</div>":                   "md",
		"<ul><li>a\n\n<li>b</ul>\n\ntext":             "- a\n- b\n\ntext",
		"<!-- a\n\nb -->\ntext":                       "text",
		"~~~ go {x}\na\n~~~":                          "```go\na\n```",
		"```\n\n\n```":                                "",
		"a\n***\nb":                                   "a\n\nb",
		"T\n: `d`\n\nU\nV\n: e\n\n      code":         "- T: `d`\n- U, V: e\n\n```\ncode\n```",
		"T\n: ```\n  x\n  ```":                        "- T\n\n```\nx\n```",
		"\ttab\n\n\n\n\n\n\n\n\n\n\n\n\ttab":          "```\ntab\n\n\n\n\n\n\n\n\ntab\n```",
	} {
		var b Builder
		if _, err := parseMarkdown(t.Context(), src, &b); err != nil || string(b.text) != want {
			t.Errorf("%q = %q, %v, want %q", src, b.text, err, want)
		}
	}
}

func TestHTML(t *testing.T) {
	for src, want := range map[string]string{
		"a<p>b<p>c</p>d":                                "a\n\nb\n\nc\n\nd",
		"<h2>a<p>b":                                     "## a\n\nb",
		"<h1>a<br>b <code>c</code></h1>":                "# a b `c`",
		"<li>a<li>b":                                    "- a\n- b",
		"<nav>x<main>y":                                 "y",
		"<div hidden>x<div>y</div></div>z":              "z",
		"<p hidden>x<p>y":                               "x\n\ny",
		"<span style='display: none'>x</span>y":         "y",
		"<table><tr><td>only<td>row</table>":            "only\n\nrow",
		"<table><tr><td>a<tr><td>b</table>":             "a\n\nb",
		"<table><tr><th>a<th>b<tr><td><pre>c</pre>":     "a\n\nb\n\n```\nc\n```",
		"<td>stray<td>cells":                            "stray\n\ncells",
		"<pre>\n  a\n<b>b</b></pre>":                    "```\n  a\nb\n```",
		"<div class='highlight-source-sh'><pre>a":       "```sh\na\n```",
		"<sup>1</sup> a<sup>2</sup> 1<sup>st</sup>":     "1 a^2 1st",
		"<q>a</q> &amp; <code> </code><tt>b`c":          "“a” & ``b`c``",
		"<dl><dt>a<dd>b<dt>c</dl>d":                     "- a: b\n- c\n\nd",
		"<ol start=9><li>a<li>b<ol><li>c</ol></ol>":     "9. a\n10. b\n    1. c",
		"<select><option>x</select><button>y</button>z": "z",
	} {
		var b Builder
		if _, err := parseHTML(t.Context(), src, &b); err != nil || string(b.text) != want {
			t.Errorf("%q = %q, %v, want %q", src, b.text, err, want)
		}
	}
}
