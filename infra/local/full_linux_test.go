package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"compileo/internal/model/modeltest"
)

// disk mounts a small file system at the folder of that name, which takes a privileged user. resize changes its size.
func (p *place) disk(t *testing.T, name string, kilobytes int) (resize func(kilobytes int)) {
	t.Helper()
	dir := p.path(name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	size := func(kb int) string { return fmt.Sprintf("size=%dk", kb) }
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, size(kilobytes)); err != nil {
		t.Skipf("NOT TESTED: a full disk, as this user may not mount a small one (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return func(kilobytes int) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, size(kilobytes)); err != nil {
			t.Fatal(err)
		}
	}
}

// The disk of the data directory is full, sooner or later in the job. The program says so and ends; with space the
// same command completes, without paying for what was kept.
func TestFullData(t *testing.T) {
	t.Parallel()
	const chunks, concurrency = 300, 8
	said := regexp.MustCompile(`^compileo: .*the disk with .*/small/data is full.*; nothing is lost: the same command goes on from here$`)
	for _, kilobytes := range []int{40, 200, 500, 1_200} {
		t.Run(fmt.Sprint(kilobytes), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			resize := p.disk(t, "small", kilobytes)
			server := p.model(modeltest.New(0))
			sentences := p.stations(chunks, 3)
			args := []string{
				"generate", "docs", "-o", "out.jsonl", "--data", "small/data", "--model", "openai/mock", "--concurrency", fmt.Sprint(concurrency),
				"--chunk-strategy", "delimiter", "--delimiter", separator, "--quality=false", "--json",
			}
			const tries = 3
			for range tries {
				if r := p.run(args...); r.code != exitUnavailable || !said.MatchString(lastLine(r.stderr)) || r.stdout != "" {
					t.Errorf("full disk = exit %d, %q, want %d and the disk", r.code, r.stderr, exitUnavailable)
				}
			}
			resize(100_000)
			p.succeed(args...)
			p.wantEntries(p.path("out.jsonl"), sentences)
			c := server.Counts()
			t.Logf("%d of %d calls paid twice", c.Calls-c.Distinct, c.Calls)
			if c.Distinct != chunks || c.Calls > chunks+tries*concurrency {
				t.Errorf("calls = %+v, want %d prompts and at most %d paid twice", c, chunks, tries*concurrency)
			}
		})
	}
}

// The disk of the output is full: the dataset is kept, what was at its place before stays, and the same command
// writes it when there is room.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	resize := p.disk(t, "small", 100)
	server := p.model(modeltest.New(0))
	sentences := p.stations(300, 1)
	before := p.file("small/out.jsonl", "what was there\n")
	args := []string{
		"generate", "docs", "-o", "small/out.jsonl", "--model", "openai/mock", "--chunk-strategy", "delimiter", "--delimiter", separator, "--quality=false",
	}
	said := regexp.MustCompile(`^compileo: the disk with small/out\.jsonl is full; the dataset is kept in .*; nothing is lost: the same command goes on from here$`)
	for range 2 {
		if r := p.run(args...); r.code != exitUnavailable || !said.MatchString(lastLine(r.stderr)) {
			t.Errorf("full disk = exit %d, %q, want %d and the file", r.code, r.stderr, exitUnavailable)
		}
		if b, err := os.ReadFile(before); err != nil || string(b) != "what was there\n" {
			t.Errorf("what was there is now %q, %v", b, err)
		}
		if list, err := os.ReadDir(filepath.Dir(before)); err != nil || len(list) != 1 {
			t.Errorf("left on the disk: %v, %v", list, err)
		}
	}
	calls := server.Counts().Calls
	resize(100_000)
	p.succeed(args...)
	p.wantEntries(before, sentences)
	if n := server.Counts().Calls; n != calls {
		t.Errorf("%d calls for a dataset that was kept", n-calls)
	}
}
