package hogsendtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// newResult reads off an outcome what an author asks for.
func newResult(s *Scenario, o *backend.Outcome, seen *callLog, end time.Time) (*Result, error) {
	r := &Result{t: s.t, Start: s.start, End: end, contacts: map[string]hogsend.Contact{}}
	for i := range o.Sends {
		r.Mailbox = append(r.Mailbox, mailOf(&o.Sends[i]))
	}
	for _, e := range o.Events {
		r.Events, r.names = append(r.Events, e.StoredEvent), append(r.names, e.Contact)
	}
	for _, c := range o.Contacts {
		r.contacts[c.Name] = c.Contact
	}
	for _, c := range o.Changes {
		r.Changes = append(r.Changes, Change(c))
	}
	for _, m := range o.Memberships {
		r.Memberships = append(r.Memberships, Membership{
			Contact: m.Contact, Bucket: m.BucketID, EntryCount: m.Epoch, EnteredAt: m.EnteredAt, LeftAt: m.LeftAt, Reason: hogsend.LeaveReason(m.LeaveReason),
		})
	}
	for _, c := range o.Captures {
		capture := Capture{At: c.At, Contact: c.Contact, Event: c.Event}
		if err := json.Unmarshal(c.Properties, &capture.Properties); err != nil {
			return nil, fmt.Errorf("read capture: %w", err)
		}
		r.Captures = append(r.Captures, capture)
	}
	for _, d := range o.Decisions {
		decision, err := decisionOf(d)
		if err != nil {
			return nil, err
		}
		r.Decisions = append(r.Decisions, decision)
	}
	if err := r.readCalls(o, seen); err != nil {
		return nil, err
	}
	return r, r.readEnrollments(o)
}

func mailOf(s *backend.Send) Mail {
	mail := Mail{
		At: s.At, Contact: s.Contact, About: s.About, To: s.To, From: s.From, ReplyTo: s.ReplyTo, Journey: s.Journey, Template: s.Template, Props: s.Props,
		Category: s.Category, Subject: s.Subject, HTML: s.HTML, Text: s.Text, Files: s.Files,
	}
	verdict, ended, err := steps.Verdict(s.ID, s.Status, contract.SendReason(s.Reason), s.At)
	if mail.Verdict = verdict; ended || err != nil { // what the journey got was an error (J-132)
		mail.Verdict = hogsend.Verdict{SendID: s.ID, Status: hogsend.SendStatus(s.Status), Reason: s.Reason, At: s.At}
	}
	return mail
}

func decisionOf(d backend.Decision) (Decision, error) {
	decision := Decision{At: d.At, Contact: d.Contact, Journey: d.Journey, Event: d.Event, Key: d.Key, Outcome: string(contract.OutcomeEnrolled), Reason: d.Reason}
	if d.Reason != "" {
		decision.Outcome = string(contract.OutcomeSkipped)
	}
	var detail struct {
		Failed json.RawMessage `json:"failed"`
		Digest string          `json:"digest"`
	}
	if len(d.Detail) == 0 {
		return decision, nil
	}
	if err := json.Unmarshal(d.Detail, &detail); err != nil {
		return decision, fmt.Errorf("read decision: %w", err)
	}
	decision.Digest = detail.Digest
	if len(detail.Failed) > 0 {
		var err error
		if decision.Failed, err = criteria.UnmarshalFailed(detail.Failed); err != nil {
			return decision, fmt.Errorf("read decision: %w", err)
		}
	}
	return decision, nil
}

// logDetail is what rows of the step log say about their step.
type logDetail struct {
	Event, Outcome, Reason, Label, Name, Arm, Activity string

	Attempts   int
	Properties []string
	Until      *time.Time
}

// readEnrollments reads enrollments and their step logs.
func (r *Result) readEnrollments(o *backend.Outcome) error {
	places := map[string]int{}
	for i := range o.Enrollments {
		n := &o.Enrollments[i]
		places[n.ID] = i
		r.Enrollments = append(r.Enrollments, Enrollment{
			ID: n.ID, Contact: n.Contact, Journey: n.Journey, Key: n.Key, Entry: n.Entry, Status: string(n.Status), ExitReason: n.ExitReason, Error: n.Error,
			Node: n.Node, EnrolledAt: n.EnrolledAt, EndedAt: n.EndedAt, Variants: map[string]string{},
		})
	}
	for i := range o.StepLogs {
		row := &o.StepLogs[i]
		var detail logDetail
		if err := json.Unmarshal(row.Detail, &detail); err != nil {
			return fmt.Errorf("read step log: %w", err)
		}
		n := &r.Enrollments[places[row.EnrollmentID]]
		if row.Action != n.Status && (len(n.Nodes) == 0 || n.Nodes[len(n.Nodes)-1] != row.To) {
			n.Nodes = append(n.Nodes, row.To)
		}
		switch row.Action {
		case "event_triggered":
			n.Events = append(n.Events, detail.Event)
		case "variant":
			n.Variants[detail.Name] = detail.Arm
		}
		r.lines = append(r.lines, timelineRow{
			at: row.At, contact: n.Contact, journey: numbered(n), id: n.Journey, text: detail.line(row, n, r.Start), action: row.Action, enrollment: n.ID, event: detail.Event,
		})
	}
	return nil
}

