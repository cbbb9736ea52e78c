package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/flow"
)

// walk is somebody's way through a journey.
type walk struct {
	p    *past
	w    *person
	j    hogsend.Journey
	id   uuid.UUID
	node string
	at   time.Time
	n    int
}

// wentThrough is the past of one enrollment: a mail, two days, the next mail, until the
// end or until something ended it.
func (p *past) wentThrough(w *person, j hogsend.Journey, at time.Time) {
	event := p.event(*w, j.Trigger.Event, fmt.Sprintf(`{"plan":%q}`, w.plan), at)
	if p.happens(6) {
		reason, detail := "trigger_conditions_not_met", fmt.Sprintf(`{"failed":[{"type":"property","property":"plan","operator":"eq","value":"team","actual":%q}]}`, w.plan)
		if p.happens(50) {
			reason, detail = "late_event", `{}`
		}
		p.decided(*w, j, event, nil, &reason, detail, at)
		return
	}
	k := &walk{p: p, w: w, j: j, id: p.id(at), node: "start", at: at.Add(time.Second)}
	p.decided(*w, j, event, &k.id, nil, "{}", at)
	status, cause, ended := contract.EnrollmentCompleted, "", "" // of an exit and of a failure
	for _, step := range p.steps(j) {
		if step.wait != "" {
			k.waits(step.wait, 2*hogsend.Day)
			continue
		}
		template := step.template
		if p.happens(2) {
			status, cause = contract.EnrollmentFailed, pick(p.chance, []string{
				"send:" + template + ": template " + template + ": missing property name", "activity Charge: card declined\nattempt 5 of 5", "unable to render: price is not a number",
			})
			k.node = "send:" + template
			break
		}
		k.mail(template)
		if p.happens(4) {
			status, ended = contract.EnrollmentExited, "event"
			break
		}
	}
	k.end(status, cause, ended, event)
}

// step is one of a journey: a wait, by its node, or a mail.
type step struct{ wait, template string }

// steps are the waits and mails of a journey's code, each once; without the code its mails
// with two days between them.
func (p *past) steps(j hogsend.Journey) []step {
	var out []step
	code, found := p.cfg.Flow.Of(j)
	if !found {
		for i, template := range j.Templates {
			if i > 0 {
				out = append(out, step{wait: "wait:48h"})
			}
			out = append(out, step{template: template})
		}
		return out
	}
	code.Root.Nodes(func(n *flow.Node) {
		switch template, known := strings.CutPrefix(n.Text, "Mail "); {
		case n.Kind == flow.Wait:
			out = append(out, step{wait: strings.ReplaceAll(n.ID, "*", "1")})
		case n.Kind == flow.Send && known && slices.Contains(j.Templates, template):
			out = append(out, step{template: template})
		}
	})
	return out
}

func (p *past) decided(w person, j hogsend.Journey, event uuid.UUID, enrollment *uuid.UUID, reason *string, detail string, at time.Time) {
	outcome := contract.OutcomeEnrolled
	if reason != nil {
		outcome = contract.OutcomeSkipped
	}
	p.add("decisions", "id at type contact_id journey_id event_id event_name outcome reason enrollment_id detail",
		p.id(at), at, "enrollment", w.id, j.ID, event, j.Trigger.Event, string(outcome), reason, enrollment, detail)
}

func (k *walk) log(key, action, to, detail string) {
	k.n++
	k.p.add("step_logs", "enrollment_id step_key action from_node to_node detail build_id at",
		k.id, fmt.Sprintf("%s#%d", key, k.n), action, k.node, to, detail, "demo", k.at)
	k.node = to
}

// waits passes time, less of it where that would not be over yet.
func (k *walk) waits(label string, d time.Duration) {
	if k.at.Add(d).After(k.p.cfg.Now.Add(-time.Minute)) {
		d = time.Minute
	}
	k.log(label, "wait_started", label, fmt.Sprintf(`{"deadline":%q}`, k.at.Add(d).Format(time.RFC3339)))
	k.at = k.at.Add(d)
	k.log(label, "wait_ended", label, `{"outcome":"timed_out"}`)
}

// end writes the enrollment with its ways.
func (k *walk) end(status contract.EnrollmentStatus, cause, reason string, event uuid.UUID) {
	k.at = k.at.Add(time.Second)
	var failure, exit, completed, exited any
	switch status {
	case contract.EnrollmentFailed:
		failure = cause
	case contract.EnrollmentExited:
		exit, exited = reason, k.at
	default:
		completed = k.at
	}
	k.p.add("enrollments", "id contact_id journey_id entry status node trigger_event_id trigger_seq version build_id workflow_id error exit_reason completed_at exited_at created_at updated_at",
		k.id, k.w.id, k.j.ID, 1, string(status), k.node, event, 0, k.j.Version, "demo", contract.JourneyWorkflowID(k.j.ID, k.w.id.String(), 1), failure, exit, completed, exited, k.at.Add(-time.Minute), k.at)
}

// mail is one of the mails of a journey and what became of it.
func (k *walk) mail(template string) {
	p, w, node := k.p, k.w, "send:"+template
	k.log(node, "node", node, "{}")
	m := &mail{id: p.id(k.at), at: k.at, status: contract.SendDelivered}
	switch {
	case w.silent:
		m.refuse(contract.SendSuppressed, "bounce")
	case p.happens(3):
		m.refuse(contract.SendSkipped, pick(p.chance, []string{"frequency_capped", "outside_window", "category_opt_out", "unsubscribed_all", "suppress_gap"}))
	case p.happens(2):
		m.fail(pick(p.chance, []string{"unknown_outcome", "422 Invalid to field"}))
	default:
		m.deliver(p, w)
	}
	rendered, err := p.mails.Render(template, email.Input{
		Props: p.example(template), Contact: hogsend.Contact{ID: w.id.String(), ExternalID: w.user, Email: w.email, Properties: hogsend.Properties{"firstName": w.name}},
		JourneyID: k.j.ID, JourneyName: k.j.Name, PublicURL: p.cfg.PublicURL, UnsubscribeURL: p.cfg.PublicURL + "/v1/email/unsubscribe?token=demo", PreferencesURL: p.cfg.PublicURL + "/v1/email/preferences?token=demo",
	})
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("render mail: %w", err)
	}
	if m.refused {
		rendered.HTML, rendered.Text = "", ""
	}
	p.add("sends", "id key contact_id enrollment_id journey_id template_key category status reason from_email to_email subject html text headers provider_id claimed_at sent_at delivered_at opened_at clicked_at bounced_at complained_at bounce_type bounce_reason created_at updated_at",
		m.id, k.id.String()+"/"+node, w.id, k.id, k.j.ID, template, rendered.Category, string(m.status), m.reason, "Shop <hello@example.com>", w.email, rendered.Subject, rendered.HTML, rendered.Text,
		`{"X-Entity-Ref-ID":"`+m.id.String()+`"}`, m.provider, m.claimed, m.sent, m.delivered, m.opened, m.clicked, m.bounced, m.complained, m.bounceType, m.bounceReason, m.at, m.last)
	k.log(node, m.action(), node, "{}")
	k.at = k.at.Add(time.Second)
}

// example are props of a template as its author gave them.
func (p *past) example(template string) json.RawMessage {
	t, _ := p.mails.Lookup(template) // one that is not there is told of by Render
	for _, name := range slices.Sorted(maps.Keys(t.Examples)) {
		if raw, err := json.Marshal(t.Examples[name]); err == nil {
			return raw
		}
	}
	return nil
}
