package address_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/address"
)

// I-54, I-55: however an address is written, it is one address with one key.
func TestSpellingsOfAnAddressAreOneAddress(t *testing.T) {
	t.Parallel()
	for _, group := range [][]string{
		{"ada@xn--mnchen-3ya.de", "ada@münchen.de", " Ada@MÜNCHEN.de", "ada@mu\u0308nchen.de", "\ufeffada@xn--mnchen-3ya.de", "ADA@XN--MNCHEN-3YA.DE\u200b"},
		{"a@x.io", "\ufeffa@x.io", "a@x.io\u200d", "\u00ada@x.io\u2060", "A@X.IO\r\n", "\u00a0a@x.io\t", `"a"@x.io`, `"\a"@x.io`},
		{"a..b@docomo.ne.jp", `"a..b"@docomo.ne.jp`},
		{"ab.@docomo.ne.jp"},
		{"josé@x.io", "jose\u0301@x.io", "JOSÉ@x.io"},
		{`"a b"@x.io`, `"A\ b"@x.io`},
		{`"a@b"@x.io`},
		{`"a\"b"@x.io`},
		{"ada@faß.de", "ada@xn--fa-hia.de"},
		{"ada+tag@x.io", "Ada+Tag@x.io"},
		{"ada@ab--cd.example"},
		{"root@localhost"},
	} {
		want, err := address.Parse(group[0])
		require.NoError(t, err, group[0])
		for _, s := range group {
			a, err := address.Parse(s)
			require.NoError(t, err, "%q", s)
			require.Equal(t, want.Key(), a.Key(), "%q", s)
			require.Equal(t, want.Key(), address.Key(s))
			again, err := address.Parse(a.String())
			require.NoError(t, err)
			require.Equal(t, a, again)
		}
	}
	require.NotEqual(t, address.Key("ada@fass.de"), address.Key("ada@faß.de"))
	require.NotEqual(t, address.Key("a.da@x.io"), address.Key("ada@x.io"))
	require.NotEqual(t, address.Key("ada+1@x.io"), address.Key("ada@x.io"))
}

// I-55, E-8: mail goes to the local part as written at the ASCII domain.
func TestMailGoesToTheAsciiDomain(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		" Ada@MÜNCHEN.de ": "Ada@xn--mnchen-3ya.de", `"A..b"@X.io`: "A..b@x.io", `"A B"@X.io`: `"A B"@x.io`, "Ada@例え.jp": "Ada@xn--r8jz45g.jp",
	} {
		a, err := address.Parse(s)
		require.NoError(t, err)
		require.Equal(t, want, a.String())
	}
	require.Equal(t, "Ada@MÜNCHEN.de", address.Trim("\ufeff Ada@MÜNCHEN.de\u200b "))
	require.Empty(t, address.Address{}.String())
	require.Empty(t, address.Address{}.Key())
}

// I-54: what is not usable, and why.
func TestUnusableAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]error{
		"":                                     address.ErrDomain,
		"ada":                                  address.ErrDomain,
		"@x.io":                                address.ErrLocal,
		`""@x.io`:                              address.ErrLocal,
		"ada@":                                 address.ErrDomain,
		"ada@x.io.":                            address.ErrDomain,
		"ada@x..io":                            address.ErrDomain,
		"ada@.io":                              address.ErrDomain,
		"ada@[127.0.0.1]":                      address.ErrDomain,
		"ada@127.0.0.1":                        address.ErrDomain,
		"ada@[IPv6:::1]":                       address.ErrDomain,
		"ada@x_y.io":                           address.ErrDomain,
		"ada@-x.io":                            address.ErrDomain,
		"ada@xn--a.io":                         address.ErrDomain,
		"ada@x.io,b@x.io":                      address.ErrLocal,
		"ada b@x.io":                           address.ErrLocal,
		"ada@x .io":                            address.ErrDomain,
		"Ada <ada@x.io>":                       address.ErrLocal,
		"a\u200bda@x.io":                       address.ErrCharacter,
		"ada@x\u00ad.io":                       address.ErrCharacter,
		"ada\u202e@x.io":                       address.ErrCharacter,
		"ada@x\u3002io":                        address.ErrCharacter,
		"ada@ｘ.io":                             address.ErrCharacter,
		"ａda@x.io":                             address.ErrCharacter,
		"ada@x.io\nBcc: b@x.io":                address.ErrCharacter,
		"\"a\x00b\"@x.io":                      address.ErrCharacter,
		"ada\xff@x.io":                         address.ErrCharacter,
		`"ada@x.io`:                            address.ErrLocal,
		`"a"b"@x.io`:                           address.ErrLocal,
		`"a\"@x.io`:                            address.ErrLocal,
		"👩‍💻@x.io":                             address.ErrCharacter,
		"💻@x.io":                               address.ErrLocal,
		strings.Repeat("a", 316) + "@x.io":     address.ErrLength,
		"a@" + strings.Repeat("b.", 127) + "b": address.ErrDomain,
		"a@" + strings.Repeat("b", 64) + ".io": address.ErrDomain,
	} {
		_, err := address.Parse(s)
		require.ErrorIs(t, err, want, "%q", s)
		require.Empty(t, address.Key(s))
	}
	_, err := address.Parse(strings.Repeat("a", 315) + "@x.io")
	require.NoError(t, err)
}

