package hogsend_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// An event that came while the journey did something else is found.
func waitsTwice(ctx workflow.Context, run hogsend.Run) error {
	paid, err := run.WaitForEvent(ctx, hogsend.Wait{
		Event: "invoice.paid", Where: []hogsend.Condition{hogsend.Prop("total").Gt(10)}, Timeout: hogsend.Day, Label: "payment",
	})
	if err != nil || paid == nil {
		return err
	}
	_, err = run.WaitForEvent(ctx, hogsend.Wait{Event: "invoice.refunded", Timeout: 14 * hogsend.Day, Label: "refund"})
	return err
}

func ExampleRun_WaitForEvent() {
	play(only(waitsTwice), func(ada *hogsendtest.Contact) {
		ada.At(0, "go")
		ada.At(time.Hour, "invoice.paid", hogsend.Properties{"total": 5})
		ada.At(2*time.Hour, "invoice.paid", hogsend.Properties{"total": 50})
		ada.At(3*hogsend.Day, "invoice.refunded")
	})
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s wait_started payment until +1d
	// +1h event invoice.paid
	// +2h event invoice.paid
	// +2h wait_ended payment event
	// +2h wait_started refund until +14d 2h
	// +3d event invoice.refunded
	// +3d wait_ended refund event
	// +3d completed
}

func takesTheFirst(ctx workflow.Context, run hogsend.Run) error {
	first, err := run.WaitForAny(ctx, hogsend.AnyOf{
		Waits:   []hogsend.Wait{{Event: "trial.converted"}, {Event: "trial.canceled"}},
		Timeout: 14 * hogsend.Day,
	})
	if err != nil {
		return err
	}
	switch first.Index {
	case 0:
		return run.Checkpoint(ctx, "converted")
	case 1:
		return run.Checkpoint(ctx, "canceled")
	}
	return run.Checkpoint(ctx, "undecided") // hogsend.TimedOut
}

func ExampleRun_WaitForAny() {
	play(only(takesTheFirst), func(ada *hogsendtest.Contact) {
		ada.At(0, "go")
		ada.At(hogsend.Day, "trial.canceled")
	})
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s wait_started wait-any until +14d
	// +1d event trial.canceled
	// +1d wait_ended wait-any event
	// +1d node canceled
	// +1d completed
}

func summarizes(ctx workflow.Context, run hogsend.Run) error {
	collected, err := run.Digest(ctx, hogsend.Digest{Window: time.Hour})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprintf("%d comments", collected.Total))
}

// One mail for what happens within an hour, the event that started it included.
func ExampleRun_Digest() {
	play(only(summarizes), func(ada *hogsendtest.Contact) {
		ada.At(0, "go")
		ada.At(10*time.Minute, "go")
		ada.At(50*time.Minute, "go")
	})
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s wait_started digest:go until +1h
	// +10m event go
	// +50m event go
	// +1h wait_ended digest:go timeout
	// +1h digest digest:go
	// +1h node 3 comments
	// +1h completed
}

func writesTwice(ctx workflow.Context, run hogsend.Run) error {
	for _, template := range []string{"first", "second"} {
		verdict, err := run.Send(ctx, hogsend.Email{Template: template})
		if err != nil {
			return err
		}
		if !verdict.Sent() {
			return run.Exit(ctx, verdict.Reason)
		}
	}
	return nil
}

// A mail that must not go is a verdict and no error.
func ExampleRun_Send() {
	registry := only(writesTwice, "first", "second")
	registry.Defaults.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hogsend.Day}
	play(registry, func(ada *hogsendtest.Contact) { ada.At(0, "go") })
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s sent send:first
	// +0s send_gated send:second frequency_capped
	// +0s exited frequency_capped
}

// A mail outside of the send window goes when it opens: at eight in Berlin.
func ExampleDefer() {
	registry := only(greet, "welcome", "nudge")
	registry.Defaults = hogsend.Defaults{SendWindow: hogsend.Window{Start: "8:00", End: "10:00"}, OnBlocked: hogsend.Defer}
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	s.Contact(ada()).At(0, "go") // at eleven in Berlin
	for _, mail := range s.Run().Mailbox {
		fmt.Println(mail.Template, mail.At)
	}
	// Output:
	// welcome 2026-01-06 07:00:00 +0000 UTC
	// nudge 2026-01-08 07:00:00 +0000 UTC
}

