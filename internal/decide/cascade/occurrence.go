package cascade

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
)

// emptyObject is JSON for no properties.
var emptyObject = json.RawMessage("{}")

// eventState is one event on its way through the steps.
type eventState struct {
	id          uuid.UUID
	event       bool // false of what is no event but causes some
	contact     *decide.Contact
	resolution  *decide.Resolution
	name        string
	properties  json.RawMessage
	value       *float64
	currency    string
	source      string
	hops        int
	occurred    time.Time
	received    time.Time
	late        bool
	deleted     bool // its contact is
	conflict    bool
	cause       int       // what was asked for that caused it (J-73)
	causedBy    uuid.UUID // the event that did; uuid.Nil for none
	parsed      criteria.Values
	isParsed    bool
	stored      bool           // its row was handed over ahead, for buckets to see
	about       *transitionRef // the transition it tells of; nil for other events
	replayed    *decide.Replay // nil unless it is stored and runs again
	evaluations []*Evaluation  // what buckets may make of it
}

// causeOf is a change as the cause of events.
func causeOf(c *work) *eventState {
	_, event := c.Body.(*decide.Occurrence)
	return &eventState{id: c.ID, event: event, contact: c.Contact, resolution: &c.Resolution, cause: c.cause}
}

// values are the properties as conditions see them, parsed when first asked for.
func (e *eventState) values() (criteria.Values, error) {
	if !e.isParsed {
		values, err := criteria.ParseValues(e.properties)
		if err != nil {
			return criteria.Values{}, fmt.Errorf("parse event properties: %w", err)
		}
		e.parsed, e.isParsed = values, true
	}
	return e.parsed, nil
}

func (e *eventState) holds(conditions []hogsend.Condition) (bool, error) {
	if len(conditions) == 0 {
		return true, nil
	}
	values, err := e.values()
	if err != nil {
		return false, err
	}
	return criteria.Match(conditions, values), nil
}

// work is a change while it is decided.
type work struct {
	*decide.Change
	event    *eventState   // of an event
	due, own []*Evaluation // what time has brought until then; what it may move itself
	attached bool          // what is attached was handed over ahead, for buckets to see
	cause    int
	decided  []decide.Decided
}
