package sender_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/sender"
)

// zone is a DNS: texts by their names, and hosts that take mail.
type zone struct {
	texts map[string][]string
	mx    map[string]string
	// broken is a name that cannot be asked, hangs one that never answers.
	broken, hangs string
}

func (z zone) ask(ctx context.Context, name string) error {
	switch name {
	case z.broken:
		return &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	case z.hangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func none(name string) error { return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true} }

func (z zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := z.ask(ctx, name); err != nil {
		return nil, err
	}
	if found, ok := z.texts[name]; ok {
		return append([]string{}, found...), nil
	}
	return nil, none(name)
}

func (z zone) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	if err := z.ask(ctx, name); err != nil {
		return nil, err
	}
	if host, ok := z.mx[name]; ok {
		return []*net.MX{{Host: host, Pref: 10}}, nil
	}
	return nil, none(name)
}

const domain = "mail.acme.example"

// full is a domain of which nothing is missing, for either provider.
func full() zone {
	return zone{
		texts: map[string][]string{
			domain: {"google-site-verification=x", "v=spf1 include:amazonses.com -all"}, "send." + domain: {"v=spf1 include:amazonses.com ~all"},
			"resend._domainkey." + domain: {"p=MIGf"}, "s1._domainkey." + domain: {"v=DKIM1; k=rsa; p=MIGf"}, "_dmarc.acme.example": {"v=DMARC1; p=reject; rua=mailto:d@acme.example"},
		},
		mx: map[string]string{"send." + domain: "feedback-smtp.eu-west-1.amazonses.com.", domain: "mx.acme.example."},
	}
}

func byCheck(t *testing.T, found []sender.Finding) map[string]sender.Finding {
	t.Helper()
	all := map[string]sender.Finding{}
	for _, f := range found {
		require.NotEmpty(t, f.Detail)
		all[f.Check] = f
	}
	require.Len(t, all, 4)
	return all
}

// O-58: a domain that has everything is said to have it.
func TestADomainThatHasAll(t *testing.T) {
	t.Parallel()
	for _, q := range []sender.Question{{Domain: domain, Provider: "resend"}, {Domain: domain, Provider: "smtp", Host: "email-smtp.eu-west-1.amazonaws.com"}, {Domain: domain, Provider: "own"}} {
		for check, f := range byCheck(t, sender.Look(t.Context(), full(), q)) {
			require.True(t, f.OK, "%s: %s", check, f.Detail)
			require.Empty(t, f.Publish)
		}
	}
	require.Equal(t, "v=DMARC1; p=reject; rua=mailto:d@acme.example", byCheck(t, sender.Look(t.Context(), full(), sender.Question{Domain: domain}))["DMARC"].Detail, "that of the domain above holds")
}

// O-58: of a domain that has nothing all is named that it takes.
func TestWhatToPublish(t *testing.T) {
	t.Parallel()
	resend := byCheck(t, sender.Look(t.Context(), zone{}, sender.Question{Domain: domain, Provider: "resend"}))
	require.Equal(t, []sender.Record{{"send." + domain, "MX", "10 feedback-smtp.us-east-1.amazonses.com"}, {"send." + domain, "TXT", "v=spf1 include:amazonses.com ~all"}}, resend["return path"].Publish)
	require.Equal(t, "resend._domainkey."+domain, resend["DKIM"].Publish[0].Name)
	require.Equal(t, []sender.Record{{"_dmarc." + domain, "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@" + domain}}, resend["DMARC"].Publish)
	smtp := byCheck(t, sender.Look(t.Context(), zone{}, sender.Question{Domain: domain, Provider: "smtp", Host: "smtp.sendgrid.net"}))
	require.Equal(t, []sender.Record{{domain, "TXT", "v=spf1 include:sendgrid.net ~all"}}, smtp["SPF"].Publish)
	for _, found := range []map[string]sender.Finding{resend, smtp} {
		for check, f := range found {
			require.False(t, f.OK, check)
			require.NotEmpty(t, f.Publish, check)
		}
	}
}

// O-58: what is there and wrong is told apart from what is missing.
func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text   string
		more         string
		check, want  string
		selectors    []string
		ok, forRelay bool
	}{
		{name: domain, text: "v=spf1 +all", check: "SPF", want: "+all in v=spf1 +all lets everybody send; end it in ~all"},
		{name: domain, text: "v=spf1 -all", more: "V=SPF1 a", check: "SPF", want: "2 records for mail.acme.example, which count as none; make them one"},
		{name: domain, text: "v=spf1 a -all", check: "SPF", want: "v=spf1 a -all does not include sendgrid.net, by which smtp.sendgrid.net sends", forRelay: true},
		{name: "s1._domainkey." + domain, text: "v=DKIM1; p=", check: "DKIM", want: "the key of s1._domainkey.mail.acme.example is revoked: its p= is empty"},
		{name: "mine._domainkey." + domain, text: "k=rsa; p=MI Gf", check: "DKIM", want: "mine._domainkey.mail.acme.example, s1._domainkey.mail.acme.example", selectors: []string{"mine"}, ok: true},
		{name: "_dmarc.acme.example", text: "v=DMARC1; rua=mailto:x@y.example", check: "DMARC", want: "v=DMARC1; rua=mailto:x@y.example has no policy: p=none, p=quarantine or p=reject"},
		{name: "_dmarc.acme.example", text: "v=DMARC1; p=none", check: "DMARC", want: "v=DMARC1; p=none (watches only; p=quarantine once reports are clean)", ok: true},
		{name: "_dmarc." + domain, text: "v=DMARC1;p=none", more: "v=DMARC1;p=reject", check: "DMARC", want: "2 records at _dmarc.mail.acme.example, which count as none; make them one"},
	} {
		z, q := full(), sender.Question{Domain: domain, Provider: "smtp", Selectors: tt.selectors}
		if tt.forRelay {
			q.Host = "smtp.sendgrid.net"
		}
		z.texts[tt.name] = []string{tt.text}
		if tt.more != "" {
			z.texts[tt.name] = append(z.texts[tt.name], tt.more)
		}
		f := byCheck(t, sender.Look(t.Context(), z, q))[tt.check]
		require.Equal(t, tt.want, f.Detail)
		require.Equal(t, tt.ok, f.OK, tt.want)
	}
}

// O-58: a DNS that does not answer is no missing record, and nobody waits for it for long.
func TestADNSThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	z := full()
	z.broken = "_dmarc." + domain
	f := byCheck(t, sender.Look(t.Context(), z, sender.Question{Domain: domain, Provider: "resend"}))["DMARC"]
	require.False(t, f.OK)
	require.Contains(t, f.Detail, "_dmarc.mail.acme.example could not be asked: ")
	require.Empty(t, f.Publish)
	z = full()
	z.hangs = "send." + domain
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("the test's"))
	defer cancel()
	all := byCheck(t, sender.Look(ctx, z, sender.Question{Domain: domain, Provider: "resend"}))
	require.Contains(t, all["return path"].Detail, "could not be asked")
	require.True(t, all["DKIM"].OK, "what answers is told")
}
