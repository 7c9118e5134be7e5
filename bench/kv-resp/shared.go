package main

import (
	"bufio"
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync"
	"time"

	"../kv-load"
)

// shared is one connection for many clients, as the client libraries have it that pipeline by themselves (rueidis,
// StackExchange.Redis, ioredis): whoever comes while another one writes leaves its request for the next write, and
// one goroutine hands out the answers, which come in the order of the requests.
type shared struct {
	endpoint string
	lock     sync.Mutex
	// nil before the first request, and after an error.
	link *link
}

// link is a connection until its first error.
type link struct {
	store *store
	// All under the lock of its owner.
	unsent  []byte
	waiting []chan answer
	writes  bool
	broken  error
}

type answer struct {
	found bool
	err   error
}

func openShared(endpoint string) (load.Store, error) {
	s := &shared{endpoint: endpoint}
	s.lock.Lock()
	defer s.lock.Unlock()
	return s, s.dial()
}

func (s *shared) Put(key string, value []byte) error {
	_, err := s.ask(func(to []byte) []byte { return appendSet(to, key, value) })
	return err
}

func (s *shared) Get(key string) (bool, error) {
	return s.ask(func(to []byte) []byte { return appendGet(to, key) })
}

func (s *shared) PutMany(keys []string, values [][]byte) error {
	return errors.New("a shared connection does not fill")
}

func (s *shared) Close() {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.link != nil {
		s.fail(s.link, net.ErrClosed)
	}
}

// dial is called with the lock held.
func (s *shared) dial() error {
	opened, err := open(s.endpoint)
	if err != nil {
		return err
	}
	s.link = &link{store: opened.(*store)}
	go s.read(s.link)
	return nil
}

func (s *shared) ask(request func(to []byte) []byte) (bool, error) {
	s.lock.Lock()
	if s.link == nil {
		if err := s.dial(); err != nil {
			s.lock.Unlock()
			return false, err
		}
	}
	l := s.link
	told := make(chan answer, 1)
	l.unsent = request(l.unsent)
	l.waiting = append(l.waiting, told)
	if !l.writes {
		l.writes = true
		s.lock.Unlock()
		// Others that can run have requests, too: one write takes them all.
		runtime.Gosched()
		s.write(l)
	} else {
		s.lock.Unlock()
	}
	got := <-told
	return got.found, got.err
}

// write sends until nothing is left.
func (s *shared) write(l *link) {
	var sending []byte
	for {
		s.lock.Lock()
		sending, l.unsent = l.unsent, sending[:0]
		if len(sending) == 0 || l.broken != nil {
			l.writes = false
			s.lock.Unlock()
			return
		}
		s.lock.Unlock()
		err := l.store.conn.SetDeadline(time.Now().Add(load.OperationTimeout))
		if err == nil {
			_, err = l.store.conn.Write(sending)
		}
		if err != nil {
			s.lock.Lock()
			s.fail(l, err)
			s.lock.Unlock()
		}
	}
}

func (s *shared) read(l *link) {
	// Not one system call for each value.
	l.store.reader = bufio.NewReaderSize(l.store.conn, 64<<10)
	for {
		found, err := l.store.answer()
		var refusal refused
		s.lock.Lock()
		if err != nil && !errors.As(err, &refusal) {
			s.fail(l, err)
			s.lock.Unlock()
			return
		}
		if len(l.waiting) == 0 {
			s.fail(l, errors.New("an answer that nobody asked for"))
			s.lock.Unlock()
			return
		}
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		s.lock.Unlock()
		next <- answer{found, err}
	}
}

// fail ends a connection and all that wait for it; the next request dials again. Called with the lock held.
func (s *shared) fail(l *link, err error) {
	if l.broken != nil {
		return
	}
	l.broken = err
	l.store.conn.Close()
	for _, one := range l.waiting {
		one <- answer{false, err}
	}
	l.waiting = nil
	if s.link == l {
		s.link = nil
	}
}

func appendGet(to []byte, key string) []byte {
	to = append(append(to, "*2\r\n$3\r\nGET\r\n$"...), strconv.Itoa(len(key))...)
	return append(append(append(to, "\r\n"...), key...), "\r\n"...)
}
