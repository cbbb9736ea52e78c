package server

import (
	"encoding/json"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
)

// warning is what is odd about an event that was stored all the same (I-58).
type warning struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The codes of warnings.
const (
	warnEmail = "email_ignored"
	warnField = "unknown_field"
	warnZone  = "bad_timezone"
	warnEvent = "unheard_event"
	// Of declared events (J-170).
	warnUndeclared = "undeclared_event"
	warnProperty   = "event_property"
)

// maxWarnings is how many one event has at most.
const maxWarnings = 20

func (d *eventDecoder) warn(path, code, message string) {
	if len(d.warnings) < maxWarnings {
		d.warnings = append(d.warnings, warning{Path: path, Code: code, Message: message})
	}
}

// unknown warns of a key that the route does not know.
func (d *eventDecoder) unknown(name string) {
	if !d.lenient || len(d.warnings) >= maxWarnings {
		return
	}
	d.warn(pathKey([]byte(quoted(name))), warnField, "is not known here"+d.meant(name))
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""` // unreachable: strings are marshaled
	}
	return string(raw)
}

// meant names the field that an unknown one probably is.
func (d *eventDecoder) meant(name string) string {
	n := d.names
	same := map[string]string{
		"properties": n.properties, "eventProperties": n.properties, "event_properties": n.properties, "data": n.properties,
		"traits": n.contactProperties, "userProperties": n.contactProperties, "contact_properties": n.contactProperties, "attributes": n.contactProperties,
		"event": n.name, "name": n.name, "eventName": n.name, "type": n.name,
		"email": n.email, "userEmail": n.email, "user_id": n.userID, "externalId": n.userID, "distinct_id": n.userID, "anonymous_id": n.anonymousID,
		"occurredAt": n.timestamp, "time": n.timestamp, "idempotency_key": n.key, "messageId": n.key,
		"timezone": n.contactProperties + ".timezone", "$timezone": n.contactProperties + ".$timezone",
	}
	if field := same[name]; field != "" && field != name {
		return `, did you mean "` + field + `"?`
	}
	if len(name) > maxPropertyKey {
		return ""
	}
	var known []string
	for _, field := range []string{n.name, n.userID, n.email, n.anonymousID, n.properties, n.contactProperties, n.value, n.currency, n.lists, n.timestamp, n.key} {
		if field != "" {
			known = append(known, field)
		}
	}
	return naming.Suggestion(name, known)
}

// zones warns of time zones that nobody can compute with (S-3).
func (d *eventDecoder) zones(event *ingest.Event) {
	for _, key := range []string{"timezone", "$timezone", "$geoip_time_zone"} {
		raw, given := event.ContactProperties[key]
		if !given || string(raw) == "null" {
			continue
		}
		var name string
		if json.Unmarshal(raw, &name) == nil {
			if _, err := hogsend.LoadZone(name); err == nil {
				continue
			}
		}
		field := d.names.contactProperties
		if d.merge {
			if _, direct := split(event.Properties, true)[key]; direct {
				field = d.names.properties
			}
		}
		d.warn(join(field, key), warnZone, "is no time zone such as Europe/Berlin")
	}
}

// tell tells of an event that was taken in.
func (s *Server) tell(d *eventDecoder, result *ingest.Result) {
	if s.cfg.Tell == nil {
		return
	}
	t := Told{Event: d.out.Name, ContactKey: result.ContactKey, Stored: result.Stored, Late: result.Late, Decisions: result.Decisions}
	for _, e := range result.Exits {
		if e.Exited {
			t.Exited = append(t.Exited, e.JourneyID)
		}
	}
	for _, w := range d.warnings {
		t.Warnings = append(t.Warnings, w.Path+": "+w.Message)
	}
	s.cfg.Tell(t)
}

// warnings are those of an event that was stored, each a line of the log in development.
func (s *Server) warnings(r *request, d *eventDecoder, result *ingest.Result, explain bool) ([]warning, error) {
	if !result.Stored { // a repeat (I-36)
		return nil, nil
	}
	undeclared := s.events.Undeclared(d.out.Name)
	if undeclared != "" {
		d.warn(d.names.name, warnUndeclared, undeclared)
	}
	for _, m := range s.events.Mismatches(d.out.Name, d.out.Properties) {
		d.warn(join(d.names.properties, m.Property), warnProperty, m.Message)
	}
	if explain && undeclared == "" {
		heard, known, err := s.cfg.Ingest.Heard(r.ctx(), d.out.Name)
		if err != nil {
			return nil, err
		}
		if !heard {
			d.warn(d.names.name, warnEvent, "nothing listens to this event"+naming.Suggestion(d.out.Name, known))
		}
	}
	if s.cfg.Development {
		for _, w := range d.warnings {
			s.log.Warn("event is odd: "+w.Message, "path", w.Path, "code", w.Code, "event_id", result.EventID, "request_id", requestID(r))
		}
	}
	return d.warnings, nil
}

// explained is why the event of a reply enrolled its contact, or did not (I-59).
type explained struct {
	Enrolled []enrolledBy `json:"enrolled"`
	Skipped  []skippedBy  `json:"skipped"`
}

type enrolledBy struct {
	JourneyID string `json:"journeyId"`
	StateID   string `json:"stateId"`
	Event     string `json:"event"`
	Key       string `json:"key,omitempty"`
}

type skippedBy struct {
	JourneyID string               `json:"journeyId"`
	Event     string               `json:"event"`
	Reason    contract.GuardReason `json:"reason"`
}

// explains reports whether the replies of a request explain.
func (s *Server) explains(r *request) (bool, error) {
	q := queryOf(r)
	asked := q.boolean("explain")
	return s.cfg.Development || asked != nil && *asked, q.err()
}

func explanation(result *ingest.Result) *explained {
	out := &explained{Enrolled: []enrolledBy{}, Skipped: []skippedBy{}}
	for _, d := range result.Decisions {
		if d.Reason == "" {
			out.Enrolled = append(out.Enrolled, enrolledBy{d.JourneyID, d.EnrollmentID.String(), d.EventName, d.Key})
		} else {
			out.Skipped = append(out.Skipped, skippedBy{d.JourneyID, d.EventName, d.Reason})
		}
	}
	return out
}
