package lambdahost

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// The test binary is also the function under test: started with this variable it speaks the Runtime API and does what
// each event says.
const actsAs = "LAMBDAHOST_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if how := os.Getenv(actsAs); how != "" {
		os.Exit(function(how))
	}
	os.Exit(m.Run())
}

// function is the process: how is what it does at its start, "serve", "refuse", "die" or "sleep".
func function(how string) int {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	post := func(path, body string) int {
		r, err := http.Post(api+path, "application/json", strings.NewReader(body))
		if err != nil {
			return 0
		}
		_ = r.Body.Close()
		return r.StatusCode
	}
	switch how {
	case "refuse":
		post("init/error", `{"errorType": "Configuration", "errorMessage": "TABLE is missing"}`)
		return 1
	case "die":
		return 7
	case "sleep":
		select {}
	}
	for {
		r, err := http.Get(api + "invocation/next")
		if err != nil {
			return 2
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return 2
		}
		id := r.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch word := string(body); word {
		case "fail":
			post("invocation/"+id+"/error", `{"errorType": "Permanent", "errorMessage": "no such job", "stackTrace": []}`)
		case "fail badly":
			post("invocation/"+id+"/error", `no JSON`)
		case "fail and die":
			post("invocation/"+id+"/error", `{"errorType": "Internal", "errorMessage": "panic"}`)
			return 1
		case "die":
			return 3
		case "hang":
			select {}
		case "answer twice":
			first := post("invocation/"+id+"/response", `"first"`)
			fmt.Println("answered", first, post("invocation/"+id+"/response", `"second"`))
		case "answer another":
			fmt.Println("another", post("invocation/"+dataset.NewID()+"/response", `"wrong"`))
			post("invocation/"+id+"/response", `"right"`)
		case "much":
			post("invocation/"+id+"/response", strings.Repeat("x", MaxPayload+1))
		case "who":
			post("invocation/"+id+"/response", fmt.Sprintf("%s %d %s", os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), os.Getpid(), os.Getenv("COLOUR")))
		case "deadline":
			post("invocation/"+id+"/response", r.Header.Get("Lambda-Runtime-Deadline-Ms"))
		default:
			post("invocation/"+id+"/response", word)
		}
	}
}

// newHost runs this binary as a function that begins as how says.
func newHost(t testing.TB, how string, f Function) *Host {
	t.Helper()
	var err error
	if f.Path, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	f.Name = "echo"
	f.Env = append(f.Env, actsAs+"="+how, "COLOUR=blue")
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second // of a busy machine
	}
	h, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func invoke(t testing.TB, h *Host, event string) Result {
	t.Helper()
	r, err := h.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("Invoke(%q) = %v", event, err)
	}
	return r
}

func TestAnswers(t *testing.T) {
	var output bytes.Buffer
	h := newHost(t, "serve", Function{Output: &output})
	for _, c := range []struct{ event, want, errorType string }{
		{"hello", "hello", ""},
		{"", "", ""},
		{"fail", "", "Permanent"},
		{"answer twice", `"first"`, ""},
		{"answer another", `"right"`, ""},
		{"much", "", TooLarge},
		{"hello again", "hello again", ""},
	} {
		r := invoke(t, h, c.event)
		if c.errorType == "" && r.Error != nil || c.errorType != "" && (r.Error == nil || r.Error.Type != c.errorType) {
			t.Errorf("Invoke(%q) failed with %v, want %q", c.event, r.Error, c.errorType)
		}
		if string(r.Payload) != c.want {
			t.Errorf("Invoke(%q) = %q, want %q", c.event, r.Payload, c.want)
		}
		if first := c.event == "hello"; r.Cold != first || (r.Init > 0) != first {
			t.Errorf("Invoke(%q): cold %v, init %v, want a start only for the first event", c.event, r.Cold, r.Init)
		}
	}
	h.Close() // all is printed now
	for _, want := range []string{"answered 202 403", "another 400"} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("the function printed %q, want %q in it", output.String(), want)
		}
	}
}

func TestErrorIsTyped(t *testing.T) {
	r := invoke(t, newHost(t, "serve", Function{}), "fail")
	if r.Error == nil || r.Error.Error() != "Permanent: no such job" || string(r.Error.Stack) != "[]" {
		t.Errorf("error is %+v", r.Error)
	}
}

func TestEnvironment(t *testing.T) {
	r := invoke(t, newHost(t, "serve", Function{Env: []string{"UNUSED=1"}}), "who")
	if s := string(r.Payload); !strings.HasPrefix(s, "echo ") || !strings.HasSuffix(s, " blue") {
		t.Errorf("the function sees %q", s)
	}
	r = invoke(t, newHost(t, "serve", Function{Timeout: time.Hour}), "deadline")
	want := time.Now().Add(time.Hour)
	if got := string(r.Payload); got > fmt.Sprint(want.UnixMilli()) || got < fmt.Sprint(want.Add(-time.Minute).UnixMilli()) {
		t.Errorf("deadline %s, want about %d", got, want.UnixMilli())
	}
}

