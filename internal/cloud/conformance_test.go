package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// The conformance tests run on the servers that these environment names point to (.ci/oracles starts some).
// Without them they are skipped, unless COMPILEO_CONFORMANCE says that they must not be.
const (
	dynamoEndpoint = "AWS_ENDPOINT_URL_DYNAMODB"
	s3Endpoint     = "AWS_ENDPOINT_URL_S3"
	sqsEndpoint    = "AWS_ENDPOINT_URL_SQS"
	sfnEndpoint    = "AWS_ENDPOINT_URL_SFN"
)

// server returns how to reach the servers, all of which must be there.
func server(t testing.TB, endpoints ...string) aws.Config {
	t.Helper()
	for _, name := range endpoints {
		if os.Getenv(name) != "" {
			continue
		}
		if os.Getenv("COMPILEO_CONFORMANCE") != "" {
			t.Fatalf("%s is not set: there is no server to hold this package against", name)
		}
		t.Skipf("not held against a server: %s is not set; run .ci/conformance", name)
	}
	sdk, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sdk
}

func open(t testing.TB, c Config) *Cloud {
	t.Helper()
	opened, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// after cleans up what a test made, when its own context has ended already.
func after(t testing.TB, clean func(ctx context.Context) error) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := clean(ctx); err != nil {
			t.Logf("clean up: %v", err)
		}
	})
}

func name(kind string) string { return "porttest-" + kind + "-" + dataset.NewID() }

func newTable(t testing.TB) *Table {
	client := dynamodb.NewFromConfig(server(t, dynamoEndpoint))
	table := name("table")
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{
			{AttributeName: new("pk"), AttributeType: ddbtypes.ScalarAttributeTypeS},
			{AttributeName: new("sk"), AttributeType: ddbtypes.ScalarAttributeTypeS},
		},
		KeySchema: []ddbtypes.KeySchemaElement{
			{AttributeName: new("pk"), KeyType: ddbtypes.KeyTypeHash}, {AttributeName: new("sk"), KeyType: ddbtypes.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	after(t, func(ctx context.Context) error {
		_, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table})
		return err
	})
	ready := dynamodb.NewTableExistsWaiter(client)
	if err := ready.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &table}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return open(t, Config{Table: table}).Table()
}

func TestConformanceTable(t *testing.T) {
	table := newTable(t)
	porttest.Table(t, func(*testing.T) dataset.Table { return table })
}

func newBlobsOnServer(t testing.TB) *Blobs {
	client := s3.NewFromConfig(server(t, s3Endpoint))
	bucket := name("bucket")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	blobs := open(t, Config{Bucket: bucket}).Blobs()
	after(t, func(ctx context.Context) error {
		for {
			page, err := blobs.List(ctx, "", "")
			if err != nil {
				return err
			}
			if len(page) == 0 {
				_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
				return err
			}
			var keys []string
			for _, info := range page {
				keys = append(keys, info.Key)
			}
			if err := blobs.Delete(ctx, keys...); err != nil {
				return err
			}
		}
	})
	return blobs
}

func TestConformanceBlobs(t *testing.T) {
	blobs := newBlobsOnServer(t)
	porttest.Blobs(t, porttest.BlobsHarness{
		Open: func(*testing.T) dataset.Blobs { return blobs }, Presign: true, Part: partSize,
	})
}

const (
	visibility = 2 * time.Second
	receives   = 3
)

func TestConformanceQueue(t *testing.T) {
	client := sqs.NewFromConfig(server(t, sqsEndpoint))
	porttest.Queue(t, porttest.QueueHarness{
		Open:       func(t *testing.T) porttest.QueueSystem { return newQueueSystem(t, client) },
		Visibility: visibility, MaxReceives: receives,
	})
}

