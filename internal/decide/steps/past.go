package steps

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hogsend/hogsend"
)

// What a journey asks about the past of its contact. In Postgres aggregates answer it,
// because a past may be long: HistoryEvents, HistoryEntries, HistoryMails. A test holds
// both to one meaning over random pasts (J-141).

// PastEvents are the events of a name that occurred since an instant, nil for all.
func PastEvents(events []PastEvent, name string, since *time.Time) hogsend.PastEvents {
	var past hogsend.PastEvents
	for _, e := range events {
		if e.Name != name || since != nil && e.OccurredAt.Before(*since) {
			continue
		}
		if !past.Found || e.OccurredAt.Before(past.FirstAt) {
			past.FirstAt = e.OccurredAt
		}
		if e.OccurredAt.After(past.LastAt) {
			past.LastAt = e.OccurredAt
		}
		past.Found = true
		past.Count++
	}
	return past
}

// PastEntry is an enrollment of the contact other than the one that asks.
type PastEntry struct {
	JourneyID string
	// CompletedAt is zero for one that did not complete.
	CompletedAt time.Time
}

// PastEntries are the entries into a journey under any of its ids.
func PastEntries(entries []PastEntry, journeyIDs []string) hogsend.PastEntries {
	var past hogsend.PastEntries
	for _, e := range entries {
		if !slices.Contains(journeyIDs, e.JourneyID) {
			continue
		}
		past.Entries++
		past.Completed = past.Completed || !e.CompletedAt.IsZero()
		if e.CompletedAt.After(past.LastCompletedAt) {
			past.LastCompletedAt = e.CompletedAt
		}
	}
	return past
}

// PastMail is a mail to the contact.
type PastMail struct {
	Template string
	// SentAt is zero for one that did not go out.
	SentAt          time.Time
	Opened, Clicked bool
}

// PastMails are the mails of a template that went out; opens and clicks are those of the
// newest.
func PastMails(mails []PastMail, template string) hogsend.PastMails {
	var past hogsend.PastMails
	for _, m := range mails {
		if m.Template != template || m.SentAt.IsZero() {
			continue
		}
		past.Count++
		if !past.Sent || m.SentAt.After(past.LastSentAt) {
			past.Sent, past.LastSentAt, past.Opened, past.Clicked = true, m.SentAt, m.Opened, m.Clicked
		}
	}
	return past
}

// maxProperties bounds the properties that a journey carries in its history (J-121).
const maxProperties = 256 << 10

// Properties are the properties of an event as a journey gets them. Of large ones only
// strings, numbers and booleans are left: truncated.
func Properties(raw json.RawMessage) (properties hogsend.Properties, truncated bool, err error) {
	if err := json.Unmarshal(raw, &properties); err != nil {
		return nil, false, fmt.Errorf("decode properties: %w", err)
	}
	if len(raw) <= maxProperties {
		return properties, false, nil
	}
	for key, value := range properties {
		switch value.(type) {
		case string, json.Number, bool:
		default:
			delete(properties, key)
		}
	}
	return properties, true, nil
}
