package app

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// O-18: what waits is listed, tried again and given up by commands.
func TestOutboxAndDeadLettersByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("welcome", "user.created", hogsend.Once))
	d.did("user.created", "ada")
	rows := d.lines("outbox", "list", "--user", "ada")
	require.Equal(t, "ID KIND STATUS ATTEMPTS NEXT CREATED ERROR", rows[0])
	require.Len(t, rows, 2)
	id := strings.Fields(rows[1])[0]
	require.Equal(t, []string{"start", "pending", "0"}, strings.Fields(rows[1])[1:4])
	require.Equal(t, []string{id + " is due now"}, d.lines("outbox", "retry", id))
	require.Contains(t, strings.Join(d.lines("outbox", "show", id), "|"), `"payload": {|`)
	require.Len(t, d.lines("outbox", "list", "--status", "dead"), 1)

	d.exec(`update outbox set status = 'dead'`)
	letters := []string{uuid.NewString(), uuid.NewString()}
	d.exec(`insert into dead_letters (id, source, source_id, payload, error, created_at, updated_at)
		select $1, 'outbox.start', id::text, payload, E'no\nway', now(), now() from outbox`, letters[0])
	d.exec(`insert into dead_letters (id, source, payload, error, created_at, updated_at) values ($1, 'webhook.x', '{}', 'no', now(), now())`, letters[1])
	require.Contains(t, strings.Join(d.lines("dlq", "list", "--source", "outbox.start"), "|"), letters[0]+" outbox.start pending 0 ")
	code, out := d.run("dlq", "retry")
	require.Equal(t, 1, code)
	require.Contains(t, out, "name dead letters, or --source")
	require.Equal(t, []string{"1 retried, 1 skipped"}, d.lines("dlq", "retry", letters[0], letters[1]))
	require.Equal(t, []string{"0 retried, 0 skipped"}, d.lines("dlq", "retry", "--source", "outbox.start"))
	require.Equal(t, []string{letters[1] + " is discarded"}, d.lines("dlq", "discard", letters[1]))
	code, out = d.run("dlq", "discard", letters[1])
	require.Equal(t, 1, code)
	require.Contains(t, out, "Entry is already discarded")
	require.Contains(t, strings.Join(d.lines("dlq", "show", letters[1], "--json"), ""), `"status":"discarded"`)
	require.Equal(t, []string{"ID SOURCE STATUS RETRIES CREATED ERROR"}, d.lines("dlq", "list"))
}

// R-118, I-25.
func TestContactsMergeByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t)
	d.did("user.created", "ada", "bob")
	require.Equal(t, []string{"both are ada"}, d.lines("contacts", "merge", "bob", "ada"))
	code, out := d.run("contacts", "merge", "bob", "ada")
	require.Equal(t, 1, code)
	require.Contains(t, out, "Both are the same contact")
}

// who tells us and whom we tell, and a message to try it.
func TestWebhooksByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t)
	d.exec(`insert into destinations (id, events, seen_at) values ('backend', '{contact.created,email.sent}', now())`)
	lines := d.lines("webhooks", "list")
	require.Equal(t, "SOURCE AUTH SECRET ADDRESS", lines[0])
	require.Equal(t, "backend - 0 - contact.created email.sent", lines[len(lines)-1])
	require.Equal(t, []string{"backend is sent a message of type hogsend.test"}, d.lines("webhooks", "test", "backend"))
	require.Contains(t, strings.Join(d.lines("webhooks", "list", "--json"), ""), `"pending":1`)
	code, out := d.run("webhooks", "test", "none")
	require.Equal(t, 1, code)
	require.Contains(t, out, "Unknown destination")
}
