package pdf

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHeading is the length of a heading in code points.
const maxHeading = 150

// headings says which rows are headings, and of which level. What the file's outline names is one, then what is
// numbered and stands out; how these look tells which other rows are headings.
type headings struct {
	rows          []row
	body, leading float64
	outline       map[int]int   // level by row
	begins        map[int]bool  // rows at which a heading of the outline begins
	levels        map[style]int // by look
	shift         int           // 1: a title stands above all
}

func findHeadings(rows []row, marks []bookmark, body, leading float64) headings {
	h := headings{rows: rows, body: body, leading: leading, outline: map[int]int{}, begins: map[int]bool{}, levels: map[style]int{}}
	h.match(marks)
	learned := h.learn()
	h.rank(learned)
	for look, level := range h.levels {
		if level < 1 && look.size > 0 {
			h.shift = 1
		}
	}
	return h
}

// level returns the level of row i; 0: it is no heading.
func (h *headings) level(i int) int {
	level, ok := h.outline[i]
	if !ok {
		if !h.candidate(i) {
			return 0
		}
		r := h.rows[i]
		if level, ok = h.levels[style{r.size, r.bold}]; !ok {
			return 0
		}
		if n := sectionLevel(r.text); n > 0 && len(h.outline) == 0 {
			level = n
		}
	}
	return min(max(level+h.shift, 1), 6)
}

// sectionLevel is the level of a section's number; 0: there is none.
func sectionLevel(text string) int {
	if !section.MatchString(text) {
		return 0
	}
	number, _, _ := strings.Cut(text, " ")
	return strings.Count(strings.Trim(number, "."), ".") + 1
}

// candidate reports whether row i may be a heading by its look.
func (h *headings) candidate(i int) bool {
	r := h.rows[i]
	letters := strings.IndexFunc(r.text, unicode.IsLetter) >= 0
	if !letters || len(r.cells) > 2 || utf8.RuneCountInString(r.text) > maxHeading || leaders.MatchString(r.text) || bullet.MatchString(r.text) {
		return false
	}
	if r.size > h.body*1.12 {
		return true
	}
	if !r.bold || r.size < h.body*0.95 || utf8.RuneCountInString(r.text) > 90 || strings.ContainsRune(".,;:", rune(r.text[len(r.text)-1])) {
		return false
	}
	numbered := section.MatchString(r.text)
	if len(r.cells) > 1 && !numbered {
		return false
	}
	if i == 0 || h.rows[i-1].page != r.page {
		return true
	}
	above := h.rows[i-1]
	gap := above.bottom - r.top
	return gap < -r.size || gap > h.leading+0.3*r.size || above.bold && above.size == r.size && i > 1 && h.candidate(i-1)
}

// match finds the rows that the outline names.
func (h *headings) match(marks []bookmark) {
	first := map[int]int{} // row by page
	for i, r := range h.rows {
		if _, ok := first[r.page]; !ok {
			first[r.page] = i
		}
	}
	for _, m := range marks {
		title := letters(m.title)
		at, ok := first[m.page]
		if title == "" || !ok {
			continue
		}
		for i := at; i < len(h.rows) && h.rows[i].page == m.page; i++ {
			if _, taken := h.outline[i]; taken {
				continue
			}
			if n := h.covers(i, title); n > 0 {
				h.begins[i] = true
				for k := range n {
					h.outline[i+k] = m.level
				}
				break
			}
		}
	}
}

// covers returns how many rows from i on are the title; 0: they are not.
func (h *headings) covers(i int, title string) int {
	got := ""
	for n := 0; n < 4 && i+n < len(h.rows); n++ {
		got += letters(h.rows[i+n].text)
		if got == title {
			return n + 1
		}
		if got == "" || !strings.HasPrefix(title, got) {
			return 0
		}
	}
	return 0
}

// letters returns the letters of a title, and the digits after its number.
func letters(s string) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// learn returns the levels of looks that the outline, or else numbers, tell.
func (h *headings) learn() map[style]int {
	votes := map[style]map[int]int{}
	vote := func(r row, level int) {
		look := style{r.size, r.bold}
		if look.size <= h.body*1.05 && !look.bold {
			return // that of running text
		}
		if votes[look] == nil {
			votes[look] = map[int]int{}
		}
		votes[look][level]++
	}
	for i, level := range h.outline {
		vote(h.rows[i], level)
	}
	if len(votes) == 0 {
		for i, r := range h.rows {
			if n := sectionLevel(r.text); n > 0 && h.candidate(i) {
				vote(r, n)
			}
		}
	}
	learned := map[style]int{}
	for look, levels := range votes {
		best := 0
		for level, n := range levels {
			if n > levels[best] || n == levels[best] && level < best {
				best = level
			}
		}
		learned[look] = best
	}
	return learned
}

// rank gives every look of candidates a level.
func (h *headings) rank(learned map[style]int) {
	n := map[style]int{}
	for i, r := range h.rows {
		if h.candidate(i) {
			n[style{r.size, r.bold}]++
		}
	}
	var looks []style
	for look := range n {
		if n[look]*3 > len(h.rows) && len(h.rows) > 10 {
			continue // most of the text looks so
		}
		looks = append(looks, look)
	}
	slices.SortFunc(looks, func(a, b style) int { // the most prominent first
		if c := cmp.Compare(b.size, a.size); c != 0 {
			return c
		}
		if a.bold == b.bold {
			return 0
		}
		if a.bold {
			return -1
		}
		return 1
	})
	top := 1
	for i, look := range looks {
		if level, ok := learned[look]; ok {
			top = level
			if i > 0 {
				top-- // there are larger ones
			}
			break
		}
	}
	level := top - 1
	begun := false
	for i, look := range looks {
		known, ok := learned[look]
		switch {
		case ok:
			level = known
			begun = true
		case len(learned) == 0:
			level = i + 1
		case !begun:
			level = top
		default:
			level++
		}
		h.levels[look] = min(level, 6)
	}
}
