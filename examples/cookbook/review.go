package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// ReviewProps are what the request for a review says.
type ReviewProps struct {
	Order string `json:"order"`
	Again bool   `json:"again"`
}

// AskReview is the request for a review.
var AskReview = hogsend.For[ReviewProps](hogsend.Template{
	Key: "ask-review", Subject: "{{if .Props.Again}}Once more: how{{else}}How{{end}} was your order?",
	HTML: `<p>Hello {{.Name}}, others would like to know.</p><mail-button href="https://example.com/orders/{{.Props.Order}}/review">Write a review</mail-button>`,
})

// Review asks for a review of each order a week after it came, and once more, unless the
// order was reviewed or sent back.
var Review = hogsend.Journey{
	ID: "review", Name: "Review per order",
	Trigger:    hogsend.On("order.delivered"),
	Key:        "orderId",
	EntryLimit: hogsend.Once,
	ExitOn:     []hogsend.Exit{{Event: "order.returned", Where: []hogsend.Condition{hogsend.SameAsTrigger("orderId")}}},
	Run:        review,
}

func review(ctx workflow.Context, run hogsend.Run) error {
	order := run.Enrollment().Key
	for _, again := range []bool{false, true} {
		reviewed, err := run.WaitForEvent(ctx, hogsend.Wait{
			Event: "order.reviewed", Where: []hogsend.Condition{hogsend.SameAsTrigger("orderId")}, Timeout: 7 * hogsend.Day,
		})
		if err != nil || reviewed != nil {
			return err
		}
		if _, err := run.Send(ctx, AskReview.With(ReviewProps{Order: order, Again: again})); err != nil {
			return err
		}
	}
	return nil
}
