package hogsendtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/email"
)

// send is one mail of a journey, by its key (E-28).
type send struct {
	key                string
	mail               Mail
	enrollment         *enrollment
	status             contract.SendStatus
	reason             contract.SendReason
	skipped            bool // the enrollment had ended
	claimedAt          time.Time
	outcome            Outcome
	opened, clicked    bool
	journeyID, contact string
}

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
	status contract.SendStatus
	reason contract.SendReason
	until  time.Time
}

// suppressed is row 5 of the gate: it counts for the exact address only.
func (w *world) suppressed(p *person) *refusal {
	key := emailKey(p.email)
	for _, r := range w.records(p) {
		if r.suppressed != "" && key != "" && r.emailKey == key {
			return &refusal{status: contract.SendSuppressed, reason: contract.SendReason(r.suppressed)}
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
		return &refusal{status: contract.SendSuppressed, reason: contract.SendUnsubscribedAll}
	}
	for _, r := range w.records(p) {
		if on, given := r.categories[category]; category != "" && given && !on {
			return &refusal{status: contract.SendSuppressed, reason: contract.SendCategoryOptOut}
		}
	}
	return nil
}

func (w *world) isSubscribed(r contract.SubscribedRequest) (bool, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return false, err
	}
	return w.optedOut(n.person, r.Category) == nil, nil
}

// sendMail is gate, claim and provider call of one send, at most once per key.
func (w *world) sendMail(r contract.SendRequest) (contract.SendResult, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.SendResult{}, err
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
	if s.status == contract.SendQueued {
		if err := w.deliver(s, r.Step); err != nil {
			return contract.SendResult{}, err
		}
	}
	return s.result()
}

// claimSend renders and runs the gate in the order of E-13. No send means later: what
// lets it wait.
func (w *world) claimSend(n *enrollment, r contract.SendRequest) (s *send, later contract.SendResult, err error) {
	d := w.deferralOf(n, r)
	if s, err = w.draft(n, r); err != nil {
		d.giveUp()
		return nil, later, err
	}
	if n.isLive() {
		if d.early(w.now()) {
			return nil, contract.SendResult{Deferred: d.told()}, nil
		}
		if held := w.holdOf(n, r.Step, true); held != nil { // row 3
			d.close()
			return nil, contract.SendResult{Held: held}, nil
		}
	}
	refused, err := w.refusal(n, r, s, d)
	if err != nil {
		return nil, later, err
	}
	if until := w.deferredUntil(r, refused, d); !until.IsZero() {
		return nil, contract.SendResult{Deferred: d.again(refused.reason, until)}, nil
	}
	s.outcome = w.script.next(r.Template)
	if refused == nil && s.outcome.kind == outcomeVerdict {
		refused = &refusal{status: s.outcome.status, reason: s.outcome.reason}
	}
	if refused != nil {
		s.status, s.reason, s.skipped = refused.status, refused.reason, !n.isLive()
		w.log(n, r.Step.Key, "send_gated", n.node, r.Step.Node, string(refused.reason))
		d.giveUp()
		return s, later, nil
	}
	s.status, s.claimedAt = contract.SendQueued, w.now()
	w.record(n.person)
	d.close()
	n.stand(contract.EnrollmentActive, r.Step.Node)
	return s, later, nil
}

