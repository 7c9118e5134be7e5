// Package load drives a key-value store and measures it. Both sides of the bench are driven by this one package, so
// that they get the same keys, values, mix and schedule, and are timed in the same way; a side only says how one put
// and one get are done (kv-etcd/main.go, kv-resp/main.go).
//
// Each client has one operation open at a time. Without a rate it starts the next one when the last has ended. With a
// rate, operations are due at fixed moments; one that could not start because its client still waited for the last is
// late, and its latency counts from when it was due.
//
// Throughput counts the operations that ended in the measured time; latency those that began (or were due) in it,
// whenever they ended. The time before it, the warm-up, counts for neither.
package load

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// OperationTimeout ends a single operation; it then counts as an error.
	OperationTimeout = 5 * time.Second
	// DialTimeout ends the start when a server is not there.
	DialTimeout = 10 * time.Second
	// After the end, operations that were due may still be done for so long.
	drainTimeout = 5 * time.Second
	// After an error, so that a server that refuses is not flooded.
	errorPause = 10 * time.Millisecond
	fillBatch  = 100
	memoryMax  = 256 << 20
)

// Store is one connection to a server.
type Store interface {
	Put(key string, value []byte) error
	// Get says whether the key was there.
	Get(key string) (bool, error)
	// PutMany need not be atomic; it only serves to fill.
	PutMany(keys []string, values [][]byte) error
	Close()
}

// Side says how a server is spoken to.
type Side struct {
	Open func(endpoint string) (Store, error)
	// OpenShared opens a connection that several clients use at the same time.
	OpenShared func(endpoint string) (Store, error)
}

// Flags are those of the command line.
type Flags struct {
	Endpoints   []string
	Connections int
	Clients     int
	Warmup      float64
	Seconds     float64
	ValueBytes  int
	Keys        int
	Writes      float64
	Rate        float64
	Fill        bool
	Seed        int64
}

// Result is what is printed, as one line of JSON.
type Result struct {
	Operations     int64   `json:"operations"`
	Reads          int64   `json:"reads"`
	Writes         int64   `json:"writes"`
	Seconds        float64 `json:"seconds"`
	OperationsPerS float64 `json:"operationsPerS"`
	P50Ms          float64 `json:"p50Ms"`
	P99Ms          float64 `json:"p99Ms"`
	MaxMs          float64 `json:"maxMs"`
	Errors         int64   `json:"errors"`
	// Reads of keys that were not there.
	Missing int64 `json:"missing"`
	// Were due, and were not begun in time.
	Undone int64 `json:"undone"`
	// Of this program, user and system, in the measured time.
	CPUSeconds  float64 `json:"cpuSeconds"`
	RssMaxBytes int64   `json:"rssMaxBytes"`
	FirstError  string  `json:"firstError,omitempty"`
}

// Main is the whole program.
func Main(side Side) {
	debug.SetMemoryLimit(memoryMax)
	flags := parseFlags()
	open := side.Open
	if flags.Clients > flags.Connections {
		open = side.OpenShared
	}
	stores := make([]Store, flags.Connections)
	for at := range stores {
		store, err := open(flags.Endpoints[at%len(flags.Endpoints)])
		if err != nil {
			fail(err.Error())
		}
		defer store.Close()
		stores[at] = store
	}
	if flags.Fill {
		if err := fill(stores, flags); err != nil {
			fail(err.Error())
		}
		fmt.Printf("{\"filled\":%d}\n", flags.Keys)
		return
	}
	line, err := json.Marshal(measure(stores, flags))
	if err != nil {
		fail(err.Error())
	}
	fmt.Println(string(line))
}

func parseFlags() Flags {
	var f Flags
	endpoints := flag.String("endpoints", "", "host:port, with commas; connections take them in turns")
	flag.IntVar(&f.Connections, "connections", 1, "connections")
	flag.IntVar(&f.Clients, "clients", 0, "clients, each with one open operation; 0: as many as connections")
	flag.Float64Var(&f.Warmup, "warmup", 1, "seconds before the measured time")
	flag.Float64Var(&f.Seconds, "seconds", 3, "measured time")
	flag.IntVar(&f.ValueBytes, "value", 256, "bytes of a value")
	flag.IntVar(&f.Keys, "keys", 100000, "keys, drawn at random")
	flag.Float64Var(&f.Writes, "writes", 1, "share of writes, 0 to 1; the others are reads")
	flag.Float64Var(&f.Rate, "rate", 0, "operations per second over all clients; 0: as many as go")
	flag.BoolVar(&f.Fill, "fill", false, "write each key once, and end")
	flag.Int64Var(&f.Seed, "seed", 1, "of the random keys and values")
	flag.Parse()
	if f.Clients == 0 {
		f.Clients = f.Connections
	}
	f.Endpoints = strings.Split(*endpoints, ",")
	if *endpoints == "" || f.Connections < 1 || f.Clients < f.Connections || f.Seconds <= 0 || f.Keys < 1 ||
		f.ValueBytes < 8 || f.Writes < 0 || f.Writes > 1 || f.Rate < 0 || f.Warmup < 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	return f
}

// tally is what one client counts.
type tally struct {
	latency    histogram
	reads      int64
	writes     int64
	errors     int64
	missing    int64
	undone     int64
	firstError string
}

