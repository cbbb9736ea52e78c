package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/hogsend/hogsend/examples/relay"
	"github.com/hogsend/hogsend/provider"
	"github.com/hogsend/hogsend/provider/providertest"
)

// service is the other end: it knows keys, and fails as it is told to.
type service struct {
	mu    sync.Mutex
	mails map[string]string // bodies by their keys
	next  provider.Kind
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	key, fails := r.Header.Get("Idempotency-Key"), s.next
	s.next = ""
	known, ok := s.mails[key]
	switch {
	case fails == provider.Transient:
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	case fails == provider.Permanent:
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"error": "no such domain"}`)
	case fails == provider.Unknown:
		s.mails[key] = string(body) // it has it, and says nothing
		w.WriteHeader(http.StatusBadGateway)
	case ok && known != string(body):
		w.WriteHeader(http.StatusConflict)
	default:
		s.mails[key] = string(body)
		fmt.Fprintf(w, `{"id": %q}`, "relay-"+key)
	}
}

// E-35: what an author runs on a provider of his own.
func TestRelayKeepsTheContract(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Rig {
		s := &service{mails: map[string]string{}}
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		locked := func(f func()) { s.mu.Lock(); defer s.mu.Unlock(); f() }
		return providertest.Rig{
			Provider:  &relay.Relay{URL: web.URL, Token: "t", Client: web.Client()},
			Delivered: func() (n int) { locked(func() { n = len(s.mails) }); return n },
			Fail:      func(kind provider.Kind) bool { locked(func() { s.next = kind }); return true },
		}
	})
}
