package asl

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// The error names that a definition may use, and those that end an execution whatever it says.
const (
	errAll       = "States.ALL"
	errTimeout   = "States.Timeout"
	errPermanent = "Permanent"
	errInternal  = "Internal"
	errRuntime   = "States.Runtime"
	errDataLimit = "States.DataLimitExceeded"
)

// maxDelay bounds the wait before a retry, as AWS does.
const maxDelay = 31_622_400 * time.Second

// retrier says how often and after which waits a task is tried again.
type retrier struct {
	errors   []string
	interval time.Duration
	attempts int     // retries at most
	rate     float64 // each wait is that much longer
}

// catcher says where to go after an error that is not retried.
type catcher struct {
	errors []string
	next   string
}

// failure is an error as the States Language sees it.
type failure struct {
	name  string
	cause string // may be empty
}

// matches reports whether an error of that name is among the names of a retrier or catcher.
func matches(names []string, name string) bool {
	return slices.Contains(names, name) ||
		names[0] == errAll && name != errRuntime && name != errDataLimit
}

// delay returns the wait before the retry after used ones of this retrier.
func (r retrier) delay(used int) time.Duration {
	d := float64(r.interval) * math.Pow(r.rate, float64(used))
	return time.Duration(min(d, float64(maxDelay)))
}

// retryAfter says how long to wait before the next attempt of a task that failed with the given error, and
// which retrier it costs. The first retrier that matches decides, also when it is used up.
func retryAfter(retry []retrier, used []int, name string) (k int, wait time.Duration, ok bool) {
	for k, r := range retry {
		if matches(r.errors, name) {
			return k, r.delay(used[k]), used[k] < r.attempts
		}
	}
	return 0, 0, false
}

// Limits on what a failure says, those of AWS, in bytes.
const (
	maxErrorName = 256
	maxCause     = 32 << 10
)

// output returns what a state reached by a catcher gets as its input.
func (f failure) output() json.RawMessage {
	return encode(struct {
		Error string `json:"Error"`
		Cause string `json:"Cause,omitempty"`
	}{f.name, f.cause})
}

// newFailure keeps a failure within its limits.
func newFailure(name, cause string) failure {
	return failure{clip(name, maxErrorName), clip(cause, maxCause)}
}

// clip cuts s to at most n bytes of valid text.
func clip(s string, n int) string {
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}
