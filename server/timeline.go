package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// timelineEntry is one entry of R-54.
type timelineEntry struct {
	Type      string `json:"type"`
	Timestamp ts     `json:"timestamp"`
	Data      any    `json:"data"`
}

// timelineEvent is an Event without its contact.
type timelineEvent struct {
	eventReply
	ContactID *uuid.UUID `json:"contactId,omitempty"`
}

type timelineJourney struct {
	StateID      uuid.UUID                 `json:"stateId"`
	JourneyID    string                    `json:"journeyId"`
	Status       contract.EnrollmentStatus `json:"status"`
	Node         string                    `json:"currentNodeId"`
	ErrorMessage *string                   `json:"errorMessage"`
	ExitReason   *contract.ExitReason      `json:"exitReason"`
}

type timelineEmail struct {
	SendID      uuid.UUID            `json:"emailSendId"`
	TemplateKey string               `json:"templateKey"`
	Subject     string               `json:"subject"`
	Status      contract.SendStatus  `json:"status"`
	Reason      *contract.SendReason `json:"reason"`
}

type timelineBucket struct {
	BucketID   string  `json:"bucketId"`
	Transition string  `json:"transition"`
	Epoch      int32   `json:"epoch"`
	Reason     *string `json:"reason"`
}

// maxTimeline is how far back a timeline can be turned: what is before it is looked through.
const maxTimeline = 100_000

// getTimeline is R-54. What its clients do not know comes only on demand.
func (s *Server) getTimeline(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.page()
	kinds := []string{"event", "journey", "email"}
	if only := q.oneOf("type", kinds...); only != nil {
		kinds = []string{*only}
	}
	for _, more := range strings.Split(q.text("include"), ",") {
		switch more = strings.TrimSpace(more); more {
		case "":
		case "bucket", "decision":
			kinds = append(kinds, more)
		default:
			q.report("include", "unknown value")
		}
	}
	if p.Offset > maxTimeline {
		q.report("offset", "must be an integer from 0 to 100000")
	}
	if err := q.err(); err != nil {
		return err
	}
	has := func(kind string) bool { return slices.Contains(kinds, kind) }
	p.Total, err = s.store.TimelineCount(r.ctx(), storedb.TimelineCountParams{
		ContactID: c.ID, Events: has("event"), Journeys: has("journey"), Emails: has("email"), Buckets: has("bucket"), Decisions: has("decision"),
	})
	if err != nil {
		return err
	}
	rows, err := s.store.TimelineList(r.ctx(), storedb.TimelineListParams{
		ContactID: c.ID, Events: has("event"), Journeys: has("journey"), Emails: has("email"), Buckets: has("bucket"), Decisions: has("decision"),
		RowEnd: rowEnd(p), RowLimit: p.Limit, RowOffset: p.Offset,
	})
	if err != nil {
		return err
	}
	entries, err := s.timeline(r, c, rows)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Timeline []timelineEntry `json:"timeline"`
		page
	}{entries, p})
}

// timelineRef is what a row of a timeline points at.
type timelineRef struct {
	kind string
	id   uuid.UUID
}

// timeline fills in what the entries tell. A row that went meanwhile is left out.
func (s *Server) timeline(r *request, c storedb.Contact, rows []storedb.TimelineListRow) ([]timelineEntry, error) {
	data, err := s.timelineData(r, c, rows)
	if err != nil {
		return nil, err
	}
	entries := make([]timelineEntry, 0, len(rows))
	for _, row := range rows {
		kind := row.Type
		if kind == "entered" || kind == "left" {
			kind = "bucket"
		}
		if one, ok := data[timelineRef{row.Type, row.ID}]; ok {
			entries = append(entries, timelineEntry{kind, ts(row.At), one})
		}
	}
	return entries, nil
}

func (s *Server) timelineData(r *request, c storedb.Contact, rows []storedb.TimelineListRow) (map[timelineRef]any, error) {
	ids, data := map[string][]uuid.UUID{}, map[timelineRef]any{}
	for _, row := range rows {
		ids[row.Type] = append(ids[row.Type], row.ID)
	}
	events, err := s.store.TimelineEvents(r.ctx(), ids["event"])
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		data[timelineRef{"event", e.ID}] = timelineEvent{eventReply: eventOf(e, c)}
	}
	enrollments, err := s.store.TimelineEnrollments(r.ctx(), ids["journey"])
	if err != nil {
		return nil, err
	}
	for _, e := range enrollments {
		data[timelineRef{"journey", e.ID}] = timelineJourney{e.ID, e.JourneyID, e.Status, e.Node, e.Error, e.ExitReason}
	}
	sends, err := s.store.TimelineSends(r.ctx(), ids["email"])
	if err != nil {
		return nil, err
	}
	for _, e := range sends {
		data[timelineRef{"email", e.ID}] = timelineEmail{e.ID, e.TemplateKey, e.Subject, e.Status, e.Reason}
	}
	memberships, err := s.store.TimelineMemberships(r.ctx(), append(ids["entered"], ids["left"]...))
	if err != nil {
		return nil, err
	}
	for _, m := range memberships {
		data[timelineRef{"entered", m.ID}] = timelineBucket{m.BucketID, "entered", m.Epoch, nil}
		data[timelineRef{"left", m.ID}] = timelineBucket{m.BucketID, "left", m.Epoch, m.LeftReason}
	}
	decisions, err := s.store.TimelineDecisions(r.ctx(), ids["decision"])
	if err != nil {
		return nil, err
	}
	for i, d := range decisionsOf(decisions) {
		data[timelineRef{"decision", decisions[i].ID}] = d
	}
	return data, nil
}
