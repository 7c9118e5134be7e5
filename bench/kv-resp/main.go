// Drives a server that speaks RESP (ours, or Redis): SET and GET, written and read without a client library.
// ../kv-load says what is measured and with which flags.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"../kv-load"
)

// stale asks for reads that may be behind (our boxes; a Redis Cluster).
var stale = flag.Bool("stale", false, "say READONLY at first: reads may be behind")

type store struct {
	endpoint string
	// nil after an error: what comes next on it could be an answer to an older question.
	conn   net.Conn
	reader *bufio.Reader
	line   []byte
}

func open(endpoint string) (load.Store, error) {
	s := &store{endpoint: endpoint}
	return s, s.dial()
}

func (s *store) dial() error {
	conn, err := net.DialTimeout("tcp", s.endpoint, load.DialTimeout)
	if err != nil {
		return err
	}
	s.conn, s.reader = conn, bufio.NewReader(conn)
	if *stale {
		_, err = s.ask([]byte("*1\r\n$8\r\nREADONLY\r\n"), 1)
	}
	return err
}

func (s *store) Put(key string, value []byte) error {
	s.line = appendSet(s.line[:0], key, value)
	_, err := s.ask(s.line, 1)
	return err
}

func (s *store) Get(key string) (bool, error) {
	s.line = appendGet(s.line[:0], key)
	return s.ask(s.line, 1)
}

func (s *store) PutMany(keys []string, values [][]byte) error {
	s.line = s.line[:0]
	for at, key := range keys {
		s.line = appendSet(s.line, key, values[at])
	}
	_, err := s.ask(s.line, len(keys))
	return err
}

func (s *store) Close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func appendSet(to []byte, key string, value []byte) []byte {
	to = append(append(to, "*3\r\n$3\r\nSET\r\n$"...), strconv.Itoa(len(key))...)
	to = append(append(append(to, "\r\n"...), key...), "\r\n$"...)
	to = append(append(to, strconv.Itoa(len(value))...), "\r\n"...)
	return append(append(to, value...), "\r\n"...)
}

// refused is an error that the server told in its answer: the connection is as good as before.
type refused string

func (r refused) Error() string { return string(r) }

// ask sends, and reads so many answers. Says whether the last one was something other than null.
func (s *store) ask(request []byte, answers int) (found bool, err error) {
	if s.conn == nil {
		if err := s.dial(); err != nil {
			return false, err
		}
	}
	defer func() {
		var told refused
		// A refusal as the last of the answers leaves nothing behind.
		if err != nil && !(answers == 1 && errors.As(err, &told)) {
			s.Close()
		}
	}()
	if err := s.conn.SetDeadline(time.Now().Add(load.OperationTimeout)); err != nil {
		return false, err
	}
	if _, err := s.conn.Write(request); err != nil {
		return false, err
	}
	for ; answers > 0; answers-- {
		if found, err = s.answer(); err != nil {
			return false, err
		}
	}
	return found, nil
}

func (s *store) answer() (bool, error) {
	line, err := s.reader.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return false, fmt.Errorf("not an answer: %q", line)
	}
	body := string(line[1 : len(line)-2])
	switch line[0] {
	case '+':
		return true, nil
	case '-':
		return false, refused(body)
	case '_':
		return false, nil
	case '$':
		length, err := strconv.Atoi(body)
		if err != nil || length < 0 {
			return false, err
		}
		_, err = io.CopyN(io.Discard, s.reader, int64(length)+2)
		return true, err
	}
	return false, fmt.Errorf("not an answer: %q", line)
}

func main() { load.Main(load.Side{Open: open, OpenShared: openShared}) }
