package hogsend

import "time"

// FrequencyCap bounds how many mails one contact, or one address, gets within a time, from
// all journeys together. Mails that were sent or are on their way count, those that were
// held back do not. The zero value is no cap.
type FrequencyCap struct {
	// Count is how many mails go within Window; the next one is held back. Either both are
	// given or, where only ByCategory is to cap, neither.
	Count  int
	Window time.Duration
	// ByCategory are caps of single categories. A mail of such a category is held to that
	// cap alone, and only mails of the category count (E-23).
	ByCategory map[string]CategoryCap
	// ExemptCategories are not held back by caps, gaps and send windows. nil means
	// "transactional" alone; any other list replaces it.
	ExemptCategories []string
}

// CategoryCap is the cap of one category: Count mails within Window.
type CategoryCap struct {
	Count  int
	Window time.Duration
}

// OnBlocked says what becomes of a mail that comes outside of the send window, too soon
// after the journey's last one, or when a frequency cap is reached.
type OnBlocked string

// The ways to deal with such a mail.
const (
	// Skip leaves it out; the reason is in the verdict. It is the default.
	Skip OnBlocked = "skip"
	// Defer lets Run.Send wait for the first instant at which the mail may go, and then
	// look at everything anew: it does not go to who unsubscribed or exited meanwhile.
	Defer OnBlocked = "defer"
)

// Valid reports whether o is one of the declared values or the zero value.
func (o OnBlocked) Valid() bool { return o == "" || o == Skip || o == Defer }
