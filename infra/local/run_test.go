package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"compileo/internal/model/modeltest"
)

const page = `# Harbour pumps

The harbour of Varel has four pumps that were built in the year 1931 by a company from Bremen. Each pump moves 400 litres
of water per second. The pumps start when the water in the basin stands higher than 3.2 metres.

## Maintenance

The bearings of the pumps are greased every 500 hours with a grease that does not dissolve in salt water.
`

// What a stranger does wrong on the first day: each ends with its exit code and one line that says what is wrong, and
// leaves no dataset behind.
func TestMistakes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("docs/page.md", page)
	p.file("mixed/page.rtf", "{\\rtf1}")
	p.file("binary/looks.md", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\xff\xfe\x00")
	p.file("blank/page.md", " \n\n\t\n")
	p.file("theirs/notes.txt", "not a data directory")
	if err := os.Mkdir(p.path("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.file("large/large.txt", "a"), 50<<20+300<<10); err != nil {
		t.Fatal(err)
	}
	generate := func(args ...string) []string { return append([]string{"generate", "-o", "out.jsonl"}, args...) }
	for _, c := range []struct {
		name string
		args []string
		code int
		want string // the last line on standard error, a regular expression
	}{
		{"no such command", []string{"genrate", "docs"}, 2, `^compileo: unknown command "genrate"; commands: generate, serve, version, help$`},
		{"no path", generate(), 2, `^compileo: no PATH given`},
		{"no output", []string{"generate", "docs"}, 2, `^compileo: -o FILE is missing`},
		{"no such path", generate("nowhere"), 2, `^compileo: cannot read nowhere: no such file or directory$`},
		{"one path of two", generate("docs", "nowhere"), 2, `^compileo: cannot read nowhere: no such file or directory$`},
		{"empty folder", generate("empty"), 2, `^compileo: no file to read in empty: want \.pdf, \.docx, \.epub, \.html, \.md or \.txt$`},
		{"folder of other files", generate("mixed"), 2, `^compileo: no file to read in mixed`},
		{"unknown type", generate("mixed/page.rtf"), 2, `^compileo: mixed/page\.rtf: files of type "\.rtf" cannot be read, want \.pdf, \.docx`},
		{"device", generate("/dev/null"), 2, `^compileo: /dev/null is neither a file nor a folder$`},
		{"too large", generate("large/large.txt"), 2, `^compileo: large/large\.txt has 50\.3 MB, want at most 50$`},
		{"only too large", generate("large"), 2, `^compileo: no file to read in large`},
		{"binary", generate("binary/looks.md"), 1, `^compileo: the job failed: no chunk to work on: none of the documents has readable text$`},
		{"blank", generate("blank"), 1, `^compileo: the job failed: no chunk to work on`},
		{"no such flag", generate("docs", "--per-chnk", "3"), 2, `^compileo: there is no flag --per-chnk `},
		{"no value", generate("docs", "--seed"), 2, `^compileo: a value is missing after --seed `},
		{"not a number", generate("docs", "--per-chunk", "many"), 2, `^compileo: invalid value "many" for --per-chunk`},
		{"per chunk", generate("docs", "--per-chunk", "51"), 2, `^compileo: --per-chunk: is 51, want 1 to 50$`},
		{"concurrency", generate("docs", "--concurrency", "0"), 2, `^compileo: --concurrency: is 0, want 1 to 1000$`},
		{"threshold", generate("docs", "--threshold", "NaN"), 2, `^compileo: --threshold: is NaN, want 0 to 1$`},
		{"temperature", generate("docs", "--temperature", "2.5"), 2, `^compileo: --temperature: is 2\.5, want 0 to 2$`},
		{"mode", generate("docs", "--mode", "poem"), 2, `^compileo: --mode: is "poem", want default, question`},
		{"format", generate("docs", "--format", "xml"), 2, `^compileo: --format: is "xml", want jsonl$`},
		{"strategy", generate("docs", "--chunk-strategy", "page"), 2, `^compileo: --chunk-strategy: is "page", want structure, sentence`},
		{"chunk size", generate("docs", "--chunk-size", "9000"), 2, `^compileo: --chunk-size: is 9000, want 1 to 8000 for strategy structure$`},
		{"overlap", generate("docs", "--chunk-size", "100", "--overlap", "51"), 2, `^compileo: --overlap: is 51, want 0 to 50 `},
		{"delimiter missing", generate("docs", "--chunk-strategy", "delimiter"), 2, `^compileo: --delimiter: is empty`},
		{"delimiter unused", generate("docs", "--delimiter", "x"), 2, `^compileo: --delimiter: is only for strategy delimiter`},
		{"model", generate("docs", "--model", "nobody/x"), 2, `^compileo: --model: "nobody/x" is not configured here; configured: .*extractive`},
		{"prompt file", generate("docs", "--prompt", "nowhere"), 2, `^compileo: --prompt: open nowhere: no such file or directory$`},
		{"prompt", generate("docs", "--prompt", "docs/page.md", "--model", ""), 2, `^compileo: --model: is empty`},
		{"placeholder", generate("docs", "--prompt", p.file("prompt", "Ask about {chnk}.")), 2, `^compileo: --prompt: has the unknown placeholder \{chnk\}`},
		{"exclude", generate("docs", "--exclude", "["), 2, `^compileo: invalid value "\[" for --exclude: syntax error in pattern`},
		{"all excluded", generate("docs", "--exclude", "*.md"), 2, `^compileo: no file to read in docs`},
		{"output folder missing", []string{"generate", "docs", "-o", "nowhere/out.jsonl"}, 2, `^compileo: -o: there is no folder nowhere$`},
		{"output is a folder", []string{"generate", "docs", "-o", "empty"}, 2, `^compileo: -o: empty is a folder, want a file$`},
		{"data is a file", generate("docs", "--data", "docs/page.md"), 2, `^compileo: cannot make the data directory docs/page\.md: not a directory$`},
		{"data is another's", generate("docs", "--data", "theirs"), 2, `^compileo: .*/theirs holds files that are not of this program: choose an empty or a new directory$`},
		{"nothing good enough", generate("docs", "--threshold", "1"), 1, `^compileo: the job failed: no entry resulted`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := p.run(c.args...)
			if last := lastLine(r.stderr); r.code != c.code || !regexp.MustCompile(c.want).MatchString(last) {
				t.Errorf("compileo %s = exit %d, %q, want exit %d and %s", strings.Join(c.args, " "), r.code, r.stderr, c.code, c.want)
			}
			if r.stdout != "" {
				t.Errorf("standard output = %q, want none", r.stdout)
			}
			if _, err := os.Stat(p.path("out.jsonl")); !os.IsNotExist(err) {
				t.Errorf("there is a dataset: %v", err)
			}
		})
	}
	for _, name := range []string{"theirs/notes.txt", "docs/page.md"} {
		if list, err := os.ReadDir(filepath.Dir(p.path(name))); err != nil || len(list) != 1 {
			t.Errorf("%s has company: %v, %v", name, list, err)
		}
	}
	// After all of that, what is right works.
	p.succeed(generate("docs", "large")...)
	if len(p.entries(p.path("out.jsonl"))) == 0 {
		t.Error("no entries")
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"usage:", "compileo generate PATH", "exit codes:"}},
		{[]string{"help"}, []string{"usage:", "compileo generate PATH", "exit codes:"}},
		{[]string{"--help"}, []string{"usage:"}},
		{[]string{"version"}, []string{"compileo test\n"}},
		{[]string{"generate", "--help"}, []string{
			"examples:", "models:", "-o FILE", "-per-chunk", "-concurrency", "-threshold", "-chunk-strategy", "-chunk-size", "-overlap", "-seed", "-data DIR", "-json",
			"OPENAI_API_KEY",
		}},
		{[]string{"generate", "docs", "-o", "x", "-h"}, []string{"examples:"}},
	} {
		r := p.succeed(c.args...)
		for _, want := range c.want {
			if !strings.Contains(r.stdout, want) || r.stderr != "" {
				t.Errorf("compileo %s = %q, %q, want %q", strings.Join(c.args, " "), r.stdout, r.stderr, want)
			}
		}
	}
	if list, err := os.ReadDir(p.dir); err != nil || len(list) > 0 {
		t.Errorf("help left %v, %v", list, err)
	}
}

