package dataset

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"
)

// What follows is the one way in which the verbs read and change records and write-once objects, so that every
// change may be repeated and none is lost to another one.

// Load reads a record with its version; NotFound.
func Load[T any](ctx context.Context, t Table, pk, sk string) (*T, int64, error) {
	r, err := t.Get(ctx, pk, sk)
	if err != nil {
		return nil, 0, err
	}
	v, err := Decode[T](r)
	return v, r.Version, err
}

// Decode reads what NewRecord wrote; Internal when the record is damaged.
func Decode[T any](r Record) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Data, v); err != nil {
		return nil, Errorf(Internal, "record %s %s is damaged: %w", r.PK, r.SK, err)
	}
	return v, nil
}

// NewRecord is a conditional write of v: Any, Absent, or the version that the record has.
func NewRecord(pk, sk string, v any, condition int64) (Write, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return Write{}, Errorf(Internal, "encode record %s %s: %w", pk, sk, err)
	}
	return Write{Record: Record{PK: pk, SK: sk, Data: b}, If: condition}, nil
}

// Gone is a write that deletes a record, on a condition.
func Gone(pk, sk string, condition int64) Write {
	return Write{Record: Record{PK: pk, SK: sk}, If: condition, Delete: true}
}

// maxConflicts bounds how often a change starts anew because others write the same records.
const maxConflicts = 100

// Transact changes several records at once: read looks at them and says what is to be written on condition that
// they stay as they were read. When one did not, or another transaction was faster, it begins again with read, which
// must recognise its own effect: a write that was refused may be the echo of one that took effect. Without
// writes nothing happens.
func Transact(ctx context.Context, t Table, read func() ([]Write, error)) error {
	for n := 0; ; n++ {
		writes, err := read()
		if err != nil || len(writes) == 0 {
			return err
		}
		err = t.Write(ctx, writes...)
		if err == nil || n == maxConflicts || !Is(err, Conflict) && (!Is(err, Throttled) || len(writes) == 1) {
			return err
		}
		if err := Pause(ctx, time.Duration(rand.IntN(min(n+1, 20)))*time.Millisecond); err != nil {
			return err
		}
	}
}

// Update changes a record as Transact does. change returns false to leave it as it is. The record is returned as
// it is in the table then; with an error of change, as change left it.
func Update[T any](ctx context.Context, t Table, pk, sk string, change func(*T) (bool, error)) (*T, error) {
	var v *T
	var refused error // by change
	err := Transact(ctx, t, func() ([]Write, error) {
		var version int64
		var err error
		if v, version, err = Load[T](ctx, t, pk, sk); err != nil {
			return nil, err
		}
		write, err := change(v)
		if err != nil || !write {
			refused = err
			return nil, err
		}
		w, err := NewRecord(pk, sk, v, version)
		return []Write{w}, err
	})
	if err != nil && refused == nil {
		return nil, err
	}
	return v, err
}

// Pause waits, unless ctx ends first.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// PutOnce writes an object whose content the key determines. Somebody having written it before is success.
func PutOnce(ctx context.Context, b Blobs, key string, data []byte) error {
	if err := b.Put(ctx, key, data); err != nil && !Is(err, Conflict) {
		return err
	}
	return nil
}

// PinJSON writes v under key unless something is there already, and returns what is there: the first of
// several repeated or concurrent steps decides.
func PinJSON[T any](ctx context.Context, b Blobs, key string, v *T) (*T, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, Errorf(Internal, "encode %s: %w", key, err)
	}
	err = b.Put(ctx, key, data)
	if Is(err, Conflict) {
		return ReadJSON[T](ctx, b, key)
	}
	return v, err
}

// ReadJSON reads an object that PinJSON wrote; NotFound.
func ReadJSON[T any](ctx context.Context, b Blobs, key string) (*T, error) {
	data, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, Errorf(Internal, "object %s is damaged: %w", key, err)
	}
	return v, nil
}
