package server

import (
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
	Stored     bool   `json:"stored"`
	Exits      []exit `json:"exits"`
	ContactKey string `json:"contactKey"`
	Late       bool   `json:"late,omitempty"`
}

// postEvent is R-1.
func (s *Server) postEvent(r *request) error { return s.ingestOne(r, decodeEvent) }

// postIngest is R-3.
func (s *Server) postIngest(r *request) error { return s.ingestOne(r, decodeIngest) }

func (s *Server) ingestOne(r *request, decode func([]byte, string) (ingest.Event, []detail)) error {
	data, err := body(r, maxBody)
	if err != nil {
		return err
	}
	event, problems := decode(data, r.Request().Header.Get("Idempotency-Key"))
	if len(problems) > 0 {
		return invalidEvent(problems)
	}
	result, err := s.cfg.Ingest.Ingest(r.ctx(), event)
	if err == nil {
		err = result.Err
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, accepted{
		Stored: result.Stored, Exits: exits(result.Exits), ContactKey: result.ContactKey, Late: result.Late,
	})
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
	Index      int      `json:"index"`
	Status     string   `json:"status"`
	ContactKey string   `json:"contactKey,omitempty"`
	Exits      *[]exit  `json:"exits,omitempty"`
	Error      string   `json:"error,omitempty"`
	Details    []detail `json:"details,omitempty"`
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
	data, err := body(r, maxBatchBody)
	if err != nil {
		return err
	}
	items, problems := decodeBatch(data)
	if len(problems) > 0 {
		if err := s.spend(r, 1); err != nil {
			return err
		}
		return invalid(problems...)
	}
	if err := s.spend(r, (len(items)+eventsPerCost-1)/eventsPerCost); err != nil {
		return err
	}
	out := batchReply{Results: make([]itemResult, len(items))}
	var events []ingest.Event
	var places []int
	for i, it := range items {
		if len(it.details) > 0 {
			out.reject(i, invalidEvent(it.details))
			continue
		}
		events, places = append(events, it.event), append(places, i)
	}
	if len(events) > 0 {
		results, err := s.cfg.Ingest.IngestAll(r.ctx(), events)
		if err != nil {
			return err
		}
		for i, result := range results {
			s.place(&out, r, places[i], result)
		}
	}
	if out.Rejected == len(items) {
		return &refusal{status: http.StatusBadRequest, text: "All events were rejected", extra: map[string]any{
			"accepted": 0, "duplicates": 0, "rejected": out.Rejected, "results": out.Results,
		}}
	}
	return reply(r, http.StatusAccepted, out)
}

func (s *Server) place(out *batchReply, r *request, index int, result ingest.Result) {
	switch {
	case result.Err != nil:
		out.reject(index, atItem(index, result.Err))
		if classify(result.Err).status >= http.StatusInternalServerError {
			s.log.Error("event of a batch failed", "request_id", requestID(r), "index", index, "error", result.Err)
		}
	case result.Stored:
		out.Accepted++
		list := exits(result.Exits)
		out.Results[index] = itemResult{Index: index, Status: "stored", ContactKey: result.ContactKey, Exits: &list}
	default:
		out.Duplicates++
		out.Results[index] = itemResult{Index: index, Status: "duplicate", ContactKey: result.ContactKey}
	}
}

// atItem gives a validation error the path of its item.
func atItem(index int, err error) error {
	if wrong, ok := err.(*hogsend.ValidationError); ok { //nolint:errorlint // ingest returns it bare
		return &hogsend.ValidationError{Field: join("events."+itoa(index), wrong.Field), Message: wrong.Message}
	}
	return err
}

func (b *batchReply) reject(index int, err error) {
	r := classify(err)
	b.Rejected++
	b.Results[index] = itemResult{Index: index, Status: "rejected", Error: r.text, Details: r.details}
}
