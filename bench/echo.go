// The echo server in Go: a goroutine per connection, one processor. The first line of output is its address; it ends with its
// standard input.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
)

func echo(conn net.Conn) {
	buffer := make([]byte, 4096)
	for {
		got, err := conn.Read(buffer)
		if err != nil {
			conn.Close()
			return
		}
		if _, err := conn.Write(buffer[:got]); err != nil {
			conn.Close()
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		conn, err := listener.Accept()
		if err == nil {
			go echo(conn)
		}
	}
}
