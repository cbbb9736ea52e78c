package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// mail is how far a mail has come; what is nil has not happened.
type mail struct {
	id                                                             uuid.UUID
	at, last                                                       time.Time
	status                                                         contract.SendStatus
	refused                                                        bool
	reason, provider, bounceType, bounceReason                     *string
	claimed, sent, delivered, opened, clicked, bounced, complained *time.Time
}

func (m *mail) refuse(status contract.SendStatus, reason string) {
	m.status, m.reason, m.refused, m.last = status, &reason, true, m.at
}

func (m *mail) fail(reason string) {
	m.status, m.reason, m.claimed, m.last = contract.SendFailed, &reason, &m.at, m.at.Add(time.Minute)
}

func (m *mail) then(status contract.SendStatus, after time.Duration) *time.Time {
	at := m.last.Add(after)
	m.status, m.last = status, at
	return &at
}

// deliver lets a mail arrive, be read, come back or be reported.
func (m *mail) deliver(p *past, w *person) {
	provider := "demo-" + m.id.String()[24:]
	m.claimed, m.provider, m.last = &m.at, &provider, m.at
	m.sent = m.then(contract.SendSent, 400*time.Millisecond)
	if p.happens(2) {
		kind, text, why := "hard", "550 5.1.1 no such user", "bounce"
		m.bounced, m.bounceType, m.bounceReason = m.then(contract.SendBounced, 3*time.Second), &kind, &text
		p.opted(*w, false, &why, m.last)
		w.silent = true
		return
	}
	m.delivered = m.then(contract.SendDelivered, time.Second+p.within(4*time.Second))
	if p.happens(45) {
		m.opened = m.then(contract.SendOpened, p.within(6*time.Hour))
		if p.happens(35) {
			m.clicked = m.then(contract.SendClicked, p.within(10*time.Minute))
		} else if p.happens(1) {
			why := "complaint"
			m.complained = m.then(contract.SendComplained, time.Minute)
			p.opted(*w, false, &why, m.last)
			w.silent = true
		}
	}
}

// action is what the step log says.
func (m *mail) action() string {
	switch {
	case m.refused:
		return "skipped"
	case m.status == contract.SendFailed:
		return "failed"
	}
	return "sent"
}

// givenUp are letters that nobody could deliver.
func (p *past) givenUp() {
	for i := range 12 {
		at := p.cfg.Now.Add(-p.within(2 * hogsend.Day))
		reason := pick(p.chance, []string{"POST https://hooks.example.com/crm: 503 Service Unavailable", "decode webhook: unexpected end of JSON input"})
		p.add("dead_letters", "id source source_id payload error retry_count status created_at updated_at",
			p.id(at), "webhook", fmt.Sprintf("demo-%d", i), `{"event":"contact.updated"}`, reason, 5, "pending", at, at)
	}
}

// rows are those of one table.
type rows struct {
	columns []string
	values  [][]any
}

func (p *past) add(table, columns string, values ...any) {
	r := p.rows[table]
	if r == nil {
		r = &rows{columns: strings.Fields(columns)}
		p.rows[table] = r
	}
	r.values = append(r.values, values)
}

// write stores everything, tables that others refer to first.
func (p *past) write(ctx context.Context, tx pgx.Tx) error {
	for _, table := range []string{"contacts", "contact_keys", "events", "decisions", "enrollments", "step_logs", "sends", "preferences", "dead_letters", "campaigns", "campaign_recipients"} {
		r := p.rows[table]
		if r == nil {
			continue
		}
		if table == "events" { // in the order in which they came, as their sequence says
			at := slices.Index(r.columns, "received_at")
			slices.SortStableFunc(r.values, func(a, b []any) int { return a[at].(time.Time).Compare(b[at].(time.Time)) })
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{table}, r.columns, pgx.CopyFromRows(r.values)); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}
