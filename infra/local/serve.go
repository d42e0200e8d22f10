package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"compileo/internal/api"
	"compileo/internal/app/local"
	"compileo/internal/dataset"
	"compileo/internal/model"
)

const serveUsage = `compileo serve [flags]

Serves the HTTP API, its documentation (/docs) and a console (/) until it is interrupted. Jobs that were running when it
ended go on when it starts again.

examples:
  compileo serve
  compileo serve --addr 127.0.0.1:9000 --data /srv/compileo
  COMPILEO_API_KEY=… compileo serve --addr 0.0.0.0:8000

On this machine no key is needed unless COMPILEO_API_KEY, AUTH_ISSUER or a stored key is set; to listen elsewhere one is.

flags:
`

// Times of the server. What it writes has no limit: downloads are large, events go on as long as a job does.
const (
	readHeader = 10 * time.Second
	idle       = 2 * time.Minute
	grace      = time.Second     // for requests that are under way when it is interrupted; then their contexts end
	shutdown   = 5 * time.Second // then their connections
)

// filesPath is where presigned URLs lead.
const filesPath = "/files"

// serve runs the service until ctx ends.
func serve(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	addr, data := "127.0.0.1:8000", defaultData(getenv)
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&addr, "addr", addr, "listen on `HOST:PORT`")
	f.StringVar(&data, "data", data, "keep documents, jobs and datasets in `DIR`")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = io.WriteString(stdout, serveUsage)
			f.SetOutput(stdout)
			f.PrintDefaults()
			return nil
		}
		return dataset.Errorf(dataset.Invalid, "%s (compileo serve --help lists the flags)", flagFault(err))
	}
	if f.NArg() > 0 {
		return dataset.Errorf(dataset.Invalid, "serve takes no argument, %q is one", f.Arg(0))
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return dataset.Errorf(dataset.Invalid, "cannot make the data directory %s: %v", data, cause(err))
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return dataset.Errorf(dataset.Conflict, "cannot listen on %s: %v", addr, cause(err))
	}
	defer listener.Close()
	url := "http://" + reachable(listener.Addr().(*net.TCPAddr))
	log := slog.New(slog.NewTextHandler(stderr, nil))
	a, err := local.Open(ctx, local.Config{Dir: data, Files: url + filesPath, Getenv: getenv, Log: log})
	if err != nil {
		return err
	}
	err = serveApp(ctx, a, listener, addr, getenv, log, func() { greet(stdout, url, data, a.Engine.Models) })
	if closing := a.Close(); err == nil {
		err = closing
	}
	return err
}

// serveApp serves and works until ctx ends, then lets what is under way come to its end.
func serveApp(ctx context.Context, a *local.App, listener net.Listener, addr string, getenv func(string) string, log *slog.Logger, ready func()) error {
	guard, err := local.Guard(getenv, a.Engine.Table, addr)
	if err != nil {
		return err
	}
	files, service := a.Files(), api.New(api.Config{
		Table: a.Engine.Table, Guard: guard, Version: version, Log: log,
		Library: a.Library, Engine: a.Engine,
	})
	either := func(w http.ResponseWriter, r *http.Request) { // no ServeMux: it would redirect // and .. before the service sees them
		if strings.HasPrefix(r.URL.Path, filesPath+"/") {
			files.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	}
	group, working := errgroup.WithContext(ctx)
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	server := &http.Server{
		Handler: http.HandlerFunc(either), ReadHeaderTimeout: readHeader, IdleTimeout: idle, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	group.Go(func() error { return a.Run(working) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-working.Done()
		defer time.AfterFunc(grace, endRequests).Stop()
		last, end := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer end()
		if err := server.Shutdown(last); err != nil {
			return server.Close()
		}
		return nil
	})
	ready()
	return group.Wait()
}

// reachable is the address under which this machine reaches a listener.
func reachable(addr *net.TCPAddr) string {
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// greet says where the service is, where its data is and which models answer under which names.
func greet(w io.Writer, url, data string, models *model.Registry) {
	if whole, err := filepath.Abs(data); err == nil {
		data = whole
	}
	var own, other []string
	for _, p := range models.Providers {
		where := "built in"
		if p.BaseURL != "" {
			where = p.BaseURL
		}
		own = append(own, p.Name+" ("+where+")")
	}
	for from, to := range models.Aliases {
		other = append(other, from+" = "+to)
	}
	slices.Sort(other)
	fmt.Fprintf(w, "compileo %s: console %s/ · API %s/api/v1 · documentation %s/docs\ndata: %s\nmodels: %s; other names: %s\n",
		version, url, url, url, data, strings.Join(own, ", "), strings.Join(other, ", "))
}
