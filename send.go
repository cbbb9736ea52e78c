package hogsend

import "time"

// Email is a mail that a journey sends with [Run.Send].
type Email struct {
	// Template is the key of a registered template; required.
	Template string
	// To is who gets it instead of the enrollment's contact; the zero value is the contact.
	To Recipient
	// Props are the template's props: a value of its props type, or nil for its zero value.
	Props any
	// Attach names files that it carries besides those of its template (E-84).
	Attach []Attachment
	// Subject, From and ReplyTo replace those of the template and of the installation; ""
	// keeps them. The domain of From must be an allowed one.
	Subject, From, ReplyTo string
	// Category is what opt-outs and caps look at; "" means that of the template, or else
	// that of the journey (E-19).
	Category string
	// Label names the step; it may be used once in an enrollment (J-116).
	Label string
	// Window replaces Defaults.SendWindow for this mail. Two equal times switch it off, the
	// zero value keeps it.
	Window Window
	// OnBlocked replaces Defaults.OnBlocked for this mail, and says what becomes of it when it
	// comes too soon after the journey's last one; "" keeps it.
	OnBlocked OnBlocked
	// SkipPreferenceCheck lets the mail pass opt-outs, windows, gaps and caps, for mails
	// that people must get. An address that is suppressed gets none all the same.
	SkipPreferenceCheck bool
	// Track replaces what the template tracks; "" keeps it.
	Track Tracking
}

// Verdict is what became of a mail.
type Verdict struct {
	SendID string // a UUID, by which the mail is found in Studio and the API
	Status SendStatus
	// Reason says why it did not go, such as "frequency_capped"; "" when it was sent (E-13).
	Reason string
	// At is when it was sent or refused.
	At time.Time
}

// Sent reports whether the mail service accepted the mail.
func (v Verdict) Sent() bool { return v.Status == SendSent }

// SendStatus is the outcome of a mail.
type SendStatus string

// The outcomes.
const (
	// SendSent: the mail service accepted it.
	SendSent SendStatus = "sent"
	// SendSuppressed: mails to the address bounced, or were reported as spam.
	SendSuppressed SendStatus = "suppressed"
	// SendUnsubscribed: the contact unsubscribed from everything, or from the category.
	SendUnsubscribed SendStatus = "unsubscribed"
	// SendSkipped: a cap, a window, a gap or something else held it back; see the Reason.
	SendSkipped SendStatus = "skipped"
)

// SendError is a mail that failed for good. The enrollment goes on unless the journey
// returns the error.
type SendError struct {
	SendID string
	Kind   SendErrorKind
	// Reason is what the mail service said, for people to read.
	Reason string
}

func (e *SendError) Error() string { return "send " + string(e.Kind) + ": " + e.Reason }

// SendErrorKind says what is known about a mail that failed.
type SendErrorKind string

// The kinds.
const (
	// SendPermanent: it was not sent.
	SendPermanent SendErrorKind = "permanent"
	// SendUnknownOutcome: it may have been sent, and is not sent again by itself.
	SendUnknownOutcome SendErrorKind = "unknown_outcome"
)
