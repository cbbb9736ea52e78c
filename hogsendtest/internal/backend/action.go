package backend

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Person is a contact as it is before a script.
type Person struct {
	UserID, Email, AnonymousID string
	Timezone                   string
	Properties                 hogsend.Properties
}

// Name is how the script names the contact.
func (p Person) Name() string {
	for _, name := range []string{p.UserID, p.Email, p.AnonymousID} {
		if name != "" {
			return name
		}
	}
	return ""
}

// Action is one line of a script.
type Action interface{ action() }

type (
	// Event is an event of a contact. UserID, Email and AnonymousID replace the keys that
	// the contact comes with.
	Event struct {
		Contact, Name                 string
		UserID, Email, AnonymousID    string
		Properties, ContactProperties hogsend.Properties
		Lists                         map[string]bool
		OccurredAt                    time.Time // zero: now
	}
	// Change writes properties of a contact; nil removes one.
	Change struct {
		Contact    string
		Properties hogsend.Properties
	}
	// Timezone gives the contact a time zone; "" takes it away.
	Timezone struct{ Contact, Zone string }
	// Preference opts the contact out of everything or of categories, or in again.
	Preference struct {
		Contact    string
		Out        bool
		Categories []string
	}
	// Suppression suppresses the contact's address; an empty Reason lifts it.
	Suppression struct{ Contact, Reason string }
	// Enter and Leave order a membership of a bucket that the script moves.
	Enter struct{ Contact, BucketID string }
	// Leave ends a membership for a reason.
	Leave struct {
		Contact, BucketID string
		Reason            hogsend.LeaveReason
	}
	// Due lets the present instant of a schedule come.
	Due struct{ Trigger hogsend.Trigger }
	// Cancel ends the contact's enrollment in a journey as an operator does.
	Cancel struct{ Contact, JourneyID string }
	// Delete deletes a contact softly.
	Delete struct{ Contact string }
	// Switch switches a journey on or off.
	Switch struct {
		JourneyID string
		On        bool
	}
	// Engagement opens the newest mail of a template, or follows a Link of it.
	Engagement struct{ Contact, Template, Link string }
	// Answer follows a link of the newest mail of a template that says something, and comments
	// on it; Properties are those of the link, as JSON.
	Answer struct {
		Contact, Template string
		Properties        json.RawMessage
		Comment           string
	}
	// Pause pauses a journey; "" holds entries.
	Pause struct {
		JourneyID string
		Entries   contract.PauseEntries
	}
	// Resume ends a pause.
	Resume struct {
		JourneyID string
		Policy    contract.ResumePolicy
	}
)

func (Event) action()       {}
func (Change) action()      {}
func (Timezone) action()    {}
func (Preference) action()  {}
func (Suppression) action() {}
func (Enter) action()       {}
func (Leave) action()       {}
func (Due) action()         {}
func (Cancel) action()      {}
func (Delete) action()      {}
func (Switch) action()      {}
func (Engagement) action()  {}
func (Answer) action()      {}
func (Pause) action()       {}
func (Resume) action()      {}
