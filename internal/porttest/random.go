package porttest

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Rates are the shares of calls, each 0 to 1, that meet a fault. At most one of crash and failure befalls a
// call; delay and duplicate are drawn besides.
type Rates struct {
	CrashBefore, CrashAfter float64
	FailBefore, FailAfter   float64 // Unavailable
	Throttle                float64 // Throttled, without effect
	Duplicate               float64
	Delay                   float64
	MaxDelay                time.Duration // of a delay; 0: ten seconds
}

// Random returns a decision function that draws faults. What befalls a call depends on the seed, on its
// port, method and key, and on how many calls of that kind came before: the same calls meet the same faults,
// and goroutines that work on different keys do not change each other's.
func Random(seed uint64, rates Rates) func(context.Context, Call) Fault {
	var mu sync.Mutex
	drawn := map[uint64]uint64{}
	if rates.MaxDelay <= 0 {
		rates.MaxDelay = 10 * time.Second
	}
	return func(_ context.Context, c Call) Fault {
		h := fnv.New64a()
		for _, part := range []string{c.Port, c.Method, c.Key} {
			_, _ = h.Write([]byte(part + "\x00"))
		}
		kind := h.Sum64()
		mu.Lock()
		nth := drawn[kind]
		drawn[kind]++
		mu.Unlock()
		return rates.draw(rand.New(rand.NewPCG(seed, kind+nth*0x9e3779b97f4a7c15)))
	}
}

func (r Rates) draw(random *rand.Rand) (f Fault) {
	x := random.Float64()
	hit := func(rate float64) bool {
		x -= rate
		return x < 0 && x >= -rate
	}
	switch {
	case hit(r.CrashBefore):
		f.Crash = CrashBefore
	case hit(r.CrashAfter):
		f.Crash = CrashAfter
	case hit(r.FailBefore):
		f.Before = dataset.Errorf(dataset.Unavailable, "injected failure before the call")
	case hit(r.FailAfter):
		f.After = dataset.Errorf(dataset.Unavailable, "injected failure after the call")
	case hit(r.Throttle):
		f.Before = dataset.Errorf(dataset.Throttled, "injected throttling")
	}
	f.Duplicate = random.Float64() < r.Duplicate
	if random.Float64() < r.Delay {
		f.Delay = 1 + time.Duration(random.Int64N(int64(r.MaxDelay)))
	}
	return f
}
