package mailbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
)

// E-40: the mailbox enforces keys as Resend does.
func TestMailboxEnforcesKeys(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	p := mailbox.New(s)
	m := email.NewMessage(email.Envelope{SendID: "s1", Key: "k", From: "a@b.example", To: "ada@example.com", Template: "welcome"},
		email.Rendered{Subject: "Hello", HTML: "<p>Hi</p>", Text: "Hi"})

	id, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "mbx_s1", id)

	again, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, id, again)

	other := m
	other.Subject = "Another"
	_, err = p.Send(t.Context(), other)
	e := email.Classify(err)
	require.Equal(t, email.Permanent, e.Kind)
	require.Equal(t, "idempotency_conflict", e.Reason)

	count := 0
	require.NoError(t, s.Pool.QueryRow(t.Context(), "select count(*) from mailbox where message->>'to' = 'ada@example.com'").Scan(&count))
	require.Equal(t, 1, count)
	require.Equal(t, email.KeysForever, p.KeyLifetime())
	require.Greater(t, p.KeyLifetime(), 100*365*24*time.Hour)
}

func TestMailboxFailureIsUnknown(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	s.Close()
	_, err := mailbox.New(s).Send(t.Context(), email.Message{Key: "k"})
	require.Equal(t, email.Unknown, email.Classify(err).Kind)
}
