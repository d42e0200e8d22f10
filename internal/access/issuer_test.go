package access

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"compileo/internal/dataset"
)

// fakeIssuer serves a key set over net/http and signs tokens.
type fakeIssuer struct {
	issuer *Issuer
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
	set    atomic.Pointer[string] // nil: 500
	reads  atomic.Int64
}

const audience = "compileo"

func newIssuer(t testing.TB) *fakeIssuer {
	t.Helper()
	f := &fakeIssuer{}
	var err error
	if f.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, f.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.reads.Add(1)
		if set := f.set.Load(); set != nil {
			_, _ = w.Write([]byte(*set))
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	f.serve(f.jwks("one"))
	f.issuer, err = NewIssuer(IssuerConfig{Issuer: "https://issuer.example/", Audience: audience, JWKS: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fakeIssuer) serve(set string) { f.set.Store(&set) }

// jwks is the set of all three keys, whose ids begin with name.
func (f *fakeIssuer) jwks(name string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	point, _ := f.ec.PublicKey.Bytes()
	set, _ := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"kty": "oct", "kid": name + "-oct", "k": "c2VjcmV0"},
		map[string]any{"kty": "RSA", "kid": name + "-enc", "use": "enc", "n": b64(f.rsa.N.Bytes()), "e": "AQAB"},
		map[string]any{"kty": "RSA", "kid": name + "-rsa", "use": "sig", "alg": "RS256", "n": b64(f.rsa.N.Bytes()), "e": "AQAB", "x5c": []string{"…"}},
		map[string]any{"kty": "EC", "kid": name + "-ec", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		map[string]any{"kty": "OKP", "kid": name + "-ed", "crv": "Ed25519", "x": b64(f.ed.Public().(ed25519.PublicKey))},
	}})
	return string(set)
}

