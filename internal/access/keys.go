package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// Limits of keys.
const (
	MaxKeys       = 100 // of a tenant
	maxKeyName    = 100 // characters
	maxCredential = 8 << 10
	usedEvery     = time.Hour // Key.Used is no finer
)

// Keys are the API keys of the table. A key is read at each request, strongly consistent, and never held in memory:
// one that was revoked is refused from then on.
//
// The secret is "ck_<tenant>_<id>_<random>": tenant and id lead to the record by one Get, the random part, of 256 bits,
// is all that counts. Of it the record has the SHA-256: a slow, salted hash guards what people choose, and there
// is no list of likely values to try for what a random source made.
type Keys struct {
	Table dataset.Table
}

// Key is what is known of a key.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"` // to the hour; zero: never
}

// keyRecord is a key as it is kept.
type keyRecord struct {
	Key
	Sum []byte `json:"sum"` // SHA-256 of the random part
}

var keyDigits = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Create makes a key and returns its secret, which is nowhere kept. Invalid: the name or the tenant has another form.
// Conflict: the tenant has MaxKeys. After another error there may be one more key, whose secret nobody knows.
func (k Keys) Create(ctx context.Context, t dataset.Tenant, name string) (Key, string, error) {
	if !t.Valid() {
		return Key{}, "", dataset.InvalidField("/tenant", "has another form than 1 to 32 of a-z 0-9 -")
	}
	if n := utf8.RuneCountInString(name); n < 1 || n > maxKeyName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return Key{}, "", dataset.InvalidField("/name", "has another form than 1 to %d characters", maxKeyName)
	}
	there, err := k.List(ctx, t)
	if err != nil {
		return Key{}, "", err
	}
	if len(there) >= MaxKeys {
		return Key{}, "", dataset.Errorf(dataset.Conflict, "there are %d keys, the most a tenant can have: revoke one", len(there))
	}
	var id [8]byte
	var random [32]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(random[:])
	secret := keyDigits.EncodeToString(random[:])
	sum := sha256.Sum256([]byte(secret))
	r := keyRecord{Key{ID: hex.EncodeToString(id[:]), Name: name, Created: time.Now().UTC()}, sum[:]}
	if err := k.write(ctx, t, r, dataset.Absent); err != nil {
		return Key{}, "", err
	}
	return r.Key, strings.Join([]string{"ck", string(t), r.ID, secret}, "_"), nil
}

// List returns the tenant's keys by their ids.
func (k Keys) List(ctx context.Context, t dataset.Tenant) ([]Key, error) {
	keys := []Key{}
	for r, err := range dataset.Rows(ctx, k.Table, dataset.Query{PK: dataset.KeysPK(t)}) {
		if err != nil {
			return nil, err
		}
		have, err := decodeKey(r)
		if err != nil {
			return nil, err
		}
		keys = append(keys, have.Key)
	}
	return keys, nil
}

// Revoke ends a key at once. NotFound: the tenant has none of that id (any more).
func (k Keys) Revoke(ctx context.Context, t dataset.Tenant, id string) error {
	r, err := k.Table.Get(ctx, dataset.KeysPK(t), id)
	if err != nil {
		if dataset.Is(err, dataset.NotFound) || dataset.Is(err, dataset.Invalid) {
			return dataset.Errorf(dataset.NotFound, "there is no such key")
		}
		return err
	}
	return k.Table.Write(ctx, dataset.Write{Record: dataset.Record{PK: r.PK, SK: r.SK}, If: dataset.Any, Delete: true})
}

// exist reports whether the tenant has keys.
func (k Keys) exist(ctx context.Context, t dataset.Tenant) (bool, error) {
	for _, err := range dataset.Rows(ctx, k.Table, dataset.Query{PK: dataset.KeysPK(t), Limit: 1}) {
		return err == nil, err
	}
	return false, nil
}

// verify returns whose key it is.
func (k Keys) verify(ctx context.Context, secret string) (Caller, error) {
	parts := strings.Split(secret, "_")
	if len(secret) > maxCredential || len(parts) != 4 || parts[0] != "ck" || !dataset.Tenant(parts[1]).Valid() || len(parts[2]) != 16 {
		return Caller{}, denied(notAccepted, nil)
	}
	tenant, sum := dataset.Tenant(parts[1]), sha256.Sum256([]byte(parts[3]))
	r, err := k.Table.Get(ctx, dataset.KeysPK(tenant), parts[2])
	if dataset.Is(err, dataset.NotFound) || dataset.Is(err, dataset.Invalid) {
		return Caller{}, denied(notAccepted, nil)
	}
	if err != nil {
		return Caller{}, err
	}
	have, err := decodeKey(r)
	if err != nil {
		return Caller{}, err
	}
	if subtle.ConstantTimeCompare(have.Sum, sum[:]) != 1 {
		return Caller{}, denied(notAccepted, nil)
	}
	k.noteUse(ctx, tenant, have, r.Version)
	return Caller{tenant, "key " + have.ID}, nil
}

// noteUse keeps when the key was used. It is worth no failed request, so its failure is forgotten, and it cannot
// bring back a key that was revoked meanwhile.
func (k Keys) noteUse(ctx context.Context, t dataset.Tenant, r keyRecord, version int64) {
	now := time.Now().UTC()
	if now.Sub(r.Used) < usedEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r.Used = now.Truncate(usedEvery)
	_ = k.write(ctx, t, r, version)
}

func (k Keys) write(ctx context.Context, t dataset.Tenant, r keyRecord, condition int64) error {
	data, err := json.Marshal(r)
	if err != nil {
		return dataset.Errorf(dataset.Internal, "encode key %s: %w", r.ID, err)
	}
	return k.Table.Write(ctx, dataset.Write{Record: dataset.Record{PK: dataset.KeysPK(t), SK: r.ID, Data: data}, If: condition})
}

func decodeKey(r dataset.Record) (k keyRecord, err error) {
	if err := json.Unmarshal(r.Data, &k); err != nil {
		return k, dataset.Errorf(dataset.Internal, "the record of key %s is damaged: %w", r.SK, err)
	}
	return k, nil
}