// A process that ends, in whatever way, is replaced for the next event.
func TestReplaced(t *testing.T) {
	for _, c := range []struct{ event, errorType, message string }{
		{"die", Exited, "exit status 3"},
		{"fail and die", "Internal", "panic"},
		{"fail badly", TimedOut, "timed out after 1.50 seconds"},
		{"hang", TimedOut, "timed out after 1.50 seconds"},
	} {
		t.Run(c.event, func(t *testing.T) {
			t.Parallel()
			timeout := 20 * time.Second
			if c.errorType == TimedOut {
				timeout = 1500 * time.Millisecond
			}
			h := newHost(t, "serve", Function{Timeout: timeout})
			before := string(invoke(t, h, "who").Payload)
			r := invoke(t, h, c.event)
			if r.Error == nil || r.Error.Type != c.errorType || !strings.Contains(r.Error.Message, c.message) {
				t.Errorf("Invoke(%q) failed with %v, want %s: %s", c.event, r.Error, c.errorType, c.message)
			}
			if after := string(invoke(t, h, "who").Payload); c.event != "fail badly" && after == before {
				t.Errorf("the process that ended still answers: %s", after)
			}
			if n := h.Processes(); n != 1 {
				t.Errorf("%d processes live, want 1", n)
			}
		})
	}
}

func TestCannotStart(t *testing.T) {
	for _, c := range []struct{ how, errorType, message string }{
		{"refuse", "Configuration", "TABLE is missing"},
		{"die", Exited, "exit status 7"},
		{"sleep", InitTimeout, "asked for no event within 500ms"},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			f := Function{}
			if c.how == "sleep" {
				f.Init = 500 * time.Millisecond
			}
			h := newHost(t, c.how, f)
			for range 2 {
				r := invoke(t, h, "hello")
				if r.Error == nil || r.Error.Type != c.errorType || r.Error.Message != c.message && !strings.Contains(r.Error.Message, c.message) {
					t.Errorf("failed with %v, want %s: %s", r.Error, c.errorType, c.message)
				}
				if !r.Cold || r.Init != 0 {
					t.Errorf("cold %v, init %v; want a start that was never done", r.Cold, r.Init)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	h := newHost(t, "serve", Function{})
	if _, err := h.Invoke(t.Context(), make([]byte, MaxPayload+1)); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("an event too large is %v, want Invalid", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, []byte("hang")); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("a call that is ended is %v, want Unavailable", err)
	}
	h.Close()
	if _, err := h.Invoke(t.Context(), []byte("hello")); !dataset.Is(err, dataset.Conflict) {
		t.Errorf("a closed host says %v, want Conflict", err)
	}
	missing, err := New(Function{Name: "missing", Path: t.TempDir() + "/bootstrap"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := missing.Invoke(t.Context(), []byte("hello")); !dataset.Is(err, dataset.Internal) {
		t.Errorf("a binary that is not there is %v, want Internal", err)
	}
}

// One process works on one event: so many in flight, so many processes, and never more than allowed.
func TestAtOnce(t *testing.T) {
	h := newHost(t, "serve", Function{AtOnce: 3})
	var mu sync.Mutex
	answers := map[string]int{}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			event := fmt.Sprintf("event %d", i)
			r, err := h.Invoke(t.Context(), []byte(event))
			mu.Lock()
			defer mu.Unlock()
			if answers[string(r.Payload)]++; err != nil || string(r.Payload) != event {
				t.Errorf("Invoke(%q) = %q, %v", event, r.Payload, err)
			}
		})
	}
	wg.Wait()
	if n := h.Processes(); len(answers) != 30 || n < 1 || n > 3 {
		t.Errorf("%d answers by %d processes, want 30 by at most 3", len(answers), n)
	}
	full := newHost(t, "serve", Function{})
	ctx, cancel := context.WithCancel(t.Context())
	hanging := make(chan struct{})
	go func() {
		defer close(hanging)
		_, _ = full.Invoke(t.Context(), []byte("hang"))
	}()
	for full.Processes() == 0 {
		runtime.Gosched()
	}
	cancel()
	if _, err := full.Invoke(ctx, []byte("hello")); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("waiting for a process is %v, want Unavailable", err)
	}
	full.Close()
	<-hanging
}

// Close leaves no process behind, not even one that works.
func TestClose(t *testing.T) {
	h := newHost(t, "serve", Function{AtOnce: 2})
	pid := strings.Fields(string(invoke(t, h, "who").Payload))[1]
	ended := make(chan Result)
	go func() {
		r, _ := h.Invoke(context.WithoutCancel(t.Context()), []byte("hang"))
		ended <- r
	}()
	for len(h.slots) == 0 {
		runtime.Gosched()
	}
	h.Close()
	if r := <-ended; r.Error != nil && r.Error.Type != Exited {
		t.Errorf("the event under way ended with %v, want %s or a refusal", r.Error, Exited)
	}
	if err := exec.CommandContext(t.Context(), "kill", "-0", pid).Run(); err == nil {
		t.Errorf("process %s still lives", pid)
	}
	if n := h.Processes(); n != 0 {
		t.Errorf("%d processes live after Close", n)
	}
}

func BenchmarkInvoke(b *testing.B) {
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d in flight", n), func(b *testing.B) {
			h := newHost(b, "serve", Function{AtOnce: n})
			events := make(chan struct{}, n)
			var wg sync.WaitGroup
			for range n {
				invoke(b, h, "warm")
			}
			b.ResetTimer()
			for range n {
				wg.Go(func() {
					for range events {
						invoke(b, h, "hello")
					}
				})
			}
			for range b.N {
				events <- struct{}{}
			}
			close(events)
			wg.Wait()
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		h := newHost(b, "serve", Function{})
		invoke(b, h, "hello")
		h.Close()
	}
}
