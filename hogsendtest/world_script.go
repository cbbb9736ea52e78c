package hogsendtest

import (
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

var _ stage = (*world)(nil)

// populate adds the people of a script as they are before it.
func (w *world) populate(people []Person) error {
	for _, who := range people {
		p := w.add(who.UserID, who.Email)
		_, properties, err := asJSON(who.Properties)
		if err != nil {
			return fmt.Errorf("properties of %s: %w", p.name(), err)
		}
		p.timezone, p.properties = who.Timezone, properties
		w.names[p.name()] = p
	}
	return nil
}

// take empties the outbox.
func (w *world) take() ([]message, error) {
	told := w.told
	w.told = nil
	return told, nil
}

func (w *world) event(contact string, e Event) error {
	p := w.names[contact]
	root, decided, entered, alive := w.begin(), len(w.decisions), len(p.entries) > 0, len(p.live) > 0
	_, err := w.ingest(root, p, incoming{name: e.Name, properties: e.Properties, contactProperties: e.ContactProperties, occurred: e.OccurredAt})
	if entered && !alive && len(w.decisions) == decided && len(e.ContactProperties) == 0 {
		w.problem(problem{
			kind: LateScript, name: e.Name,
			text: fmt.Sprintf("%s comes at +%s, after the end of all enrollments of %s, and nothing listens to it", e.Name, w.now().Sub(w.began), contact),
		})
	}
	return err
}

func (w *world) change(contact string, properties hogsend.Properties) error {
	return w.patch(w.names[contact], properties)
}

func (w *world) move(contact, zone string) error {
	w.names[contact].timezone = zone
	return nil
}

// prefer changes opt-outs; what changed is told by an event each (E-57).
func (w *world) prefer(contact string, out bool, categories []string) error {
	p, event := w.names[contact], "email.resubscribed"
	if out {
		event = "email.unsubscribed"
	}
	record, changed := w.record(p), []any{}
	if len(categories) == 0 && record.unsubscribedAll != out {
		record.unsubscribedAll, changed = out, append(changed, nil)
	}
	for _, category := range categories {
		if on, given := record.categories[category]; given && on == out || !given && out {
			record.categories[category], changed = !out, append(changed, category)
		}
	}
	for _, category := range changed {
		properties := hogsend.Properties{"category": category, "via": "api"}
		if err := w.internal(w.begin(), p, event, "email", properties, 0, "", nil); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) suppress(contact, reason string) error {
	w.record(w.names[contact]).suppressed = reason
	return nil
}

func (w *world) enable(journeyID string, on bool) error {
	w.switchOf(journeyID).off = !on
	return nil
}

// cancel ends an enrollment as an operator does (J-82).
func (w *world) cancel(contact, journeyID string) error {
	root, p := w.begin(), w.names[contact]
	for _, n := range p.live {
		if w.canonical(n.journeyID) == w.canonical(journeyID) {
			return w.endAll(root, []*enrollment{n}, end{status: contract.EnrollmentExited, reason: "admin", key: stepEnd, cancels: true})
		}
	}
	return fmt.Errorf("%s is not enrolled in %s then", contact, journeyID)
}
