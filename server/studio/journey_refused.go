package studio

import (
	"net/http"
	"time"

	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// refusedRange is how far back is looked for who did not enter.
const refusedRange = 7 * 24 * time.Hour

// showRefused says who did not enter a journey, and why: grouped, with the newest of each
// (U-24).
func (s *Studio) showRefused(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	v := view.Refused{Back: view.Link{Text: nameOfJourney(j), URL: journeyURL(j.ID)}, Tabs: tabs(j, "/refused"), Range: "The last 7 days."}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioRefused(r.ctx(), operate.IDs(j), s.instant().Add(-refusedRange), most)
		if err != nil {
			return err
		}
		var total int64
		for _, row := range rows {
			total += row.Total
		}
		if total >= most {
			v.Range = "The newest " + number(most) + " decisions of the last 7 days."
		}
		for _, row := range rows {
			contact, err := q.AdminContactsByID(r.ctx(), ids(row.ContactID))
			if err != nil {
				return err
			}
			out := view.RefusedRow{
				Reason: refusalWords(row.Reason), Code: visible(row.Reason), Total: number(row.Total), Share: percent(row.Total, total), Newest: s.moment(r, row.Newest),
				Event: view.Link{Text: "event", URL: "/studio/events/" + row.EventID.String()},
			}
			for _, c := range contact {
				out.Who = contactLink(c)
				out.Who.URL += "?about=journey%3A" + j.ID
			}
			v.Rows = append(v.Rows, out)
		}
		v.Total = number(total)
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nobody was refused", Text: "Whoever did " + visible(s.triggerWords(j.Trigger.Event)) + " in the last 7 days got in; or nobody did."}
	}
	v.Frame = s.frame(r, "Not entered", "Who did not enter "+nameOfJourney(j))
	return s.show(r, http.StatusOK, "refused", v)
}

// refusalWords are a reason not to enter, of many people.
func refusalWords(reason string) string {
	words := map[string]string{
		"trigger_conditions_not_met": "The event was not as the journey asks for", "not_in_audience": "They are not among those whom it takes",
		"key_missing": "The event has nothing to tell its runs apart by", "too_many_active": "They have as many runs open as one person may",
		"already_entered_once": "They were in it before, and it takes each person once", "period_not_elapsed": "They were in it too short a time before",
		"already_active": "They are in it already", "overlap_skip": "An earlier run is still under way", "user_unsubscribed": "They unsubscribed from what it sends",
		"journey_paused": "It was paused and took nobody", "journey_disabled": "It was off in code", "journey_disabled_by_admin": "It was switched off by an operator",
		"late_event": "The event came too long after it happened", "loop_guard": "The event was one of a circle of events that cause each other",
		"contact_deleted": "The contact was deleted", "first_entry_only": "It was not the first time, and it takes only that", "reason_filter": "They left for a reason that it does not listen to",
	}
	if w, known := words[reason]; known {
		return w
	}
	return reasonWords(reason)
}
