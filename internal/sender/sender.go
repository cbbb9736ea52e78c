// Package sender looks at what the DNS says of the domain that mails come from: SPF, DKIM,
// DMARC and the return path, and what to publish where something is missing (O-58).
package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Resolver asks the DNS; net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// Question is about a domain.
type Question struct {
	// Domain is that of EMAIL_FROM, in ASCII.
	Domain string
	// Provider is resend, smtp, or that of an author.
	Provider string
	// Host is the SMTP server, without its port; "" for others.
	Host string
	// Selectors are further names of DKIM keys.
	Selectors []string
}

// Finding is what was found of one thing.
type Finding struct {
	// Check is SPF, DKIM, DMARC, return path or mail for the domain.
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	// Detail says what is there, or what is wrong.
	Detail string `json:"detail"`
	// Publish are records to add, where something is missing.
	Publish []Record `json:"publish,omitempty"`
}

// Record is one of the DNS.
type Record struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// timeout bounds all questions together.
const timeout = 8 * time.Second

// Look asks what there is. It always ends, with a finding for each thing.
func Look(ctx context.Context, r Resolver, q Question) []Finding {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	l := &looker{Resolver: r, Question: q, ctx: ctx}
	checks := []func() Finding{l.spf, l.dkim, l.dmarc, l.answers}
	if q.Provider == "resend" {
		checks = []func() Finding{l.returnPath, l.dkim, l.dmarc, l.answers}
	}
	found := make([]Finding, len(checks))
	done := make(chan struct{})
	for i, check := range checks {
		go func() {
			found[i] = check()
			done <- struct{}{}
		}()
	}
	for range checks {
		<-done
	}
	return found
}

type looker struct {
	Resolver
	Question
	ctx context.Context //nolint:containedctx // of one look
}

// texts are the TXT records of a name that begin as one of a kind does. None is no error.
func (l *looker) texts(name, kind string) ([]string, error) {
	all, err := l.LookupTXT(l.ctx, name)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s could not be asked: %w", name, err)
	}
	return slices.DeleteFunc(all, func(text string) bool {
		return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), kind)
	}), nil
}

func missing(err error) bool {
	var none *net.DNSError
	return errors.As(err, &none) && none.IsNotFound
}

func unknown(check string, err error) Finding { return Finding{Check: check, Detail: err.Error()} }

// spf is that of the domain itself, from which mails by SMTP come.
func (l *looker) spf() Finding {
	const check = "SPF"
	value := "v=spf1 a mx ~all"
	if include := relayInclude(l.Host); include != "" {
		value = "v=spf1 include:" + include + " ~all"
	}
	publish := []Record{{l.Domain, "TXT", value}}
	texts, err := l.texts(l.Domain, "v=spf1")
	switch {
	case err != nil:
		return unknown(check, err)
	case len(texts) == 0:
		return Finding{check, false, "none for " + l.Domain + "; the service that sends says what belongs into it", publish}
	case len(texts) > 1:
		return Finding{Check: check, Detail: fmt.Sprintf("%d records for %s, which count as none; make them one", len(texts), l.Domain)}
	case strings.Contains(strings.ToLower(texts[0]), "+all"):
		return Finding{Check: check, Detail: "+all in " + texts[0] + " lets everybody send; end it in ~all"}
	}
	if include := relayInclude(l.Host); include != "" && !strings.Contains(strings.ToLower(texts[0]), include) {
		return Finding{Check: check, Detail: texts[0] + " does not include " + include + ", by which " + l.Host + " sends"}
	}
	return Finding{Check: check, OK: true, Detail: texts[0]}
}

// relayInclude is what the SPF of a domain includes that sends by a well-known server.
func relayInclude(host string) string {
	host = strings.ToLower(host)
	for _, known := range []struct{ host, include string }{
		{"amazonaws.com", "amazonses.com"},
		{"sendgrid.net", "sendgrid.net"},
		{"mailgun.org", "mailgun.org"},
		{"postmarkapp.com", "spf.mtasv.net"},
		{"smtp.google.com", "_spf.google.com"},
		{"smtp.gmail.com", "_spf.google.com"},
		{"smtp-relay.gmail.com", "_spf.google.com"},
		{"office365.com", "spf.protection.outlook.com"},
		{"brevo.com", "spf.brevo.com"},
	} {
		if host == known.host || strings.HasSuffix(host, "."+known.host) {
			return known.include
		}
	}
	return ""
}

// returnPath is the subdomain of Resend, where bounces go and whose SPF counts.
func (l *looker) returnPath() Finding {
	const check = "return path"
	name := "send." + l.Domain
	publish := []Record{
		{name, "MX", "10 feedback-smtp.us-east-1.amazonses.com"}, {name, "TXT", "v=spf1 include:amazonses.com ~all"},
	}
	texts, err := l.texts(name, "v=spf1")
	if err != nil {
		return unknown(check, err)
	}
	mx, err := l.LookupMX(l.ctx, name)
	if err != nil && !missing(err) {
		return unknown(check, fmt.Errorf("%s could not be asked: %w", name, err))
	}
	feedback := slices.IndexFunc(mx, func(m *net.MX) bool {
		return strings.Contains(strings.ToLower(m.Host), "feedback-smtp.") && strings.Contains(strings.ToLower(m.Host), "amazonses.com")
	})
	switch {
	case len(texts) > 1:
		return Finding{Check: check, Detail: fmt.Sprintf("%d SPF records for %s, which count as none; make them one", len(texts), name)}
	case feedback < 0 || len(texts) == 0 || !strings.Contains(strings.ToLower(texts[0]), "include:amazonses.com"):
		return Finding{check, false, name + " lacks its MX or its SPF; the region is that of your domain at resend.com/domains, and so is a return path of another name", publish}
	}
	return Finding{Check: check, OK: true, Detail: name + ", MX " + strings.TrimSuffix(mx[feedback].Host, ".") + ", " + texts[0]}
}

