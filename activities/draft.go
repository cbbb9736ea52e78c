package activities

import (
	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
)

// draft is a mail rendered for the contact as it was read without a lock.
type draft struct {
	contact storedb.Contact // of no id if it is for an address that is nobody's
	// about is the contact of the enrollment, whom the mail is about; of no id if there is
	// no enrollment, or the mail is for that contact.
	about storedb.Contact
	// nobody says that it is for another contact, who is not there (E-83).
	nobody bool
	// to is where it goes; foreign says that this is not the contact's own address.
	to      string
	foreign bool
	message email.Message
	links   []tracking.Link
	// filesOf is the mail whose files it carries; of no id for those of its template.
	filesOf  uuid.UUID
	files    []email.File
	category string
	// redirected says that the message goes elsewhere than to the contact (E-41).
	redirected bool
	sendID     uuid.UUID
}

// contactID is whom the mail is for, nil for nobody.
func (d *draft) contactID() *uuid.UUID {
	if d.contact.ID == uuid.Nil {
		return nil
	}
	return &d.contact.ID
}

// ownerID is whose the address is, as far as the mail knows.
func (d *draft) ownerID() *uuid.UUID {
	if d.foreign {
		return nil
	}
	return d.contactID()
}
