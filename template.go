package hogsend

// Template is one kind of mail. Subject, Text and Preview are Go text/template, HTML is
// Go html/template; all see a [TemplateData]. They are parsed at start, and tried with
// the zero props and every example, so that a misspelt field is told there.
//
// The function local prints a time.Time, or a date of text as properties hold it
// ("2026-03-01", "2026-03-01T09:00:00Z"), in the recipient's time zone, by a layout of
// package time: {{local .Props.EndsAt "January 2, 15:04"}}. A day is that day in every zone;
// anything else is an error of the mail (S-43).
type Template struct {
	// Key is the stable name of small letters, digits and the signs - _ and /, at most 200
	// characters. Required.
	Key string
	// Subject is required. Rendered it is one line of at most 998 characters.
	Subject string
	// HTML is the body. A template with a Text and no HTML is a plain text mail, without layout,
	// preview line and tracking. With a layout it is what {{template "content" .}} prints there (E-85).
	HTML string
	// Text is the plain text part; "" makes it from the HTML.
	Text string
	// Layout is the HTML around this mail; "" means that of the registry, if it has one.
	Layout string
	// Preview is the line that mail programs show beside the subject; optional.
	Preview string
	// Props is the zero value of the props type, a struct; nil means that there are none.
	Props any
	// Category is what opt-outs and caps look at where neither the send nor the journey
	// names one.
	Category string
	// Track says what of these mails is tracked; "" means Defaults.Track.
	Track Tracking
	// Files are carried by each of these mails, such as an image that the HTML shows.
	Files []File
	// Examples are named props, tried at start and shown in previews.
	Examples map[string]any
	// Override says that this definition replaces an earlier one of the same key. Without
	// it two of one key are refused.
	Override bool
}

// TemplateData is what a template sees. HTML templates escape values for the place where
// they are printed; subjects and texts print them as they are.
type TemplateData struct {
	// Props are those of the send, of the template's props type.
	Props any
	// Contact is who gets the mail; of an address of the registry, it has nothing but that.
	Contact Contact
	// About is the contact of the enrollment, whom the mail is about. It is Contact, but for
	// mails to a [Recipient].
	About Contact
	// Name is the contact's property firstName, else its property name, else the part of the
	// address before the @.
	Name string
	// Subject is the rendered subject; empty while the subject itself is rendered.
	Subject string
	// JourneyID and JourneyName are those of the journey that sends.
	JourneyID, JourneyName string
	// UnsubscribeURL and PreferencesURL are links for this contact; PublicURL is what they
	// begin with.
	UnsubscribeURL, PreferencesURL, PublicURL string
}

// Mail is a template together with the type of its props: the compiler sees to it that
// every send brings them.
//
//	var Welcome = hogsend.For[WelcomeProps](hogsend.Template{Key: "welcome", Subject: "Welcome", HTML: "…"})
//
//	run.Send(ctx, Welcome.With(WelcomeProps{Plan: "pro"}))
type Mail[Props any] struct{ template Template }

// For gives a template the type of its props, a struct; Template.Props is set to its zero
// value.
func For[Props any](t Template) Mail[Props] {
	var zero Props
	t.Props = zero
	return Mail[Props]{t}
}

// Template is the template, for the registry.
func (m Mail[Props]) Template() Template { return m.template }

// With is a mail of the template with these props. Its other fields can be set before it
// is sent.
func (m Mail[Props]) With(props Props) Email { return Email{Template: m.template.Key, Props: props} }
