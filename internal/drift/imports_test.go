// Package drift holds the layout of the code against its rules, as tests only.
package drift

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages from the bottom up: a package imports packages of lower layers, and those whose folder it
// is in.
var layers = [][]string{
	{"internal/dataset", "internal/rest"}, // rest knows nothing of this project
	{"internal/document", "internal/model", "internal/prompt", "internal/quality", "internal/snapshot", "internal/export", "internal/access", "internal/idempotency", "infra"},
	{"internal/pipeline", "internal/library", "internal/cloud", "internal/embedded", "internal/asl", "internal/porttest", "internal/lambdahost", "internal/drift"},
	{"internal/api"}, // the routes, over what does the work
	{"internal/app"},
	{"functions", "infra/local"},
}

// never lists what packages must not import though the layers would let them, each with the reason.
var never = []struct{ from, to, why string }{
	{"functions", "internal/app/local", "no Lambda links what only one machine needs"},
	{"functions", "internal/embedded", "no Lambda links what only one machine needs"},
	{"functions", "internal/asl", "Step Functions runs the workflow there"},
	{"internal/app/aws", "internal/embedded", "no Lambda links what only one machine needs"},
	{"internal/app/aws", "internal/document/pdf", "only functions/ingest links it: it weighs as much as all the rest"},
	{"internal/pipeline", "internal/document/pdf", "only functions/ingest links it: it weighs as much as all the rest"},
	{"internal/api", "internal/document/pdf", "only functions/ingest links it: it weighs as much as all the rest"},
	{"internal/app/aws", "internal/asl", "Step Functions runs the workflow there"},
	{"internal/app/local", "internal/cloud", "the program does not link the AWS SDK"},
	{"infra/local", "internal/app/aws", "the program does not link the AWS SDK"},
	{"infra/local", "internal/cloud", "the program does not link the AWS SDK"},
	{"internal", "internal/porttest", "it is for tests"},
	{"internal", "internal/lambdahost", "it is for tests"},
	{"functions", "internal/lambdahost", "it is for tests"},
}

// outside lists the libraries with the packages that alone may import them, and those below these: what comes from
// outside is kept behind one package. A new library needs a line here.
var outside = map[string][]string{
	"github.com/aws/": {"internal/cloud", "internal/app/aws", "internal/model/bedrock", "functions"},
	"github.com/awslabs/aws-lambda-go-api-proxy/": {"internal/app/aws"}, // makes a Lambda of our http.Handler
	"modernc.org/sqlite":                          {"internal/embedded"},
	"github.com/klippa-app/go-pdfium":             {"internal/document/pdf"},
	"github.com/tetratelabs/wazero":               {"internal/document/pdf"},
	"github.com/golang-jwt/jwt/v5":                {"internal/access"}, // verifies tokens
	"github.com/yuin/goldmark":                    {"internal/document"},
	"golang.org/x/net/html":                       {"internal/document"},
	"golang.org/x/text/":                          {"internal/document", "internal/quality"},
	"github.com/jdkato/prose/":                    {"internal/model/extractive"},
	"github.com/kljensen/snowball":                {"internal/model/extractive", "internal/quality"},
	"github.com/santhosh-tekuri/jsonschema/v6":    {"internal/prompt", "internal/api"},
	"golang.org/x/sys/":                           {"internal/embedded", "infra/local"},
	"golang.org/x/sync/":                          {"internal", "infra"},
}

// within reports whether a package is dir or below it.
func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// layerOf returns the package's layer and the folder by which it is listed; -1: none. The longest folder counts.
func layerOf(pkg string) (layer int, dir string) {
	layer = -1
	for i, dirs := range layers {
		for _, d := range dirs {
			if within(pkg, d) && len(d) > len(dir) {
				layer, dir = i, d
			}
		}
	}
	return layer, dir
}

// fault says why from must not import to, a package of this module; "" when it may.
func fault(from, to string) string {
	for _, n := range never {
		if within(from, n.from) && within(to, n.to) && !within(from, n.to) {
			return n.why
		}
	}
	a, _ := layerOf(from)
	b, _ := layerOf(to)
	switch {
	case a < 0:
		return "the importing package is in no layer"
	case b < 0:
		return "the imported package is in no layer"
	case b < a || within(from, to):
		return ""
	}
	return "it is no lower layer"
}

// outsideFault says why pkg must not import a package that is not ours; "" when it may.
func outsideFault(pkg, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if within(pkg, "internal/dataset") {
		return "dataset imports the standard library only"
	}
	for prefix, allowed := range outside {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		if slices.ContainsFunc(allowed, func(d string) bool { return within(pkg, d) }) {
			return ""
		}
		return "only these may: " + strings.Join(allowed, ", ")
	}
	return "the library is not listed here"
}

const module, root = "compileo", "../.."

// eachImport calls do for every import of every file that is no test.
func eachImport(t *testing.T, do func(file, pkg, imported string)) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(filepath.Clean(name), filepath.Clean(root)+string(filepath.Separator)))
		if entry.IsDir() {
			base := entry.Name()
			nested := false
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != root {
				nested = true
			}
			if name != root && (strings.HasPrefix(base, ".") && base != ".." || base == "testdata" || nested) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			do(rel, path.Dir(rel), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImports(t *testing.T) {
	seen := 0
	eachImport(t, func(file, pkg, imported string) {
		seen++
		why := ""
		if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
			why = fault(pkg, ours)
		} else {
			why = outsideFault(pkg, imported)
		}
		if why != "" {
			t.Errorf("%s imports %s: %s", file, imported, why)
		}
	})
	if seen < 100 {
		t.Errorf("only %d imports were looked at: the walk is broken", seen)
	}
}

// The rules themselves must tell right from wrong.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"internal/pipeline", "internal/dataset", true},
		{"internal/model/openai", "internal/model", true},
		{"internal/app/aws", "internal/cloud", true},
		{"functions/plan", "internal/app/aws", true},
		{"infra/local", "internal/app/local", true},
		{"internal/app/local", "infra", true},
		{"internal/dataset", "internal/model", false},
		{"internal/pipeline", "internal/cloud", false},
		{"internal/api", "internal/pipeline", true},
		{"internal/pipeline", "internal/api", false},
		{"internal/library", "internal/pipeline", false},
		{"internal/rest", "internal/dataset", false},
		{"internal/document", "internal/quality", false},
		{"internal/app", "internal/app/aws", false},
		{"functions/plan", "internal/embedded", false},
		{"internal/app/aws", "internal/embedded", false},
		{"infra/local", "internal/cloud", false},
		{"internal/pipeline", "internal/porttest", false},
		{"internal/other", "internal/dataset", false},
	} {
		if why := fault(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s importing %s: %q, want allowed %v", c.from, c.to, why, c.ok)
		}
	}
	for _, c := range []struct {
		pkg, imported string
		ok            bool
	}{
		{"internal/cloud", "github.com/aws/aws-sdk-go-v2/service/s3", true},
		{"internal/dataset", "encoding/json", true},
		{"internal/pipeline", "golang.org/x/sync/errgroup", true},
		{"internal/dataset", "golang.org/x/sync/errgroup", false},
		{"internal/pipeline", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"internal/pipeline", "modernc.org/sqlite", false},
		{"infra/local", "github.com/spf13/cobra", false},
	} {
		if why := outsideFault(c.pkg, c.imported); (why == "") != c.ok {
			t.Errorf("%s importing %s: %q, want allowed %v", c.pkg, c.imported, why, c.ok)
		}
	}
}
