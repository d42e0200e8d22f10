package dataset

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what a failure means to whoever caused or handles it. The set is closed: an HTTP status, a
// retry and a Step Functions error name are each decided from the Kind alone, never from a text.
type Kind string

// The kinds of failure.
const (
	Invalid     Kind = "invalid"     // the request or the input is wrong; repeating it changes nothing
	NotFound    Kind = "not_found"   // there is no such thing, or it belongs to another tenant
	Conflict    Kind = "conflict"    // a condition did not hold: read again, then decide
	Stale       Kind = "stale"       // what the caller means to change is no longer what they have seen
	Throttled   Kind = "throttled"   // too fast; the same call may succeed later
	Unavailable Kind = "unavailable" // a dependency failed; whether the call took effect is not known
	Internal    Kind = "internal"    // our own fault, or a failure nobody has classified
)

// Error is a failure with its Kind. Detail is written for the caller; Err, the cause, is for the log only.
type Error struct {
	Kind   Kind
	Detail string
	Fields []Field // what is wrong with which part of the input, when Kind is Invalid
	Err    error
}

// Field names one faulty part of an input, by JSON pointer into the body or by the name of a parameter or flag, and says
// what would be right.
type Field struct {
	Pointer string `json:"pointer"`
	Reason  string `json:"reason"`
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Detail
	}
	return e.Detail + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *Error of the given kind. A final ": %w" keeps the cause, for the log, out of the Detail.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if cause == nil {
		return &Error{Kind: kind, Detail: err.Error()}
	}
	return &Error{Kind: kind, Detail: strings.TrimSuffix(err.Error(), ": "+cause.Error()), Err: cause}
}

// InvalidField returns an Invalid error about one part of the input.
func InvalidField(pointer, format string, args ...any) *Error {
	reason := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Detail: pointer + ": " + reason, Fields: []Field{{pointer, reason}}}
}

// Faults joins errors about several parts of an input into one Invalid error that names them all; nil when there are
// none. The first error of another kind is returned as it is.
func Faults(errs ...error) error {
	all := &Error{Kind: Invalid}
	var details []string
	for _, err := range errs {
		if err == nil {
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind != Invalid {
			return err
		}
		details = append(details, e.Detail)
		all.Fields = append(all.Fields, e.Fields...)
	}
	if details == nil {
		return nil
	}
	all.Detail = strings.Join(details, "; ")
	return all
}

// KindOf returns the Kind of the first *Error in err's chain. A cancelled or expired context is
// Unavailable, anything unknown is Internal, nil is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if r, ok := errors.AsType[*Refused](err); ok && r != nil {
		return Conflict
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
