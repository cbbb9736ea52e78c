package server

import (
	"math"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// listSuppressions is R-97: records that are suppressed, opted out of everything, or to
// which mails came back; the one written last comes first (E-67).
func (s *Server) listSuppressions(r *request) error {
	q := queryOf(r)
	p := page{Limit: int32(q.integer("limit", 50, 1, 200)), Offset: int32(q.integer("offset", 0, 0, math.MaxInt32))} //nolint:gosec // bounded
	search := q.text("search")
	kind := ""
	if chosen := q.oneOf("type", "bounced", "unsubscribed", "complained", "manual"); chosen != nil {
		kind = *chosen
	}
	if err := q.err(); err != nil {
		return err
	}
	var err error
	if p.Total, err = s.store.AdminSuppressionsCount(r.ctx(), kind, search); err != nil {
		return err
	}
	rows, err := s.store.AdminSuppressionsList(r.ctx(), storedb.AdminSuppressionsListParams{
		Kind: kind, Search: search, RowOffset: p.Offset, RowLimit: p.Limit,
	})
	if err != nil {
		return err
	}
	var ids []uuid.UUID
	for _, row := range rows {
		if row.ContactID != nil {
			ids = append(ids, *row.ContactID)
		}
	}
	contacts, err := s.store.AdminContactsByID(r.ctx(), ids)
	if err != nil {
		return err
	}
	byID := map[uuid.UUID]*storedb.Contact{}
	for i := range contacts {
		if contacts[i].DeletedAt == nil {
			byID[contacts[i].ID] = &contacts[i]
		}
	}
	out := make([]*preferencesReply, len(rows))
	for i, row := range rows {
		var contact *storedb.Contact
		if row.ContactID != nil {
			contact = byID[*row.ContactID]
		}
		out[i] = preferencesOf(row, contact)
	}
	return reply(r, http.StatusOK, struct {
		Suppressions []*preferencesReply `json:"suppressions"`
		page
	}{out, p})
}

// liftSuppression is R-99. Nothing but an operator lifts a suppression (E-66).
func (s *Server) liftSuppression(r *request) error {
	reference, err := param(r, "id")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	lifted := false
	change := store.PreferenceChange{Suppressed: &lifted}
	if all := o.boolean("unsubscribedAll"); all != nil && !*all {
		change.UnsubscribedAll = all
	} else if all != nil {
		o.report("unsubscribedAll", "can only be false here")
	}
	if err := o.err(); err != nil {
		return err
	}
	var rows []storedb.Preference
	if id, err := uuid.Parse(reference); err == nil {
		if rows, err = s.store.PreferenceGet(r.ctx(), id); err != nil {
			return err
		}
	} else if row, found, err := s.store.PreferenceFind(r.ctx(), &reference, nil); err != nil {
		return err
	} else if found {
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return notFound("Suppression not found")
	}
	change.ID = &rows[0].ID
	if _, _, err := s.desk.Choose(r.ctx(), s.who(r), operate.Lift, change, ""); err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"removed": true})
}
