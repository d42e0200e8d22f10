package extractive

import (
	"strings"

	"compileo/internal/dataset"
)

// difficulty rates an entry by the class of its rule, the length of its answer and how many of its words are
// long or code.
func difficulty(w weight, answer string) string {
	n, rare := 0, 0
	for x := range strings.FieldsSeq(answer) {
		n++
		if len(x) >= 10 || strings.HasPrefix(x, "`") {
			rare++
		}
	}
	points := 2 * int(w)
	if n > 50 {
		points++
	}
	if n > 120 {
		points++
	}
	if n > 0 && rare*100 > n*22 {
		points++
	}
	switch {
	case points < 2:
		return dataset.Beginner
	case points < 4:
		return dataset.Intermediate
	case points < 6:
		return dataset.Advanced
	}
	return dataset.Expert
}
