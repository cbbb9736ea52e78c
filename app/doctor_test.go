package app

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
)

// O-33, O-48: doctor needs no TEMPORAL_ADDRESS, where standalone runs has none; what it does
// not reach is a finding, and hides no other.
func TestDoctorLooksForTemporalWhereStandaloneRunsIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	code, out := call(t, IO{Dir: t.TempDir(), Environ: []string{
		"DATABASE_URL=" + d.url, "HOGSEND_SECRET=" + strings.Repeat("s", 32), "PUBLIC_URL=https://127.0.0.1:1", "EMAIL_FROM=Acme <a@example.com>", "RESEND_API_KEY=re_x",
	}}, "doctor", "--json")
	require.Equal(t, 1, code, "PUBLIC_URL is not reachable")
	var got struct{ Findings []finding }
	require.NoError(t, json.Unmarshal([]byte(out), &got), out)
	by := map[string]finding{}
	for _, f := range got.Findings {
		by[f.Check] = f
	}
	require.Equal(t, finding{Check: "configuration", OK: true, Detail: "production, of the environment"}, by["configuration"])
	require.False(t, by["public url"].OK)
	require.True(t, by["database"].OK)
	require.Contains(t, by, "temporal")
}

// P-2: doctor names the sources that refuse everything, and a secret that is none.
func TestDoctorLooksAtTheSecretsOfSources(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]finding{
		"":                  {Check: "webhook sources", OK: false, Detail: "stripe refuses everything, for want of STRIPE_WEBHOOK_SECRET"},
		"short":             {Check: "webhook sources", OK: false, Detail: `source "stripe": STRIPE_WEBHOOK_SECRET: a secret has at least 16 characters`},
		"0123456789abcdef,": {Check: "webhook sources", OK: true, Detail: "1, each with its secret"},
	} {
		cfg, err := config.Load([]string{"DATABASE_URL=postgres://x", "STRIPE_WEBHOOK_SECRET=" + secret}, config.Needs{})
		require.NoError(t, err)
		var got finding
		examineSources(cfg, hogsend.Registry{Sources: []hogsend.Source{hogsend.StripeSource()}}, func(check, detail string, err error) {
			if got = (finding{Check: check, OK: err == nil, Detail: detail}); err != nil {
				got.Detail = err.Error()
			}
		})
		require.Equal(t, want, got)
	}
}

// deafDNS has what a domain needs, but for DMARC.
type deafDNS struct{}

func (deafDNS) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch name {
	case "send.acme.example":
		return []string{"v=spf1 include:amazonses.com ~all"}, nil
	case "acme.example":
		return []string{"v=spf1 a -all"}, nil
	case "mine._domainkey.acme.example", "resend._domainkey.acme.example":
		return []string{"p=MIGf"}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (deafDNS) LookupMX(context.Context, string) ([]*net.MX, error) {
	return []*net.MX{{Host: "feedback-smtp.eu-west-1.amazonses.com."}}, nil
}

// O-58: where mails leave, doctor tells of the sender's domain; of the mailbox it does not.
func TestDoctorLooksAtTheSendersDomain(t *testing.T) {
	t.Parallel()
	p := &program{dns: deafDNS{}}
	names := func(cfg config.Config, selectors ...string) (ok, not []string) {
		for _, f := range p.examineSender(t.Context(), cfg, selectors) {
			if f.OK {
				ok = append(ok, f.Check)
			} else {
				not = append(not, f.Check+": "+f.Publish[0].Name)
			}
		}
		return ok, not
	}
	ok, not := names(config.Config{EmailProvider: "resend", EmailFrom: "Acme <a@acme.example>"})
	require.Equal(t, []string{"return path", "DKIM", "mail to the domain"}, ok)
	require.Equal(t, []string{"DMARC: _dmarc.acme.example"}, not)
	ok, _ = names(config.Config{EmailProvider: "smtp", EmailFrom: "a@acme.example", SMTPURL: "smtps://u:p@mx.acme.example"}, "mine")
	require.Equal(t, []string{"SPF", "DKIM", "mail to the domain"}, ok)
	ok, not = names(config.Config{EmailProvider: "mailbox", EmailFrom: "a@acme.example"})
	require.Empty(t, append(ok, not...))
}

// What a person reads has a line for each finding, without escapes.
func TestDoctorTellsProblemsInOneLine(t *testing.T) {
	t.Parallel()
	code, out := call(t, IO{Dir: t.TempDir()}, "doctor")
	require.Equal(t, 1, code)
	require.Contains(t, out, "FAIL  configuration      invalid configuration: DATABASE_URL: is required; HOGSEND_SECRET: is required in production; PUBLIC_URL: ")
	require.NotContains(t, out, `\n`)
	require.Equal(t, "a", oneLine("a"))
}
