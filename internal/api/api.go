// Package api is the HTTP service: its routes over what does the work. One table of routes is the mux and the
// document; internal/rest says how it is served. A resource has one file; a new route is one rest.Add.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"compileo/internal/access"
	"compileo/internal/console"
	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/pipeline"
	"compileo/internal/rest"
)

// base is where the API is.
const base = "/api/v1"

// Config is what the service stands on.
type Config struct {
	Table     dataset.Table
	Guard     *access.Guard
	Library   *library.Library
	Engine    *pipeline.Engine
	Version   string // of the program
	Log       *slog.Logger
	MaxAnswer int   // bytes of an answer where it is one message, as in a Lambda; 0: any number, streamed
	MaxForm   int64 // bytes of a form with files; 0: any number
	Redirect  int64 // files from this size on are got from where they are, by a presigned request; 0: none
}

// New makes the handler of the whole service.
func New(c Config) http.Handler {
	t := rest.New(rest.Config{
		Title: "Compileo", Version: c.Version, Description: about, Tags: tags, Problem: problem, Headers: middlewareHeaders,
		Use: []rest.Middleware{noted, entered(c.Guard), repeatable(c)},
		Security: []rest.Security{
			{Name: "key", Type: "apiKey", In: "header", Header: "X-API-Key", Description: "An API key. On one machine none is needed from the machine itself, unless one is set."},
			{Name: "token", Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A token of the configured issuer; it names the tenant."},
		},
	})
	Routes(t, c)
	t.Pages()
	page := console.Handler()
	t.Handle("GET /{$}", page)
	t.Handle("GET /console/", page)
	h := rest.Guard(rest.Gzip(headers(t)), func(r *http.Request, v any, stack []byte) {
		c.Log.Error("panic", "request", callOf(r.Context()).id, "value", v, "stack", string(stack))
	})
	if c.MaxAnswer > 0 {
		h = rest.Whole(h, c.MaxAnswer)
	}
	return logged(h, c.Log, time.Now)
}

const about = `Turns documents into training datasets for language models: upload documents to a project, start a job, watch it, review the entries, download the file.

Errors are problems of RFC 9457: ` + "`detail`" + ` says what went wrong, ` + "`errors`" + ` names each wrong part of the request by JSON pointer or parameter. Unknown fields and parameters are refused; null means absent. Every path may end with a slash.`

// tags are the resources, in the order in which they are read about.
var tags = []rest.Tag{
	{Name: "projects", Description: "What documents, jobs and datasets belong to. A project is known by its number and by its UUID."},
	{Name: "documents", Description: "Uploaded files, their text and their processing."},
	{Name: "chunks", Description: "The pieces of documents that entries are made of."},
	{Name: "datasets", Description: "Generation, and what came of it: entries, versions, files."},
	{Name: "jobs", Description: "Work that takes time: its state, its progress, its end."},
	{Name: "service", Description: "The service itself."},
}

// Routes adds every route to a table.
func Routes(t *rest.Table, c Config) {
	health(t, c)
	projects(t, c)
	documents(t, c)
	process(t, c)
	uploaded(t, c)
	chunks(t, c)
	generate(t, c)
	datasets(t, c)
	jobs(t, c)
	watching(t, c)
}

// headers are those of every answer.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "private, no-cache") // kept by the client at most, and asked for again by its ETag
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
