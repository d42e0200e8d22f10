package cloud

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const machineARN = "arn:aws:states:us-east-1:123456789012:stateMachine:jobs"

// request is what a fake service got.
type request struct {
	method string
	op     string // of a JSON protocol, without the service
	uri    string // path and query
	header http.Header
	body   []byte // of a JSON protocol
}

// json decodes the body.
func (r request) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%s sent %q: %v", r.op, r.body, err)
	}
	return v
}

// reply is what a fake service answers. The zero value is 200 with an empty JSON object; a negative status is
// a connection that breaks.
type reply struct {
	status int
	code   string // of an error
	body   string
}

// fake stands in for the AWS services: it answers in this process, so that bubbles of virtual time work.
type fake struct {
	mu     sync.Mutex
	got    []request
	answer func(r request, n int) reply // n counts requests from 0
}

func (f *fake) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	got := request{method: r.Method, uri: r.URL.RequestURI(), header: r.Header}
	if _, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		got.op = op
	}
	if r.Body != nil && got.op != "" {
		got.body, _ = io.ReadAll(r.Body)
	} else if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	f.mu.Lock()
	n := len(f.got)
	f.got = append(f.got, got)
	f.mu.Unlock()
	a := reply{}
	if f.answer != nil {
		a = f.answer(got, n)
	}
	if a.status < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.body == "" && got.op != "" {
		a.body = `{}`
	}
	res := &http.Response{StatusCode: a.status, Header: http.Header{}, Request: r}
	if a.code != "" && got.op == "" {
		a.body = "<Error><Code>" + a.code + "</Code><Message>no</Message></Error>"
	} else if a.code != "" && a.body == `{}` {
		a.body = `{"__type": "` + a.code + `", "message": "no"}`
	}
	res.ContentLength = int64(len(a.body))
	res.Header.Set("Content-Length", strconv.Itoa(len(a.body)))
	res.Body = io.NopCloser(strings.NewReader(a.body))
	return res, nil
}

// fails answers every request with an error.
func fails(status int, code string) func(request, int) reply {
	return func(request, int) reply { return reply{status: status, code: code} }
}

// serve returns ports on the fake services.
func serve(answer func(r request, n int) reply) (*fake, *Table, *Blobs, *Queue, *Workflow) {
	f := &fake{answer: answer}
	sdk := aws.Config{
		Region: "us-east-1", HTTPClient: f, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		BaseEndpoint: new("http://127.0.0.1:1"),
	}
	return f, &Table{Client: dynamodb.NewFromConfig(sdk), Name: "table"}, newBlobs(s3.NewFromConfig(sdk), "bucket"),
		&Queue{Client: sqs.NewFromConfig(sdk, func(o *sqs.Options) { o.DisableMessageChecksumValidation = true }), URLs: map[string]string{"q": "http://127.0.0.1:1/q"}},
		&Workflow{Client: sfn.NewFromConfig(sdk), StateMachineARN: machineARN}
}

func wantKind(t *testing.T, what string, err error, want dataset.Kind) {
	t.Helper()
	if got := dataset.KindOf(err); got != want {
		t.Errorf("%s = %v (kind %q), want kind %q", what, err, got, want)
	}
}
