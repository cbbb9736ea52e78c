package front

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start serves handler with short deadlines.
func start(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := newServer(handler, nil, timeouts{header: 300 * time.Millisecond, body: 300 * time.Millisecond, reply: 300 * time.Millisecond})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return l.Addr().String()
}

func dial(t *testing.T, address, request string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	return conn
}

func TestNobodyHoldsAConnectionUp(t *testing.T) { // H-12
	t.Parallel()
	for name, request := range map[string]string{
		"a body that never comes":          "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"a body that stops half-way":       "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{}",
		"chunks that never come":           "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"chunks that stop":                 "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
		"a body that nobody asked for":     "GET /skip HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"chunks that nobody asked for":     "GET /skip HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"headers that never end":           "GET /skip HTTP/1.1\r\nHost: x\r\nX-A: ",
		"a first line that never ends":     "GET /sk",
		"a body that never comes, to HEAD": "HEAD /skip HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timedOut := make(chan bool, 1)
			address := start(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/read" {
					_, err := io.ReadAll(r.Body)
					timedOut <- IsTimeout(err)
				}
			})
			_, _ = io.Copy(io.Discard, dial(t, address, request)) // ends with the connection
			if strings.Contains(request, "/read") {
				require.True(t, <-timedOut)
			}
		})
	}
}

func TestAReplyThatIsNotTakenIsCutOff(t *testing.T) { // H-12
	t.Parallel()
	failed := make(chan error, 1)
	address := start(t, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for chunk := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(chunk)
		}
		failed <- err
	})
	conn := dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.True(t, IsTimeout(<-failed))
	require.NoError(t, conn.Close())
}

// A handler that works or streams for longer than the deadlines is not cut off, and the
// connection serves the next request.
func TestWhoGoesOnTakingIsServed(t *testing.T) { // H-12
	t.Parallel()
	address := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		for range 5 {
			select { // the time of a slow stream, which is what is tested
			case <-time.After(150 * time.Millisecond):
			case <-r.Context().Done():
				panic(r.Context().Err())
			}
			fmt.Fprintln(w, "tick")
			w.(http.Flusher).Flush() //nolint:forcetypeassert // it is one
		}
	})
	conn := dial(t, address, "")
	in := bufio.NewReader(conn)
	for range 2 {
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
		require.NoError(t, err)
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("tick\n", 5), string(text))
	}
}

func TestOnlyNamesOfThisMachineAreAnswered(t *testing.T) {
	t.Parallel()
	h := Local(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "hogsend.acme.com")
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8233": 200, "LOCALHOST.": 200, "shop.localhost:1": 200, "127.0.0.1:8233": 200, "127.9.9.9": 200, "[::1]:8233": 200, "[::1]": 200,
		"hogsend.acme.com": 200, "Hogsend.Acme.com:443": 200,
		"evil.example": 421, "evil.example:8233": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "10.0.0.7:8233": 421, "": 421,
		"notlocalhost": 421, "hogsend.acme.com.evil.example": 421, "0.0.0.0:8233": 421, "[::ffff:10.0.0.1]": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
	}
}
