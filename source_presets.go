package hogsend

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// The presets are sources that are ready to be registered. Each is a value: change what
// should be otherwise, such as SecretEnv, or wrap Transform to rename events and leave
// some out.

// PostHogSource takes what a webhook destination of PostHog sends, with the secret of
// POSTHOG_WEBHOOK_SECRET in the header x-posthog-webhook-secret. Events that hogsend itself
// captured are left out (P-8).
func PostHogSource() Source {
	return Source{
		ID: "posthog", Name: "PostHog",
		Auth:      SourceAuth{Type: SharedSecret, SecretEnv: "POSTHOG_WEBHOOK_SECRET", Header: "x-posthog-webhook-secret"}, //nolint:gosec // the name of a variable
		Transform: fromPostHog,
	}
}

// SegmentSource takes the track and identify calls that Segment's Webhooks (Actions)
// destination forwards one by one, signed with the secret of SEGMENT_WEBHOOK_SECRET. A
// batch is refused: Segment signs only its first event. An identify call becomes the event
// "identified", whose traits reach the contact.
func SegmentSource() Source {
	return Source{
		ID: "segment", Name: "Segment",
		Auth:      SourceAuth{Type: HMACSHA1, SecretEnv: "SEGMENT_WEBHOOK_SECRET", Header: "X-Signature"}, //nolint:gosec // the name of a variable
		Transform: fromSegment,
	}
}

// StripeSource takes the events of a Stripe endpoint, signed with the secret of
// STRIPE_WEBHOOK_SECRET. The event's object is its properties; the contact is
// metadata.user_id, or else the object's e-mail address, or else the customer's id as an
// anonymous one. The amount is the event's value, in whole units of its currency.
func StripeSource() Source {
	return Source{ID: "stripe", Name: "Stripe", Auth: SourceAuth{Type: StripeSignature, SecretEnv: "STRIPE_WEBHOOK_SECRET"}, Transform: fromStripe} //nolint:gosec // the name of a variable
}

// ClerkSource takes what Clerk tells of users, signed with the secret of
// CLERK_WEBHOOK_SECRET. The contact is the user's id, with the primary address; names are
// properties of the contact. What is not about users is left out.
func ClerkSource() Source {
	return Source{ID: "clerk", Name: "Clerk", Auth: SourceAuth{Type: StandardWebhooks, SecretEnv: "CLERK_WEBHOOK_SECRET"}, Transform: fromClerk} //nolint:gosec // the name of a variable
}

// posthogEvent is one event of PostHog, in either form.
type posthogEvent struct {
	Event      json.RawMessage `json:"event"`
	UUID       string          `json:"uuid"`
	DistinctID string          `json:"distinct_id"`
	Properties map[string]any  `json:"properties"`
	Timestamp  string          `json:"timestamp"`
	Person     *struct {
		Properties map[string]any `json:"properties"`
	} `json:"person"`
}

func fromPostHog(in Incoming) (*SourceEvent, error) {
	var outer, event posthogEvent
	if err := in.Decode(&outer); err != nil {
		return nil, err
	}
	event = outer
	var name string
	if json.Unmarshal(outer.Event, &name) != nil {
		if err := (Incoming{Body: outer.Event}).Decode(&event); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(event.Event, &name); err != nil {
			return nil, errors.New("the name of the event is missing")
		}
	}
	if event.Properties["$lib"] == "hogsend" {
		return nil, nil //nolint:nilnil // it was ours
	}
	out := &SourceEvent{Name: name, UserID: event.DistinctID, Properties: event.Properties, Timestamp: instant(event.Timestamp)}
	if event.UUID != "" {
		out.IdempotencyKey = "posthog:" + event.UUID
	}
	if outer.Person != nil {
		out.ContactProperties = outer.Person.Properties
		out.Email = text(outer.Person.Properties, "email")
	}
	if out.UserID == "" {
		out.UserID = text(event.Properties, "distinct_id")
	}
	return out, nil
}

