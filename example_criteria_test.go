package hogsend_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// check prints what is wrong with criteria.
func check(criteria ...hogsend.Condition) {
	for _, tree := range criteria {
		b := hogsend.Bucket{ID: "b", Name: "Bucket", Criteria: tree}
		fmt.Println(hogsend.Registry{Buckets: []hogsend.Bucket{b}, Templates: []hogsend.Template{{Key: "welcome"}}}.Validate())
	}
}

// Contacts that were active once and not for a week. They get a mail when they fall
// asleep, and another one for every thirty days that they sleep on.
func ExampleBucket() {
	active := hogsend.Event("app.active")
	dormant := hogsend.Bucket{
		ID: "dormant", Name: "Dormant",
		Criteria: hogsend.All(active.Exists(), active.Within(7*hogsend.Day).NotExists()),
		Reactions: []hogsend.Reaction{
			hogsend.OnEnter(greet, hogsend.FirstEntryOnly()),
			hogsend.OnDwell(hogsend.Every(30*hogsend.Day), greet),
		},
	}
	fmt.Println(hogsend.Registry{Buckets: []hogsend.Bucket{dormant}}.Validate())
	fmt.Println(dormant.Entered(), dormant.Left())
	for _, r := range dormant.Reactions {
		fmt.Println(r.JourneyID(dormant.ID))
	}
	// Output:
	// <nil>
	// bucket:entered:dormant bucket:left:dormant
	// bucket-dormant-on-enter
	// bucket-dormant-on-dwell-every-2592000000
}

func farewell(ctx workflow.Context, run hogsend.Run) error {
	m := run.Membership()
	return run.Checkpoint(ctx, fmt.Sprintf("left %s, membership %d, by %s", m.BucketID, m.EntryCount, m.Reason))
}

// A reaction knows of the membership that it is about.
func ExampleOnLeave() {
	vip := hogsend.Bucket{
		ID: "vip", Name: "Important customers", Criteria: hogsend.Prop("plan").Eq("pro"),
		Reactions: []hogsend.Reaction{hogsend.OnLeave(farewell, hogsend.Reasons(hogsend.LeftByCriteria))},
	}
	play(hogsend.Registry{Buckets: []hogsend.Bucket{vip}}, func(ada *hogsendtest.Contact) {
		ada.Enters(0, "vip")
		ada.Leaves(time.Hour, "vip")
		ada.Enters(2*time.Hour, "vip")
		ada.Leaves(3*time.Hour, "vip")
	})
	// Output:
	// +0s entered vip
	// +1h left vip
	// +1h bucket-vip-on-leave enrolled bucket-vip-on-leave
	// +1h bucket-vip-on-leave node left vip, membership 1, by criteria
	// +1h bucket-vip-on-leave completed
	// +2h entered vip
	// +3h left vip
	// +3h bucket-vip-on-leave#2 enrolled bucket-vip-on-leave#2
	// +3h bucket-vip-on-leave#2 node left vip, membership 2, by criteria
	// +3h bucket-vip-on-leave#2 completed
}

// A value has a type, and "5" is not 5.
func ExampleProp() {
	check(
		hogsend.Prop("plan").Eq("pro"),
		hogsend.Prop("seats").Gte(5),
		hogsend.Prop("seats").Gte("5"),
		hogsend.Prop("email").Contains("@example."),
	)
	// Output:
	// <nil>
	// <nil>
	// bucket b: criteria.value: must be a number
	// <nil>
}

func ExampleEvent() {
	order := hogsend.Event("order.completed")
	check(
		order.Exists(),
		order.AtLeast(3),
		order.Within(30*hogsend.Day).MoreThan(1),
		order.Within(0).Exists(),
	)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// bucket b: criteria.within: must be from 1 ms to 3650 days, in whole milliseconds
}

// Where looks into the events; Sum and Distinct make one number of them.
func ExampleEventHistory_Where() {
	order := hogsend.Event("order.completed")
	check(
		order.Where(hogsend.Prop("total").Gt(100)).Within(30*hogsend.Day).AtLeast(2),
		order.Within(30*hogsend.Day).Sum("total").Gte(500),
		order.Distinct("sku").Gt(3),
		order.Where(order.Exists()).Exists(),
	)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// bucket b: criteria.where.0: is not a condition on a property
}

// An absence alone is enough: it asks for somebody who did it before.
func ExampleEventHistory_Within() {
	active := hogsend.Event("app.active")
	check(
		active.Within(7*hogsend.Day).NotExists(), // did it, and not for a week
		active.NotExists(),                       // never did it, as nearly everybody
	)
	// Output:
	// <nil>
	// bucket b: criteria: criteria need at least one positive condition
}

