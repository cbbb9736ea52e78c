package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

// cancelState is R-67. The dispatcher tells the workflow; no effect begins from the
// commit on, whether it has heard of it or not (J-76, J-82).
func (s *Server) cancelState(r *request) error {
	row, err := s.stateOfJourney(r)
	if err != nil {
		return err
	}
	id := row.Enrollment.ID
	var ended *ingest.EndedError
	switch err := s.desk.Cancel(r.ctx(), s.who(r), row.Enrollment); {
	case errors.As(err, &ended):
		return conflict("State is already " + string(ended.Status))
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return notFound("State not found")
	case err != nil:
		return err
	}
	if row, err = s.store.StateGet(r.ctx(), id); err != nil {
		return err
	}
	type state struct {
		ID       uuid.UUID                 `json:"id"`
		Status   contract.EnrollmentStatus `json:"status"`
		ExitedAt *ts                       `json:"exitedAt"`
	}
	return reply(r, http.StatusOK, struct {
		State     state `json:"state"`
		Cancelled bool  `json:"cancelled"` // the wire's spelling
	}{State: state{id, row.Enrollment.Status, tsOrNull(row.Enrollment.ExitedAt)}})
}

// retryState is R-68 (J-96).
func (s *Server) retryState(r *request) error {
	row, err := s.stateOfJourney(r)
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	e := row.Enrollment
	if e.Status != contract.EnrollmentFailed {
		return conflict("State is not failed but " + string(e.Status))
	}
	if s.cfg.FailedRun == nil {
		return temporalDown()
	}
	runID, err := s.cfg.FailedRun(r.ctx(), e.WorkflowID)
	if err != nil {
		s.log.Warn("failed run not found", "enrollment_id", e.ID, "error", err)
		return temporalDown()
	}
	if runID == "" {
		return conflict("History of the state is no longer kept")
	}
	switch err := s.desk.Retry(r.ctx(), s.who(r), e, runID); {
	case errors.Is(err, ingest.ErrNotFailed):
		return conflict("State is not failed")
	case errors.Is(err, ingest.ErrRival):
		return conflict("Another enrollment of the contact is active")
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return notFound("State not found")
	case err != nil:
		return err
	}
	if row, err = s.store.StateGet(r.ctx(), e.ID); err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, map[string]any{"state": stateOf(row.Enrollment, row.Contact)})
}

func temporalDown() error {
	return &refusal{status: http.StatusServiceUnavailable, text: "Temporal unavailable", wait: time.Second}
}
