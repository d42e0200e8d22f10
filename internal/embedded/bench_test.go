package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"compileo/internal/dataset"
)

// concurrently calls do b.N times from callers goroutines and reports calls a second.
func concurrently(b *testing.B, callers int, do func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// reply is what a kept reply looks like: 2 KB under a hashed key.
func replyKey(i int64) string {
	return dataset.ReplyKey("local", "3f0c1c1a-7a52-8f1e-9d0e-5b7d3a1f2c4e", dataset.Hash(fmt.Sprint(i, rand.Uint64())))
}

var reply = make([]byte, 2<<10)

func BenchmarkPutBlob(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{})
			concurrently(b, callers, func(i int64) error { return s.Blobs().Put(b.Context(), replyKey(i), reply) })
		})
	}
}

func BenchmarkWriteRow(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{})
			data := make([]byte, 1000)
			concurrently(b, callers, func(i int64) error {
				return s.Table().Write(b.Context(), dataset.Write{Record: dataset.Record{PK: "p", SK: fmt.Sprint(i % 1000), Data: data}, If: dataset.Any})
			})
		})
	}
}

func BenchmarkGetRow(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	for i := range 1000 {
		if err := s.Table().Write(b.Context(), dataset.Write{Record: dataset.Record{PK: "p", SK: fmt.Sprint(i), Data: make([]byte, 1000)}}); err != nil {
			b.Fatal(err)
		}
	}
	concurrently(b, 4, func(i int64) error {
		_, err := s.Table().Get(b.Context(), "p", fmt.Sprint(i%1000))
		return err
	})
}

func BenchmarkStatMissing(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	concurrently(b, 4, func(i int64) error {
		if _, err := s.Blobs().Stat(b.Context(), replyKey(i)); !dataset.Is(err, dataset.NotFound) {
			return err
		}
		return nil
	})
}

func BenchmarkRangeLarge(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	if err := s.Blobs().Put(b.Context(), "large", make([]byte, 16<<20)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(4096)
	concurrently(b, 4, func(i int64) error {
		_, err := s.Blobs().Range(b.Context(), "large", i%4096*4096, 4096)
		return err
	})
}

func BenchmarkQueue(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	var handled sync.WaitGroup
	handled.Add(b.N)
	ctx, stop := context.WithCancel(b.Context())
	var consumer sync.WaitGroup
	consumer.Go(func() {
		_ = s.Consume(ctx, dataset.GenerateQueue, 64, func(context.Context, []byte) error { handled.Done(); return nil })
	})
	concurrently(b, 16, func(i int64) error {
		return s.Queue().Send(ctx, dataset.GenerateQueue, dataset.Message{Body: []byte("{}"), Group: fmt.Sprint(i % 4)})
	})
	handled.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	stop()
	consumer.Wait()
}

func BenchmarkRangeSmall(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	if err := s.Blobs().Put(b.Context(), "small", make([]byte, maxInline)); err != nil {
		b.Fatal(err)
	}
	concurrently(b, 4, func(i int64) error {
		_, err := s.Blobs().Range(b.Context(), "small", i%16*1024, 1024)
		return err
	})
}
