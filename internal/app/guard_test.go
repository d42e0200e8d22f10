package app

import (
	"strings"
	"testing"

	"compileo/internal/dataset"
)

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		env    string
		tokens bool
		fault  string
	}{
		{"", false, ""},
		{"AUTH_ISSUER=a AUTH_AUDIENCE=b AUTH_JWKS_URL=https://a.example/keys", true, ""},
		{"AUTH_ISSUER=a AUTH_AUDIENCE=b AUTH_JWKS_URL=https://a.example/keys AUTH_TENANT_CLAIM=org", true, ""},
		{"AUTH_ISSUER=a", false, "AUTH_AUDIENCE"},
		{"AUTH_TENANT_CLAIM=org", false, "AUTH_ISSUER"},
		{"AUTH_ISSUER=a AUTH_AUDIENCE=b", false, "AUTH_JWKS_URL"},
		{"AUTH_ISSUER=a AUTH_AUDIENCE=b AUTH_JWKS_URL=http://a.example/keys", false, "AUTH_JWKS_URL"},
	} {
		env := map[string]string{}
		for _, v := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		g, err := Guard(func(name string) string { return env[name] }, nil)
		if c.fault != "" && (!dataset.Is(err, dataset.Invalid) || !strings.HasPrefix(err.Error(), c.fault)) {
			t.Errorf("%s: %v, want a fault of %s", c.env, err, c.fault)
		}
		if c.fault == "" && (err != nil || (g.Issuer != nil) != c.tokens || g.Loopback || g.Secret != "") {
			t.Errorf("%s: %+v %v", c.env, g, err)
		}
	}
}
