package studio

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// confirmPause says what a pause will do before it does it (U-8).
func (s *Studio) confirmPause(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	var due storedb.PausePreviewRow
	var note json.RawMessage
	err = s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		if note, err = journeyNote(r, q, j); err != nil {
			return err
		}
		due, err = q.PausePreview(r.ctx(), operate.IDs(j), s.instant())
		return err
	})
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Pause", "Pause "+nameOfJourney(j)+"?"), Action: "/studio/journeys/" + url.PathEscape(j.ID) + "/pause", Verb: "Pause " + nameOfJourney(j),
		Back: "/studio/journeys/" + url.PathEscape(j.ID), Reason: true, Hidden: []view.Field{noted(note)}, Points: []string{
			"From now on no mail or other effect of this journey begins.",
			plural(due.InFlight, "person stays where they are", "people stay where they are") + ", and their waits go on.",
			plural(due.WaitsHour+due.SendsHour, "wait ends", "waits end") + " within an hour, " + number(due.WaitsDay+due.SendsDay) + " within a day. What comes due then is held; resuming asks what becomes of it.",
		},
		Choices: []view.Choice{
			{Value: string(contract.HoldEntries), Label: "Keep who enters", Hint: "They wait at the start until you resume.", On: true},
			{Value: string(contract.DropEntries), Label: "Refuse who enters", Hint: "They do not get in, now or later."},
		},
	})
}

func (s *Studio) pause(r *request) error {
	return s.changeJourney(r, "paused", func(j hogsend.Journey) error {
		why, err := reason(r)
		if err != nil {
			return err
		}
		entries := contract.PauseEntries(r.PostFormValue("choice"))
		if !entries.Valid() {
			return &problem{status: http.StatusUnprocessableEntity, heading: "Choose how", text: "Choose what becomes of who would enter. Nothing was done."}
		}
		now, err := s.cfg.Store.IngestClock(r.ctx())
		if err != nil {
			return err
		}
		return s.cfg.Desk.Pause(r.ctx(), s.actor(r), j, why, entries, now)
	})
}

// journeyNote is the newest change of the switch or the pause of a journey.
func journeyNote(r *request, q *storedb.Queries, j hogsend.Journey) (newest json.RawMessage, err error) {
	for _, id := range operate.IDs(j) {
		configs, err := q.PauseConfig(r.ctx(), id)
		if err != nil {
			return nil, err
		}
		for _, c := range configs {
			if notedAt(c.LastChange).After(notedAt(newest)) {
				newest = c.LastChange
			}
		}
	}
	return newest, nil
}

// changeJourney does something to the journey of the path and leads back to its page.
func (s *Studio) changeJourney(r *request, done string, do func(j hogsend.Journey) error) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	var note json.RawMessage
	err = s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		note, err = journeyNote(r, q, j)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.unchanged(r, note, journeyURL(j.ID)); err != nil {
		return err
	}
	if err := do(j); err != nil {
		return err
	}
	return r.see("/studio/journeys/" + url.PathEscape(j.ID) + "?done=" + done)
}

// confirmResume asks what becomes of what was held, with the numbers of J-107.
func (s *Studio) confirmResume(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	v := view.Confirm{
		Action: "/studio/journeys/" + url.PathEscape(j.ID) + "/resume", Verb: "Resume " + nameOfJourney(j), Back: "/studio/journeys/" + url.PathEscape(j.ID),
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		held, err := q.PausedEffectsCount(r.ctx(), operate.IDs(j), s.instant(), s.cfg.LateAfter.Seconds())
		if err != nil {
			return err
		}
		note, err := journeyNote(r, q, j)
		if err != nil {
			return err
		}
		v.Hidden = []view.Field{noted(note)}
		v.Points = []string{"People enter and go on.", "Nothing is held."}
		if held.Held > 0 {
			v.Points[1] = plural(held.Held, "step is held", "steps are held") + ", " + plural(held.Sends, "of them a mail", "of them mails") + ", the oldest since " + s.moment(r, held.Oldest).Text + "."
		}
		v.Choices = []view.Choice{
			{Value: string(contract.CatchUp), Label: "Catch up", Hint: "All of it goes on now, oldest first, at a bounded rate.", On: true},
			{Value: string(contract.SkipLate), Label: "Leave out what is late", Hint: plural(held.Late, "mail was held too long and is left out", "mails were held too long and are left out") + "."},
			{Value: string(contract.Reschedule), Label: "Shift by the pause", Hint: "Each goes on as long after it was due as the pause lasted."},
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.Frame = s.frame(r, "Resume", "Resume "+nameOfJourney(j)+"?")
	return s.show(r, http.StatusOK, "confirm", v)
}

func (s *Studio) resume(r *request) error {
	policy := contract.ResumePolicy(r.PostFormValue("choice"))
	if !policy.Valid() {
		return &problem{status: http.StatusUnprocessableEntity, heading: "Choose how", text: "Choose what becomes of what was held. Nothing was done."}
	}
	return s.changeJourney(r, "resumed", func(j hogsend.Journey) error {
		now, err := s.cfg.Store.IngestClock(r.ctx())
		if err != nil {
			return err
		}
		return s.cfg.Desk.Resume(r.ctx(), s.actor(r), j, policy, s.cfg.LateAfter, now)
	})
}
