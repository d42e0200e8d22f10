package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxInteger = 1<<53 - 1 // what every JSON parser reads exactly

// setNumber puts a number into v and says what is wrong with it.
func (s *Schema) setNumber(v reflect.Value, text string) string {
	f, err := strconv.ParseFloat(text, 64)
	whole := s.kind == reflect.Int64
	switch {
	case whole && math.Abs(f) > maxInteger:
		return "is too large"
	case err != nil && !math.IsInf(f, 0):
		return s.want()
	case err != nil || v.CanFloat() && v.OverflowFloat(f):
		return "is too large"
	case whole && f != math.Trunc(f): // 3.0 and 1e2 are integers
		return s.want()
	case v.CanFloat():
		v.SetFloat(f)
	case v.CanInt() && !v.OverflowInt(int64(f)):
		v.SetInt(int64(f))
	case v.CanUint() && f >= 0 && !v.OverflowUint(uint64(f)):
		v.SetUint(uint64(f))
	default:
		return "is out of range"
	}
	return ""
}

// want says in words what a value must be.
func (s *Schema) want() string {
	switch s.kind {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int64:
		return "must be an integer"
	case reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a string"
	case reflect.Slice:
		return "must be an array"
	}
	return "must be an object"
}

// check holds a scalar against the limits of its schema and says in words what is wrong.
func (s *Schema) check(v reflect.Value) string {
	switch s.kind {
	case reflect.Int64, reflect.Float64:
		var f float64
		switch {
		case v.CanInt():
			f = float64(v.Int())
		case v.CanUint():
			f = float64(v.Uint())
		default:
			f = v.Float()
		}
		if s.Minimum != nil && f < *s.Minimum {
			return fmt.Sprintf("must be at least %v", *s.Minimum)
		}
		if s.Maximum != nil && f > *s.Maximum {
			return fmt.Sprintf("must be at most %v", *s.Maximum)
		}
	case reflect.String:
		return s.checkText(v.String())
	}
	return ""
}

func (s *Schema) checkText(text string) string {
	n := utf8.RuneCountInString(text)
	switch {
	case s.MinLength != nil && n < *s.MinLength && n == 0:
		return "must not be empty"
	case s.MinLength != nil && n < *s.MinLength:
		return "must have at least " + count(*s.MinLength, "character")
	case s.MaxLength != nil && n > *s.MaxLength:
		return "must have at most " + count(*s.MaxLength, "character")
	case s.matches != nil && !s.matches().MatchString(text):
		return "must match " + s.Pattern
	}
	if len(s.Enum) == 0 {
		return ""
	}
	words := make([]string, len(s.Enum))
	for i, e := range s.Enum {
		if e == text {
			return ""
		}
		words[i] = fmt.Sprint(e)
	}
	return "must be one of " + strings.Join(words, ", ")
}

// count is n things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// parseText reads a query, path or header parameter. A list is divided by commas.
func (s *Schema) parseText(v reflect.Value, text string) string {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.kind {
	case reflect.String:
		if !utf8.ValidString(text) {
			return "must be UTF-8"
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text) // True is what Python writes
		if err != nil {
			return s.want()
		}
		v.SetBool(b)
	case reflect.Int64, reflect.Float64:
		if !json.Valid([]byte(text)) { // ParseFloat reads more than JSON: Inf, 0x10, 1_000
			return s.want()
		}
		if reason := s.setNumber(v, text); reason != "" {
			return reason
		}
	case reflect.Slice:
		return s.parseList(v, text)
	default:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return s.own(err)
		}
	}
	return s.check(v)
}

func (s *Schema) parseList(v reflect.Value, text string) string {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		if reason := s.Items.parseText(v.Index(v.Len()-1), part); reason != "" {
			return fmt.Sprintf("%q %s", part, reason)
		}
	}
	return s.checkItems(v.Len())
}

func (s *Schema) checkItems(n int) string {
	switch {
	case s.MinItems != nil && n < *s.MinItems:
		return "must have at least " + count(*s.MinItems, "item")
	case s.MaxItems != nil && n > *s.MaxItems:
		return "must have at most " + count(*s.MaxItems, "item")
	}
	return ""
}

// own is the reason that a type which decodes itself gives.
func (s *Schema) own(err error) string {
	if s.Format == "date-time" {
		return "must be a time such as 2026-01-21T10:30:00Z"
	}
	return err.Error()
}
