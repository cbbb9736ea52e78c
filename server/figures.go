package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Kinds of what is counted as it changes.
const (
	countedContacts    = "contacts"
	countedEnrollments = "enrollments"
	countedMemberships = "memberships"
	countedPreferences = "preferences"
)

// counted is how many there are of a kind, by key and state, and how long those took that
// have come to an end.
func (s *Server) counted(ctx context.Context, kind string) (map[string]map[string]storedb.CountsSumRow, error) {
	rows, err := s.store.CountsSum(ctx, kind)
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]storedb.CountsSumRow{}
	for _, row := range rows {
		if all[row.Key] == nil {
			all[row.Key] = map[string]storedb.CountsSumRow{}
		}
		all[row.Key][row.State] = row
	}
	return all, nil
}

// overviewReply is R-86.
type overviewReply struct {
	TotalContacts   int64   `json:"totalContacts"`
	ActiveJourneys  int64   `json:"activeJourneys"`
	ActiveBuckets   int64   `json:"activeBuckets"`
	BucketMembers   int64   `json:"bucketMembers"`
	EmailsSent24h   int64   `json:"emailsSent24h"`
	EmailsSent7d    int64   `json:"emailsSent7d"`
	EmailsSent30d   int64   `json:"emailsSent30d"`
	BounceRate30d   float64 `json:"bounceRate30d"`
	UnsubscribeRate float64 `json:"unsubscribeRate"`
}

// overview is R-86.
func (s *Server) overview(r *request) error {
	var out overviewReply
	contacts, err := s.counted(r.ctx(), countedContacts)
	if err != nil {
		return err
	}
	out.TotalContacts = contacts[""]["live"].N
	enrollments, err := s.counted(r.ctx(), countedEnrollments)
	if err != nil {
		return err
	}
	for _, states := range enrollments {
		out.ActiveJourneys += states["live"].N
	}
	memberships, err := s.counted(r.ctx(), countedMemberships)
	if err != nil {
		return err
	}
	for _, states := range memberships {
		if n := states["active"].N; n > 0 {
			out.ActiveBuckets, out.BucketMembers = out.ActiveBuckets+1, out.BucketMembers+n
		}
	}
	preferences, err := s.counted(r.ctx(), countedPreferences)
	if err != nil {
		return err
	}
	off := preferences[""]["off"].N
	out.UnsubscribeRate = rate(off, off+preferences[""]["on"].N)
	now := s.instant()
	sent, err := s.store.FiguresSent(r.ctx(), now.Add(-24*time.Hour), now.AddDate(0, 0, -7), now.AddDate(0, 0, -30))
	if err != nil {
		return err
	}
	out.EmailsSent24h, out.EmailsSent7d, out.EmailsSent30d = sent.InDay, sent.InWeek, sent.InMonth
	out.BounceRate30d = rate(sent.Bounced, sent.InMonth)
	return reply(r, http.StatusOK, out)
}

// journeyFigures are the counts of.
type journeyFigures struct {
	enrolled, completed, failed, exited, active int64
	seconds                                     float64
}

// figuresOf adds up what is stored under the ids of a journey.
func figuresOf(all map[string]map[string]storedb.CountsSumRow, j hogsend.Journey) (f journeyFigures) {
	for _, id := range ids(j) {
		states := all[id]
		f.completed += states["completed"].N
		f.failed += states["failed"].N
		f.exited += states["exited"].N
		f.active += states["live"].N
		f.seconds += states["completed"].Seconds
	}
	f.enrolled = f.completed + f.failed + f.exited + f.active
	return f
}

// journeyMetrics is R-87: one for each journey, those of nobody with zeros (O-29).
func (s *Server) journeyMetrics(r *request) error {
	journeys, err := s.served(r.ctx())
	if err != nil {
		return err
	}
	all, err := s.counted(r.ctx(), countedEnrollments)
	if err != nil {
		return err
	}
	type item struct {
		JourneyID       string   `json:"journeyId"`
		Name            string   `json:"name"`
		Enrolled        int64    `json:"enrolled"`
		Completed       int64    `json:"completed"`
		Failed          int64    `json:"failed"`
		Exited          int64    `json:"exited"`
		Active          int64    `json:"active"`
		CompletionRate  float64  `json:"completionRate"`
		AvgDurationSecs *float64 `json:"avgDurationSecs"`
	}
	items := make([]item, len(journeys))
	for i, j := range journeys {
		f := figuresOf(all, j)
		items[i] = item{j.ID, j.Name, f.enrolled, f.completed, f.failed, f.exited, f.active, rate(f.completed, f.enrolled), average(f.seconds, f.completed)}
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.JourneyID, b.JourneyID) })
	return reply(r, http.StatusOK, map[string]any{"journeys": items})
}

