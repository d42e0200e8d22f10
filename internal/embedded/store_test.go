package embedded

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/porttest"
)

// open opens dir and closes it at the end of the test.
func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

func wantKind(t *testing.T, what string, err error, kind dataset.Kind) {
	t.Helper()
	if dataset.KindOf(err) != kind {
		t.Errorf("%s = %v (kind %q), want kind %q", what, err, dataset.KindOf(err), kind)
	}
}

func TestTableSuite(t *testing.T) {
	t.Parallel()
	table := open(t, t.TempDir(), Options{}).Table()
	porttest.Table(t, func(*testing.T) dataset.Table { return table })
}

func TestBlobsSuite(t *testing.T) {
	t.Parallel()
	var s *Store
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Handler().ServeHTTP(w, r) }))
	defer server.Close()
	s = open(t, t.TempDir(), Options{BaseURL: server.URL + "/files"})
	porttest.Blobs(t, porttest.BlobsHarness{
		Open: func(*testing.T) dataset.Blobs { return s.Blobs() }, Presign: true, Client: server.Client(),
	})
}

func TestQueueSuite(t *testing.T) {
	const visibility, receives = 2 * time.Second, 3
	porttest.Queue(t, porttest.QueueHarness{
		Visibility: visibility, MaxReceives: receives, Fair: true, Virtual: true,
		Open: func(t *testing.T) porttest.QueueSystem {
			s := open(t, t.TempDir(), Options{Visibility: visibility, MaxReceives: receives})
			return porttest.QueueSystem{
				Queue:   s.Queue(),
				Consume: func(ctx context.Context, queue string, h dataset.Handler) func() { return consume(t, ctx, s, queue, h) },
				Dead: func() (all [][]byte) {
					for _, queue := range []string{dataset.GenerateQueue, dataset.ScoreQueue} {
						dead, err := s.Dead(t.Context(), queue)
						if err != nil {
							t.Errorf("Dead = %v", err)
						}
						all = append(all, dead...)
					}
					return all
				},
			}
		},
	})
}

// consume starts a consumer with three workers.
func consume(t *testing.T, ctx context.Context, s *Store, queue string, h dataset.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Consume(ctx, queue, 3, h); err != nil {
			t.Errorf("Consume = %v", err)
		}
	})
	return func() { cancel(); running.Wait() }
}
