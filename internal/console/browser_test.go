package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// window is a tab of a headless browser, used as a person does: by names and labels, mouse and keys.
type window struct {
	*testing.T
	ctx       context.Context
	downloads string
}

// chromium finds a browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); name != "" && err == nil {
			return found
		}
	}
	if os.Getenv("COMPILEO_CI") != "" {
		t.Fatal("no Chromium is found")
	}
	t.Skip("NO CHROMIUM IS FOUND: the console is not tested. Install one (apt-get install chromium), or set CHROMIUM to its path.")
	return ""
}

// newWindow opens a window of that width. What the browser complains of fails the test.
func newWindow(t *testing.T, width int) *window {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.WindowSize(width, 900),
		chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()))
	ctx, end := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(end)
	ctx, end = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	w := &window{t, ctx, t.TempDir()}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
				t.Errorf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.do(chromedp.EmulateViewport(int64(width), 900), command(browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: w.downloads,
	}))
	return w
}

// step is something that the browser does.
type step = chromedp.Action[chromedp.Void]

func command[P, R any](c cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (w *window) do(steps ...step) {
	w.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.Fatal(err)
	}
}

// eval is the value of an expression in the page; %q of Go is a string of JavaScript.
func eval[T any](w *window, format string, args ...any) T {
	w.Helper()
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](fmt.Sprintf(format, args...), chromedp.EvalAwaitPromise))
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// until waits for an expression to be true.
func (w *window) until(format string, args ...any) {
	w.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if eval[bool](w, "Boolean(%s)", fmt.Sprintf(format, args...)) {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("never came: %s\nThe page says:\n%s", fmt.Sprintf(format, args...), eval[string](w, "location.href + '\\n' + document.body.innerText"))
		}
	}
}

// sees waits for a text in the page.
func (w *window) sees(text string) {
	w.Helper()
	w.until("document.body.innerText.includes(%q)", text)
}

// lib finds elements as people do: what can be pressed by its name, what can be filled in by its label.
const lib = `(() => {
  const root = document.querySelector("dialog[open]") ?? document;
  const shown = (e) => e.getClientRects().length > 0;
  const name = (e) => (e.getAttribute("aria-label") ?? e.textContent).trim();
  return {
    press: (n) => [...root.querySelectorAll("button, a, summary")].find((e) => shown(e) && !e.disabled && name(e) === n),
    control: (n) => [...root.querySelectorAll("label")].find((e) => shown(e) && e.textContent.trim() === n)?.control,
  };
})()`

// press clicks on a button or link in the middle.
func (w *window) press(name string) {
	w.Helper()
	w.until("%s.press(%q)", lib, name)
	at := eval[[2]float64](w, `(() => {
		const e = %s.press(%q);
		e.scrollIntoView({ block: "center" });
		const r = e.getClientRects()[0];
		return [r.x + r.width / 2, r.y + r.height / 2];
	})()`, lib, name)
	w.do(chromedp.MouseClickXY(at[0], at[1]))
}

// enter types into the control of that label in place of what it holds.
func (w *window) enter(label, text string) {
	w.Helper()
	w.until("%s.control(%q)", lib, label)
	eval[any](w, "(() => { const c = %s.control(%q); c.focus(); c.select(); })()", lib, label)
	w.do(command(input.InsertText, input.InsertTextParams{Text: text}))
}

// choose takes an option.
func (w *window) choose(label, option string) {
	w.Helper()
	w.until("%s.control(%q)", lib, label)
	eval[any](w, "(() => { const c = %s.control(%q); c.value = %q; c.dispatchEvent(new Event('change', { bubbles: true })); })()", lib, label, option)
}

// keys presses keys, one after the other.
func (w *window) keys(keys ...string) {
	w.Helper()
	for _, k := range keys {
		w.do(chromedp.KeyEvent(k))
	}
}

// focused is the name of what has the focus.
func (w *window) focused() string {
	w.Helper()
	return eval[string](w, `(() => { const e = document.activeElement; return e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent.trim(); })()`)
}

// accessible checks what assistive technology is told: every control has a name, the page is no wider than the window,
// and its headings leave out no level.
func (w *window) accessible() {
	w.Helper()
	tree, err := chromedp.Call(w.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		w.Fatal(err)
	}
	text := func(v *accessibility.Value) (s string) {
		if v != nil {
			_ = json.Unmarshal(v.Value, &s)
		}
		return s
	}
	controls := 0
	for _, n := range tree.Nodes {
		role := text(n.Role)
		if n.Ignored || !strings.Contains(" button link textbox searchbox combobox checkbox spinbutton progressbar img image region dialog navigation form search ", " "+role+" ") {
			continue
		}
		controls++
		if text(n.Name) == "" {
			w.Errorf("a %s has no name (%s)", role, w.place())
		}
	}
	if controls == 0 {
		w.Errorf("the page has no control (%s)", w.place())
	}
	for _, scheme := range []string{"light", "dark"} {
		w.axe(scheme)
	}
	if broad := eval[float64](w, "document.documentElement.scrollWidth - innerWidth"); broad > 0 {
		w.Errorf("the page is %v wider than the window (%s)", broad, w.place())
	}
	levels := eval[[]int](w, "[...document.querySelectorAll('h1, h2, h3, h4')].map((e) => Number(e.tagName[1]))")
	for i, level := range levels {
		if i == 0 && level != 1 || i > 0 && level > levels[i-1]+1 {
			w.Errorf("headings are of the levels %v (%s)", levels, w.place())
			break
		}
	}
}

// axe has axe-core look for what keeps people out, contrast of colours too, in light or dark; .ci/browser installs it.
func (w *window) axe(scheme string) {
	w.Helper()
	source, err := os.ReadFile(os.Getenv("COMPILEO_AXE"))
	if err != nil {
		if os.Getenv("COMPILEO_CI") != "" {
			w.Fatal(err)
		}
		return
	}
	w.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
	found := eval[[]string](w, `(async () => {
		%s;
		const { violations } = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
		return violations.map((v) => v.help + ": " + v.nodes.map((n) => n.html).join(" "));
	})()`, source)
	for _, text := range found {
		w.Errorf("%s (%s, %s)", text, w.place(), scheme)
	}
}

func (w *window) place() string { return eval[string](w, "location.hash") }

// picture keeps what the page looks like where COMPILEO_PICTURES says.
func (w *window) picture(name string) {
	w.Helper()
	dir := os.Getenv("COMPILEO_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name+".png", png, 0o644); err != nil {
		w.Fatal(err)
	}
}
