package studio

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

func erasureURL(id uuid.UUID) string { return "/studio/erasures/" + id.String() }

// listErasures are the certificates, the newest first (U-42).
func (s *Studio) listErasures(r *request) error {
	var v view.Erasures
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioErasures(r.ctx(), 200)
		for _, e := range rows {
			v.Rows = append(v.Rows, view.ErasureRow{URL: erasureURL(e.ID), Contact: e.ContactID.String(), Reason: visible(e.Reason), State: erasureBadge(e), At: s.moment(r, e.RequestedAt)})
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nobody was erased", Text: "Who is to be forgotten is erased on their page. What is left is a certificate, here.", Next: view.Link{Text: "Go to the contacts", URL: "/studio/contacts"}}
	}
	v.Frame = s.frame(r, "Erasures", "Erasures")
	return s.show(r, http.StatusOK, "erasures", v)
}

func erasureBadge(e storedb.Erasure) view.Badge {
	if e.CompletedAt == nil {
		return run("under way")
	}
	return ok("erased")
}

// showErasure is a certificate: what was removed, when and why.
func (s *Studio) showErasure(r *request) error {
	v, _, err := s.erasurePage(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "erasure", v)
}

func (s *Studio) erasurePage(r *request) (v view.Erasure, e storedb.Erasure, err error) {
	id, err := pathID(r)
	if err != nil {
		return v, e, err
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.ErasureGet(r.ctx(), id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &problem{status: http.StatusNotFound, heading: "No such certificate", text: "No erasure has this id.", next: [2]string{"Go to the erasures", "/studio/erasures"}}
		}
		e = rows[0]
		v = view.Erasure{
			ID: e.ID.String(), Contact: e.ContactID.String(), Reason: visible(e.Reason), State: erasureBadge(e), Requested: s.moment(r, e.RequestedAt), Completed: s.momentOrNil(r, e.CompletedAt),
			Kept: "none: nothing said that no mail may go there", Verify: erasureURL(e.ID) + "/verify",
		}
		if e.SuppressionKept {
			v.Kept = "kept as a hash alone, so that no mail goes there again"
		}
		var removed map[string]int64
		if len(e.Removed) > 0 {
			if err := json.Unmarshal(e.Removed, &removed); err != nil {
				return err
			}
		}
		for _, table := range sorted(removed) {
			v.Removed = append(v.Removed, view.Count{Label: reasonWords(table), Value: number(removed[table])})
		}
		by, err := q.StudioErasedBy(r.ctx(), e.ContactID.String())
		if err == nil && len(by) > 0 {
			v.By = visible(by[0])
		}
		return err
	})
	v.Frame = s.frame(r, "Erasure", "Certificate of an erasure")
	return v, e, err
}

// verifyErasure looks again for rows of an erased person, with an entry in the log.
func (s *Studio) verifyErasure(r *request) error {
	v, e, err := s.erasurePage(r)
	if err != nil {
		return err
	}
	found, err := s.cfg.Desk.VerifyErasure(r.ctx(), s.actor(r), e)
	if err != nil {
		return err
	}
	now := s.instant()
	v.Looked, v.Clean = s.momentOrNil(r, &now), true
	for _, one := range found {
		v.Found = append(v.Found, view.Count{Label: one.Of, Value: number(one.Rows)})
		v.Clean = v.Clean && one.Rows == 0
	}
	return s.show(r, http.StatusOK, "erasure", v)
}
