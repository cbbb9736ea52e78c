package contract

import (
	"time"

	"github.com/google/uuid"
)

// DirectSend is one mail that no enrollment sends: asked for over HTTP, of a campaign, a
// test, or one that is sent again. The zero value of an id stands for none.
type DirectSend struct {
	// SendRequest says what is sent, under which key; its Step is empty.
	SendRequest
	// ID is that of the row of the send.
	ID uuid.UUID
	// ContactID is whom it goes to; none for an address that is nobody's.
	ContactID uuid.UUID
	// To is where it goes; "" is the contact's address as it is at the claim (E-9).
	To string
	// ListID is the list whose subscribers it is for: who is not subscribed gets none.
	ListID     string
	CampaignID uuid.UUID
	// FilesOf is the mail whose files it carries, in place of those of its template.
	FilesOf uuid.UUID
	// EnrollmentID and JourneyID are those of the mail that is sent again (E-74).
	EnrollmentID uuid.UUID
	JourneyID    string
	// Test marks a mail that is in no figure and under no cap.
	Test bool
}

// DirectResult says what the workflow of a direct send does next: it ends, or asks again
// at the instant to which the send is deferred (E-27).
type DirectResult struct {
	Until *time.Time `json:"until,omitempty"`
}

// CampaignResult says what the workflow of a campaign does next. Of the zero value it
// asks again at once.
type CampaignResult struct {
	// Done says that it is over.
	Done bool `json:"done,omitempty"`
	// Sleeps says that there is nothing to do before Until, or before it is woken.
	Sleeps bool       `json:"sleeps,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	// Failing says that mails do not go at the moment.
	Failing bool `json:"failing,omitempty"`
}
