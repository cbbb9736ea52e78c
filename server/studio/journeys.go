package studio

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// listJourneys is U-23.
func (s *Studio) listJourneys(r *request) error {
	all, err := s.cfg.Journeys(r.ctx())
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b hogsend.Journey) int { return compare(a.Name+a.ID, b.Name+b.ID) })
	var v view.Journeys
	owner := map[string]int{}
	var ids []string
	for i, j := range all {
		row := view.JourneyRow{URL: "/studio/journeys/" + url.PathEscape(j.ID), Name: j.Name, ID: j.ID, Trigger: s.triggerWords(j.Trigger.Event), State: ok("on")}
		if row.Name == "" {
			row.Name = j.ID
		}
		if j.Disabled {
			row.State = off("off in code")
		}
		v.Rows = append(v.Rows, row)
		for _, id := range operate.IDs(j) {
			owner[id], ids = i, append(ids, id)
		}
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		configs, err := q.AdminJourneyConfigs(r.ctx())
		if err != nil {
			return err
		}
		for _, c := range configs {
			if i, known := owner[c.JourneyID]; known {
				v.Rows[i].State = stateOf(all[i], c, v.Rows[i].State)
				if c.PausedAt != nil {
					v.Rows[i].Note = visible(textOf(c.PauseReason))
				}
			}
		}
		counts, err := q.StudioStateCounts(r.ctx(), ids)
		if err != nil {
			return err
		}
		for _, c := range counts {
			row := &v.Rows[owner[c.JourneyID]]
			switch c.State {
			case stateLive:
				row.InFlight += c.Total
			case string(contract.EnrollmentCompleted):
				row.Completed += c.Total
			case string(contract.EnrollmentFailed):
				row.Failed += c.Total
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No journey is registered", Text: "A journey is a Go function. Give it an id, a name and a trigger, and put it into the registry:", Command: `hogsend.Journey{
	ID: "welcome", Name: "Welcome", Trigger: hogsend.On("user.created"), EntryLimit: hogsend.Once,
	Run: func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.Send(ctx, hogsend.Email{Template: "welcome"})
		return err
	},
}`}
	}
	v.Frame = s.frame(r, "Journeys", "Journeys")
	return s.show(r, http.StatusOK, "journeys", v)
}

// standingNow is where the people of a journey are, and what comes due of their waits.
type standingNow struct {
	here   []storedb.StudioNodesRow
	passed []storedb.StudioPassagesRow
	due    storedb.StudioDueRow
}

// recentRows is how many people the page of a journey shows.
const recentRows = 10

// stateLive is what counts call those who are in a journey.
const stateLive = "live"

// stateOf is how a journey stands by code and by its switch.
func stateOf(j hogsend.Journey, c storedb.JourneyConfig, before view.Badge) view.Badge {
	switch {
	case c.PausedAt != nil:
		return paused("paused")
	case j.Disabled:
		return off("off in code")
	case c.JourneyID == j.ID && !c.Enabled:
		return off("switched off")
	}
	return before
}

// showJourney is the page of a journey: what it is, where its people are, what is wrong
// with them (U-24).
func (s *Studio) showJourney(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	v := view.Journey{ID: j.ID, Description: j.Description, State: ok("on"), Words: s.words(j)}
	if j.Disabled {
		v.State = off("off in code")
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error { return s.journeyNow(r, q, j, &v) })
	if err != nil {
		return err
	}
	base := "/studio/journeys/" + url.PathEscape(j.ID)
	v.Tabs = tabs(j, "")
	v.Mails = "/studio/mails?journey=" + url.QueryEscape(j.ID)
	button := &view.Button{Label: "Pause…", URL: base + "/pause"}
	if v.State.Word == "paused" {
		button = &view.Button{Label: "Resume…", URL: base + "/resume"}
		v.Resume = button
	} else {
		v.Pause = button
	}
	if !may(users.Role(r.session.User.Role), users.Operator) {
		button.Refused = "This needs the role operator. An admin can give it to you."
	}
	v.Frame = s.frame(r, "Journey", nameOfJourney(j))
	return s.show(r, http.StatusOK, "journey", v)
}

func (s *Studio) journeyNow(r *request, q *storedb.Queries, j hogsend.Journey, v *view.Journey) error {
	ids := operate.IDs(j)
	for _, id := range ids {
		configs, err := q.PauseConfig(r.ctx(), id)
		if err != nil {
			return err
		}
		for _, c := range configs {
			v.State = stateOf(j, c, v.State)
			if line := s.changeLine(r, c.LastChange); line != "" {
				v.Change = line
			}
		}
	}
	counts, err := q.StudioStateCounts(r.ctx(), ids)
	if err != nil {
		return err
	}
	total := map[string]int64{}
	for _, c := range counts {
		total[c.State] += c.Total
	}
	waiting, err := q.StudioWaiting(r.ctx(), ids, most+1)
	if err != nil {
		return err
	}
	v.Counts = []view.Tile{
		{Label: "in it now", Value: number(total[stateLive])},
		{Label: "waiting", Value: capped(waiting)},
		{Label: "completed", Value: number(total[string(contract.EnrollmentCompleted)])},
		{Label: "left before the end", Value: number(total[string(contract.EnrollmentExited)])},
		{Label: "failed", Value: number(total[string(contract.EnrollmentFailed)])},
	}
	sent, err := q.FiguresJourneySends(r.ctx(), ids)
	if err != nil {
		return err
	}
	v.Sent = []view.Tile{{Label: "mails sent", Value: number(sent.Sent)}, rateTile("opened", sent.Opened, sent.Sent), rateTile("clicked", sent.Clicked, sent.Sent)}
	now := s.instant()
	standing, err := remembered(s, "journey "+j.ID, func(ctx context.Context, q *storedb.Queries) (standing standingNow, err error) {
		if standing.here, err = q.StudioNodes(ctx, ids); err != nil {
			return standing, err
		}
		if standing.passed, err = q.StudioPassages(ctx, ids, walked); err != nil {
			return standing, err
		}
		standing.due, err = q.StudioDue(ctx, now, ids)
		return standing, err
	})
	v.Counting = s.part(r, "where people are", standing.known, err)
	v.Flow = s.flowOf(standing.value, j)
	due := standing.value.due
	v.Due = []view.Tile{{Label: "in an hour", Value: number(due.Hour)}, {Label: "in a day", Value: number(due.Day)}, {Label: "in a week", Value: number(due.Week)}}
	if err := s.troubles(r, q, j, v); err != nil {
		return err
	}
	recent, err := q.StudioPeople(r.ctx(), storedb.StudioPeopleParams{
		JourneyIds: ids, Before: uuid.Max, RowLimit: recentRows,
		Statuses: []string{string(contract.EnrollmentActive), string(contract.EnrollmentWaiting), string(contract.EnrollmentCompleted), string(contract.EnrollmentExited), string(contract.EnrollmentFailed)},
	})
	if err != nil {
		return err
	}
	for _, row := range recent {
		v.Recent = append(v.Recent, s.personRow(r, row.Enrollment, row.Contact))
	}
	if len(recent) == 0 {
		v.Empty = &view.Empty{Title: "Nobody has entered", Text: "It starts with " + j.Trigger.Event + "."}
	}
	return nil
}

// troubles are groups of people who need somebody, what is worst first.
func (s *Studio) troubles(r *request, q *storedb.Queries, j hogsend.Journey, v *view.Journey) error {
	ids := operate.IDs(j)
	failures, err := q.StudioFailures(r.ctx(), ids)
	if err != nil {
		return err
	}
	for _, f := range failures {
		t := view.Trouble{URL: journeyURL(j.ID) + "/people?" + url.Values{"which": {"failed"}, "error": {f.Error}}.Encode(), Text: "failed: “" + cut(visible(f.Error), 200) + "”, last " + s.moment(r, f.Newest).Text, People: f.People, Tone: "bad"}
		if may(users.Role(r.session.User.Role), users.Operator) {
			t.Retry = retryURL(j, f.Error)
		}
		v.Troubles = append(v.Troubles, t)
	}
	issues, err := q.StudioTroubles(r.ctx(), ids)
	if err != nil {
		return err
	}
	for _, t := range issues {
		v.Troubles = append(v.Troubles, view.Trouble{Text: troubleWords(t.Kind) + ", since " + s.moment(r, t.Since).Text, People: t.People, Tone: "bad"})
	}
	held, err := q.PausedEffectsCount(r.ctx(), ids, s.instant(), s.cfg.LateAfter.Seconds())
	if err != nil {
		return err
	}
	if held.Held > 0 {
		v.Troubles = append(v.Troubles, view.Trouble{Text: "held by the pause, the oldest since " + s.moment(r, held.Oldest).Text, People: held.Held, Tone: "wait"})
	}
	return nil
}

// tabs are the pages of a journey.
func tabs(j hogsend.Journey, here string) []view.Segment {
	var out []view.Segment
	for _, t := range [][2]string{{"", "Now"}, {"/people", "People"}, {"/refused", "Not entered"}, {"/deploy", "Deploy"}} {
		out = append(out, view.Segment{Label: t[1], URL: journeyURL(j.ID) + t[0], Here: t[0] == here})
	}
	return out
}

func rateTile(label string, part, whole int64) view.Tile {
	rate := percent(part, whole)
	return view.Tile{Label: label, Value: rate.Text, Title: rate.Title}
}

// words say what a journey is.
func (s *Studio) words(j hogsend.Journey) []string {
	var out []string
	start := "Starts with " + s.triggerWords(j.Trigger.Event)
	if n := len(j.Trigger.Conditions); n > 0 {
		start += " that meets " + plural(int64(n), "condition", "conditions")
	}
	out = append(out, start)
	switch j.EntryLimit {
	case hogsend.Once:
		out = append(out, "once per person")
	case hogsend.OncePerPeriod:
		period := j.EntryPeriod
		if period == 0 {
			period = 24 * time.Hour // J-29
		}
		out = append(out, "at most every "+strings.TrimPrefix(gap(period), "after "))
	case hogsend.Unlimited:
		out = append(out, "any number of times")
	}
	for _, e := range j.ExitOn {
		out = append(out, "ends when "+e.Event+" comes")
	}
	if j.MinSendGap > 0 {
		out = append(out, "mails at least "+strings.TrimPrefix(gap(j.MinSendGap), "after ")+" apart")
	}
	if j.Version != "" {
		out = append(out, "version "+j.Version)
	}
	return out
}