// dkim looks for keys under the names that are known.
func (l *looker) dkim() Finding {
	const check = "DKIM"
	selectors := slices.Clone(l.Selectors)
	if l.Provider == "resend" {
		selectors = append(selectors, "resend")
	} else {
		selectors = append(selectors, "default", "mail", "dkim", "google", "selector1", "selector2", "s1", "s2", "k1", "k2", "pm", "smtp", "mx", "brevo", "brevo1")
	}
	type answer struct {
		name  string
		texts []string
		err   error
	}
	answers := make(chan answer)
	for _, selector := range selectors {
		go func() {
			name := selector + "._domainkey." + l.Domain
			texts, err := l.LookupTXT(l.ctx, name)
			answers <- answer{name, texts, err}
		}()
	}
	var keys, revoked []string
	var failed error
	for range selectors {
		a := <-answers
		if a.err != nil && !missing(a.err) {
			failed = fmt.Errorf("%s could not be asked: %w", a.name, a.err)
		}
		for _, text := range a.texts {
			switch key, isKey := publicKey(text); {
			case isKey && key == "":
				revoked = append(revoked, a.name)
			case isKey:
				keys = append(keys, a.name)
			}
		}
	}
	slices.Sort(keys)
	switch {
	case len(keys) > 0:
		return Finding{Check: check, OK: true, Detail: strings.Join(slices.Compact(keys), ", ")}
	case len(revoked) > 0:
		return Finding{Check: check, Detail: "the key of " + revoked[0] + " is revoked: its p= is empty"}
	case failed != nil:
		return unknown(check, failed)
	case l.Provider == "resend":
		return Finding{check, false, "none at resend._domainkey." + l.Domain, []Record{{"resend._domainkey." + l.Domain, "TXT", "p=… (the key that resend.com/domains shows)"}}}
	}
	return Finding{check, false, "no key under a usual name; if yours has another, name it with --dkim", []Record{{"<selector>._domainkey." + l.Domain, "TXT", "v=DKIM1; k=rsa; p=… (the key that your mail service shows)"}}}
}

// publicKey is that of a DKIM record.
func publicKey(text string) (key string, ok bool) {
	for part := range strings.SplitSeq(text, ";") {
		if name, value, found := strings.Cut(part, "="); found && strings.EqualFold(strings.TrimSpace(name), "p") {
			return strings.Join(strings.Fields(value), ""), true
		}
	}
	return "", false
}

// dmarc is what receivers do with mails that fail, of the domain or of the one above it.
func (l *looker) dmarc() Finding {
	const check = "DMARC"
	for domain := l.Domain; strings.Contains(domain, "."); _, domain, _ = strings.Cut(domain, ".") {
		texts, err := l.texts("_dmarc."+domain, "v=dmarc1")
		if err != nil {
			return unknown(check, err)
		}
		if len(texts) == 0 {
			continue
		}
		if len(texts) > 1 {
			return Finding{Check: check, Detail: fmt.Sprintf("%d records at _dmarc.%s, which count as none; make them one", len(texts), domain)}
		}
		policy := ""
		for part := range strings.SplitSeq(strings.ToLower(texts[0]), ";") {
			if name, value, found := strings.Cut(part, "="); found && strings.TrimSpace(name) == "p" {
				policy = strings.TrimSpace(value)
			}
		}
		if !slices.Contains([]string{"none", "quarantine", "reject"}, policy) {
			return Finding{Check: check, Detail: texts[0] + " has no policy: p=none, p=quarantine or p=reject"}
		}
		detail := texts[0]
		if policy == "none" {
			detail += " (watches only; p=quarantine once reports are clean)"
		}
		return Finding{Check: check, OK: true, Detail: detail}
	}
	return Finding{check, false, "none at _dmarc." + l.Domain + "; Gmail and Yahoo ask for it of who sends much", []Record{{"_dmarc." + l.Domain, "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@" + l.Domain}}}
}

// answers reports whether the domain takes mail, which answers and some receivers' checks need.
func (l *looker) answers() Finding {
	const check = "mail to the domain"
	mx, err := l.LookupMX(l.ctx, l.Domain)
	switch {
	case err != nil && !missing(err):
		return unknown(check, fmt.Errorf("%s could not be asked: %w", l.Domain, err))
	case len(mx) == 0:
		return Finding{check, false, l.Domain + " has no MX: answers come back, and some receivers refuse such senders", []Record{{l.Domain, "MX", "10 <your mail server>"}}}
	}
	return Finding{Check: check, OK: true, Detail: "MX " + strings.TrimSuffix(mx[0].Host, ".")}
}