func ExampleEmailEngagement() {
	check(
		hogsend.EmailEngagement("welcome").Clicked(),
		hogsend.All(hogsend.Event("user.created").Exists(), hogsend.EmailEngagement("welcome").NotOpened()),
		hogsend.EmailEngagement("welcom").Opened(),
	)
	// Output:
	// <nil>
	// <nil>
	// bucket b: criteria.templateKey: there is no template "welcom"
}

func ExampleAll() {
	order := hogsend.Event("order.completed")
	check(hogsend.All(
		order.Within(90*hogsend.Day).AtLeast(2),
		hogsend.Any(hogsend.Prop("country").Eq("DE"), hogsend.Prop("country").Eq("AT")),
		hogsend.Not(hogsend.Prop("plan").Eq("internal")),
	))
	// Output: <nil>
}

// Criteria that hold for somebody who never did anything are refused.
func ExampleNot() {
	active := hogsend.Event("app.active")
	check(
		hogsend.All(active.Exists(), hogsend.Not(active.Within(7*hogsend.Day).Exists())),
		hogsend.Not(active.Exists()),
	)
	// Output:
	// <nil>
	// bucket b: criteria: criteria need at least one positive condition
}

func remind(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Checkpoint(ctx, "about "+run.Enrollment().Key); err != nil {
		return err
	}
	return run.Sleep(ctx, 3*hogsend.Day)
}

// Two unpaid invoices are two enrollments, and the payment of one ends only its own.
func ExampleSameAsTrigger() {
	r := only(remind)
	r.Journeys[0].Key = "invoiceId"
	r.Journeys[0].ExitOn = []hogsend.Exit{{Event: "paid", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoiceId")}}}
	got := play(r, func(ada *hogsendtest.Contact) {
		ada.At(0, "go", hogsend.Properties{"invoiceId": "I-1"})
		ada.At(time.Hour, "go", hogsend.Properties{"invoiceId": "I-2"})
		ada.At(hogsend.Day, "paid", hogsend.Properties{"invoiceId": "I-1"})
	})
	for _, e := range got.Enrollments {
		fmt.Println(e.Key, e.Status)
	}
	// Output:
	// +0s event go
	// +0s example enrolled example
	// +0s example node about I-1
	// +0s example wait_started wait:72h until +3d
	// +1h event go
	// +1h example#2 enrolled example#2
	// +1h example#2 node about I-2
	// +1h example#2 wait_started wait:72h until +3d 1h
	// +1d event paid
	// +1d example exited event:paid
	// +3d 1h example#2 wait_ended wait:72h timeout
	// +3d 1h example#2 completed
	// I-1 exited
	// I-2 completed
}

// Who is not in the audience is passed over, and may enter later all the same.
func ExampleJourney_audience() {
	r := only(greet, "welcome", "nudge")
	r.Journeys[0].EntryLimit = hogsend.Once
	r.Journeys[0].Audience = hogsend.Prop("plan").Eq("pro")
	got := play(r, func(ada *hogsendtest.Contact) {
		ada.At(0, "go")
		ada.Changes(hogsend.Day, hogsend.Properties{"plan": "pro"})
		ada.At(2*hogsend.Day, "go")
	})
	fmt.Println(got.DecisionsOf("ada"))
	// Output:
	// +0s event go
	// +2d event go
	// +2d enrolled example
	// +2d sent send:welcome
	// +2d wait_started wait-event:feature.used until +4d
	// +4d wait_ended wait-event:feature.used timeout
	// +4d sent send:nudge
	// +4d completed
	// [example: not_in_audience example: enrolled]
}

// Who renews within three days, by a date among their properties: they enter as it comes
// near, whatever they do, and leave when it comes. A day begins at midnight where they are.
func ExampleProperty_InNext() {
	renewsAt := hogsend.Prop("renewsAt")
	soon := hogsend.Bucket{ID: "soon", Name: "Renews soon", Criteria: renewsAt.InNext(3 * hogsend.Day)}
	late := hogsend.Bucket{ID: "late", Name: "Renewed lately", Criteria: hogsend.All(renewsAt.InLast(hogsend.Day), renewsAt.Before(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)))}
	s := hogsendtest.New(hogsendtest.InExample(), hogsend.Registry{Buckets: []hogsend.Bucket{soon, late}}) // Monday, January 5th, 10:00
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Timezone: "America/New_York"})
	ada.Changes(0, hogsend.Properties{"renewsAt": "2026-01-10"})
	s.Until(7 * hogsend.Day)
	fmt.Print(s.Run().Timeline("ada"))
	// Output:
	// +1d 19h entered soon
	// +4d 19h left soon
	// +4d 19h entered late
	// +5d 19h 1µs left late
}
