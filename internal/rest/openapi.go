package rest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type object = map[string]any

// OpenAPI is the document of the table, made when it is first asked for. Equal tables make equal bytes: maps are
// written in the order of their keys.
func (t *Table) OpenAPI() []byte { return t.doc() }

func (t *Table) document() []byte {
	problem := t.types.of(reflect.TypeFor[Problem]())
	paths := map[string]object{}
	used := map[string]bool{}
	for _, op := range t.ops {
		for i, p := range append([]string{op.Path}, op.Also...) {
			p = strings.TrimSuffix(p, "/{$}")
			if paths[p] == nil {
				paths[p] = object{}
			}
			id := op.ID
			if i > 0 {
				id = fmt.Sprintf("%s_%d", op.ID, i+1)
			}
			paths[p][strings.ToLower(op.Method)] = t.operation(op, id, used)
		}
	}
	responses := object{"default": answerObject("Any other failure", "application/problem+json", problem, nil)}
	for code := range used {
		n, _ := strconv.Atoi(code)
		responses[code] = answerObject(meaning[n], "application/problem+json", problem, problemHeaders[n])
	}
	components := object{"responses": responses, "schemas": t.types.byName}
	doc := object{
		"openapi":    "3.1.0",
		"info":       object{"title": t.config.Title, "version": t.config.Version, "description": t.config.Description},
		"paths":      paths,
		"tags":       t.config.Tags,
		"components": components,
	}
	if len(t.config.Security) > 0 {
		schemes := object{}
		for _, s := range t.config.Security {
			schemes[s.Name] = s
		}
		components["securitySchemes"] = schemes
	}
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		panic(err) // tags only
	}
	return append(b, '\n')
}

func (t *Table) operation(op *Op, id string, used map[string]bool) object {
	o := object{"operationId": id, "summary": op.Summary, "tags": []string{op.Tag}}
	if op.Description != "" {
		o["description"] = op.Description
	}
	o["security"] = t.security(op)
	params := []object{}
	for _, p := range op.in.params {
		params = append(params, p.object())
	}
	if t.config.Headers != nil {
		for _, h := range t.config.Headers(op) {
			params = append(params, object{"name": h.Name, "in": "header", "required": false, "description": h.Doc, "schema": textSchema(h.Example)})
		}
	}
	if len(params) > 0 {
		o["parameters"] = params
	}
	if op.in.body != nil {
		media := "application/json"
		if op.form {
			media = "multipart/form-data"
		}
		o["requestBody"] = object{"required": !op.in.optional, "content": object{media: object{"schema": op.in.schema}}}
	}
	responses := object{"default": object{"$ref": "#/components/responses/default"}}
	for _, n := range t.failures(op) {
		code := strconv.Itoa(n)
		used[code] = true
		responses[code] = object{"$ref": "#/components/responses/" + code}
	}
	for code, answer := range t.successes(op) {
		responses[code] = answer
	}
	o["responses"] = responses
	return o
}

// security is the list of the ways in, any of which will do.
func (t *Table) security(op *Op) []object {
	ways := []object{}
	if op.Public {
		return ways
	}
	scopes := []string{}
	if op.Scope != "" {
		scopes = append(scopes, op.Scope)
	}
	for _, s := range t.config.Security {
		ways = append(ways, object{s.Name: scopes})
	}
	return ways
}

func (p param) object() object {
	schema := *p.schema
	schema.Description = ""
	o := object{"name": p.name, "in": p.where, "required": p.required, "description": p.schema.Description, "schema": &schema}
	if p.schema.kind == reflect.Slice {
		o["explode"] = false
		if p.where == "query" {
			o["style"] = "form"
		}
	}
	return o
}

func textSchema(example string) *Schema {
	s := &Schema{Type: "string"}
	if example != "" {
		s.Examples = []any{example}
	}
	return s
}

// successes are the answers of an operation that are not problems, by status.
func (t *Table) successes(op *Op) object {
	all := object{}
	if !op.stream {
		headers := []Header{}
		for _, p := range op.out.params {
			example := ""
			if len(p.schema.Examples) > 0 {
				example = fmt.Sprint(p.schema.Examples[0])
			}
			headers = append(headers, Header{p.name, p.schema.Description, example})
		}
		media := ""
		if op.out.body != nil {
			media = "application/json"
		}
		all[strconv.Itoa(op.Status)] = answerObject(http.StatusText(op.Status), media, op.out.schema, headers)
		if op.Method == http.MethodGet && slices.ContainsFunc(headers, func(h Header) bool { return h.Name == "ETag" }) {
			all["304"] = answerObject("Unchanged: If-None-Match names what there is", "", nil, nil)
		}
	}
	for _, a := range op.Answers {
		schema := &Schema{Type: "string"}
		if a.Body != nil {
			schema = t.types.of(reflect.TypeOf(a.Body))
		}
		code := strconv.Itoa(a.Status)
		next := answerObject(cmp.Or(a.Doc, http.StatusText(a.Status)), a.Type, schema, a.Headers)
		if before, ok := all[code].(object); ok { // the same status in another form
			merge(next, before)
		}
		all[code] = next
	}
	return all
}

// merge adds to an answer what another of the same status has.
func merge(to, from object) {
	for _, part := range []string{"content", "headers"} {
		more, _ := from[part].(object)
		if to[part] == nil && more != nil {
			to[part] = object{}
		}
		for name, v := range more {
			to[part].(object)[name] = v
		}
	}
}

func answerObject(doc, media string, schema *Schema, headers []Header) object {
	o := object{"description": doc}
	if media != "" {
		o["content"] = object{media: object{"schema": schema}}
	}
	if len(headers) > 0 {
		all := object{}
		for _, h := range headers {
			all[h.Name] = object{"description": h.Doc, "schema": textSchema(h.Example)}
		}
		o["headers"] = all
	}
	return o
}

// meaning is what each status of a problem says.
var meaning = map[int]string{
	400: "The request is not well formed: no JSON, a broken query",
	401: "Who asks is not known: no key, a wrong or an expired one",
	403: "Who asks may not do this",
	404: "There is no such thing, or it belongs to somebody else",
	409: "It conflicts with what is there or running",
	412: "If-Match names an older state",
	413: "The body is too large",
	415: "The body has another media type than is taken",
	422: "The request is invalid: errors says each part that is wrong",
	429: "Too many requests",
	500: "Something went wrong here",
	503: "A part of the service is not available",
}

var problemHeaders = map[int][]Header{
	429: {{"Retry-After", "Seconds to wait.", "5"}},
	503: {{"Retry-After", "Seconds to wait.", "5"}},
}

// failures are the statuses of the problems that the operation may answer with.
func (t *Table) failures(op *Op) []int {
	has := func(where, name string) bool {
		return slices.ContainsFunc(op.in.params, func(p param) bool { return p.where == where && (name == "" || p.name == name) })
	}
	codes := []int{400, 422, 429, 500, 503}
	if !op.Public && len(t.config.Security) > 0 {
		codes = append(codes, 401, 403)
	}
	if len(op.in.params) > 0 || op.in.body != nil { // a query may name something, too
		codes = append(codes, 404)
	}
	if op.Method != http.MethodGet || has("path", "") {
		codes = append(codes, 409)
	}
	if has("header", "If-Match") {
		codes = append(codes, 412)
	}
	if op.in.body != nil {
		codes = append(codes, 413, 415)
	}
	return codes
}
