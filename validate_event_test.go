package hogsend_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// J-170: what names an event that is not declared, or a property that it never has, is
// refused at start, with its place and what was probably meant.
func TestUndeclaredEventsAreRefused(t *testing.T) {
	t.Parallel()
	paid := hogsend.EventType{Name: "invoice.paid", Properties: []hogsend.EventProperty{
		{Name: "invoiceId", Type: hogsend.StringProperty, Required: true},
		{Name: "total", Type: hogsend.NumberProperty},
		{Name: "tags", Type: hogsend.ListProperty},
		{Name: "due", Type: hogsend.DateProperty},
		{Name: "any"},
		{Name: "trial", Type: hogsend.BoolProperty},
	}}
	events := []hogsend.EventType{{Name: "user.created"}, paid}
	on := func(event string, where ...hogsend.Condition) hogsend.Registry {
		return hogsend.Registry{Events: events, Journeys: []hogsend.Journey{valid(func(j *hogsend.Journey) { j.Trigger = hogsend.On(event).Where(where...) })}}
	}
	with := func(change func(*hogsend.Journey)) hogsend.Registry {
		return hogsend.Registry{Events: events, Journeys: []hogsend.Journey{valid(change)}}
	}
	in := func(criteria hogsend.Condition) hogsend.Registry {
		return hogsend.Registry{Events: events, Buckets: []hogsend.Bucket{{ID: "b", Name: "B", Criteria: criteria}}}
	}
	declares := func(types ...hogsend.EventType) hogsend.Registry { return hogsend.Registry{Events: types} }
	for name, tt := range map[string]struct {
		registry hogsend.Registry
		want     string // "" means that it is valid
	}{
		"a declared trigger":         {on("invoice.paid"), ""},
		"another":                    {on("invoce.paid"), `journey welcome: Trigger.Event: "invoce.paid" is not among Registry.Events, did you mean "invoice.paid"?`},
		"nothing declared":           {hogsend.Registry{Journeys: []hogsend.Journey{valid(func(*hogsend.Journey) {})}}, ""},
		"an event of hogsend's own":  {on("journey:completed"), ""},
		"an exit":                    {with(func(j *hogsend.Journey) { j.ExitOn = []hogsend.Exit{{Event: "invoice.payed"}} }), `journey welcome: ExitOn.0.Event: "invoice.payed" is not among Registry.Events, did you mean "invoice.paid"?`},
		"an audience":                {with(func(j *hogsend.Journey) { j.Audience = hogsend.Not(hogsend.Event("invoice.pai").Exists()) }), `journey welcome: Audience: "invoice.pai" is not among Registry.Events, did you mean "invoice.paid"?`},
		"criteria":                   {in(hogsend.All(hogsend.Event("invoice.paid").Exists(), hogsend.Event("login").Within(hogsend.Day).NotExists())), `bucket b: Criteria: "login" is not among Registry.Events`},
		"criteria that are declared": {in(hogsend.Event("invoice.paid").Where(hogsend.Prop("total").Gt(5)).Sum("total").Gte(100)), ""},
		"an exit of a reaction":      {hogsend.Registry{Events: events, Buckets: []hogsend.Bucket{{ID: "b", Name: "B", Criteria: hogsend.Prop("p").Exists(), Reactions: []hogsend.Reaction{{Kind: hogsend.ReactionEnter, Run: journeyFunc, ExitOn: []hogsend.Exit{{Event: "paid"}}}}}}}, `"paid" is not among Registry.Events`},
		"a condition":                {on("invoice.paid", hogsend.Any(hogsend.Prop("any").Eq(1), hogsend.Prop("totl").Gt(1))), `journey welcome: Trigger.Where: invoice.paid is declared without the property "totl", did you mean "total"?`},
		"of an event that says none": {on("user.created", hogsend.Prop("whatever").Gt(1)), ""},
		"a comparison of its type":   {on("invoice.paid", hogsend.Prop("total").Gte(1), hogsend.Prop("tags").Contains("a"), hogsend.Prop("trial").Eq(true), hogsend.Prop("due").Exists(), hogsend.Prop("any").Lt(1), hogsend.Prop("total").Neq("a")), ""},
		"a number of text":           {on("invoice.paid", hogsend.Prop("invoiceId").Gt(5)), "journey welcome: Trigger.Where: invoiceId is declared as string: gt never holds"},
		"text of a number":           {on("invoice.paid", hogsend.Not(hogsend.Prop("total").Eq("5"))), "journey welcome: Trigger.Where: total is declared as number: eq never holds"},
		"a part of a number":         {on("invoice.paid", hogsend.Prop("total").Contains(5)), "total is declared as number: contains never holds"},
		"a key":                      {with(func(j *hogsend.Journey) { j.Trigger, j.Key = hogsend.On("invoice.paid"), "invoiceId" }), ""},
		"a key that it never has":    {with(func(j *hogsend.Journey) { j.Trigger, j.Key = hogsend.On("invoice.paid"), "invoice" }), `journey welcome: Key: invoice.paid is declared without the property "invoice"`},
		"like the trigger": {with(func(j *hogsend.Journey) {
			j.ExitOn = []hogsend.Exit{{Event: "invoice.paid", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoiceID")}}}
		}), `journey welcome: ExitOn.0.Where: invoice.paid is declared without the property "invoiceID", did you mean "invoiceId"?`},
		"the trigger's side": {with(func(j *hogsend.Journey) {
			j.Trigger = hogsend.On("invoice.paid")
			j.ExitOn = []hogsend.Exit{{Event: "user.created", Where: []hogsend.Condition{hogsend.SameAsTrigger("id", "invoiceid")}}}
		}), `journey welcome: ExitOn.0.Where: invoice.paid is declared without the property "invoiceid", did you mean "invoiceId"?`},
		"a sum of text":               {in(hogsend.Event("invoice.paid").Sum("invoiceId").Gt(5)), "bucket b: Criteria: invoiceId is declared as string: its sum is always 0"},
		"a distinct of what is not":   {in(hogsend.Event("invoice.paid").Distinct("sku").Gt(5)), `bucket b: Criteria: invoice.paid is declared without the property "sku"`},
		"a condition within criteria": {in(hogsend.Event("invoice.paid").Where(hogsend.Prop("Total").Gt(5)).Exists()), `bucket b: Criteria: invoice.paid is declared without the property "Total", did you mean "total"?`},
		"no name":                     {declares(hogsend.EventType{}), `event "": Name: must have 1 to 200 characters`},
		"a long name":                 {declares(hogsend.EventType{Name: strings.Repeat("x", 201)}), "Name: must have 1 to 200 characters"},
		"a reserved name":             {declares(hogsend.EventType{Name: "email.opened"}), `event "email.opened": Name: is an event of hogsend's own`},
		"twice":                       {declares(hogsend.EventType{Name: "a"}, hogsend.EventType{Name: "a"}), `event "a": Name: is declared twice`},
		"a property without a name":   {declares(hogsend.EventType{Name: "a", Properties: []hogsend.EventProperty{{}}}), `event "a": Properties.0.Name: must have 1 to 200 characters`},
		"a property twice":            {declares(hogsend.EventType{Name: "a", Properties: []hogsend.EventProperty{{Name: "p"}, {Name: "p"}}}), `event "a": Properties.1.Name: "p" is declared twice`},
		"a type that is none":         {declares(hogsend.EventType{Name: "a", Properties: []hogsend.EventProperty{{Name: "p", Type: "int"}}}), `event "a": Properties.0.Type: must be string, number, bool, date, list or object`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.registry.Validate(); tt.want != "" {
				require.ErrorContains(t, err, tt.want)
			} else {
				require.NoError(t, err)
			}
		})
	}
}
