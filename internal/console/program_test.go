package console_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// serve builds the program, as go test has no other way to it, and starts it over an empty directory.
func serve(t *testing.T, env ...string) (url string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "compileo")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "compileo/infra/local").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	cmd.Env = append(env, "HOME="+dir, "PATH="+os.Getenv("PATH")) // no provider of models is configured
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // t.Context has ended by then
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url = regexp.MustCompile(`http://[\w.:]+`).FindString(lines.Text()); url != "" {
			return url
		}
	}
	t.Fatal("the program does not say where it is")
	return ""
}

const diabetes = `# Diabetes

Diabetes is a chronic disease in which the body cannot control the level of sugar in the blood. 🩸 The disease was described long ago.

## Insulin

Insulin is a hormone that lowers the level of sugar in the blood. It is made by the beta cells of the pancreas.

## Measurement

A glucose meter is a device that measures the level of sugar in a drop of blood.
`

// The whole way with the program itself: from an empty server to a file, whose entries are those that the page shows.
func TestProgram(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		w := newWindow(t, 1280)
		w.do(chromedp.Navigate(strings.Replace(serve(t), "127.0.0.1", "localhost", 1)))
		w.wholeWay()
	})
	t.Run("key", func(t *testing.T) {
		const key = "a-key-of-the-tests-of-the-console"
		w := newWindow(t, 360)
		w.do(chromedp.Navigate(serve(t, "COMPILEO_API_KEY="+key)))
		w.sees("This server wants a key")
		w.enter("API key", key)
		w.press("Go on")
		w.wholeWay()
	})
}

func (w *window) wholeWay() {
	w.Helper()
	t := w.T
	w.sees("Give the first one a name")
	w.enter("Name", "Guidelines")
	w.press("Create the project")
	w.sees("There are no documents yet.")
	large := "# Sugar\n\nA sugar is a carbohydrate that tastes sweet.\n\n" + strings.Repeat("It goes on and on and on.\n\n", 500) + strings.Repeat("\n", 4_100_000)
	w.do(chromedp.SetUploadFiles("#files", []string{file(t, "diabetes.md", diabetes), file(t, "large.txt", large), file(t, "program.exe", "MZ")}))
	w.sees("2 files added, 1 not.")
	w.sees("waits to be read")
	w.accessible()
	w.picture("program-1-project")
	w.press("All settings")
	w.sees("Calls of the model at a time")
	w.enter("Concurrency", "4")
	w.enter("Quality threshold", "0.5")
	w.enter("Dataset name", "guidelines")
	w.accessible()
	w.picture("program-2-form")
	w.press("Make the dataset")
	w.sees("The dataset is ready:")
	w.sees("gemini is answered by extractive")
	w.accessible()
	w.picture("program-3-job")

	w.press("Look at the dataset")
	w.sees("A glucose meter is a device") // its question is worded differently each time
	w.accessible()
	w.picture("program-4-dataset")
	w.enter("Text", "glucose")
	w.press("Show")
	w.sees("1 entry found.")
	quote := eval[string](w, "document.querySelector('blockquote').textContent")
	w.press("Show it in diabetes.md")
	w.until("document.querySelector('dialog mark')?.textContent === %q", quote)
	w.press("Close")
	w.until("!document.querySelector('dialog')")
	id := eval[string](w, "document.querySelector('article').getAttribute('aria-label')")
	w.press("Edit " + id)
	w.enter("Question", "What measures sugar in a drop of blood?")
	w.enter("Why (optional)", "shorter")
	w.press("Save")
	w.sees(id + " is saved.")
	w.sees("What measures sugar in a drop of blood?")

	w.press("Download")
	lines := strings.Split(strings.TrimSpace(string(w.saved("guidelines-1.0.0.jsonl"))), "\n")
	w.sees("Quality of " + plural(len(lines)) + ":")
	edited := false
	for _, line := range lines {
		var e struct{ ID, Question string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		edited = edited || e.ID == id && e.Question == "What measures sugar in a drop of blood?"
	}
	if !edited {
		t.Errorf("the file has not the edit of %s:\n%s", id, lines)
	}
	w.press("Guidelines") // back
	w.sees("guidelines")
	w.sees("ready")
	w.sees("Completed")
	w.press("large.txt")
	w.sees("Page 1 of ")
	w.press("Next")
	w.sees("Page 2 of ")
	w.accessible()
}

func plural(n int) string {
	b, _ := json.Marshal(n)
	if n == 1 {
		return "1 entry"
	}
	return string(b) + " entries"
}
