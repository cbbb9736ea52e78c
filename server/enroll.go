package server

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/ingest"
)

// maxUsers is how many contacts R-66 takes at once.
const maxUsers = 500

// enrollment is what became of one contact.
type enrollment struct {
	Enrolled bool                  `json:"enrolled"`
	Event    string                `json:"event,omitempty"`
	UserID   string                `json:"userId"`
	StateID  *uuid.UUID            `json:"stateId"`
	Reason   *contract.GuardReason `json:"reason"`
	Error    string                `json:"error,omitempty"`
	Details  []detail              `json:"details,omitempty"`
}

// triggerable finds the journey of the path, whose trigger a person may cause.
func (s *Server) triggerable(r *request) (hogsend.Journey, error) {
	j, err := s.journey(r)
	if err == nil && check.Reserved(j.Trigger.Event) {
		err = conflict("Journey cannot be enrolled manually")
	}
	return j, err
}

// enroll is R-65: the journey's trigger event, ingested for one contact (J-23).
func (s *Server) enroll(r *request) error {
	j, err := s.triggerable(r)
	if err != nil {
		return err
	}
	data, err := body(r, maxBody)
	if err != nil {
		return err
	}
	d := s.decodeEnroll(data, r.Request().Header.Get("Idempotency-Key"), j.Trigger.Event, nil)
	if err := d.err(); err != nil {
		return err
	}
	result, err := s.desk.Enroll(r.ctx(), s.who(r), j, d.out)
	if err != nil {
		return err
	}
	out, err := s.enrolled(r.ctx(), j, d.out.UserID, result)
	if err != nil {
		return err
	}
	out.Event = j.Trigger.Event
	return reply(r, http.StatusAccepted, out)
}

// enrolled reads what the guards decided. A repeat of an idempotency key finds what
// was decided the first time.
func (s *Server) enrolled(ctx context.Context, j hogsend.Journey, userID string, result ingest.Result) (enrollment, error) {
	out := enrollment{UserID: userID}
	if result.Err != nil {
		return out, result.Err
	}
	if result.ContactKey != "" {
		out.UserID = result.ContactKey
	}
	rows, err := s.store.EnrollOutcome(ctx, result.ContactID, result.EventID, j.ID)
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		out.Enrolled, out.StateID, out.Reason = row.Outcome == contract.OutcomeEnrolled, row.EnrollmentID, row.Reason
	}
	return out, nil
}

// enrollBatch is R-66: each item has its own outcome, in the order of the input.
func (s *Server) enrollBatch(r *request) error {
	j, err := s.triggerable(r)
	if err != nil {
		return err
	}
	data, err := body(r, maxBody)
	if err != nil {
		return err
	}
	users, err := decodeItems(data, "users", maxUsers, maxBody, func(raw []byte, room *room) *eventDecoder {
		return s.decodeEnroll(raw, "", j.Trigger.Event, room)
	})
	if err != nil {
		return err
	}
	var out struct {
		Enrolled int          `json:"enrolled"`
		Skipped  int          `json:"skipped"`
		Results  []enrollment `json:"results"`
	}
	out.Results = make([]enrollment, len(users))
	var events []ingest.Event
	var places []int
	for i, u := range users {
		if err := u.err(); err != nil {
			out.Results[i] = failed(u.out.UserID, err)
			continue
		}
		events, places = append(events, u.out), append(places, i)
	}
	results, err := s.desk.EnrollAll(r.ctx(), s.who(r), j, events)
	if err != nil {
		return err
	}
	for i, result := range results {
		one, err := s.enrolled(r.ctx(), j, events[i].UserID, result)
		if err != nil {
			s.log.Error("enrollment of a batch failed", "request_id", requestID(r), "index", places[i], "error", err)
			one = failed(events[i].UserID, err)
		}
		out.Results[places[i]] = one
	}
	for _, one := range out.Results {
		if one.Enrolled {
			out.Enrolled++
		} else {
			out.Skipped++
		}
	}
	return reply(r, http.StatusOK, out)
}

func failed(userID string, err error) enrollment {
	r := classify(err)
	return enrollment{UserID: clip.First(userID, 512), Error: r.text, Details: r.details}
}
