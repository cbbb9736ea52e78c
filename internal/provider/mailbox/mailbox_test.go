package mailbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
	"github.com/hogsend/hogsend/internal/store"
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

	other = m
	other.Files = []email.File{{Name: "a.pdf", Type: "application/pdf", Size: 1, Hash: []byte{1}, Content: []byte("x")}} // E-84
	_, err = p.Send(t.Context(), other)
	require.Equal(t, "idempotency_conflict", email.Classify(err).Reason)
	other.Key = "k2"
	_, err = p.Send(t.Context(), other)
	require.NoError(t, err)
	page, err := s.ListMails(t.Context(), store.ListMailsParams{Newest: true, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, []store.MailFile{{Name: "a.pdf", Type: "application/pdf", Size: 1}}, page.Mails[0].Files)
	_, err = s.Pool.Exec(t.Context(), "delete from mailbox where key = 'k2'")
	require.NoError(t, err)

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
