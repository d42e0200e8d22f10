package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema is a JSON Schema as far as an API needs it, and the plan of the decoder: what is documented is what is
// checked.
type Schema struct {
	Ref         string      `json:"$ref,omitempty"`
	Type        any         `json:"type,omitempty"` // a string, or [type, "null"]
	Description string      `json:"description,omitempty"`
	Format      string      `json:"format,omitempty"`
	Default     any         `json:"default,omitempty"`
	Examples    []any       `json:"examples,omitempty"`
	Enum        []any       `json:"enum,omitempty"`
	Minimum     *float64    `json:"minimum,omitempty"`
	Maximum     *float64    `json:"maximum,omitempty"`
	MinLength   *int        `json:"minLength,omitempty"`
	MaxLength   *int        `json:"maxLength,omitempty"`
	MinItems    *int        `json:"minItems,omitempty"`
	MaxItems    *int        `json:"maxItems,omitempty"`
	Pattern     string      `json:"pattern,omitempty"`
	AnyOf       []*Schema   `json:"anyOf,omitempty"`
	Items       *Schema     `json:"items,omitempty"`
	Properties  *properties `json:"properties,omitempty"`
	Required    []string    `json:"required,omitempty"`
	Additional  any         `json:"additionalProperties,omitempty"` // false, or the schema of a map's values

	kind    reflect.Kind          // what the decoder does; Invalid: the type decodes itself
	target  *Schema               // of a struct: what Ref names, or itself
	fields  map[string]*field     // of a target
	matches func() *regexp.Regexp // Pattern, compiled when first needed
	asked   bool                  // of a target: it is in a request, so null stands for absent
}

// field is a member of a struct, or a parameter.
type field struct {
	name     string
	index    []int
	required bool
	def      reflect.Value // invalid: the zero value
	schema   *Schema
}

// properties are the members of an object, written in the order in which the struct has them.
type properties struct {
	order []*field
	of    map[string]*Schema
}

// MarshalJSON writes an object.
func (p *properties) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range p.order {
		if i > 0 {
			b = append(b, ',')
		}
		schema, err := json.Marshal(p.of[f.name])
		if err != nil {
			return nil, err
		}
		b = append(append(strconv.AppendQuote(b, f.name), ':'), schema...)
	}
	return append(b, '}'), nil
}

// Documented is a type that says itself what JSON it is. It decodes and encodes itself where it is not a plain
// string.
type Documented interface{ Schema() *Schema }

var (
	documented = reflect.TypeFor[Documented]()
	fromText   = reflect.TypeFor[encoding.TextUnmarshaler]()
	fromJSON   = reflect.TypeFor[json.Unmarshaler]()
	toJSON     = reflect.TypeFor[json.Marshaler]()
	toText     = reflect.TypeFor[encoding.TextMarshaler]()
	timeType   = reflect.TypeFor[time.Time]()
	rawType    = reflect.TypeFor[json.RawMessage]()
)

// types are the schemas of all named structs; they become components/schemas.
type types struct {
	byName map[string]*Schema
	owner  map[string]reflect.Type
}

const refPrefix = "#/components/schemas/"

// of is the schema of a type. A mistake in a tag is a mistake of the program: it panics at start.
func (ts *types) of(t reflect.Type) *Schema {
	ptr := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Pointer:
		return ts.of(t.Elem())
	case t == timeType:
		return &Schema{Type: "string", Format: "date-time"}
	case t == rawType || t.Kind() == reflect.Interface:
		return &Schema{}
	case t.Implements(documented):
		s := *reflect.Zero(t).Interface().(Documented).Schema()
		if t.Kind() == reflect.String && !ptr.Implements(fromJSON) && !ptr.Implements(fromText) {
			s.kind = reflect.String
		}
		s.pattern(s.Pattern)
		return &s
	case ptr.Implements(fromJSON), ptr.Implements(fromText), t.Implements(toJSON), t.Implements(toText):
		panic(fmt.Sprintf("rest: %v decodes or encodes itself: it needs a method Schema", t))
	}
	switch t.Kind() {
	case reflect.Bool:
		return &Schema{Type: "boolean", kind: reflect.Bool}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		return &Schema{Type: "integer", kind: reflect.Int64}
	case reflect.Float64, reflect.Float32:
		return &Schema{Type: "number", kind: reflect.Float64}
	case reflect.String:
		return &Schema{Type: "string", kind: reflect.String}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return &Schema{Type: "array", Items: ts.of(t.Elem()), kind: reflect.Slice}
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return &Schema{Type: "object", Additional: ts.of(t.Elem()), kind: reflect.Map}
		}
	case reflect.Struct:
		return ts.structure(t)
	}
	panic(fmt.Sprintf("rest: no schema for %v", t))
}