// The report adds up, and agrees with the file.
func TestReport(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("docs/page.md", page)
	p.file("docs/again.md", page+"\nThe pumps are painted grey, and the doors of the pump house are painted green.\n")
	p.file("docs/binary.txt", "\x00\x01\x02")
	server := p.model(modeltest.New(0))
	server.Script = func(c modeltest.Call) modeltest.Trouble {
		if strings.Contains(c.Prompt, "station 3 ") {
			return modeltest.TooLong
		}
		return modeltest.None
	}
	p.stations(12, 1)
	for _, args := range [][]string{
		{"--model", "openai/mock", "--chunk-strategy", "delimiter", "--delimiter", separator, "--threshold", "0.5"},
		{"--per-chunk", "5", "--threshold", "0.6"},
	} {
		r := p.decode(p.succeed(append([]string{"generate", "docs", "-o", "out.jsonl", "--json"}, args...)...))
		entries, n := p.entries(p.path("out.jsonl")), r.Result
		if r.Status != "completed" || r.File != "out.jsonl" || r.Reused || n.Entries != len(entries) || n.Entries == 0 {
			t.Errorf("report = %+v, want a completed job with the %d entries of the file", r, len(entries))
		}
		if c := n.Chunks; c.Total != c.WithEntries+c.Empty+c.Failed || c.Total == 0 {
			t.Errorf("chunks = %+v, want them to add up", c)
		}
		reasons := 0
		for _, count := range n.Chunks.Reasons {
			reasons += count
		}
		if reasons != n.Chunks.Empty+n.Chunks.Failed {
			t.Errorf("chunks = %+v, want a reason for each without entries", n.Chunks)
		}
		if d := n.Documents; d.Total != 4 || d.Unreadable != 1 || d.Reasons["docs/binary.txt"] == "" {
			t.Errorf("documents = %+v, want 4, of which docs/binary.txt cannot be read", d)
		}
		files, levels, steps := 0, 0, 0
		for _, f := range n.Files {
			files += f.Entries
		}
		for _, count := range n.QualitySummary.Distribution {
			levels += count
		}
		for _, count := range n.QualitySummary.Histogram {
			steps += count
		}
		if files != n.Entries || levels != n.Entries || steps != n.Entries {
			t.Errorf("files have %d entries, the distribution %d, the histogram %d, want %d each", files, levels, steps, n.Entries)
		}
		if args[0] != "--model" {
			continue
		}
		rejected := 0
		for _, count := range n.Rejected {
			rejected += count
		}
		if all := 3*11 + 3 + 3; n.Chunks.Failed != 1 || n.Entries+rejected != all || n.Usage.Calls != n.Chunks.Total-1 {
			t.Errorf("%d entries and %d rejected after %d calls, want %d together; 1 of %d chunks failed", n.Entries, rejected, n.Usage.Calls, all, n.Chunks.Total)
		}
	}
}

