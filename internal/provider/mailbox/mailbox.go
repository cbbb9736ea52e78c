// Package mailbox is the provider of mails that never leave: they are kept, and
// shown to whoever runs the product (E-40).
package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hogsend/hogsend/internal/email"
)

// Box keeps accepted mails.
type Box interface {
	// AcceptMail keeps a mail under its key and returns its id and digest, or those
	// of the mail that is already there. Concurrent calls with one key agree.
	AcceptMail(ctx context.Context, key, id string, digest []byte, message json.RawMessage) (storedID string, storedDigest []byte, err error)
}

// Provider accepts every mail into a Box.
type Provider struct{ box Box }

// New makes a provider that keeps its mails in box.
func New(box Box) *Provider { return &Provider{box: box} }

// Send keeps the mail and returns "mbx_" and the send's id. The same key with the
// same content is one mail with the first id; with other content it is a permanent
// *email.SendError of reason idempotency_conflict, as at Resend. Any other error is
// the box's, and unknown.
func (p *Provider) Send(ctx context.Context, m email.Message) (string, error) {
	message, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode mail: %w", err)
	}
	digest := sha256.Sum256(message)
	id, stored, err := p.box.AcceptMail(ctx, m.Key, "mbx_"+m.Tags[email.TagSend], digest[:], message)
	if err != nil {
		return "", fmt.Errorf("keep mail: %w", err)
	}
	if !bytes.Equal(stored, digest[:]) {
		return "", &email.SendError{Kind: email.Permanent, Status: http.StatusConflict, Reason: email.ReasonConflict}
	}
	return id, nil
}

// KeyLifetime is forever.
func (p *Provider) KeyLifetime() time.Duration { return email.KeysForever }
