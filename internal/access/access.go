// Package access says who asks: it reads the key or the token of a request and returns the tenant, and nothing in
// a body ever does.
//
// Three things open the door: an API key of the table (Keys), a token of the configured issuer (Issuer), and one key
// from the configuration (Guard.Secret). A server that only listens on loopback lets its own machine in without any
// of them, as long as none is set; then, and only then, the request brings nothing along that a foreign web page
// could not bring too, so the names by which it came (Host, Origin) are looked at.
//
// An answer to who is not let in never says whether a key exists. No secret is in any error: what is kept of a
// secret, and what is compared, is its hash.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"compileo/internal/dataset"
)

// Caller is who asks.
type Caller struct {
	Tenant dataset.Tenant
	Name   string // of the key or the token's subject, for records of who did what; "local" without either
}

// Denied is the error of a request that is not let in. Any other error of this package is a *dataset.Error: whether the
// caller may come in could not be found out.
type Denied struct {
	Status    int    // 401 or 403
	Challenge string // WWW-Authenticate of a 401
	Detail    string // for the caller
	Err       error  // the cause, for the log only; nil when Detail says all
}

func (d *Denied) Error() string {
	if d.Err == nil {
		return d.Detail
	}
	return d.Detail + ": " + d.Err.Error()
}

func (d *Denied) Unwrap() error { return d.Err }

// Guard decides who comes in. Its fields are set once, before the first request; it is safe for concurrent use.
type Guard struct {
	Keys     Keys
	Issuer   *Issuer // whose tokens are taken; nil: nobody's
	Secret   string  // one more key, of LocalTenant; "": none
	Loopback bool    // the server listens on loopback only: without a key set, its own machine needs none
}

const (
	keyHeader    = "X-API-Key"
	noEntry      = "this needs a key in X-API-Key or a token in Authorization: Bearer"
	notAccepted  = "the key or token is not accepted"
	challenge    = `Bearer realm="compileo"`
	invalidToken = challenge + `, error="invalid_token"`
)

func denied(why string, cause error) *Denied {
	c := invalidToken
	if why == noEntry {
		c = challenge
	}
	return &Denied{Status: http.StatusUnauthorized, Challenge: c, Detail: why, Err: cause}
}

func forbidden(why string, cause error) *Denied {
	return &Denied{Status: http.StatusForbidden, Detail: why, Err: cause}
}

// Authenticate returns who makes the request, by X-API-Key, by Authorization: Bearer (a token or a key), or by both when
// they are the same tenant's. *Denied: nobody who may.
func (g *Guard) Authenticate(r *http.Request) (Caller, error) {
	key, authorization := header(r, keyHeader), header(r, "Authorization")
	if key == "" && authorization == "" {
		return g.keyless(r)
	}
	var caller Caller
	if key != "" {
		c, err := g.key(r.Context(), key)
		if err != nil {
			return Caller{}, err
		}
		caller = c
	}
	if authorization != "" {
		c, err := g.bearer(r.Context(), authorization)
		if err != nil {
			return Caller{}, err
		}
		if key != "" && c.Tenant != caller.Tenant {
			return Caller{}, denied("the key and the token are not of one tenant", nil)
		}
		if key == "" {
			caller = c
		}
	}
	return caller, nil
}

// header returns a header as it was sent, though the Lambda adapter splits values at commas.
func header(r *http.Request, name string) string { return strings.Join(r.Header.Values(name), ", ") }

func (g *Guard) bearer(ctx context.Context, authorization string) (Caller, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Caller{}, denied(noEntry, nil)
	}
	token = strings.TrimSpace(token)
	// A token is three parts with dots between, which no key has.
	if g.Issuer == nil || strings.Count(token, ".") != 2 || g.isSecret(token) {
		return g.key(ctx, token)
	}
	return g.Issuer.verify(ctx, token)
}

func (g *Guard) key(ctx context.Context, key string) (Caller, error) {
	if g.isSecret(key) {
		return Caller{dataset.LocalTenant, "the configured key"}, nil
	}
	return g.Keys.verify(ctx, key)
}

func (g *Guard) isSecret(s string) bool {
	a, b := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(g.Secret))
	return g.Secret != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// keyless lets the own machine in as long as no key is set.
func (g *Guard) keyless(r *http.Request) (Caller, error) {
	if !g.open() || !fromLoopback(r) {
		return Caller{}, denied(noEntry, nil)
	}
	if err := g.Admit(r); err != nil {
		return Caller{}, err
	}
	if set, err := g.Keys.exist(r.Context(), dataset.LocalTenant); err != nil {
		return Caller{}, err
	} else if set {
		return Caller{}, denied(noEntry, nil)
	}
	return Caller{dataset.LocalTenant, "local"}, nil
}

// open reports whether the configuration lets anybody in without a key.
func (g *Guard) open() bool { return g.Loopback && g.Secret == "" && g.Issuer == nil }

// fromLoopback reports whether the request comes from this machine itself and not through a proxy on it, whose
// callers may be anywhere.
func fromLoopback(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

var sameOrigin = http.NewCrossOriginProtection()

// Admit refuses with 403 what a foreign web page may have made a browser send to a server that lets its own machine
// in without a key: requests under a foreign name (DNS rebinding), and those of other origins that change something.
// It is for the routes that need no caller; Authenticate asks it where it matters.
func (g *Guard) Admit(r *http.Request) error {
	if !g.open() || header(r, keyHeader) != "" || header(r, "Authorization") != "" {
		return nil
	}
	if !localName(r.Host) {
		return forbidden("without a key this server answers only as localhost, 127.0.0.1 or [::1]", nil)
	}
	if err := sameOrigin.Check(r); err != nil {
		return forbidden("without a key, pages of other origins may not change anything here", err)
	}
	return nil
}

// localName reports whether a Host header is a name of the own machine that needs no DNS, with any port or none.
func localName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1"
}

// minSecret is the fewest characters of a configured key: nothing but its length stands against guessing.
const minSecret = 16

// CheckSecret looks at the key from the configuration: visible ASCII, not too short and not so long that no header
// would carry it.
func CheckSecret(s string) error {
	if len(s) < minSecret || len(s) > maxCredential || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
		return errors.New("has another form than 16 to 8192 visible characters of ASCII without commas, as from: openssl rand -hex 32")
	}
	return nil
}
