package asl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"compileo/internal/dataset"
)

// loader reads a definition and gathers what is wrong with it.
type loader struct {
	faults []dataset.Field
}

// fault notes what is wrong at a JSON pointer, which names state and field.
func (l *loader) fault(at, format string, args ...any) {
	l.faults = append(l.faults, dataset.Field{Pointer: at, Reason: fmt.Sprintf(format, args...)})
}

// err returns all faults as one Invalid error, nil if there are none.
func (l *loader) err() error {
	if len(l.faults) == 0 {
		return nil
	}
	const shown = 10
	var b strings.Builder
	b.WriteString("the workflow cannot be interpreted: ")
	for i, f := range l.faults[:min(len(l.faults), shown)] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Pointer + ": " + f.Reason)
	}
	return &dataset.Error{Kind: dataset.Invalid, Detail: b.String(), Fields: l.faults}
}

// object is a JSON object being read: whoever takes a field vouches for it, and done faults the rest.
// encoding/json alone would take fields in any case and the last of two of the same name.
type object struct {
	*loader
	at     string
	keys   []string // in the order of the text
	values map[string]json.RawMessage
	taken  map[string]bool
}

// object reads raw, which is valid JSON, as an object; if it is none, that is a fault and the object is empty.
func (l *loader) object(at string, raw json.RawMessage) *object {
	o := &object{loader: l, at: at, values: map[string]json.RawMessage{}, taken: map[string]bool{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		l.fault(at, "is not an object")
		return o
	}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			l.fault(at, "is not an object")
			return o
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			l.fault(o.field(key), "is not JSON")
			return o
		}
		if _, twice := o.values[key]; twice {
			l.fault(o.field(key), "is there twice")
			continue
		}
		o.keys, o.values[key] = append(o.keys, key), value
	}
	return o
}

// field returns the JSON pointer of a field.
func (o *object) field(key string) string {
	return o.at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func (o *object) has(key string) bool {
	_, ok := o.values[key]
	return ok
}

// take returns a field's value, nil if it is absent.
func (o *object) take(key string) json.RawMessage {
	o.taken[key] = true
	return o.values[key]
}

// need is take for a field that must be there.
func (o *object) need(key string) json.RawMessage {
	if !o.has(key) {
		o.fault(o.field(key), "is missing")
	}
	return o.take(key)
}

// done faults every field that nobody took.
func (o *object) done() {
	for _, key := range o.keys {
		if !o.taken[key] {
			o.fault(o.field(key), "is not a field that is interpreted here")
		}
	}
}

// text takes a string that must be there and not be empty.
func (o *object) text(key string) string {
	raw := o.need(key)
	if raw == nil {
		return ""
	}
	s, _ := asText(raw)
	if s == "" {
		o.fault(o.field(key), "is not a string, or an empty one")
	}
	return s
}

// integer takes a whole number from low to high; absent if it is not there.
func (o *object) integer(key string, low, high, absent int) int {
	raw := o.take(key)
	if raw == nil {
		return absent
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < low || n > high {
		o.fault(o.field(key), "is %s, want a whole number from %d to %d", clip(string(raw), 40), low, high)
		return absent
	}
	return n
}

// maxSeconds is the highest number of seconds that AWS takes.
const maxSeconds = 99_999_999

// seconds takes a number of seconds from 1; 0 if it is not there.
func (o *object) seconds(key string) time.Duration {
	return time.Duration(o.integer(key, 1, maxSeconds, 0)) * time.Second
}

// rate takes a backoff rate, 2 if it is not there.
func (o *object) rate(key string) float64 {
	raw := o.take(key)
	if raw == nil {
		return 2
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(n) || n < 1 || n > 1_000 {
		o.fault(o.field(key), "is %s, want a number from 1 to 1000", clip(string(raw), 40))
		return 2
	}
	return n
}

// null takes a field that may only be null; false if it is not there.
func (o *object) null(key string) bool {
	raw := o.take(key)
	if raw != nil && string(raw) != "null" {
		o.fault(o.field(key), "is %s, only null is interpreted here", clip(string(raw), 40))
	}
	return raw != nil
}

// list takes an array.
func (o *object) list(key string) []json.RawMessage {
	raw := o.take(key)
	if raw == nil {
		return nil
	}
	list, ok := asList(raw)
	if !ok || len(list) == 0 {
		o.fault(o.field(key), "is not a list, or an empty one")
	}
	return list
}

var substitutionForm = regexp.MustCompile(`^\$\{([A-Za-z][A-Za-z0-9]*)\}$`)

// substitution takes a string that is nothing but ${Name} and returns the name.
func (o *object) substitution(key string) string {
	s := o.text(key)
	found := substitutionForm.FindStringSubmatch(s)
	if found == nil {
		if o.has(key) {
			o.fault(o.field(key), "is %q, want one substitution ${Name}", clip(s, 40))
		}
		return ""
	}
	return found[1]
}

func asText(raw json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

func asList(raw json.RawMessage) ([]json.RawMessage, bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return nil, false
	}
	return list, true
}

// encode returns v as JSON that is no longer than need be: signs of HTML stay as they are, so that data
// within its limit stays within it.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("asl: our own record cannot be encoded: %v", err)) // all raw parts were checked before
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
