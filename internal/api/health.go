package api

import (
	"context"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/rest"
)

// Health is the answer of /health.
type Health struct {
	Status  string `json:"status" doc:"Always healthy: what is not is a problem with status 503." enum:"healthy" example:"healthy"`
	Version string `json:"version" doc:"Version of the program." example:"1.0.0"`
	Store   string `json:"store" doc:"Whether records can be read." enum:"ok" example:"ok"`
}

// patience is how long the store may take.
const patience = 2 * time.Second

func health(t *rest.Table, c Config) {
	rest.Add(t, rest.Op{
		ID: "health", Method: "GET", Path: "/health", Also: []string{base + "/health"}, Tag: "service", Public: true,
		Summary: "Whether the service works", Description: "Reads from the store, so that an answer says more than that a process runs.",
	}, func(ctx context.Context, _ *struct{}) (*struct{ Body Health }, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err := c.Table.Get(ctx, "SYS#health", "none"); err != nil && !dataset.Is(err, dataset.NotFound) {
			return nil, dataset.Errorf(dataset.Unavailable, "the store does not answer: %w", err)
		}
		return &struct{ Body Health }{Health{"healthy", c.Version, "ok"}}, nil
	})
}
