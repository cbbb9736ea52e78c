package server

import (
	"net/http"

	"github.com/google/uuid"
)

// eraseContact is R-51. One that was cut off is taken up again by the same request.
func (s *Server) eraseContact(r *request) error {
	reference, err := param(r, "contact")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	reason := o.text("reason", maxReason)
	if err := o.err(); err != nil {
		return err
	}
	c, begun, err := s.store.ErasureFind(r.ctx(), reference)
	if err != nil {
		return err
	}
	found := true
	switch {
	case c != nil:
		done, ok, err := s.desk.EraseContact(r.ctx(), s.who(r), *c, reason)
		if err != nil {
			return err
		}
		found, begun = ok, &done
	case begun != nil:
		done, err := s.store.FinishErasure(r.ctx(), begun.ID)
		if err != nil {
			return err
		}
		begun = &done
	default:
		found = false
	}
	if !found {
		return notFound("Contact not found")
	}
	return reply(r, http.StatusOK, struct {
		Erased          bool      `json:"erased"`
		ErasureID       uuid.UUID `json:"erasureId"`
		SuppressionKept bool      `json:"suppressionKept"`
	}{true, begun.ID, begun.SuppressionKept})
}
