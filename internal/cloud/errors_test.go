package cloud

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"compileo/internal/dataset"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func coded(status int, code string, fault smithy.ErrorFault) error {
	return &smithy.OperationError{Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Fault: fault},
	}}
}

func TestKinds(t *testing.T) {
	bare := func(status int) error {
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: errors.New("what"),
		}
	}
	for _, c := range []struct {
		err  error
		want dataset.Kind
	}{
		{context.Canceled, dataset.Unavailable},
		{&smithy.CanceledError{Err: context.DeadlineExceeded}, dataset.Unavailable},
		{coded(400, "ThrottlingException", smithy.FaultClient), dataset.Throttled},
		{coded(400, "ProvisionedThroughputExceededException", smithy.FaultClient), dataset.Throttled},
		{coded(400, "TransactionInProgressException", smithy.FaultClient), dataset.Throttled},
		{coded(400, "TransactionConflictException", smithy.FaultClient), dataset.Throttled},
		{coded(503, "SlowDown", smithy.FaultServer), dataset.Throttled},
		{coded(400, "RequestThrottled", smithy.FaultClient), dataset.Throttled},
		{coded(409, "ConditionalRequestConflict", smithy.FaultClient), dataset.Throttled},
		{coded(412, "PreconditionFailed", smithy.FaultClient), dataset.Conflict},
		{coded(400, "ValidationException", smithy.FaultClient), dataset.Invalid},
		{coded(404, "NoSuchKey", smithy.FaultClient), dataset.NotFound},
		{coded(404, "NoSuchBucket", smithy.FaultClient), dataset.Internal},
		{coded(400, "ResourceNotFoundException", smithy.FaultClient), dataset.Internal},
		{coded(400, "AWS.SimpleQueueService.NonExistentQueue", smithy.FaultClient), dataset.Internal},
		{coded(403, "AccessDenied", smithy.FaultClient), dataset.Internal},
		{coded(400, "InvalidToken", smithy.FaultClient), dataset.Internal},
		{coded(404, "NoSuchUpload", smithy.FaultClient), dataset.Unavailable},
		{coded(400, "RequestTimeout", smithy.FaultClient), dataset.Unavailable},
		{coded(500, "Whatever", smithy.FaultUnknown), dataset.Unavailable},
		{coded(400, "Whatever", smithy.FaultServer), dataset.Unavailable},
		{bare(200), dataset.Unavailable},
		{bare(404), dataset.Internal},
		{bare(412), dataset.Conflict},
		{bare(429), dataset.Throttled},
		{bare(502), dataset.Unavailable},
		{&smithy.InvalidParamsError{}, dataset.Invalid},
		{&smithyhttp.RequestSendError{Err: errors.New("refused")}, dataset.Unavailable},
		{&net.OpError{Op: "dial", Err: errors.New("no")}, dataset.Unavailable},
		{&smithy.DeserializationError{Err: io.ErrUnexpectedEOF}, dataset.Unavailable},
		{errors.New("unheard of"), dataset.Internal},
	} {
		err := fail("do it", c.err)
		if got := dataset.KindOf(err); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("fail(%v) = %v of kind %s, want kind %s and the cause kept", c.err, err, got, c.want)
		}
		if e, ok := errors.AsType[*dataset.Error](err); !ok || e.Detail != "do it" {
			t.Errorf("fail(%v) = %#v, want a detail without the cause", c.err, err)
		}
	}
	if err := fail("do it", nil); err != nil {
		t.Errorf("fail(nil) = %v", err)
	}
}

func TestCodesHaveOneKind(t *testing.T) {
	seen := map[string]dataset.Kind{}
	for kind, codes := range kinds {
		for _, code := range codes {
			if other, ok := seen[code]; ok {
				t.Errorf("%s is both %s and %s", code, other, kind)
			}
			seen[code] = kind
			if strings.TrimSpace(code) != code || code == "" {
				t.Errorf("%q is no code", code)
			}
		}
	}
}
