package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/naming"
)

// open is the wait that the send stands at, nil for none.
func (d *deferral) open() *wait {
	if len(d.waits) == 0 || d.waits[len(d.waits)-1].status != contract.WaitOpen {
		return nil
	}
	return d.waits[len(d.waits)-1]
}

func (d *deferral) state() steps.Deferral {
	state := steps.Deferral{Times: len(d.waits), Since: d.since, Reason: d.reason}
	if w := d.open(); w != nil {
		state.Open, state.Due = true, *w.Deadline
	}
	return state
}

func (d *deferral) close() {
	if w := d.open(); w != nil {
		w.status = contract.WaitTimedOut
	}
}

func (d *deferral) told() *contract.Deferral {
	w := d.waits[len(d.waits)-1]
	return &contract.Deferral{WaitID: w.ID.String(), StepKey: w.step, Node: w.Label, Until: w.Deadline.UTC()}
}

// sendMail mails the contact at most once per key (E-28).
func (b *Backend) sendMail(ctx context.Context, r contract.SendRequest) (contract.SendResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.SendResult{}, final(err)
	}
	s := b.sendByKey[r.Key]
	if s == nil {
		var later contract.SendResult
		if s, later, err = b.claimSend(n, r, int(activity.GetInfo(ctx).Attempt)); err != nil || s == nil {
			return later, final(err)
		}
		b.sends, b.sendByKey[r.Key] = append(b.sends, s), s
	}
	if s.status == contract.SendQueued {
		if err := b.deliver(s, r.Step, int(activity.GetInfo(ctx).Attempt)); err != nil {
			return contract.SendResult{}, err
		}
	}
	verdict, ended, err := steps.Verdict(s.id.String(), s.status, s.reason, s.at)
	return contract.SendResult{Verdict: verdict, Ended: ended}, final(err)
}

// claimSend renders the mail and asks the gate. No send means later: what lets it wait.
func (b *Backend) claimSend(n *enrollment, r contract.SendRequest, attempt int) (s *send, later contract.SendResult, err error) {
	d := b.deferrals[r.Key]
	if d == nil {
		d = &deferral{}
	}
	if s, err = b.draft(n, r); err != nil {
		if d.open() != nil {
			d.close()
			n.stand(contract.EnrollmentActive, r.Step.Node)
		}
		return nil, later, err
	}
	out, err := b.gate(n, r, s, d, attempt)
	if err != nil {
		return nil, later, err
	}
	if out.Action == steps.GateNotYet {
		return nil, contract.SendResult{Deferred: d.told()}, nil
	}
	if out.Action == steps.GateGivesWay {
		return nil, later, temporal.NewApplicationErrorWithOptions("another deferred send of the contact comes first", "NotItsTurn",
			temporal.ApplicationErrorOptions{NextRetryDelay: steps.TurnPause})
	}
	wasOpen := d.open() != nil
	d.close()
	switch out.Action {
	case steps.GateHold:
		return nil, contract.SendResult{Held: b.hold(n, r.Step, b.newestPause(n, r.Step.Key), true)}, nil
	case steps.GateDefer:
		b.deferrals[r.Key] = d
		return nil, contract.SendResult{Deferred: b.deferSend(n, r, s, d, out)}, nil
	case steps.GateClaim:
		s.outcome = b.Sends.Next(r.Template)
		if s.outcome.Status != "" {
			out = steps.GateOutcome{Action: steps.GateRefuse, Refusal: steps.Refusal{Status: s.outcome.Status, Reason: s.outcome.Reason}}
		}
	}
	s.at = b.Now()
	if out.Action == steps.GateRefuse {
		s.status, s.reason = out.Refusal.Status, out.Refusal.Reason
		b.log(n, r.Step.Key, "send_gated", n.node, r.Step.Node, map[string]any{"template": r.Template, "reason": s.reason})
		if wasOpen {
			n.stand(contract.EnrollmentActive, r.Step.Node)
		}
		return s, later, nil
	}
	s.status, s.claimedAt = contract.SendQueued, b.Now()
	n.stand(contract.EnrollmentActive, r.Step.Node)
	return s, later, nil
}

// gate asks the gate of production (E-13).
func (b *Backend) gate(n *enrollment, r contract.SendRequest, s *send, d *deferral, attempt int) (steps.GateOutcome, error) {
	defaults, c := b.index.Defaults(), s.contact
	_, err := address.Parse(c.Email)
	if err == nil {
		b.record(c)
	}
	g := steps.Gate{
		Now: b.Now(), Ended: !n.live() || !n.contact.DeletedAt.IsZero(), NoRecipient: s.nobody, Paused: b.pausedNow(n.JourneyID), Effect: b.newestPause(n, r.Step.Key).PausedEffect,
		Lists: b.index.Lists(), NoAddress: err != nil, Records: b.records(c), EmailKey: c.EmailKey, Category: s.category, SkipPreferenceCheck: r.SkipPreferenceCheck,
		Window: cmp.Or(r.Window, defaults.SendWindow), Deferral: d.state(), OnBlocked: r.OnBlocked, DefaultOnBlocked: defaults.OnBlocked, MaxDefer: defaults.MaxDefer,
		Limits: steps.LimitsOf(defaults.FrequencyCap, b.authored.MinSendGap(n.JourneyID), b.index.IDs(n.JourneyID), s.category, r.SkipPreferenceCheck),
	}
	g.Limits.Priority = b.authored.Priority(n.JourneyID)
	b.rivals(&g, c, d.open(), attempt)
	g.GapSends = b.pastSends(c)
	g.CapSends = g.GapSends
	if g.Window != (hogsend.Window{}) {
		to, err := c.contact()
		if err != nil {
			return steps.GateOutcome{}, err
		}
		zone, _ := steps.ResolveZone(to, defaults.Timezone)
		g.Zone = zone.Name
	}
	return g.Decide()
}

