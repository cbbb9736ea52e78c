package app

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
	"github.com/hogsend/hogsend/server"
)

// Whoever sits before dev sees each mail as it comes, on a line that no subject can break.
func TestDevShowsEachMail(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	provider := mailbox.New(shownBox{dbtest.DB(t), &out})
	_, err := provider.Send(t.Context(), email.NewMessage(email.Envelope{SendID: "s1", Key: "k", From: "a@b.example", To: "ada@example.com", Template: "welcome"},
		email.Rendered{Subject: "Hello\x1b[2J\nthere", HTML: "<p>Hi</p>", Text: "Hi"}))
	require.NoError(t, err)
	require.Equal(t, `mail  welcome to ada@example.com: Hello\x1b[2J\nthere  (hogsend mailbox mbx_s1)`+"\n", out.String())
}

// Each event has a line to itself, which nothing in its name or its person can break.
func TestDevShowsEachEvent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &program{IO: IO{Stdout: &out}}
	p.printEvent(server.Told{
		Event: "a\x1b[2J\nb", ContactKey: "ada", Stored: true, Exited: []string{"trial"},
		Decisions: []ingest.Decided{{JourneyID: "welcome"}}, Warnings: []string{"name: odd"},
	})
	p.printEvent(server.Told{Event: "c", ContactKey: "bob"})
	p.printEvent(server.Told{Event: "d", ContactKey: "cyd", Stored: true})
	require.Regexp(t, `^[0-9:]{8}  a\\x1b\[2J\\nb  ada  → exited trial; entered welcome; warning: name: odd
[0-9:]{8}  c  bob  → repeat, nothing done
[0-9:]{8}  d  cyd  → stored
$`, out.String())
}
