package memory

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Outcome implements backend.Backend.
func (b *Backend) Outcome() (*backend.Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := &backend.Outcome{Captures: b.captures, Changes: b.changes, Once: maps.Clone(b.once)}
	for _, c := range b.contacts {
		if c.merged {
			continue
		}
		contact, err := c.contact()
		if err != nil {
			return nil, err
		}
		o.Contacts = append(o.Contacts, backend.Contact{Name: c.name(), Contact: contact, FirstSeen: c.firstSeen, LastSeen: c.lastSeen})
		for _, m := range c.memberships {
			o.Memberships = append(o.Memberships, backend.Membership{
				Contact: c.name(), BucketID: m.BucketID, Epoch: m.Epoch, EnteredAt: m.Entered, LeftAt: m.left, Source: string(m.source), LeaveReason: m.reason, Muted: m.Muted,
			})
		}
	}
	for _, e := range b.events {
		stored, err := e.stored()
		if err != nil {
			return nil, err
		}
		o.Events = append(o.Events, backend.StoredEvent{StoredEvent: stored, Contact: e.contact.name(), Raw: e.Properties, Hops: e.Hops})
	}
	for _, d := range b.decisions {
		o.Decisions = append(o.Decisions, backend.Decision{
			At: d.At, Contact: b.byID[d.ContactID].name(), Journey: d.JourneyID, Event: d.EventName, Key: d.Key, Reason: string(d.Reason), Detail: d.Detail,
		})
	}
	for _, n := range b.order {
		o.Enrollments = append(o.Enrollments, backend.Enrollment{
			ID: n.ID.String(), Contact: n.contact.name(), Journey: n.JourneyID, WorkflowID: n.WorkflowID, Key: n.Key, Entry: int(n.Entry), Hops: n.Hops,
			Status: n.status, Node: n.node, ExitReason: string(n.exitReason), Error: n.failed, EnrolledAt: n.CreatedAt, EndedAt: n.endedAt,
		})
	}
	for _, row := range b.logs {
		n := b.enrollments[row.EnrollmentID]
		detail, err := json.Marshal(row.Detail)
		if err != nil {
			return nil, fmt.Errorf("encode step log: %w", err)
		}
		o.StepLogs = append(o.StepLogs, backend.StepLog{
			EnrollmentID: n.ID.String(), At: row.at, Key: row.StepKey, Action: row.Action, From: row.From, To: row.To, Detail: detail,
			Contact: n.contact.name(), Journey: n.JourneyID, Entry: int(n.Entry),
		})
	}
	for _, s := range b.sends {
		o.Sends = append(o.Sends, backend.Send{
			ID: s.id.String(), Key: s.key, Contact: s.name(), About: s.enrollment.contact.name(), Journey: s.journeyID, Template: s.template, To: s.to, From: s.from, ReplyTo: s.replyTo,
			Category: s.category, Subject: s.subject, HTML: s.html, Text: s.text, Files: s.files, Props: s.props, Status: s.status, Reason: string(s.reason), At: s.at,
			Opened: s.opened, Clicked: s.clicked,
		})
	}
	return o, nil
}

// Check implements backend.Backend.
func (b *Backend) Check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waits {
		if n := w.enrollment; w.status == contract.WaitOpen && w.Deadline == nil && n.live() {
			b.Problem(backend.Problem{Kind: backend.OpenWait, Name: n.JourneyID, Text: fmt.Sprintf("%s of %s still waits at %s for %s, without a deadline",
				n.JourneyID, n.contact.name(), w.Label, w.events())})
		}
	}
}
