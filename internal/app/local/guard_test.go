package local

import (
	"strings"
	"testing"

	"compileo/internal/dataset"
)

func TestGuard(t *testing.T) {
	const key = "0123456789abcdef"
	for _, c := range []struct {
		addr, key string
		loopback  bool
		fault     string
	}{
		{"127.0.0.1:8000", "", true, ""},
		{"localhost:8000", "", true, ""},
		{"[::1]:0", key, true, ""},
		{"0.0.0.0:8000", key, false, ""},
		{":8000", key, false, ""},
		{"0.0.0.0:8000", "", false, "addr"},
		{":8000", "", false, "addr"},
		{"192.0.2.1:8000", "", false, "addr"},
		{"8000", "", false, "addr"},
		{"127.0.0.1:8000", "short", false, "COMPILEO_API_KEY"},
	} {
		getenv := func(name string) string { return map[string]string{"COMPILEO_API_KEY": c.key}[name] }
		g, err := Guard(getenv, nil, c.addr)
		if c.fault != "" && (!dataset.Is(err, dataset.Invalid) || !strings.HasPrefix(err.Error(), c.fault)) {
			t.Errorf("%s with %q: %v, want a fault of %s", c.addr, c.key, err, c.fault)
		}
		if c.fault == "" && (err != nil || g.Loopback != c.loopback || g.Secret != c.key) {
			t.Errorf("%s with %q: %+v %v", c.addr, c.key, g, err)
		}
		if c.key != "" && err != nil && strings.Contains(err.Error(), c.key) {
			t.Errorf("the error holds the key: %v", err)
		}
	}
}
