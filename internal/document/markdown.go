package document

import (
	"context"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"compileo/internal/dataset"
)

const (
	markdownBatch = 128 << 10 // bytes of Markdown after which a tree is written out and dropped
	maxNodes      = 2_000_000 // blocks in one tree: one list or quote can be as large as the document
	maxBlankLines = 8         // in a row; each costs time for every level it stands in
	maxIndent     = 1024      // spaces or tabs at the beginning of a line, as above
)

// parseMarkdown reads Markdown: CommonMark with tables, strikethrough, task and definition lists and footnotes.
//
// goldmark finds the blocks, in batches that end where it stands between two blocks of the outermost level;
// the inlines, definitions of links, and tables are ours, as is the bound on what goldmark is given.
func parseMarkdown(ctx context.Context, src string, b *Builder) (string, error) {
	title, src := frontMatter(src)
	source := []byte(tidyLines(src))
	m := &markdown{b: b, source: source}
	m.in.refs = definitions(src)
	r := &reader{Reader: text.NewReader(source), tick: ticker{ctx: ctx}}
	m.html = htmlWalker{b: b, tick: &r.tick}
	err := m.parse(r)
	return title, err
}

type markdown struct {
	b      *Builder
	in     inliner
	html   htmlWalker
	raw    strings.Builder // HTML blocks that follow each other
	source []byte
	cells  grid
}

// parse reads and writes batch after batch.
func (m *markdown) parse(r *reader) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			err = p.err
		default:
			panic(p)
		}
	}()
	for m.b.err == nil {
		if _, _, more := r.Reader.SkipBlankLines(); !more {
			return nil
		}
		_, at := r.Position()
		r.batch = at.Start
		nodes := 0
		root := blockParser(&nodes).Parse(r, parser.WithContext(parser.NewContext()))
		if _, now := r.Position(); now.Start == at.Start {
			return dataset.Errorf(dataset.Internal, "the Markdown parser does not go on at byte %d", at.Start)
		}
		if err := m.children(root, &r.tick); err != nil {
			return err
		}
	}
	return nil
}

// reader lets goldmark stop between batches and when the context is done.
type reader struct {
	text.Reader
	tick  ticker
	batch int // where the batch begins
}

// stopped carries an error through goldmark, which has no way to return one.
type stopped struct{ err error }

// PeekLine is what every step of goldmark begins with.
func (r *reader) PeekLine() ([]byte, text.Segment) {
	if err := r.tick.done(); err != nil {
		panic(stopped{err})
	}
	return r.Reader.PeekLine()
}

// SkipBlankLines is called where no block is open; saying that there is no more ends the batch.
func (r *reader) SkipBlankLines() (text.Segment, int, bool) {
	if _, at := r.Position(); at.Start-r.batch > markdownBatch {
		return at, 0, false
	}
	return r.Reader.SkipBlankLines()
}

// blockParser returns goldmark's parser of blocks, without inlines.
func blockParser(nodes *int) parser.Parser {
	containers := []parser.BlockParser{
		extension.NewDefinitionListParser(), parser.NewListParser(), parser.NewBlockquoteParser(), extension.NewFootnoteBlockParser(),
	}
	var parsers []util.PrioritizedValue
	for i, p := range []parser.BlockParser{ // in goldmark's order of precedence
		parser.NewSetextHeadingParser(), containers[0], extension.NewDefinitionDescriptionParser(),
		parser.NewThematicBreakParser(), containers[1], parser.NewListItemParser(), parser.NewCodeBlockParser(),
		parser.NewATXHeadingParser(), parser.NewFencedCodeBlockParser(), containers[2],
		parser.NewHTMLBlockParser(), containers[3], parser.NewParagraphParser(),
	} {
		parsers = append(parsers, util.Prioritized(&bounded{p, nodes, slices.Contains(containers, p)}, i))
	}
	return parser.NewParser(parser.WithBlockParsers(parsers...))
}

// bounded keeps a parser of blocks from building too much, or too deep.
type bounded struct {
	parser.BlockParser
	nodes     *int
	container bool
}

