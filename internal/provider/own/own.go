// Package own holds a provider of the author's to what every provider keeps (E-35): calls
// end in time, panic at nobody, and what they answer can be stored.
package own

import (
	"context"
	"fmt"
	"time"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/email"
)

const (
	callTimeout = 15 * time.Second
	// What is kept of an id and of a reason, in bytes.
	maxID     = 512
	maxReason = 1000
)

// Provider calls the author's. It is safe for concurrent use if that one is.
type Provider struct{ own email.Provider }

// New takes the author's provider.
func New(own email.Provider) *Provider { return &Provider{own} }

// Send makes one call. Whether a mail left of which the provider tells no id, or at whose
// handing over it panicked, is not known. Every error is a *email.SendError.
func (p *Provider) Send(ctx context.Context, m email.Message) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			id, err = "", unknown(fmt.Sprintf("the provider panicked: %v", r))
		}
	}()
	id, err = p.own.Send(ctx, m)
	if err != nil {
		failure := *email.Classify(err)
		failure.Reason, failure.RetryAfter = clip.Stored(failure.Reason, maxReason), max(failure.RetryAfter, 0)
		return "", &failure
	}
	if id = clip.Stored(id, maxID); id == "" {
		return "", unknown("accepted without an id")
	}
	return id, nil
}

func unknown(reason string) error {
	return &email.SendError{Kind: email.Unknown, Reason: clip.Stored(reason, maxReason)}
}

// KeyLifetime is the author's; what is no time is not at all.
func (p *Provider) KeyLifetime() time.Duration { return max(p.own.KeyLifetime(), 0) }
