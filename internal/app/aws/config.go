package aws

import (
	"errors"
	"strings"

	"compileo/internal/access"
	"compileo/internal/app"
	"compileo/internal/cloud"
	"compileo/internal/dataset"
	"compileo/internal/model"
)

// Config is what a function reads from its environment. The models and the guard of internal/app are read with it; region
// and credentials are the SDK's own.
type Config struct {
	Table         string // TABLE, the DynamoDB table
	Bucket        string // BUCKET, the S3 bucket
	GenerateQueue string // GENERATE_QUEUE_URL
	ScoreQueue    string // SCORE_QUEUE_URL
	StateMachine  string // STATE_MACHINE_ARN
	Models        *model.Registry
	Guard         *access.Guard // its keys are without their table
}

// maxSetting bounds one variable; a whole environment on Lambda ends at 4 KB.
const maxSetting = 2 << 10

// ParseConfig reads the configuration. Its error joins one Invalid error for each variable that is wrong.
func ParseConfig(getenv func(string) string) (Config, error) {
	var c Config
	var faults []error
	for _, v := range []struct {
		name  string
		to    *string
		form  string // how it begins
		wants string
	}{
		{"TABLE", &c.Table, "", "the name of the table"},
		{"BUCKET", &c.Bucket, "", "the name of the bucket"},
		{"GENERATE_QUEUE_URL", &c.GenerateQueue, "http", "the URL of the generate queue"},
		{"SCORE_QUEUE_URL", &c.ScoreQueue, "http", "the URL of the score queue"},
		{"STATE_MACHINE_ARN", &c.StateMachine, "arn:", "the ARN of the state machine"},
	} {
		*v.to = getenv(v.name)
		switch {
		case *v.to == "":
			faults = append(faults, dataset.InvalidField(v.name, "is missing, want %s", v.wants))
		case len(*v.to) > maxSetting:
			faults = append(faults, dataset.InvalidField(v.name, "has %d bytes, want at most %d", len(*v.to), maxSetting))
		case !strings.HasPrefix(*v.to, v.form):
			faults = append(faults, dataset.InvalidField(v.name, "is %q, want %s", *v.to, v.wants))
		}
	}
	var models, guard error
	c.Models, models = app.Models(getenv)
	c.Guard, guard = app.Guard(getenv, nil)
	return c, errors.Join(append(faults, models, guard)...)
}

// cloud is the part of the configuration that the ports need.
func (c Config) cloud() cloud.Config {
	return cloud.Config{
		Table: c.Table, Bucket: c.Bucket, StateMachine: c.StateMachine,
		Queues: map[string]string{dataset.GenerateQueue: c.GenerateQueue, dataset.ScoreQueue: c.ScoreQueue},
	}
}
