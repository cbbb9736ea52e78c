package app

import (
	"encoding/json"
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
	require.Equal(t, finding{"configuration", true, "production, of the environment"}, by["configuration"])
	require.False(t, by["public url"].OK)
	require.True(t, by["database"].OK)
	require.Contains(t, by, "temporal")
}

// P-2: doctor names the sources that refuse everything, and a secret that is none.
func TestDoctorLooksAtTheSecretsOfSources(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]finding{
		"":                  {"webhook sources", false, "stripe refuses everything, for want of STRIPE_WEBHOOK_SECRET"},
		"short":             {"webhook sources", false, `source "stripe": STRIPE_WEBHOOK_SECRET: a secret has at least 16 characters`},
		"0123456789abcdef,": {"webhook sources", true, "1, each with its secret"},
	} {
		cfg, err := config.Load([]string{"DATABASE_URL=postgres://x", "STRIPE_WEBHOOK_SECRET=" + secret}, config.Needs{})
		require.NoError(t, err)
		var got finding
		examineSources(cfg, hogsend.Registry{Sources: []hogsend.Source{hogsend.StripeSource()}}, func(check, detail string, err error) {
			if got = (finding{check, err == nil, detail}); err != nil {
				got.Detail = err.Error()
			}
		})
		require.Equal(t, want, got)
	}
}
