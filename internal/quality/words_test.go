package quality

import (
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"The ports, listening":             "the:the/stop/capital/first ports:port listening:listen",
		"1. Open 1,000 of 2.50":            "1:1/number/first open:open/capital/first 1,000:1000/number of:of/stop 2.50:2.5/number",
		"maxRetries max_tries b2 10gB":     "maxretries:maxretry/code/first max_tries:max_try/code b2:b2/code 10gb:10/number/code",
		"a|B; “C” (D, E":                   "a:a/stop/first b:b/stop/capital/first c:c/stop/capital/first d:d/stop/capital e:e/stop/capital",
		"Größe ÉTÉ 服务 x服":                  "größe:größ/capital/first été:été/capital 服:服 务:务 x:x/stop 服:服",
		"e\u0301a 1\u0660 \u212a \xffÅb1C": "e\u0301a:e\u0301a/first 1\u0660:1/number k:k/capital åb1c:åb1c/capital/code",
		"a.1 1.a 1.,2 _ __":                "a:a/stop/first 1:1/number/first 1:1/number a:a/stop/first 1:1/number 2:2/number _:_/stop __:__",
	} {
		var got []string
		for _, w := range words(text) {
			s := w.low + ":" + w.stem.low
			for _, flag := range []struct {
				is   bool
				name string
			}{{w.stop, "/stop"}, {w.number, "/number"}, {w.capital, "/capital"}, {w.code, "/code"}, {w.first, "/first"}} {
				if flag.is {
					s += flag.name
				}
			}
			if low := strings.ToLower(text[w.start:w.end]); low != w.low {
				t.Errorf("%q: word %q stands at %q", text, w.low, low)
			}
			got = append(got, s)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("words(%q) =\n%s, want\n%s", text, got, want)
		}
	}
	// Words that are alike have one term, and a stem is the term of the word written so.
	list := words("listens listen LISTENS four 4")
	if list[0].term != list[2].term || list[0].stem != list[1].term || list[3].value != list[4].stem {
		t.Error(fmt.Sprint("terms differ: ", list))
	}
}
