package aws

import (
	"strings"
	"testing"

	"compileo/internal/dataset"
)

// environment is one that is right.
func environment() map[string]string {
	return map[string]string{
		"TABLE": "compileo-table", "BUCKET": "compileo-bucket",
		"GENERATE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/generate",
		"SCORE_QUEUE_URL":    "https://sqs.us-east-1.amazonaws.com/123456789012/score",
		"STATE_MACHINE_ARN":  "arn:aws:states:us-east-1:123456789012:stateMachine:compileo-jobs",
	}
}

func TestParseConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		faults []string // each a part of the error; none: it is right
	}{
		{"right", nil, nil},
		{"with a provider", map[string]string{"OPENAI_API_KEY": "k"}, nil},
		{
			"all missing",
			map[string]string{"TABLE": "", "BUCKET": "", "GENERATE_QUEUE_URL": "", "SCORE_QUEUE_URL": "", "STATE_MACHINE_ARN": ""},
			[]string{"TABLE: is missing", "BUCKET: is missing", "GENERATE_QUEUE_URL: is missing", "SCORE_QUEUE_URL: is missing", "STATE_MACHINE_ARN: is missing"},
		},
		{"no URL", map[string]string{"SCORE_QUEUE_URL": "ScoreQueue"}, []string{`SCORE_QUEUE_URL: is "ScoreQueue", want the URL`}},
		{"no ARN", map[string]string{"STATE_MACHINE_ARN": "jobs"}, []string{`STATE_MACHINE_ARN: is "jobs", want the ARN`}},
		{"too long", map[string]string{"TABLE": strings.Repeat("x", maxSetting+1)}, []string{"TABLE: has 2049 bytes"}},
		{"with an issuer", map[string]string{"AUTH_ISSUER": "https://id.example", "AUTH_AUDIENCE": "compileo", "AUTH_JWKS_URL": "https://id.example/keys"}, nil},
		{"an issuer without keys", map[string]string{"AUTH_ISSUER": "https://id.example", "AUTH_AUDIENCE": "compileo"}, []string{"AUTH_JWKS_URL: "}},
		{
			"ours and a provider's",
			map[string]string{"TABLE": "", "OPENAI_BASE_URL": "ftp://x", "MODEL_ALIASES": "gemini"},
			[]string{"TABLE: is missing", "OPENAI_BASE_URL: is"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := environment()
			for name, value := range c.change {
				env[name] = value
			}
			config, err := ParseConfig(func(name string) string { return env[name] })
			if len(c.faults) == 0 {
				if err != nil || config.Table != env["TABLE"] || config.cloud().Queues[dataset.ScoreQueue] != env["SCORE_QUEUE_URL"] {
					t.Errorf("ParseConfig = %+v, %v", config, err)
				}
				return
			}
			if !dataset.Is(err, dataset.Invalid) {
				t.Fatalf("error is %v, want Invalid", err)
			}
			for _, want := range c.faults {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if n := strings.Count(err.Error(), "\n") + 1; n != len(c.faults) {
				t.Errorf("%d faults are reported, want %d: %v", n, len(c.faults), err)
			}
		})
	}
}

func TestNew(t *testing.T) {
	env := environment()
	getenv := func(name string) string { return env[name] }
	if _, err := New(getenv); err != nil {
		t.Fatal(err)
	}
	env["STATE_MACHINE_ARN"] = "arn:aws:states:us-east-1:123456789012:activity:compileo"
	if _, err := New(getenv); !dataset.Is(err, dataset.Invalid) {
		t.Errorf("the ARN of something else is %v, want Invalid", err)
	}
}
