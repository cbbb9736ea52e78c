package studio

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// The parts of a timeline that can be chosen.
const (
	showEvents    = "events"
	showDecisions = "decisions"
	showJourneys  = "journeys"
	showBuckets   = "buckets"
	showMails     = "mails"
	showChanges   = "changes"
)

func parts() []view.Toggle {
	return []view.Toggle{
		{Name: showEvents, Label: "events"},
		{Name: showDecisions, Label: "decisions"},
		{Name: showJourneys, Label: "journeys"},
		{Name: showBuckets, Label: "buckets"},
		{Name: showMails, Label: "mails"},
		{Name: showChanges, Label: "changes by operators"},
	}
}

// shownOf are the parts that a request asks for: all of them unless it names some.
func shownOf(r *request) map[string]bool {
	shown := map[string]bool{}
	for _, name := range r.URL.Query()["show"] {
		shown[name] = true
	}
	if len(shown) == 0 {
		for _, p := range parts() {
			shown[p.Name] = true
		}
	}
	return shown
}

// happened is a moment with its instant, and the event that it belongs under.
type happened struct {
	view.Moment
	at    time.Time
	event uuid.UUID
	rank  int   // of causes before effects at one instant
	seq   int64 // of an event
}

// timeline collects what happened to a contact before an instant, from each table what
// one page can need.
type timeline struct {
	r        *request
	s        *Studio
	journeys known
	contact  storedb.Contact
	before   time.Time
	seq      int64 // of the event that events come before
	shown    map[string]bool
	all      []happened
}

func (t *timeline) add(at time.Time, rank int, event uuid.UUID, m view.Moment) {
	m.At = t.s.moment(t.r, at)
	t.all = append(t.all, happened{m, at, event, rank, 0})
}

// load reads the parts that are shown.
func (t *timeline) load(q *storedb.Queries) error {
	for _, part := range []struct {
		name string
		read func(q *storedb.Queries) error
	}{
		{showEvents, t.events}, {showDecisions, t.decisions}, {showJourneys, t.runs}, {showBuckets, t.stays}, {showMails, t.mails}, {showChanges, t.changes},
	} {
		if !t.shown[part.name] {
			continue
		}
		if err := part.read(q); err != nil {
			return err
		}
	}
	return nil
}

func (t *timeline) events(q *storedb.Queries) error {
	rows, err := q.StudioEventsOf(t.r.ctx(), storedb.StudioEventsOfParams{ContactID: t.contact.ID, BeforeSeq: t.seq, Before: t.before, RowLimit: pageRows + 1})
	for _, e := range rows {
		t.add(e.ReceivedAt, 0, e.ID, view.Moment{
			Kind: "Event", Tone: "run", Text: visible(e.Name), URL: "/studio/events/" + e.ID.String(), Detail: summary(e.Properties), By: "from " + visible(e.Source),
		})
		if e.Seq != nil {
			t.all[len(t.all)-1].seq = *e.Seq
		}
	}
	return err
}

func (t *timeline) decisions(q *storedb.Queries) error {
	rows, err := q.StudioDecisionsOf(t.r.ctx(), t.contact.ID, t.before, pageRows+1)
	if err != nil {
		return err
	}
	for _, row := range rows {
		d, err := t.s.asker(t.r, q, t.journeys).Decision(t.r.ctx(), row)
		if err != nil {
			return err
		}
		m := view.Moment{Kind: "Decision", Tone: "off", Text: t.s.question(t.r, t.contact, "").OfDecision(d).Sentence}
		if enrolled(row) {
			m.Tone = "ok"
		}
		t.add(row.At, 1, row.EventID, m)
	}
	return nil
}

func (t *timeline) runs(q *storedb.Queries) error {
	rows, err := q.StudioEnrollments(t.r.ctx(), t.contact.ID, t.before, pageRows+1)
	question := t.s.question(t.r, t.contact, "")
	for _, e := range rows {
		if e.Status.Live() {
			continue // the card above tells of it
		}
		run := ask.Enrollment(e, ask.Journeys(t.journeys), nil, false)
		if run.Ended.Before(t.before) {
			t.add(run.Ended, 3, uuid.Nil, view.Moment{
				Kind: "Journey", Tone: enrollmentBadge(e.Status).Tone, Text: question.OfEnrollment(run).Sentence, URL: enrollmentURL(e.ID),
			})
		}
	}
	return err
}

func (t *timeline) stays(q *storedb.Queries) error {
	rows, err := q.StudioMemberships(t.r.ctx(), t.contact.ID, t.before, pageRows+1)
	for _, m := range rows {
		name := t.s.bucketName(m.BucketID)
		entered := "Entered " + name
		if m.Muted {
			entered += ", without a word to others"
		}
		t.add(m.EnteredAt, 2, uuid.Nil, view.Moment{Kind: "Bucket", Tone: "ok", Text: entered})
		if m.LeftAt != nil && m.LeftAt.Before(t.before) {
			t.add(*m.LeftAt, 2, uuid.Nil, view.Moment{Kind: "Bucket", Tone: "off", Text: "Left " + name, Detail: textOf(m.LeftReason)})
		}
	}
	return err
}

