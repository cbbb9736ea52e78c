package hogsend

import "time"

// Registry is everything an author defines. API and worker are built from the
// same one; only what is in it exists (J-9).
type Registry struct {
	Journeys  []Journey
	Buckets   []Bucket
	Templates []Template
	// Layout is the HTML layout of templates that have none of their own. It prints
	// the body with {{template "content" .}}; "" means no layout.
	Layout string
	// Defaults hold where a journey says nothing else.
	Defaults Defaults
}

// Defaults are what an author decides for all journeys at once. The zero value
// decides nothing.
type Defaults struct {
	// Window holds the instants of every chain of Run.When without a window of its
	// own; the zero value is none. Sends are not held by it (S-30).
	Window Window
	// SendWindow holds every send whose category is not exempt, by the clock on the
	// contact's wall; the zero value is none. A send outside of it is outside_window
	// (E-16, E-25).
	SendWindow Window
	// FrequencyCap bounds how many mails a person gets within a time; the zero value
	// does not. A send above it is frequency_capped (E-21).
	FrequencyCap FrequencyCap
	// OnHold says what becomes of sends that SendWindow or FrequencyCap hold; "" means
	// Skip. What a journey's Suppress holds is skipped, unless the send itself says
	// Defer (E-26, J-133).
	OnHold OnHold
	// MaxDefer is how long a send is deferred at most, from its first try on; 0 means 7
	// days. Then it is skipped, for the reason that held it (E-27).
	MaxDefer time.Duration
	// Timezone is the zone of contacts of whom nothing tells one; "" means UTC. The
	// environment's DEFAULT_TIMEZONE comes before it (S-1).
	Timezone string
}
