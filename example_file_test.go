package hogsend_test

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// The history of the journey holds the id of the invoice, never its content.
func mailsTheInvoice(ctx workflow.Context, run hogsend.Run) error {
	id, _ := run.Event().Properties.String("invoice")
	_, err := run.Send(ctx, hogsend.Email{Template: "invoice", Attach: []hogsend.Attachment{{Source: "invoices", Ref: id, Name: "invoice.pdf"}}})
	return err
}

// A plain text mail with a file that is fetched when it is sent.
func ExampleAttachment() {
	fetch := func(context.Context, string) (hogsend.File, error) { return hogsend.File{}, hogsend.ErrNoFile } // your store
	s := hogsendtest.New(hogsendtest.InExample(), hogsend.Registry{
		Journeys:  []hogsend.Journey{{ID: "invoices", Name: "Invoices", Trigger: hogsend.On("invoice.made"), EntryLimit: hogsend.Unlimited, Run: mailsTheInvoice}},
		Templates: []hogsend.Template{{Key: "invoice", Subject: "Your invoice", Text: "Hello {{.Name}}, it is attached.", Category: "transactional"}},
		Files:     map[string]hogsend.FileSource{"invoices": fetch},
	})
	s.Files("invoices", func(_ context.Context, ref string) (hogsend.File, error) {
		return hogsend.File{Name: ref, Content: []byte("%PDF")}, nil
	})
	ada := s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"})
	ada.At(0, "invoice.made", hogsend.Properties{"invoice": "in_1"})
	for _, mail := range s.Run().Mailbox {
		fmt.Print(mail.Text)
		fmt.Println(mail.Files[0].Name, len(mail.Files[0].Content), mail.HTML == "")
	}
	// Output:
	// Hello ada, it is attached.
	// invoice.pdf 4 true
}
