package studio

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// listEvents is the feed: what comes in, and what it does (U-17).
func (s *Studio) listEvents(r *request) error {
	v := view.Events{Name: r.query("name"), Internal: r.query("internal") == "true"}
	p := storedb.StudioFeedParams{Before: uuid.Max, Internal: v.Internal, RowLimit: pageRows + 1}
	query := url.Values{}
	if v.Name != "" {
		p.Name = &v.Name
		query.Set("name", v.Name)
		v.Chips = append(v.Chips, view.Chip{Text: "event " + visible(v.Name), Without: "/studio/events"})
	}
	if v.Internal {
		query.Set("internal", "true")
	}
	turn, first := r.turning(), true
	if id, err := uuid.Parse(turn.before); err == nil {
		p.Before, first = id, false
	}
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	part := r.query("part") == "feed"
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if after, err := uuid.Parse(turn.after); err == nil {
			newer, err := q.StudioFeedNewer(r.ctx(), storedb.StudioFeedNewerParams{After: after, Name: p.Name, Internal: p.Internal, RowLimit: pageRows + 1})
			if err != nil {
				return err
			}
			if len(newer) > pageRows {
				p.Before, first = newer[pageRows], false
			}
		}
		rows, err := q.StudioFeed(r.ctx(), p)
		if err != nil {
			return err
		}
		more := len(rows) > pageRows
		rows = rows[:min(len(rows), pageRows)]
		if v.Rows, err = s.eventRows(r, q, rows, journeys); err != nil || part {
			return err
		}
		if v.Names, err = q.StudioEventNames(r.ctx()); err != nil {
			return err
		}
		if len(rows) > 0 {
			v.Pager = pager("/studio/events", query, rows[0].Event.ID.String(), rows[len(rows)-1].Event.ID.String(), first, more)
		}
		total, err := q.StudioFeedCount(r.ctx(), p.Name, p.Internal, most+1)
		v.Pager.Total = capped(total)
		return err
	})
	if err != nil {
		return err
	}
	if first {
		live := maps.Clone(query)
		live.Set("part", "feed")
		v.Feed = "/studio/events?" + live.Encode() + "&seen="
	}
	if part {
		return s.showPart(r, "events", "rows", v)
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No event has arrived", Text: "Send one with a key that may ingest:", Command: s.noContacts("").Command}
		if v.Name != "" {
			v.Empty = &view.Empty{Title: "No “" + visible(v.Name) + "” has arrived", Text: "Names of events are compared letter by letter.", Next: view.Link{Text: "Clear", URL: "/studio/events"}}
		}
	}
	v.Frame = s.frame(r, "Events", "Events")
	v.Polls = v.Feed != ""
	return s.show(r, http.StatusOK, "events", v)
}

func (s *Studio) eventRows(r *request, q *storedb.Queries, rows []storedb.StudioFeedRow, journeys known) ([]view.EventRow, error) {
	var ids, contacts []uuid.UUID
	since := s.instant()
	for _, row := range rows {
		ids = append(ids, row.Event.ID)
		if !slices.Contains(contacts, row.Contact.ID) {
			contacts = append(contacts, row.Contact.ID)
		}
		if row.Event.ReceivedAt.Before(since) {
			since = row.Event.ReceivedAt
		}
	}
	decisions, err := q.StudioDecisionsOfEvents(r.ctx(), contacts, since, ids)
	if err != nil {
		return nil, err
	}
	effects := map[uuid.UUID][]view.Badge{}
	for _, d := range decisions {
		if enrolled(d) {
			effects[d.EventID] = append(effects[d.EventID], ok("into "+journeys.name(d.JourneyID)))
		} else {
			effects[d.EventID] = append(effects[d.EventID], off("not into "+journeys.name(d.JourneyID)))
		}
	}
	out := make([]view.EventRow, len(rows))
	for i, row := range rows {
		e := row.Event
		out[i] = view.EventRow{
			URL: "/studio/events/" + e.ID.String(), Name: visible(e.Name), Properties: summary(e.Properties), Source: visible(e.Source),
			Contact: contactLink(row.Contact), At: s.moment(r, e.ReceivedAt), Effects: effects[e.ID], Marks: marksOf(e),
		}
	}
	return out, nil
}

