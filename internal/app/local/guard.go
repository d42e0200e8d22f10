package local

import (
	"net"

	"compileo/internal/access"
	"compileo/internal/app"
	"compileo/internal/dataset"
)

// Guard decides who may ask a server that listens at addr: whoever has COMPILEO_API_KEY, what app.Guard lets in, and on
// loopback this machine as long as no key is set. Invalid: a variable is wrong, or addr is open to others and nothing
// in the environment says who may come.
func Guard(getenv func(string) string, table dataset.Table, addr string) (*access.Guard, error) {
	g, err := app.Guard(getenv, table)
	if err != nil {
		return nil, err
	}
	if g.Secret = getenv("COMPILEO_API_KEY"); g.Secret != "" {
		if err := access.CheckSecret(g.Secret); err != nil {
			return nil, dataset.InvalidField("COMPILEO_API_KEY", "%v", err)
		}
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, dataset.InvalidField("addr", "is %q, want host:port", addr)
	}
	ip := net.ParseIP(host)
	g.Loopback = host == "localhost" || ip != nil && ip.IsLoopback()
	if !g.Loopback && g.Secret == "" && g.Issuer == nil {
		return nil, dataset.InvalidField("addr", "%s is open to other machines: set COMPILEO_API_KEY, which they then need, or listen on 127.0.0.1", addr)
	}
	return g, nil
}
