package app

import (
	"context"
	"net"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/provider/smtp"
	"github.com/hogsend/hogsend/internal/sender"
)

// examineSender asks the DNS about the domain of EMAIL_FROM, where mails leave (O-58).
func (p *program) examineSender(ctx context.Context, cfg config.Config, selectors []string) []finding {
	from, err := address.ParseMailbox(cfg.EmailFrom)
	if err != nil || cfg.EmailProvider == "mailbox" {
		return nil // of which the configuration tells, or nobody outside sees it
	}
	q := sender.Question{Domain: from.Address.Domain(), Provider: cfg.EmailProvider, Selectors: selectors}
	if u, err := smtp.ParseURL(cfg.SMTPURL); err == nil && cfg.EmailProvider == "smtp" {
		q.Host = u.Hostname()
	}
	var dns sender.Resolver = net.DefaultResolver
	if p.dns != nil {
		dns = p.dns
	}
	var found []finding
	for _, f := range sender.Look(ctx, dns, q) {
		found = append(found, finding{Check: f.Check, OK: f.OK, Detail: f.Detail, Publish: f.Publish})
	}
	return found
}
