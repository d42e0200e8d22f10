package pipeline

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"compileo/internal/dataset"
)

// load reads a record with its version.
func load[T any](ctx context.Context, t dataset.Table, pk, sk string) (*T, int64, error) {
	r, err := t.Get(ctx, pk, sk)
	if err != nil {
		return nil, 0, err
	}
	v, err := decode[T](r)
	return v, r.Version, err
}

func decode[T any](r dataset.Record) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.Data, v); err != nil {
		return nil, dataset.Errorf(dataset.Internal, "record %s %s is damaged: %w", r.PK, r.SK, err)
	}
	return v, nil
}

// record is a conditional write of v.
func record(pk, sk string, v any, condition int64) (dataset.Write, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return dataset.Write{}, dataset.Errorf(dataset.Internal, "encode record %s %s: %w", pk, sk, err)
	}
	return dataset.Write{Record: dataset.Record{PK: pk, SK: sk, Data: b}, If: condition}, nil
}

// maxConflicts bounds how often an update starts anew because others write the same record.
const maxConflicts = 100

// update changes a record: it reads it, lets change look at it and alter it, and writes it on condition that
// nobody wrote it meanwhile; otherwise it begins again. change returns false to leave the record as it is, and
// must recognise its own effect: a write that was refused may be the echo of one that took effect. The record
// is returned as it is in the table then.
func update[T any](ctx context.Context, t dataset.Table, pk, sk string, change func(*T) (bool, error)) (*T, error) {
	for n := 0; ; n++ {
		v, version, err := load[T](ctx, t, pk, sk)
		if err != nil {
			return nil, err
		}
		write, err := change(v)
		if err != nil || !write {
			return v, err
		}
		w, err := record(pk, sk, v, version)
		if err != nil {
			return nil, err
		}
		err = t.Write(ctx, w)
		if err == nil {
			return v, nil
		}
		if !dataset.Is(err, dataset.Conflict) || n == maxConflicts {
			return nil, err
		}
		if err := pause(ctx, time.Duration(rand.IntN(min(n+1, 20)))*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
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

// putOnce writes an object whose content the key determines. Somebody having written it before is success.
func putOnce(ctx context.Context, b dataset.Blobs, key string, data []byte) error {
	if err := b.Put(ctx, key, data); err != nil && !dataset.Is(err, dataset.Conflict) {
		return err
	}
	return nil
}

// pinJSON writes v under key unless something is there already, and returns what is there: the first of
// several repeated or concurrent steps decides.
func pinJSON[T any](ctx context.Context, b dataset.Blobs, key string, v *T) (*T, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, dataset.Errorf(dataset.Internal, "encode %s: %w", key, err)
	}
	err = b.Put(ctx, key, data)
	if dataset.Is(err, dataset.Conflict) {
		return readJSON[T](ctx, b, key)
	}
	return v, err
}

// readJSON reads an object that pinJSON wrote; NotFound.
func readJSON[T any](ctx context.Context, b dataset.Blobs, key string) (*T, error) {
	data, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, dataset.Errorf(dataset.Internal, "object %s is damaged: %w", key, err)
	}
	return v, nil
}