func fromSegment(in Incoming) (*SourceEvent, error) {
	var m struct {
		Type, Event, UserID, AnonymousID, MessageID, Timestamp string
		Properties, Traits                                     map[string]any
		Context                                                struct{ Traits map[string]any }
	}
	if err := in.Decode(&m); err != nil {
		return nil, err
	}
	out := &SourceEvent{Name: m.Event, UserID: m.UserID, AnonymousID: m.AnonymousID, Properties: m.Properties, Timestamp: instant(m.Timestamp)}
	traits := m.Context.Traits
	switch m.Type {
	case "track":
	case "identify":
		out.Name, traits = "identified", m.Traits
	default:
		return nil, nil //nolint:nilnil // pages and groups are no events of people
	}
	out.ContactProperties, out.Email = traits, text(traits, "email")
	if m.MessageID != "" {
		out.IdempotencyKey = "segment:" + m.MessageID
	}
	if revenue, ok := m.Properties["revenue"].(json.Number); ok {
		if amount, err := revenue.Float64(); err == nil {
			out.Value, out.Currency = &amount, text(m.Properties, "currency")
		}
	}
	return out, nil
}

// stripeAmounts are where objects of Stripe have what was paid, the best first.
var stripeAmounts = [...]string{"amount_paid", "amount_received", "amount_total", "amount"}

// stripeWhole are the currencies whose smallest unit is the whole one.
const stripeWhole = " bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf "

func fromStripe(in Incoming) (*SourceEvent, error) {
	var m struct {
		ID, Type string
		Created  int64
		Data     struct{ Object map[string]any }
	}
	if err := in.Decode(&m); err != nil {
		return nil, err
	}
	object := m.Data.Object
	out := &SourceEvent{Name: m.Type, Properties: object}
	if m.ID != "" {
		out.IdempotencyKey = "stripe:" + m.ID
	}
	if m.Created > 0 {
		out.Timestamp = time.Unix(m.Created, 0).UTC()
	}
	metadata, _ := object["metadata"].(map[string]any)
	details, _ := object["customer_details"].(map[string]any)
	out.UserID = text(metadata, "user_id")
	for _, email := range []string{text(object, "customer_email"), text(details, "email"), text(object, "receipt_email"), text(object, "email")} {
		if out.Email == "" {
			out.Email = email
		}
	}
	customer := text(object, "customer")
	if customer == "" && text(object, "object") == "customer" {
		customer = text(object, "id")
	}
	if out.UserID == "" {
		out.AnonymousID = customer
	}
	if out.UserID == "" && out.Email == "" && out.AnonymousID == "" {
		return nil, nil //nolint:nilnil // about nobody: a payout, a price
	}
	currency := text(object, "currency")
	for _, field := range stripeAmounts {
		number, ok := object[field].(json.Number)
		if !ok || currency == "" {
			continue
		}
		if amount, err := number.Float64(); err == nil {
			if !strings.Contains(stripeWhole, " "+strings.ToLower(currency)+" ") {
				amount = math.Round(amount) / 100
			}
			out.Value, out.Currency = &amount, currency
		}
		break
	}
	return out, nil
}

func fromClerk(in Incoming) (*SourceEvent, error) {
	var m struct {
		Type string
		Data map[string]any
	}
	if err := in.Decode(&m); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(m.Type, "user.") {
		return nil, nil //nolint:nilnil // about no user
	}
	out := &SourceEvent{Name: m.Type, UserID: text(m.Data, "id"), ContactProperties: map[string]any{}}
	addresses, _ := m.Data["email_addresses"].([]any)
	for i, entry := range addresses {
		address, _ := entry.(map[string]any)
		if i == 0 || text(address, "id") == text(m.Data, "primary_email_address_id") {
			out.Email = text(address, "email_address")
		}
	}
	for field, property := range map[string]string{"first_name": "firstName", "last_name": "lastName", "username": "username", "image_url": "imageUrl"} {
		if value := text(m.Data, field); value != "" {
			out.ContactProperties[property] = value
		}
	}
	at := "updated_at"
	if m.Type == "user.created" {
		at = "created_at"
	}
	if number, ok := m.Data[at].(json.Number); ok {
		if milliseconds, err := strconv.ParseInt(number.String(), 10, 64); err == nil && milliseconds > 0 {
			out.Timestamp = time.UnixMilli(milliseconds).UTC()
		}
	}
	return out, nil
}

// text is a property that is a text; "" for any other.
func text(properties map[string]any, name string) string {
	s, _ := properties[name].(string)
	return s
}

// instant reads a time of RFC 3339; the zero time for anything else.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
