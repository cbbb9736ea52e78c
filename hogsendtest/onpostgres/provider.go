package onpostgres

import (
	"context"
	"net/http"
	"sync"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/provider/mailbox"
)

// provider keeps mails, or does as the script says.
type provider struct {
	*mailbox.Provider
	sends backend.Sends

	mu       sync.Mutex
	outcomes map[string]*backend.SendOutcome // by key
}

func newProvider(box mailbox.Box, sends backend.Sends) *provider {
	return &provider{Provider: mailbox.New(box), sends: sends, outcomes: map[string]*backend.SendOutcome{}}
}

// Send implements email.Provider.
func (p *provider) Send(ctx context.Context, m email.Message) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	outcome := p.outcomes[m.Key]
	if outcome == nil {
		next := p.sends.Next(m.Tags["template"])
		outcome = &next
		p.outcomes[m.Key] = outcome
	}
	switch {
	case outcome.Status != "" || outcome.Unknown:
		// The gate cannot be told what to say, and what is unknown is so a day later.
		return "", &email.SendError{Kind: email.Permanent, Status: http.StatusNotImplemented, Reason: "this outcome can be scripted in memory only"}
	case outcome.Retries > 0:
		outcome.Retries--
		return "", &email.SendError{Kind: email.Transient, Status: http.StatusServiceUnavailable, Reason: "the script says so"}
	case outcome.Refused != "":
		return "", &email.SendError{Kind: email.Permanent, Status: http.StatusBadRequest, Reason: outcome.Refused}
	}
	return p.Provider.Send(ctx, m)
}
