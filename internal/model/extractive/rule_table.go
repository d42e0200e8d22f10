package extractive

import (
	"regexp"
	"strings"

	"compileo/internal/dataset"
)

// maxRows is how many rows of one table are asked about.
const maxRows = 60

var (
	tableRule = regexp.MustCompile(`^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$`)
	keyColumn = regexp.MustCompile(`(?i)(name|flag|option|field|key|param|command|variable|property|setting|method|function|argument|attribute|type|code|event|status|term|file|directive|column|header|api|endpoint|feature|environment|format|package|tool|strategy|mode|platform|provider)`)
	emptyCell = regexp.MustCompile(`^[\s\-–—*.?xX✓✗✅❌]*$`)
	numeric   = regexp.MustCompile(`^[\d.,:%\s/x-]+$`)
)

// table is a parsed table with the places of its rows.
type table struct {
	head []string
	rows [][]string
	at   []span
}

// tables asks for the cells of tables whose first column names things.
func tables(m *material, s *section) []candidate {
	var out []candidate
	for _, b := range s.blocks {
		if b.Kind != dataset.TableBlock {
			continue
		}
		t, ok := m.table(b)
		if !ok {
			continue
		}
		for i, row := range t.rows {
			for k := 1; k < len(t.head) && k < len(row); k++ {
				if c, ok := m.cell(t, row, k); ok {
					c.section, c.group, c.evidence = s, -1-b.Start, []span{t.at[i]}
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// table parses a table block; false when it has no header or its first column names nothing.
func (m *material) table(b *block) (table, bool) {
	var t table
	pos, ruled := b.Start, false
	for line := range strings.Lines(m.text[b.Start:b.End]) {
		at := span{pos, pos + len(strings.TrimRight(line, "\r\n"))}
		pos += len(line)
		switch cells := splitRow(line); {
		case t.head == nil:
			t.head = cells
		case !ruled:
			if ruled = tableRule.MatchString(line); !ruled {
				return t, false
			}
		case len(t.rows) < maxRows && len(cells) >= 2:
			t.rows, t.at = append(t.rows, cells), append(t.at, at)
		}
	}
	if b.Partial && len(t.rows) > 0 { // the last row may be cut
		t.rows, t.at = t.rows[:len(t.rows)-1], t.at[:len(t.at)-1]
	}
	if len(t.head) < 2 || len(t.rows) < 2 {
		return t, false
	}
	seen, code := map[string]bool{}, 0
	for _, r := range t.rows {
		if seen[r[0]] {
			return t, false
		}
		seen[r[0]] = true
		if strings.HasPrefix(r[0], "`") {
			code++
		}
	}
	return t, code*2 > len(t.rows) || keyColumn.MatchString(t.head[0])
}

// splitRow cuts a row at its pipes; escaped ones and those in code stay.
func splitRow(line string) []string {
	line = strings.TrimSpace(line)
	line = strings.TrimPrefix(line, "|")
	var cells []string
	from, code := 0, false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '`':
			code = !code
		case line[i] == '\\' && i+1 < len(line):
			i++
		case line[i] == '|' && !code:
			cells = append(cells, squash(line[from:i]))
			from = i + 1
		}
	}
	if rest := squash(line[from:]); rest != "" {
		cells = append(cells, rest)
	}
	return cells
}

// valued says what a cell holds: as a sentence when the value is a short one.
func valued(what, be, value string) string {
	value = strings.TrimRight(clip(value), ". ")
	if wordCount(value) > 6 {
		return what + ": " + value + "."
	}
	return what + " " + be + " " + value + "."
}

// plainColumn is a column's header in lower case but for its names.
func plainColumn(head string) string {
	f := strings.Fields(head)
	for i, w := range f {
		if !acronym(w) && !strings.ContainsAny(w, "0123456789`") {
			f[i] = strings.ToLower(w)
		}
	}
	return strings.Join(f, " ")
}

// cell asks for one cell of a row.
func (m *material) cell(t table, row []string, k int) (candidate, bool) {
	name, value, col, kind := row[0], row[k], plainColumn(t.head[k]), strings.ToLower(t.head[0])
	if name == "" || emptyCell.MatchString(name) || numeric.MatchString(name) || wordCount(name) > 6 ||
		emptyCell.MatchString(value) || col == "" || wordCount(col) > 4 || strings.Contains(col, "example") || strings.ContainsAny(col, "`\"?()/#0123456789") {
		return candidate{}, false
	}
	if !strings.HasPrefix(name, "`") && name == strings.ToLower(name) && wordCount(name) == 1 {
		name = `"` + name + `"`
	}
	if n := strings.Trim(kind, "` "); wordCount(n) == 1 && is(n, "flag", "option", "field", "parameter", "command", "variable", "property",
		"setting", "method", "function", "argument", "attribute", "event", "directive", "header", "endpoint") {
		name = "the " + name + " " + n
	}
	c := candidate{weight: recall, short: value, answer: statement(name + ": " + value)}
	switch {
	case strings.Contains(col, "desc") || is(col, "meaning", "purpose", "details", "effect", "explanation"):
		c.rule, c.score = "table-meaning", 0.84
		c.ask = asked{"What does " + name + " mean", "what " + name + " means"}
		if m.tools.finite(strings.ToLower(firstWord(value))) {
			c.ask = asked{"What does " + name + " do", "what " + name + " does"}
		} else if strings.HasPrefix(name, "the ") || strings.HasPrefix(name, "`") {
			c.ask = asked{"What is " + name + " for", "what " + name + " is for"}
		}
	case col == "default" || col == "default value" || col == "defaults":
		c.rule, c.score = "table-default", 0.88
		c.ask = asked{"What is the default value of " + name, "what the default value of " + name + " is"}
		c.answer = valued("The default value of "+name, "is", value)
	case col == "type":
		c.rule, c.score = "table-type", 0.8
		c.ask = asked{"What is the type of " + name, "what the type of " + name + " is"}
		c.answer = valued("The type of "+name, "is", value)
	case numeric.MatchString(t.head[k]) || len(col) < 3 || m.tools.finite(firstWord(col)):
		return c, false
	case pluralForm(col):
		c.rule, c.score = "table-cell", 0.66
		c.ask = asked{"What are the " + col + " of " + name, "what the " + col + " of " + name + " are"}
		c.answer = valued("The "+col+" of "+name, "are", value)
	default:
		c.rule, c.score = "table-cell", 0.68
		c.ask = asked{"What is the " + col + " of " + name, "what the " + col + " of " + name + " is"}
		c.answer = valued("The "+col+" of "+name, "is", value)
	}
	return c, true
}
