package hogsendtest_test

import (
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

// The timeline of a journey, from its first step to its end.
func Example() {
	s := hogsendtest.New(hogsendtest.InExample(), saas.Registry())
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Timezone: "Europe/London"})
	ada.At(0, "user.created", hogsend.Properties{"plan": "free"})
	got := s.Run()
	fmt.Print(got.Timeline("ada"))
	// Output:
	// +0s event user.created
	// +0s enrolled activation-welcome
	// +0s sent send:welcome
	// +0s wait_started wait-event:feature.used until +2d
	// +2d wait_ended wait-event:feature.used timeout
	// +2d sent send:nudge
	// +2d completed
}

// What a person does ends a wait, or the whole enrollment.
func ExampleContact_At() {
	s := hogsendtest.New(hogsendtest.InExample(), saas.Registry())
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"})
	ada.At(0, "payment.failed", hogsend.Properties{"amount": 49, "invoiceId": "I-1"})
	ada.At(3*hogsend.Day, "payment.succeeded", hogsend.Properties{"invoiceId": "I-1"})
	got := s.Run()
	fmt.Print(got.Timeline("ada"))
	fmt.Println(got.Mailbox.Templates("ada"))
	// Output:
	// +0s event payment.failed
	// +0s enrolled payment-failed
	// +0s sent send:payment-failed
	// +0s wait_started wait:48h until +2d
	// +2d wait_ended wait:48h timeout
	// +2d sent send:payment-reminder
	// +2d wait_started wait:96h until +6d
	// +3d event payment.succeeded
	// +3d exited event:payment.succeeded
	// [payment-failed payment-reminder]
}

// A provider that fails for a while, and one that refuses the mail.
func ExampleScenario_OnSend() {
	s := hogsendtest.New(hogsendtest.InExample(), saas.Registry())
	s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"}).At(0, "user.created")
	s.Fails("activation-welcome")
	s.OnSend("welcome").Return(hogsendtest.Retried(2))
	s.OnSend("nudge").Return(hogsendtest.Refused("mailbox full"))
	got := s.Run()
	fmt.Print(got.Timeline("ada"))
	fmt.Println(got.Enrollment("ada", "activation-welcome").Error)
	// Output:
	// +0s event user.created
	// +0s enrolled activation-welcome
	// +3s sent send:welcome
	// +3s wait_started wait-event:feature.used until +2d 3s
	// +2d 3s wait_ended wait-event:feature.used timeout
	// +2d 3s send_failed send:nudge mailbox full
	// +2d 3s failed send permanent: mailbox full
	// send permanent: mailbox full
}

// Why somebody did not get in.
func ExampleResult_DecisionsOf() {
	s := hogsendtest.New(hogsendtest.InExample(), saas.Registry())
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"})
	ada.At(0, "order.completed")
	ada.At(time.Hour, "order.completed")
	ada.Unsubscribes(2 * time.Hour)
	ada.At(3*time.Hour, "user.created")
	for _, decision := range s.Run().DecisionsOf("ada") {
		fmt.Println(decision)
	}
	// Output:
	// order-thanks: enrolled
	// order-thanks: already_entered_once
	// activation-welcome: user_unsubscribed
}