// numbered is the name of a journey and, from the second on, the number of the entry.
func numbered(n *Enrollment) string {
	if n.Entry > 1 {
		return fmt.Sprintf("%s#%d", n.Journey, n.Entry)
	}
	return n.Journey
}

// line is a row of the step log as a line of a timeline.
func (d *logDetail) line(row *backend.StepLog, n *Enrollment, start time.Time) string {
	words := []string{row.Action}
	switch row.Action {
	case "enrolled":
		words = append(words, numbered(n))
	case "completed":
	case "failed":
		words = append(words, n.Error)
	case "exited":
		words = append(words, d.Reason)
	case "event_triggered":
		words = append(words, d.Event)
	case "captured":
		words = append(words, row.To, d.Event)
	case "called":
		words = append(words, d.Activity)
		if d.Outcome != string(contract.CallSucceeded) {
			words = append(words, d.Outcome)
		}
		if d.Attempts > 1 {
			words = append(words, fmt.Sprintf("after %d attempts", d.Attempts))
		}
	case "variant":
		words = append(words, row.To, d.Name, d.Arm)
	case "identified":
		words = append(append(words, row.To), d.Properties...)
	case "digest":
		words = append(words, row.To)
	default:
		words = append(words, row.To, cmp.Or(d.Outcome, d.Reason, d.Label))
		if d.Until != nil {
			words = append(words, "until "+offset(d.Until.Sub(start)))
		}
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// lines are everything that a script makes, a line each.
func lines(o *backend.Outcome, start time.Time) []string {
	var all []string
	since := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return "+" + t.Sub(start).Round(time.Millisecond).String()
	}
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for i := range o.Sends {
		s := &o.Sends[i]
		add("mail %s to %s of %s at %s: %s %s %q %s %s", s.Template, s.Contact, s.Journey, since(s.At), s.Status, s.Reason, s.Subject, s.Category, s.Props)
		add("%s", s.Text)
	}
	for i := range o.Events {
		e := &o.Events[i]
		add("event %s of %s at %s, occurred %s, from %s, hops %d: %s", e.Name, e.Contact, since(e.ReceivedAt), since(e.OccurredAt), e.Source, e.Hops, e.Raw)
	}
	for _, c := range o.Captures {
		add("capture %s of %s at %s %s", c.Event, c.Contact, since(c.At), c.Properties)
	}
	for _, d := range o.Decisions {
		add("decision about %s at %s: %s %q by %s %s %s", d.Contact, since(d.At), d.Journey, d.Key, d.Event, d.Reason, d.Detail)
	}
	for i := range o.Contacts {
		c := &o.Contacts[i]
		add("contact %s %s %s seen %s to %s %s", c.Name, c.Email, c.Timezone, since(c.FirstSeen), since(c.LastSeen), detailOf(c.Properties))
	}
	for _, m := range o.Memberships {
		add("membership of %s in %s: %d, %s to %s %s %s muted %t", m.Contact, m.BucketID, m.Epoch, since(m.EnteredAt), since(m.LeftAt), m.Source, m.LeaveReason, m.Muted)
	}
	for i := range o.Enrollments {
		n := &o.Enrollments[i]
		add("enrollment of %s in %s#%d %q: %s %s %s at %s from %s to %s hops %d", n.Contact, n.Journey, n.Entry, n.Key, n.Status, n.ExitReason, n.Error, n.Node,
			since(n.EnrolledAt), since(n.EndedAt), n.Hops)
	}
	for i := range o.StepLogs {
		row := &o.StepLogs[i]
		add("log of %s in %s#%d at %s: %s %s from %s to %s %s", row.Contact, row.Journey, row.Entry, since(row.At), row.Key, row.Action, row.From, row.To, row.Detail)
	}
	for _, id := range slices.Sorted(maps.Keys(o.Once)) {
		add("kept %s %s", id, o.Once[id])
	}
	return all
}
