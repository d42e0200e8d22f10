package access

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
	"compileo/internal/porttest/memory"
)

const envSecret = "0123456789abcdef0123456789abcdef"

// ask makes a request from loopback with the headers "name: value".
func ask(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:8000/api/v1/projects", http.NoBody)
	r.RemoteAddr = "127.0.0.1:4321"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

// status is how Authenticate answers: 200 with the tenant, or the status with what is told.
func status(g *Guard, r *http.Request) (int, string, error) {
	c, err := g.Authenticate(r)
	if err == nil {
		return http.StatusOK, string(c.Tenant), nil
	}
	if d, ok := errors.AsType[*Denied](err); ok {
		return d.Status, d.Detail, err
	}
	return http.StatusServiceUnavailable, "", err
}

func newKey(t *testing.T, k Keys, tenant dataset.Tenant) (Key, string) {
	t.Helper()
	key, secret, err := k.Create(t.Context(), tenant, "mine")
	if err != nil {
		t.Fatal(err)
	}
	return key, secret
}

func TestAuthenticate(t *testing.T) {
	keys := Keys{memory.New(memory.Options{}).Table}
	_, acme := newKey(t, keys, "acme")
	_, other := newKey(t, keys, "other")
	iss := newIssuer(t)
	good := iss.token(t, nil)
	open := &Guard{Keys: keys, Loopback: true}
	secret := &Guard{Keys: keys, Loopback: true, Secret: envSecret}
	remote := &Guard{Keys: keys, Issuer: iss.issuer}
	for _, c := range []struct {
		name    string
		g       *Guard
		method  string
		headers []string
		status  int
		tenant  string
	}{
		{"loopback", open, "GET", nil, 200, "local"},
		{"loopback, POST", open, "POST", nil, 200, "local"},
		{"loopback by number", open, "POST", []string{"Host: 127.0.0.1:9"}, 200, "local"},
		{"loopback by number 6", open, "POST", []string{"Host: [::1]:9"}, 200, "local"},
		{"loopback without port", open, "POST", []string{"Host: [::1]"}, 200, "local"},
		{"foreign host", open, "GET", []string{"Host: evil.example:8000"}, 403, ""},
		{"foreign host that begins alike", open, "GET", []string{"Host: localhost.evil.example"}, 403, ""},
		{"foreign host that ends alike", open, "GET", []string{"Host: evil-localhost:8000"}, 403, ""},
		{"no host", open, "GET", []string{"Host: "}, 403, ""},
		{"page of its own", open, "POST", []string{"Origin: http://localhost:8000", "Sec-Fetch-Site: same-origin"}, 200, "local"},
		{"foreign page", open, "POST", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403, ""},
		{"foreign page of an old browser", open, "DELETE", []string{"Origin: https://evil.example"}, 403, ""},
		{"page of another port", open, "PUT", []string{"Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"}, 403, ""},
		{"sandboxed page", open, "POST", []string{"Origin: null"}, 403, ""},
		{"through a proxy", open, "GET", []string{"X-Forwarded-For: 203.0.113.9"}, 401, ""},
		{"wrong key though none is needed", open, "GET", []string{"X-API-Key: wrong"}, 401, ""},
		{"key on an open server", open, "POST", []string{"X-API-Key: " + acme, "Host: data.example"}, 200, "acme"},
		{"key set", secret, "GET", nil, 401, ""},
		{"configured key", secret, "POST", []string{"X-API-Key: " + envSecret}, 200, "local"},
		{"configured key as bearer", secret, "POST", []string{"Authorization: bearer " + envSecret, "Host: data.example"}, 200, "local"},
		{"configured key, wrong", secret, "POST", []string{"X-API-Key: " + envSecret[1:]}, 401, ""},
		{"remote, nothing", remote, "GET", nil, 401, ""},
		{"remote, empty", remote, "GET", []string{"X-API-Key: "}, 401, ""},
		{"key", remote, "GET", []string{"X-API-Key: " + acme}, 200, "acme"},
		{"key as bearer", remote, "GET", []string{"Authorization: Bearer " + acme}, 200, "acme"},
		{"key twice", remote, "GET", []string{"X-API-Key: " + acme, "X-API-Key: " + acme}, 401, ""},
		{"unknown id", remote, "GET", []string{"X-API-Key: ck_acme_0123456789abcdef_" + strings.Repeat("a", 52)}, 401, ""},
		{"right id, wrong secret", remote, "GET", []string{"X-API-Key: " + acme[:len(acme)-1] + "?"}, 401, ""},
		{"another tenant's name in it", remote, "GET", []string{"X-API-Key: " + strings.Replace(acme, "acme", "other", 1)}, 401, ""},
		{"cut", remote, "GET", []string{"X-API-Key: " + acme[:30]}, 401, ""},
		{"endless", remote, "GET", []string{"X-API-Key: " + acme + strings.Repeat("a", 9000)}, 401, ""},
		{"a row that is no key", remote, "GET", []string{"X-API-Key: ck_acme_" + strings.Repeat("\xff", 16) + "_a"}, 401, ""},
		{"token", remote, "GET", []string{"Authorization: Bearer " + good}, 200, "acme"},
		{"token as key", remote, "GET", []string{"X-API-Key: " + good}, 401, ""},
		{"basic", remote, "GET", []string{"Authorization: Basic YTpi"}, 401, ""},
		{"both", remote, "GET", []string{"Authorization: Bearer " + good, "X-API-Key: " + acme}, 200, "acme"},
		{"both, of two tenants", remote, "GET", []string{"Authorization: Bearer " + good, "X-API-Key: " + other}, 401, ""},
		{"both, the key wrong", remote, "GET", []string{"Authorization: Bearer " + good, "X-API-Key: wrong"}, 401, ""},
		{"both, the token wrong", remote, "GET", []string{"Authorization: Bearer a.b.c", "X-API-Key: " + acme}, 401, ""},
	} {
		got, tenant, err := status(c.g, ask(c.method, c.headers...))
		if got != c.status || got == 200 && tenant != c.tenant {
			t.Errorf("%s: %d %s (%v), want %d %s", c.name, got, tenant, err, c.status, c.tenant)
		}
		if d, ok := errors.AsType[*Denied](err); ok && (d.Challenge == "") != (d.Status == 403) {
			t.Errorf("%s: %d with the challenge %q", c.name, d.Status, d.Challenge)
		}
		for _, h := range c.headers {
			if _, v, _ := strings.Cut(h, ": "); err != nil && len(v) > 20 && strings.Contains(err.Error(), v[len(v)-16:]) {
				t.Errorf("%s: the error holds the secret: %v", c.name, err)
			}
		}
	}
	// Who is not on this machine needs a key, whatever the configuration says.
	r := ask("GET")
	r.RemoteAddr = "192.0.2.1:4321"
	if got, _, _ := status(open, r); got != 401 {
		t.Errorf("keyless from elsewhere: %d, want 401", got)
	}
}

// Whether a key exists shows in no part of the answer.
func TestRefusalsAreAlike(t *testing.T) {
	keys := Keys{memory.New(memory.Options{}).Table}
	_, acme := newKey(t, keys, "acme")
	g := &Guard{Keys: keys}
	denials := map[Denied]bool{}
	for _, k := range []string{"wrong", acme[:len(acme)-1] + "?", "ck_acme_0123456789abcdef_abc", "ck_nobody_0123456789abcdef_abc"} {
		_, err := g.Authenticate(ask("GET", "X-API-Key: "+k))
		d, ok := errors.AsType[*Denied](err)
		if !ok {
			t.Fatal(err)
		}
		denials[*d] = true
	}
	if len(denials) != 1 {
		t.Errorf("refusals differ: %v", denials)
	}
}

func TestAdmit(t *testing.T) {
	open, secret := &Guard{Loopback: true}, &Guard{Loopback: true, Secret: envSecret}
	for _, c := range []struct {
		g  *Guard
		r  *http.Request
		ok bool
	}{
		{open, ask("GET"), true},
		{open, ask("GET", "Host: evil.example"), false},
		{open, ask("GET", "Origin: https://evil.example"), true}, // changes nothing, and no page can read it
		{open, ask("POST", "Origin: https://evil.example"), false},
		{secret, ask("GET", "Host: data.example"), true},
		{&Guard{}, ask("POST", "Host: data.example", "Origin: https://app.example"), true}, // needs a key anyway
	} {
		if err := c.g.Admit(c.r); (err == nil) != c.ok {
			t.Errorf("%s %s from %q: %v, want ok %v", c.r.Method, c.r.Host, c.r.Header.Get("Origin"), err, c.ok)
		}
	}
}

func TestKeysClosesLoopback(t *testing.T) {
	keys := Keys{memory.New(memory.Options{}).Table}
	g := &Guard{Keys: keys, Loopback: true}
	newKey(t, keys, "acme") // another tenant's
	if got, _, err := status(g, ask("GET")); got != 200 {
		t.Errorf("without a key of its own: %d %v", got, err)
	}
	key, secret := newKey(t, keys, dataset.LocalTenant)
	if got, _, _ := status(g, ask("GET")); got != 401 {
		t.Errorf("with a key set: %d, want 401", got)
	}
	if got, tenant, err := status(g, ask("GET", "X-API-Key: "+secret)); got != 200 || tenant != "local" {
		t.Errorf("with the key: %d %s %v", got, tenant, err)
	}
	if err := keys.Revoke(t.Context(), dataset.LocalTenant, key.ID); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := status(g, ask("GET")); got != 200 {
		t.Errorf("with none any more: %d, want 200", got)
	}
}

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := memory.New(memory.Options{}).Table
		keys := Keys{table}
		g := &Guard{Keys: keys}
		key, secret := newKey(t, keys, "acme")
		rows, err := table.Get(t.Context(), dataset.KeysPK("acme"), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		if random := secret[strings.LastIndex(secret, "_")+1:]; len(random) != 52 || strings.Contains(string(rows.Data), random) {
			t.Errorf("the record %s holds the secret, or the secret %s is short", rows.Data, secret)
		}
		used := func() time.Time {
			t.Helper()
			list, err := keys.List(t.Context(), "acme")
			if err != nil || len(list) != 1 || list[0].ID != key.ID || list[0].Name != "mine" {
				t.Fatalf("List: %v %v", list, err)
			}
			return list[0].Used
		}
		if !used().IsZero() {
			t.Error("used before its first use")
		}
		for _, after := range []time.Duration{0, time.Minute, 2 * time.Hour} {
			time.Sleep(after)
			before := used()
			if got, _, err := status(g, ask("GET", "X-API-Key: "+secret)); got != 200 {
				t.Fatal(got, err)
			}
			if changed := used() != before; changed != (after != time.Minute) {
				t.Errorf("after %v: used %v, before %v", after, used(), before)
			}
		}
		if err := keys.Revoke(t.Context(), "other", key.ID); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("another tenant's key revoked: %v", err)
		}
		if err := keys.Revoke(t.Context(), "acme", ""); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("a key without id revoked: %v", err)
		}
		if err := keys.Revoke(t.Context(), "acme", key.ID); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := status(g, ask("GET", "X-API-Key: "+secret)); got != 401 {
			t.Errorf("revoked: %d, want 401", got)
		}
		if err := keys.Revoke(t.Context(), "acme", key.ID); !dataset.Is(err, dataset.NotFound) {
			t.Errorf("revoked twice: %v", err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	keys := Keys{memory.New(memory.Options{}).Table}
	for _, c := range []struct{ tenant, name string }{
		{"Acme", "a"},
		{"a_b", "a"},
		{"", "a"},
		{"acme", ""},
		{"acme", strings.Repeat("ä", 101)},
		{"acme", "a\nb"},
		{"acme", "a\xff"},
	} {
		if _, _, err := keys.Create(t.Context(), dataset.Tenant(c.tenant), c.name); !dataset.Is(err, dataset.Invalid) {
			t.Errorf("Create(%q, %q): %v, want Invalid", c.tenant, c.name, err)
		}
	}
	for range MaxKeys {
		newKey(t, keys, "acme")
	}
	if _, _, err := keys.Create(t.Context(), "acme", "one more"); !dataset.Is(err, dataset.Conflict) {
		t.Errorf("one more than the most: %v, want Conflict", err)
	}
}

// A table that fails is no refusal, and its failure while a use is noted is none at all. A key that is revoked while it
// is used stays revoked.
func TestTableFails(t *testing.T) {
	world := memory.New(memory.Options{})
	keys := Keys{world.Table}
	_, secret := newKey(t, keys, "acme")
	down := dataset.Errorf(dataset.Unavailable, "down")
	with := func(method string, do func()) *Guard {
		faults := &porttest.Faults{Decide: func(_ context.Context, c porttest.Call) (f porttest.Fault) {
			if c.Method == method {
				do()
				f.Before = down
			}
			return f
		}}
		return &Guard{Keys: Keys{faults.Table(world.Table)}, Loopback: true}
	}
	if _, err := with("Get", func() {}).Authenticate(ask("GET", "X-API-Key: "+secret)); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("Get fails: %v", err)
	}
	if _, err := with("Query", func() {}).Authenticate(ask("GET")); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("Query fails: %v", err)
	}
	if _, err := with("Write", func() {}).Authenticate(ask("GET", "X-API-Key: "+secret)); err != nil {
		t.Errorf("noting the use fails: %v", err)
	}
	key, secret := newKey(t, keys, "acme")
	faults := &porttest.Faults{Decide: func(ctx context.Context, c porttest.Call) (f porttest.Fault) {
		if c.Method == "Write" {
			if err := keys.Revoke(ctx, "acme", key.ID); err != nil {
				t.Error(err)
			}
		}
		return f
	}}
	_, _ = (&Guard{Keys: Keys{faults.Table(world.Table)}}).Authenticate(ask("GET", "X-API-Key: "+secret))
	if got, _, _ := status(&Guard{Keys: keys}, ask("GET", "X-API-Key: "+secret)); got != 401 {
		t.Errorf("revoked while used: %d, want 401", got)
	}
}