// The screen of a person: a table, a plot, entries with their quotes, and where the dataset is.
func TestScreen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("docs/page.md", page)
	r := p.succeed("generate", "docs", "-o", "out.jsonl")
	for _, want := range []string{"with entries", "quality\n", "entry_", "  Q  ", "  A  ", "  «", "docs/page.md, characters ", " by extractive\nout.jsonl\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("standard output has no %q:\n%s", want, r.stdout)
		}
	}
	again := p.succeed("generate", "docs", "-o", "out.jsonl")
	if !strings.Contains(again.stderr, "documents: 1, known from before: 1\nthis dataset was made before: nothing is generated again\n") {
		t.Errorf("second run = %q", again.stderr)
	}
}

func TestTwoProgramsOnOneDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	server := p.model(modeltest.New(time.Hour))
	p.stations(4, 1)
	args := []string{"generate", "docs", "-o", "out.jsonl", "--data", "data", "--model", "openai/mock"}
	first := p.start(args...)
	if err := first.during(func(ctx context.Context) error {
		return server.Wait(ctx, func(c modeltest.Counts) bool { return c.InFlight > 0 })
	}); err != nil {
		t.Fatal(err)
	}
	second := p.run(args...)
	if want := regexp.MustCompile(`^compileo: the data directory .*/data is in use by process \d+: end that program or choose another directory$`); second.code != exitBusy || !want.MatchString(lastLine(second.stderr)) {
		t.Errorf("second program = exit %d, %q, want %d and the directory", second.code, second.stderr, exitBusy)
	}
	p.file("docs/other.md", page)
	p.succeed("generate", "docs/other.md", "-o", "other.jsonl", "--data", "elsewhere")
	if !first.signal(os.Interrupt) {
		t.Fatal("the first program ended")
	}
	if r := first.wait(); r.code != exitInterrupted {
		t.Errorf("first program = exit %d, %q", r.code, r.stderr)
	}
}

func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(p *place) error
		want   string
	}{
		{"overwritten", func(p *place) error {
			f, err := os.OpenFile(p.path("data/compileo.db"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := f.WriteAt([]byte(strings.Repeat("damage ", 3_000)), 0); err != nil {
				return err
			}
			return f.Close()
		}, `^compileo: the database .*/data/compileo\.db is damaged; nothing was changed: put back a copy`},
		{"overwritten inside", func(p *place) error {
			f, err := os.OpenFile(p.path("data/compileo.db"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := f.WriteAt([]byte(strings.Repeat("damage ", 3_000)), 3*4096); err != nil {
				return err
			}
			return f.Close()
		}, `^compileo: the database .*/data/compileo\.db is damaged; nothing was changed: put back a copy`},
		{"database missing", func(p *place) error { return os.Remove(p.path("data/compileo.db")) }, `^compileo: the database .*/data/compileo\.db is damaged; nothing was changed`},
		{"objects missing", func(p *place) error { return os.RemoveAll(p.path("data/blobs")) }, `^compileo: .*its file .* is missing or damaged: put back a copy`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.file("docs/page.md", page)
			// Large enough that the text, the chunks and the dataset are files of their own.
			p.stations(500, 1)
			args := []string{"generate", "docs", "-o", "out.jsonl", "--data", "data"}
			p.succeed(args...)
			if err := os.Remove(p.path("out.jsonl")); err != nil {
				t.Fatal(err)
			}
			if err := c.damage(p); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first run must not have "repaired" anything
				r := p.run(args...)
				if last := lastLine(r.stderr); r.code != exitFailed || !regexp.MustCompile(c.want).MatchString(last) {
					t.Errorf("= exit %d, %q, want 1 and %s", r.code, r.stderr, c.want)
				}
				if _, err := os.Stat(p.path("out.jsonl")); !os.IsNotExist(err) {
					t.Errorf("there is a dataset: %v", err)
				}
			}
		})
	}
}
