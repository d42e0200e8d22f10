package aws

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"compileo/internal/app"
	"compileo/internal/cloud"
	"compileo/internal/dataset"
	"compileo/internal/lambdahost"
	"compileo/internal/pipeline"
)

// The servers that the compiled functions are run against, by the names that .ci/oracles sets.
var endpoints = []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SFN"}

// The whole story and its other endings with the compiled functions, over servers that speak AWS protocols.
func TestConformanceStory(t *testing.T)   { tellStory(t, onServers(t)) }
func TestConformanceEndings(t *testing.T) { tellEndings(t, onServers(t)) }

// onServers is the stage of compiled functions. A missing server is a skip, or a failure where COMPILEO_CONFORMANCE
// says that none may be missing.
func onServers(t *testing.T) stage {
	t.Helper()
	for _, name := range endpoints {
		if os.Getenv(name) != "" {
			continue
		}
		if os.Getenv("COMPILEO_CONFORMANCE") != "" {
			t.Fatalf("%s is not set: there is no server to run the functions against", name)
		}
		t.Skipf("not run against servers: %s is not set; run .ci/conformance", name)
	}
	clients, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := makeStack(t, clients)
	ports, err := cloud.Open(t.Context(), c.cloud())
	if err != nil {
		t.Fatal(err)
	}
	if c.Models, err = app.Models(func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	env := c.environ()
	hosts := map[string]*lambdahost.Host{}
	for _, function := range functionNames(t) {
		hosts[function], _ = host(t, function, env)
	}
	return stage{
		engine: &pipeline.Engine{
			Table: ports.Table(), Blobs: ports.Blobs(), Queue: ports.Queue(), Workflow: ports.Workflow(),
			Models: c.Models, Timing: pipeline.DefaultTiming, Log: slog.New(slog.DiscardHandler),
		},
		invoke: func(t *testing.T, function string, event []byte) string {
			t.Helper()
			r := invoke(t, hosts[function], event)
			if r.Error != nil {
				t.Fatalf("%s: %v", function, r.Error)
			}
			return string(r.Payload)
		},
		hinted: func(t *testing.T) (bodies []string) {
			out, err := sqs.NewFromConfig(clients).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
				QueueUrl: &c.ScoreQueue, MaxNumberOfMessages: 10, WaitTimeSeconds: 2,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range out.Messages {
				bodies = append(bodies, *m.Body)
			}
			return bodies
		},
	}
}

// environ is the environment of the functions: the stack's names, and how to reach the servers.
func (c Config) environ() []string {
	env := []string{
		"TABLE=" + c.Table, "BUCKET=" + c.Bucket, "GENERATE_QUEUE_URL=" + c.GenerateQueue,
		"SCORE_QUEUE_URL=" + c.ScoreQueue, "STATE_MACHINE_ARN=" + c.StateMachine, "AWS_LAMBDA_LOG_FORMAT=JSON",
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "AWS_LAMBDA_") {
			env = append(env, v)
		}
	}
	return env
}

// standing is a machine whose executions only run: no server here can invoke our functions, the test does.
const standing = `{"StartAt": "Stand", "States": {"Stand": {"Type": "Wait", "Seconds": 600, "End": true}}}`

// makeStack makes what template.yaml does, under names of its own.
func makeStack(t *testing.T, clients sdk.Config) Config {
	t.Helper()
	name := "compileo-" + dataset.NewID()
	c := Config{Table: name, Bucket: name}
	made := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("make the %s: %v", what, err)
		}
	}
	tables := dynamodb.NewFromConfig(clients)
	_, err := tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{
			{AttributeName: new("pk"), AttributeType: ddbtypes.ScalarAttributeTypeS},
			{AttributeName: new("sk"), AttributeType: ddbtypes.ScalarAttributeTypeS},
		},
		KeySchema: []ddbtypes.KeySchemaElement{
			{AttributeName: new("pk"), KeyType: ddbtypes.KeyTypeHash}, {AttributeName: new("sk"), KeyType: ddbtypes.KeyTypeRange},
		},
	})
	made("table", err)
	made("table", dynamodb.NewTableExistsWaiter(tables).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if _, err := tables.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Logf("delete the table: %v", err)
		}
	})
	_, err = s3.NewFromConfig(clients).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	made("bucket", err)
	for queue, url := range map[string]*string{"generate": &c.GenerateQueue, "score": &c.ScoreQueue} {
		out, err := sqs.NewFromConfig(clients).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new(fmt.Sprintf("%s-%s", name, queue))})
		made("queue", err)
		*url = *out.QueueUrl
	}
	machine, err := sfn.NewFromConfig(clients).CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: &name, Definition: new(standing), RoleArn: new("arn:aws:iam::123456789012:role/compileo"),
	})
	made("state machine", err)
	c.StateMachine = *machine.StateMachineArn
	return c
}
