// Package outbound makes the HTTP clients for addresses that people give: nothing of ours
// and nothing near us can be reached through them.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Policy says where requests may go (P-19). The zero value allows https to public addresses.
type Policy struct {
	// AllowPrivate lifts the refusal of addresses that are not public.
	AllowPrivate bool
	// Development allows http, and this machine, by the name localhost or its loopback
	// addresses.
	Development bool
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
}

// ErrPrivate says that an address is not a public one.
var ErrPrivate = errors.New("address is not public")

// Check says what is wrong with an address at its definition. A name that cannot be
// looked up now is no problem: Client looks again, each time.
func (p Policy) Check(ctx context.Context, address string) error {
	u, err := p.parse(address)
	if err != nil {
		return err
	}
	host := u.Hostname()
	if p.AllowPrivate || p.local(host) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !Public(ip) {
			return ErrPrivate
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := p.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // there may be an address when it is used
	}
	for _, ip := range found {
		if !Public(ip) {
			return ErrPrivate
		}
	}
	return nil
}

func (p Policy) resolver() *net.Resolver {
	if p.Resolver == nil {
		return net.DefaultResolver
	}
	return p.Resolver
}

// maxAddress is the length of the longest address.
const maxAddress = 2048

func (p Policy) parse(address string) (*url.URL, error) {
	if len(address) > maxAddress {
		return nil, errors.New("must have at most 2048 characters")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" {
		return nil, errors.New("must be an https address")
	}
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !p.local(u.Hostname())):
		return nil, errors.New("must be an https address")
	case u.User != nil:
		return nil, errors.New("must not have a user or password")
	case u.Fragment != "":
		return nil, errors.New("must not have a fragment")
	case numeric(u.Hostname()):
		return nil, errors.New("must have a name or a plain IP address as host")
	}
	return u, nil
}

// numeric reports a host that some resolvers read as an IPv4 address in another spelling:
// decimal, octal, hexadecimal or with fewer parts.
func numeric(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() != ""
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	return last == "" || strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == ""
}

// local reports whether the host is this machine, and it may be called.
func (p Policy) local(host string) bool {
	if !p.Development {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// Client makes a client that looks at the address of every connection at the moment it
// is made, whatever its name said before. It follows no redirect, uses no proxy and gives up
// after timeout.
func (p Policy) Client(timeout time.Duration) *http.Client {
	transport := &http.Transport{
		DialContext: p.dial, ForceAttemptHTTP2: true, MaxIdleConns: 20, MaxConnsPerHost: 20, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport: guard{p, transport}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p Policy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	free, local := p.AllowPrivate, p.local(host)
	d := net.Dialer{Timeout: 10 * time.Second, Resolver: p.Resolver, Control: func(_, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		if ip := at.Addr().Unmap(); free || Public(ip) || local && ip.IsLoopback() {
			return nil
		}
		return ErrPrivate
	}}
	return d.DialContext(ctx, network, address)
}

// guard refuses requests whose address would not pass Check.
type guard struct {
	policy Policy
	next   http.RoundTripper
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := g.policy.parse(r.URL.String()); err != nil {
		return nil, err
	}
	return g.next.RoundTrip(r)
}

// Public reports whether an address belongs to the public internet: neither loopback,
// private, link-local, multicast, reserved nor a disguise of one that is.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsValid() || ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, reserved := range reservedPrefixes() {
		if reserved.Contains(ip) {
			return false
		}
	}
	if ip.Is4() {
		return true
	}
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip): // IPv4 behind NAT64
		return Public(netip.AddrFrom4([4]byte(b[12:16])))
	case netip.MustParsePrefix("2002::/16").Contains(ip): // IPv4 behind 6to4
		return Public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return true
}

func reservedPrefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
