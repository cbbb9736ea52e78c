package email

import (
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
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

// Senders are the addresses that mails may come from (E-10).
type Senders struct {
	// Default is EMAIL_FROM, with or without a display name; "" is none.
	Default string
	// Domains are allowed besides the default's own (EMAIL_FROM_DOMAINS).
	Domains []string
}

// Choose returns override, or the default for "". An override that is not one mailbox,
// or is of another domain, is a *hogsend.ValidationError of field from (E-81).
func (s Senders) Choose(override string) (string, error) {
	if address.Trim(override) == "" {
		return s.Default, nil
	}
	chosen, err := address.ParseMailbox(override)
	if err != nil {
		return "", &hogsend.ValidationError{Field: "from", Message: err.Error()}
	}
	domain := chosen.Address.Domain()
	usual, err := address.ParseMailbox(s.Default)
	if err == nil && usual.Address.Domain() == domain {
		return chosen.String(), nil
	}
	if !slices.ContainsFunc(s.Domains, func(d string) bool { ascii, _ := address.Domain(d); return ascii == domain }) {
		return "", &hogsend.ValidationError{Field: "from", Message: "domain " + domain + " is not that of EMAIL_FROM or in EMAIL_FROM_DOMAINS"}
	}
	return chosen.String(), nil
}

// ReplyTo is where answers go: override, or usual for "". One that is not one mailbox is
// a *hogsend.ValidationError of field replyTo (E-81).
func ReplyTo(override, usual string) (string, error) {
	if address.Trim(override) == "" {
		return usual, nil
	}
	m, err := address.ParseMailbox(override)
	if err != nil {
		return "", &hogsend.ValidationError{Field: "replyTo", Message: err.Error()}
	}
	return m.String(), nil
}
