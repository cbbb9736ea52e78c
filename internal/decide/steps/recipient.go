package steps

import (
	"encoding/json"

	"github.com/hogsend/hogsend"
)

// RecipientID is the user id of the other contact that a mail goes to; "" if the property of
// the enrollment's contact holds none (E-83). A whole number is an id as well.
func RecipientID(to hogsend.Recipient, about hogsend.Properties) string {
	if to.UserID != "" {
		return to.UserID
	}
	switch id := about[to.Property].(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}
