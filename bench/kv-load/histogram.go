// A histogram of latencies of a fixed size, so that a generator's memory does not grow with what it measures. Buckets
// are 1/64 of a power of two wide: a value that is read back is at most 1.6 % above the true one.
package load

import (
	"math"
	"math/bits"
	"time"
)

const (
	subBits = 6
	subs    = 1 << subBits
	buckets = (64 - subBits) * subs
)

type histogram struct {
	counts [buckets]uint32
	total  uint64
	max    time.Duration
}

func (h *histogram) add(d time.Duration) {
	if d < 0 {
		d = 0
	}
	h.counts[bucketOf(uint64(d))]++
	h.total++
	if d > h.max {
		h.max = d
	}
}

func (h *histogram) merge(other *histogram) {
	for at, count := range other.counts {
		h.counts[at] += count
	}
	h.total += other.total
	if other.max > h.max {
		h.max = other.max
	}
}

// quantile gives the upper edge of the bucket that holds the value of the nearest rank; 0 when there is none.
func (h *histogram) quantile(p float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	// Without the last digits of the product: 0.99 * 100 must stay the 99th.
	rank := uint64(math.Ceil(math.Round(p*float64(h.total)*1e6) / 1e6))
	if rank < 1 {
		rank = 1
	}
	var seen uint64
	for at, count := range h.counts {
		seen += uint64(count)
		if seen >= rank {
			edge := upperEdge(at)
			if edge > h.max {
				return h.max
			}
			return edge
		}
	}
	return h.max
}

func bucketOf(value uint64) int {
	if value < subs {
		return int(value)
	}
	shift := bits.Len64(value) - 1 - subBits
	return shift*subs + int(value>>shift)
}

// upperEdge is the largest value of a bucket.
func upperEdge(bucket int) time.Duration {
	if bucket < 2*subs {
		return time.Duration(bucket)
	}
	shift := bucket/subs - 1
	top := uint64(bucket - shift*subs)
	return time.Duration((top+1)<<shift - 1)
}
