package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// eventReply is the object Event of §2.
type eventReply struct {
	ID         uuid.UUID       `json:"id"`
	ContactID  uuid.UUID       `json:"contactId"`
	UserID     string          `json:"userId"`
	Event      string          `json:"event"`
	Properties json.RawMessage `json:"properties"`
	Value      *float64        `json:"value"`
	Currency   *string         `json:"currency"`
	Source     string          `json:"source"`
	OccurredAt ts              `json:"occurredAt"`
	ReceivedAt ts              `json:"receivedAt"`
	// CauseID is the event that caused an internal one (I-61).
	CauseID *uuid.UUID `json:"causeId,omitempty"`
	// IdentityConflict: a key of the event belonged to another contact (I-62).
	IdentityConflict bool `json:"identityConflict,omitempty"`
}

func eventOf(e storedb.Event, c storedb.Contact) eventReply {
	return eventReply{
		ID: e.ID, ContactID: e.ContactID, UserID: contactKey(c), Event: e.Name, Properties: e.Properties, Value: e.Value,
		Currency: e.Currency, Source: e.Source, OccurredAt: ts(e.OccurredAt), ReceivedAt: ts(e.ReceivedAt), CauseID: e.CauseID, IdentityConflict: e.IdentityConflict,
	}
}

// listEvents is R-77.
func (s *Server) listEvents(r *request) error {
	q := queryOf(r)
	p := q.page()
	params := storedb.AdminEventsCountParams{Name: q.optional("event")}
	params.Since, params.Until = q.span()
	contact, none, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil {
		return err
	}
	events := []eventReply{}
	if params.ContactID = contact; !none {
		if p.Total, err = s.store.AdminEventsCount(r.ctx(), params); err != nil {
			return err
		}
		rows, err := s.store.AdminEventsList(r.ctx(), storedb.AdminEventsListParams{
			Name: params.Name, ContactID: contact, Since: params.Since, Until: params.Until, RowOffset: p.Offset, RowLimit: p.Limit, MaxBytes: maxListBytes,
		})
		if err != nil {
			return err
		}
		p.shown(len(rows))
		for _, row := range rows {
			events = append(events, eventOf(row.Event, row.Contact))
		}
	}
	return reply(r, http.StatusOK, struct {
		Events []eventReply `json:"events"`
		page
	}{events, p})
}

// getEvent is R-78.
func (s *Server) getEvent(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	row, err := s.store.EventGetWithContact(r.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("Event not found")
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"event": eventOf(row.Event, row.Contact)})
}
