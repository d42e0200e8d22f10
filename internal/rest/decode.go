package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxWrong = 100 // faults told of one request
	maxDepth = 256 // of arrays and objects in a body
)

type decoder struct {
	*json.Decoder
	wrong []Wrong
}

func (d *decoder) say(at, reason string) {
	if len(d.wrong) < maxWrong {
		d.wrong = append(d.wrong, Wrong{Pointer: at, Reason: reason})
	}
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer is the JSON pointer to a member of what at points to.
func pointer(at, member string) string { return at + "/" + escape.Replace(member) }

// notJSON says why a body is no JSON text at all: that is 400, where a wrong value is 422.
func notJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the body is empty: JSON is expected")
	}
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	if json.Valid(body) {
		return nil
	}
	var v any
	err := json.Unmarshal(body, &v)
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("the body is not JSON: %w at byte %d", err, se.Offset)
	}
	return fmt.Errorf("the body is not JSON: %w", err)
}

// tooDeep reports whether JSON nests deeper than any request needs.
func tooDeep(body []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case !text && (c == '{' || c == '['):
			if depth++; depth > maxDepth {
				return true
			}
		case !text && (c == '}' || c == ']'):
			depth--
		}
	}
	return false
}

// decode reads a body that is JSON into v, and says everything that is wrong with it.
func decode(s *Schema, body []byte, v reflect.Value) []Wrong {
	d := &decoder{Decoder: json.NewDecoder(bytes.NewReader(body))}
	d.UseNumber()
	if tooDeep(body) {
		d.say("", fmt.Sprintf("must not nest deeper than %d", maxDepth))
	} else if !d.value(s, v, "") {
		d.say("", "must not be null")
	}
	return d.wrong
}

// value reads the next value. It reports whether there was one: null is none.
func (d *decoder) value(s *Schema, v reflect.Value, at string) bool {
	if s.kind == reflect.Invalid { // it reads itself
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil || string(raw) == "null" {
			return false
		}
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			d.say(at, s.own(err))
		}
		return true
	}
	t, err := d.Token()
	if err != nil || t == nil {
		return false // null: the body is known to be JSON
	}
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case s.kind == reflect.Struct && t == json.Delim('{'):
		d.object(s.target, v, at)
	case s.kind == reflect.Map && t == json.Delim('{'):
		d.mapping(s.Additional.(*Schema), v, at)
	case s.kind == reflect.Slice && t == json.Delim('['):
		d.list(s, v, at)
	default:
		d.scalar(s, v, t, at)
	}
	return true
}

// object reads members up to the end of an object; what is absent keeps its default.
func (d *decoder) object(s *Schema, v reflect.Value, at string) {
	for _, f := range s.Properties.order {
		if f.def.IsValid() {
			v.FieldByIndex(f.index).Set(f.def)
		}
	}
	seen := make(map[string]bool, len(s.fields)) // false: null
	for d.More() {
		name := d.key()
		to := pointer(at, name)
		f := s.fields[name]
		_, again := seen[name]
		switch {
		case again:
			d.say(to, "is given twice")
			d.skip()
		case f == nil:
			d.say(to, "is not known")
			seen[name] = true
			d.skip()
		default:
			seen[name] = d.value(f.schema, v.FieldByIndex(f.index), to)
		}
	}
	_, _ = d.Token() // }
	for _, f := range s.Properties.order {
		if f.required && !seen[f.name] {
			d.say(pointer(at, f.name), "is required")
		}
	}
}

func (d *decoder) mapping(values *Schema, v reflect.Value, at string) {
	v.Set(reflect.MakeMap(v.Type()))
	seen := map[string]bool{}
	for d.More() {
		name := d.key()
		if seen[name] {
			d.say(pointer(at, name), "is given twice")
			d.skip()
			continue
		}
		seen[name] = true
		e := reflect.New(v.Type().Elem()).Elem()
		if d.value(values, e, pointer(at, name)) || values.anything() {
			v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
		} else {
			d.say(pointer(at, name), "must not be null")
		}
	}
	_, _ = d.Token() // }
}

func (d *decoder) list(s *Schema, v reflect.Value, at string) {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	n := 0
	for ; d.More(); n++ {
		if s.MaxItems != nil && n >= *s.MaxItems {
			d.skip() // a list that is too long is not kept
			continue
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		if to := at + "/" + strconv.Itoa(n); !d.value(s.Items, v.Index(n), to) && !s.Items.anything() {
			d.say(to, "must not be null")
		}
	}
	_, _ = d.Token() // ]
	if reason := s.checkItems(n); reason != "" {
		d.say(at, reason)
	}
}

func (d *decoder) key() string {
	t, _ := d.Token()
	name, _ := t.(string)
	return name
}

func (d *decoder) skip() {
	var raw json.RawMessage
	_ = d.Decode(&raw) // the body is known to be JSON
}

func (d *decoder) scalar(s *Schema, v reflect.Value, t json.Token, at string) {
	reason := s.want()
	switch t := t.(type) {
	case bool:
		if s.kind == reflect.Bool {
			v.SetBool(t)
			return
		}
	case string:
		if s.kind == reflect.String {
			v.SetString(t)
			reason = s.check(v)
		}
	case json.Number:
		if s.kind == reflect.Int64 || s.kind == reflect.Float64 {
			if reason = s.setNumber(v, string(t)); reason == "" {
				reason = s.check(v)
			}
		}
	case json.Delim:
		d.leave()
	}
	if reason != "" {
		d.say(at, reason)
	}
}

// leave reads over the rest of an array or object whose beginning was read.
func (d *decoder) leave() {
	for depth := 1; depth > 0; {
		switch t, err := d.Token(); {
		case err != nil:
			return
		case t == json.Delim('{') || t == json.Delim('['):
			depth++
		case t == json.Delim('}') || t == json.Delim(']'):
			depth--
		}
	}
}
