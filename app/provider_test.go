package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/provider"
)

type fakeProvider struct{}

func (fakeProvider) Send(context.Context, provider.Message) (string, error) { return "theirs", nil }
func (fakeProvider) KeyLifetime() time.Duration                             { return time.Hour }

// E-36: the provider that a program brings is the one that carries its mails, at the pace of
// the environment.
func TestTheProviderOfAProgram(t *testing.T) {
	t.Parallel()
	p := &program{Options: Options{EmailProvider: fakeProvider{}}, IO: IO{Environ: []string{"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "EMAIL_PROVIDER=resend", "HOGSEND_SECRET=0123456789abcdef0123456789abcdef"}}}
	cfg, err := p.load(config.Needs{Service: true})
	require.NoError(t, err)
	does := &process{cfg: cfg, own: p.EmailProvider}
	carries, err := does.provider()
	require.NoError(t, err)
	id, err := carries.Send(t.Context(), provider.Message{})
	require.NoError(t, err)
	require.Equal(t, "theirs", id)
	require.Equal(t, time.Hour, carries.KeyLifetime())
	require.NotNil(t, does.limiter())
}
