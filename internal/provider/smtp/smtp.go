// Package smtp hands mails to a server that speaks SMTP and says of every failure what
// is known about it (E-39).
package smtp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/email"
)

const stepTimeout = 15 * time.Second

// Config says how to reach the server.
type Config struct {
	// URL is smtp://user:password@host:port, with STARTTLS, or smtps://, encrypted from the
	// first byte. Without a port it is 587 or 465; without a user nobody signs in. A server
	// on this machine (localhost, a loopback address) may lack STARTTLS, others may not.
	URL string
	// TLS replaces the settings of the encryption; nil means those of Go, and at least TLS 1.2.
	TLS *tls.Config
	// Timeout bounds connecting, and then handing over, apiece; 0 means 15 s.
	Timeout time.Duration
}

// Provider is an SMTP server. It is safe for concurrent use; every mail has a connection of
// its own.
type Provider struct {
	host    string
	options []mail.Option
}

// New checks the configuration; it makes no connection.
func New(cfg Config) (*Provider, error) {
	u, err := ParseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	settings := cfg.TLS
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	settings = settings.Clone()
	settings.ServerName = cmp.Or(settings.ServerName, u.Hostname())
	options := []mail.Option{mail.WithTimeout(cmp.Or(cfg.Timeout, stepTimeout)), mail.WithTLSConfig(settings), mail.WithoutNoop()}
	port := 587
	switch {
	case u.Scheme == "smtps":
		port = 465
		options = append(options, mail.WithSSL())
	case loopback(u.Hostname()):
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if u.Port() != "" {
		port, _ = strconv.Atoi(u.Port()) // ParseURL saw to it
	}
	options = append(options, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	p := &Provider{host: u.Hostname(), options: options}
	if _, err := mail.NewClient(p.host, p.options...); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return p, nil
}

// ErrURL says what SMTP_URL looks like; it does not repeat the given one, which holds a password.
var ErrURL = errors.New("must look like smtp://user:password@mail.example.com:587, or smtps://")

// ParseURL reads the address of a server.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "smtp" && u.Scheme != "smtps", u.Hostname() == "",
		strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return nil, ErrURL
	}
	if u.Port() != "" {
		if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
			return nil, ErrURL
		}
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send hands the mail over and returns its Message-ID without brackets, which is the same
// on every attempt. Every error is a *email.SendError; Unknown are only those after which
// the server may have the mail: its answer to the end of the content did not arrive.
func (p *Provider) Send(ctx context.Context, m email.Message) (string, error) {
	out, id, err := compose(m)
	if err != nil {
		return "", &email.SendError{Kind: email.Permanent, Reason: err.Error(), Err: err}
	}
	client, err := mail.NewClient(p.host, p.options...)
	if err != nil {
		return "", &email.SendError{Kind: email.Permanent, Reason: err.Error(), Err: err}
	}
	err = client.DialAndSendWithContext(ctx, out)
	if err == nil || out.IsDelivered() { // what follows the delivery, such as QUIT, changes nothing
		return id, nil
	}
	return "", classify(err)
}

// KeyLifetime is nothing: SMTP knows no keys.
func (p *Provider) KeyLifetime() time.Duration { return 0 }

// compose makes the same bytes of the same message: its date is that of its claim.
func compose(m email.Message) (*mail.Msg, string, error) {
	from, err := address.ParseMailbox(m.From)
	if err != nil {
		return nil, "", fmt.Errorf("from %w", err)
	}
	send := m.Tags[email.TagSend]
	id := send + "@" + from.Address.Domain()
	options := []mail.MsgOption{mail.WithNoDefaultUserAgent()}
	if len(m.Files) == 0 { // with files there are parts within parts, which need more than one
		options = append(options, mail.WithBoundary("hogsend-"+send))
	}
	out := mail.NewMsg(options...)
	out.FromMailAddress(&stdmail.Address{Name: from.Name, Address: from.Address.String()})
	if err := out.To(m.To); err != nil {
		return nil, "", fmt.Errorf("to: %w", err)
	}
	if m.ReplyTo != "" {
		reply, err := address.ParseMailbox(m.ReplyTo)
		if err != nil {
			return nil, "", fmt.Errorf("replyTo %w", err)
		}
		out.ReplyToMailAddress(&stdmail.Address{Name: reply.Name, Address: reply.Address.String()})
	}
	out.Subject(m.Subject)
	out.SetMessageIDWithValue(id)
	if u, err := uuid.Parse(send); err == nil && u.Version() == 7 {
		out.SetDateWithValue(time.Unix(u.Time().UnixTime()).UTC())
	}
	for name, value := range m.Headers {
		out.SetGenHeader(mail.Header(name), value)
	}
	out.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		out.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	for _, f := range m.Files {
		add, settings := out.AttachReader, []mail.FileOption{mail.WithFileContentType(mail.ContentType(f.Type))}
		if f.Inline != "" {
			add, settings = out.EmbedReader, append(settings, mail.WithFileContentID("<"+f.Inline+">"))
		}
		if err := add(f.Name, bytes.NewReader(f.Content), settings...); err != nil {
			return nil, "", fmt.Errorf("file %s: %w", f.Name, err)
		}
	}
	return out, id, nil
}

// classify says what is known of a mail that was not accepted, by E-39.
func classify(err error) *email.SendError {
	e := &email.SendError{Kind: email.Transient, Reason: err.Error(), Err: err}
	code := 0
	var answer *textproto.Error
	if errors.As(err, &answer) {
		code, e.Reason = answer.Code, answer.Error()
	}
	var failed *mail.SendError
	if errors.As(err, &failed) {
		code = cmp.Or(failed.ErrorCode(), code)
		// The library adds the recipient, who is in the row already.
		e.Reason, _, _ = strings.Cut(e.Reason, ", affected ")
		switch failed.Reason {
		case mail.ErrSMTPDataClose:
			if code == 0 { // the content is complete, and no answer came
				e.Kind = email.Unknown
			}
		case mail.ErrGetSender, mail.ErrGetRcpts, mail.ErrNoUnencoded:
			e.Kind = email.Permanent
		}
	}
	if code >= 500 && code < 600 {
		e.Kind = email.Permanent
	}
	return e
}
