package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"compileo/internal/dataset"
)

// record is what is known of a key: running until Until when it has no Status, else done.
type record struct {
	Request string              `json:"request"` // what the key belongs to
	Seed    string              `json:"seed"`
	Owner   string              `json:"owner"` // the last try
	Until   time.Time           `json:"until,omitzero"`
	Status  int                 `json:"status,omitempty"`
	Header  map[string][]string `json:"header,omitempty"`
	Body    []byte              `json:"body,omitempty"`
}

func (r *record) done() bool { return r.Status != 0 }

// replay writes the answer.
func (r *record) replay(w http.ResponseWriter) {
	for name, values := range r.Header {
		w.Header()[name] = values
	}
	w.Header().Set(Replayed, "true")
	w.WriteHeader(r.Status)
	if len(r.Body) > 0 {
		_, _ = w.Write(r.Body) // the client is gone, and may ask again
	}
}

// stillRunning says that another try holds the key.
type stillRunning struct{ until time.Time }

func (s *stillRunning) Error() string { return "still running" }

func (s *stillRunning) seconds() int {
	return max(1, int(math.Ceil(time.Until(s.until).Seconds())))
}

// try is one request under a key.
type try struct {
	table   dataset.Table
	pk      string
	owner   string
	request string
	seed    string
	version int64 // of the record as this try wrote it
}

// begin takes the key for this try, and returns its record; or the record of the answer that was given.
// *stillRunning: another one has it. Invalid: the key is another request's.
func (t *try) begin(ctx context.Context) (*record, error) {
	for n := 1; ; n++ {
		have, version, err := t.read(ctx)
		if err == nil {
			mine := record{Request: t.request, Seed: dataset.NewID(), Owner: t.owner, Until: time.Now().Add(Lease)}
			switch {
			case have == nil:
			case have.Request != t.request:
				return nil, dataset.InvalidField(Header, "was used for another request")
			case have.done():
				return have, nil
			case have.Owner == t.owner: // written, though it seemed to fail
				t.seed, t.version = have.Seed, version
				return have, nil
			case time.Now().Before(have.Until):
				return nil, &stillRunning{have.Until}
			default:
				mine.Seed = have.Seed
			}
			if err = t.write(ctx, &mine, version); err == nil {
				t.seed, t.version = mine.Seed, version+1
				return &mine, nil
			}
		}
		if err := again(ctx, err, n); err != nil {
			return nil, err
		}
	}
}

// keep stores the answer of this try, and returns nil; or the answer of another that was kept before.
func (t *try) keep(ctx context.Context, done record) (*record, error) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	done.Request, done.Seed, done.Owner = t.request, t.seed, t.owner
	version := t.version
	for n := 1; ; n++ {
		err := t.write(ctx, &done, version)
		if err == nil {
			return nil, nil
		}
		if err := again(ctx, err, n); err != nil {
			return nil, err
		}
		have, now, err := t.read(ctx)
		switch {
		case err != nil: // the version as known is as good to try again
		case have != nil && have.Seed != t.seed: // a day went by
			return nil, nil
		case have != nil && have.done() && have.Owner == t.owner:
			return nil, nil
		case have != nil && have.done():
			return have, nil
		default:
			version = now
		}
	}
}

// release lets the next try begin at once. Should it fail, the end of the lease does.
func (t *try) release(ctx context.Context) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = t.write(ctx, &record{Request: t.request, Seed: t.seed, Owner: t.owner}, t.version)
}

// afterwards is the context of what is kept once the work is done, whether the client is still there or not.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
}

// read returns the record with its version; nil and Absent when there is none.
func (t *try) read(ctx context.Context) (*record, int64, error) {
	r, err := t.table.Get(ctx, t.pk, dataset.IdempotencySK)
	if dataset.Is(err, dataset.NotFound) {
		return nil, dataset.Absent, nil
	}
	if err != nil {
		return nil, 0, err
	}
	have := new(record)
	if err := json.Unmarshal(r.Data, have); err != nil {
		return nil, 0, dataset.Errorf(dataset.Internal, "the record of an Idempotency-Key is damaged: %w", err)
	}
	return have, r.Version, nil
}

func (t *try) write(ctx context.Context, r *record, condition int64) error {
	data, err := json.Marshal(r)
	if err != nil {
		return dataset.Errorf(dataset.Internal, "encode the record of an Idempotency-Key: %w", err)
	}
	return t.table.Write(ctx, dataset.Write{
		Record: dataset.Record{PK: t.pk, SK: dataset.IdempotencySK, Data: data, Expires: time.Now().Add(Kept)}, If: condition,
	})
}

// again waits before another try of what failed with err for the nth time, or returns err when there is none. A key that
// others keep writing is Throttled.
func again(ctx context.Context, err error, n int) error {
	switch kind := dataset.KindOf(err); {
	case kind != dataset.Conflict && kind != dataset.Throttled && kind != dataset.Unavailable, ctx.Err() != nil:
		return err
	case n >= tries && kind == dataset.Conflict:
		return dataset.Errorf(dataset.Throttled, "this Idempotency-Key is used by too many requests at a time: repeat it later: %w", err)
	case n >= tries:
		return err
	}
	timer := time.NewTimer(pause << (n - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}
