package embedded

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// crashDir is set in the process that TestKilledProgram starts and kills.
const crashDir = "EMBEDDED_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Println("failed", writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes from several goroutines and prints the number of each round that was answered.
func writeUntilKilled(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	failed := make(chan error)
	start := time.Now().UnixNano()
	for g := range int64(4) {
		go func() {
			for n := start + g; ; n += 4 {
				if err := writeRound(s, n); err != nil {
					failed <- err
				}
				fmt.Println("round", n)
			}
		}()
	}
	go func() {
		failed <- s.Consume(context.Background(), dataset.GenerateQueue, 2, func(_ context.Context, body []byte) error {
			fmt.Println("handling", string(body))
			return nil
		})
	}()
	return <-failed
}

func writeRound(s *Store, n int64) error {
	ctx := context.Background()
	var rows []dataset.Write
	for i := range 3 {
		rows = append(rows, row(fmt.Sprintf("%d#%d", n, i), fmt.Sprint(n)))
	}
	counter := row("counter", fmt.Sprint(n))
	return errors.Join(
		s.Table().Write(ctx, append(rows, counter)...),
		s.Blobs().Put(ctx, fmt.Sprintf("small/%d", n), crashData(n, 1000)),
		s.Blobs().Put(ctx, fmt.Sprintf("large/%d", n), crashData(n, 150_000)),
		s.Queue().Send(ctx, dataset.GenerateQueue, message(fmt.Sprint(n))),
		s.Queue().Send(ctx, dataset.ScoreQueue, message(fmt.Sprint(n))),
	)
}

func crashData(n int64, size int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%020d", n), size/20)
}

// A program is killed again and again while it writes. What it was told is done must be there, and nothing by half.
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done, handling := map[string]bool{}, map[string]bool{}
	for range 4 {
		runAndKill(t, dir, done, handling)
		checkAfterCrash(t, dir, done, handling)
	}
	if len(done) == 0 || len(handling) == 0 {
		t.Fatalf("%d rounds done, %d messages handled: nothing was tested", len(done), len(handling))
	}
	t.Logf("%d rounds", len(done))
}

// A program that is killed while it makes its directory leaves one that can be opened.
func TestKilledWhileOpening(t *testing.T) {
	dir := t.TempDir()
	for i := range 8 {
		data := fmt.Sprintf("%s/%d", dir, i)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+data)
		must(t, cmd.Start())
		// Sooner or later after the first trace of it.
		for _, err := os.Stat(data); err != nil; _, err = os.Stat(data) {
			runtime.Gosched()
		}
		end := time.Now().Add(time.Duration(rand.IntN(8000)) * time.Microsecond)
		for time.Now().Before(end) {
			runtime.Gosched()
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
		s, err := Open(data, Options{})
		must(t, err)
		mustWrite(t, s, row("a", `1`))
		must(t, s.Close())
	}
}

// runAndKill starts the program, kills it at some point of its work, and collects what it printed.
func runAndKill(t *testing.T, dir string, done, handling map[string]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	// It is killed after some lines and then a part of a round.
	lines := bufio.NewScanner(out)
	var kill sync.Once
	for n, after := 0, 1+rand.IntN(80); lines.Scan(); n++ {
		what, id, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "round":
			done[id] = true
		case "handling":
			handling[id] = true
		default:
			t.Fatalf("the program said %q", lines.Text())
		}
		if n == after {
			kill.Do(func() {
				time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			})
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the program ended with %v, want it killed", err)
	}
}

func checkAfterCrash(t *testing.T, dir string, done, handling map[string]bool) {
	t.Helper()
	s, err := Open(dir, Options{})
	must(t, err)
	rows := map[string]int{}
	for r, err := range dataset.Rows(t.Context(), s.Table(), dataset.Query{PK: "p", To: "counter"}) {
		must(t, err)
		rows[string(r.Data)]++
	}
	for n, count := range rows {
		if count != 3 {
			t.Errorf("round %s: %d rows of a transaction of 3", n, count)
		}
	}
	if r, err := s.Table().Get(t.Context(), "p", "counter"); err != nil || r.Version != int64(len(rows)) {
		t.Errorf("the counter is at version %d (%v), want %d", r.Version, err, len(rows))
	}
	small, large := checkBlobs(t, s, "small/", 1000), checkBlobs(t, s, "large/", 150_000)
	if n := files(t, s); n != len(large) {
		t.Errorf("%d files, want those of %d objects", n, len(large))
	}
	generate, score := bodies(t, s, dataset.GenerateQueue), bodies(t, s, dataset.ScoreQueue)
	for n := range done {
		if rows[n] == 0 || !small[n] || !large[n] || !score[n] || !generate[n] && !handling[n] {
			t.Errorf("round %s was answered: rows %d, small %t, large %t, message %t, handled or to be %t",
				n, rows[n], small[n], large[n], score[n], generate[n] || handling[n])
		}
	}
	must(t, s.Close())
}

// checkBlobs reads all objects below prefix and returns their numbers.
func checkBlobs(t *testing.T, s *Store, prefix string, size int) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for after := ""; ; {
		page, err := s.Blobs().List(t.Context(), prefix, after)
		must(t, err)
		if len(page) == 0 {
			return found
		}
		for _, info := range page {
			after = info.Key
			var n int64
			_, err := fmt.Sscanf(strings.TrimPrefix(info.Key, prefix), "%d", &n)
			must(t, err)
			if got, err := s.Blobs().Get(t.Context(), info.Key); err != nil || !bytes.Equal(got, crashData(n, size)) {
				t.Errorf("%s = %d bytes, %v, want the %d written", info.Key, len(got), err, size)
			}
			found[fmt.Sprint(n)] = true
		}
	}
}

// bodies are those of all messages of a queue that are visible.
func bodies(t *testing.T, s *Store, queue string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	rows, err := s.reader.query(t.Context(), "SELECT body FROM messages WHERE queue = ? AND visible <= ? AND held = 0", queue, micros(time.Now()))
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var body string
		must(t, rows.Scan(&body))
		all[body] = true
	}
	must(t, rows.Err())
	return all
}
