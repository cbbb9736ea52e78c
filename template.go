package hogsend

// Template is one kind of mail. Subject and Text are Go text/template, HTML is
// Go html/template; they are parsed, and executed with the zero props and every
// example, before anything starts (E-1, E-2).
type Template struct {
	// Key is the stable name, ^[a-z0-9][a-z0-9/_-]{0,199}$.
	Key string
	// Subject is required; the rendered subject is one line of at most 998 characters (E-5).
	Subject string
	// HTML is the body. With a Layout it is what the layout's {{template "content" .}} prints.
	HTML string
	// Text is the text part; "" makes it from the HTML (E-5).
	Text string
	// Layout wraps HTML; "" means the registry's layout, if it has one.
	Layout string
	// Preview is the line mail programs show beside the subject, a text/template; optional.
	Preview string
	// Props is the zero value of the props type, a struct; nil means a template without props.
	Props any
	// Category is what opt-outs look at when neither send nor journey names one (E-19).
	Category string
	// Examples are named props used at start-up and in previews.
	Examples map[string]any
	// Override says that this definition replaces an earlier one of the same key.
	Override bool
}

// TemplateData is what a template sees. Values are escaped by context in HTML,
// not in subject and text (E-4).
type TemplateData struct {
	// Props are the caller's, of the template's props type.
	Props any
	// Contact is the recipient.
	Contact Contact
	// Name is the first non-empty of the contact properties firstName and name and
	// the local part of the address.
	Name string
	// Subject is the rendered subject; empty while the subject itself is rendered.
	Subject                string
	JourneyID, JourneyName string
	// UnsubscribeURL, PreferencesURL and PublicURL start with the configured public URL.
	UnsubscribeURL, PreferencesURL, PublicURL string
}
