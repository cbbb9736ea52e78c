package hogsend_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// made is what a source makes of a body, as JSON; "null" for nothing.
func made(t *testing.T, s hogsend.Source, body string) string {
	t.Helper()
	event, err := s.Transform(hogsend.Incoming{Body: []byte(body)})
	require.NoError(t, err)
	raw, err := json.Marshal(event)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(raw, &fields))
	for name, value := range fields {
		if value == nil || value == "" || value == "0001-01-01T00:00:00Z" {
			delete(fields, name)
		}
	}
	raw, err = json.Marshal(fields)
	require.NoError(t, err)
	return string(raw)
}

// P-8: both forms, with and without a person; what hogsend captured does not come back.
func TestThePresetOfPostHog(t *testing.T) {
	t.Parallel()
	s := hogsend.PostHogSource()
	require.Equal(t, "posthog", s.ID)
	require.Equal(t, hogsend.SourceAuth{Type: hogsend.SharedSecret, SecretEnv: "POSTHOG_WEBHOOK_SECRET", Header: "x-posthog-webhook-secret"}, s.Auth)
	for body, want := range map[string]string{
		`{"event":{"event":"signed_up","uuid":"u1","distinct_id":"ada","properties":{"plan":"pro"},"timestamp":"2026-01-05T10:00:00.5Z"},"person":{"properties":{"email":"ada@example.com","$timezone":"Europe/Berlin"}}}`: `{"ContactProperties":{"$timezone":"Europe/Berlin","email":"ada@example.com"},"Email":"ada@example.com","IdempotencyKey":"posthog:u1","Name":"signed_up","Properties":{"plan":"pro"},"Timestamp":"2026-01-05T10:00:00.5Z","UserID":"ada"}`,
		`{"event":"signed_up","distinct_id":"ada"}`:                                                    `{"Name":"signed_up","UserID":"ada"}`,
		`{"event":"signed_up","distinct_id":"ada","person":{}}`:                                        `{"Name":"signed_up","UserID":"ada"}`,
		`{"event":{"event":"signed_up","distinct_id":"ada"},"person":{"properties":{"age":36}}}`:       `{"ContactProperties":{"age":36},"Name":"signed_up","UserID":"ada"}`,
		`{"event":"signed_up","properties":{"distinct_id":"ada"},"timestamp":"yesterday","uuid":"u2"}`: `{"IdempotencyKey":"posthog:u2","Name":"signed_up","Properties":{"distinct_id":"ada"},"UserID":"ada"}`,
		`{"event":{"event":"x","distinct_id":"ada","properties":{"$lib":"hogsend"}}}`:                  `null`,
		`{"event":"x","distinct_id":"ada","properties":{"$lib":"hogsend"}}`:                            `null`,
	} {
		require.Equal(t, want, made(t, s, body), body)
	}
	for _, body := range []string{`{}`, `{"event":1}`, `[]`, `{"event":{"distinct_id":"ada"}}`} {
		_, err := s.Transform(hogsend.Incoming{Body: []byte(body)})
		require.Error(t, err, body)
	}
}

