package hogsendtest

import (
	"encoding/json"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/email"
)

// Rendered is the content of a mail.
type Rendered struct {
	Subject, HTML, Text string
	// Preview is the line beside the subject; "" if the template has none.
	Preview string
}

// Render renders a template of a registry as a send to the contact would, with props of
// the template's type or nil for its zero value: for tests that keep what a mail looks
// like. What a send would refuse fails the test. Links are those of https://example.com.
func Render(t T, registry hogsend.Registry, template string, props any, contact hogsend.Contact) Rendered {
	t.Helper()
	failed := func(err error) {
		t.Helper()
		if err != nil {
			t.Errorf("hogsendtest: render %s: %s", template, err)
			t.FailNow()
		}
	}
	renderer, err := email.Compile(registry)
	failed(err)
	in := email.Input{Contact: contact, PublicURL: backend.PublicURL}
	if props != nil {
		in.Props, err = json.Marshal(props)
		failed(err)
	}
	got, err := renderer.Render(template, in)
	failed(err)
	return Rendered{Subject: got.Subject, HTML: got.HTML, Text: got.Text, Preview: got.Preview}
}
