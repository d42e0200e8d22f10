package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// file makes a file to send.
func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// From nothing to a file, by mouse, in a window of each width.
func TestWay(t *testing.T) {
	for name, width := range map[string]int{"desk": 1280, "phone": 360} {
		t.Run(name, func(t *testing.T) {
			w := newWindow(t, width)
			f := newFake(t)
			w.do(chromedp.Navigate(f.URL))
			w.sees("Give the first one a name")
			w.accessible()
			w.picture(name + "-1-empty")
			w.enter("Name", "Stations <script>")
			w.press("Create the project")

			w.sees("Stations <script>")
			w.sees("There are no documents yet.")
			w.sees("Add documents first.")
			w.do(chromedp.SetUploadFiles("#files", []string{file(t, "water.txt", fakeText), file(t, "water.exe", "MZ"), file(t, "large.txt", strings.Repeat("x", 5_000_000))}))
			w.sees("2 files added, 1 not.")
			w.sees("large.txt")
			w.sees("water.exe: files of type .exe cannot be read")
			w.sees("Make the dataset")
			eval[any](w, `(() => {
				const dataTransfer = new DataTransfer();
				dataTransfer.items.add(new File(["dropped"], "dropped.md"));
				document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
			})()`)
			w.sees("dropped.md")
			w.accessible()

			w.sees("Entries of a chunk. 1 to 50. Default: 3.")
			w.enter("Datasets per chunk", "60")
			w.press("Make the dataset")
			w.sees("Value must be less than or equal to 50.")
			w.enter("Datasets per chunk", "5")
			w.enter("Dataset name", "bad")
			w.press("Make the dataset")
			w.sees("has no {chunk}") // in what was folded away
			if got := w.focused(); got != "Custom prompt" {
				t.Errorf("the focus is on %q, want what is wrong", got)
			}
			w.sees("It came later.") // a field that this page knows nothing of
			w.sees("Without effect so far")
			w.enter("Document ids", "a, b")
			w.choose("Generation mode", "question")
			w.accessible()
			w.picture(name + "-2-form")
			w.enter("Dataset name", "stations")
			w.press("Make the dataset")

			w.sees("The dataset is ready: 2 entries.")
			w.sees("2 with entries")
			w.sees("gemini is answered by extractive")
			for field, want := range map[string]any{"dataset_name": "stations", "datasets_per_chunk": 5.0, "generation_mode": "question", "project_id": "p1", "quality_threshold": nil} {
				if got := f.settings[field]; got != want {
					t.Errorf("%s was sent as %v, want %v", field, got, want)
				}
			}
			w.accessible()
			w.picture(name + "-3-job")

			w.press("Look at the dataset")
			w.sees("Quality of 2 entries: average 0.77; 1 high, 1 medium, 0 low.")
			w.sees("In a tank of <i>steel</i>.") // as text
			w.sees("2 categories: Steel <x> 1, Water 1.")
			w.accessible()
			w.picture(name + "-4-dataset")
			w.enter("Quality at least", "0.8")
			w.press("Show")
			w.sees("1 entry found.")
			w.enter("Text", "?")
			w.press("Show")
			w.sees("is no word")
			w.enter("Text", "")
			w.press("Show")
			w.until("!document.body.innerText.includes('is no word')")

			w.press("Show it in water.txt")
			w.until("document.querySelector('dialog mark')?.textContent === %q", fakeQuote)
			w.accessible()
			w.picture(name + "-5-source")
			w.press("Close")
			w.until("!document.querySelector('dialog')")

			w.press("Edit entry_1")
			w.enter("Answer", "In steel.")
			w.accessible()
			w.press("Save")
			w.sees("entry_1 is saved.")
			w.until("document.querySelector('.answer')?.textContent === 'In steel.'")
			w.press("Edit entry_1")
			w.enter("Answer", "In much steel.")
			f.Lock()
			f.revision++
			f.answer = "By another."
			f.Unlock()
			w.press("Save")
			w.sees("Somebody changed this entry in the meantime.")
			w.press("Show how it is now")
			w.sees("By another.")
			w.press("Save")
			w.until("document.querySelector('.answer')?.textContent === 'In much steel.'")

			w.press("Download")
			w.saved("stations.jsonl")
		})
	}
}

// saved waits for a file that the browser was given.
func (w *window) saved(name string) []byte {
	w.Helper()
	for range 200 {
		if b, err := os.ReadFile(filepath.Join(w.downloads, name)); err == nil {
			return b
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.Fatalf("%s was not saved", name)
	return nil
}

// Without a mouse: the skip link, a project, the form, a quote opened and closed, with the focus where one expects it.
func TestKeys(t *testing.T) {
	w := newWindow(t, 1280)
	f := newFake(t)
	w.do(chromedp.Navigate(f.URL))
	w.sees("Give the first one a name")
	w.keys(kb.Tab)
	if got := w.focused(); got != "Skip to the content" {
		t.Errorf("the first stop is %q", got)
	}
	w.keys(kb.Enter, kb.Tab)
	if got := w.focused(); got != "Name" {
		t.Errorf("behind the skip link is %q, want the first control", got)
	}
	w.keys("Stations", kb.Enter)
	w.sees("There are no documents yet.")
	if got := w.focused(); got != "Stations" {
		t.Errorf("a new screen begins at %q, want its title", got)
	}
	f.Lock()
	f.files["water.txt"] = ""
	f.looks = 4
	f.Unlock()
	w.do(chromedp.Navigate(f.URL + "/#/datasets/s1"))
	w.sees("2 entries found.")
	eval[any](w, "document.querySelector('figcaption button').focus()")
	w.keys(kb.Enter)
	w.until("document.activeElement.tagName === 'MARK'")
	w.keys(kb.Escape)
	w.until("!document.querySelector('dialog')")
	if got := w.focused(); got != "Show it in water.txt" {
		t.Errorf("after closing, the focus is on %q", got)
	}
	w.keys(kb.Tab, kb.Enter)
	w.until("document.activeElement.name === 'question'")
	w.keys(kb.Escape)
	w.until("document.activeElement.getAttribute('aria-label') === 'Edit entry_1'")

	// Nothing keeps the focus: going on and on, one comes round.
	seen := map[string]int{}
	for range 60 {
		w.keys(kb.Tab)
		seen[w.focused()]++
	}
	if seen["Download"] == 0 || seen["Compileo"] == 0 {
		t.Errorf("the focus never came round: %v", seen)
	}
}

func TestKeyAndPolling(t *testing.T) {
	w := newWindow(t, 1280)
	f := newFake(t)
	f.key, f.noStream = "s3cret", true
	f.project = object{"id": "p1", "name": "Stations", "document_count": 1, "dataset_count": 0}
	w.do(chromedp.Navigate(f.URL))
	w.sees("This server wants a key")
	w.accessible()
	w.enter("API key", "wrong")
	w.press("Go on")
	w.sees("the key is not known")
	w.enter("API key", "s3cret")
	w.press("Go on")
	w.press("Stations")
	w.sees("There are no documents yet.")
	kept := eval[string](w, "JSON.stringify([sessionStorage.length, localStorage.length, document.cookie])")
	if kept != `[1,0,""]` {
		t.Errorf("the key is kept as %s, want in this tab only", kept)
	}
	w.do(chromedp.Navigate(f.URL + "/#/jobs/0123456789"))
	w.sees("The dataset is ready: 2 entries.")
	w.press("Forget the key")
	w.sees("This server wants a key")
}
