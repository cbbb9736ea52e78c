package decide

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Names of the internal events of choices about mails (E-57).
const (
	EmailUnsubscribed = "email.unsubscribed"
	EmailResubscribed = "email.resubscribed"
)

// OptOuts are what the preference record of an address says of its wishes: off everything,
// and on or off by category.
type OptOuts struct {
	UnsubscribedAll bool
	Categories      map[string]bool
}

// Choice is how a change of a record was made. Via is one_click, page, api or admin, SendID
// the mail whose link was used, if any; ByCategory says that categories were chosen.
type Choice struct {
	Via        string
	SendID     *uuid.UUID
	ByCategory bool
}

// ChoiceWrite writes what the record of an address says of categories, and links one that
// is nobody's.
type ChoiceWrite struct {
	EmailKey   string
	ContactID  uuid.UUID
	Categories map[string]bool
	At         time.Time
}

// Told are the events of what differs, without keys: of everything, then of each category
// in their order. What changes nothing is no event (E-75).
func (c Choice) Told(before, after OptOuts) ([]Announced, error) {
	var events []Announced
	tell := func(category *string, on bool) error {
		properties := struct {
			Category    *string    `json:"category"`
			Via         string     `json:"via"`
			EmailSendID *uuid.UUID `json:"emailSendId,omitempty"`
		}{category, c.Via, c.SendID}
		raw, err := json.Marshal(properties)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		name := EmailUnsubscribed
		if on {
			name = EmailResubscribed
		}
		events = append(events, Announced{Name: name, Properties: raw})
		return nil
	}
	// An opt-out from everything that a category lifts is told as that category's.
	if before.UnsubscribedAll != after.UnsubscribedAll && (!before.UnsubscribedAll || !c.ByCategory) {
		if err := tell(nil, !after.UnsubscribedAll); err != nil {
			return nil, err
		}
	}
	for _, category := range slices.Sorted(maps.Keys(after.Categories)) {
		was, given := before.Categories[category]
		if given && was == after.Categories[category] {
			continue
		}
		if before.UnsubscribedAll && !after.Categories[category] {
			continue // it was off with everything, and stays so
		}
		if err := tell(&category, after.Categories[category]); err != nil {
			return nil, err
		}
	}
	return events, nil
}