// lateAfter is from when on an event is too late to start anything (J-21).
const lateAfter = 24 * time.Hour

// marksOf are what is unusual about an event.
func marksOf(e storedb.Event) []view.Badge {
	var marks []view.Badge
	if e.ReceivedAt.Sub(e.OccurredAt) > lateAfter {
		marks = append(marks, wait("late"))
	}
	if e.IdentityConflict {
		marks = append(marks, bad("ids of two people"))
	}
	return marks
}

// showEvent is an event and what it did (U-18).
func (s *Studio) showEvent(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	var v view.Event
	internal := false
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioEvent(r.ctx(), id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &problem{status: http.StatusNotFound, heading: "No such event", text: "No event has this id, or it is no longer kept.", next: [2]string{"Go to the events", "/studio/events"}}
		}
		e := rows[0].Event
		internal = ingest.Internal(e.Name)
		v = view.Event{
			ID: e.ID.String(), Name: visible(e.Name), Source: visible(e.Source), Contact: contactLink(rows[0].Contact), Occurred: s.moment(r, e.OccurredAt),
			Received: s.moment(r, e.ReceivedAt), Marks: marksOf(e), Properties: fieldsOf(e.Properties), JSON: indented(e.Properties),
		}
		v.Effects, err = s.effects(r, q, e, rows[0].Contact, journeys)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Effects) == 0 {
		v.Empty = &view.Empty{Text: "Nothing: no journey that is served starts with it. Buckets may have looked at it."}
	}
	if !internal {
		v.Again = r.button("Run again…", "/studio/events/"+v.ID+"/again", users.Operator)
	}
	v.Frame = s.frame(r, "Event", v.Name)
	return s.show(r, http.StatusOK, "event", v)
}

// effects are what an event caused: decisions, the runs that began, and their mails.
func (s *Studio) effects(r *request, q *storedb.Queries, e storedb.Event, c storedb.Contact, journeys known) ([]view.Moment, error) {
	decisions, err := q.StudioDecisionsOfEvents(r.ctx(), []uuid.UUID{c.ID}, e.ReceivedAt.Add(-time.Minute), []uuid.UUID{e.ID})
	if err != nil {
		return nil, err
	}
	var out []view.Moment
	question := s.question(r, c, "")
	for _, row := range decisions {
		d, err := s.asker(r, q, journeys).Decision(r.ctx(), row)
		if err != nil {
			return nil, err
		}
		m := view.Moment{At: s.moment(r, row.At), Kind: "Decision", Tone: "off", Text: question.OfDecision(d).Sentence, URL: journeys.link(row.JourneyID).URL}
		if enrolled(row) {
			m.Tone = "ok"
		}
		out = append(out, m)
	}
	runs, err := q.StudioEffects(r.ctx(), c.ID, e.ID)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, run := range runs {
		ids = append(ids, run.ID)
		badge := enrollmentBadge(run.Status)
		out = append(out, view.Moment{
			At: s.moment(r, run.UpdatedAt), Kind: "Journey", Tone: badge.Tone, Text: journeys.name(run.JourneyID) + ": " + badge.Word + ", at " + strings.TrimSpace(visible(run.Node)+" "),
			URL: journeys.link(run.JourneyID).URL,
		})
	}
	mails, err := q.StudioSendsAfter(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, m := range mails {
		badge := sendBadge(m.Status)
		out = append(out, view.Moment{
			At: s.moment(r, m.CreatedAt), Kind: "Mail", Tone: badge.Tone, Text: visible(m.TemplateKey) + " " + badge.Word, URL: "/studio/mails/" + m.ID.String(),
		})
	}
	return out, nil
}
