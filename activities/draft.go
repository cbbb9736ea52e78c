package activities

import (
	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
)

// draft is a mail rendered for the contact as it was read without a lock.
type draft struct {
	contact  storedb.Contact
	message  email.Message
	links    []tracking.Link
	category string
	sendID   uuid.UUID
}
