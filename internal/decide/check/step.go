package check

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/naming"
)

// Trigger is the event that a journey triggers, or a *hogsend.ValidationError of what makes
// it none (J-135).
func Trigger(r contract.TriggerRequest, junk naming.JunkIDs, now time.Time) (decide.Event, error) {
	event := decide.Event{Name: r.Event.Event, UserID: r.Event.UserID, Email: r.Event.Email, Timestamp: &r.OccurredAt}
	if r.Event.Properties != nil {
		raw, err := json.Marshal(r.Event.Properties)
		if err != nil {
			return event, &hogsend.ValidationError{Field: "properties", Message: "cannot be encoded"}
		}
		event.Properties = raw
	}
	for key, value := range r.Event.ContactProperties {
		raw, err := json.Marshal(value)
		if err != nil {
			return event, &hogsend.ValidationError{Field: "contactProperties." + key, Message: "cannot be encoded"}
		}
		if event.ContactProperties == nil {
			event.ContactProperties = map[string]json.RawMessage{}
		}
		event.ContactProperties[key] = raw
	}
	for _, problem := range Event(&event, now) {
		if problem.Message != IdentityMessage { // none means this contact
			return event, &hogsend.ValidationError{Field: problem.Path, Message: problem.Message}
		}
	}
	if junk.Has(event.UserID) {
		return event, &hogsend.ValidationError{Field: "userId", Message: naming.JunkMessage(event.UserID)}
	}
	return event, nil
}

// Properties holds those that a journey writes to the rules of those that come with events
// (I-13).
func Properties(properties map[string]json.RawMessage) error {
	event := decide.Event{Name: "identify", UserID: "contact", ContactProperties: properties}
	if problems := Event(&event, time.Time{}); len(problems) > 0 {
		p := problems[0]
		_, key, found := strings.Cut(p.Path, ".")
		field := "properties"
		if found {
			field += "." + key
		}
		return &hogsend.ValidationError{Field: field, Message: p.Message}
	}
	return nil
}
