package hogsendtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/internal/email"
)

// send is one mail of a journey, by its key (E-28).
type send struct {
	key                string
	mail               Mail
	enrollment         *enrollment
	status, reason     string
	skipped            bool // the enrollment had ended
	claimedAt          time.Time
	outcome            Outcome
	opened, clicked    bool
	journeyID, contact string
}

const (
	sendQueued     = "queued"
	sendSent       = "sent"
	sendFailed     = "failed"
	sendSuppressed = "suppressed"
	sendSkipped    = "skipped"
)

// preference is the preference record of an address (E-20).
type preference struct {
	emailKey        string
	person          *person
	unsubscribedAll bool
	categories      map[string]bool
	suppressed      string // the reason; "" for not suppressed
}

// record is the preference record of a person's address, made if need be.
func (w *world) record(p *person) *preference {
	key := emailKey(p.email)
	i := slices.IndexFunc(w.preferences, func(r *preference) bool {
		return r.person == p && r.emailKey == key || key != "" && r.emailKey == key
	})
	if i >= 0 {
		return w.preferences[i]
	}
	r := &preference{emailKey: key, person: p, categories: map[string]bool{}}
	w.preferences = append(w.preferences, r)
	return r
}

// records are those that count for a person: of the address, and linked ones.
func (w *world) records(p *person) []*preference {
	key := emailKey(p.email)
	var found []*preference
	for _, r := range w.preferences {
		if r.person == p || key != "" && r.emailKey == key {
			found = append(found, r)
		}
	}
	return found
}

// unsubscribed is guard 10 (J-41).
func (w *world) unsubscribed(p *person) bool {
	return slices.ContainsFunc(w.records(p), func(r *preference) bool { return r.unsubscribedAll })
}

// refusal is why a send may not leave: status and reason (E-13).
type refusal struct{ status, reason string }

// suppressed is row 5 of the gate: it counts for the exact address only.
func (w *world) suppressed(p *person) *refusal {
	key := emailKey(p.email)
	for _, r := range w.records(p) {
		if r.suppressed != "" && key != "" && r.emailKey == key {
			return &refusal{sendSuppressed, r.suppressed}
		}
	}
	return nil
}

// optedOut is rows 5 and 6 of the gate and, with a category, row 7.
func (w *world) optedOut(p *person, category string) *refusal {
	if r := w.suppressed(p); r != nil {
		return r
	}
	if w.unsubscribed(p) {
		return &refusal{sendSuppressed, "unsubscribed_all"}
	}
	for _, r := range w.records(p) {
		if on, given := r.categories[category]; category != "" && given && !on {
			return &refusal{sendSuppressed, "category_opt_out"}
		}
	}
	return nil
}

func (w *world) isSubscribed(r activities.SubscribedRequest) (bool, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return false, err
	}
	return w.optedOut(n.person, r.Category) == nil, nil
}

// sendMail is gate, claim and provider call of one send, at most once per key.
func (w *world) sendMail(r activities.SendRequest) (activities.SendResult, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return activities.SendResult{}, err
	}
	i := slices.IndexFunc(w.sends, func(s *send) bool { return s.key == r.Key })
	if i < 0 {
		s, held, err := w.claimSend(n, r)
		if err != nil || held != nil {
			return activities.SendResult{Held: held}, err
		}
		w.sends = append(w.sends, s)
		i = len(w.sends) - 1
	}
	s := w.sends[i]
	if s.status == sendQueued {
		if err := w.deliver(s, r.Step); err != nil {
			return activities.SendResult{}, err
		}
	}
	return s.result()
}

// claimSend renders and runs the gate in the order of E-13.
func (w *world) claimSend(n *enrollment, r activities.SendRequest) (*send, *activities.Hold, error) {
	p := n.person
	s := &send{key: r.Key, enrollment: n, journeyID: n.journeyID, contact: p.name()}
	rendered, err := w.render(n, r)
	if err != nil {
		return nil, nil, err
	}
	from, err := email.Senders{Default: sender}.Choose(r.From)
	if err != nil {
		return nil, nil, w.refuse(n, r, err)
	}
	category := ""
	if j := w.registry.byID[n.journeyID]; j != nil {
		category = j.Category
	}
	category = cmp.Or(r.Category, category, rendered.Category, "journey") // E-19
	s.mail = Mail{
		At: w.now(), Contact: p.name(), To: p.email, From: from, ReplyTo: r.ReplyTo, Journey: n.journeyID, Template: r.Template, Category: category,
		Subject: rendered.Subject, HTML: rendered.HTML, Text: rendered.Text, Props: r.Props,
	}
	_, valid := email.Address(p.email)
	if n.isLive() { // row 3
		if held := w.holdOf(n, r.Step, true); held != nil {
			return nil, held, nil
		}
	}
	var refused *refusal
	switch {
	case !n.isLive(): // row 2
		refused, s.skipped = &refusal{sendSkipped, "enrollment_ended"}, true
	case w.skipsLate(n, r.Step.Key):
		refused = &refusal{sendSkipped, "paused_late"}
	case !valid: // row 4
		refused = &refusal{sendSkipped, "no_email"}
	case r.SkipPreferenceCheck: // E-15
		refused = w.suppressed(p)
	default:
		if refused = w.optedOut(p, category); refused == nil {
			if refused, err = w.outsideWindow(p, r, category); err != nil {
				return nil, nil, err
			}
		}
	}
	s.outcome = w.script.next(r.Template)
	if refused == nil && s.outcome.kind == outcomeVerdict {
		refused = &refusal{s.outcome.status, s.outcome.reason}
	}
	if refused != nil {
		s.status, s.reason = refused.status, refused.reason
		w.log(n, r.Step.Key, "send_gated", n.node, r.Step.Node, refused.reason)
		return s, nil, nil
	}
	s.status, s.claimedAt = sendQueued, w.now()
	w.record(p)
	n.stand(statusActive, r.Step.Node)
	return s, nil, nil
}

