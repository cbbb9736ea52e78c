package studio

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

const (
	// overviewDays is how many days the chart of mails has.
	overviewDays = 14
	// overviewMails is how many of the newest mails are counted at most.
	overviewMails = 100_000
	// pausedLong is when a pause looks forgotten.
	pausedLong = 7 * 24 * time.Hour
)

// overview is U-16: is all well, what moved, what needs somebody.
func (s *Studio) overview(r *request) error {
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	now := s.instant()
	v := view.Overview{AsOf: s.moment(r, now)}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if err := s.needsYou(r, q, journeys, &v, now); err != nil {
			return err
		}
		if err := s.moved(r, q, &v, now); err != nil {
			return err
		}
		return s.begun(r, q, &v)
	})
	if err != nil {
		return err
	}
	v.Frame = s.frame(r, "Overview", "Overview")
	return s.show(r, http.StatusOK, "overview", v)
}

// needsYou is what somebody should look at, the worst first.
func (s *Studio) needsYou(r *request, q *storedb.Queries, journeys known, v *view.Overview, now time.Time) error {
	page := func(id string) string { return journeys.link(id).URL }
	troubles, err := q.OverviewTroubles(r.ctx())
	if err != nil {
		return err
	}
	for _, t := range troubles {
		v.Needs = append(v.Needs, view.Need{Tone: "bad", Count: number(t.People), Text: troubleWords(t.Kind) + ", since " + s.moment(r, t.Since).Text, Where: view.Link{Text: journeys.name(t.JourneyID), URL: page(t.JourneyID)}})
	}
	var ids []string
	for _, j := range journeys {
		ids = append(ids, operate.IDs(j)...)
	}
	slices.Sort(ids)
	failures, err := q.OverviewFailures(r.ctx(), slices.Compact(ids), now.AddDate(0, 0, -7))
	if err != nil {
		return err
	}
	for _, f := range failures {
		v.Needs = append(v.Needs, view.Need{Tone: "bad", Count: number(f.People), Text: "failed in 7 days, the last " + s.moment(r, f.Newest).Ago, Where: view.Link{Text: journeys.name(f.JourneyID), URL: page(f.JourneyID)}})
	}
	if p := r.pulse; p.letters > 0 {
		v.Needs = append(v.Needs, view.Need{Tone: "bad", Text: plural(p.letters, "message was given up after all attempts", "messages were given up after all attempts"), Where: view.Link{Text: "Dead letters", URL: s.lettersURL(r)}})
	}
	configs, err := q.AdminJourneyConfigs(r.ctx())
	if err != nil {
		return err
	}
	for _, c := range configs {
		if c.PausedAt != nil && now.Sub(*c.PausedAt) > pausedLong {
			v.Needs = append(v.Needs, view.Need{Tone: "wait", Text: "Paused since " + s.moment(r, *c.PausedAt).Text, Where: view.Link{Text: journeys.name(c.JourneyID), URL: page(c.JourneyID)}})
		}
	}
	return s.changes(r, q, journeys, configs, v)
}

// changes are the last switches and pauses, with who and why.
func (s *Studio) changes(r *request, q *storedb.Queries, journeys known, configs []storedb.JourneyConfig, v *view.Overview) error {
	type change struct {
		at   time.Time
		line view.ChangeLine
	}
	var all []change
	add := func(what view.Link, note json.RawMessage) {
		var c store.LastChange
		if len(note) > 0 && json.Unmarshal(note, &c) == nil {
			all = append(all, change{c.At, view.ChangeLine{What: what, Text: s.changeLine(r, note)}})
		}
	}
	for _, c := range configs {
		add(journeys.link(c.JourneyID), c.LastChange)
	}
	buckets, err := q.OverviewBucketChanges(r.ctx())
	if err != nil {
		return err
	}
	for _, b := range buckets {
		var d bucket.Definition
		if json.Unmarshal(b.Definition, &d) != nil || d.Name == "" {
			d.Name = b.ID
		}
		add(view.Link{Text: d.Name, URL: bucketURL(b.ID)}, b.LastChange)
	}
	slices.SortFunc(all, func(a, b change) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.line.What.Text, b.line.What.Text))
	})
	for _, c := range all[:min(len(all), 10)] {
		v.Changes = append(v.Changes, c.line)
	}
	return nil
}