// token signs a good token, changed: claims by their names, headers by "header." and their names, the key by
// "method" and "key".
func (f *fakeIssuer) token(t testing.TB, change map[string]any) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": "https://issuer.example/", "aud": []string{"else", audience}, "sub": "jane", "tenant": "acme",
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	var method jwt.SigningMethod = jwt.SigningMethodRS256
	var key any = f.rsa
	header := map[string]any{"kid": "one-rsa"}
	for name, v := range change {
		if h, ok := strings.CutPrefix(name, "header."); ok {
			header[h] = v
			continue
		}
		switch name {
		case "method":
			method = v.(jwt.SigningMethod)
		case "key":
			key = v
		default:
			claims[name] = v
			if v == nil {
				delete(claims, name)
			}
		}
	}
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokens(t *testing.T) {
	f := newIssuer(t)
	g := &Guard{Issuer: f.issuer}
	if f.reads.Load() != 0 {
		t.Error("the keys were read before the first request")
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	type c = map[string]any
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for _, c := range []struct {
		name   string
		change c
		ok     bool
	}{
		{"RS256", nil, true},
		{"ES256", c{"method": jwt.SigningMethodES256, "key": f.ec, "header.kid": "one-ec"}, true},
		{"EdDSA", c{"method": jwt.SigningMethodEdDSA, "key": crypto.Signer(f.ed), "header.kid": "one-ed"}, true},
		{"one audience", c{"aud": audience}, true},
		{"no subject", c{"sub": nil}, true},
		{"expired a moment ago", c{"exp": in(-10 * time.Second)}, true},
		{"valid in a moment", c{"nbf": in(10 * time.Second)}, true},
		{"expired", c{"exp": in(-time.Minute)}, false},
		{"not yet valid", c{"nbf": in(time.Minute)}, false},
		{"without end", c{"exp": nil}, false},
		{"end of another form", c{"exp": "tomorrow"}, false},
		{"another issuer", c{"iss": "https://issuer.example"}, false},
		{"no issuer", c{"iss": nil}, false},
		{"another audience", c{"aud": "compileo2"}, false},
		{"no audience", c{"aud": nil}, false},
		{"no tenant", c{"tenant": nil}, false},
		{"tenant of another form", c{"tenant": "a_b"}, false},
		{"tenant as a number", c{"tenant": 7}, false},
		{"tenants", c{"tenant": []string{"acme"}}, false},
		{"unknown key", c{"header.kid": "two-rsa"}, false},
		{"no key named", c{"header.kid": ""}, false},
		{"key named by a number", c{"header.kid": 1}, false},
		{"another's key", c{"key": small}, false},
		{"a key for encryption", c{"header.kid": "one-enc"}, false},
		{"another key of the set", c{"header.kid": "one-ec"}, false},
		{"none", c{"method": jwt.SigningMethodNone, "key": jwt.UnsafeAllowNoneSignatureType}, false},
		{"HS256 with what everybody knows", c{"method": jwt.SigningMethodHS256, "key": f.rsa.N.Bytes()}, false},
		{"HS256 with a key of the set", c{"method": jwt.SigningMethodHS256, "key": []byte("secret"), "header.kid": "one-oct"}, false},
		{"RS512", c{"method": jwt.SigningMethodRS512}, false},
		{"PS256", c{"method": jwt.SigningMethodPS256}, false},
		{"an extension", c{"header.crit": []string{"b64"}, "header.b64": false}, false},
		{"a key of its own", c{"header.jwk": "…", "header.jku": "https://evil.example", "key": small}, false},
	} {
		token := f.token(t, c.change)
		got, tenant, err := status(g, ask("GET", "Authorization: Bearer "+token))
		if c.ok && (got != 200 || tenant != "acme") || !c.ok && got != 401 {
			t.Errorf("%s: %d %s (%v), want ok %v", c.name, got, tenant, err, c.ok)
		}
		if err != nil && strings.Contains(err.Error(), token[len(token)-16:]) && c.name != "none" {
			t.Errorf("%s: the error holds the token: %v", c.name, err)
		}
	}
	good := f.token(t, nil)
	parts := strings.Split(good, ".")
	// The last digit of a signature has bits that mean nothing, and must be zero.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, good[len(good)-1]) ^ 1
	for _, token := range []string{
		"..", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + parts[2][1:], good + ".", good + "=", good[:len(good)-1] + digits[last:last+1],
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","kid":"one-rsa"}`)) + "." + parts[1] + ".",
		good + strings.Repeat("A", 9000),
	} {
		if got, _, err := status(g, ask("GET", "Authorization: Bearer "+token)); got != 401 {
			t.Errorf("%.60s: %d %v, want 401", token, got, err)
		}
	}
	if f.reads.Load() > 2 {
		t.Errorf("the keys were read %d times", f.reads.Load())
	}
}

func TestClaimOfTheTenant(t *testing.T) {
	f := newIssuer(t)
	f.issuer.claim = "custom:tenant"
	g := &Guard{Issuer: f.issuer}
	for _, change := range []map[string]any{{"custom:tenant": "globex"}, {"custom:tenant": nil}} {
		want := 401
		if change["custom:tenant"] != nil {
			want = 200
		}
		if got, tenant, _ := status(g, ask("GET", "Authorization: Bearer "+f.token(t, change))); got != want || got == 200 && tenant != "globex" {
			t.Errorf("%v: %d %s, want %d", change, got, tenant, want)
		}
	}
}

// The set is read once for all, again for unknown keys at most once a minute, and serves for a while when the issuer is gone.
func TestKeySet(t *testing.T) {
	f := newIssuer(t)
	g := &Guard{Issuer: f.issuer}
	s := &f.issuer.keys
	old, unknown := f.token(t, nil), f.token(t, map[string]any{"header.kid": "two-rsa"})
	back := func(d time.Duration) { s.read, s.tried = s.read.Add(-d), s.tried.Add(-d) }
	expect := func(what, token string, status_ int, reads int64) {
		t.Helper()
		got, _, err := status(g, ask("GET", "Authorization: Bearer "+token))
		if n := f.reads.Swap(0); got != status_ || n != reads {
			t.Errorf("%s: %d after %d reads (%v), want %d after %d", what, got, n, err, status_, reads)
		}
	}
	f.set.Store(nil)
	expect("the issuer is down", old, 503, 1)
	f.serve(`{"keys":[]}`)
	expect("asked again at once", old, 503, 0)
	back(keysFailed)
	expect("it has no keys", old, 503, 1)
	f.serve(f.jwks("one"))
	back(keysFailed)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, _, err := status(g, ask("GET", "Authorization: Bearer "+old)); got != 200 {
				t.Errorf("%d %v", got, err)
			}
		})
	}
	all.Wait()
	expect("after eight at a time", old, 200, 1)
	expect("an unknown key", unknown, 401, 0)
	back(keysAgain)
	expect("an unknown key, a minute later", unknown, 401, 1)
	expect("an unknown key, once more", unknown, 401, 0)
	expect("a known one", old, 200, 0)
	f.serve(f.jwks("two"))
	back(keysAgain)
	expect("a new key", unknown, 200, 1)
	expect("the key that was withdrawn", old, 401, 0)
	f.set.Store(nil)
	back(keysFresh)
	expect("the issuer is gone", unknown, 200, 1)
	expect("the issuer is gone, asked again", unknown, 200, 0)
	expect("the issuer is gone, an unknown key", old, 503, 0)
	back(keysStale)
	expect("the issuer is gone for long", unknown, 503, 1)
}

