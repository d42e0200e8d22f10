package pdf

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	digits   = regexp.MustCompile(`\d+`)
	pageMark = regexp.MustCompile(`^(?i:page\s+)?[-–—\s]*(?:#|[ivxlc]{1,6})(?:\s*(?:/|of|von|de)\s*#)?[-–—\s]*$`)
	atEnds   = regexp.MustCompile(`^(\d{1,4})\b|\b(\d{1,4})$`)
)

// dropFurniture drops what stands at the edge of several pages, numbers aside, and what begins or ends with the number
// of its page.
func dropFurniture(rows []row, pages int) []row {
	key := func(r row) string { return digits.ReplaceAllString(strings.ToLower(r.text), "#") }
	n, lastPage := map[string]int{}, map[string]int{}
	shifts := map[int]int{} // by how much the numbers at edges are ahead of the page
	for _, r := range rows {
		if !r.zone {
			continue
		}
		if k := key(r); lastPage[k] != r.page+1 {
			n[k]++
			lastPage[k] = r.page + 1
		}
		for _, number := range pageNumbers(r.text) {
			shifts[number-r.page]++
		}
	}
	shift, ok := 0, false // of the page numbers
	for s, count := range shifts {
		if count >= 3 && (count > shifts[shift] || !ok || count == shifts[shift] && s < shift) {
			shift, ok = s, true
		}
	}
	least := min(3, max(2, pages))
	return slices.DeleteFunc(rows, func(r row) bool {
		return r.zone && (n[key(r)] >= least || pageMark.MatchString(key(r)) ||
			ok && len(r.text) <= maxHeading && slices.Contains(pageNumbers(r.text), r.page+shift))
	})
}

// pageNumbers returns the numbers with which a text begins and ends.
func pageNumbers(text string) (numbers []int) {
	for _, m := range atEnds.FindAllString(text, 2) {
		n, _ := strconv.Atoi(m) // short
		numbers = append(numbers, n)
	}
	return numbers
}
