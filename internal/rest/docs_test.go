package rest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	tab := table()
	tab.Pages()
	for world, send := range worlds {
		a := send(t, tab, request{method: "GET", path: "/openapi.json"})
		if a.status != 200 || a.header.Get("Content-Type") != "application/json" || !json.Valid([]byte(a.body)) {
			t.Errorf("%s: %d %s %.80q", world, a.status, a.header.Get("Content-Type"), a.body)
		}
		a = send(t, tab, request{method: "GET", path: "/docs/"})
		if a.status != 200 || a.body != docsPage || !strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'sha256-") {
			t.Errorf("%s: %d %v", world, a.status, a.header)
		}
	}
}

// The page needs nothing from elsewhere, and no text becomes HTML.
func TestDocsPage(t *testing.T) {
	for _, bad := range []string{`https?://`, `innerHTML`, `insertAdjacentHTML`, `<script [^>]*src`, `@import`, `[^c]url\(`, ` on[a-z]+="`, ` style="`} {
		if at := regexp.MustCompile(bad).FindString(docsPage); at != "" {
			t.Errorf("the page has %q", at)
		}
	}
	if n := strings.Count(docsPage, "<script>") + strings.Count(docsPage, "<style>"); n != 2 {
		t.Errorf("the page has %d scripts and styles: its policy lets one of each run", n)
	}
}
