package aws

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"compileo/infra"
	"compileo/internal/app"
	"compileo/internal/app/local"
	"compileo/internal/dataset"
	"compileo/internal/pipeline"
)

// What the workflow's definition leaves open is what the template fills in, and what one machine does.
func TestSubstitutions(t *testing.T) {
	var open []string
	for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllSubmatch(infra.Workflow, -1) {
		open = append(open, string(m[1]))
	}
	open = slices.Compact(slices.Sorted(slices.Values(open)))
	machine := readTemplate(t).Resources["StateMachine"].Properties
	same(t, "substitutions", slices.Collect(maps.Keys(machine.DefinitionSubstitutions)), slices.Clone(open))
	if machine.DefinitionUri != "infra/workflow.asl.json" {
		t.Errorf("the definition is %s", machine.DefinitionUri)
	}
	var functions []string
	for _, name := range open {
		want := name
		if strings.HasSuffix(name, "Function") {
			functions = append(functions, name)
			want += ".Arn"
		}
		if got := machine.DefinitionSubstitutions[name]; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	same(t, "functions on one machine", slices.Collect(maps.Keys(local.Functions(&pipeline.Engine{}))), functions)
	a, _ := newApp(t, nil)
	same(t, "handlers", slices.Collect(maps.Keys(handlers(a))), functionNames(t))
}

// aslState is what this test reads of a state.
type aslState struct {
	Type  string
	Retry []struct {
		ErrorEquals []string
		MaxAttempts *int
	}
	Catch []struct {
		ErrorEquals []string
		Next        string
	}
	ItemProcessor struct{ States map[string]aslState }
}

// The workflow matches failures by the names that functions give them, and by no other.
func TestErrorNames(t *testing.T) {
	given := map[string]bool{}
	for _, kind := range []dataset.Kind{
		dataset.Invalid, dataset.NotFound, dataset.Conflict, dataset.Throttled, dataset.Unavailable, dataset.Internal,
	} {
		given[pipeline.ErrorName(&dataset.Error{Kind: kind})] = true
	}
	if given[ConfigurationError] {
		t.Errorf("%s is the name of a kind as well", ConfigurationError)
	}
	var machine struct{ States map[string]aslState }
	if err := json.Unmarshal(infra.Workflow, &machine); err != nil {
		t.Fatal(err)
	}
	tasks := 0
	var check func(states map[string]aslState, inner bool)
	check = func(states map[string]aslState, inner bool) {
		for name, s := range states {
			check(s.ItemProcessor.States, true)
			for _, r := range s.Retry {
				for _, e := range r.ErrorEquals {
					if !given[e] && !strings.HasPrefix(e, "States.") {
						t.Errorf("%s retries %s, which nobody raises", name, e)
					}
				}
			}
			if s.Type == "Task" {
				tasks++
				if len(s.Retry) < 2 || !slices.Equal(s.Retry[0].ErrorEquals, []string{"Permanent"}) || s.Retry[0].MaxAttempts == nil || *s.Retry[0].MaxAttempts != 0 ||
					!slices.Equal(s.Retry[len(s.Retry)-1].ErrorEquals, []string{"States.ALL"}) {
					t.Errorf("%s must not retry Permanent and must retry the rest: %+v", name, s.Retry)
				}
			}
			// A failure within a Map is caught around it; when Settle fails the sweeper is left.
			if !inner && (s.Type == "Task" || s.Type == "Map") && name != "Settle" &&
				(len(s.Catch) != 1 || !slices.Equal(s.Catch[0].ErrorEquals, []string{"States.ALL"}) || s.Catch[0].Next != "Settle") {
				t.Errorf("%s does not end in Settle: %+v", name, s.Catch)
			}
		}
	}
	if check(machine.States, false); tasks < 8 {
		t.Errorf("%d tasks were looked at", tasks)
	}
}

func TestQueuesAndTimes(t *testing.T) {
	s := readTemplate(t)
	functions, queues := s.functions(), s.of("AWS::SQS::Queue")
	letters := map[string]bool{}
	for function, queue := range map[string]string{"GeneratorFunction": "GenerateQueue", "ScorerFunction": "ScoreQueue"} {
		q, f := queues[queue], functions[function]
		// Six times: what AWS asks for, so that a throttled function does not use up a message's deliveries.
		if q.VisibilityTimeout < 6*f.Timeout {
			t.Errorf("%s hides a message for %d s, want at least 6 × %d s of %s", queue, q.VisibilityTimeout, f.Timeout, function)
		}
		dead := strings.TrimSuffix(q.RedrivePolicy.Target, ".Arn")
		if d, ok := queues[dead]; !ok || letters[dead] || q.RedrivePolicy.Receives < 5 || d.MessageRetentionPeriod != 14*24*3600 {
			t.Errorf("%s gives up to %q after %d deliveries, kept %d s; want a queue of its own after at least 5, kept 14 days",
				queue, dead, q.RedrivePolicy.Receives, d.MessageRetentionPeriod)
		}
		letters[dead] = true
		if len(f.Events) != 1 {
			t.Errorf("%s has %d events, want the one queue", function, len(f.Events))
		}
		for _, e := range f.Events {
			if p := e.Properties; e.Type != "SQS" || p.Queue != queue+".Arn" || p.BatchSize != 1 || !slices.Contains(p.ResponseTypes, "ReportBatchItemFailures") {
				t.Errorf("%s is called by %+v", function, e)
			}
		}
	}
	if len(queues) != 2*len(letters) {
		t.Errorf("%d queues, of which %d are for dead letters", len(queues), len(letters))
	}
	timing := pipeline.DefaultTiming
	models, err := app.Models(func(name string) string {
		if strings.HasSuffix(name, "_API_KEY") {
			return "key"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	call := time.Duration(0)
	for _, p := range models.Providers {
		call = max(call, p.Timeout)
	}
	// A call that begins as the slice ends still comes back, is kept, and the lane is left in order.
	const unit = time.Minute // for reading, scoring and writing one unit
	for function, least := range map[string]time.Duration{
		"GeneratorFunction": timing.Slice + timing.Wait + call + timing.Margin + reserve,
		"ScorerFunction":    timing.Slice + unit + reserve,
		"IngestFunction":    timing.Parse + unit + reserve,
	} {
		if f := time.Duration(functions[function].Timeout) * time.Second; f < least {
			t.Errorf("%s has %v, want at least %v", function, f, least)
		}
	}
	for name, f := range functions {
		if s.isAPI(name) {
			// The gateway waits for 30 s. The longest poll ends before, and what it found is answered.
			if time.Duration(f.Timeout)*time.Second < longestPoll+answering || f.Timeout >= 30 {
				t.Errorf("%s has %d s, want at least %v and less than 30 s", name, f.Timeout, longestPoll+answering)
			}
			continue
		}
		if f.Timeout < 30 || f.Timeout > 900 {
			t.Errorf("%s has %d s, want 30 to 900", name, f.Timeout)
		}
	}
	if timing.Margin > reserve {
		t.Errorf("a lane needs %v to be left, a function keeps %v", timing.Margin, reserve)
	}
	var machine struct{ TimeoutSeconds int }
	if err := json.Unmarshal(infra.Workflow, &machine); err != nil {
		t.Fatal(err)
	}
	if days := s.Parameters["RetentionDays"].MinValue; days*24*3600 <= machine.TimeoutSeconds {
		t.Errorf("working files may expire after %d days, an execution lasts %d s", days, machine.TimeoutSeconds)
	}
}
