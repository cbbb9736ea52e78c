package server

import (
	"errors"
	"net/http"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// exit is one entry of exits (§2).
type exit struct {
	JourneyID string `json:"journeyId"`
	StateID   string `json:"stateId"`
	Exited    bool   `json:"exited"`
}

// accepted is the reply of.
type accepted struct {
	Stored     bool      `json:"stored"`
	Exits      []exit    `json:"exits"`
	ContactKey string    `json:"contactKey"`
	Late       bool      `json:"late,omitempty"`
	Warnings   []warning `json:"warnings,omitempty"`
	*explained
}

// postEvent is R-1.
func (s *Server) postEvent(r *request) error { return s.ingestOne(r, s.decodeEvent) }

// postIngest is R-3.
func (s *Server) postIngest(r *request) error { return s.ingestOne(r, s.decodeIngest) }

func (s *Server) ingestOne(r *request, decode func([]byte, string) *eventDecoder) error {
	explain, err := s.explains(r)
	if err != nil {
		return err
	}
	data, err := body(r, maxBody)
	if err != nil {
		return err
	}
	d := decode(data, r.Request().Header.Get("Idempotency-Key"))
	if err := d.err(); err != nil {
		return err
	}
	result, err := s.cfg.Ingest.Ingest(r.ctx(), d.out)
	if err == nil {
		err = result.Err
	}
	if err != nil {
		return err
	}
	out := accepted{Stored: result.Stored, Exits: exits(result.Exits), ContactKey: result.ContactKey, Late: result.Late}
	if out.Warnings, err = s.warnings(r, d, &result, explain); err != nil {
		return err
	}
	if explain {
		out.explained = explanation(&result)
	}
	s.tell(d, &result)
	return reply(r, http.StatusAccepted, out)
}

func exits(list []ingest.Exit) []exit {
	out := make([]exit, len(list))
	for i, e := range list {
		out[i] = exit{JourneyID: e.JourneyID, StateID: e.EnrollmentID.String(), Exited: e.Exited}
	}
	return out
}

// itemResult is what became of one item of a batch.
type itemResult struct {
	Index      int       `json:"index"`
	Status     string    `json:"status"`
	ContactKey string    `json:"contactKey,omitempty"`
	Exits      *[]exit   `json:"exits,omitempty"`
	Warnings   []warning `json:"warnings,omitempty"`
	*explained
	Error   string   `json:"error,omitempty"`
	Code    string   `json:"code,omitempty"`
	Details []detail `json:"details,omitempty"`
}

// batchReply is the reply of R-2.
type batchReply struct {
	Accepted   int          `json:"accepted"`
	Duplicates int          `json:"duplicates"`
	Rejected   int          `json:"rejected"`
	Results    []itemResult `json:"results"`
}

// eventsPerCost is how many items of a batch count as one request (H-14).
const eventsPerCost = 100

// postBatch is R-2. The Idempotency-Key header is ignored (I-18).
func (s *Server) postBatch(r *request) error {
	explain, err := s.explains(r)
	if err != nil {
		return err
	}
	data, err := body(r, maxBatchBody)
	if err != nil {
		return err
	}
	items, err := s.decodeBatch(data)
	if err != nil {
		return errors.Join(s.spend(r, 1), err)
	}
	if err := s.spend(r, (len(items)+eventsPerCost-1)/eventsPerCost); err != nil {
		return err
	}
	out := batchReply{Results: make([]itemResult, len(items))}
	var events []ingest.Event
	var places []int
	for i, it := range items {
		if err := it.err(); err != nil {
			out.reject(i, err)
			continue
		}
		events, places = append(events, it.out), append(places, i)
	}
	if len(events) > 0 {
		results, err := s.cfg.Ingest.IngestAll(r.ctx(), events)
		if err != nil {
			return err
		}
		for i := range results {
			if err := s.place(&out, r, places[i], items[places[i]], &results[i], explain); err != nil {
				return err
			}
		}
	}
	if out.Rejected == len(items) {
		return &refusal{status: http.StatusBadRequest, text: "All events were rejected", extra: map[string]any{
			"accepted": 0, "duplicates": 0, "rejected": out.Rejected, "results": out.Results,
		}}
	}
	return reply(r, http.StatusAccepted, out)
}

func (s *Server) place(out *batchReply, r *request, index int, d *eventDecoder, result *ingest.Result, explain bool) (err error) {
	one := itemResult{Index: index, ContactKey: result.ContactKey}
	switch {
	case result.Err != nil:
		out.reject(index, atItem(index, result.Err))
		if classify(result.Err).status >= http.StatusInternalServerError {
			s.log.Error("event of a batch failed", "request_id", requestID(r), "index", index, "error", result.Err)
		}
		return nil
	case result.Stored:
		out.Accepted++
		list := exits(result.Exits)
		one.Status, one.Exits = "stored", &list
		if one.Warnings, err = s.warnings(r, d, result, explain); err != nil {
			return err
		}
		if explain {
			one.explained = explanation(result)
		}
	default:
		out.Duplicates++
		one.Status = "duplicate"
	}
	out.Results[index] = one
	s.tell(d, result)
	return nil
}

// atItem gives a validation error the path of its item.
func atItem(index int, err error) error {
	var wrong *hogsend.ValidationError
	if errors.As(err, &wrong) {
		return &hogsend.ValidationError{Field: join("events."+itoa(index), wrong.Field), Message: wrong.Message}
	}
	return err
}

func (b *batchReply) reject(index int, err error) {
	r := classify(err)
	b.Rejected++
	b.Results[index] = itemResult{Index: index, Status: "rejected", Error: r.text, Code: r.code, Details: r.details}
}
