package server

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// scope is what a key may do (H-3).
type scope string

// The scopes. scopeNone marks a route that needs no key.
const (
	scopeNone         scope = ""
	scopeIngest       scope = "ingest"
	scopeRead         scope = "read"
	scopeJourneyAdmin scope = "journey-admin"
	scopeFullAdmin    scope = "full-admin"
)

// Valid reports whether s is a word a key can hold.
func (s scope) Valid() bool {
	return s == scopeIngest || s == scopeRead || s == scopeJourneyAdmin || s == scopeFullAdmin
}

// allows reports whether a key with the scope held may do what needs s.
func (s scope) allows(held string) bool {
	switch scope(held) {
	case scopeFullAdmin:
		return true
	case scopeJourneyAdmin:
		return s == scopeJourneyAdmin || s == scopeRead
	}
	return held == string(s)
}

// actor is who makes a request.
type actor struct {
	// id is the key's; "bootstrap" for the key of the environment (O-5).
	id, name string
	scopes   []string
	// kind and rowID are what the audit log says of it.
	kind  store.ActorKind
	rowID *uuid.UUID
}

func (a *actor) may(s scope) bool { return slices.ContainsFunc(a.scopes, s.allows) }

// bootstrap is the name of the key that the environment gives (O-5).
const bootstrap = "bootstrap"

// failuresPerMinute bounds wrong keys per address (H-14).
const failuresPerMinute = 30

// authenticator knows keys. Found ones are remembered for less than a second, so
// that a revocation holds within one (O-3).
type authenticator struct {
	store     *store.Store
	bootstrap []byte // hash of ADMIN_API_KEY; nil for none
	failures  *limiter
	touched   func(error)

	mu      sync.Mutex
	keys    *lru[*knownKey]
	unknown *lru[time.Time] // digests that no key has, with when that was read
}

const (
	keyMemory     = 800 * time.Millisecond
	unknownMemory = 10 * time.Second // O-10
	maxKeys       = 10_000
	touchEvery    = 5 * time.Minute
)

// knownKey is a key as it was read from the database.
type knownKey struct {
	turn    chan struct{} // holds one token: a lock that can be waited for with a deadline
	key     storedb.ApiKey
	actor   *actor // nil until the key was found
	readAt  time.Time
	touched time.Time
}

func newAuthenticator(s *store.Store, adminKey string, touched func(error)) *authenticator {
	a := &authenticator{
		store: s, failures: newLimiter(failuresPerMinute), touched: touched, keys: newLRU[*knownKey](maxKeys), unknown: newLRU[time.Time](maxKeys),
	}
	if adminKey != "" {
		a.bootstrap = store.KeyHash(adminKey)
	}
	return a
}

// authenticate tells who sent the request by its Authorization header, the only
// thing that is looked at (O-2). Wrong keys count against the address, beyond 30 a
// minute with 429; a right one is never held up by them, because everybody behind a
// proxy has one address (O-10).
func (a *authenticator) authenticate(ctx context.Context, header, address string, now time.Time) (*actor, error) {
	if header == "" {
		return nil, unauthorized("Unauthorized")
	}
	secret, ok := bearer(header)
	var who *actor
	var err error
	if ok {
		who, err = a.find(ctx, secret, now)
	} else {
		err = unauthorized("Unauthorized")
	}
	if r, refused := err.(*refusal); refused && r.status == http.StatusUnauthorized { //nolint:errorlint // made above
		if q := a.failures.take(network(address), 1, now); !q.ok {
			return nil, tooManyOf(q.limit, q.reset)
		}
	}
	return who, err
}

// network is what an address is counted by: who has one of IPv6 has 2^64 of them (O-10).
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

func bearer(header string) (secret string, ok bool) {
	kind, secret, ok := strings.Cut(header, " ")
	secret = strings.TrimSpace(secret)
	return secret, ok && strings.EqualFold(kind, "Bearer") && secret != ""
}