// E-81: one mailbox, its name quoted or encoded where it must be.
func TestMailboxes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"hello@acme.com":                           {"hello@acme.com", "hello@acme.com"},
		" Acme <hello@acme.com> ":                  {"Acme <hello@acme.com>", "Acme <hello@acme.com>"},
		"Acme, Inc. <hello@acme.com>":              {`"Acme, Inc." <hello@acme.com>`, `"Acme, Inc." <hello@acme.com>`},
		`"Acme, Inc." <hello@acme.com>`:            {`"Acme, Inc." <hello@acme.com>`, `"Acme, Inc." <hello@acme.com>`},
		`"Say \"hi\"" <hello@acme.com>`:            {`"Say \"hi\"" <hello@acme.com>`, `"Say \"hi\"" <hello@acme.com>`},
		"hello@acme.com <hello@acme.com>":          {`"hello@acme.com" <hello@acme.com>`, `"hello@acme.com" <hello@acme.com>`},
		"<hello@acme.com>":                         {"hello@acme.com", "hello@acme.com"},
		"Çağla <hello@münchen.de>":                 {"Çağla <hello@xn--mnchen-3ya.de>", "=?utf-8?q?=C3=87a=C4=9Fla?= <hello@xn--mnchen-3ya.de>"},
		"=?utf-8?q?=C3=87a=C4=9Fla?= <a@acme.com>": {"Çağla <a@acme.com>", "=?utf-8?q?=C3=87a=C4=9Fla?= <a@acme.com>"},
		"O'Neil & Söhne: Wien <hello@acme.com>":    {`"O'Neil & Söhne: Wien" <hello@acme.com>`, "=?utf-8?q?O'Neil_&_S=C3=B6hne:_Wien?= <hello@acme.com>"},
		"Acme (Support) <hello@acme.com>":          {`"Acme (Support)" <hello@acme.com>`, `"Acme (Support)" <hello@acme.com>`},
	} {
		m, err := address.ParseMailbox(s)
		require.NoError(t, err, s)
		require.Equal(t, want[0], m.String())
		require.Equal(t, want[1], m.Wire())
		for _, form := range want {
			again, err := address.ParseMailbox(form)
			require.NoError(t, err, form)
			require.Equal(t, m, again)
		}
	}
	for s, want := range map[string]error{
		"":                                     address.ErrDomain,
		"not an address":                       address.ErrDomain,
		"a@x.io, b@x.io":                       address.ErrSeveral,
		"a@x.io; b@x.io":                       address.ErrSeveral,
		"a@x.io, B <b@x.io>":                   address.ErrSeveral,
		"A <a@x.io>, B <b@x.io>":               address.ErrSeveral,
		"A <a@x.io>, b@x.io":                   address.ErrSeveral,
		"A <a@x.io":                            address.ErrMailbox,
		"A a@x.io>":                            address.ErrMailbox,
		"A <evil@y.io> <a@x.io>":               address.ErrMailbox,
		"A <>":                                 address.ErrDomain,
		"A <not an address>":                   address.ErrDomain,
		"A\r\nBcc: b@x.io <a@x.io>":            address.ErrControl,
		"A\x1b[2J <a@x.io>":                    address.ErrControl,
		"A\u2028 <a@x.io>":                     address.ErrControl,
		"=?utf-8?q?A=0AB?= <a@x.io>":           address.ErrMailbox,
		strings.Repeat("A", 320) + " <a@x.io>": address.ErrLength,
	} {
		_, err := address.ParseMailbox(s)
		require.ErrorIs(t, err, want, "%q", s)
	}
}

// Whatever is accepted comes back the same from its canonical form, and a header can
// be made of it.
func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"a@x.io", "Ada <ada@münchen.de>", `"a b"@x.io`, "\ufeffa@x.io", "a@b@c.d", "ß@faß.de", `"\"" <a@x.io>`, "a@xn--mnchen-3ya.de", "İ@x.io"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := address.Parse(s); err == nil {
			again, err := address.Parse(a.String())
			require.NoError(t, err)
			require.Equal(t, a, again)
			key, err := address.Parse(a.Key())
			require.NoError(t, err, "a key is an address: %q", a.Key())
			require.Equal(t, a.Key(), key.Key())
			require.NotContains(t, a.String(), "\n")
		}
		if m, err := address.ParseMailbox(s); err == nil {
			for _, form := range []string{m.String(), m.Wire()} {
				require.False(t, strings.ContainsAny(form, "\r\n"), "%q", form)
				again, err := address.ParseMailbox(form)
				require.NoError(t, err, "%q of %q", form, s)
				require.Equal(t, m, again, "%q of %q", form, s)
			}
		}
	})
}