// draft is the mail as rendered now.
func (w *world) draft(n *enrollment, r contract.SendRequest) (*send, error) {
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
func (w *world) refusal(n *enrollment, r contract.SendRequest, s *send, d *deferral) (*refusal, error) {
	_, err := address.Parse(n.person.email)
	switch {
	case !n.isLive(): // row 2
		return &refusal{status: contract.SendSkipped, reason: contract.SendEnrollmentEnded}, nil
	case w.skipsLate(n, r.Step.Key):
		return &refusal{status: contract.SendSkipped, reason: contract.SendPausedLate}, nil
	case err != nil: // row 4
		return &refusal{status: contract.SendSkipped, reason: contract.SendNoEmail}, nil //nolint:nilerr // that is the refusal
	case r.SkipPreferenceCheck: // E-15
		return w.suppressed(n.person), nil
	}
	caps := w.registry.registry.Defaults.FrequencyCap
	if refused := w.optedOut(n.person, s.mail.Category); refused != nil || definition.Exempts(caps, s.mail.Category) { // E-16
		return refused, nil
	}
	if d.open() != nil && w.now().Sub(d.firstTry()) > w.maxDefer() { // E-27
		return &refusal{status: contract.SendSkipped, reason: d.reason}, nil
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
func (w *world) outsideWindow(p *person, r contract.SendRequest) (*refusal, error) {
	defaults := w.registry.registry.Defaults
	window := cmp.Or(r.Window, defaults.SendWindow)
	if window == (hogsend.Window{}) {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	zone, _ := decide.ResolveZone(p.contact(), defaults.Timezone)
	opens, err := window.Clamp(w.now(), zone.Name)
	if err != nil || opens.Equal(w.now()) {
		return nil, err
	}
	return &refusal{contract.SendSkipped, "outside_window", opens}, nil
}

// withinGap is row 9 (E-24).
func (w *world) withinGap(n *enrollment) *refusal {
	j := w.registry.byID[n.journeyID]
	if j == nil || j.MinSendGap == 0 {
		return nil
	}
	var last time.Time
	for _, s := range w.sends {
		if s.counts() && s.enrollment.person == n.person && w.canonical(s.journeyID) == j.ID && s.claimedAt.After(last) {
			last = s.claimedAt
		}
	}
	if until := last.Add(j.MinSendGap); !last.IsZero() && until.After(w.now()) {
		return &refusal{contract.SendSkipped, "suppress_gap", until}
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
	return &refusal{contract.SendSkipped, "frequency_capped", claims[len(claims)-limit.Count].Add(limit.Window + time.Millisecond)}
}

// counts reports whether the send counts for caps, gaps and throttles (E-22).
func (s *send) counts() bool {
	return s.status == contract.SendQueued || s.status == contract.SendSent || s.status == contract.SendFailed && s.reason == contract.SendUnknownOutcome
}

// wentTo reports whether the send was to a person or to the address that is now theirs.
func (s *send) wentTo(p *person) bool {
	return s.enrollment.person == p || emailKey(s.mail.To) == emailKey(p.email)
}

// render renders the real template. A mistake there is the author's, whatever the
// journey does with the error (T-5).
func (w *world) render(n *enrollment, r contract.SendRequest) (email.Rendered, error) {
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

func (w *world) refuse(n *enrollment, r contract.SendRequest, err error) error {
	w.problem(problem{kind: BadTemplate, name: r.Template, text: fmt.Sprintf("%s sends %s: %s", n.journeyID, r.Template, err)})
	var v *hogsend.ValidationError
	if errors.As(err, &v) {
		return invalid(v.Field, v.Message)
	}
	return err
}

// deliver is the provider: it accepts, or does as the script says.
func (w *world) deliver(s *send, step contract.Step) error {
	if w.attempt <= s.outcome.retries {
		return temporal.NewApplicationError("provider call failed", "ProviderUnavailable")
	}
	switch s.outcome.kind {
	case outcomeRefused:
		s.status, s.reason = contract.SendFailed, s.outcome.reason
	case outcomeUnknown:
		s.status, s.reason = contract.SendFailed, contract.SendUnknownOutcome
	default:
		s.status, s.mail.At = contract.SendSent, w.now()
		w.log(s.enrollment, step.Key, "sent", step.Node, step.Node, "")
		return nil
	}
	s.mail.At = w.now()
	w.log(s.enrollment, step.Key, "send_failed", step.Node, step.Node, string(s.reason))
	return nil
}

// result is what a send that is no longer queued means to the journey (E-14).
func (s *send) result() (contract.SendResult, error) {
	v := s.verdict()
	if s.skipped {
		return contract.SendResult{Ended: true}, nil
	}
	if s.status == contract.SendFailed {
		kind := hogsend.SendPermanent
		if s.reason == contract.SendUnknownOutcome {
			kind = hogsend.SendUnknownOutcome
		}
		return contract.SendResult{}, temporal.NewNonRetryableApplicationError("send failed", contract.ErrorTypeSend, nil,
			hogsend.SendError{SendID: v.SendID, Kind: kind, Reason: string(s.reason)})
	}
	return contract.SendResult{Verdict: v}, nil
}

func (s *send) verdict() hogsend.Verdict {
	v := hogsend.Verdict{SendID: idOf("send", s.key), Status: hogsend.SendStatus(s.status), Reason: string(s.reason), At: s.mail.At}
	if s.reason == contract.SendUnsubscribedAll || s.reason == contract.SendCategoryOptOut {
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
