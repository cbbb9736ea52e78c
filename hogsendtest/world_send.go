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
	"github.com/hogsend/hogsend/internal/definition"
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

// refusal is why a send may not leave: status and reason (E-13), and when a check
// that time passes would let it.
type refusal struct {
	status, reason string
	until          time.Time
}

// suppressed is row 5 of the gate: it counts for the exact address only.
func (w *world) suppressed(p *person) *refusal {
	key := emailKey(p.email)
	for _, r := range w.records(p) {
		if r.suppressed != "" && key != "" && r.emailKey == key {
			return &refusal{status: sendSuppressed, reason: r.suppressed}
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
		return &refusal{status: sendSuppressed, reason: "unsubscribed_all"}
	}
	for _, r := range w.records(p) {
		if on, given := r.categories[category]; category != "" && given && !on {
			return &refusal{status: sendSuppressed, reason: "category_opt_out"}
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
		s, later, err := w.claimSend(n, r)
		if err != nil || s == nil {
			return later, err
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

// claimSend renders and runs the gate in the order of E-13. No send means later: what
// lets it wait.
func (w *world) claimSend(n *enrollment, r activities.SendRequest) (s *send, later activities.SendResult, err error) {
	d := w.deferralOf(n, r)
	if s, err = w.draft(n, r); err != nil {
		d.giveUp()
		return nil, later, err
	}
	if n.isLive() {
		if d.early(w.now()) {
			return nil, activities.SendResult{Deferred: d.told()}, nil
		}
		if held := w.holdOf(n, r.Step, true); held != nil { // row 3
			d.close()
			return nil, activities.SendResult{Held: held}, nil
		}
	}
	refused, err := w.refusal(n, r, s, d)
	if err != nil {
		return nil, later, err
	}
	if until := w.deferredUntil(r, refused, d); !until.IsZero() {
		return nil, activities.SendResult{Deferred: d.again(refused.reason, until)}, nil
	}
	s.outcome = w.script.next(r.Template)
	if refused == nil && s.outcome.kind == outcomeVerdict {
		refused = &refusal{status: s.outcome.status, reason: s.outcome.reason}
	}
	if refused != nil {
		s.status, s.reason, s.skipped = refused.status, refused.reason, !n.isLive()
		w.log(n, r.Step.Key, "send_gated", n.node, r.Step.Node, refused.reason)
		d.giveUp()
		return s, later, nil
	}
	s.status, s.claimedAt = sendQueued, w.now()
	w.record(n.person)
	d.close()
	n.stand(statusActive, r.Step.Node)
	return s, later, nil
}

// draft is the mail as rendered now.
func (w *world) draft(n *enrollment, r activities.SendRequest) (*send, error) {
	p := n.person
	s := &send{key: r.Key, enrollment: n, journeyID: n.journeyID, contact: p.name()}
	rendered, err := w.render(n, r)
	if err != nil {
		return nil, err
	}
	from, err := email.Senders{Default: sender}.Choose(r.From)
	if err != nil {
		return nil, w.refuse(n, r, err)
	}
	category := ""
	if j := w.registry.byID[n.journeyID]; j != nil {
		category = j.Category
	}
	s.mail = Mail{
		At: w.now(), Contact: p.name(), To: p.email, From: from, ReplyTo: r.ReplyTo, Journey: n.journeyID, Template: r.Template,
		Category: cmp.Or(r.Category, category, rendered.Category, "journey"), // E-19
		Subject:  rendered.Subject, HTML: rendered.HTML, Text: rendered.Text, Props: r.Props,
	}
	return s, nil
}

// refusal is the first row that refuses: 2 and 4 to 10.
func (w *world) refusal(n *enrollment, r activities.SendRequest, s *send, d *deferral) (*refusal, error) {
	_, valid := email.Address(n.person.email)
	switch {
	case !n.isLive(): // row 2
		return &refusal{status: sendSkipped, reason: "enrollment_ended"}, nil
	case w.skipsLate(n, r.Step.Key):
		return &refusal{status: sendSkipped, reason: "paused_late"}, nil
	case !valid: // row 4
		return &refusal{status: sendSkipped, reason: "no_email"}, nil
	case r.SkipPreferenceCheck: // E-15
		return w.suppressed(n.person), nil
	}
	caps := w.registry.registry.Defaults.FrequencyCap
	if refused := w.optedOut(n.person, s.mail.Category); refused != nil || definition.Exempts(caps, s.mail.Category) { // E-16
		return refused, nil
	}
	if d.open() != nil && w.now().Sub(d.firstTry()) > w.maxDefer() { // E-27
		return &refusal{status: sendSkipped, reason: d.reason}, nil
	}
	if refused, err := w.outsideWindow(n.person, r); err != nil || refused != nil {
		return refused, err
	}
	if refused := w.withinGap(n); refused != nil {
		return refused, nil
	}
	return w.capped(n.person, s.mail.Category), nil
}

// outsideWindow is row 8 of the gate (E-25).
func (w *world) outsideWindow(p *person, r activities.SendRequest) (*refusal, error) {
	defaults := w.registry.registry.Defaults
	window := cmp.Or(r.Window, defaults.SendWindow)
	if window == (hogsend.Window{}) {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	zone, _ := activities.ResolveZone(p.contact(), defaults.Timezone)
	opens, err := window.Clamp(w.now(), zone.Name)
	if err != nil || opens.Equal(w.now()) {
		return nil, err
	}
	return &refusal{sendSkipped, "outside_window", opens}, nil
}

// withinGap is row 9 (E-24).
func (w *world) withinGap(n *enrollment) *refusal {
	j := w.registry.byID[n.journeyID]
	if j == nil || j.Suppress == 0 {
		return nil
	}
	var last time.Time
	for _, s := range w.sends {
		if s.counts() && s.enrollment.person == n.person && w.canonical(s.journeyID) == j.ID && s.claimedAt.After(last) {
			last = s.claimedAt
		}
	}
	if until := last.Add(j.Suppress); !last.IsZero() && until.After(w.now()) {
		return &refusal{sendSkipped, "suppress_gap", until}
	}
	return nil
}

// capped is row 10 (E-21, E-23).
func (w *world) capped(p *person, category string) *refusal {
	limit, own := definition.CapOf(w.registry.registry.Defaults.FrequencyCap, category)
	if limit.Count < 1 {
		return nil
	}
	var claims []time.Time
	for _, s := range w.sends {
		if s.counts() && s.wentTo(p) && !s.claimedAt.Before(w.now().Add(-limit.Window)) && (!own || s.mail.Category == category) {
			claims = append(claims, s.claimedAt)
		}
	}
	if len(claims) < limit.Count {
		return nil
	}
	slices.SortFunc(claims, time.Time.Compare)
	return &refusal{sendSkipped, "frequency_capped", claims[len(claims)-limit.Count].Add(limit.Window + time.Millisecond)}
}

// counts reports whether the send counts for caps, gaps and throttles (E-22).
func (s *send) counts() bool {
	return s.status == sendQueued || s.status == sendSent || s.status == sendFailed && s.reason == "unknown_outcome"
}

// wentTo reports whether the send was to a person or to the address that is now theirs.
func (s *send) wentTo(p *person) bool {
	return s.enrollment.person == p || emailKey(s.mail.To) == emailKey(p.email)
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