// outsideWindow is row 8 of the gate (E-25): it exempts transactional mails (E-16).
func (w *world) outsideWindow(p *person, r activities.SendRequest, category string) (*refusal, error) {
	defaults := w.registry.registry.Defaults
	window := cmp.Or(r.Window, defaults.SendWindow)
	if window == (hogsend.Window{}) || category == "transactional" {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	zone, _ := activities.ResolveZone(p.contact(), defaults.Timezone)
	opens, err := window.Clamp(w.now(), zone.Name)
	if err != nil || opens.Equal(w.now()) {
		return nil, err
	}
	return &refusal{sendSkipped, "outside_window"}, nil
}

// render renders the real template. A mistake there is the author's, whatever the
// journey does with the error (T-5).
func (w *world) render(n *enrollment, r activities.SendRequest) (email.Rendered, error) {
	name := ""
	if j := w.registry.byID[n.journeyID]; j != nil {
		name = j.Name
	}
	rendered, err := w.renderer.Render(r.Template, email.Input{
		Props: r.Props, Contact: n.person.contact(), JourneyID: n.journeyID, JourneyName: name, Subject: r.Subject, PublicURL: publicURL,
	})
	if err != nil {
		return rendered, w.refuse(n, r, err)
	}
	return rendered, nil
}

func (w *world) refuse(n *enrollment, r activities.SendRequest, err error) error {
	w.problem(problem{kind: BadTemplate, name: r.Template, text: fmt.Sprintf("%s sends %s: %s", n.journeyID, r.Template, err)})
	var v *hogsend.ValidationError
	if errors.As(err, &v) {
		return invalid(v.Field, v.Message)
	}
	return err
}

// deliver is the provider: it accepts, or does as the script says.
func (w *world) deliver(s *send, step activities.Step) error {
	if w.attempt <= s.outcome.retries {
		return temporal.NewApplicationError("provider call failed", "ProviderUnavailable")
	}
	switch s.outcome.kind {
	case outcomeRefused:
		s.status, s.reason = sendFailed, s.outcome.reason
	case outcomeUnknown:
		s.status, s.reason = sendFailed, "unknown_outcome"
	default:
		s.status, s.mail.At = sendSent, w.now()
		w.log(s.enrollment, step.Key, "sent", step.Node, step.Node, "")
		return nil
	}
	s.mail.At = w.now()
	w.log(s.enrollment, step.Key, "send_failed", step.Node, step.Node, s.reason)
	return nil
}

// result is what a send that is no longer queued means to the journey (E-14).
func (s *send) result() (activities.SendResult, error) {
	v := s.verdict()
	if s.skipped {
		return activities.SendResult{Ended: true}, nil
	}
	if s.status == sendFailed {
		kind := hogsend.SendPermanent
		if s.reason == "unknown_outcome" {
			kind = hogsend.SendUnknownOutcome
		}
		return activities.SendResult{}, temporal.NewNonRetryableApplicationError("send failed", activities.TypeSend, nil,
			hogsend.SendError{SendID: v.SendID, Kind: kind, Reason: s.reason})
	}
	return activities.SendResult{Verdict: v}, nil
}

func (s *send) verdict() hogsend.Verdict {
	v := hogsend.Verdict{SendID: idOf("send", s.key), Status: hogsend.SendStatus(s.status), Reason: s.reason, At: s.mail.At}
	if s.reason == "unsubscribed_all" || s.reason == "category_opt_out" {
		v.Status = hogsend.SendUnsubscribed
	}
	return v
}

// sendScript is what OnSend was told.
type sendScript struct {
	once   map[string][]Outcome
	always map[string]Outcome
}

func (s *sendScript) next(template string) Outcome {
	if s == nil {
		return Outcome{}
	}
	if rest := s.once[template]; len(rest) > 0 {
		s.once[template] = rest[1:]
		return rest[0]
	}
	return s.always[template]
}

// clone is the script before any of it was used.
func (s *sendScript) clone() *sendScript {
	c := &sendScript{once: map[string][]Outcome{}, always: s.always}
	for template, outcomes := range s.once {
		c.once[template] = outcomes
	}
	return c
}
