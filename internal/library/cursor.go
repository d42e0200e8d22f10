package library

import (
	"encoding/base64"
	"encoding/json"

	"compileo/internal/dataset"
)

// Cursors that are no Query's are JSON, not to be looked into. They keep nothing secret and give no right: whatever is
// in them is checked as a request is.

func cursor(v any) string {
	b, _ := json.Marshal(v) // plain data
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(s string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return errCursor(s)
	}
	return nil
}

func errCursor(s string) error {
	return dataset.InvalidField("/cursor", "%.100q is not one of this list", s)
}

// placed is a place in a list that is bound to what the list is of.
type placed struct {
	At  int    `json:"at"`
	Sum string `json:"of"`
}

func place(at int, of ...string) string { return cursor(placed{at, dataset.Hash(of...)[:16]}) }

func readPlace(s string, of ...string) (int, error) {
	var p placed
	if err := readCursor(s, &p); err != nil || p.At < 0 || p.Sum != dataset.Hash(of...)[:16] {
		return 0, errCursor(s)
	}
	return p.At, nil
}
