package cookbook

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// CouponProps are what the mail with a coupon says.
type CouponProps struct {
	Code string `json:"code"`
}

// The mails about a cart.
var (
	CartReminder = hogsend.For[struct{}](hogsend.Template{
		Key: "cart-reminder", Subject: "Your cart waits for you",
		HTML: `<p>Hello {{.Name}}, all that you chose is still there.</p><mail-button href="https://example.com/cart">Go on where you left</mail-button>`,
	})
	CartCoupon = hogsend.For[CouponProps](hogsend.Template{
		Key: "cart-coupon", Subject: "10 % off your cart",
		HTML: `<p>Hello {{.Name}}, take this with you to the till:</p><mail-panel tone="good"><strong>{{.Props.Code}}</strong></mail-panel><mail-button href="https://example.com/cart">To the cart</mail-button>`,
	})
)

// Cart reminds who has left a cart alone for four hours, and a day later gives them a
// coupon of the shop.
var Cart = hogsend.Journey{
	ID: "cart", Name: "Abandoned cart",
	Trigger:    hogsend.On("cart.updated"),
	EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 7 * hogsend.Day,
	ExitOn: []hogsend.Exit{{Event: "order.completed"}, {Event: "cart.emptied"}},
	Run:    cart,
}

func cart(ctx workflow.Context, run hogsend.Run) error {
	for touched := true; touched; {
		again, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "cart.updated", Timeout: 4 * time.Hour})
		if err != nil {
			return err
		}
		touched = again != nil
	}
	if _, err := run.Send(ctx, CartReminder.With(struct{}{})); err != nil {
		return err
	}
	if err := run.Sleep(ctx, hogsend.Day); err != nil {
		return err
	}
	var code string
	if err := run.Do(ctx, hogsend.Call{Activity: "CreateCoupon", Input: 10}, &code); err != nil {
		return err
	}
	_, err := run.Send(ctx, CartCoupon.With(CouponProps{Code: code}))
	return err
}

// CreateCoupon stands for a call of the shop, which makes one coupon for one key.
func CreateCoupon(ctx context.Context, percent int) (string, error) {
	if percent > 50 {
		return "", hogsend.Final(errors.New("too much"))
	}
	return "TAKE10-" + hogsend.StepOf(ctx).EnrollmentID[:4], nil
}
