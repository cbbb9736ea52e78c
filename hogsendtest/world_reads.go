package hogsendtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
)

// pastEvents are the contact's events of a name (J-141).
func (w *world) pastEvents(r contract.HistoryRequest) (hogsend.PastEvents, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return hogsend.PastEvents{}, err
	}
	var past hogsend.PastEvents
	for _, e := range w.events {
		if e.person != n.person || e.Name != r.Name || r.Since != nil && e.OccurredAt.Before(*r.Since) {
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
	return past, nil
}

func (w *world) pastEntries(r contract.HistoryRequest) (hogsend.PastEntries, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return hogsend.PastEntries{}, err
	}
	var past hogsend.PastEntries
	for _, other := range w.enrollments {
		if other == n || other.person != n.person || w.canonical(other.journeyID) != w.canonical(r.Name) {
			continue
		}
		past.Entries++
		if other.status == contract.EnrollmentCompleted {
			past.Completed = true
			if other.endedAt.After(past.LastCompletedAt) {
				past.LastCompletedAt = other.endedAt
			}
		}
	}
	return past, nil
}

func (w *world) pastMails(r contract.HistoryRequest) (hogsend.PastMails, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return hogsend.PastMails{}, err
	}
	var past hogsend.PastMails
	for _, s := range w.sends {
		if s.enrollment.person == n.person && s.mail.Template == r.Name && s.status == contract.SendSent {
			past.Sent, past.LastSentAt = true, s.mail.At
			past.Count++
			past.Opened, past.Clicked = s.opened, s.clicked
		}
	}
	return past, nil
}

// throttle counts the sends that count for caps (J-144, E-22).
func (w *world) throttle(r contract.ThrottleRequest) (bool, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return false, err
	}
	count, t := 0, r.Throttle
	for _, s := range w.sends {
		if s.wentTo(n.person) && s.counts() && !s.claimedAt.Before(r.Since) &&
			(t.Journey == "" || w.canonical(t.Journey) == w.canonical(s.journeyID)) &&
			(t.Template == "" || t.Template == s.mail.Template) && (t.Category == "" || t.Category == s.mail.Category) {
			count++
		}
	}
	allowed := count < t.Max
	if !allowed && n.isLive() {
		w.log(n, r.Step.Key, "throttled", n.node, n.node, t.Label)
	}
	return allowed, nil
}

// chooseVariant is the arm of a contact, or the one that the script forces (J-142).
func (w *world) chooseVariant(r contract.VariantRequest) (string, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return "", err
	}
	for _, row := range w.logs {
		if row.enrollment == n && row.key == r.Step.Key && row.action == "variant" {
			return strings.TrimPrefix(row.detail, r.Name+" "), nil
		}
	}
	arm := decide.ChooseArm(r.Journey, r.Name, n.person.id, r.Arms)
	if forced, ok := w.arms[[2]string{n.person.name(), r.Name}]; ok {
		if !slices.ContainsFunc(r.Arms, func(a hogsend.Arm) bool { return a.Name == forced }) {
			w.problem(problem{kind: UnknownArm, name: forced, text: fmt.Sprintf("%s has no arm %q of %s", n.journeyID, forced, r.Name)})
		} else {
			arm = forced
		}
	}
	if n.isLive() {
		w.log(n, r.Step.Key, "variant", n.node, n.node, r.Name+" "+arm)
	}
	return arm, nil
}

func (w *world) readTimezone(enrollmentID string) (contract.ZoneValue, error) {
	n, err := w.enrollment(enrollmentID)
	if err != nil {
		return contract.ZoneValue{}, err
	}
	zone, _ := decide.ResolveZone(n.person.contact(), w.registry.registry.Defaults.Timezone)
	return contract.ZoneValue{Zone: zone}, nil
}

// findInstant computes a chain of Run.When (S-7 to S-14).
func (w *world) findInstant(r contract.InstantRequest) (contract.InstantValue, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return contract.InstantValue{}, err
	}
	zone, _ := decide.ResolveZone(n.person.contact(), w.registry.registry.Defaults.Timezone)
	at, err := r.Schedule.Instant(r.Now, zone.Name, w.registry.registry.Defaults.Window)
	var v *hogsend.ValidationError
	if errors.As(err, &v) {
		err = invalid(v.Field, v.Message)
	}
	return contract.InstantValue{At: at}, err
}

// capture notes one event for PostHog, once (J-137).
func (w *world) capture(r contract.CaptureRequest) (contract.Effect, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, err
	}
	if !n.isLive() {
		return contract.Effect{Ended: true}, nil
	}
	key := "step:" + n.id + ":" + r.Step.Key
	if w.keys[key] {
		return contract.Effect{}, nil
	}
	if held := w.holdOf(n, r.Step, false); held != nil {
		return contract.Effect{Held: held}, nil
	}
	w.keys[key] = true
	w.log(n, r.Step.Key, "captured", n.node, n.node, r.Event)
	c := Capture{At: w.now(), Contact: n.person.name(), Event: r.Event}
	if err := json.Unmarshal(r.Properties, &c.Properties); err != nil {
		return contract.Effect{}, fmt.Errorf("read properties: %w", err)
	}
	w.captures = append(w.captures, c)
	return contract.Effect{}, nil
}

// engage opens a mail, or follows its link, as a person (E-75).
func (w *world) engage(contact, template, link string) error {
	p := w.names[contact]
	for _, s := range slices.Backward(w.sends) {
		if s.enrollment.person != p || s.mail.Template != template || s.status != contract.SendSent {
			continue
		}
		properties := hogsend.Properties{
			"emailSendId": idOf("send", s.key), "templateKey": template, "category": s.mail.Category, "journeyId": s.journeyID,
			"journeyStateId": s.enrollment.id, "campaignId": nil,
		}
		name, key := "email.opened", "email.opened:"+s.key
		if link != "" {
			name, key = "email.link_clicked", "email.link_clicked:"+s.key+":"+link
			properties["linkId"], properties["linkUrl"] = idOf("link", s.key, link), link
			s.clicked = true
		}
		s.opened = true
		return w.internal(w.begin(), p, name, "email", properties, 0, key, nil)
	}
	return fmt.Errorf("%s got no mail %s before +%s", contact, template, w.now().Sub(w.began).Round(time.Second))
}

// identifyContact writes properties of the contact, once per step (J-137).
func (w *world) identifyContact(r contract.IdentifyRequest) (contract.Effect, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, err
	}
	properties := hogsend.Properties{}
	for key, raw := range r.Properties {
		if length := utf8.RuneCountInString(key); length == 0 || length > 200 {
			return contract.Effect{}, invalid("properties."+key, "property names must have 1 to 200 characters")
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return contract.Effect{}, invalid("properties."+key, "must be JSON")
		}
		properties[key] = value
	}
	if !n.isLive() {
		return contract.Effect{Ended: true}, nil
	}
	key := "step:" + n.id + ":" + r.Step.Key
	if w.keys[key] {
		return contract.Effect{}, nil
	}
	if held := w.holdOf(n, r.Step, false); held != nil {
		return contract.Effect{Held: held}, nil
	}
	w.keys[key] = true
	names := strings.Join(slices.Sorted(maps.Keys(properties)), " ")
	w.log(n, r.Step.Key, "identified", n.node, r.Step.Node, names)
	n.node = r.Step.Node
	return contract.Effect{}, w.patch(n.person, properties)
}
