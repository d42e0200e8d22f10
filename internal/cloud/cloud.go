// Package cloud implements the ports of internal/dataset on AWS: Table on DynamoDB, Blobs on S3, Queue on SQS
// and Workflow on Step Functions. It is the only package besides the wiring that knows the AWS SDK.
//
// The SDK repeats what failed for a passing reason, three tries in all. A conditional write that it repeats
// may meet its own first try and be refused; the contracts allow that, and callers read again. Errors are
// *dataset.Error (or *dataset.Refused): their Detail names the operation, their cause is the SDK's error.
// A request without an answer ends after 30 s, or earlier with its context.
package cloud

import (
	"context"
	"net/http"
	"sync"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"
)

const (
	answerTime = 30 * time.Second // from the end of a request to the head of its answer
	idleToHost = 64               // connections kept open; a lane alone has 8 calls that end in a put
)

// Config names what the ports work on. A port whose name is empty must not be asked for. Region, endpoints
// and credentials come from the SDK's own environment.
type Config struct {
	Table        string            // name of the DynamoDB table
	Bucket       string            // name of the S3 bucket
	Queues       map[string]string // URLs by queue name (dataset.GenerateQueue, …)
	StateMachine string            // ARN of the workflow's state machine
}

// Cloud holds the ports. Each makes its client when it is first asked for.
type Cloud struct {
	// Table, Blobs, Queue and Workflow return the same port each time.
	Table    func() *Table
	Blobs    func() *Blobs
	Queue    func() *Queue
	Workflow func() *Workflow
}

// Open reads the SDK's environment and makes no request. Invalid: the environment or the ARN is faulty.
func Open(ctx context.Context, c Config) (*Cloud, error) {
	if c.StateMachine != "" {
		if _, err := executionARN(c.StateMachine, "x"); err != nil {
			return nil, &dataset.Error{Kind: dataset.Invalid, Detail: "configure the workflow", Err: err}
		}
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = idleToHost, answerTime
	})
	// The SDK's own lines are no part of a structured log, and it writes one for each ranged read.
	sdk, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, &dataset.Error{Kind: dataset.Invalid, Detail: "configure the AWS clients", Err: err}
	}
	return &Cloud{
		Table: sync.OnceValue(func() *Table {
			return &Table{Client: dynamodb.NewFromConfig(sdk), Name: c.Table}
		}),
		Blobs: sync.OnceValue(func() *Blobs { return newBlobs(s3.NewFromConfig(sdk), c.Bucket) }),
		Queue: sync.OnceValue(func() *Queue {
			return &Queue{Client: sqs.NewFromConfig(sdk), URLs: c.Queues}
		}),
		Workflow: sync.OnceValue(func() *Workflow {
			return &Workflow{Client: sfn.NewFromConfig(sdk), StateMachineARN: c.StateMachine}
		}),
	}, nil
}

// newBlobs also makes the presigner, which must not bind the checksum of a body that it does not have.
func newBlobs(client *s3.Client, bucket string) *Blobs {
	presign := s3.NewPresignClient(client, s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}))
	return &Blobs{Client: client, Presign: presign, Bucket: bucket}
}
