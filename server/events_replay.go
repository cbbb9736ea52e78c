package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxReplay is how many events run again by one request, defaultReplay how many of a filter
// unless it says so (O-26).
const (
	maxReplay     = 1000
	defaultReplay = 100
)

// replayError is an event that was not run again, and why.
type replayError struct {
	EventID uuid.UUID `json:"eventId"`
	Error   string    `json:"error"`
}

// replayEvents is R-79.
func (s *Server) replayEvents(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	var ids []string
	var filter map[string]json.RawMessage
	o.read("eventIds", "a list of event ids", &ids)
	o.read("filter", "an object", &filter)
	limit := defaultReplay
	if o.read("limit", "a number", &limit); limit < 1 || limit > maxReplay {
		o.report("limit", "must be from 1 to "+strconv.Itoa(maxReplay))
	}
	if (len(ids) > 0) == (len(filter) > 0) && !o.found {
		o.report("eventIds", "give either eventIds or a filter that is not empty")
	}
	if len(ids) > maxReplay {
		o.report("eventIds", "must be at most "+strconv.Itoa(maxReplay))
	}
	if err := o.err(); err != nil {
		return err
	}
	var out operate.Replayed
	var events []storedb.Event
	if len(ids) > 0 {
		events, err = s.namedEvents(r, ids, &out)
	} else {
		events, err = s.filteredEvents(r, filter, limit)
	}
	if err != nil {
		return err
	}
	done, err := s.desk.ReplayEvents(r.ctx(), s.who(r), events)
	if errors.Is(err, ingest.ErrReplaying) {
		return conflict("Another replay is under way")
	}
	if err != nil {
		return err
	}
	failed := []replayError{}
	for _, f := range append(out.Failed, done.Failed...) {
		text := "internal error"
		if errors.Is(f.Err, ingest.ErrContactDeleted) || errors.Is(f.Err, errNoEvent) {
			text = f.Err.Error()
		} else {
			s.log.Error("replay event", "event_id", f.EventID, "error", f.Err, "request_id", requestID(r))
		}
		failed = append(failed, replayError{f.EventID, text})
	}
	return reply(r, http.StatusAccepted, struct {
		Replayed int           `json:"replayed"`
		Skipped  int           `json:"skipped"`
		Errors   []replayError `json:"errors"`
	}{done.Replayed, done.Skipped, failed})
}

var errNoEvent = errors.New("there is no such event")

// namedEvents are the events of ids, each once; those that there are not are noted.
func (s *Server) namedEvents(r *request, ids []string, out *operate.Replayed) ([]storedb.Event, error) {
	var problems problems
	wanted := map[uuid.UUID]bool{}
	var list []uuid.UUID
	for i, text := range ids {
		id, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			problems.report("eventIds."+strconv.Itoa(i), "must be the id of an event")
			continue
		}
		if !wanted[id] {
			wanted[id], list = true, append(list, id)
		}
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	events, err := s.store.ReplayEvents(r.ctx(), list)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		delete(wanted, e.ID)
	}
	for _, id := range list {
		if wanted[id] {
			out.Failed = append(out.Failed, operate.FailedReplay{EventID: id, Err: errNoEvent})
		}
	}
	return events, nil
}

// filteredEvents are those that a filter means, the ones that happened first come first.
func (s *Server) filteredEvents(r *request, filter map[string]json.RawMessage, limit int) ([]storedb.Event, error) {
	q := &query{values: url.Values{}}
	given := false
	for _, name := range []string{"event", "userId", "from", "to"} {
		if raw, ok := filter[name]; ok {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				q.report("filter."+name, "must be a string")
			}
			given = given || text != ""
			q.values.Set(name, text)
		}
	}
	p := storedb.ReplaySelectParams{Name: q.optional("event"), RowLimit: int32(limit)} //nolint:gosec // at most 1000
	p.Since, p.Until = q.span()
	if !given && !q.found {
		q.report("filter", "must name an event, a userId, from or to")
	}
	contact, nobody, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil || nobody {
		return nil, err
	}
	p.ContactID = contact
	return s.store.ReplaySelect(r.ctx(), p)
}
