package extractive

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

var update = flag.Bool("update", false, "write the golden files")

var modes = []dataset.Mode{dataset.QuestionAnswer, dataset.Question, dataset.Answer, dataset.Summarization, dataset.Instruction}

// corpus are the chunks of testdata.
func corpus(t testing.TB) map[string]*dataset.Chunk {
	t.Helper()
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) < 4 {
		t.Fatalf("corpus: %v %v", files, err)
	}
	chunks := map[string]*dataset.Chunk{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".md")
		title := map[string]string{"cache": "Larder", "steps": "Harbor Guide", "german": "Larder"}[name]
		chunks[name] = chunkOf(title, string(text))
	}
	return chunks
}

// TestGolden holds all entries of the corpus against what was read and found good.
func TestGolden(t *testing.T) {
	for name, chunk := range corpus(t) {
		got := map[dataset.Mode]replied{}
		for _, mode := range modes {
			got[mode], _ = generate(t, &model.Task{Mode: mode, Chunk: chunk, Count: 50, Seed: 1})
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(got); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".golden.json")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != b.String() {
			t.Errorf("%s differs from its golden file; got\n%s", name, b.String())
		}
	}
}
