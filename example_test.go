package hogsend_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// ada is the contact of the examples. She lives in Berlin.
func ada() hogsendtest.Person {
	return hogsendtest.Person{UserID: "ada", Email: "ada@example.com", Timezone: "Europe/Berlin"}
}

// only is a registry with one journey, which every event "go" starts, and some templates.
func only(run hogsend.JourneyFunc, templates ...string) hogsend.Registry {
	r := hogsend.Registry{Journeys: []hogsend.Journey{{
		ID: "example", Name: "Example", Trigger: hogsend.On("go"), EntryLimit: hogsend.Unlimited, Run: run,
	}}}
	for _, key := range templates {
		r.Templates = append(r.Templates, hogsend.Template{Key: key, Subject: key, HTML: "<p>" + key + "</p>"})
	}
	return r
}

// play lets things happen to Ada and prints what became of it, in virtual time.
func play(registry hogsend.Registry, script func(*hogsendtest.Contact)) *hogsendtest.Result {
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	script(s.Contact(ada()))
	got := s.Run()
	fmt.Print(got.Timeline("ada"))
	return got
}

// greet mails at once and nudges who did not try the product within two days.
func greet(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "welcome"}); err != nil {
		return err
	}
	used, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day})
	if err != nil || used != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: "nudge"})
	return err
}

func Example() {
	registry := hogsend.Registry{
		Journeys: []hogsend.Journey{{
			ID: "welcome", Name: "Welcome",
			Trigger:    hogsend.On("user.created"),
			EntryLimit: hogsend.Once,
			ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
			Run:        greet,
		}},
		Templates: []hogsend.Template{
			{Key: "welcome", Subject: "Hello, {{.Name}}", HTML: "<p>Good to have you here.</p>"},
			{Key: "nudge", Subject: "Still there?", HTML: "<p>It takes a minute.</p>"},
		},
	}
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	s.Contact(ada()).At(0, "user.created", hogsend.Properties{"firstName": "Ada"})
	got := s.Run()
	fmt.Print(got.Timeline("ada"))
	// Output:
	// +0s event user.created
	// +0s enrolled welcome
	// +0s sent send:welcome
	// +0s wait_started wait-event:feature.used until +2d
	// +2d wait_ended wait-event:feature.used timeout
	// +2d sent send:nudge
	// +2d completed
}

func ExampleJourney() {
	welcome := hogsend.Journey{
		ID: "welcome", Name: "Welcome",
		Trigger:    hogsend.On("user.created").Where(hogsend.Prop("plan").Neq("internal")),
		EntryLimit: hogsend.Once,
		ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
		Templates:  []string{"welcome", "nudge"},
		Run:        greet,
	}
	registry := hogsend.Registry{
		Journeys:  []hogsend.Journey{welcome},
		Templates: []hogsend.Template{{Key: "welcome", Subject: "Hello"}, {Key: "nudge", Subject: "Still there?"}},
	}
	fmt.Println(registry.Validate())
	// Output: <nil>
}

// Everything that is wrong is told at once, by journey and field.
func ExampleRegistry_Validate() {
	err := hogsend.Registry{
		Journeys: []hogsend.Journey{{
			ID: "win-back", Name: "Win back",
			Trigger:     hogsend.On("journey:complete").Where(hogsend.Prop("orders").Gte("3")),
			EntryLimit:  hogsend.Once,
			EntryPeriod: 30 * hogsend.Day,
			Templates:   []string{"win-bak"},
			Run:         greet,
		}},
		Templates: []hogsend.Template{{Key: "win-back"}},
	}.Validate()
	fmt.Println(err)
	// Output:
	// journey win-back: EntryPeriod: must be positive and goes with OncePerPeriod only
	// journey win-back: Templates.0: there is no template "win-bak", did you mean "win-back"?
	// journey win-back: Trigger.Event: there is no event "journey:complete", did you mean "journey:completed"?
	// journey win-back: Trigger.Where.0.value: must be a number
}

// The trigger that was narrowed stays as it was.
func ExampleTrigger_Where() {
	paid := hogsend.On("order.paid")
	large := paid.Where(
		hogsend.Prop("total").Gte(100),
		hogsend.Any(hogsend.Prop("country").Eq("DE"), hogsend.Prop("coupon").NotExists()),
	)
	fmt.Println(len(paid.Conditions), len(large.Conditions))
	// Output: 0 2
}

