package rest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// field reads the tags of a struct's field: doc, default, enum, minimum, maximum, minLength, maxLength, minItems,
// maxItems, pattern, format and example. Of a list, the limits but for minItems and maxItems are those of its items.
func (ts *types) field(f reflect.StructField, name string) *field {
	s := ts.of(f.Type)
	p := &field{name: name, index: f.Index, schema: s}
	tag := tags{f}
	s.Description = f.Tag.Get("doc")
	if s.kind == reflect.Slice {
		s.MinItems, s.MaxItems = tag.count("minItems"), tag.count("maxItems")
	}
	in := s
	if s.Items != nil {
		in = s.Items
	}
	if text := f.Tag.Get("enum"); text != "" {
		if in.kind != reflect.String {
			tag.fail("enum", "only strings have one")
		}
		for e := range strings.SplitSeq(text, ",") {
			in.Enum = append(in.Enum, e)
		}
	}
	switch in.kind {
	case reflect.Int64, reflect.Float64:
		in.Minimum, in.Maximum = tag.number("minimum"), tag.number("maximum")
	case reflect.String:
		if tag.has("minLength") {
			in.MinLength = tag.count("minLength")
		}
		if tag.has("maxLength") {
			in.MaxLength = tag.count("maxLength")
		}
		if text := f.Tag.Get("pattern"); text != "" {
			in.pattern(text)
		}
		if text := f.Tag.Get("format"); text != "" {
			in.Format = text
		}
	}
	if text, ok := f.Tag.Lookup("default"); ok {
		s.Default = tag.value("default", s, text)
		switch f.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Struct: // what they hold would be shared by requests
			tag.fail("default", "only plain values have one")
		}
		switch s.kind {
		case reflect.Bool, reflect.String, reflect.Int64, reflect.Float64:
			p.def = reflect.ValueOf(s.Default).Convert(f.Type)
		default:
			tag.fail("default", "only plain values have one")
		}
	}
	if text, ok := f.Tag.Lookup("example"); ok {
		s.Examples = []any{tag.value("example", s, text)}
	}
	return p
}

// tags are those of one field.
type tags struct{ reflect.StructField }

func (t tags) has(tag string) bool {
	_, ok := t.Tag.Lookup(tag)
	return ok
}

func (t tags) fail(tag string, why any) {
	panic(fmt.Sprintf("rest: the tag %s of %s: %v", tag, t.Name, why))
}

// value is a tag's text as a value of the field.
func (t tags) value(tag string, s *Schema, text string) any {
	if s.kind == reflect.String {
		return text
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		if s.kind != reflect.Invalid {
			t.fail(tag, err)
		}
		return text // a type of its own, written as a string
	}
	return v
}

func (t tags) number(tag string) *float64 {
	if !t.has(tag) {
		return nil
	}
	n, err := strconv.ParseFloat(t.Tag.Get(tag), 64)
	if err != nil {
		t.fail(tag, err)
	}
	return &n
}

func (t tags) count(tag string) *int {
	n := t.number(tag)
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

func (s *Schema) pattern(text string) {
	if text == "" {
		return
	}
	s.Pattern, s.matches = text, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
