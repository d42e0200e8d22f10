package prompt

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
)

const good = `{"entries":[{"evidence":["The server listens on port 8080."],"question":"Which port?","answer":"Port 8080.","difficulty":"beginner"}]}`

// Each reply, and its drafts as "question > answer > evidence|evidence", joined by " & ", with the faults after " ! ".
var replies = []struct{ name, reply, want string }{
	{"as asked", good, "Which port? > Port 8080. > The server listens on port 8080."},
	{"bare array", `[{"question":"Q1?","answer":"A1"},{"question":"Q2?","answer":"A2"}]`, "Q1? > A1 > & Q2? > A2 >"},
	{"single object", `{"question":"Q?","answer":"A"}`, "Q? > A >"},
	{"no entries", `{"entries":[]}`, ""},
	{"no entries, bare", "```json\n[]\n```", ""},
	{"wrapped twice", `{"data":{"qa_pairs":[{"question":"Q?","answer":"A"}]}}`, "Q? > A >"},
	{"wrapped with a summary", `{"summary":"Two pairs","pairs":[{"question":"Q?","answer":"A"}]}`, "Q? > A >"},
	{"numbered object", `{"1":{"question":"Q1?","answer":"A"},"2":{"question":"Q2?","answer":"B"}}`, "Q1? > A > & Q2? > B >"},
	{"wrapped in a string", `{"response":"{\"entries\":[{\"question\":\"Q?\",\"answer\":\"A\"}]}"}`, "Q? > A >"},
	{"entries as strings", `{"entries":["{\"question\":\"Q?\",\"answer\":\"A\"}"]}`, "Q? > A >"},
	{"answer that is JSON", `{"question":"Q?","answer":"{\"entries\":[{\"question\":\"X?\",\"answer\":\"Y\"}]}"}`, `Q? > {"entries":[{"question":"X?","answer":"Y"}]} >`},
	{"fence", "```json\n" + good + "\n```", "Which port? > Port 8080. > The server listens on port 8080."},
	{"prose around", "Sure! Here are the {requested} pairs [as asked]:\n\n" + good + "\n\nLet me know {if} you need more.", "Which port? > Port 8080. > The server listens on port 8080."},
	{"thoughts", "<think>Maybe {\"question\":\"No?\",\"answer\":\"no\"}</think>\n" + good, "Which port? > Port 8080. > The server listens on port 8080."},
	{"thoughts without beginning", "Okay, {\"question\":\"No?\",\"answer\":\"no\"}\n</think>\n" + good, "Which port? > Port 8080. > The server listens on port 8080."},
	{"thinks about </think>", `{"question":"What ends thoughts?","answer":"The mark </think> does."}`, "What ends thoughts? > The mark </think> does. >"},
	{"one a line", "{\"question\":\"Q1?\",\"answer\":\"A\"}\n{\"question\":\"Q2?\",\"answer\":\"B\"}", "Q1? > A > & Q2? > B >"},
	{"two fences", "```\n{\"question\":\"Q1?\",\"answer\":\"A\"}\n```\nand\n```\n{\"question\":\"Q2?\",\"answer\":\"B\"}\n```", "Q1? > A > & Q2? > B >"},
	{"cut in an answer", `{"entries":[{"question":"Q1?","answer":"A"},{"question":"Q2?","answer":"The ans`, "Q1? > A > ! truncated"},
	{"cut in evidence", `{"entries":[{"question":"Q1?","answer":"A"},{"evidence":["The ser`, "Q1? > A > ! truncated"},
	{"cut after the answer", `{"entries":[{"evidence":["E"],"question":"Q?","answer":"A","difficulty":"beg`, "Q? > A > E"},
	{"cut between", `{"entries":[{"question":"Q?","answer":"A"},`, "Q? > A >"},
	{"cut in an escape", `[{"question":"Q?","answer":"A"},{"question":"Q2?","answer":"B\`, "Q? > A > ! truncated"},
	{"list not closed", `{"entries":[{"evidence":["E","question":"Q?","answer":"A"}]}`, "Q? > A > E"},
	{"other names", `[{"q":"Q?","a":"A","context":"E"},{"prompt":"P?","response":"R","quote":"E2"}]`, "Q? > A > E & P? > R > E2"},
	{"names in capitals", `[{"Question":"Q?","Answer":"A","Supporting_Quotes":["E"]},{"QUESTION 2":"Q2?","ANSWER 2":"B"}]`, "Q? > A > E & Q2? > B >"},
	{"evidence objects", `{"question":"Q?","answer":"A","evidence":[{"quote":"E1","line":3},{"text":"E2"},7,null,""]}`, "Q? > A > E1|E2|7"},
	{"evidence repeated", `{"question":"Q?","answer":"A","evidence":["E","E"]}`, "Q? > A > E"},
	{"number", `{"question":"How many?","answer":42}`, "How many? > 42 >"},
	{"bool", `{"question":"Is it?","answer":true}`, "Is it? > true >"},
	{"answer in lines", `{"question":"Q?","answer":["First.","Second."]}`, "Q? > First.\nSecond. >"},
	{"answer in an object", `{"question":"Q?","answer":{"text":"A"}}`, "Q? > A >"},
	{
		"too many", `[{"question":"1?","answer":"A"},{"question":"2?","answer":"A"},{"question":"3?","answer":"A"},{"question":"4?","answer":"A"},{"question":"5?","answer":"A"}]`,
		"1? > A > & 2? > A > & 3? > A > ! over_count,over_count",
	},
	{"repeated", `[{"question":"Q?","answer":"A"},{"question":"Q?","answer":"A"}]`, "Q? > A > ! repeated_entry"},
	{"empty question", `[{"question":" ","answer":"A"},{"answer":"A"}]`, " ! empty_question,empty_question"},
	{"empty answer", `[{"question":"Q?","answer":null},{"question":"Q?"}]`, " ! empty_answer,empty_answer"},
	{"not filled in", `[{"question":"…","answer":"..."},{"question":"<the question>","answer":"A"},{"question":"string","answer":"string"}]`, " ! placeholder,placeholder,placeholder"},
	{"scalars among entries", `[{"question":"Q?","answer":"A"}, 3, "next"]`, "Q? > A > ! not_an_entry,not_an_entry"},
	{"long question", `{"question":"` + strings.Repeat("q", dataset.MaxQuestion+1) + `","answer":"A"}`, " ! question_too_long"},
	{"long answer", `{"question":"Q?","answer":"` + strings.Repeat("a", dataset.MaxAnswer+1) + `"}`, " ! answer_too_long"},
	{"commas", `{"entries":[{"question":"Q?" "answer":"A",},,{"question":"Q2?","answer":"B",}],}`, "Q? > A > & Q2? > B >"},
	{"quotes inside", `{"question":"What does "go vet" do?","answer":"It says "done", and ends."}`, `What does "go vet" do? > It says "done", and ends. >`},
	{"line breaks inside", "{\"question\":\"Q?\",\"answer\":\"one\ntwo\"}", "Q? > one\ntwo >"},
	{"single quotes", `{'question': 'What\'s it?', 'answer': 'It's the "name".'}`, `What's it? > It's the "name". >`},
	{"curly quotes", `{“question”: “Q?”, “answer”: “A”}`, "Q? > A >"},
	{"no quotes", `{question: "Q?", answer: yes it does, difficulty: easy}`, "Q? > yes it does >"},
	{"comments", "{ // first\n\"question\":\"Q?\", /* then */ \"answer\":\"see http://x.example/\"}", "Q? > see http://x.example/ >"},
	{"python", `[{'question': 'Q?', 'answer': True, 'difficulty': None}]`, "Q? > true >"},
	{"bad escapes", `{"question":"Which \d+ \'x\'?","answer":"C:\\dir\qux \u00zz"}`, `Which \d+ 'x'? > C:\dir\qux \u00zz >`},
	{"surrogates", `{"question":"\ud83d\ude00?","answer":"a\ud83db"}`, "😀? > ab >"},
	{"control characters", "{\"question\":\"Q\\u0000\\u001b[1m?\",\"answer\":\"a\\u200bb\\u202ec\\r\\nd\\u2028e\"}", "Q[1m? > abc\nd\ne >"},
	{"broken UTF-8", "{\"question\":\"Q\xff?\",\"answer\":\"A\"}", "Q? > A >"},
	{"labels", `{"question":"Question 1: Q?","answer":"**Answer:** A"}`, "Q? > A >"},
	{"broken entry between", `[{"question":"1?","answer":"A"},{"question":"2?","answer"}, {"question":"3?","answer":"C"}]`, "1? > A > & 3? > C > ! truncated"},
	{"byte order mark", "\ufeff" + good, "Which port? > Port 8080. > The server listens on port 8080."},
}

func TestParse(t *testing.T) {
	for _, c := range replies {
		drafts, faults, err := Parse(c.reply, dataset.QuestionAnswer, testChunk(), 3)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := show(drafts, faults); got != c.want {
			t.Errorf("%s: Parse =\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

func show(drafts []Draft, faults []string) string {
	var out []string
	for _, d := range drafts {
		out = append(out, strings.TrimRight(fmt.Sprintf("%s > %s > %s", d.Question, d.Answer, strings.Join(d.Evidence, "|")), " "))
	}
	s := strings.Join(out, " & ")
	if len(faults) > 0 {
		s += " ! " + strings.Join(faults, ",")
	}
	return s
}

func TestParseNothing(t *testing.T) {
	for _, reply := range []string{
		"", "I cannot help with that.", "null", "42", `"text"`, "{}", `{"message":"no"}`, "Use []string, see [1].", `{"entries":[`, `{"entries":["one","two"]}`,
		"<think>hm", strings.Repeat("[", 1000), strings.Repeat(`{"a":`, 1000), "{]", "\x00\xff",
	} {
		drafts, _, err := Parse(reply, dataset.QuestionAnswer, testChunk(), 3)
		if !dataset.Is(err, dataset.Invalid) || drafts != nil {
			t.Errorf("Parse(%.40q) = %v, %v, want an invalid error", reply, drafts, err)
		}
	}
}

func TestParseModes(t *testing.T) {
	chunk := testChunk()
	for _, c := range []struct {
		mode  dataset.Mode
		reply string
		want  Draft
	}{
		{
			dataset.Instruction, `{"instruction":"Explain X.","input":"x := 1","output":"X is one.","difficulty":"Hard","category":"Go","rule":"why"}`,
			Draft{Question: "Explain X.", Answer: "X is one.", Instruction: "Explain X.", Input: "x := 1", Output: "X is one.", Difficulty: dataset.Advanced, Category: "Go", Rule: "why"},
		},
		{
			dataset.Instruction, `{"question":"Explain X.","answer":"X is one.","level":1}`,
			Draft{Question: "Explain X.", Answer: "X is one.", Instruction: "Explain X.", Output: "X is one.", Difficulty: dataset.Beginner},
		},
		{
			dataset.Summarization, `{"evidence":["E"],"summary":"All of it.","difficulty":"nonsense"}`,
			Draft{Question: "Summarize “Ports” in “Harbor manual”.", Answer: "All of it.", Summary: "All of it.", Evidence: []string{"E"}},
		},
		{dataset.Question, `{"question":"Q?","answer":"A","difficulty":"very hard"}`, Draft{Question: "Q?", Answer: "A", Difficulty: dataset.Expert}},
		{dataset.Answer, `{"question":"Q?","answer":"A","difficulty":"Medium"}`, Draft{Question: "Q?", Answer: "A", Difficulty: dataset.Intermediate}},
	} {
		drafts, faults, err := Parse(c.reply, c.mode, chunk, 1)
		if err != nil || len(faults) != 0 || len(drafts) != 1 || !reflect.DeepEqual(drafts[0], c.want) {
			t.Errorf("Parse(%s, %s) = %+v, %v, %v", c.reply, c.mode, drafts, faults, err)
		}
	}
	for _, c := range []struct {
		chunk dataset.Chunk
		want  string
	}{
		{dataset.Chunk{}, "Summarize the key points."},
		{dataset.Chunk{Title: "T"}, "Summarize “T”."},
		{dataset.Chunk{Title: "T", Headings: []string{"T"}}, "Summarize “T”."},
		{dataset.Chunk{Headings: []string{"A", "B"}}, "Summarize “B”."},
	} {
		if got := summaryQuestion(&c.chunk); got != c.want {
			t.Errorf("summaryQuestion(%+v) = %q, want %q", c.chunk, got, c.want)
		}
	}
}

// Every cut of a good reply gives a prefix of its entries, and never an entry that was not in it.
func TestParseEveryCut(t *testing.T) {
	var entries []string
	for i := range 4 {
		entries = append(entries, fmt.Sprintf(`{"evidence":["It is \"%d\", {really}.","[two]"],"question":"What is %d?","answer":"It is:\n{\"n\": %d}","difficulty":"beginner"}`, i, i, i))
	}
	full := `{"entries":[` + strings.Join(entries, ", ") + `]}`
	all, _, err := Parse(full, dataset.QuestionAnswer, testChunk(), 10)
	if err != nil || len(all) != 4 {
		t.Fatalf("Parse = %v, %v", all, err)
	}
	last := 0
	for n := range len(full) {
		drafts, _, err := Parse(full[:n], dataset.QuestionAnswer, testChunk(), 10)
		if err != nil && len(drafts) > 0 {
			t.Fatalf("cut at %d: drafts and an error", n)
		}
		for i, d := range drafts {
			d.Difficulty, all[i].Difficulty = "", ""
			if !reflect.DeepEqual(d, all[i]) {
				t.Fatalf("cut at %d: draft %d = %+v, want %+v", n, i, d, all[i])
			}
		}
		if len(drafts) < last {
			t.Fatalf("cut at %d: %d drafts, before %d", n, len(drafts), last)
		}
		last = len(drafts)
	}
}

func TestParseHostileIsLinear(t *testing.T) {
	for _, piece := range []string{"[", "{", `{"question":`, `[{"`, `"`, `{"a":"`, `\`, "<think>", "{'", `{"question":"Q?","answer":"A"},`, "/*{", "[1,", `{"a" `, "“{", `["{\"question\":[`} {
		text := strings.Repeat(piece, maxReply/len(piece)+1)
		start := time.Now()
		_, faults, _ := Parse("["+text, dataset.QuestionAnswer, testChunk(), 3)
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("%d bytes of %q took %v", len(text), piece, took)
		}
		if len(faults) > maxValues {
			t.Errorf("%q: %d faults", piece, len(faults))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range replies {
		f.Add(c.reply)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range modes {
			drafts, _, err := Parse(text, mode, testChunk(), 3)
			if err != nil && (!dataset.Is(err, dataset.Invalid) || len(drafts) > 0) {
				t.Fatalf("%v with %d drafts", err, len(drafts))
			}
			if len(drafts) > 3 {
				t.Fatalf("%d drafts", len(drafts))
			}
			for _, d := range drafts {
				for _, s := range append(slices.Clone(d.Evidence), d.Question, d.Answer, d.Input, d.Category, d.Rule) {
					if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\u202e\r") || len(s) > dataset.MaxAnswer {
						t.Fatalf("not clean: %q", s)
					}
				}
				if d.Question == "" || d.Answer == "" || len(d.Question) > dataset.MaxQuestion {
					t.Fatalf("draft %+v", d)
				}
			}
		}
		if json.Valid([]byte(text)) && utf8.ValidString(text) && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth && len(text) < maxValues {
			r := reader{s: text}
			var want any
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				return // a number out of range
			}
			if got := plain(r.value(0, false)); strings.IndexAny(strings.TrimSpace(text), "{[") == 0 && !reflect.DeepEqual(got, texts(want)) {
				t.Fatalf("read %q as %#v, want %#v", text, got, texts(want))
			}
		}
	})
}

// plain and texts bring a value and what encoding/json reads into one form: numbers and words by their kind only.
func plain(v value) any {
	switch v.kind {
	case textKind:
		return v.text
	case numberKind:
		return 1
	case listKind:
		list := []any{}
		for _, item := range v.items {
			list = append(list, plain(item))
		}
		return list
	case objectKind:
		object := map[string]any{}
		for i, key := range v.keys {
			object[key] = plain(v.items[i])
		}
		return object
	}
	return nil
}

func texts(v any) any {
	switch v := v.(type) {
	case float64, bool:
		return 1
	case []any:
		list := []any{}
		for _, item := range v {
			list = append(list, texts(item))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, item := range v {
			object[key] = texts(item)
		}
		return object
	}
	return v
}

func BenchmarkParse(b *testing.B) {
	entry := `{"evidence":["The server listens on port 8080 unless the flag says otherwise."],"question":"On which port does the server listen by default?","answer":"The server listens on port 8080, unless the flag says otherwise.","difficulty":"beginner"}`
	text := `{"entries":[` + entry + "," + strings.Replace(entry, "8080", "9090", 3) + "," + strings.Replace(entry, "default", "now", 1) + `]}`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if drafts, _, err := Parse(text, dataset.QuestionAnswer, testChunk(), 3); err != nil || len(drafts) != 3 {
			b.Fatal(drafts, err)
		}
	}
}
