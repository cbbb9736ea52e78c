package hogsend

import "time"

// FrequencyCap bounds how many mails one person, or one address, gets within a time,
// from all journeys together (E-21). Mails that were sent or are on their way count,
// refused ones do not (E-22). The zero value is no cap.
type FrequencyCap struct {
	// Count is how many mails go within Window; the next one is held. Both are given or
	// neither: without them only ByCategory caps.
	Count  int
	Window time.Duration
	// ByCategory are caps of their own: a mail of such a category is held to it alone,
	// and only mails of that category count (E-23).
	ByCategory map[string]CategoryCap
	// ExemptCategories pass caps, suppress gaps and send windows. nil means
	// "transactional" alone, any other list replaces it (E-16).
	ExemptCategories []string
}

// CategoryCap is the cap of one category: Count mails within Window.
type CategoryCap struct {
	Count  int
	Window time.Duration
}

// OnHold says what becomes of a send that comes outside of the send window, too soon
// after the journey's last one, or when a frequency cap is reached.
type OnHold string

// Skip leaves the mail out, with the reason as its verdict; it is the default. Defer
// lets Run.Send wait, durably, until the first instant at which the mail may go, and
// then decides anew: an opt-out or an exit meanwhile wins (E-26).
const (
	Skip  OnHold = "skip"
	Defer OnHold = "defer"
)

// Valid reports whether h is one of the declared values or the zero value.
func (h OnHold) Valid() bool { return h == "" || h == Skip || h == Defer }