func (ts *types) structure(t reflect.Type) *Schema {
	if t.Name() == "" {
		return ts.object(t, &Schema{})
	}
	name := componentName(t.Name())
	s, ok := ts.byName[name]
	switch {
	case !ok:
		s = &Schema{}
		ts.byName[name], ts.owner[name] = s, t // before its fields: a type may contain itself
		ts.object(t, s)
	case ts.owner[name] != t:
		panic(fmt.Sprintf("rest: %v and %v would both be the schema %s", ts.owner[name], t, name))
	}
	return &Schema{Ref: refPrefix + name, kind: reflect.Struct, target: s}
}

// componentName is a Go type's name as that of a schema: Page[compileo/internal/api.Entry] is PageEntry.
func componentName(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune("[],* ", r) }) {
		part = part[strings.LastIndexAny(part, "./")+1:]
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func (ts *types) object(t reflect.Type, s *Schema) *Schema {
	s.Type, s.kind, s.Additional, s.target = "object", reflect.Struct, false, s
	s.Properties, s.fields = &properties{of: map[string]*Schema{}}, map[string]*field{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			hidden(t, f)
			continue
		case name == "-", !f.IsExported():
			continue
		case f.Anonymous || name == "":
			panic(fmt.Sprintf("rest: %v.%s needs a name for JSON", t, f.Name))
		case s.fields[name] != nil:
			panic(fmt.Sprintf("rest: %v has two fields %s", t, name))
		}
		p := ts.field(f, name)
		p.required = !strings.Contains(opts, "omit")
		p.schema = p.schema.withNull(p.required && f.Type.Kind() == reflect.Pointer)
		if p.required {
			s.Required = append(s.Required, name)
		}
		s.Properties.of[name], s.fields[name] = p.schema, p
		s.Properties.order = append(s.Properties.order, p)
	}
	return s
}

// hidden refuses an embedded struct of which a field is not seen, as the struct itself or another field has its name:
// encoding/json would write it all the same.
func hidden(t reflect.Type, embedded reflect.StructField) {
	for f := range embedded.Type.Fields() {
		if seen, ok := t.FieldByName(f.Name); f.IsExported() && (!ok || !slices.Equal(seen.Index, append(slices.Clip(embedded.Index), f.Index...))) {
			panic(fmt.Sprintf("rest: %v hides the field %s of %s: give it another name", t, f.Name, embedded.Name))
		}
	}
}

// request marks a schema, and those within it, as what clients send: null means absent there.
func (s *Schema) request() {
	switch s.kind {
	case reflect.Slice:
		s.Items.request()
	case reflect.Map:
		s.Additional.(*Schema).request()
	case reflect.Struct:
		o := s.target
		if o.asked {
			return
		}
		o.asked = true
		for _, f := range o.Properties.order {
			o.Properties.of[f.name] = f.schema.withNull(!f.required)
			f.schema.request()
		}
	}
}

// withNull is the schema, with null as one more value if that is so.
func (s *Schema) withNull(nullable bool) *Schema {
	kind, isName := s.Type.(string)
	switch {
	case !nullable:
		return s
	case isName:
		c := *s
		c.Type = []any{kind, "null"}
		if len(s.Enum) > 0 {
			c.Enum = append(append([]any{}, s.Enum...), nil)
		}
		return &c
	case s.Ref != "":
		c := *s
		c.Ref, c.Description, c.AnyOf = "", s.Description, []*Schema{{Ref: s.Ref}, {Type: "null"}}
		return &c
	case len(s.AnyOf) > 0:
		c := *s
		c.AnyOf = append(append([]*Schema{}, s.AnyOf...), &Schema{Type: "null"})
		return &c
	}
	return s // anything at all, or nullable already
}

// anything reports whether every value will do, null too.
func (s *Schema) anything() bool { return s.Type == nil && s.Ref == "" && len(s.AnyOf) == 0 }

// fill makes lists and maps that are nil empty, so that the answer has [] and {} where the schema says so.
func (s *Schema) fill(v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch s.kind {
	case reflect.Slice:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		if s.Items.kind == reflect.Struct || s.Items.kind == reflect.Slice {
			for i := range v.Len() {
				s.Items.fill(v.Index(i))
			}
		}
	case reflect.Map:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Struct:
		for _, f := range s.target.Properties.order {
			if to := v.FieldByIndex(f.index); f.required || !to.IsZero() {
				f.schema.fill(to)
			}
		}
	}
}