func TestParseKeys(t *testing.T) {
	f := newIssuer(t)
	keys, err := parseKeys([]byte(f.jwks("a")))
	if err != nil || len(keys) != 3 {
		t.Fatalf("%v %v, want three keys", keys, err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	n, ones := b64(f.rsa.N.Bytes()), bytes.Repeat([]byte{0xff}, maxRSA/8+1)
	for name, k := range map[string]string{
		"no id":           `{"kty":"RSA","n":"` + n + `","e":"AQAB"}`,
		"short":           `{"kid":"a","kty":"RSA","n":"` + b64(ones[:minRSA/8-1]) + `","e":"AQAB"}`,
		"huge":            `{"kid":"a","kty":"RSA","n":"` + b64(ones) + `","e":"AQAB"}`,
		"exponent 1":      `{"kid":"a","kty":"RSA","n":"` + n + `","e":"AQ"}`,
		"even exponent":   `{"kid":"a","kty":"RSA","n":"` + n + `","e":"AQAA"}`,
		"huge exponent":   `{"kid":"a","kty":"RSA","n":"` + n + `","e":"AQAAAAAB"}`,
		"no base64":       `{"kid":"a","kty":"RSA","n":"` + n + `","e":"?"}`,
		"another alg":     `{"kid":"a","kty":"RSA","alg":"RS512","n":"` + n + `","e":"AQAB"}`,
		"another curve":   `{"kid":"a","kty":"EC","crv":"P-384","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}`,
		"not on it":       `{"kid":"a","kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}`,
		"short Ed25519":   `{"kid":"a","kty":"OKP","crv":"Ed25519","x":"AAAA"}`,
		"another OKP":     `{"kid":"a","kty":"OKP","crv":"X25519","x":"` + b64(make([]byte, 32)) + `"}`,
		"not even a key":  `7`,
		"of another form": `{"kid":7,"kty":"OKP"}`,
	} {
		if keys, err := parseKeys([]byte(`{"keys":[` + k + `]}`)); err == nil {
			t.Errorf("%s: taken: %v", name, keys)
		}
	}
}

func TestNewIssuer(t *testing.T) {
	good := IssuerConfig{Issuer: "a", Audience: "b", JWKS: "https://issuer.example/keys"}
	for _, c := range []struct {
		change func(*IssuerConfig)
		ok     bool
	}{
		{func(*IssuerConfig) {}, true},
		{func(c *IssuerConfig) { c.JWKS = "http://127.0.0.1:1/keys" }, true},
		{func(c *IssuerConfig) { c.JWKS = "http://issuer.example/keys" }, false},
		{func(c *IssuerConfig) { c.JWKS = "file:///keys" }, false},
		{func(c *IssuerConfig) { c.JWKS = "https://a:b@issuer.example/keys" }, false},
		{func(c *IssuerConfig) { c.JWKS = "" }, false},
		{func(c *IssuerConfig) { c.Issuer = "" }, false},
		{func(c *IssuerConfig) { c.Audience = "" }, false},
	} {
		config := good
		c.change(&config)
		if i, err := NewIssuer(config); (err == nil) != c.ok || err != nil && !dataset.Is(err, dataset.Invalid) || i != nil && i.claim != "tenant" {
			t.Errorf("NewIssuer(%+v) = %v, want ok %v", config, err, c.ok)
		}
	}
}
