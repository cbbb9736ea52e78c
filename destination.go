package hogsend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/naming"
)

// Destination is told by a function of the author's what happens to contacts, journeys,
// buckets, mails and campaigns. Destinations are independent: one that is down holds up no
// other (P-14).
type Destination struct {
	// ID is what its messages are stored under: 1 to 63 lower-case letters, digits and "-".
	// The ids of destinations and webhooks are different.
	ID string
	// Events are the types it is told of, of those that DestinationEvents lists; "*" is all
	// of them, those of later versions too.
	Events []string
	// Deliver tells it. A message comes at least once, after an error seven times more over
	// some 27 hours, several at once, and in no order: Delivery.ID tells a repetition. ctx
	// ends after 15 s (P-18).
	Deliver func(ctx context.Context, d Delivery) error
}

// Delivery is one message for a destination.
type Delivery struct {
	// ID is the same on every attempt.
	ID string
	// Type is one of DestinationEvents.
	Type string
	// Timestamp is when it happened. Sequence puts what happened to one contact in order: a
	// greater one came later.
	Timestamp time.Time
	Sequence  int64
	// Data has the contact and what the type is about, as JSON.
	Data json.RawMessage
}

// Webhook is a destination at an address, which gets signed messages by POST (P-16).
type Webhook struct {
	// ID is what its messages are stored under, as that of a Destination.
	ID string
	// URL is an https address of the public internet.
	URL string
	// SecretEnv is the environment variable with the secret that messages are signed with by
	// the Standard Webhooks: "whsec_" and base64 of at least 16 bytes. Of several, by commas,
	// there are several signatures, so that one can be replaced.
	SecretEnv string
	// Events are the types it is told of; "*" is all of them.
	Events []string
	// Headers are sent along.
	Headers map[string]string
	// IncludeEmail puts the address of the contact into messages.
	IncludeEmail bool
}

// DestinationEvents are the types of messages (P-17).
func DestinationEvents() []string {
	return []string{
		"contact.created", "contact.updated", "contact.merged", "contact.deleted", "contact.erased",
		"journey.enrolled", "journey.completed", "journey.failed", "journey.exited",
		"bucket.entered", "bucket.left", "bucket.dwelled",
		"email.sent", "email.delivered", "email.opened", "email.clicked", "email.bounced", "email.complained", "email.failed", "email.suppressed", "email.skipped",
		"email.unsubscribed", "email.resubscribed",
		"campaign.started", "campaign.completed", "campaign.canceled", "alert.fired",
	}
}

// headerValuePattern allows what needs no folding.
var headerValuePattern = regexp.MustCompile(`^[\x20-\x7e]{0,1000}$`)

// destinations refuses what nobody could be told by. Where an address leads is looked at
// when a program starts, and at every connection (P-19).
func (v *registryValidator) destinations(r Registry) {
	seen := map[string]bool{}
	reporter := func(kind, id string) func(format string, args ...any) {
		return func(format string, args ...any) {
			v.problems = append(v.problems, fmt.Sprintf("%s %q: ", kind, id)+fmt.Sprintf(format, args...))
		}
	}
	common := func(id string, events []string, report func(format string, args ...any)) {
		switch {
		case !journeyIDPattern.MatchString(id):
			report("ID: must be 1 to 63 lower-case letters, digits or -")
		case seen[id]:
			report("ID: is defined twice")
		}
		seen[id] = true
		if len(events) == 0 {
			report(`Events: is missing; "*" is all of them`)
		}
		for _, name := range events {
			if name != "*" && !slices.Contains(DestinationEvents(), name) {
				report("Events: there is no %q%s", name, naming.Suggestion(name, DestinationEvents()))
			}
		}
	}
	for _, d := range r.Destinations {
		report := reporter("destination", d.ID)
		common(d.ID, d.Events, report)
		if d.Deliver == nil {
			report("Deliver: is missing")
		}
	}
	for _, w := range r.Webhooks {
		report := reporter("webhook", w.ID)
		common(w.ID, w.Events, report)
		if u, err := url.Parse(w.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			report("URL: must be an https address")
		}
		if !variablePattern.MatchString(w.SecretEnv) {
			report("SecretEnv: must be the name of an environment variable, in capitals")
		}
		for name, value := range w.Headers {
			switch lower := strings.ToLower(name); {
			case !headerPattern.MatchString(name) || !headerValuePattern.MatchString(value):
				report("Headers: %q and its value must be a header of one line", name)
			case strings.HasPrefix(lower, "webhook-") || slices.Contains([]string{"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "user-agent"}, lower):
				report("Headers: %q is set by hogsend", name)
			}
		}
	}
}