func (t *tally) merge(other *tally) {
	t.latency.merge(&other.latency)
	t.reads += other.reads
	t.writes += other.writes
	t.errors += other.errors
	t.missing += other.missing
	t.undone += other.undone
	if t.firstError == "" {
		t.firstError = other.firstError
	}
}

func measure(stores []Store, flags Flags) Result {
	begin := time.Now()
	from := begin.Add(seconds(flags.Warmup))
	to := from.Add(seconds(flags.Seconds))
	tallies := make([]tally, flags.Clients)
	var all sync.WaitGroup
	for at := range tallies {
		all.Add(1)
		go func(at int) {
			defer all.Done()
			one := client{Flags: flags, store: stores[at%len(stores)], begin: begin, from: from, to: to, index: at}
			one.run(&tallies[at])
		}(at)
	}
	time.Sleep(time.Until(from))
	cpuBefore, _ := usage()
	time.Sleep(time.Until(to))
	cpuAfter, rss := usage()
	all.Wait()
	var sum tally
	for at := range tallies {
		sum.merge(&tallies[at])
	}
	return Result{
		Operations: sum.reads + sum.writes, Reads: sum.reads, Writes: sum.writes, Seconds: flags.Seconds,
		OperationsPerS: float64(sum.reads+sum.writes) / flags.Seconds,
		P50Ms:          milliseconds(sum.latency.quantile(0.5)), P99Ms: milliseconds(sum.latency.quantile(0.99)),
		MaxMs:  milliseconds(sum.latency.max),
		Errors: sum.errors, Missing: sum.missing, Undone: sum.undone, FirstError: sum.firstError,
		CPUSeconds: cpuAfter - cpuBefore, RssMaxBytes: rss,
	}
}

// client is one client of a run.
type client struct {
	Flags
	store           Store
	begin, from, to time.Time
	index           int
}

func (c *client) run(counts *tally) {
	random := rand.New(rand.NewSource(c.Seed*1_000_003 + int64(c.index)))
	value := make([]byte, c.ValueBytes)
	random.Read(value)
	interval := time.Duration(0)
	due := c.begin
	if c.Rate > 0 {
		interval = seconds(float64(c.Clients) / c.Rate)
		due = due.Add(interval * time.Duration(c.index) / time.Duration(c.Clients))
	}
	for {
		start := time.Now()
		if interval > 0 {
			if start.Before(due) {
				time.Sleep(due.Sub(start))
				// It was not the server that the client waited for.
				start = time.Now()
			} else {
				start = due
			}
		}
		if !due.Before(c.to) || (interval == 0 && !start.Before(c.to)) {
			return
		}
		if interval > 0 && time.Since(c.to) > drainTimeout {
			counts.undone += int64(c.to.Sub(due)/interval) + 1
			return
		}
		c.one(random, value, start, counts)
		due = due.Add(interval)
	}
}

// one does one operation and counts it.
func (c *client) one(random *rand.Rand, value []byte, start time.Time, counts *tally) {
	key := keyName(random.Intn(c.Keys))
	write := random.Float64() < c.Writes
	found := true
	var err error
	if write {
		// No two values are the same.
		random.Read(value[:8])
		err = c.store.Put(key, value)
	} else {
		found, err = c.store.Get(key)
	}
	end := time.Now()
	if err != nil {
		counts.errors++
		if counts.firstError == "" {
			counts.firstError = err.Error()
		}
		time.Sleep(errorPause)
		return
	}
	if !start.Before(c.from) && start.Before(c.to) {
		counts.latency.add(end.Sub(start))
	}
	if end.Before(c.from) || !end.Before(c.to) {
		return
	}
	if !found {
		counts.missing++
	}
	if write {
		counts.writes++
	} else {
		counts.reads++
	}
}

// fill writes each key once.
func fill(stores []Store, flags Flags) error {
	errs := make(chan error, len(stores))
	for at := range stores {
		go func(at int) {
			from, to := part(flags.Keys, at, len(stores))
			random := rand.New(rand.NewSource(flags.Seed + int64(at)))
			for from < to {
				next := from + fillBatch
				if next > to {
					next = to
				}
				keys, values := []string{}, [][]byte{}
				for key := from; key < next; key++ {
					value := make([]byte, flags.ValueBytes)
					random.Read(value)
					keys, values = append(keys, keyName(key)), append(values, value)
				}
				if err := stores[at].PutMany(keys, values); err != nil {
					errs <- err
					return
				}
				from = next
			}
			errs <- nil
		}(at)
	}
	for range stores {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// part is the half-open range of one of so many workers.
func part(total, worker, workers int) (int, int) {
	return total * worker / workers, total * (worker + 1) / workers
}

// keyName is as redis-benchmark writes it with -r.
func keyName(number int) string {
	return fmt.Sprintf("key:%012d", number)
}

// usage gives CPU seconds so far and the largest resident size in bytes.
func usage() (float64, int64) {
	var all syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &all); err != nil {
		fail(err.Error())
	}
	at := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return at(all.Utime) + at(all.Stime), all.Maxrss * 1024
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

func milliseconds(value time.Duration) float64 { return float64(value) / float64(time.Millisecond) }

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
