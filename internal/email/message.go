package email

import (
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
)

// CategoryTransactional is the category whose mails carry no unsubscribe headers (E-11).
const CategoryTransactional = "transactional"

// Envelope is what a message needs besides its content.
type Envelope struct {
	// SendID is the id of the send's row, Key its send key (E-28).
	SendID, Key string
	// From is already allowed by [Senders]; To is one address.
	From, To, ReplyTo string
	// Template is the key; JourneyID or CampaignID names what caused the send.
	Template, JourneyID, CampaignID string
	// Category is the send's category by E-19.
	Category string
	// UnsubscribeURL is the one-click URL of R-26 with the send's token; "" leaves
	// the unsubscribe headers out.
	UnsubscribeURL string
}

// NewMessage puts a rendered mail into its envelope, with headers and tags (E-11).
func NewMessage(e Envelope, r Rendered) Message {
	m := Message{
		Key: e.Key, From: e.From, To: strings.TrimSpace(e.To), ReplyTo: e.ReplyTo,
		Subject: r.Subject, HTML: r.HTML, Text: r.Text,
		Headers: map[string]string{"X-Entity-Ref-ID": e.SendID},
		Tags:    map[string]string{},
	}
	if e.Category != CategoryTransactional && e.UnsubscribeURL != "" {
		m.Headers["List-Unsubscribe"] = "<" + e.UnsubscribeURL + ">"
		m.Headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
	}
	for name, value := range map[string]string{
		TagSend: e.SendID, "template": e.Template, "journey": e.JourneyID, "campaign": e.CampaignID,
	} {
		if value != "" {
			m.Tags[name] = tagValue(value)
		}
	}
	return m
}

// TagSend is the tag that carries the send's id to the provider and back (E-11, E-63).
const TagSend = "hogsend_send"

const maxTag = 256

func tagValue(value string) string {
	value = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, value)
	return value[:min(len(value), maxTag)]
}

const maxAddress = 320

// Address is s without surrounding blanks; ok is false unless it is exactly one
// plain address of at most 320 characters, without a display name (E-8).
func Address(s string) (address string, ok bool) {
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxAddress {
		return s, false
	}
	a, err := mail.ParseAddress(s)
	return s, err == nil && a.Address == s
}

// Senders are the addresses that mails may come from (E-10).
type Senders struct {
	// Default is EMAIL_FROM, with or without a display name.
	Default string
	// Domains are allowed besides the default's own (EMAIL_FROM_DOMAINS).
	Domains []string
}

// Choose returns override, or the default for "". An override of another domain is
// a *hogsend.ValidationError of field from.
func (s Senders) Choose(override string) (string, error) {
	if strings.TrimSpace(override) == "" {
		return s.Default, nil
	}
	domain, ok := domainOf(override)
	if !ok {
		return "", &hogsend.ValidationError{Field: "from", Message: "is not an address"}
	}
	allowed := slices.Clone(s.Domains)
	if d, ok := domainOf(s.Default); ok {
		allowed = append(allowed, d)
	}
	if !slices.ContainsFunc(allowed, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return "", &hogsend.ValidationError{Field: "from", Message: "domain " + domain + " is not that of EMAIL_FROM or in EMAIL_FROM_DOMAINS"}
	}
	return strings.TrimSpace(override), nil
}

func domainOf(address string) (string, bool) {
	if strings.ContainsAny(address, "\r\n") {
		return "", false
	}
	a, err := mail.ParseAddress(address)
	if err != nil {
		return "", false
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:], true
}
