package hogsend

import "time"

// Registry is everything that an author defines. A program is made from one; what is not
// in it does not exist. It is copied at start: later changes have no effect.
type Registry struct {
	Journeys  []Journey
	Buckets   []Bucket
	Templates []Template
	// Events declares what events the product sends, so that a misspelt one is told: at
	// start where a journey or a bucket names it, by hogsend vet and the test kit where code
	// does, and in the reply to who sends it. None means that any name may come (J-170).
	Events []EventType
	// Layout is the HTML around the mails of templates without a layout of their own. It
	// prints the mail's body with {{template "content" .}}; "" means no layout.
	Layout string
	// Lists are the categories of mails that people join and leave, in the order of the
	// preference page.
	Lists []List
	// Campaigns are mails to many, each created once.
	Campaigns []Campaign
	// Sources are the systems whose webhooks are taken in.
	Sources []Source
	// Webhooks and Destinations are told what happens.
	Webhooks     []Webhook
	Destinations []Destination
	// Pages is how the pages look on which they do.
	Pages Pages
	// LinkSchemes are the schemes of links in mails besides relative ones, http, https,
	// mailto, tel, sms and cid, such as "myapp" for myapp://orders/1. A link of another
	// scheme that comes from a value is a render error (E-78).
	LinkSchemes []string
	// Addresses are where mails of journeys may go that are for nobody's contact, by a name of
	// letters, digits, _ and -, such as "sales": see [Recipient].
	Addresses map[string]string
	// Files bring the files that mails of journeys carry, by a name of letters, digits, _ and -,
	// such as "invoice": see [Attachment].
	Files map[string]FileSource
	// MachineAgents are parts of the user agents of programs that follow links and fetch images
	// by themselves, besides those that are known, compared without case: what they do is
	// nobody's open or click (E-50).
	MachineAgents []string
	// Defaults hold where a journey or a send says nothing else.
	Defaults Defaults
}

// Defaults are what an author decides for all journeys at once. The zero value decides
// nothing.
type Defaults struct {
	// Window is a part of the day in which the instants of [Run.When] fall, for chains
	// without a window of their own; the zero value is none. It does not block mails.
	Window Window
	// SendWindow is the part of the day, in the contact's time zone, in which mails go; the
	// zero value is none. A mail outside of it is blocked, with the reason outside_window.
	SendWindow Window
	// FrequencyCap bounds how many mails a contact gets within a time; the zero value does
	// not. A mail above it is blocked, with the reason frequency_capped.
	FrequencyCap FrequencyCap
	// OnBlocked says what becomes of mails that SendWindow or FrequencyCap block; "" means Skip.
	OnBlocked OnBlocked
	// MaxDefer is how long a mail is deferred at most, from its first try on; then it is
	// skipped, for the reason that blocked it. 0 means 7 days.
	MaxDefer time.Duration
	// Track says what is tracked of mails whose template does not say it; "" means opens and
	// clicks.
	Track Tracking
	// Timezone is the zone of contacts whose own is not known; "" means UTC. The
	// environment's DEFAULT_TIMEZONE comes before it.
	Timezone string
}
