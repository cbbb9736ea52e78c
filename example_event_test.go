package hogsend_test

import (
	"fmt"

	"github.com/hogsend/hogsend"
)

// Events that are declared cannot be misspelt: not where a journey or a bucket names them,
// and not in what it asks of their properties.
func ExampleEventType() {
	registry := hogsend.Registry{
		Events: []hogsend.EventType{
			{Name: "invoice.failed", Properties: []hogsend.EventProperty{{Name: "invoiceId", Type: hogsend.StringProperty, Required: true}, {Name: "total", Type: hogsend.NumberProperty}}},
			{Name: "invoice.paid"}, // whatever properties it has
		},
		Journeys: []hogsend.Journey{{
			ID: "dunning", Name: "Dunning", EntryLimit: hogsend.Unlimited, Run: greet, Key: "invoiceId",
			Trigger: hogsend.On("invoice.failed").Where(hogsend.Prop("amount").Gt(5)),
			ExitOn:  []hogsend.Exit{{Event: "invoice.payed"}},
		}},
	}
	fmt.Println(registry.Validate())
	// Output:
	// journey dunning: ExitOn.0.Event: "invoice.payed" is not among Registry.Events, did you mean "invoice.paid"?
	// journey dunning: Trigger.Where: invoice.failed is declared without the property "amount"
}
