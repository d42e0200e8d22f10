package aws

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/lambdahost"
)

// functionNames lists the folders below functions/.
func functionNames(t testing.TB) []string {
	t.Helper()
	folders, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folders {
		names = append(names, f.Name())
	}
	return names
}

// binaries holds the compiled functions, made once for all tests.
var binaries = struct {
	sync.Once
	dir string
	err error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if binaries.dir != "" {
		if err := os.RemoveAll(binaries.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// binary returns where the compiled function is.
func binary(t testing.TB, function string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiling the functions is left out in short runs")
	}
	binaries.Do(func() {
		if binaries.dir, binaries.err = os.MkdirTemp("", "functions-"); binaries.err != nil {
			return
		}
		build := exec.Command("go", "build", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", binaries.dir+"/", "./functions/...")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			binaries.err = fmt.Errorf("build the functions: %w\n%s", err, out)
		}
	})
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return filepath.Join(binaries.dir, function)
}

// noServer is an address on which nobody answers.
const noServer = "http://127.0.0.1:1"

// offline is an environment that is right and leads nowhere.
func offline() []string {
	env := []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_ENDPOINT_URL=" + noServer, "AWS_MAX_ATTEMPTS=1",
	}
	for name, value := range environment() {
		env = append(env, name+"="+value)
	}
	return env
}

// host runs a compiled function. What it prints is shown when the test fails.
func host(t testing.TB, function string, env []string) (*lambdahost.Host, *bytes.Buffer) {
	t.Helper()
	var output bytes.Buffer
	h, err := lambdahost.New(lambdahost.Function{
		Name: function, Path: binary(t, function), Env: env, Timeout: time.Minute, Init: time.Minute, Output: &output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		if t.Failed() {
			t.Logf("%s printed:\n%s", function, &output)
		}
	})
	return h, &output
}

// invoke runs one event through a host.
func invoke(t testing.TB, h *lambdahost.Host, event []byte) lambdahost.Result {
	t.Helper()
	r, err := h.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every binary starts, names what is wrong with an event, and works on.
func TestBinaries(t *testing.T) {
	const unread, unreachable = "the event cannot be read", "Unavailable"
	for _, function := range functionNames(t) {
		t.Run(function, func(t *testing.T) {
			binary(t, function)
			t.Parallel()
			h, output := host(t, function, offline())
			for i, malformed := range []string{`{"job": `, `"text"`, `[{}]`} {
				r := invoke(t, h, []byte(malformed))
				if r.Error == nil || r.Error.Type != "Permanent" || r.Error.Message != unread {
					t.Errorf("%s is %q, %v; want Permanent: %s", malformed, r.Payload, r.Error, unread)
				}
				if i == 0 {
					t.Logf("ready %v after its start, first answer %v later", r.Init, r.Took)
				}
				if r.Cold != (i == 0) {
					t.Errorf("event %d: cold %v; the process must go on after a failure", i, r.Cold)
				}
			}
			r := invoke(t, h, event(t, function))
			switch function {
			case "generator", "scorer":
				want := `{"batchItemFailures":[{"itemIdentifier":"`
				if r.Error != nil || !strings.HasPrefix(string(r.Payload), want) {
					t.Errorf("without a table it answers %q, %v; want %s…", r.Payload, r.Error, want)
				}
			case "jobs", "datasets", "library":
				a := readAnswer(t, r.Payload)
				if r.Error != nil || a.StatusCode != 503 || strings.Contains(a.Body, "127.0.0.1") || !strings.Contains(a.Body, `"detail"`) {
					t.Errorf("without a table it answers %q, %v; want a problem without an address", r.Payload, r.Error)
				}
			default:
				if r.Error == nil || r.Error.Type != unreachable || strings.Contains(r.Error.Message, "127.0.0.1") {
					t.Errorf("without a table it answers %q, %v; want %s without an address", r.Payload, r.Error, unreachable)
				}
			}
			h.Close() // all is printed now
			if !strings.Contains(output.String(), `"requestId"`) {
				t.Errorf("the log has no line with a request's id: %s", output)
			}
		})
	}
}

// A function whose environment is wrong says so, all of it, instead of failing each event in a way of its own.
func TestMissingConfiguration(t *testing.T) {
	for _, function := range functionNames(t) {
		t.Run(function, func(t *testing.T) {
			binary(t, function)
			t.Parallel()
			env := slices.DeleteFunc(offline(), func(v string) bool {
				return strings.HasPrefix(v, "TABLE=") || strings.HasPrefix(v, "BUCKET=")
			})
			h, output := host(t, function, append(env, "OPENAI_BASE_URL=localhost"))
			r := invoke(t, h, event(t, function))
			if r.Error == nil || r.Error.Type != ConfigurationError {
				t.Fatalf("answered %q, %v; want %s", r.Payload, r.Error, ConfigurationError)
			}
			h.Close()
			for _, want := range []string{"TABLE: is missing", "BUCKET: is missing", `OPENAI_BASE_URL: is "localhost"`} {
				if !strings.Contains(r.Error.Message, want) {
					t.Errorf("the error %q does not say %q", r.Error.Message, want)
				}
			}
			if !strings.Contains(output.String(), "TABLE: is missing") {
				t.Errorf("the log does not say it: %s", output)
			}
		})
	}
}

// BenchmarkInit starts a function until it asks for an event.
func BenchmarkInit(b *testing.B) {
	for _, function := range []string{"settle", "generator", "library"} {
		b.Run(function, func(b *testing.B) {
			var took time.Duration
			binary(b, function)
			for b.Loop() {
				h, _ := host(b, function, offline())
				took += invoke(b, h, []byte(`"text"`)).Init
				h.Close()
			}
			b.ReportMetric(float64(took.Microseconds())/float64(b.N)/1000, "ms/init")
		})
	}
}

// BenchmarkInvoke runs events through a warm binary.
func BenchmarkInvoke(b *testing.B) {
	h, _ := host(b, "settle", offline())
	invoke(b, h, []byte(`"text"`))
	running := []byte(`{"detail-type": "Step Functions Execution Status Change", "detail": {"name": "demo_x", "status": "RUNNING"}}`)
	for b.Loop() {
		if r := invoke(b, h, running); r.Error != nil {
			b.Fatal(r.Error)
		}
	}
}