// A mail that failed for good; the journey decides what becomes of the enrollment.
func ExampleSendError() {
	registry := only(toleratesFailures, "welcome")
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	s.Contact(ada()).At(0, "go")
	s.OnSend("welcome").Return(hogsendtest.Refused("mailbox does not exist"))
	fmt.Print(s.Run().Timeline("ada"))
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s send_failed send:welcome mailbox does not exist
	// +0s node permanent: mailbox does not exist
	// +0s completed
}

func toleratesFailures(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "welcome"})
	var failed *hogsend.SendError
	if errors.As(err, &failed) {
		return run.Checkpoint(ctx, string(failed.Kind)+": "+failed.Reason)
	}
	return err
}

func waitsWithoutEnd(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "invoice.paid"})
	return err
}

// A call that can never succeed fails the journey that returns its error.
func ExampleValidationError() {
	s := hogsendtest.New(hogsendtest.InExample(), only(waitsWithoutEnd))
	s.Fails("example") // without it the script would not be clean
	s.Contact(ada()).At(0, "go")
	fmt.Print(s.Run().Timeline("ada"))
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s failed timeout: Timeout or Until is required; hogsend.Forever waits without a deadline
}

func keepsACoupon(ctx workflow.Context, run hogsend.Run) error {
	var coupon string
	if err := run.Once(ctx, "coupon", &coupon, func() (any, error) { return "SPRING-7", nil }); err != nil {
		return err
	}
	return run.Checkpoint(ctx, coupon)
}

// A value that is made once and stays, whatever the code makes of it later.
func ExampleRun_Once() {
	s := hogsendtest.New(hogsendtest.InExample(), only(keepsACoupon))
	s.Contact(ada()).At(0, "go")
	fmt.Println(s.Run().Enrollment("ada", "example").Nodes)
	// Output: [start SPRING-7]
}

func triesAnArm(ctx workflow.Context, run hogsend.Run) error {
	arm, err := run.Variant(ctx, "subject", hogsend.Arm{Name: "plain", Weight: 1}, hogsend.Arm{Name: "bold", Weight: 1})
	if err != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: arm})
	return err
}

// In a test the script names the arm; in production the contact's id decides.
func ExampleRun_Variant() {
	s := hogsendtest.New(hogsendtest.InExample(), only(triesAnArm, "plain", "bold"))
	s.Contact(ada()).At(0, "go")
	s.Variant("ada", "subject", "bold")
	got := s.Run()
	fmt.Println(got.Mailbox.Templates("ada"), got.Enrollment("ada", "example").Variants)
	// Output: [bold] map[subject:bold]
}

func remembers(ctx workflow.Context, run hogsend.Run) error {
	logins, err := run.History().Event(ctx, "login", 7*hogsend.Day)
	if err != nil {
		return err
	}
	mails, err := run.History().Email(ctx, "welcome")
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprintf("%d logins, welcomed: %t", logins.Count, mails.Sent))
}

func ExampleRun_History() {
	play(only(remembers, "welcome"), func(ada *hogsendtest.Contact) {
		ada.At(0, "login")
		ada.At(8*hogsend.Day, "login")
		ada.At(9*hogsend.Day, "login")
		ada.At(9*hogsend.Day, "go")
	})
	// Output:
	// +0s event login
	// +8d event login
	// +9d event login
	// +9d event go
	// +9d enrolled example
	// +9d node 2 logins, welcomed: false
	// +9d completed
}

func asksFirst(ctx workflow.Context, run hogsend.Run) error {
	big, err := run.Matches(ctx, hogsend.All(
		hogsend.Prop("seats").Gte(10), hogsend.Event("invited").Within(30*hogsend.Day).AtLeast(2),
	))
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("a growing team: ", big))
}

func ExampleRun_Matches() {
	play(only(asksFirst), func(ada *hogsendtest.Contact) {
		ada.Changes(0, hogsend.Properties{"seats": 12})
		ada.At(hogsend.Day, "invited")
		ada.At(2*hogsend.Day, "invited")
		ada.At(3*hogsend.Day, "go")
	})
	// Output:
	// +1d event invited
	// +2d event invited
	// +3d event go
	// +3d enrolled example
	// +3d node a growing team: true
	// +3d completed
}

func sparesTheIdle(ctx workflow.Context, run hogsend.Run) error {
	idle, err := run.InBucket(ctx, "idle")
	if err != nil {
		return err
	}
	if idle {
		return run.Exit(ctx, "idle")
	}
	return run.Checkpoint(ctx, "active")
}

