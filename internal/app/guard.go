package app

import (
	"errors"

	"compileo/internal/access"
	"compileo/internal/dataset"
)

// Guard reads from the environment whose tokens are taken: AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL and
// AUTH_TENANT_CLAIM ("tenant" unless it is set), all or none of the first three. The keys of the table are taken anyway.
// Invalid names the variable that is wrong.
func Guard(getenv func(string) string, table dataset.Table) (*access.Guard, error) {
	g := &access.Guard{Keys: access.Keys{Table: table}}
	c := access.IssuerConfig{
		Issuer: getenv("AUTH_ISSUER"), Audience: getenv("AUTH_AUDIENCE"), JWKS: getenv("AUTH_JWKS_URL"), Claim: getenv("AUTH_TENANT_CLAIM"),
	}
	if c == (access.IssuerConfig{}) {
		return g, nil
	}
	var err error
	if g.Issuer, err = access.NewIssuer(c); err != nil {
		names := map[string]string{"issuer": "AUTH_ISSUER", "audience": "AUTH_AUDIENCE", "jwks": "AUTH_JWKS_URL"}
		if e, ok := errors.AsType[*dataset.Error](err); ok && len(e.Fields) == 1 {
			return nil, dataset.InvalidField(names[e.Fields[0].Pointer], "%s", e.Fields[0].Reason)
		}
		return nil, err
	}
	return g, nil
}
