package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/zone"
)

// DateRule is a journey that a date of contacts triggers (J-156).
type DateRule struct {
	JourneyID string              `json:"-"`
	Date      hogsend.DateTrigger `json:"date"`
	// Zone is that of contacts whose own is not known.
	Zone string `json:"zone"`
}

// DateDue is when a contact is due next in a journey. Value is the property that it was
// computed from, Year that of a yearly one, else 0.
type DateDue struct {
	ContactID uuid.UUID
	JourneyID string
	At        time.Time
	Value     string
	Year      int
}

// ZoneProperties are the properties of a contact that may say where it is (S-1).
func ZoneProperties() []string { return criteria.ZoneProperties() }

// of reads the date of a contact: what it is due by, and where.
func (r *DateRule) of(c hogsend.Contact) (a zone.Anniversary, value string, loc *time.Location, ok bool) {
	value, isText := c.Properties[r.Date.Property].(string)
	date, isDate := zone.ParseDate(value)
	if !isText || !isDate {
		return a, "", nil, false
	}
	where, _ := ResolveZone(c, r.Zone)
	loc, err := hogsend.LoadZone(where.Name)
	if err != nil {
		return a, "", nil, false
	}
	a = zone.Anniversary{Date: date, Shift: r.Date.After - r.Date.Before, Timed: r.Date.LocalTime != "", Yearly: r.Date.EveryYear}
	if a.Timed {
		var hour, minute int
		if _, err := fmt.Sscanf(r.Date.LocalTime, "%d:%d", &hour, &minute); err != nil { // was checked at start
			return a, "", nil, false
		}
		a.At = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	return a, value, loc, true
}

// Due is when a contact is due next after an instant; was is what it was due at, nil for
// nothing. One whose value has not changed is due for the same year: at once, if only a
// changed zone has moved it behind now from ahead of it (J-157).
func (r *DateRule) Due(contactID uuid.UUID, c hogsend.Contact, was *DateDue, now time.Time) (due DateDue, ok bool) {
	a, value, loc, ok := r.of(c)
	if !ok {
		return due, false
	}
	due = DateDue{ContactID: contactID, JourneyID: r.JourneyID, Value: value}
	if was != nil && was.Value == value {
		due.At, due.Year = a.In(was.Year, loc), was.Year
		return due, true
	}
	due.At, due.Year, ok = a.Next(now, loc)
	return due, ok
}

// Following is when a contact is due after it was told, if it is yearly.
func (r *DateRule) Following(c hogsend.Contact, told DateDue) (next DateDue, ok bool) {
	a, value, loc, ok := r.of(c)
	if !ok || !a.Yearly || value != told.Value {
		return next, false
	}
	next = DateDue{ContactID: told.ContactID, JourneyID: told.JourneyID, Value: value, Year: told.Year + 1}
	next.At = a.In(next.Year, loc)
	return next, true
}

// Key is the key of the event that tells of it: for one value, and year, it is told once
// under any id of the journey and of the contact (J-158).
func (d DateDue) Key(journeyID string, contactID uuid.UUID) string {
	value := sha256.Sum256([]byte(d.Value))
	return fmt.Sprintf("date/%s/%s/%d/%s", journeyID, contactID, d.Year, hex.EncodeToString(value[:12]))
}

// Keys are the keys under which it may have been told.
func (d DateDue) Keys(journeyIDs []string, merged []uuid.UUID) []string {
	var keys []string
	for _, journeyID := range journeyIDs {
		for _, contactID := range append([]uuid.UUID{d.ContactID}, merged...) {
			keys = append(keys, d.Key(journeyID, contactID))
		}
	}
	return keys
}

// Properties are those of the event.
func (d DateDue) Properties(property string) (json.RawMessage, error) {
	return json.Marshal(struct {
		Property string    `json:"property"`
		Value    string    `json:"value"`
		DueAt    time.Time `json:"dueAt"`
		Year     int       `json:"year,omitempty"`
	}{property, d.Value, d.At.UTC(), d.Year})
}
