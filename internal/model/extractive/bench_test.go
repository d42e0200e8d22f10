package extractive

import (
	"os"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// BenchmarkGenerate measures whole calls on a chunk of about 400 tokens.
func BenchmarkGenerate(b *testing.B) {
	text, err := os.ReadFile("testdata/cache.md")
	if err != nil {
		b.Fatal(err)
	}
	chunk := chunkOf("Larder", string(text))
	for _, mode := range []dataset.Mode{dataset.QuestionAnswer, dataset.Summarization, dataset.Instruction} {
		b.Run(string(mode), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r := &model.Request{Task: &model.Task{Mode: mode, Chunk: chunk, Count: 3, Seed: 1}}
				if _, err := New().Generate(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}
