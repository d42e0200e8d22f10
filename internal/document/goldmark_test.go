package document

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// TestInlineAgainstGoldmark compares the text of random inlines with that of goldmark's tree of them.
func TestInlineAgainstGoldmark(t *testing.T) {
	marks := []string{
		"*", "**", "***", "_", "__", "~~", "a", "b", " ", "[", "]", "](x)", "![", "`", "``", ".", "(", "\"", "c d", "é", "<b>", "[a]",
	}
	md := goldmark.New(goldmark.WithExtensions(extension.Strikethrough)).Parser()
	rng := rand.New(rand.NewPCG(1, 2))
	in := inliner{}
	same := strings.NewReplacer(" ", "", "`", "") // code spans may get other marks
	for range 20_000 {
		src := "q"
		for range 1 + rng.IntN(14) {
			src += marks[rng.IntN(len(marks))]
		}
		src += "z"
		want, got := treeText(md, []byte(src)), in.text(src)
		if same.Replace(got) != same.Replace(want) {
			t.Fatalf("text(%q) = %q, goldmark has %q", src, got, want)
		}
	}
}

// treeText is the text in goldmark's tree, without links that hold images only.
func treeText(md parser.Parser, src []byte) string {
	var out bytes.Buffer
	_ = ast.Walk(md.Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			out.Write(n.Segment.Value(src))
		case *ast.Link:
			only := n.HasChildren() && hasImage(n)
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				only = only && (c.Kind() == ast.KindImage || c.Kind() == ast.KindRawHTML)
			}
			if only {
				return ast.WalkSkipChildren, nil
			}
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

func hasImage(n ast.Node) bool {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if c.Kind() == ast.KindImage {
			return true
		}
	}
	return false
}
