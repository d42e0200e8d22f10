package access

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"compileo/internal/dataset"
)

// leeway is how far the clock of the issuer may be off.
const leeway = 30 * time.Second

// algorithms are those of tokens: signatures by a key that only the issuer has. Each kind of key serves one of them
// (jwk.key), so that a token cannot choose how it is looked at.
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// Issuer verifies JSON Web Tokens. It asks the issuer for its keys when the first token comes.
type Issuer struct {
	claim  string
	parser *jwt.Parser
	keys   keySet
}

// IssuerConfig says whose tokens are taken and how they name the tenant.
type IssuerConfig struct {
	Issuer   string // the claim iss
	Audience string // one of the claim aud
	JWKS     string // the URL of the issuer's keys, https unless it is on loopback
	Claim    string // the claim that names the tenant; "": tenant
}

// NewIssuer checks the configuration; it does not go to the network. Invalid names the field.
func NewIssuer(c IssuerConfig) (*Issuer, error) {
	u, err := url.Parse(c.JWKS)
	switch {
	case c.Issuer == "":
		return nil, dataset.InvalidField("issuer", "is missing, want the claim iss of tokens")
	case c.Audience == "":
		return nil, dataset.InvalidField("audience", "is missing, want what tokens for this service have as aud")
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopbackHost(u.Hostname())):
		return nil, dataset.InvalidField("jwks", "has another form than an https URL")
	}
	if c.Claim == "" {
		c.Claim = "tenant"
	}
	return &Issuer{
		claim: c.Claim,
		keys:  keySet{url: c.JWKS},
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms), jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
		),
	}, nil
}

func loopbackHost(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

var errTenant = errors.New("the claim of the tenant is missing or has another form than 1 to 32 of a-z 0-9 -")

// verify returns whose token it is.
func (i *Issuer) verify(ctx context.Context, token string) (Caller, error) {
	if len(token) > maxCredential {
		return Caller{}, denied(notAccepted, nil)
	}
	var lookup error
	claims := jwt.MapClaims{}
	_, err := i.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		// What crit lists must be understood, and we know no extension.
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("the header crit is not supported")
		}
		kid, _ := t.Header["kid"].(string)
		var key any
		key, lookup = i.keys.find(ctx, keyName{kid, t.Method.Alg()})
		return key, lookup
	})
	switch {
	case dataset.Is(lookup, dataset.Unavailable):
		return Caller{}, lookup
	case errors.Is(err, jwt.ErrTokenExpired): // which is looked at after the signature
		return Caller{}, denied("the token has expired", nil)
	case err != nil:
		return Caller{}, denied(notAccepted, err)
	}
	name, _ := claims[i.claim].(string)
	tenant := dataset.Tenant(name)
	if !tenant.Valid() {
		return Caller{}, denied(notAccepted, errTenant)
	}
	subject, _ := claims.GetSubject() // a token without one is as good
	return Caller{tenant, subject}, nil
}