func TestThePresetOfStripe(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":"evt_1","type":"invoice.paid","created":1767607200,"data":{"object":{"object":"invoice","customer":"cus_1","customer_email":"ada@example.com","amount_paid":1999,"amount":5,"currency":"eur","metadata":{"user_id":"ada"}}}}`: `{"Currency":"eur","Email":"ada@example.com","IdempotencyKey":"stripe:evt_1","Name":"invoice.paid","Properties":{"amount":5,"amount_paid":1999,"currency":"eur","customer":"cus_1","customer_email":"ada@example.com","metadata":{"user_id":"ada"},"object":"invoice"},"Timestamp":"2026-01-05T10:00:00Z","UserID":"ada","Value":19.99}`,
		`{"id":"evt_2","type":"charge.succeeded","data":{"object":{"customer":"cus_1","receipt_email":"ada@example.com","amount":500,"currency":"jpy"}}}`:                                                                                    `{"AnonymousID":"cus_1","Currency":"jpy","Email":"ada@example.com","IdempotencyKey":"stripe:evt_2","Name":"charge.succeeded","Properties":{"amount":500,"currency":"jpy","customer":"cus_1","receipt_email":"ada@example.com"},"Value":500}`,
		`{"type":"customer.created","data":{"object":{"object":"customer","id":"cus_1","email":"ada@example.com"}}}`:                                                                                                                         `{"AnonymousID":"cus_1","Email":"ada@example.com","Name":"customer.created","Properties":{"email":"ada@example.com","id":"cus_1","object":"customer"}}`,
		`{"type":"checkout.session.completed","data":{"object":{"customer":null,"customer_details":{"email":"ada@example.com"}}}}`:                                                                                                           `{"Email":"ada@example.com","Name":"checkout.session.completed","Properties":{"customer":null,"customer_details":{"email":"ada@example.com"}}}`,
		`{"type":"payout.paid","data":{"object":{"amount":5,"currency":"eur"}}}`:                                                                                                                                                             `null`,
	} {
		require.Equal(t, want, made(t, hogsend.StripeSource(), body), body)
	}
}

func TestThePresetOfSegment(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"type":"track","event":"Order Completed","userId":"ada","anonymousId":"a1","messageId":"m1","timestamp":"2026-01-05T10:00:00Z","properties":{"revenue":19.5,"currency":"EUR"},"context":{"traits":{"email":"ada@example.com"}}}`: `{"AnonymousID":"a1","ContactProperties":{"email":"ada@example.com"},"Currency":"EUR","Email":"ada@example.com","IdempotencyKey":"segment:m1","Name":"Order Completed","Properties":{"currency":"EUR","revenue":19.5},"Timestamp":"2026-01-05T10:00:00Z","UserID":"ada","Value":19.5}`,
		`{"type":"identify","userId":"ada","traits":{"email":"ada@example.com","plan":"pro"}}`: `{"ContactProperties":{"email":"ada@example.com","plan":"pro"},"Email":"ada@example.com","Name":"identified","UserID":"ada"}`,
		`{"type":"page","userId":null}`:   `null`,
		`{"type":"group","userId":"ada"}`: `null`,
	} {
		require.Equal(t, want, made(t, hogsend.SegmentSource(), body), body)
	}
}

func TestThePresetOfClerk(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"type":"user.created","data":{"id":"user_1","first_name":"Ada","last_name":null,"created_at":1767607200000,"updated_at":1,"primary_email_address_id":"i2","email_addresses":[{"id":"i1","email_address":"old@example.com"},{"id":"i2","email_address":"ada@example.com"}]}}`: `{"ContactProperties":{"firstName":"Ada"},"Email":"ada@example.com","Name":"user.created","Timestamp":"2026-01-05T10:00:00Z","UserID":"user_1"}`,
		`{"type":"user.deleted","data":{"id":"user_1","deleted":true}}`: `{"ContactProperties":{},"Name":"user.deleted","UserID":"user_1"}`,
		`{"type":"session.created","data":{"id":"sess_1"}}`:             `null`,
	} {
		require.Equal(t, want, made(t, hogsend.ClerkSource(), body), body)
	}
}

func TestIncoming(t *testing.T) {
	t.Parallel()
	in := hogsend.Incoming{Body: []byte(`{"n":1234567890123456789}`), Headers: map[string]string{"x-topic": "orders"}, ReceivedAt: time.Now()}
	var v map[string]any
	require.NoError(t, in.Decode(&v))
	require.Equal(t, json.Number("1234567890123456789"), v["n"])
	require.Equal(t, "orders", in.Header("X-Topic"))
	require.Empty(t, in.Header("X-Other"))
}

