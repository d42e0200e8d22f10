package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Limits of the issuer's key set, and how it is held.
const (
	maxKeySet   = 256 << 10        // bytes
	maxRSA      = 8192             // bits; verifying costs with their square
	minRSA      = 2048             // bits
	keysFresh   = 15 * time.Minute // then the set is read again, which ends keys that the issuer withdrew
	keysStale   = 12 * time.Hour   // so long it serves when the issuer does not answer
	keysAgain   = time.Minute      // between reads for keys that are not in it
	keysFailed  = 5 * time.Second  // between reads as long as there is none
	keysTimeout = 5 * time.Second
)

// keyName is what a token says about the key it was signed with. The algorithm belongs to it.
type keyName struct{ kid, alg string }

var errNoKey = errors.New("the issuer has no such key")

// keySet holds the keys of an issuer (RFC 7517). It is read by whoever needs it, while others wait.
type keySet struct {
	url string

	mu    sync.Mutex
	keys  map[keyName]any
	read  time.Time // when keys were
	tried time.Time
	err   error // of the last try
}

// find returns a key. Unavailable: the issuer does not say whether there is one.
func (s *keySet) find(ctx context.Context, name keyName) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := s.keys[name]
	if ok && time.Since(s.read) < keysFresh {
		return key, nil
	}
	pause := keysAgain
	if s.keys == nil {
		pause = keysFailed
	}
	if s.tried.IsZero() || time.Since(s.tried) >= pause {
		s.refresh(ctx)
		key, ok = s.keys[name]
	}
	switch {
	case ok && time.Since(s.read) < keysStale:
		return key, nil
	case s.err != nil:
		return nil, dataset.Errorf(dataset.Unavailable, "the issuer of the token does not answer: %w", s.err)
	}
	return nil, errNoKey
}

// refresh reads the set, for all who wait: whether the one who asks goes away does not matter.
func (s *keySet) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	keys, err := s.fetch(ctx)
	if s.tried, s.err = time.Now(), err; err == nil {
		s.keys, s.read = keys, s.tried
	}
}

// keysClient follows no redirects: the address is the operator's choice.
var keysClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (s *keySet) fetch(ctx context.Context) (map[keyName]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := keysClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key set was answered with %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeySet {
		return nil, fmt.Errorf("the key set has more than %d bytes", maxKeySet)
	}
	return parseKeys(data)
}

// parseKeys reads a key set. Keys that are not for our algorithms are left out; a set without any other is an error.
func parseKeys(data []byte) (map[keyName]any, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("the key set is no JSON object with keys: %w", err)
	}
	keys := map[keyName]any{}
	for _, raw := range set.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil {
			continue
		}
		alg, key := k.key()
		if name := (keyName{k.Kid, alg}); key != nil && k.Kid != "" && (k.Alg == "" || k.Alg == alg) && (k.Use == "" || k.Use == "sig") {
			keys[name] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

// jwk is a public key of RFC 7517.
type jwk struct {
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Crv string `json:"crv"`
	N   field  `json:"n"`
	E   field  `json:"e"`
	X   field  `json:"x"`
	Y   field  `json:"y"`
}

// field is bytes in base64url.
type field []byte

func (f *field) UnmarshalText(text []byte) (err error) {
	*f, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// key returns the public key and the one algorithm it is for; nil when it is not fit for any of ours.
func (k *jwk) key() (alg string, key any) {
	switch {
	case k.Kty == "RSA" && len(k.N) <= maxRSA/8 && len(k.E) <= 4:
		n, e := new(big.Int).SetBytes(k.N), new(big.Int).SetBytes(k.E).Int64()
		if n.BitLen() >= minRSA && n.Bit(0) == 1 && e >= 3 && e < 1<<31 && e%2 == 1 {
			return "RS256", &rsa.PublicKey{N: n, E: int(e)}
		}
	case k.Kty == "EC" && k.Crv == "P-256" && len(k.X) == 32 && len(k.Y) == 32:
		point := append([]byte{4}, append(k.X, k.Y...)...)
		if key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil { // it is on the curve
			return "ES256", key
		}
	case k.Kty == "OKP" && k.Crv == "Ed25519" && len(k.X) == ed25519.PublicKeySize:
		return "EdDSA", ed25519.PublicKey(k.X)
	}
	return "", nil
}