// rivals finds the other deferred sends to the contact or its address: those that may need
// the places of a cap, and whether one of them is to be tried before (E-27, E-82).
func (b *Backend) rivals(g *steps.Gate, to *contact, own *wait, attempt int) {
	seen := false // own, in the order of creation
	for _, w := range b.waits {
		if w == own {
			seen = true
		}
		if w == own || w.deferred == nil || w.status != contract.WaitOpen {
			continue
		}
		same := w.enrollment.contact == to
		if (same || to.EmailKey != "" && w.deferred.emailKey == to.EmailKey) && w.deferred.to == w.enrollment.contact && !b.pausedNow(w.enrollment.JourneyID) {
			g.Deferred = append(g.Deferred, steps.DeferredSend{Due: *w.Deadline, Priority: w.deferred.priority, Category: w.deferred.category})
		}
		if own == nil || !same || w.Deadline.After(b.Now()) || attempt > steps.Turns {
			continue
		}
		order := cmp.Or(cmp.Compare(own.deferred.priority, w.deferred.priority), w.Deadline.Compare(*own.Deadline), w.begun.Compare(own.begun))
		g.Behind = g.Behind || order < 0 || order == 0 && !seen
	}
}

// pastSends are those to a contact or to its address.
func (b *Backend) pastSends(c *contact) []steps.PastSend {
	var past []steps.PastSend
	for _, s := range b.sends {
		if s.contact == c || c.EmailKey != "" && decide.EmailKey(s.to) == c.EmailKey {
			past = append(past, steps.PastSend{
				ClaimedAt: s.claimedAt, Status: s.status, Reason: s.reason, JourneyID: s.journeyID, Template: s.template, Category: s.category, ToAnotherContact: s.contact != c,
			})
		}
	}
	return past
}

// deferSend defers a send: nothing is claimed, the enrollment waits (J-134).
func (b *Backend) deferSend(n *enrollment, r contract.SendRequest, s *send, d *deferral, out steps.GateOutcome) *contract.Deferral {
	if len(d.waits) == 0 {
		d.since = b.Now()
	}
	step := strings.TrimPrefix(r.Key, r.Step.EnrollmentID+":") + ":defer#" + strconv.Itoa(len(d.waits)+1)
	w := &wait{
		Wait:       decide.Wait{ID: idOf("wait", n.ID, step), EnrollmentID: n.ID, Label: contract.DeferredNode(r), Deadline: &out.Until},
		enrollment: n, step: step, begun: b.Now(), status: contract.WaitOpen,
		deferred: &deferredSend{to: s.contact, priority: b.authored.Priority(n.JourneyID), category: s.category, emailKey: s.contact.EmailKey},
	}
	if s.elsewhere {
		w.deferred.priority = 0
	}
	d.waits, d.reason = append(d.waits, w), out.Refusal.Reason
	b.waits, b.waitByID[w.ID] = append(b.waits, w), w
	b.move(n, step, "send_gated", contract.EnrollmentWaiting, n.node, w.Label, map[string]any{"template": r.Template, "reason": d.reason, "until": out.Until.UTC()})
	return d.told()
}

