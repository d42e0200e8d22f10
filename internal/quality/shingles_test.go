package quality

import (
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

func qa(question, answer string) *dataset.Entry {
	return &dataset.Entry{Question: question, Answer: answer}
}

// Questions of about twelve words with one word said otherwise, under one answer.
var paraphrases = [][3]string{
	{"Which port does the Harbor server listen on when no flag is given?", "Which port does the Harbor server listen on when no option is given?", "8080"},
	{"How can you change the directory in which the program keeps its data?", "How can you set the directory in which the program keeps its data?", "With the flag --data."},
	{"What happens to a message when its handler fails more than five times?", "What happens to a message if its handler fails more than five times?", "It goes to the dead-letter queue."},
	{"Why does the scorer write the outcome of every chunk of a unit?", "Why does the scorer record the outcome of every chunk of a unit?", "So that the report adds up."},
	{"What is the largest size of a document that the service accepts today?", "What is the maximum size of a document that the service accepts today?", "50 MiB"},
	{"How often does the sweeper start jobs that have waited too long?", "How often does the sweeper begin jobs that have waited too long?", "Hourly"},
	{"How long does a worker hold the lease before it must renew it?", "How long does a worker keep the lease before it must renew it?", "60 seconds"},
	{"Who wrote the first description of the bridge over the river in 1871?", "Who wrote the earliest description of the bridge over the river in 1871?", "Anna Lindqvist"},
	{"In which year did the observatory on the hill open its doors to visitors?", "In what year did the observatory on the hill open its doors to visitors?", "1932"},
	{"How do bees find the way back to the hive after a long flight?", "How do bees find the way back to the hive after a lengthy flight?", "By the position of the sun."},
	{"What must you install before you can build the command from its source?", "What do you install before you can build the command from its source?", "Go 1.26"},
}

// Different questions on one topic, made as alike as documentation makes them.
var siblings = [][4]string{
	{"What is the default of the --host option of serve?", "127.0.0.1", "What is the default of the --port option of serve?", "8080"},
	{"How do you delete a bucket in the console?", "Choose the bucket, then Delete.", "How do you delete a queue in the console?", "Choose the queue, then Delete."},
	{"What does the function `ReadFile` return?", "The content of the file and an error.", "What does the function `ReadDir` return?", "The entries of the directory and an error."},
	{"How many retries does the client make on status 429?", "5", "How many retries does the client make on status 503?", "3"},
	{"Which release of the program added the flag --json?", "Release 1.4", "Which release of the program added the flag --seed?", "Release 1.6"},
	{"When was the northern line opened to traffic?", "In May 1907.", "When was the southern line opened to traffic?", "In June 1911."},
	{"Why does the writer flush its buffer on Close?", "So that no data are lost.", "Why does the writer flush its buffer on Sync?", "So that readers see the data."},
	{"What is the limit on the size of a record?", "350 KiB", "What is the limit on the size of a message?", "200 KiB"},
	{"What are the largest lakes of the northern province?", "Lake Ilmen and Lake Onega.", "What are the longest rivers of the northern province?", "The Volkhov and the Svir."},
	{"How is `timeout` set in the client's configuration?", "In seconds, by the field `timeout`.", "How is `retries` set in the client's configuration?", "As a number, by the field `retries`."},
}

func TestShinglesTellParaphrasesFromSiblings(t *testing.T) {
	low, high := 1.0, 0.0
	for _, p := range paraphrases {
		s := similarity(Shingles(qa(p[0], p[2])), Shingles(qa(p[1], p[2])))
		low = min(low, s)
		if s < MinSimilarity {
			t.Errorf("similarity %.3f, want %.2f or more:\n%s\n%s", s, MinSimilarity, p[0], p[1])
		}
	}
	for _, p := range siblings {
		s := similarity(Shingles(qa(p[0], p[1])), Shingles(qa(p[2], p[3])))
		high = max(high, s)
		if s >= MinSimilarity {
			t.Errorf("similarity %.3f, want less than %.2f:\n%s\n%s", s, MinSimilarity, p[0], p[2])
		}
	}
	t.Logf("shingles: paraphrases from %.2f, siblings to %.2f", low, high)
	// The choices not made, for the comment on Shingles.
	for name, make := range map[string]func(string) []uint32{"5-grams": fiveGrams, "words": wordSet, "words and pairs": wordPairs, "trigrams in words": trigrams} {
		low, high := 1.0, 0.0
		for _, p := range paraphrases {
			low = min(low, similarity(make(p[0]+" "+p[2]), make(p[1]+" "+p[2])))
		}
		for _, p := range siblings {
			high = max(high, similarity(make(p[0]+" "+p[1]), make(p[2]+" "+p[3])))
		}
		t.Logf("%s: paraphrases from %.2f, siblings to %.2f", name, low, high)
		if low >= MinSimilarity && high < 0.71 {
			t.Errorf("%s would be the better choice", name)
		}
	}
}

func sorted(list []uint32) []uint32 {
	slices.Sort(list)
	return slices.Compact(list)
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

func fiveGrams(s string) []uint32 {
	var list []uint32
	s = plainWords(words(s))
	for i := 0; i+5 <= len(s); i++ {
		list = append(list, hashOf(s[i:i+5]))
	}
	return sorted(list)
}

func wordSet(s string) []uint32 {
	var list []uint32
	for _, w := range words(s) {
		list = append(list, hashOf(w.low))
	}
	return sorted(list)
}

func wordPairs(s string) []uint32 {
	list, before := wordSet(s), ""
	for _, w := range words(s) {
		list = append(list, hashOf(before+" "+w.low))
		before = w.low
	}
	return sorted(list)
}

func trigrams(s string) []uint32 {
	var list []uint32
	for _, w := range words(s) {
		low := "^" + w.low + "$"
		for i := 0; i+3 <= len(low); i++ {
			list = append(list, hashOf(low[i:i+3]))
		}
	}
	return sorted(list)
}

func TestShingles(t *testing.T) {
	a := Shingles(qa("What is Harbor?", "A server."))
	if !slices.IsSorted(a) || len(slices.Compact(slices.Clone(a))) != len(a) || len(a) == 0 {
		t.Errorf("not sorted and distinct: %v", a)
	}
	if b := Shingles(qa("WHAT  is harbor", "“A server”")); !slices.Equal(a, b) {
		t.Error("case, space and signs change the shingles")
	}
	if n := len(Shingles(qa("?", "…"))); n != 0 {
		t.Errorf("%d shingles of no words", n)
	}
	long := Shingles(qa("What?", strings.Repeat("Some quite different words follow one another: ", 1)+longText(4000)))
	if len(long) != MaxShingles {
		t.Errorf("%d shingles of a long answer, want %d", len(long), MaxShingles)
	}
	if Shingles(qa("什么是港口？", "一个服务器"))[0] == 0 {
		t.Error("no shingles of Chinese text")
	}
}

// longText returns n different words.
func longText(n int) string {
	var b strings.Builder
	x := uint32(7)
	for range n {
		for range 6 {
			x = x*1664525 + 1013904223
			b.WriteByte('a' + byte(x>>24)%26)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func BenchmarkShingles(b *testing.B) {
	e := qa(paraphrases[0][0], "The server listens on port 8080 unless the flag --port, or the variable PORT, says otherwise.")
	b.ReportAllocs()
	for b.Loop() {
		Shingles(e)
	}
}
