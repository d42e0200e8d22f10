package openai

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"compileo/internal/model"
)

// serverError is the error object of the dialect. Some servers send it bare, some a text in its place.
type serverError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    any    `json:"code"`
}

// statusError says what an answer other than 200 means.
func statusError(resp *http.Response, body []byte) *model.Error {
	e := readError(body)
	said := strings.ToLower(e.Message + " " + e.Type + " " + codeText(e.Code))
	out := &model.Error{Kind: model.Broken, After: retryAfter(resp.Header, time.Now()), Detail: detail(resp, e)}
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		out.Kind = model.Auth
	case s == http.StatusPaymentRequired, s == http.StatusTooManyRequests && mentions(said, "quota", "credit", "billing", "spend"):
		out.Kind = model.Quota
	case s == http.StatusTooManyRequests:
		out.Kind = model.RateLimited
	case s == http.StatusNotFound:
		out.Kind = model.NotFound
	case s == http.StatusRequestTimeout || s == http.StatusGatewayTimeout:
		out.Kind = model.Timeout
	case s == http.StatusRequestEntityTooLarge, mentions(said, "context_length", "context length", "context size", "context_size"):
		out.Kind = model.ContextTooLong
	case s == http.StatusInternalServerError && mentions(said, "invalid json schema", "must be of type"):
		out.Kind = model.Refused // how one server says 400
	case s == http.StatusInternalServerError:
		out.Kind = model.Broken
	case s >= 500:
		out.Kind = model.Overloaded
	case s >= 400:
		out.Kind = model.Refused
	}
	return out
}

func readError(body []byte) serverError {
	var wrapped struct {
		Error json.RawMessage `json:"error"`
	}
	var e serverError
	if json.Unmarshal(body, &wrapped) == nil && len(wrapped.Error) > 0 {
		if json.Unmarshal(wrapped.Error, &e) != nil {
			_ = json.Unmarshal(wrapped.Error, &e.Message)
		}
		return e
	}
	_ = json.Unmarshal(body, &e)
	return e
}

func codeText(code any) string {
	s, _ := code.(string)
	return s
}

// detail is the server's message, shortened, behind the status.
func detail(resp *http.Response, e serverError) string {
	text := strings.Join(strings.Fields(e.Message), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + " …"
	}
	if text == "" {
		return "the server answered " + resp.Status
	}
	return "the server answered " + strconv.Itoa(resp.StatusCode) + ": " + text
}

func mentions(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// maxAfter bounds what a server may ask to wait.
const maxAfter = 24 * time.Hour

// retryAfter is the wait that the server asks for: Retry-After-Ms, or Retry-After in seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return bounded(ms * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return bounded(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return bounded(float64(at.Sub(now)))
	}
	return 0
}

func bounded(d float64) time.Duration {
	if !(d > 0) { // also NaN
		return 0
	}
	return time.Duration(min(d, float64(maxAfter)))
}
