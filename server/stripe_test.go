package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/examples/cookbook"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/webhook"
)

// R-30, P-6: from Stripe's message by the cookbook's source into its journey, and out of it.
func TestStripeDrivesAJourney(t *testing.T) {
	t.Parallel()
	const secret = "whsec_of_the_endpoint_at_stripe"
	b := setup(t, func(c *Config) {
		check, err := webhook.NewCheck(cookbook.Billing.Auth, []string{secret})
		require.NoError(t, err)
		c.Registry, c.Sources = cookbook.Registry(), map[string]webhook.Check{"stripe": check}
		c.Ingest = ingest.New(c.Store, ingest.Config{Journeys: c.Registry.Journeys})
		t.Cleanup(c.Ingest.Close)
	})
	post := func(kind, event, invoice string) string {
		body := fmt.Sprintf(`{"id":"%s","object":"event","type":"%s","created":%d,"data":{"object":{"object":"invoice","id":"%s","customer":"cus_1","customer_email":"ada@example.com","amount_paid":1999,"currency":"eur","metadata":{"user_id":"ada"}}}}`,
			event, kind, b.clock().Unix(), invoice)
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", b.clock().Unix(), body)
		a := b.do(call{method: "POST", url: "/v1/webhooks/stripe", body: body, headers: map[string]string{"Stripe-Signature": fmt.Sprintf("t=%d,v1=%s", b.clock().Unix(), hex.EncodeToString(mac.Sum(nil)))}})
		require.Equal(t, 200, a.status, a.body)
		return a.body
	}
	enrolled := func() []string {
		return b.rows(`select key || ' ' || status from enrollments where journey_id = 'dunning' order by key`)
	}
	require.Contains(t, post("invoice.payment_failed", "evt_1", "in_1"), `"event":"invoice.failed","userId":"ada","stored":true`)
	require.Contains(t, post("invoice.payment_failed", "evt_1", "in_1"), `"stored":false`)
	post("invoice.payment_failed", "evt_2", "in_2")
	require.Equal(t, []string{"in_1 active", "in_2 active"}, enrolled())
	require.Contains(t, post("invoice.finalized", "evt_3", "in_1"), `"skipped":true`)
	require.Contains(t, post("invoice.paid", "evt_4", "in_1"), `"exited":true`)
	require.Equal(t, []string{"in_1 exited", "in_2 active"}, enrolled())
	require.Equal(t, []string{"19.99 EUR"}, b.rows(`select value::text || ' ' || currency from events where name = 'invoice.paid'`))
}
