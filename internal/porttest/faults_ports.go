package porttest

import (
	"context"
	"time"

	"compileo/internal/dataset"
)

// Table wraps a table.
func (f *Faults) Table(inner dataset.Table) dataset.Table { return faultyTable{f, inner} }

type faultyTable struct {
	faults *Faults
	inner  dataset.Table
}

func (t faultyTable) Get(ctx context.Context, pk, sk string) (r dataset.Record, err error) {
	err = t.faults.call(ctx, "Table", "Get", pk+" "+sk, func() (err error) {
		r, err = t.inner.Get(ctx, pk, sk)
		return err
	})
	if err != nil {
		return dataset.Record{}, err
	}
	return r, nil
}

func (t faultyTable) Query(ctx context.Context, q dataset.Query) (p dataset.Page, err error) {
	err = t.faults.call(ctx, "Table", "Query", q.PK+" "+q.From, func() (err error) {
		p, err = t.inner.Query(ctx, q)
		return err
	})
	if err != nil {
		return dataset.Page{}, err
	}
	return p, nil
}

func (t faultyTable) Write(ctx context.Context, writes ...dataset.Write) error {
	key := ""
	if len(writes) > 0 {
		key = writes[0].PK + " " + writes[0].SK
	}
	return t.faults.call(ctx, "Table", "Write", key, func() error { return t.inner.Write(ctx, writes...) })
}

// Queue wraps a queue. Its consumers are not a port: they meet faults through the queue itself.
func (f *Faults) Queue(inner dataset.Queue) dataset.Queue { return faultyQueue{f, inner} }

type faultyQueue struct {
	faults *Faults
	inner  dataset.Queue
}

func (q faultyQueue) Send(ctx context.Context, queue string, messages ...dataset.Message) error {
	return q.faults.call(ctx, "Queue", "Send", queue, func() error { return q.inner.Send(ctx, queue, messages...) })
}

// Workflow wraps a workflow.
func (f *Faults) Workflow(inner dataset.Workflow) dataset.Workflow { return faultyWorkflow{f, inner} }

type faultyWorkflow struct {
	faults *Faults
	inner  dataset.Workflow
}

func (w faultyWorkflow) Start(ctx context.Context, name string) error {
	return w.faults.call(ctx, "Workflow", "Start", name, func() error { return w.inner.Start(ctx, name) })
}

func (w faultyWorkflow) Stop(ctx context.Context, name, cause string) error {
	return w.faults.call(ctx, "Workflow", "Stop", name, func() error { return w.inner.Stop(ctx, name, cause) })
}

func (w faultyWorkflow) Status(ctx context.Context, name string) (s dataset.ExecutionStatus, err error) {
	err = w.faults.call(ctx, "Workflow", "Status", name, func() (err error) {
		s, err = w.inner.Status(ctx, name)
		return err
	})
	if err != nil {
		return "", err
	}
	return s, nil
}

func (w faultyWorkflow) Answer(ctx context.Context, token string, output []byte) error {
	return w.faults.call(ctx, "Workflow", "Answer", token, func() error { return w.inner.Answer(ctx, token, output) })
}

func (b faultyBlobs) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (p dataset.Presigned, err error) {
	err = b.faults.call(ctx, "Blobs", "PresignGet", key, func() (err error) {
		p, err = b.inner.PresignGet(ctx, key, as, valid)
		return err
	})
	if err != nil {
		return dataset.Presigned{}, err
	}
	return p, nil
}

func (b faultyBlobs) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (p dataset.Presigned, err error) {
	err = b.faults.call(ctx, "Blobs", "PresignPut", key, func() (err error) {
		p, err = b.inner.PresignPut(ctx, key, size, contentType, valid)
		return err
	})
	if err != nil {
		return dataset.Presigned{}, err
	}
	return p, nil
}
