// Package aws wires the Lambdas: the verbs of internal/pipeline over the ports of internal/cloud, each behind the
// event that calls it on AWS. A function's main.go only names its handler:
//
//	func main() { aws.Start((*aws.App).Prepare) }
//
// Four kinds of event arrive: requests of API Gateway, inputs of workflow steps, batches of queue messages, and events
// of EventBridge.
// Failures leave with the name that the workflow's Retry and Catch match (pipeline.ErrorName) and with a text
// that a user may read; the causes go to the log only. A panic is a failure named Internal, and the process is
// replaced. Nothing is asked of the network before the first event.
package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"compileo/internal/access"
	"compileo/internal/cloud"
	"compileo/internal/library"
	"compileo/internal/pipeline"
)

// App holds what the handlers of all functions share. It is safe for concurrent use.
type App struct {
	engine  *pipeline.Engine
	library *library.Library
	guard   *access.Guard
	log     *slog.Logger
}

// New wires the system from the environment; Invalid errors, joined, name every variable that is wrong. It makes
// no request.
func New(getenv func(string) string) (*App, error) {
	c, err := ParseConfig(getenv)
	if err != nil {
		return nil, err
	}
	ports, err := cloud.Open(context.Background(), c.cloud())
	if err != nil {
		return nil, err
	}
	log := lambdacontext.NewLogger()
	c.Guard.Keys.Table = ports.Table()
	return &App{log: log, guard: c.Guard, library: &library.Library{Table: ports.Table(), Blobs: ports.Blobs(), Log: log}, engine: &pipeline.Engine{
		Table: ports.Table(), Blobs: ports.Blobs(), Queue: ports.Queue(), Workflow: ports.Workflow(),
		Models: c.Models, Timing: pipeline.DefaultTiming, Log: log,
	}}, nil
}

// Start runs the handler of a function and does not return. When the environment is wrong it tells Lambda, so that
// whoever called the function sees why, and ends the process with code 1.
func Start(choose func(*App) lambda.Handler) {
	a, err := New(os.Getenv)
	if err != nil {
		lambdacontext.NewLogger().Error("the function cannot start", "error", err)
		reportInit(os.Getenv("AWS_LAMBDA_RUNTIME_API"), err)
		os.Exit(1)
	}
	lambda.Start(choose(a))
}

// ConfigurationError names the failure of a function whose environment is wrong. The workflow has no rule of its own
// for it: it repeats the step for the longest time it has, in which the operator may mend the deployment.
const ConfigurationError = "Configuration"

// initReport bounds how long the runtime interface may take to hear why a function cannot start.
const initReport = 2 * time.Second

// reportInit tells the runtime interface why the function cannot start. That the process ends says the rest.
func reportInit(api string, why error) {
	ctx, cancel := context.WithTimeout(context.Background(), initReport)
	defer cancel()
	body, _ := json.Marshal(messages.InvokeResponse_Error{Type: ConfigurationError, Message: why.Error()}) // strings
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Lambda-Runtime-Function-Error-Type", ConfigurationError)
	client := http.Client{Transport: &http.Transport{}} // without a proxy
	if answer, err := client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10))
		_ = answer.Body.Close()
	}
}
