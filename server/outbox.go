package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// outboxReply is the object OutboxRow of §6.7. A row that is leased is being delivered.
type outboxReply struct {
	ID          uuid.UUID           `json:"id"`
	Kind        contract.OutboxKind `json:"kind"`
	Key         string              `json:"key"`
	ContactID   *uuid.UUID          `json:"contactId"`
	EventID     *uuid.UUID          `json:"eventId"`
	Status      string              `json:"status"`
	Attempts    int32               `json:"attempts"`
	NextAttempt *ts                 `json:"nextAttemptAt"`
	LastError   *string             `json:"lastError"`
	CreatedAt   ts                  `json:"createdAt"`
	DeliveredAt *ts                 `json:"deliveredAt"`
}

// The states of rows that clients see besides those that are stored.
const (
	outboxPending    = "pending"
	outboxDelivering = "delivering"
)

// outboxReplies names the contacts of rows: of a message to a destination its payload does,
// of any other what it is delivered in the order of. A row that is about nobody has none.
func (s *Server) outboxReplies(r *request, rows []storedb.Outbox) ([]outboxReply, error) {
	keys := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		keys[i] = row.OrderingKey
	}
	found, err := s.store.OutboxContacts(r.ctx(), keys)
	if err != nil {
		return nil, err
	}
	contacts := map[uuid.UUID]uuid.UUID{}
	for _, m := range found {
		contacts[m.ID] = m.ContactID
	}
	out := make([]outboxReply, len(rows))
	for i, row := range rows {
		out[i] = outboxReply{
			ID: row.ID, Kind: row.Kind, Key: row.Key, EventID: row.EventID, Status: row.Status, Attempts: row.Attempts,
			LastError: row.LastError, CreatedAt: ts(row.CreatedAt), DeliveredAt: tsOrNull(row.DeliveredAt),
		}
		if contact, ok := contacts[row.OrderingKey]; ok {
			out[i].ContactID = &contact
		}
		if row.Kind == contract.OutboxWebhook {
			var told struct{ ContactID *uuid.UUID }
			if err := json.Unmarshal(row.Payload, &told); err != nil {
				return nil, fmt.Errorf("read message of webhook: %w", err)
			}
			out[i].ContactID = told.ContactID
		}
		if row.Status == outboxPending {
			out[i].NextAttempt = tsOrNull(&row.DueAt)
			if row.LeasedBy != nil && row.DueAt.After(s.now()) {
				out[i].Status = outboxDelivering
			}
		}
	}
	return out, nil
}

// listOutbox is R-110.
func (s *Server) listOutbox(r *request) error {
	q := queryOf(r)
	p, kind, status := q.page(), q.optional("kind"), outboxPending
	if given := q.oneOf("status", outboxPending, outboxDelivering, "delivered", "dead"); given != nil {
		status = *given
	}
	event := q.id("eventId")
	if err := q.err(); err != nil {
		return err
	}
	stats, err := s.store.OutboxStats(r.ctx())
	if err != nil {
		return err
	}
	contact, none, err := s.outboxOf(r, q.text("contact"), event)
	if err != nil {
		return err
	}
	var rows []storedb.Outbox
	leased, stored := status == outboxDelivering, status
	if leased {
		stored = outboxPending
	}
	switch {
	case none:
	case contact != nil:
		of := storedb.AdminOutboxOfCountParams{ContactID: *contact, Status: stored, Leased: leased, Kind: kind, EventID: event}
		if p.Total, err = s.store.AdminOutboxOfCount(r.ctx(), of); err != nil {
			return err
		}
		rows, err = s.store.AdminOutboxOf(r.ctx(), storedb.AdminOutboxOfParams{
			ContactID: of.ContactID, Status: stored, Leased: leased, Kind: kind, EventID: event, RowOffset: p.Offset, RowLimit: p.Limit,
		})
	default:
		all := storedb.AdminOutboxCountParams{Pending: stored == outboxPending, Leased: leased, Kind: kind, Dead: status == "dead", Delivered: status == "delivered"}
		if p.Total, err = s.store.AdminOutboxCount(r.ctx(), all); err != nil {
			return err
		}
		rows, err = s.store.AdminOutboxList(r.ctx(), storedb.AdminOutboxListParams{
			Pending: all.Pending, Leased: leased, Kind: kind, Dead: all.Dead, Delivered: all.Delivered,
			RowEnd: rowEnd(p), RowOffset: p.Offset, RowLimit: p.Limit,
		})
	}
	if err != nil {
		return err
	}
	replies, err := s.outboxReplies(r, rows)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Rows  []outboxReply `json:"rows"`
		Stats any           `json:"stats"`
		page
	}{replies, outboxStats{stats.Pending, stats.Delivering, stats.Dead, stats.LagSeconds}, p})
}

type outboxStats struct {
	Pending    int64   `json:"pending"`
	Delivering int64   `json:"delivering"`
	Dead       int64   `json:"dead"`
	LagSeconds float64 `json:"lagSeconds"`
}

// outboxOf is the contact that a filter means; an event means its own. none is true when a
// filter names nobody.
func (s *Server) outboxOf(r *request, reference string, event *uuid.UUID) (contact *uuid.UUID, none bool, err error) {
	if reference != "" {
		c, known, err := s.store.ContactFind(r.ctx(), reference)
		if err != nil || !known {
			return nil, true, err
		}
		contact = &c.ID
	}
	if event == nil {
		return contact, false, nil
	}
	row, err := s.store.EventGetWithContact(r.ctx(), *event)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, true, nil
	case err != nil:
		return nil, true, err
	}
	return &row.Event.ContactID, contact != nil && *contact != row.Event.ContactID, nil
}

// outboxRow is the row that the path names.
func (s *Server) outboxRow(r *request) (storedb.Outbox, error) {
	id, err := idParam(r, "id")
	if err != nil {
		return storedb.Outbox{}, err
	}
	rows, err := s.store.AdminOutboxGet(r.ctx(), id)
	if err != nil {
		return storedb.Outbox{}, err
	}
	if len(rows) == 0 {
		return storedb.Outbox{}, notFound("Outbox row not found")
	}
	return rows[0], nil
}

// getOutbox is R-111.
func (s *Server) getOutbox(r *request) error {
	row, err := s.outboxRow(r)
	if err != nil {
		return err
	}
	replies, err := s.outboxReplies(r, []storedb.Outbox{row})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Row any `json:"row"`
	}{struct {
		outboxReply
		Payload json.RawMessage `json:"payload"`
	}{replies[0], row.Payload}})
}

// retryOutbox is R-112. A row that is under way is left to itself.
func (s *Server) retryOutbox(r *request) error {
	row, err := s.outboxRow(r)
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	if err := s.desk.RetryOutbox(r.ctx(), s.who(r), row); err != nil && !errors.Is(err, operate.ErrDecided) {
		return err
	}
	if row, err = s.outboxRow(r); err != nil {
		return err
	}
	if row.Status == "delivered" {
		return conflict("Row is already delivered")
	}
	replies, err := s.outboxReplies(r, []storedb.Outbox{row})
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, struct {
		Row outboxReply `json:"row"`
	}{replies[0]})
}

// rowEnd is how many rows a page and all before it have.
func rowEnd(p page) int32 { return int32(min(int64(p.Offset)+int64(p.Limit), 1<<31-1)) } //nolint:gosec // bounded