// draft is the mail as rendered now.
func (b *Backend) draft(n *enrollment, r contract.SendRequest) (*send, error) {
	s := &send{id: idOf("send", r.Key), key: r.Key, template: r.Template, replyTo: r.ReplyTo, props: r.Props, contact: n.contact, enrollment: n, journeyID: n.JourneyID}
	if err := b.address(s, r); err != nil {
		return nil, err
	}
	template, _ := b.Renderer.Lookup(r.Template)
	s.category = steps.Category(r.Category, b.authored.Category(n.JourneyID), template.Category)
	if s.nobody {
		return s, nil
	}
	c, err := s.contact.contact()
	if err != nil {
		return nil, err
	}
	var about hogsend.Contact
	if s.elsewhere {
		if about, err = n.contact.contact(); err != nil {
			return nil, err
		}
	}
	// A mistake in a template is the author's, whatever the journey does with it (T-5).
	rendered, err := b.Renderer.Render(r.Template, email.Input{
		Zone:  func() string { zone, _ := steps.ResolveZone(c, b.Registry.Defaults.Timezone); return zone.Name },
		Props: r.Props, Contact: c, About: about, JourneyID: n.JourneyID, JourneyName: b.index.Name(n.JourneyID), Subject: r.Subject, PublicURL: backend.PublicURL,
	})
	if err == nil {
		s.from, err = email.Senders{Default: backend.Sender, Domains: b.FromDomains}.Choose(r.From)
	}
	if err != nil {
		b.Problem(backend.Problem{Kind: backend.BadTemplate, Name: r.Template, Text: fmt.Sprintf("%s sends %s: %s", n.JourneyID, r.Template, err)})
		return nil, err
	}
	brought, err := email.Bring(context.Background(), r.Attach, func(name string) (hogsend.FileSource, error) {
		if source := b.index.Files(name); source != nil {
			return source, nil
		}
		return nil, fmt.Errorf("there are no files %q%s", name, naming.Suggestion(name, b.index.FileNames()))
	})
	if err == nil {
		s.files = slices.Concat(template.Files, brought)
		_, err = email.Files(s.files)
	}
	if err != nil {
		b.Problem(backend.Problem{Kind: backend.BadTemplate, Name: r.Template, Text: fmt.Sprintf("%s sends %s: %s", n.JourneyID, r.Template, err)})
		return nil, err
	}
	s.answers = rendered.Answers
	s.to, s.subject, s.html, s.text = c.Email, rendered.Subject, rendered.HTML, rendered.Text
	return s, nil
}

// address finds who gets a mail (E-83).
func (b *Backend) address(s *send, r contract.SendRequest) error {
	if r.To == (hogsend.Recipient{}) {
		return nil
	}
	if r.To.Address != "" {
		to, ok := b.index.Address(r.To.Address)
		if !ok {
			b.Problem(backend.Problem{Kind: backend.BadTemplate, Name: r.Template, Text: fmt.Sprintf("%s sends %s: to: there is no address %q%s",
				s.journeyID, r.Template, r.To.Address, naming.Suggestion(r.To.Address, b.index.AddressNames()))})
			return &hogsend.ValidationError{Field: "to", Message: fmt.Sprintf("there is no address %q", r.To.Address)}
		}
		s.elsewhere, s.contact = true, &contact{Identity: decide.Identity{Email: to, EmailKey: address.Key(to)}}
		return nil
	}
	about, err := s.contact.contact()
	if err != nil {
		return err
	}
	enrolled := s.contact
	id, known := b.keys[decide.ContactKey{Kind: decide.KeyUser, Key: steps.RecipientID(r.To, about.Properties)}]
	if s.contact = b.byID[id]; !known || s.contact == nil || !s.contact.DeletedAt.IsZero() {
		s.contact, s.nobody = &contact{}, true
	}
	s.elsewhere = s.contact != enrolled
	return nil
}

// deliver is the provider: it takes the mail, or does as the script says.
func (b *Backend) deliver(s *send, step contract.Step, attempt int) error {
	if attempt <= s.outcome.Retries {
		return temporal.NewApplicationError("provider call failed", "ProviderUnavailable")
	}
	status, reason, action := contract.SendSent, contract.SendReason(""), "sent"
	switch {
	case s.outcome.Refused != "":
		status, reason, action = contract.SendFailed, contract.SendReason(s.outcome.Refused), "send_failed"
	case s.outcome.Unknown:
		status, reason, action = contract.SendFailed, contract.SendUnknownOutcome, "send_failed"
	}
	write := func() {
		s.status, s.reason, s.at = status, reason, b.Now()
		detail := map[string]any{"template": s.template, "sendId": s.id.String()}
		if reason != "" {
			detail["reason"] = reason
		}
		b.log(s.enrollment, step.Key, action, step.Node, step.Node, detail)
		b.mailed(s)
	}
	if s.contact.DeletedAt.IsZero() && s.contact.id != uuid.Nil && b.buckets.LookAtMail(s.template) {
		return b.update(s.contact, &decide.Update{Template: s.template, Attached: []any{write}})
	}
	write()
	return nil
}

func (b *Backend) isSubscribed(n *enrollment, r contract.SubscribedRequest) (bool, error) {
	return steps.IsSubscribed(b.records(n.contact), n.contact.EmailKey, r.Category, b.index.Lists()), nil
}

// throttle counts the sends that count for caps (J-144, E-22).
func (b *Backend) throttle(n *enrollment, r contract.ThrottleRequest) (bool, error) {
	t := steps.Throttle{Since: r.Since, Template: r.Throttle.Template, Category: r.Throttle.Category}
	if r.Throttle.Journey != "" {
		t.JourneyIDs = b.index.IDs(r.Throttle.Journey)
	}
	count := t.Count(b.pastSends(n.contact))
	if count >= r.Throttle.Max && n.live() {
		b.log(n, r.Step.Key, "throttled", n.node, n.node, map[string]any{
			"label": r.Throttle.Label, "max": r.Throttle.Max, "window": r.Throttle.Window.String(), "sends": count,
		})
	}
	return count < r.Throttle.Max, nil
}