func (a *authenticator) find(ctx context.Context, secret string, now time.Time) (*actor, error) {
	hash := store.KeyHash(secret)
	if a.bootstrap != nil && subtle.ConstantTimeCompare(hash, a.bootstrap) == 1 {
		return &actor{id: bootstrap, name: bootstrap, scopes: []string{string(scopeFullAdmin)}, kind: store.ActorKey}, nil
	}
	k := a.known(string(hash), now)
	if k == nil {
		return nil, unauthorized("Unauthorized")
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for api key: %w", ctx.Err())
	}
	if k.actor == nil || now.Sub(k.readAt) >= keyMemory || now.Before(k.readAt) {
		if err := a.read(ctx, k, hash, now); err != nil {
			return nil, err
		}
	}
	if k.actor == nil {
		a.forget(string(hash), now)
		return nil, unauthorized("Unauthorized")
	}
	if k.key.ExpiresAt != nil && !now.Before(*k.key.ExpiresAt) {
		return nil, unauthorized("API key expired")
	}
	if now.Sub(k.touched) >= touchEvery {
		k.touched = now
		go a.touch(context.WithoutCancel(ctx), k.key.ID, now)
	}
	return k.actor, nil
}

// read asks the database again. The lookup is by hash, so its time tells nothing
// about a key (O-2).
func (a *authenticator) read(ctx context.Context, k *knownKey, hash []byte, now time.Time) error {
	key, found, err := a.store.KeyFind(ctx, hash)
	if err != nil {
		return err
	}
	k.actor = nil
	if found && subtle.ConstantTimeCompare(hash, key.Hash) == 1 {
		k.key, k.readAt = key, now
		k.actor = &actor{id: key.ID.String(), name: key.Name, scopes: key.Scopes, kind: store.ActorKey, rowID: &key.ID}
	}
	return nil
}

// known is what is remembered of a key; nil of a digest that no key has.
func (a *authenticator) known(hash string, now time.Time) *knownKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.unknown.get(hash); ok && now.Sub(at) < unknownMemory && !now.Before(at) {
		return nil
	}
	k, ok := a.keys.get(hash)
	if !ok {
		k = &knownKey{turn: make(chan struct{}, 1)}
		a.keys.put(hash, k)
	}
	return k
}

// forget notes that there is no such key. Whoever guesses fills a memory of its own, and
// not the one of the keys.
func (a *authenticator) forget(hash string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys.remove(hash)
	a.unknown.put(hash, now)
}

// touch writes the last use, behind the request's back (O-3).
func (a *authenticator) touch(ctx context.Context, id uuid.UUID, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a.touched(a.store.ApiKeysTouch(ctx, &now, id))
}

// proxies are the networks whose X-Forwarded-For is believed (H-16).
type proxies []netip.Prefix

// parseProxies reads addresses and networks; what is neither is left out.
func parseProxies(list []string) proxies {
	var p proxies
	for _, text := range list {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			p = append(p, prefix.Masked())
		} else if address, err := netip.ParseAddr(text); err == nil {
			p = append(p, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return p
}

func (p proxies) contains(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address.Unmap()) })
}

// client is the address a request comes from: the last hop that is not a proxy of ours.
func (p proxies) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !p.contains(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" {
			continue
		}
		address, ok := hopAddress(hop)
		if !ok {
			break // no proxy of ours wrote it: what is before it is as little worth
		}
		if host = address; !p.contains(host) {
			break
		}
	}
	return host
}

// hopAddress is the address of a hop, which may come with a port.
func hopAddress(hop string) (string, bool) {
	if address, err := netip.ParseAddr(strings.Trim(hop, "[]")); err == nil {
		return address.String(), true
	}
	address, err := netip.ParseAddrPort(hop)
	return address.Addr().String(), err == nil
}

func forbidden(scope scope) error {
	return &refusal{
		status: http.StatusForbidden, text: "Forbidden: insufficient scope",
		details: []detail{{Path: "scope", Message: "requires " + string(scope)}},
	}
}