func TestCheckSecret(t *testing.T) {
	for s, ok := range map[string]bool{
		envSecret: true, "": false, "short": false, "with a blank inside": false, "with,a,comma,inside": false, "mit-einem-ä-darin": false,
		strings.Repeat("a", 9000): false,
	} {
		if err := CheckSecret(s); (err == nil) != ok {
			t.Errorf("CheckSecret(%.20q) = %v, want ok %v", s, err, ok)
		}
	}
}

// Nothing that anybody sends opens the door or ends the program.
func FuzzAuthenticate(f *testing.F) {
	keys := Keys{memory.New(memory.Options{}).Table}
	iss := newIssuer(f)
	key, _, err := keys.Create(context.Background(), "acme", "mine")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ck_acme_"+key.ID+"_abc", "Bearer "+iss.token(f, nil)[:200], "localhost")
	f.Add("", "Bearer eyJhbGciOiJub25lIn0.e30.", "[::1]:80")
	g := &Guard{Keys: keys, Issuer: iss.issuer, Loopback: true}
	f.Fuzz(func(t *testing.T, key, authorization, host string) {
		r := ask("POST")
		r.Host = host
		r.Header["X-Api-Key"], r.Header["Authorization"] = []string{key}, []string{authorization}
		if c, err := g.Authenticate(r); err == nil {
			t.Errorf("let in as %v", c)
		}
	})
}
