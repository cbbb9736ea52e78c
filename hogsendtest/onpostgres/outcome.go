package onpostgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// named is how the author of a test names a contact.
const named = `coalesce(c.external_id, c.email, c.anonymous_id, c.id::text)`

// Outcome implements backend.Backend.
func (b *Backend) Outcome() (*backend.Outcome, error) {
	o := &backend.Outcome{Once: map[string]json.RawMessage{}}
	r := reader{backend: b}
	r.read(`select `+named+`, c.id::text, coalesce(c.external_id, ''), coalesce(c.email, ''), coalesce(c.timezone, ''), c.properties, c.first_seen_at, c.last_seen_at
		from contacts c where merged_into is null order by c.created_at, c.id`, func(rows pgx.Rows) error {
		var c backend.Contact
		err := rows.Scan(&c.Name, &c.ID, &c.ExternalID, &c.Email, &c.Timezone, &c.Properties, &c.FirstSeen, &c.LastSeen)
		for key := range c.Properties {
			if strings.HasPrefix(key, backend.OrderedProperty("")) {
				delete(c.Properties, key)
			}
		}
		o.Contacts = append(o.Contacts, c)
		return err
	})
	r.read(`select `+named+`, e.id::text, e.name, e.source, e.hops, e.properties, e.occurred_at, e.received_at
		from events e join contacts c on c.id = e.contact_id order by e.seq`, func(rows pgx.Rows) error {
		var e backend.StoredEvent
		if err := rows.Scan(&e.Contact, &e.ID, &e.Name, &e.Source, &e.Hops, &e.Raw, &e.OccurredAt, &e.ReceivedAt); err != nil {
			return err
		}
		var err error
		e.Properties, e.Truncated, err = steps.Properties(e.Raw)
		o.Events = append(o.Events, e)
		return err
	})
	r.read(`select d.at, `+named+`, d.journey_id, d.event_name, d.key, coalesce(d.reason, ''), d.detail from decisions d join contacts c on c.id = d.contact_id order by d.id`, func(rows pgx.Rows) error {
		var d backend.Decision
		err := rows.Scan(&d.At, &d.Contact, &d.Journey, &d.Event, &d.Key, &d.Reason, &d.Detail)
		o.Decisions = append(o.Decisions, d)
		return err
	})
	r.read(`select n.id::text, `+named+`, n.journey_id, n.workflow_id, n.key, n.entry, n.hops, n.status, n.node, coalesce(n.exit_reason, ''), coalesce(n.error, ''), n.created_at,
			coalesce(n.completed_at, n.exited_at, case when n.status = 'failed' then (select max(l.at) from step_logs l where l.enrollment_id = n.id and l.action = 'failed') end) from enrollments n join contacts c on c.id = n.contact_id order by n.id`, func(rows pgx.Rows) error {
		var n backend.Enrollment
		var ended *time.Time
		err := rows.Scan(&n.ID, &n.Contact, &n.Journey, &n.WorkflowID, &n.Key, &n.Entry, &n.Hops, &n.Status, &n.Node, &n.ExitReason, &n.Error, &n.EnrolledAt, &ended)
		n.EndedAt = instant(ended)
		o.Enrollments = append(o.Enrollments, n)
		return err
	})
	r.read(`select n.id::text, l.at, l.step_key, l.action, l.from_node, l.to_node, l.detail, `+named+`, n.journey_id, n.entry
		from step_logs l join enrollments n on n.id = l.enrollment_id join contacts c on c.id = n.contact_id order by l.seq`, func(rows pgx.Rows) error {
		var l backend.StepLog
		err := rows.Scan(&l.EnrollmentID, &l.At, &l.Key, &l.Action, &l.From, &l.To, &l.Detail, &l.Contact, &l.Journey, &l.Entry)
		o.StepLogs = append(o.StepLogs, l)
		return err
	})
	b.readSends(&r, o)
	r.read(`select `+named+`, m.bucket_id, m.epoch, m.entered_at, m.left_at, m.source, coalesce(m.left_reason, ''), m.muted
		from memberships m join contacts c on c.id = m.contact_id order by c.created_at, c.id, m.entered_at, m.id`, func(rows pgx.Rows) error {
		var m backend.Membership
		var left *time.Time
		err := rows.Scan(&m.Contact, &m.BucketID, &m.Epoch, &m.EnteredAt, &left, &m.Source, &m.LeaveReason, &m.Muted)
		m.LeftAt = instant(left)
		o.Memberships = append(o.Memberships, m)
		return err
	})
	r.read(`select o.created_at, `+named+`, o.payload->>'event', o.payload->'properties' from outbox o join contacts c on c.id = (o.payload->>'contactId')::uuid where o.kind = 'capture' order by o.seq`, func(rows pgx.Rows) error {
		var one backend.Capture
		err := rows.Scan(&one.At, &one.Contact, &one.Event, &one.Properties)
		o.Captures = append(o.Captures, one)
		return err
	})
	r.read(`select enrollment_id::text || '/' || label, value from once_values`, func(rows pgx.Rows) error {
		var id string
		var value json.RawMessage
		err := rows.Scan(&id, &value)
		o.Once[id] = value
		return err
	})
	return o, r.err
}

func (b *Backend) readSends(r *reader, o *backend.Outcome) {
	r.read(`select s.id::text, s.key, coalesce(case when c.id is not null then `+named+` end, s.to_email), coalesce((
				select `+strings.ReplaceAll(named, "c.", "a.")+` from enrollments e join contacts a on a.id = e.contact_id where e.id = s.enrollment_id
			), ''), coalesce(s.journey_id, ''), s.template_key, s.to_email, s.from_email, s.reply_to, coalesce(s.category, ''), s.subject, s.html, s.text,
			s.props, case when s.sent_at is null then s.status else 'sent' end, coalesce(s.reason, ''), coalesce(s.sent_at, s.updated_at), s.opened_at is not null, s.clicked_at is not null
		from sends s left join contacts c on c.id = s.contact_id order by s.created_at, s.id`, func(rows pgx.Rows) error {
		var s backend.Send
		err := rows.Scan(&s.ID, &s.Key, &s.Contact, &s.About, &s.Journey, &s.Template, &s.To, &s.From, &s.ReplyTo, &s.Category, &s.Subject, &s.HTML, &s.Text, &s.Props,
			&s.Status, &s.Reason, &s.At, &s.Opened, &s.Clicked)
		o.Sends = append(o.Sends, s)
		return err
	})
	r.read(`select f.send_id::text, f.name, f.type, f.inline, c.content from send_files f join files c on c.hash = f.hash order by f.send_id, f.place`, func(rows pgx.Rows) error {
		var id string
		var f hogsend.File
		if err := rows.Scan(&id, &f.Name, &f.Type, &f.Inline, &f.Content); err != nil {
			return err
		}
		if i := slices.IndexFunc(o.Sends, func(s backend.Send) bool { return s.ID == id }); i >= 0 {
			o.Sends[i].Files = append(o.Sends[i].Files, f)
		}
		return nil
	})
}

// reader reads rows until the first error.
type reader struct {
	backend *Backend
	err     error
}

func (r *reader) read(query string, row func(rows pgx.Rows) error) {
	if r.err != nil {
		return
	}
	rows, err := r.backend.store.Pool.Query(r.backend.ctx, query)
	if err != nil {
		r.err = fmt.Errorf("%s: %w", query, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			r.err = fmt.Errorf("%s: %w", query, err)
			return
		}
	}
	if err := rows.Err(); err != nil {
		r.err = fmt.Errorf("%s: %w", query, err)
	}
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
