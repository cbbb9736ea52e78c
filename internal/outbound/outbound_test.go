package outbound_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/hogsend/hogsend/internal/outbound"
)

// P-19: what may be defined as an address.
func TestAddressesAreChecked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "x", "https://", "https:x", "//x.io", "http://x.io/", "ftp://x.io/", "file:///etc/passwd", "https://u:p@x.io/", "https://x.io/#a", "https://x.io:x/",
		"https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://0x7f.1/", "https://1.2.3.0x4/", "https://127.0.0.1./",
		"https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://168.63.129.16/machine", "https://100.64.0.1/", "https://0.0.0.0/", "https://255.255.255.255/", "https://224.0.0.1/",
		"https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
		"https://localhost/", "https://LOCALHOST/", "https://" + strings.Repeat("a", 2048) + ".io/",
	} {
		require.Error(t, outbound.Policy{}.Check(t.Context(), address), address)
	}
	for _, address := range []string{"https://8.8.8.8/hook?x=1", "https://[2606:4700::1111]:8443/", "https://no-such-name.invalid/"} {
		require.NoError(t, outbound.Policy{}.Check(t.Context(), address), address)
	}
	dev := outbound.Policy{Development: true}
	for _, address := range []string{"http://localhost:3000/", "http://127.0.0.1/", "http://[::1]:80/", "https://localhost/"} {
		require.NoError(t, dev.Check(t.Context(), address), address)
	}
	for _, address := range []string{"http://x.io/", "https://10.0.0.1/", "http://10.0.0.1/"} {
		require.Error(t, dev.Check(t.Context(), address), address)
	}
	require.NoError(t, outbound.Policy{AllowPrivate: true}.Check(t.Context(), "https://10.0.0.1/"))
}

// P-19: a redirect is no way around, nor is anything but https.
func TestClientFollowsNothing(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer outside.Close()
	res, err := outbound.Policy{Development: true}.Client(time.Second).Get(outside.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusFound, res.StatusCode)
	require.Zero(t, hits.Load())

	for _, policy := range []outbound.Policy{{}, {AllowPrivate: true}} {
		_, err = policy.Client(time.Second).Get(inside.URL)
		require.ErrorContains(t, err, "must be an https address")
	}
	require.Zero(t, hits.Load())
}

// P-19: a name that was public when it was checked and is private when it is dialed finds
// nothing.
func TestRebindingFindsNothing(t *testing.T) {
	t.Parallel()
	var hits, asked atomic.Int64
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	answers := []string{"8.8.8.8", "127.0.0.1"}
	policy := outbound.Policy{Resolver: resolver(t, func() netip.Addr {
		return netip.MustParseAddr(answers[min(int(asked.Add(1))-1, 1)])
	})}
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	require.NoError(t, err)
	address := "https://rebinds.example.com:" + port + "/"
	require.NoError(t, policy.Check(t.Context(), address))
	_, err = policy.Client(time.Second).Get(address)
	require.ErrorIs(t, err, outbound.ErrPrivate)
	require.ErrorIs(t, policy.Check(t.Context(), address), outbound.ErrPrivate)
	require.Zero(t, hits.Load())
}

// resolver asks a name server that answers every question of an IPv4 address by next.
func resolver(t *testing.T, next func() netip.Addr) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: next().As4()}}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