func (t *timeline) mails(q *storedb.Queries) error {
	rows, err := q.StudioSendsOf(t.r.ctx(), &t.contact.ID, t.before, pageRows+1)
	question := t.s.question(t.r, t.contact, "")
	for _, row := range rows {
		subject := visible(row.Subject)
		if subject == "" {
			subject = visible(row.TemplateKey)
		}
		m := view.Moment{
			Kind: "Mail", Tone: sendBadge(row.Status).Tone, Text: "“" + subject + "” " + sendBadge(row.Status).Word, URL: "/studio/mails/" + row.ID.String(),
		}
		if row.SentAt == nil {
			m.Text += ". " + question.OfSend(ask.Send(row)).Sentence
		}
		if row.JourneyID != nil {
			m.By = "by " + t.journeys.name(*row.JourneyID)
		}
		t.add(row.CreatedAt, 4, uuid.Nil, m)
	}
	return err
}

func (t *timeline) changes(q *storedb.Queries) error {
	rows, err := q.StudioAuditOf(t.r.ctx(), &t.contact.ID, t.before, pageRows+1)
	for _, row := range rows {
		t.add(row.CreatedAt, 0, uuid.Nil, view.Moment{
			Kind: "Change", Tone: "policy", Text: actionWords(row.Action) + " by " + visible(row.Actor), Detail: strings.Join(changeLines(row.Detail), ", "),
		})
	}
	return err
}

// page is the newest page of what was loaded, decisions under their events, and the way to
// what is older.
func (t *timeline) page(base string) (moments []view.Moment, older string) {
	slices.SortStableFunc(t.all, func(a, b happened) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return b.rank - a.rank
	})
	place := map[uuid.UUID]int{}
	for i := range t.all {
		if t.all[i].Kind == "Event" {
			place[t.all[i].event] = i
		}
	}
	under := map[int]bool{}
	for i := range t.all {
		if at, ok := place[t.all[i].event]; ok && t.all[i].Kind == "Decision" {
			t.all[at].Under = append(t.all[at].Under, t.all[i].Moment)
			under[i] = true
		}
	}
	for i := range t.all {
		if under[i] {
			continue
		}
		// What happened at one instant stays together; only events can be too many for that.
		if full := len(moments) >= pageRows; full && (t.all[i].seq > 0 || !t.all[i].at.Equal(t.all[i-1].at)) {
			query := url.Values{"before": {t.all[i-1].at.Format(time.RFC3339Nano)}, "seq": {strconv.FormatInt(t.seq, 10)}}
			for _, name := range slices.Sorted(maps.Keys(t.shown)) {
				query.Add("show", name)
			}
			return moments, base + "?" + query.Encode()
		}
		moments = append(moments, t.all[i].Moment)
		if seq := t.all[i].seq; seq > 0 {
			t.seq = min(t.seq, seq)
		}
	}
	return moments, ""
}

func (t *timeline) toggles() []view.Toggle {
	all := parts()
	for i := range all {
		all[i].On = t.shown[all[i].Name]
	}
	return all
}

// actionWords is what an entry of the log says was done.
func actionWords(action string) string {
	words := map[string]string{
		"journeys.pause": "Paused the journey", "journeys.resume": "Ended the pause", "journeys.enable": "Switched the journey on", "journeys.disable": "Switched the journey off",
		"journeys.enroll": "Enrolled somebody", "states.cancel": "Canceled a run", "states.retry": "Tried a run again", "states.retire": "Retired a run",
		"buckets.enable": "Switched the bucket on", "buckets.disable": "Switched the bucket off", "buckets.retire": "Retired the bucket",
		"contacts.update": "Changed the contact", "contacts.delete": "Deleted the contact", "preferences.update": "Changed the preferences",
		"suppressions.create": "Blocked the address", "suppressions.delete": "Unblocked the address",
		"api_keys.create": "Made a key", "api_keys.revoke": "Revoked a key", "users.create": "Made a user", "users.role": "Changed a role", "users.remove": "Removed a user",
		"users.password": "Changed a password", "users.update": "Changed a profile", "users.invite": "Made a new link", "users.accept": "Took up an invitation",
		"users.sign_in_link": "Made a sign-in link", "sessions.create": "Signed in", "sessions.delete": "Signed out", "sessions.delete_others": "Signed out everywhere else",
	}
	if w, ok := words[action]; ok {
		return w
	}
	return strings.ReplaceAll(action, "_", " ")
}

// changeLines tell the fields that an entry says have changed.
func changeLines(detail json.RawMessage) []string {
	var d struct{ Old, New, With map[string]json.RawMessage }
	if json.Unmarshal(detail, &d) != nil {
		return nil
	}
	var lines []string
	say := func(raw json.RawMessage) string {
		value, _ := valueOf(raw)
		return cut(value, 80)
	}
	for _, name := range slices.Sorted(maps.Keys(d.New)) {
		line := visible(name) + ": " + say(d.New[name])
		if old, ok := d.Old[name]; ok {
			line = visible(name) + ": " + say(old) + " → " + say(d.New[name])
		}
		lines = append(lines, line)
	}
	for _, name := range slices.Sorted(maps.Keys(d.With)) {
		lines = append(lines, visible(name)+": "+say(d.With[name]))
	}
	return lines
}
