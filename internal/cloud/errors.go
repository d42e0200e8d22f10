package cloud

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// kinds holds the error codes whose meaning their HTTP status does not tell. What throttles is the SDK's own
// list and what is here; a server's fault is Unavailable by its status; any other code is Internal: a wrong
// name, a missing right or a code that nobody has classified is ours to mend.
var kinds = map[dataset.Kind][]string{
	dataset.Invalid: {
		"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded", "ItemCollectionSizeLimitExceededException",
		"InvalidArgument", "InvalidRequest", "KeyTooLongError", "EntityTooLarge", "InvalidObjectName",
		"BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue",
		"InvalidName", "InvalidExecutionInput", "InvalidOutput",
	},
	dataset.NotFound: {"NoSuchKey", "NotFound", "ExecutionDoesNotExist", "TaskTimedOut", "TaskDoesNotExist"},
	dataset.Conflict: {"PreconditionFailed", "ConditionalCheckFailedException", "ExecutionAlreadyExists"},
	dataset.Throttled: {
		"TransactionConflict", "TransactionConflictException", "ReplicatedWriteConflictException", "ThrottlingError",
		"ProvisionedThroughputExceeded", "ConditionalRequestConflict", "KmsThrottled", "KMS.ThrottlingException",
		"KmsThrottlingException", "ExecutionLimitExceeded", "OverLimit",
	},
	dataset.Unavailable: {
		"RequestTimeout", "InternalError", "InternalServerError", "InternalFailure", "ServiceUnavailable",
		"NoSuchUpload", "ExpiredToken", "ExpiredTokenException", "RequestTimeTooSkewed", "RequestExpired",
	},
}

// fail turns what the SDK returned for an operation into a *dataset.Error. The operation is what a caller gets
// to read; the SDK's text, with host names and account numbers in it, stays in Err.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &dataset.Error{Kind: kindOf(err), Detail: op, Err: err}
}

func kindOf(err error) dataset.Kind {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return dataset.Unavailable
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if kind, ok := kindOfCode(api.ErrorCode()); ok {
			return kind
		}
		if api.ErrorFault() == smithy.FaultServer {
			return dataset.Unavailable
		}
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return kindOfStatus(response.HTTPStatusCode())
	}
	if _, ok := errors.AsType[*smithy.InvalidParamsError](err); ok {
		return dataset.Invalid
	}
	if broken(err) {
		return dataset.Unavailable
	}
	return dataset.Internal
}

func kindOfCode(code string) (dataset.Kind, bool) {
	for kind, codes := range kinds {
		if slices.Contains(codes, code) {
			return kind, true
		}
	}
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	return dataset.Throttled, throttled
}

// kindOfStatus judges an answer without a known code. A 200 that could not be read arrives here too. A bare 404
// is no NotFound: it may as well be the table or the bucket that is missing.
func kindOfStatus(status int) dataset.Kind {
	switch {
	case status == http.StatusPreconditionFailed:
		return dataset.Conflict
	case status == http.StatusTooManyRequests:
		return dataset.Throttled
	case status >= 500, status < 300, status == http.StatusRequestTimeout:
		return dataset.Unavailable
	}
	return dataset.Internal
}

// broken reports whether the connection failed before there was a whole answer.
func broken(err error) bool {
	_, send := errors.AsType[*smithyhttp.RequestSendError](err)
	_, network := errors.AsType[net.Error](err)
	_, read := errors.AsType[*smithy.DeserializationError](err)
	return send || network || read || errors.Is(err, io.ErrUnexpectedEOF)
}

// hasCode reports whether a service answered with that error code.
func hasCode(err error, code string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code
}