// The instant is on the contact's clock, and moves with the property.
func ExampleOnDate() {
	registry := only(greet, "welcome", "nudge")
	registry.Journeys[0].Trigger = hogsend.OnDate("renewsAt").Before(7 * hogsend.Day).At("9:00")
	play(registry, func(ada *hogsendtest.Contact) {
		ada.Changes(0, hogsend.Properties{"renewsAt": "2026-02-01"})
		ada.Changes(hogsend.Day, hogsend.Properties{"renewsAt": "2026-01-15"}) // seven days before is Thursday the 8th
	})
	// Output:
	// +2d 22h event hogsend:date:example
	// +2d 22h enrolled example
	// +2d 22h sent send:welcome
	// +2d 22h wait_started wait-event:feature.used until +4d 22h
	// +4d 22h wait_ended wait-event:feature.used timeout
	// +4d 22h sent send:nudge
	// +4d 22h completed
}

// An event of the contact ends the enrollment wherever it stands.
func ExampleExit() {
	registry := only(greet, "welcome", "nudge")
	registry.Journeys[0].ExitOn = []hogsend.Exit{{Event: "plan.changed", Where: []hogsend.Condition{hogsend.Prop("plan").Eq("pro")}}}
	play(registry, func(ada *hogsendtest.Contact) {
		ada.At(0, "go")
		ada.At(time.Hour, "plan.changed", hogsend.Properties{"plan": "basic"})
		ada.At(2*time.Hour, "plan.changed", hogsend.Properties{"plan": "pro"})
	})
	// Output:
	// +0s event go
	// +0s enrolled example
	// +0s sent send:welcome
	// +0s wait_started wait-event:feature.used until +2d
	// +1h event plan.changed
	// +2h event plan.changed
	// +2h exited event:plan.changed
}

// Why somebody did not enter is in the decisions.
func ExampleEntryLimit() {
	registry := only(greet, "welcome", "nudge")
	registry.Journeys[0].EntryLimit, registry.Journeys[0].EntryPeriod = hogsend.OncePerPeriod, 7*hogsend.Day
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	person := s.Contact(ada())
	person.At(0, "go")
	person.At(hogsend.Day, "go") // the first enrollment lasts for two days
	person.At(3*hogsend.Day, "go")
	person.At(7*hogsend.Day, "go")
	for _, decision := range s.Run().DecisionsOf("ada") {
		fmt.Println(decision)
	}
	// Output:
	// example: enrolled
	// example: already_active
	// example: period_not_elapsed
	// example: enrolled
}

// Every Monday at nine, for each contact that is in the bucket then.
func ExampleOnSchedule() {
	readers := hogsend.Bucket{ID: "readers", Name: "Readers", Criteria: hogsend.Event("article.read").Exists()}
	mondays := hogsend.Weekly(time.Monday, "9:00").TZ("Europe/Berlin")
	registry := only(greet, "welcome", "nudge")
	registry.Buckets = []hogsend.Bucket{readers}
	registry.Journeys[0].Trigger = hogsend.OnSchedule(mondays, readers)
	fmt.Println(registry.Journeys[0].Trigger.Event)
	fmt.Println(registry.Validate())
	// Output:
	// bucket:due:readers:weekly-monday-09:00-Europe/Berlin
	// <nil>
}

// A name is printed as it is in the subject, and made safe in HTML.
func ExampleTemplate() {
	type invoice struct{ Number, Total string }
	registry := only(bill)
	registry.Layout = `<main>{{template "content" .}}</main>`
	registry.Templates = []hogsend.Template{{
		Key: "invoice", Subject: "Invoice {{.Props.Number}} for {{.Name}}",
		HTML:     `<p>Dear {{.Name}}, please pay {{.Props.Total}}.</p>`,
		Text:     "Dear {{.Name}}, please pay {{.Props.Total}}.",
		Props:    invoice{},
		Examples: map[string]any{"usual": invoice{Number: "2026-17", Total: "€20"}},
	}}
	s := hogsendtest.New(hogsendtest.InExample(), registry)
	s.Contact(ada()).Does(0, hogsendtest.Event{Name: "go", ContactProperties: hogsend.Properties{"firstName": "Ada & Co"}})
	mail := s.Run().Mailbox[0]
	fmt.Println(mail.Subject)
	fmt.Print(mail.Text)
	fmt.Println(mail.Verdict.Status)
	// Output:
	// Invoice 2026-18 for Ada & Co
	// Dear Ada & Co, please pay €30.
	// sent
}

func bill(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "invoice", Props: struct{ Number, Total string }{"2026-18", "€30"}})
	return err
}
