// What the generator takes for an answer, and what not. The bench runs this each time before it measures.
package main

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"testing"
)

// listen hands each connection to answer, and gives the address.
func listen(t *testing.T, answer func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// serve answers each connection with the same bytes once it has read something.
func serve(t *testing.T, answer string) *store {
	address := listen(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			conn.Write([]byte(answer))
		}
	})
	opened, err := open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return opened.(*store)
}

func TestRequest(t *testing.T) {
	want := "*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$2\r\nhi\r\n"
	if got := string(appendSet(nil, "key:1", []byte("hi"))); got != want {
		t.Errorf("%q", got)
	}
}

func TestAnswers(t *testing.T) {
	for answer, found := range map[string]bool{"$2\r\nhi\r\n": true, "$0\r\n\r\n": true, "$-1\r\n": false, "_\r\n": false} {
		if got, err := serve(t, answer).Get("k"); got != found || err != nil {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
	if err := serve(t, "+OK\r\n").Put("k", nil); err != nil {
		t.Error(err)
	}
}

func TestNoAnswers(t *testing.T) {
	for _, answer := range []string{"", "hello\r\n", "+OK\n", "\r\n", "$5\r\nhi\r\n", "$x\r\n", ":1\r\n"} {
		one := serve(t, answer)
		if err := one.Put("k", nil); err == nil {
			t.Errorf("%q is no answer", answer)
		}
		if one.conn != nil {
			t.Errorf("after %q the connection is kept", answer)
		}
	}
}

func TestRefusalKeepsTheConnection(t *testing.T) {
	one := serve(t, "-ERR no\r\n")
	err := one.Put("k", nil)
	var told refused
	if !errors.As(err, &told) || told != "ERR no" || one.conn == nil {
		t.Errorf("%v", err)
	}
	many := serve(t, "-ERR no\r\n+OK\r\n")
	if many.PutMany([]string{"a", "b"}, [][]byte{nil, nil}) == nil || many.conn != nil {
		t.Error("a refusal among many must not leave answers behind")
	}
}

// echo answers each GET with its key, a piece at a time, so that answers come in parts.
func echo(t *testing.T) string {
	return listen(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			for line := 0; line < 4; line++ {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
			key, err := in.ReadString('\n')
			if err != nil {
				return
			}
			switch key[0] {
			case 'x':
				return
			case 'n':
				conn.Write([]byte("$-"))
				conn.Write([]byte("1\r\n"))
			default:
				conn.Write([]byte("$1\r\na\r\n"))
			}
		}
	})
}

func TestSharedHandsOutEachItsOwnAnswer(t *testing.T) {
	one, err := openShared(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	var all sync.WaitGroup
	for client := 0; client < 50; client++ {
		all.Add(1)
		go func(key string) {
			defer all.Done()
			for turn := 0; turn < 100; turn++ {
				if found, err := one.Get(key); err != nil || found != (key == "a") {
					t.Errorf("%s: %v, %v", key, found, err)
				}
			}
		}([]string{"a", "n"}[client%2])
	}
	all.Wait()
}

func TestSharedDialsAgain(t *testing.T) {
	one, err := openShared(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Get("x"); err == nil {
		t.Error("a connection that ended answered")
	}
	if found, err := one.Get("a"); err != nil || !found {
		t.Errorf("%v, %v", found, err)
	}
	one.Close()
}
