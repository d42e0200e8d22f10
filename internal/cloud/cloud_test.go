package cloud

import (
	"context"
	"testing"

	"compileo/internal/dataset"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// environment is that of a function, as far as the SDK reads it.
func environment(t testing.TB) {
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_CA_BUNDLE", "")
}

func TestOpen(t *testing.T) {
	environment(t)
	t.Setenv(dynamoEndpoint, "http://127.0.0.1:1")
	c, err := Open(t.Context(), Config{Table: "t", Bucket: "b", Queues: map[string]string{"q": "u"}, StateMachine: machineARN})
	if err != nil {
		t.Fatal(err)
	}
	ports := func() [4]any {
		return [4]any{dataset.Table(c.Table()), dataset.Blobs(c.Blobs()), dataset.Queue(c.Queue()), dataset.Workflow(c.Workflow())}
	}
	if first, second := ports(), ports(); first != second {
		t.Error("a port is made more than once")
	}
	if c.Table().Name != "t" || c.Blobs().Bucket != "b" || c.Queue().URLs["q"] != "u" || c.Workflow().StateMachineARN != machineARN {
		t.Error("a port has another name than was configured")
	}
	options := c.Table().Client.Options()
	if options.Region != "eu-central-1" || options.BaseEndpoint == nil || *options.BaseEndpoint != "http://127.0.0.1:1" {
		t.Errorf("region %q, endpoint %v, want those of the environment", options.Region, options.BaseEndpoint)
	}
	_, err = Open(t.Context(), Config{StateMachine: "jobs"})
	wantKind(t, "Open without an ARN", err, dataset.Invalid)
	t.Setenv("AWS_RETRY_MODE", "never")
	_, err = Open(t.Context(), Config{})
	wantKind(t, "Open in a faulty environment", err, dataset.Invalid)
}

// BenchmarkOpen is what the package adds to the start of a function that uses all ports.
func BenchmarkOpen(b *testing.B) {
	environment(b)
	for b.Loop() {
		c, err := Open(b.Context(), Config{StateMachine: machineARN})
		if err != nil {
			b.Fatal(err)
		}
		if c.Table() == nil || c.Blobs() == nil || c.Queue() == nil || c.Workflow() == nil {
			b.Fatal("no port")
		}
	}
}