// newQueueSystem makes the two queues and the dead-letter queue that both give up to.
func newQueueSystem(t *testing.T, client *sqs.Client) porttest.QueueSystem {
	dead := newQueue(t, client, nil)
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &dead, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{
		"VisibilityTimeout": fmt.Sprint(visibility.Seconds()),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn": %q, "maxReceiveCount": %d}`, out.Attributes["QueueArn"], receives),
	}
	urls := map[string]string{}
	for _, queue := range []string{dataset.GenerateQueue, dataset.ScoreQueue} {
		urls[queue] = newQueue(t, client, attributes)
	}
	letters := collect(t, client, dead)
	return porttest.QueueSystem{
		Queue: open(t, Config{Queues: urls}).Queue(),
		Consume: func(ctx context.Context, queue string, h dataset.Handler) func() {
			return consume(ctx, client, urls[queue], h)
		},
		Dead: letters,
	}
}

func newQueue(t *testing.T, client *sqs.Client, attributes map[string]string) string {
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new(name("queue")), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	after(t, func(ctx context.Context) error {
		_, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
		return err
	})
	return *out.QueueUrl
}

// consume calls h for each delivery, ten at once, as the event source of a Lambda does: what it answers nil to
// is deleted, the rest comes again by itself.
func consume(ctx context.Context, client *sqs.Client, url string, h dataset.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var poller, handlers sync.WaitGroup
	free := make(chan struct{}, 10)
	handle := func(m sqstypes.Message) {
		defer func() { <-free }()
		if ctx.Err() == nil && h(ctx, []byte(aws.ToString(m.Body))) == nil {
			_, _ = client.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		}
	}
	poller.Go(func() {
		for ctx.Err() == nil {
			// One message at a time: what waits here for a handler would lose its visibility.
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 1, WaitTimeSeconds: 1})
			if err != nil || len(out.Messages) == 0 {
				<-free
				continue
			}
			handlers.Go(func() { handle(out.Messages[0]) })
		}
	})
	return func() {
		cancel()
		poller.Wait()
		handlers.Wait()
	}
}

// collect keeps the bodies of all messages of a queue.
func collect(t *testing.T, client *sqs.Client, url string) func() [][]byte {
	var mu sync.Mutex
	var bodies [][]byte
	t.Cleanup(consume(t.Context(), client, url, func(_ context.Context, body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, body)
		return nil
	}))
	return func() [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return bodies[:len(bodies):len(bodies)]
	}
}

// waiting is a machine of one step, which sends its token to a queue and waits for an answer to it.
const waiting = `{"StartAt": "Wait", "States": {"Wait": {
	"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
	"Parameters": {"QueueUrl": %q, "MessageBody": {"job.$": "$.job", "token.$": "$$.Task.Token"}}
}}}`

func TestConformanceWorkflow(t *testing.T) {
	sdk := server(t, sqsEndpoint, sfnEndpoint)
	queues, machines := sqs.NewFromConfig(sdk), sfn.NewFromConfig(sdk)
	url := newQueue(t, queues, nil)
	out, err := machines.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: new(name("machine")), Definition: new(fmt.Sprintf(waiting, url)),
		RoleArn: new("arn:aws:iam::123456789012:role/porttest"),
	})
	if err != nil {
		t.Fatal(err)
	}
	after(t, func(ctx context.Context) error {
		_, err := machines.DeleteStateMachine(ctx, &sfn.DeleteStateMachineInput{StateMachineArn: out.StateMachineArn})
		return err
	})
	bodies := collect(t, queues, url)
	system := porttest.WorkflowSystem{
		Workflow: open(t, Config{StateMachine: *out.StateMachineArn}).Workflow(),
		Waiting: func(name string) (tokens []string) {
			for _, body := range bodies() {
				var step struct{ Job, Token string }
				if err := json.NewDecoder(strings.NewReader(string(body))).Decode(&step); err != nil {
					t.Errorf("the step sent %s: %v", body, err)
				}
				if step.Job == name {
					tokens = append(tokens, step.Token)
				}
			}
			return tokens
		},
	}
	const running = "the emulator goes on with an execution that was stopped while its task waits for a token"
	porttest.Workflow(t, porttest.WorkflowHarness{
		Open: func(*testing.T) porttest.WorkflowSystem { return system },
		Skip: porttest.Skips{
			"stop aborts an execution that runs": running,
			"an answer after a stop is NotFound": running,
			"executions are apart":               running,
		},
	})
}
