// The parts of the generator whose results are known: histogram, schedule, and a whole run against a store that takes
// a known time. The bench runs this each time before it measures.
package load

import (
	"errors"
	"math/rand"
	"sync/atomic"
	"testing"
	"time"
)

func TestHistogramIsWithinItsPrecision(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for i := 0; i < 100000; i++ {
		value := uint64(random.Int63()) >> uint(random.Intn(63))
		edge := uint64(upperEdge(bucketOf(value)))
		if edge < value || float64(edge) > float64(value)*(1+1.0/subs) {
			t.Fatalf("%d is read back as %d", value, edge)
		}
	}
	if last := bucketOf(1<<63 - 1); last != buckets-1 {
		t.Fatalf("the largest duration is in bucket %d of %d", last, buckets)
	}
}

func TestQuantilesAreNearestRanks(t *testing.T) {
	var h, other histogram
	for i := 1; i <= 50; i++ {
		h.add(time.Duration(i))
		other.add(time.Duration(50 + i))
	}
	h.merge(&other)
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := h.quantile(p); got != want {
			t.Errorf("quantile %v is %d, not %d", p, got, want)
		}
	}
	if (&histogram{}).quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}

func TestAllKeysAreFilledOnce(t *testing.T) {
	seen := map[int]int{}
	for worker := 0; worker < 7; worker++ {
		from, to := part(1000, worker, 7)
		for key := from; key < to; key++ {
			seen[key]++
		}
	}
	if len(seen) != 1000 {
		t.Fatalf("%d keys of 1000", len(seen))
	}
	if name := keyName(42); name != "key:000000000042" {
		t.Fatalf("keys must be those of redis-benchmark, not %s", name)
	}
}

// slow takes a known time for each operation.
type slow struct {
	take  time.Duration
	calls *int64
	fails bool
}

func (s slow) Put(string, []byte) error {
	atomic.AddInt64(s.calls, 1)
	time.Sleep(s.take)
	if s.fails {
		return errors.New("told to fail")
	}
	return nil
}

func (s slow) Get(string) (bool, error)         { return false, s.Put("", nil) }
func (s slow) PutMany([]string, [][]byte) error { return nil }
func (s slow) Close()                           {}

func measureSlow(take time.Duration, fails bool, flags Flags) Result {
	var calls int64
	stores := make([]Store, flags.Connections)
	for at := range stores {
		stores[at] = slow{take, &calls, fails}
	}
	return measure(stores, flags)
}

func TestClosedLoop(t *testing.T) {
	flags := Flags{Connections: 4, Clients: 4, Warmup: 0.1, Seconds: 0.4, ValueBytes: 16, Keys: 10, Writes: 0.5}
	got := measureSlow(10*time.Millisecond, false, flags)
	// 4 clients, at most 100 operations a second each.
	if got.Operations < 40 || got.Operations > 164 || got.Writes+got.Reads != got.Operations {
		t.Errorf("operations: %+v", got)
	}
	if got.P50Ms < 10 || got.Missing < got.Reads/2 || got.Errors != 0 || got.Undone != 0 {
		t.Errorf("%+v", got)
	}
}

func TestErrorsAreNoOperations(t *testing.T) {
	flags := Flags{Connections: 2, Clients: 2, Warmup: 0, Seconds: 0.2, ValueBytes: 16, Keys: 10, Writes: 1}
	got := measureSlow(10*time.Millisecond, true, flags)
	if got.Operations != 0 || got.Errors == 0 || got.FirstError != "told to fail" {
		t.Errorf("%+v", got)
	}
}

func TestRate(t *testing.T) {
	flags := Flags{Connections: 4, Clients: 4, Warmup: 0.1, Seconds: 0.5, ValueBytes: 16, Keys: 10, Writes: 1, Rate: 100}
	got := measureSlow(time.Millisecond, false, flags)
	if got.Operations < 40 || got.Operations > 52 || got.Undone != 0 {
		t.Errorf("100 a second for half a second: %+v", got)
	}
}

// A store that is too slow for the rate: waiting in front of it is part of the latency.
func TestRateBeyondTheStore(t *testing.T) {
	flags := Flags{Connections: 1, Clients: 1, Warmup: 0, Seconds: 0.4, ValueBytes: 16, Keys: 10, Writes: 1, Rate: 100}
	got := measureSlow(20*time.Millisecond, false, flags)
	if got.Operations > 21 || got.P99Ms < 200 {
		t.Errorf("%+v", got)
	}
}
