package app

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
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
