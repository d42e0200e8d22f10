package document

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden holds the canonical form of each format, with its blocks, against testdata/*.golden.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, path := range paths {
		if strings.HasSuffix(path, ".golden") {
			continue
		}
		tested++
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := mustParse(t, path, string(data))
			checkText(t, text)
			for _, c := range chunkings {
				checkChunks(t, text, c)
			}
			var out strings.Builder
			fmt.Fprintf(&out, "%s\n\n%s\n\n", text.Title, text.Body)
			for _, b := range text.Blocks {
				fmt.Fprintf(&out, "%s level=%d ordered=%t lang=%s %.60q\n", b.Kind, b.Level, b.Ordered, b.Lang, text.Body[b.Start:b.End])
			}
			golden := path + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("%s differs from its golden file:\n%s", path, out.String())
			}
		})
	}
	if tested < 3 {
		t.Fatalf("only %d golden documents", tested)
	}
}
