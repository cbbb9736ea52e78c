package contract

import (
	"time"

	"github.com/hogsend/hogsend"
)

// HistoryRequest asks for the past of an enrollment's contact: for events of a name,
// entries into a journey or mails of a template (J-141).
type HistoryRequest struct {
	EnrollmentID string `json:"enrollmentId"`
	Name         string `json:"name"`
	// Since is the earliest instant that counts for events; nil for all.
	Since *time.Time `json:"since,omitempty"`
}

// ContactValue is a contact read by a journey.
type ContactValue struct {
	Contact hogsend.Contact `json:"contact"`
}

// ZoneValue is the time zone of a contact.
type ZoneValue struct {
	Zone hogsend.Zone `json:"zone"`
}

// InstantRequest asks for the end of a chain of When (S-7 to S-14).
type InstantRequest struct {
	EnrollmentID string           `json:"enrollmentId"`
	Now          time.Time        `json:"now"`
	Schedule     hogsend.Schedule `json:"schedule"`
}

// InstantValue is the instant that was found, or that a date has passed.
type InstantValue struct {
	At   time.Time `json:"at"`
	Past bool      `json:"past,omitempty"`
}
