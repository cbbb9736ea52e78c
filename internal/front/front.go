// Package front makes the HTTP servers that the binary opens: nobody holds up one of
// their connections for ever, and one that is meant for this machine answers nobody who
// came by another name.
package front

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// The deadlines of H-12. A reply may take longer than ReplyTimeout in all, as long as the
// client goes on taking it.
const (
	HeaderTimeout = 10 * time.Second
	BodyTimeout   = 30 * time.Second
	ReplyTimeout  = 60 * time.Second
	idleTimeout   = 75 * time.Second
	maxHeader     = 64 << 10
)

// NewServer makes a server for handler that listens nowhere yet. errorLog may be nil.
func NewServer(handler http.Handler, errorLog *log.Logger) *http.Server {
	return newServer(handler, errorLog, timeouts{header: HeaderTimeout, body: BodyTimeout, reply: ReplyTimeout})
}

// timeouts are shorter in tests.
type timeouts struct{ header, body, reply time.Duration }

func newServer(handler http.Handler, errorLog *log.Logger, t timeouts) *http.Server {
	return &http.Server{
		Handler: &deadlines{next: handler, timeouts: t}, ErrorLog: errorLog,
		ReadHeaderTimeout: t.header, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
}

// deadlines bounds how long a request may take to come and a reply to be taken.
type deadlines struct {
	next     http.Handler
	timeouts timeouts
}

// ServeHTTP implements http.Handler.
func (d *deadlines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := http.NewResponseController(w)
	if r.Body != nil && r.Body != http.NoBody {
		// It also ends the wait for a body that the handler does not read: the server
		// takes it before the reply goes out.
		_ = conn.SetReadDeadline(time.Now().Add(d.timeouts.body)) // a connection without deadlines is one of a test
		r.Body = &body{ReadCloser: r.Body, conn: conn}
	}
	out := &reply{ResponseWriter: w, conn: conn, timeout: d.timeouts.reply}
	out.extend(time.Now())
	d.next.ServeHTTP(out, r)
}

// body ends the deadline with its last byte: what the handler does then may take longer.
type body struct {
	io.ReadCloser
	conn *http.ResponseController
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}

// IsTimeout reports whether a body could not be read because it did not come.
func IsTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// reply gives each write of a reply its time.
type reply struct {
	http.ResponseWriter
	conn    *http.ResponseController
	timeout time.Duration
	set     time.Time
}

// extend moves the deadline, at most every second.
func (w *reply) extend(now time.Time) {
	if now.Sub(w.set) >= min(time.Second, w.timeout/4) {
		w.set = now
		_ = w.conn.SetWriteDeadline(now.Add(w.timeout)) // as above
	}
}

// Write implements io.Writer.
func (w *reply) Write(p []byte) (int, error) {
	w.extend(time.Now())
	return w.ResponseWriter.Write(p)
}

// WriteHeader implements http.ResponseWriter.
func (w *reply) WriteHeader(status int) {
	w.extend(time.Now())
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (w *reply) Flush() {
	w.extend(time.Now())
	_ = w.conn.Flush() // a client that is gone is told of by the next write
}

// Unwrap lets http.ResponseController reach the connection.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Local refuses requests whose Host is no name of this machine and none of hosts: a page
// of another site can make a browser call a local port by a name of its own (DNS
// rebinding), and what listens there asks nobody for a password.
func Local(next http.Handler, hosts ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsLocal(r.Host, hosts...) {
			http.Error(w, "this address is for programs on this machine: use localhost or 127.0.0.1", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsLocal reports whether a Host header names this machine: localhost, a name below it, a
// loopback address, or one of hosts, with any port.
func IsLocal(host string, hosts ...string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	for _, h := range hosts {
		if h != "" && name == strings.ToLower(h) {
			return true
		}
	}
	return false
}

// OnLoopback reports whether only this machine reaches a listener.
func OnLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
