package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServe: it says where it is, answers, refuses what it must, and ends in order on an interrupt.
func TestServe(t *testing.T) {
	p := newPlace(t)
	r := p.start("serve", "--addr", "127.0.0.1:0", "--data", "data")
	url := ""
	for begun := time.Now(); url == "" && time.Since(begun) < time.Minute; time.Sleep(10 * time.Millisecond) {
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(r.stdout.String())
	}
	for path, want := range map[string]int{"/health": 200, "/docs": 200, "/openapi.json": 200, "/api/v1/nothing": 404, "/files/documents/x": 403} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("GET %s = %d, want %d", path, answer.StatusCode, want)
		}
	}
	r.signal(syscall.SIGINT)
	if end := r.wait(); end.code != exitOK {
		t.Errorf("after an interrupt: exit %d, %s", end.code, end.stderr)
	}
}

func TestServeMistakes(t *testing.T) {
	p := newPlace(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"serve", "--addr", "0.0.0.0:0"}, exitUsage, "set COMPILEO_API_KEY"},
		{[]string{"serve", "--addr", "nowhere"}, exitBusy, "cannot listen on nowhere"},
		{[]string{"serve", "x"}, exitUsage, "takes no argument"},
		{[]string{"serve", "--port", "1"}, exitUsage, "there is no flag --port"},
	} {
		if r := p.run(c.args...); r.code != c.code || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q = exit %d, %q, want %d and %q", c.args, r.code, r.stderr, c.code, c.says)
		}
	}
}
