package cookbook

import (
	"github.com/hogsend/hogsend"
)

// Billing takes in what Stripe tells of invoices, as the events that Dunning is about. The
// endpoint at Stripe is https://<yours>/v1/webhooks/stripe, its secret STRIPE_WEBHOOK_SECRET.
var Billing = billing()

func billing() hogsend.Source {
	stripe := hogsend.StripeSource()
	all := stripe.Transform
	stripe.Transform = func(in hogsend.Incoming) (*hogsend.SourceEvent, error) {
		event, err := all(in)
		if err != nil || event == nil {
			return nil, err
		}
		switch event.Name {
		case "invoice.paid":
		case "invoice.payment_failed":
			event.Name = "invoice.failed"
		default:
			return nil, nil //nolint:nilnil // answered, and nothing comes of it
		}
		id, _ := event.Properties["id"].(string)
		event.Properties = map[string]any{"invoiceId": id} // of the invoice no more is kept
		return event, nil
	}
	return stripe
}
