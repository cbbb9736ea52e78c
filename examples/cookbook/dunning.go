package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// DunningProps are what the mails about an unpaid invoice say.
type DunningProps struct {
	Invoice string `json:"invoice"`
	Last    bool   `json:"last"`
}

// InvoiceUnpaid is the mail about an invoice.
var InvoiceUnpaid = hogsend.For[DunningProps](hogsend.Template{
	Key: "invoice-unpaid", Category: "transactional",
	Subject: "{{if .Props.Last}}Last reminder: {{end}}invoice {{.Props.Invoice}} is unpaid",
	HTML:    `<p>Hello {{.Name}}, the bank said no to your card.</p><mail-button href="https://example.com/invoices/{{.Props.Invoice}}">Try another card</mail-button>`,
})

// Dunning asks for the payment of one invoice: two failed invoices are two enrollments,
// and the payment of one ends only its own. It reaches also who unsubscribed.
var Dunning = hogsend.Journey{
	ID: "dunning", Name: "Dunning per invoice",
	Trigger:    hogsend.On("invoice.failed"),
	Key:        "invoiceId",
	EntryLimit: hogsend.Once,
	Category:   "transactional",
	ExitOn:     []hogsend.Exit{{Event: "invoice.paid", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoiceId")}}},
	Run:        dunning,
}

func dunning(ctx workflow.Context, run hogsend.Run) error {
	invoice := run.Enrollment().Key
	if _, err := run.Send(ctx, InvoiceUnpaid.With(DunningProps{Invoice: invoice})); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 3*hogsend.Day, "until-reminder"); err != nil {
		return err
	}
	if _, err := run.Send(ctx, InvoiceUnpaid.With(DunningProps{Invoice: invoice, Last: true})); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 4*hogsend.Day, "until-end"); err != nil {
		return err
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "invoice.abandoned", Properties: hogsend.Properties{"invoiceId": invoice}})
}
