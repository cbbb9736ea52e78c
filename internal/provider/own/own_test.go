package own_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/own"
)

type fake struct {
	send     func(context.Context, email.Message) (string, error)
	lifetime time.Duration
}

func (f fake) Send(ctx context.Context, m email.Message) (string, error) { return f.send(ctx, m) }
func (f fake) KeyLifetime() time.Duration                                { return f.lifetime }

// E-35: whatever an author's provider does, what comes of it can be acted on and stored.
func TestAnAuthorsProviderIsHeldToTheContract(t *testing.T) {
	t.Parallel()
	cause := errors.New("no\x00route")
	for name, tt := range map[string]struct {
		send func(context.Context, email.Message) (string, error)
		id   string
		want *email.SendError
	}{
		"accepts":                {send: func(context.Context, email.Message) (string, error) { return "id\x00-1", nil }, id: "id-1"},
		"accepts without an id":  {send: func(context.Context, email.Message) (string, error) { return "", nil }, want: &email.SendError{Kind: email.Unknown, Reason: "accepted without an id"}},
		"panics":                 {send: func(context.Context, email.Message) (string, error) { panic("oh") }, want: &email.SendError{Kind: email.Unknown, Reason: "the provider panicked: oh"}},
		"fails as anything does": {send: func(context.Context, email.Message) (string, error) { return "x", cause }, want: &email.SendError{Kind: email.Unknown, Reason: "noroute", Err: cause}},
		"fails in a kind unheard": {send: func(context.Context, email.Message) (string, error) {
			return "", &email.SendError{Kind: "odd", Reason: "r"}
		}, want: &email.SendError{Kind: email.Unknown, Reason: "r"}},
		"asks to wait for the past": {send: func(context.Context, email.Message) (string, error) {
			return "", &email.SendError{Kind: email.Transient, RetryAfter: -time.Hour}
		}, want: &email.SendError{Kind: email.Transient}},
		"says much": {send: func(context.Context, email.Message) (string, error) {
			return "", &email.SendError{Kind: email.Permanent, Reason: strings.Repeat("é", 1000)}
		}, want: &email.SendError{Kind: email.Permanent, Reason: strings.Repeat("é", 500)}},
	} {
		id, err := own.New(fake{send: tt.send}).Send(t.Context(), email.Message{})
		require.Equal(t, tt.id, id, name)
		if tt.want == nil {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, tt.want, err, name)
	}
	_, err := own.New(fake{send: func(ctx context.Context, _ email.Message) (string, error) {
		until, ok := ctx.Deadline()
		require.True(t, ok)
		require.LessOrEqual(t, time.Until(until), 15*time.Second)
		return "id", nil
	}}).Send(t.Context(), email.Message{})
	require.NoError(t, err)
	require.Zero(t, own.New(fake{lifetime: -1}).KeyLifetime())
	require.Equal(t, email.KeysForever, own.New(fake{lifetime: email.KeysForever}).KeyLifetime())
}
