package asl

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// scope is what the paths of a task's parameters may see.
type scope struct {
	input     json.RawMessage // $
	execution json.RawMessage // $$.Execution.Input
	retries   int             // $$.State.RetryCount
	token     string          // $$.Task.Token
}

// path is one of the few forms that are interpreted.
type path struct {
	root  string // "$" or one of the context paths
	field string // of the value at root; empty: the value itself
}

// The roots of paths.
const (
	inputRoot     = "$"
	executionRoot = "$$.Execution.Input"
	retriesRoot   = "$$.State.RetryCount"
	tokenRoot     = "$$.Task.Token"
)

var fieldForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parsePath reads $, $.name, $$.Execution.Input, $$.Execution.Input.name, $$.State.RetryCount, $$.Task.Token.
func parsePath(s string) (path, bool) {
	if s == retriesRoot || s == tokenRoot {
		return path{root: s}, true
	}
	for _, root := range []string{executionRoot, inputRoot} {
		if s == root {
			return path{root: root}, true
		}
		if field, ok := strings.CutPrefix(s, root+"."); ok && fieldForm.MatchString(field) {
			return path{root, field}, true
		}
	}
	return path{}, false
}

// fieldPath takes a string of the form $.name and returns the name.
func (o *object) fieldPath(key string) string {
	s := o.text(key)
	p, ok := parsePath(s)
	if s != "" && (!ok || p.root != inputRoot || p.field == "") {
		o.fault(o.field(key), "is %q, want a path $.name", clip(s, 40))
	}
	return p.field
}

// find returns the value at the path.
func (p path) find(in *scope) (json.RawMessage, bool) {
	var v json.RawMessage
	switch p.root {
	case inputRoot:
		v = in.input
	case executionRoot:
		v = in.execution
	case retriesRoot:
		v = strconv.AppendInt(nil, int64(in.retries), 10)
	case tokenRoot:
		v = encode(in.token)
	}
	if p.field == "" {
		return v, true
	}
	return member(v, p.field)
}

// member returns a field of a JSON object; false when raw is no object or has no such field.
func member(raw json.RawMessage, field string) (json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil, false
	}
	v, ok := fields[field]
	return v, ok
}

// template is a JSON value in which some values are found by paths.
type template struct {
	literal json.RawMessage // the value, when no other field is set
	path    *path
	fields  []templateField // an object
}

type templateField struct {
	key   json.RawMessage
	value template
}

// maxTemplate is how deep the objects of a template may lie in each other.
const maxTemplate = 16

// template reads a value whose objects may have fields "name.$" with a path. withToken: the task has a token.
func (l *loader) template(at string, raw json.RawMessage, withToken bool, depth int) template {
	switch {
	case depth > maxTemplate:
		l.fault(at, "lies more than %d objects deep", maxTemplate)
		return template{}
	case bytes.HasPrefix(raw, []byte("[")):
		l.fault(at, "is a list: lists in parameters are not interpreted here")
		return template{}
	case !bytes.HasPrefix(raw, []byte("{")):
		if s, ok := asText(raw); ok && strings.Contains(s, "${") {
			l.fault(at, "holds a substitution, which is only for FunctionName and QueueUrl")
		}
		return template{literal: raw}
	}
	o := l.object(at, raw)
	t := template{fields: []templateField{}}
	for _, key := range o.keys {
		name, isPath := strings.CutSuffix(key, ".$")
		value := o.take(key)
		f := templateField{key: encode(name)}
		switch {
		case isPath && o.has(name):
			l.fault(o.field(key), "is there twice, with a path and without")
		case isPath:
			f.value = l.pathTemplate(o.field(key), value, withToken)
		default:
			f.value = l.template(o.field(key), value, withToken, depth+1)
		}
		t.fields = append(t.fields, f)
	}
	return t
}

// pathTemplate reads the path of a field "name.$".
func (l *loader) pathTemplate(at string, raw json.RawMessage, withToken bool) template {
	s, _ := asText(raw)
	p, ok := parsePath(s)
	switch {
	case !ok:
		l.fault(at, "is %s, want a path: $, $.name, %s, %s.name, %s or %s",
			clip(string(raw), 40), executionRoot, executionRoot, retriesRoot, tokenRoot)
	case p.root == tokenRoot && !withToken:
		l.fault(at, "is the path of a token, but this task has none")
	}
	return template{path: &p}
}

// uses reports whether a path of the template has the given root.
func (t *template) uses(root string) bool {
	return t.path != nil && t.path.root == root ||
		slices.ContainsFunc(t.fields, func(f templateField) bool { return f.value.uses(root) })
}

// render returns the value that the template stands for, or the failure of a path that leads nowhere.
func (t *template) render(in *scope) (json.RawMessage, *failure) {
	b, missing := t.append(nil, in)
	switch {
	case missing != nil:
		f := newFailure(errRuntime, "the path "+missing.root+"."+missing.field+" leads to nothing")
		return nil, &f
	case len(b) > maxData:
		f := newFailure(errDataLimit, "the task's input is larger than "+strconv.Itoa(maxData)+" bytes")
		return nil, &f
	}
	return b, nil
}

func (t *template) append(b []byte, in *scope) ([]byte, *path) {
	switch {
	case t.path != nil:
		v, ok := t.path.find(in)
		if !ok {
			return b, t.path
		}
		return append(b, v...), nil
	case t.fields == nil:
		return append(b, t.literal...), nil
	}
	b = append(b, '{')
	for i, f := range t.fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, f.key...), ':')
		var missing *path
		if b, missing = f.value.append(b, in); missing != nil {
			return b, missing
		}
	}
	return append(b, '}'), nil
}
