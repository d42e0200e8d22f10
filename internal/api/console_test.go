package api

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// The page needs no key: it asks for one. Through a Lambda it is the same.
func TestConsole(t *testing.T) {
	h := New(Config{Guard: testGuard, Version: "1", Log: slog.New(slog.DiscardHandler)})
	for path, want := range map[string]struct {
		status int
		kind   string
	}{
		"/":                   {200, "text/html; charset=utf-8"},
		"/console/console.js": {200, "text/javascript; charset=utf-8"},
		"/console/other.js":   {404, "text/plain; charset=utf-8"},
	} {
		serve(t, h, "GET", path, nil, func(t *testing.T, status int, header http.Header, body string) {
			if status != want.status || header.Get("Content-Type") != want.kind || body == "" {
				t.Errorf("%s: %d %s with %d bytes", path, status, header.Get("Content-Type"), len(body))
			}
			if status == 200 && !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'self'") {
				t.Errorf("%s has the policy %q", path, header.Get("Content-Security-Policy"))
			}
		})
	}
	serve(t, h, "POST", "/", nil, func(t *testing.T, status int, header http.Header, _ string) {
		if status != 405 || !strings.Contains(header.Get("Allow"), "GET") {
			t.Errorf("POST /: %d, Allow %q", status, header.Get("Allow"))
		}
	})
}