// moved are the figures: who is where, what was sent and what was not.
func (s *Studio) moved(r *request, q *storedb.Queries, v *view.Overview, now time.Time) error {
	counts, err := q.OverviewCounts(r.ctx())
	if err != nil {
		return err
	}
	days := daysUntil(now.In(r.zone), overviewDays)
	mails, err := remembered(s, "mails since "+days[0].Format(time.RFC3339), func(ctx context.Context, q *storedb.Queries) ([]storedb.OverviewMailsRow, error) {
		return q.OverviewMails(ctx, days, overviewMails)
	})
	v.Counting = s.part(r, "mails by day", mails.known, err)
	if mails.known {
		v.AsOf = s.moment(r, mails.at)
	}
	bars := make([]stack, len(days))
	for i, day := range days {
		local := day.In(r.zone)
		bars[i] = stack{label: local.Format("2 Jan"), title: local.Format("Monday, 2 January"), parts: make([]int64, 3)}
	}
	var sent, opened, returned int64
	for _, row := range mails.value {
		if row.Day < 1 || int(row.Day) > len(bars) {
			continue
		}
		part := 0
		switch row.Status {
		case contract.SendSuppressed, contract.SendSkipped:
			part = 1
		case contract.SendFailed, contract.SendBounced, contract.SendComplained:
			part = 2
		}
		bars[row.Day-1].parts[part] += row.Total
		if int(row.Day) <= len(bars)-7 {
			continue
		}
		switch row.Status {
		case contract.SendOpened, contract.SendClicked:
			opened += row.Total
		case contract.SendBounced:
			returned += row.Total
		}
		if slices.Contains(sentStates(), string(row.Status)) {
			sent += row.Total
		}
	}
	v.Chart = stacked("Mails of the last 14 days", []string{"sent", "refused", "failed or came back"}, []string{"ok", "policy", "bad"}, bars)
	v.Tiles = []view.Tile{
		{Label: "contacts", Value: number(counts.Contacts), URL: "/studio/contacts"},
		{Label: "in journeys now", Value: number(counts.InJourneys), URL: "/studio/journeys"},
		{Label: "memberships of buckets", Value: number(counts.Members), URL: "/studio/buckets"},
		{Label: "mails sent, 7 days", Value: number(sent), URL: "/studio/mails?which=sent"},
		rated("opened, 7 days", percent(opened, sent), "/studio/mails?which=sent"),
		rated("came back, 7 days", percent(returned, sent), "/studio/mails?which=failed"),
	}
	if v.Counting != "" {
		for i := range v.Tiles[3:] {
			v.Tiles[3+i].Value = "…"
		}
	}
	refusals, err := remembered(s, "refusals", func(ctx context.Context, q *storedb.Queries) ([]storedb.OverviewRefusalsRow, error) {
		return q.OverviewRefusals(ctx, now.AddDate(0, 0, -7), overviewMails)
	})
	v.CountingRefusals = s.part(r, "refusals", refusals.known, err)
	for _, row := range refusals.value {
		v.Refusals = append(v.Refusals, view.Count{Label: reasonWords(row.Reason), Value: number(row.Total), URL: "/studio/mails?which=refused&reason=" + url.QueryEscape(row.Reason)})
	}
	return nil
}

// part says of a part of a page that is not there why: it is counted still, and comes by
// itself, or it could not be read; the rest of the page stands (U-7, U-10).
func (s *Studio) part(r *request, what string, known bool, err error) string {
	switch {
	case err != nil:
		s.cfg.Logger.Error("part of a page failed", "request_id", r.id, "route", r.Pattern, "part", what, "error", err)
		return "This part could not be read. The cause is in the log, under the request's id."
	case !known:
		return "Counting…"
	}
	return ""
}

func rated(label string, r view.Rate, to string) view.Tile {
	return view.Tile{Label: label, Value: r.Text, Title: r.Title, URL: to}
}

// daysUntil are the beginnings of the last n days where a clock shows now.
func daysUntil(now time.Time, n int) []time.Time {
	days := make([]time.Time, n)
	for i := range days {
		days[i] = time.Date(now.Year(), now.Month(), now.Day()-(n-1-i), 0, 0, 0, 0, now.Location())
	}
	return days
}

// begun is what a new installation has still to do.
func (s *Studio) begun(r *request, q *storedb.Queries, v *view.Overview) error {
	firsts, err := q.OverviewFirsts(r.ctx())
	if err != nil {
		return err
	}
	if firsts.Event && firsts.Journey && firsts.Mail {
		return nil
	}
	v.Steps = []view.Step{
		{Done: r.pulse.health.Workers > 0, Text: "A worker runs", Hint: "hogsend worker, or hogsend dev for everything at once"},
		{Done: firsts.Event, Text: "The first event came", Hint: "curl " + s.cfg.PublicURL + "/v1/events -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' -d '{\"name\":\"user.created\",\"userId\":\"ada\",\"email\":\"ada@example.com\"}'"},
		{Done: firsts.Journey, Text: "Somebody entered a journey", Hint: "An event that is the trigger of one does it"},
		{Done: firsts.Mail, Text: "The first mail was handed over", Hint: "hogsend mailbox"},
	}
	return nil
}
