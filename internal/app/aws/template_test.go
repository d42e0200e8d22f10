package aws

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"compileo/internal/app"
	"compileo/internal/pipeline"
)

// The parts of template.yaml that must agree with the code. !Ref, !GetAtt and !Sub are read as their text.
type samTemplate struct {
	Parameters map[string]struct {
		Default  any  `yaml:"Default"`
		MinValue int  `yaml:"MinValue"`
		NoEcho   bool `yaml:"NoEcho"`
	} `yaml:"Parameters"`
	Globals struct {
		Function samProperties `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]samResource `yaml:"Resources"`
}

type samResource struct {
	Type     string `yaml:"Type"`
	Metadata struct {
		BuildMethod string `yaml:"BuildMethod"`
	} `yaml:"Metadata"`
	Properties samProperties `yaml:"Properties"`
}

type samProperties struct {
	// Functions.
	CodeUri       string   `yaml:"CodeUri"`
	Runtime       string   `yaml:"Runtime"`
	Handler       string   `yaml:"Handler"`
	Architectures []string `yaml:"Architectures"`
	Timeout       int      `yaml:"Timeout"`
	LoggingConfig struct {
		LogFormat string `yaml:"LogFormat"`
	} `yaml:"LoggingConfig"`
	Environment struct {
		Variables map[string]any `yaml:"Variables"` // !If is a list
	} `yaml:"Environment"`
	Policies []any               `yaml:"Policies"`
	Events   map[string]samEvent `yaml:"Events"`

	// The API.
	RouteSettings map[string]struct {
		Rate  int `yaml:"ThrottlingRateLimit"`
		Burst int `yaml:"ThrottlingBurstLimit"`
	} `yaml:"RouteSettings"`

	// Queues.
	VisibilityTimeout      int `yaml:"VisibilityTimeout"`
	MessageRetentionPeriod int `yaml:"MessageRetentionPeriod"`
	RedrivePolicy          struct {
		Target   string `yaml:"deadLetterTargetArn"`
		Receives int    `yaml:"maxReceiveCount"`
	} `yaml:"RedrivePolicy"`

	// The state machine.
	Name                    string            `yaml:"Name"`
	DefinitionUri           string            `yaml:"DefinitionUri"`
	DefinitionSubstitutions map[string]string `yaml:"DefinitionSubstitutions"`

	// The table.
	KeySchema []struct {
		Name string `yaml:"AttributeName"`
		Type string `yaml:"KeyType"`
	} `yaml:"KeySchema"`
	TimeToLive struct {
		Name    string `yaml:"AttributeName"`
		Enabled bool   `yaml:"Enabled"`
	} `yaml:"TimeToLiveSpecification"`
	PublicAccess map[string]bool `yaml:"PublicAccessBlockConfiguration"`
}

type samEvent struct {
	Type       string `yaml:"Type"`
	Properties struct {
		Queue         string   `yaml:"Queue"`
		BatchSize     int      `yaml:"BatchSize"`
		ResponseTypes []string `yaml:"FunctionResponseTypes"`
		Schedule      string   `yaml:"Schedule"`
		ApiId         string   `yaml:"ApiId"`
		Method        string   `yaml:"Method"`
		Path          string   `yaml:"Path"`
		Pattern       struct {
			Source     []string `yaml:"source"`
			DetailType []string `yaml:"detail-type"`
			Detail     struct {
				Status  []string `yaml:"status"`
				Machine []string `yaml:"stateMachineArn"`
			} `yaml:"detail"`
		} `yaml:"Pattern"`
	} `yaml:"Properties"`
}

func readTemplate(t *testing.T) *samTemplate {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var s samTemplate
	if err := yaml.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// of returns the resources of a type by name.
func (s *samTemplate) of(kind string) map[string]samProperties {
	found := map[string]samProperties{}
	for name, r := range s.Resources {
		if r.Type == kind {
			found[name] = r.Properties
		}
	}
	return found
}

// functions returns the functions by name, their Timeout filled in.
func (s *samTemplate) functions() map[string]samProperties {
	found := s.of("AWS::Serverless::Function")
	for name, f := range found {
		if f.Timeout == 0 {
			f.Timeout = s.Globals.Function.Timeout
			found[name] = f
		}
	}
	return found
}

// resource is what a function folder is called in the template.
func resource(function string) string {
	return strings.ToUpper(function[:1]) + function[1:] + "Function"
}

// same compares two sets of names.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestFunctionsAreFolders(t *testing.T) {
	s := readTemplate(t)
	declared := s.functions()
	var names []string
	for _, function := range functionNames(t) {
		names = append(names, resource(function))
		f := declared[resource(function)]
		if want := "functions/" + function; f.CodeUri != want {
			t.Errorf("CodeUri of %s is %q, want %q", resource(function), f.CodeUri, want)
		}
		if method := s.Resources[resource(function)].Metadata.BuildMethod; method != "go1.x" {
			t.Errorf("%s is built by %q, want go1.x", function, method)
		}
		files, err := os.ReadDir(filepath.Join(root, "functions", function))
		if err != nil || len(files) != 1 || files[0].Name() != "main.go" {
			t.Errorf("functions/%s has %v, %v; want main.go alone", function, files, err)
		}
		main, err := os.ReadFile(filepath.Join(root, "functions", function, "main.go"))
		if err != nil || strings.Count(string(main), "\n") >= 30 {
			t.Errorf("functions/%s/main.go: %v, want fewer than 30 lines", function, err)
		}
	}
	same(t, "functions of the template", slices.Collect(maps.Keys(declared)), names)
	g := s.Globals.Function
	if g.Runtime != "provided.al2023" || g.Handler != "bootstrap" || !slices.Equal(g.Architectures, []string{"Architecture"}) || g.LoggingConfig.LogFormat != "JSON" {
		t.Errorf("all functions: %+v", g)
	}
	if s.Parameters["Architecture"].Default != "arm64" {
		t.Errorf("the architecture is %v, want arm64", s.Parameters["Architecture"].Default)
	}
}

// A cached build sees only a function's own folder and ships what internal/ was.
func TestNoCachedBuild(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "samconfig.toml"))
	if err != nil {
		t.Fatal(err)
	}
	cached := regexp.MustCompile(`(?m)^\s*"?cached"?\s*=\s*(.*)$`).FindAllStringSubmatch(string(b), -1)
	for _, c := range cached {
		if c[1] != "false" {
			t.Errorf("samconfig.toml says %s", c[0])
		}
	}
	if builds := strings.Count(string(b), ".build.parameters]"); builds < 3 || len(cached) != builds {
		t.Errorf("%d of %d builds in samconfig.toml say cached = false", len(cached), builds)
	}
	scripts, err := filepath.Glob(filepath.Join(root, ".ci", "*"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("scripts: %v, %v", scripts, err)
	}
	for _, name := range scripts {
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "--cached") {
			t.Errorf("%s builds cached, or %v", name, err)
		}
	}
}

// asks returns the variables that read asks for, also where a provider is configured.
func asks(t *testing.T, read func(getenv func(string) string) error) []string {
	t.Helper()
	asked := map[string]bool{}
	for _, key := range []string{"", "key"} {
		_ = read(func(name string) string {
			asked[name] = true
			if strings.HasSuffix(name, "_API_KEY") {
				return key
			}
			return ""
		})
	}
	return slices.Collect(maps.Keys(asked))
}

// Every function is given exactly what the configuration reads: the models where jobs are submitted or models called,
// who may ask where the API is. Only what calls models has their keys.
func TestEnvironmentNames(t *testing.T) {
	models := asks(t, func(getenv func(string) string) error { _, err := app.Models(getenv); return err })
	guard := asks(t, func(getenv func(string) string) error { _, err := app.Guard(getenv, nil); return err })
	ports := slices.DeleteFunc(asks(t, func(getenv func(string) string) error { _, err := ParseConfig(getenv); return err }),
		func(name string) bool { return slices.Contains(models, name) || slices.Contains(guard, name) })
	if len(models) < 7 || len(guard) < 4 || len(ports) < 5 {
		t.Fatalf("the code asks for %q, %q, %q", models, guard, ports)
	}
	s := readTemplate(t)
	same(t, "variables of all functions", slices.Collect(maps.Keys(s.Globals.Function.Environment.Variables)), ports)
	for name, f := range s.functions() {
		own, calls := slices.Collect(maps.Keys(f.Environment.Variables)), name == "GeneratorFunction"
		switch {
		case calls:
			same(t, "variables of "+name, own, slices.Clone(models))
		case s.isAPI(name):
			same(t, "variables of "+name, own, slices.Concat(models, guard))
		case len(own) > 0:
			t.Errorf("%s has variables of its own: %q", name, own)
		}
		for variable, value := range f.Environment.Variables {
			if strings.HasSuffix(variable, "_KEY") && !calls {
				if choice, ok := value.([]any); !ok || len(choice) != 3 || choice[1] != "configured" || choice[2] != "" {
					t.Errorf("%s of %s is %v, want only whether there is one", variable, name, value)
				}
				continue
			}
			parameter, _ := value.(string)
			if p, ok := s.Parameters[parameter]; !ok || strings.HasSuffix(variable, "_KEY") != p.NoEcho {
				t.Errorf("%s is parameter %q (there: %v), which hides its value: %v", variable, parameter, ok, p.NoEcho)
			}
		}
	}
	machine := s.Resources["StateMachine"].Properties.Name
	arn, _ := s.Globals.Function.Environment.Variables["STATE_MACHINE_ARN"].(string)
	if machine == "" || !strings.HasSuffix(arn, ":stateMachine:"+machine) {
		t.Errorf("STATE_MACHINE_ARN is %s, the machine's name %s", arn, machine)
	}
}

func TestEventSources(t *testing.T) {
	s := readTemplate(t)
	for _, e := range s.functions()["SettleFunction"].Events {
		p := e.Properties.Pattern
		if e.Type != "EventBridgeRule" || !slices.Equal(p.Source, []string{"aws.states"}) || !slices.Equal(p.DetailType, []string{statusChange}) ||
			!slices.Equal(p.Detail.Machine, []string{"StateMachine"}) {
			t.Errorf("settle is called by %+v", e)
		}
		same(t, "endings that settle hears of", p.Detail.Status, []string{"FAILED", "TIMED_OUT", "ABORTED"})
		for _, status := range p.Detail.Status {
			heard := settleEvent{DetailType: statusChange}
			heard.Detail.Status = status
			if _, over, err := heard.input(); !over || err != nil {
				t.Errorf("settle takes %s for %v, %v; want the end of a job", status, over, err)
			}
		}
	}
	for _, e := range s.functions()["SweeperFunction"].Events {
		if e.Type != "Schedule" || e.Properties.Schedule != "rate(1 minute)" {
			t.Errorf("the sweeper is called by %+v", e)
		}
	}
	if n, m := len(s.functions()["SettleFunction"].Events), len(s.functions()["SweeperFunction"].Events); n != 1 || m != 1 {
		t.Errorf("settle has %d events, the sweeper %d; want 1 each", n, m)
	}
}

func TestTableAndBucket(t *testing.T) {
	s := readTemplate(t)
	table := s.Resources["Table"].Properties
	if k := table.KeySchema; len(k) != 2 || k[0].Name != "pk" || k[0].Type != "HASH" || k[1].Name != "sk" || k[1].Type != "RANGE" {
		t.Errorf("the table's keys are %+v", k)
	}
	if table.TimeToLive.Name != "exp" || !table.TimeToLive.Enabled {
		t.Errorf("the table's rows expire by %+v", table.TimeToLive)
	}
	access := s.Resources["Bucket"].Properties.PublicAccess
	same(t, "kinds of public access that are blocked", slices.Collect(maps.Keys(access)),
		[]string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"})
	for kind, blocked := range access {
		if !blocked {
			t.Errorf("%s is off", kind)
		}
	}
}

// No right is given for everything of a service or on everything there is.
func TestPolicies(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	statements := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["Effect"] != nil {
				statements++
				for _, field := range []string{"Action", "Resource"} {
					list, ok := v[field].([]any)
					if !ok {
						list = []any{v[field]}
					}
					for _, e := range list {
						text, ok := e.(string)
						if !ok || text == "" || text == "*" || field == "Action" && strings.Contains(text, "*") {
							t.Errorf("a statement has %s %v", field, e)
						}
					}
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	if walk(tree); statements < 8 {
		t.Errorf("%d statements were looked at", statements)
	}
}

// Each function has samples, each sample a function; steps take their samples without a field too many.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sampled []string
	for _, name := range files {
		function, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".json"), "-")
		sampled = append(sampled, function)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if function != "sweeper" && !isAPI(function) && !strings.Contains(string(b), sampleJob.String()) {
			t.Errorf("%s is not about %s", name, sampleJob)
		}
	}
	same(t, "functions with samples", slices.Compact(slices.Sorted(slices.Values(sampled))), functionNames(t))
	for function, in := range map[string]any{
		"prepare": &pipeline.JobInput{}, "ingest": &pipeline.BatchInput{}, "plan": &pipeline.JobInput{}, "curate": &pipeline.JobInput{},
		"assemble": &pipeline.PartInput{}, "publish": &pipeline.JobInput{}, "settle": &pipeline.SettleInput{},
	} {
		d := json.NewDecoder(strings.NewReader(string(event(t, function))))
		d.DisallowUnknownFields()
		if err := d.Decode(in); err != nil {
			t.Errorf("events/%s.json: %v", function, err)
		}
	}
	for function, token := range map[string]bool{"generator": true, "scorer": false} {
		var batch struct{ Records []struct{ Body string } }
		if err := json.Unmarshal(event(t, function), &batch); err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(batch.Records[0].Body))
		d.DisallowUnknownFields()
		var m pipeline.LaneMessage
		if err := d.Decode(&m); err != nil || (m.Token != "") != token {
			t.Errorf("the message to %s: %+v, %v; want a token: %v", function, m, err, token)
		}
	}
}
