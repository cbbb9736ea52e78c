package resend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// answer is what was seen of one call. The SDK keeps only a text of it.
type answer struct {
	// written is true once the request may have left this machine.
	written bool
	// status is 0 when no whole answer came.
	status int
	header http.Header
	body   []byte
}

// sighting collects the answer of one call. The transport may go on writing after
// the call was given up, so it is locked.
type sighting struct {
	mu  sync.Mutex
	now answer
}

func (s *sighting) set(change func(*answer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.now)
}

func (s *sighting) answer() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

type sightingKey struct{}

// observe makes a context whose call is seen.
func observe(ctx context.Context) (context.Context, *sighting) {
	s := &sighting{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport tries another connection only if nothing was written to the last one.
		GetConn:      func(string) { s.set(func(a *answer) { a.written = false }) },
		WroteHeaders: func() { s.set(func(a *answer) { a.written = true }) },
	})
	return context.WithValue(ctx, sightingKey{}, s), s
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// observer is a transport that keeps status, headers and body of the answer.
type observer struct{ next http.RoundTripper }

// RoundTrip is that of the wrapped transport.
func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := o.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	closed := res.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if closed != nil {
		return nil, fmt.Errorf("close answer: %w", closed)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if s, ok := req.Context().Value(sightingKey{}).(*sighting); ok {
		s.set(func(a *answer) { a.status, a.header, a.body = res.StatusCode, res.Header, body })
	}
	return res, nil
}
