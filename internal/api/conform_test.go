package api

import (
	"bytes"
	"mime"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the service's document with the schemas in it, compiled as they are asked for.
type described struct {
	sync.Mutex
	paths    map[string]any
	doc      any
	compiler *jsonschema.Compiler
}

var (
	describedOnce sync.Once
	theDocument   described
)

// conforms holds an answer against what the document says of it: each test that sends a request is a test of the
// document as well.
func (w *world) conforms(method, path string, a answer) {
	w.Helper()
	describedOnce.Do(func() {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI(w.T)))
		if err != nil {
			w.Fatal(err)
		}
		theDocument.doc = v
		theDocument.paths, _ = v.(map[string]any)["paths"].(map[string]any)
		theDocument.compiler = jsonschema.NewCompiler()
		if err := theDocument.compiler.AddResource("doc.json", v); err != nil {
			w.Fatal(err)
		}
	})
	if method == "HEAD" {
		method = "GET"
	}
	path, _, _ = strings.Cut(path, "?")
	template := theDocument.template(strings.TrimSuffix(path, "/"), strings.ToLower(method))
	if template == "" || a.status == 405 || a.status == 304 {
		return
	}
	op := theDocument.paths[template].(map[string]any)[strings.ToLower(method)]
	said, _ := at(op, "responses/"+strconv.Itoa(a.status)).(map[string]any)
	if said == nil {
		w.Errorf("%s %s answers %d, which the document does not say: %.300s", method, path, a.status, a.body)
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	where := "#/paths/" + escape(template) + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(a.status)
	if ref, ok := said["$ref"].(string); ok { // a problem, the same for all operations
		where = ref
		said, _ = at(theDocument.doc, strings.TrimPrefix(ref, "#/")).(map[string]any)
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	content, _ := said["content"].(map[string]any)
	if content[kind] == nil && a.body != "" {
		w.Errorf("%s %s answers %d with %q, which the document does not say", method, path, a.status, kind)
	}
	if content[kind] == nil || !strings.HasSuffix(kind, "json") || a.body == "" {
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		w.Errorf("%s %s: no JSON: %.300s", method, path, a.body)
		return
	}
	theDocument.Lock()
	schema, err := theDocument.compiler.Compile("doc.json" + where + "/content/" + escape(kind) + "/schema")
	theDocument.Unlock()
	if err != nil {
		w.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		w.Errorf("%s %s answers %d outside of its schema: %v", method, path, a.status, err)
	}
}

// template is the path of the document that path is of, the one with the fewest parameters; "" is none.
func (d *described) template(path, method string) string {
	best, fewest := "", 100
	for template, ops := range d.paths {
		want, have := strings.Split(template, "/"), strings.Split(path, "/")
		fits := len(want) == len(have) && ops.(map[string]any)[method] != nil
		for i := 0; fits && i < len(want); i++ {
			fits = want[i] == have[i] || strings.HasPrefix(want[i], "{")
		}
		if n := strings.Count(template, "{"); fits && n < fewest {
			best, fewest = template, n
		}
	}
	return best
}