func ExampleRun_InBucket() {
	registry := only(sparesTheIdle)
	registry.Buckets = []hogsend.Bucket{{
		ID: "idle", Name: "Idle", Criteria: hogsend.Event("seen").Within(7 * hogsend.Day).NotExists(),
	}}
	play(registry, func(ada *hogsendtest.Contact) {
		ada.At(0, "seen")
		ada.At(hogsend.Day, "go")
		ada.At(8*hogsend.Day, "go")
	})
	// Output:
	// +0s event seen
	// +1d event go
	// +1d example enrolled example
	// +1d example node active
	// +1d example completed
	// +7d 1µs entered idle
	// +8d event go
	// +8d example#2 enrolled example#2
	// +8d example#2 exited idle
}

func handsOver(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Identify(ctx, hogsend.Properties{"stage": "customer", "lead": nil}); err != nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "customer.won", Properties: hogsend.Properties{"by": run.Enrollment().JourneyID}})
}

// What a journey writes and stores is seen by everything that listens.
func ExampleRun_Trigger() {
	s := hogsendtest.New(hogsendtest.InExample(), only(handsOver))
	person := s.Contact(ada())
	person.Changes(0, hogsend.Properties{"lead": true})
	person.At(time.Hour, "go")
	got := s.Run()
	fmt.Println(got.Contact("ada").Properties, got.EventsOf("ada"))
	// Output: map[stage:customer] [go customer.won journey:completed]
}

func waitsForMonday(ctx workflow.Context, run hogsend.Run) error {
	monday, err := run.When(ctx).Next(time.Monday).At("9:00")
	if err != nil {
		return err
	}
	return run.SleepUntil(ctx, monday, "until monday")
}

// Ada lives in Berlin, where nine o'clock is eight in UTC.
func ExampleRun_When() {
	s := hogsendtest.New(hogsendtest.InExample(), only(waitsForMonday))
	s.Contact(ada()).At(0, "go")
	got := s.Run()
	fmt.Println(got.Start)
	fmt.Println(got.Enrollment("ada", "example").EndedAt)
	// Output:
	// 2026-01-05 10:00:00 +0000 UTC
	// 2026-01-12 08:00:00 +0000 UTC
}

type couponInput struct {
	Percent int `json:"percent"`
}

// createCoupon stands for a call of a billing system, which is given the step's key so
// that it makes one coupon however often it is asked.
func createCoupon(ctx context.Context, in couponInput) (string, error) {
	step := hogsend.StepOf(ctx)
	if in.Percent > 50 {
		return "", hogsend.Final(errors.New("too much")) // trying again would not help
	}
	return fmt.Sprintf("TAKE%d-%d", in.Percent, len(step.Key)), nil
}

func givesACoupon(ctx workflow.Context, run hogsend.Run) error {
	var code string
	err := run.Do(ctx, hogsend.Call{Activity: "CreateCoupon", Input: couponInput{Percent: 20}, Timeout: 10 * time.Second}, &code)
	var failed *hogsend.CallError
	if errors.As(err, &failed) {
		return run.Checkpoint(ctx, "no coupon: "+failed.Reason)
	}
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, code)
}

// The program has the activity in its Options; a script has it or stands in for it.
func ExampleRun_Do() {
	s := hogsendtest.New(hogsendtest.InExample(), only(givesACoupon))
	s.Activity("CreateCoupon", createCoupon)
	s.Contact(ada()).At(0, "go")
	fmt.Print(s.Run().Timeline("ada"))
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s called CreateCoupon
	// +0s node TAKE20-54
	// +0s completed
}

// The manager hears of what the member of the team did.
func asksTheManager(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "approve", To: hogsend.Recipient{Property: "managerId"}})
	return err
}

func ExampleRecipient() {
	s := hogsendtest.New(hogsendtest.InExample(), hogsend.Registry{
		Journeys: []hogsend.Journey{{ID: "approval", Name: "Approval", Trigger: hogsend.On("plan.requested"), EntryLimit: hogsend.Unlimited, Run: asksTheManager}},
		Templates: []hogsend.Template{{
			Key: "approve", Subject: "{{.About.Properties.firstName}} asks for a plan", HTML: "<p>Hello {{.Name}}, will you approve it?</p>",
		}},
	})
	s.Contact(hogsendtest.Person{UserID: "grace", Email: "grace@example.com", Properties: hogsend.Properties{"firstName": "Grace"}})
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Properties: hogsend.Properties{"firstName": "Ada", "managerId": "grace"}})
	ada.At(0, "plan.requested")
	for _, mail := range s.Run().Mailbox {
		fmt.Println(mail.To, mail.Subject, mail.Text)
	}
	// Output: grace@example.com Ada asks for a plan Hello Grace, will you approve it?
}
