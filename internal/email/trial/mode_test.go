package trial_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email/trial"
)

// E-41: where a mail goes while mails are tried out.
func TestWhereMailsGoInTestMode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg        trial.Config
		to, want   string
		redirected bool
	}{
		"off":                       {trial.Config{Mode: "off", To: "me@x.example"}, "ada@example.com", "ada@example.com", false},
		"auto without a provider":   {trial.Config{To: "me@x.example"}, "ada@example.com", "ada@example.com", false},
		"on":                        {trial.Config{Mode: "on", To: "me@x.example"}, "ada@example.com", "me@x.example", true},
		"nowhere":                   {trial.Config{Mode: "on"}, "ada@example.com", "", true},
		"an address that is let":    {trial.Config{Mode: "on", Allow: []string{"Ada@Example.com"}}, "ada@example.com", "ada@example.com", false},
		"a domain that is let":      {trial.Config{Mode: "on", Allow: []string{"b@x.example", "@MÜNCHEN.example"}}, "ada@xn--mnchen-3ya.example", "ada@xn--mnchen-3ya.example", false},
		"no part of a domain is":    {trial.Config{Mode: "on", Allow: []string{"@example.com"}}, "ada@mail.example.com", "", true},
		"nor one that ends like it": {trial.Config{Mode: "on", Allow: []string{"@example.com"}}, "ada@badexample.com", "", true},
	} {
		to, redirected := trial.New(tt.cfg).Route(tt.to)
		require.Equal(t, tt.want, to, name)
		require.Equal(t, tt.redirected, redirected, name)
	}
	var none *trial.Mode
	to, redirected := none.Route("ada@example.com")
	require.Equal(t, "ada@example.com", to)
	require.False(t, redirected)
	require.Equal(t, "off", none.String())
	require.Zero(t, none.Ask(t.Context()))
}

// E-42: auto is on exactly while the domain is not verified, and what cannot be found out
// changes nothing.
func TestAutoAsksForTheDomain(t *testing.T) {
	t.Parallel()
	var verified bool
	var failure error
	var asked []string
	mode := trial.New(trial.Config{
		Mode: "auto", To: "me@x.example", From: "Acme <hello@Mail.Example.com>", Logger: slog.New(slog.DiscardHandler),
		Verified: func(_ context.Context, domain string) (bool, error) {
			asked = append(asked, domain)
			return verified, failure
		},
	})
	require.Equal(t, "off", mode.String())
	for _, tt := range []struct {
		verified bool
		failure  error
		on       bool
		says     string
		again    time.Duration
	}{
		{false, errors.New("401 restricted_api_key"), false, "off, domain status unknown", 5 * time.Minute},
		{false, nil, true, "on, mails go to me@x.example", 5 * time.Minute},
		{false, errors.New("unreachable"), true, "on, mails go to me@x.example", 5 * time.Minute},
		{true, nil, false, "off", 24 * time.Hour},
		{false, nil, true, "on, mails go to me@x.example", 5 * time.Minute},
	} {
		verified, failure = tt.verified, tt.failure
		require.Equal(t, tt.again, mode.Ask(t.Context()))
		require.Equal(t, tt.on, mode.On())
		require.Equal(t, tt.says, mode.String())
	}
	require.Equal(t, "mail.example.com", asked[0])
	ctx, cancel := context.WithCancel(t.Context())
	mode.Watch(ctx) // answers before it returns
	cancel()
	require.Len(t, asked, 6)
	require.Equal(t, "on, mails are skipped", trial.New(trial.Config{Mode: "on"}).String())
}