// journeyMetric is R-88.
func (s *Server) journeyMetric(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	all, err := s.counted(r.ctx(), countedEnrollments)
	if err != nil {
		return err
	}
	sends, err := s.store.FiguresJourneySends(r.ctx(), ids(j))
	if err != nil {
		return err
	}
	f := figuresOf(all, j)
	return reply(r, http.StatusOK, struct {
		JourneyID    string `json:"journeyId"`
		Enrolled     int64  `json:"enrolled"`
		EmailSent    int64  `json:"emailSent"`
		EmailOpened  int64  `json:"emailOpened"`
		EmailClicked int64  `json:"emailClicked"`
		Completed    int64  `json:"completed"`
		Failed       int64  `json:"failed"`
		Exited       int64  `json:"exited"`
	}{j.ID, f.enrolled, sends.Sent, sends.Opened, sends.Clicked, f.completed, f.failed, f.exited})
}

// bucketMetrics is R-92: one for each registered bucket.
func (s *Server) bucketMetrics(r *request) error {
	rows, err := s.store.AdminBucketDefinitions(r.ctx())
	if err != nil {
		return err
	}
	all, err := s.counted(r.ctx(), countedMemberships)
	if err != nil {
		return err
	}
	type item struct {
		BucketID     string   `json:"bucketId"`
		Name         string   `json:"name"`
		Size         int64    `json:"size"`
		Entered      int64    `json:"entered"`
		Left         int64    `json:"left"`
		AvgDwellSecs *float64 `json:"avgDwellSecs"`
	}
	items := make([]item, len(rows))
	for i, row := range rows {
		name, err := nameOf(row.Definition)
		if err != nil {
			return err
		}
		active, left := all[row.ID]["active"], all[row.ID]["left"]
		items[i] = item{row.ID, name, active.N, active.N + left.N, left.N, average(left.Seconds, left.N)}
	}
	return reply(r, http.StatusOK, map[string]any{"buckets": items})
}

// bucketMetric is R-93.
func (s *Server) bucketMetric(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.periods("period", []string{"day", "week", "month"}, 30, s.instant())
	if err := q.err(); err != nil {
		return err
	}
	all, err := s.counted(r.ctx(), countedMemberships)
	if err != nil {
		return err
	}
	rows, err := s.store.FiguresBucket(r.ctx(), storedb.FiguresBucketParams{BucketID: b.ID, Unit: p.unit, Zone: p.zone.String(), Since: p.since, Until: p.until})
	if err != nil {
		return err
	}
	type point struct {
		Date    ts    `json:"date"`
		Entered int64 `json:"entered"`
		Left    int64 `json:"left"`
	}
	points, err := fill(p, rows, func(row storedb.FiguresBucketRow) string { return row.Period },
		func(date ts, row storedb.FiguresBucketRow) point { return point{date, row.Entered, row.Gone} })
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		BucketID string  `json:"bucketId"`
		Size     int64   `json:"size"`
		Points   []point `json:"points"`
	}{b.ID, all[b.ID]["active"].N, points})
}

// eventMetrics is R-91: the latest 10,000 rows, without those of periods that have none.
func (s *Server) eventMetrics(r *request) error {
	q := queryOf(r)
	p := q.periods("granularity", []string{"hour", "day", "week"}, 30, s.instant())
	name := q.optional("event")
	if err := q.err(); err != nil {
		return err
	}
	rows, err := s.eventRows(r.ctx(), p, name)
	if err != nil {
		return err
	}
	type item struct {
		Event string `json:"event"`
		Date  ts     `json:"date"`
		Count int64  `json:"count"`
	}
	items := make([]item, len(rows))
	for i, row := range rows {
		date, err := parsePeriod(row.Period)
		if err != nil {
			return err
		}
		items[i] = item{row.Name, ts(p.instant(date)), row.Total}
	}
	return reply(r, http.StatusOK, struct {
		Granularity string `json:"granularity"`
		Events      []item `json:"events"`
	}{p.unit, items})
}

// eventRows counts all events, or those of a name; each has an index of its own.
func (s *Server) eventRows(ctx context.Context, p periods, name *string) ([]storedb.FiguresEventsRow, error) {
	if name == nil {
		return s.store.FiguresEvents(ctx, storedb.FiguresEventsParams{Unit: p.unit, Zone: p.zone.String(), Since: p.since, Until: p.until})
	}
	named, err := s.store.FiguresEventsNamed(ctx, storedb.FiguresEventsNamedParams{Unit: p.unit, Zone: p.zone.String(), Name: *name, Since: p.since, Until: p.until})
	rows := make([]storedb.FiguresEventsRow, len(named))
	for i, row := range named {
		rows[i] = storedb.FiguresEventsRow(row)
	}
	return rows, err
}