// depth counts the lists and quotes around what is in parent.
func depth(parent ast.Node) (n int) {
	for ; parent != nil; parent = parent.Parent() {
		switch parent.Kind() {
		case ast.KindList, ast.KindBlockquote, east.KindDefinitionList, east.KindFootnote:
			n++
		}
	}
	return n
}

// Open refuses a list or quote inside dataset.MaxNesting others; its line is then text.
func (p *bounded) Open(parent ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if p.container && depth(parent) >= dataset.MaxNesting {
		return nil, parser.NoChildren
	}
	node, state := p.BlockParser.Open(parent, r, pc)
	if node == nil {
		return nil, state
	}
	if *p.nodes++; *p.nodes > maxNodes {
		panic(stopped{dataset.Errorf(dataset.Invalid, "the document has more than %d blocks in one list, quote or stretch without blank lines", maxNodes)})
	}
	return node, state
}

// children writes what is in a block.
func (m *markdown) children(parent ast.Node, tick *ticker) error {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if err := tick.done(); err != nil {
			return err
		}
		if n.Kind() == ast.KindHTMLBlock {
			m.keepHTML(n.(*ast.HTMLBlock))
			continue
		}
		if err := m.flushHTML(); err != nil {
			return err
		}
		if err := m.block(n, tick); err != nil {
			return err
		}
	}
	return m.flushHTML()
}

func (m *markdown) block(n ast.Node, tick *ticker) error {
	switch n := n.(type) {
	case *ast.Heading:
		m.b.Heading(n.Level, m.in.text(stripAttributes(dropDefinitions(m.lines(n)))))
	case *ast.Paragraph, *ast.TextBlock:
		m.paragraph(dropDefinitions(m.lines(n)))
	case *ast.FencedCodeBlock:
		m.b.Code(string(n.Language(m.source)), m.lines(n))
	case *ast.CodeBlock:
		m.b.Code("", m.lines(n))
	case *ast.List:
		m.b.OpenList(n.IsOrdered(), n.Start)
		err := m.children(n, tick)
		m.b.CloseList()
		return err
	case *ast.ListItem:
		m.b.OpenItem()
		err := m.children(n, tick)
		m.b.CloseItem()
		return err
	case *east.DefinitionList:
		return m.definitionList(n, tick)
	default: // quotes, footnotes; a rule is empty
		return m.children(n, tick)
	}
	return nil
}

// definitionList writes "term: description" as items.
func (m *markdown) definitionList(list ast.Node, tick *ticker) error {
	m.b.OpenList(false, 0)
	defer m.b.CloseList()
	var terms []string
	for n := list.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() == east.KindDefinitionTerm {
			terms = append(terms, m.in.text(m.lines(n)))
			continue
		}
		if len(terms) > 0 {
			m.b.CloseItem()
			m.b.OpenItem()
			m.b.term = strings.Join(terms, ", ")
			terms = nil
		}
		if err := m.children(n, tick); err != nil {
			return err
		}
	}
	return nil
}

// paragraph writes a paragraph and the table that it may end with.
func (m *markdown) paragraph(src string) {
	src, table := findTable(src)
	m.b.Paragraph(m.in.text(alertName(src)))
	if table == "" {
		return
	}
	m.cells.reset()
	for i := 0; table != ""; i++ {
		var line string
		line, table, _ = strings.Cut(table, "\n")
		if i == 1 { // the rule
			continue
		}
		for _, c := range splitRow(line) {
			m.cells.cell(m.in.text(c))
		}
		m.cells.endRow()
	}
	m.b.table(&m.cells)
}

// lines returns the source of a block.
func (m *markdown) lines(n ast.Node) string {
	lines := n.Lines()
	var b strings.Builder
	for i := range lines.Len() {
		seg := lines.At(i)
		b.Write(seg.Value(m.source))
	}
	return b.String()
}

func (m *markdown) keepHTML(n *ast.HTMLBlock) {
	m.raw.WriteString(m.lines(n))
	if n.HasClosure() {
		m.raw.Write(n.ClosureLine.Value(m.source))
	}
	m.raw.WriteByte('\n')
}

// flushHTML writes the HTML blocks read since the last other block.
func (m *markdown) flushHTML() error {
	if m.raw.Len() == 0 {
		return nil
	}
	src := m.raw.String()
	m.raw.Reset()
	return m.html.walk(src)
}