// P-1 to P-3: every problem of every source, at start; no source without authentication.
func TestSourcesAreChecked(t *testing.T) {
	t.Parallel()
	transform := func(hogsend.Incoming) (*hogsend.SourceEvent, error) { return nil, errors.New("no") }
	auth := hogsend.SourceAuth{Type: hogsend.SharedSecret, SecretEnv: "CRM_SECRET"}
	presets := []hogsend.Source{hogsend.PostHogSource(), hogsend.SegmentSource(), hogsend.StripeSource(), hogsend.ClerkSource(), {ID: "crm", Auth: auth, Transform: transform}}
	require.NoError(t, hogsend.Registry{Sources: presets}.Validate())
	err := hogsend.Registry{Sources: []hogsend.Source{
		{ID: "resend", Auth: auth, Transform: transform},
		{ID: "crm", Auth: auth, Transform: transform},
		{ID: "crm", Auth: auth},
		{ID: "Big", Name: strings.Repeat("x", 101), Transform: transform},
		{ID: "none", Auth: hogsend.SourceAuth{Type: "none", SecretEnv: "X"}, Transform: transform},
		{ID: "a", Auth: hogsend.SourceAuth{Type: hogsend.HMACSHA256, SecretEnv: "crm secret"}, Transform: transform},
		{ID: "b", Auth: hogsend.SourceAuth{Type: hogsend.StripeSignature, SecretEnv: "X", Header: "X-Y", Prefix: "p", TimestampHeader: "t"}, Transform: transform},
		{ID: "c", Auth: hogsend.SourceAuth{Type: hogsend.SharedSecret, SecretEnv: "X", Header: "X: Y\r\n"}, Transform: transform},
	}}.Validate()
	require.EqualError(t, err, strings.TrimSpace(`
source "Big": Auth.Type: must be SharedSecret, HMACSHA256, HMACSHA1, StandardWebhooks or StripeSignature
source "Big": ID: must be 1 to 63 lower-case letters, digits or -
source "Big": Name: must have 0 to 100 characters
source "a": Auth.Header: is missing
source "a": Auth.SecretEnv: must be the name of an environment variable, in capitals
source "b": Auth.Header: does not go with stripe
source "b": Auth.Prefix: does not go with stripe
source "b": Auth.TimestampHeader: does not go with stripe
source "c": Auth.Header: must be the name of a header
source "crm": ID: is defined twice
source "crm": Transform: is missing
source "none": Auth.Type: must be SharedSecret, HMACSHA256, HMACSHA1, StandardWebhooks or StripeSignature
source "resend": ID: belongs to the reports of Resend`))
}

// P-14: every problem of every destination, at start.
func TestDestinationsAreChecked(t *testing.T) {
	t.Parallel()
	deliver := func(context.Context, hogsend.Delivery) error { return nil }
	good := hogsend.Webhook{ID: "crm", URL: "https://hooks.example.com/in", SecretEnv: "CRM_SECRET", Events: []string{"*"}, Headers: map[string]string{"X-Team": "a"}}
	require.NoError(t, hogsend.Registry{Webhooks: []hogsend.Webhook{good}, Destinations: []hogsend.Destination{{ID: "lake", Events: hogsend.DestinationEvents(), Deliver: deliver}}}.Validate())
	bad := good
	bad.URL, bad.SecretEnv, bad.Events = "hooks.example.com", "", []string{"journey.complete"}
	bad.Headers = map[string]string{"Host": "x", "X-A": "a\r\nX-B: b", "webhook-id": "1", "X Y": "z"}
	err := hogsend.Registry{
		Webhooks: []hogsend.Webhook{bad}, Destinations: []hogsend.Destination{{ID: "crm", Events: []string{"*"}, Deliver: deliver}, {ID: "A"}},
	}.Validate()
	require.EqualError(t, err, strings.TrimSpace(`
destination "A": Deliver: is missing
destination "A": Events: is missing; "*" is all of them
destination "A": ID: must be 1 to 63 lower-case letters, digits or -
webhook "crm": Events: there is no "journey.complete", did you mean "journey.completed"?
webhook "crm": Headers: "Host" is set by hogsend
webhook "crm": Headers: "X Y" and its value must be a header of one line
webhook "crm": Headers: "X-A" and its value must be a header of one line
webhook "crm": Headers: "webhook-id" is set by hogsend
webhook "crm": ID: is defined twice
webhook "crm": SecretEnv: must be the name of an environment variable, in capitals
webhook "crm": URL: must be an https address`))
}
