package backend

import (
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
)

// Keyed is the event with the keys of its contact, as a client sends it.
func (e Event) Keyed(p Person) (decide.Event, error) {
	ev := decide.Event{Name: e.Name, UserID: p.UserID, Email: e.Email, AnonymousID: e.AnonymousID, Lists: e.Lists}
	if e.UserID != "" {
		ev.UserID = e.UserID
	}
	if p.UserID == "" && ev.Email == "" {
		ev.Email = p.Email
	}
	if p.UserID == "" && p.Email == "" && ev.AnonymousID == "" {
		ev.AnonymousID = p.AnonymousID
	}
	var err error
	if ev.Properties, err = Object(e.Properties); err != nil {
		return ev, err
	}
	if len(e.ContactProperties) > 0 {
		if ev.ContactProperties, err = Encode(e.ContactProperties); err != nil {
			return ev, err
		}
	}
	if !e.OccurredAt.IsZero() {
		ev.Timestamp = &e.OccurredAt
	}
	return ev, nil
}

// Encode is each property as JSON.
func Encode(p hogsend.Properties) (map[string]json.RawMessage, error) {
	encoded := make(map[string]json.RawMessage, len(p))
	for key, value := range p {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode property %q: %w", key, err)
		}
		encoded[key] = raw
	}
	return encoded, nil
}

// Object is a JSON object, nil for none.
func Object(p hogsend.Properties) (json.RawMessage, error) {
	if p == nil {
		return nil, nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode properties: %w", err)
	}
	return raw, nil
}

// NotEnrolledError says that there is nothing to cancel.
type NotEnrolledError struct{ Contact, JourneyID string }

func (e *NotEnrolledError) Error() string {
	return e.Contact + " is not enrolled in " + e.JourneyID + " then"
}
