package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

// newJourneyDesk is a desk whose server has journeys.
func newJourneyDesk(t *testing.T, journeys ...hogsend.Journey) *desk {
	t.Helper()
	d := &desk{t: t, url: dbtest.URL(t), registry: hogsend.Registry{Journeys: journeys}}
	var err error
	d.store, err = store.Open(t.Context(), store.Config{URL: d.url})
	require.NoError(t, err)
	t.Cleanup(d.store.Close)
	log := slog.New(slog.DiscardHandler)
	d.ingester = ingest.New(d.store, ingest.Config{Journeys: journeys, ExitJourneys: journeys, Logger: log})
	t.Cleanup(d.ingester.Close)
	web := httptest.NewServer(server.New(server.Config{
		Store: d.store, Ingest: d.ingester, Registry: d.registry, Enabled: journeys, AdminAPIKey: deskKey, PublicURL: "http://127.0.0.1:3002", Logger: log,
	}))
	t.Cleanup(web.Close)
	d.api = web.URL
	return d
}

func (d *desk) exec(sql string, arguments ...any) {
	d.t.Helper()
	_, err := d.store.Pool.Exec(d.t.Context(), sql, arguments...)
	require.NoError(d.t, err)
}

// enrollment is the id of somebody's enrollment by journey and status.
func (d *desk) enrollment(journey, status string) (id string) {
	d.t.Helper()
	require.NoError(d.t, d.store.Pool.QueryRow(d.t.Context(), `select id::text from enrollments where journey_id = $1 and status = $2`, journey, status).Scan(&id))
	return id
}

func aJourney(id, event string, limit hogsend.EntryLimit) hogsend.Journey {
	return hogsend.Journey{ID: id, Name: id, Trigger: hogsend.On(event), EntryLimit: limit, Run: nothing}
}

// R-119, O-51: one command shows where a person is, what it got, and what
// was refused and why, with the ids that the others take.
func TestContactsShowTellsOfOnePerson(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("welcome", "user.created", hogsend.Once), aJourney("dunning", "payment.failed", hogsend.Unlimited))
	d.did("user.created", "ada")
	d.did("user.created", "ada") // refused
	d.did("payment.failed", "ada")
	d.exec(`update enrollments set status = 'waiting', node = 'wait:used' where journey_id = 'welcome'`)
	d.exec(`insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, deadline, status, registered_at)
		select gen_random_uuid(), id, contact_id, 'k', 'wait:used', 'feature.used', timestamptz '2031-01-07 10:00Z', 'open', now() from enrollments where journey_id = 'welcome'`)
	d.exec(`update enrollments set status = 'failed', error = E'no such\x1b[2J plan' where journey_id = 'dunning'`)
	d.exec(`insert into sends (id, key, contact_id, journey_id, template_key, status, reason, to_email, subject, created_at, updated_at)
		select gen_random_uuid(), 'k', id, 'welcome', 'hello', 'suppressed', 'category_opt_out', 'ada@example.com', E'Hi\nthere', now(), now() from contacts`)
	d.exec(`insert into preferences (id, email, email_key, categories, unsubscribed_all, created_at, updated_at)
		values (gen_random_uuid(), 'ada@example.com', 'ada@example.com', '{"news": false, "journey": true}', false, now(), now())`)
	waiting, failed := d.enrollment("welcome", "waiting"), d.enrollment("dunning", "failed")

	for _, who := range []string{"ada", "ADA@example.com"} {
		out := strings.Join(d.lines("contacts", "show", who), "\n")
		for _, part := range []string{
			"ada ada@example.com (no time zone)", "unsubscribed from news\n",
			"welcome - waiting wait:used feature.used or 2031-01-07 10:00:00Z",
			waiting, failed, `no such\x1b[2J plan`, "hogsend journeys retry dunning " + failed,
			`hello suppressed (category_opt_out) Hi\nthere welcome`, "welcome user.created already_active",
		} {
			require.Contains(t, out, part)
		}
	}
	code, out := d.run("contacts", "show", "ada", "--json")
	require.Equal(t, 0, code)
	var got map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.NotContains(t, out, "\x1b")
	for _, field := range []string{"contact", "preferences", "states", "emails", "refusals", "memberships"} {
		require.NotEmpty(t, got[field], field)
	}
	require.Equal(t, "[]", string(got["memberships"]), "no list is null")
	code, out = d.run("contacts", "show", "bob")
	require.Equal(t, 1, code)
	require.Contains(t, out, "hogsend: nobody is known as bob")

	d.did("user.created", "bob")
	require.Equal(t, []string{"USER EMAIL TIMEZONE LAST SEEN ID"}, d.lines("contacts", "list")[:1])
	require.Len(t, d.lines("contacts", "list"), 3)
	require.Len(t, d.lines("contacts", "list", "--limit", "1"), 2)
	require.Contains(t, d.lines("contacts", "list", "--search", "BOB")[1], "bob bob@example.com")
}

// J-154: lists name the object that an enrollment is about, whatever its name does to a
// terminal.
func TestListsOfEnrollmentsNameTheirKeys(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("dunning", "payment.failed", hogsend.Unlimited))
	d.did("payment.failed", "ada")
	d.exec(`update enrollments set key = E'I-1\x1b[2J'`)
	require.Contains(t, strings.Join(d.lines("contacts", "show", "ada"), "\n"), `dunning I-1\x1b[2J `)
	require.Contains(t, d.lines("journeys", "states")[1], `dunning I-1\x1b[2J ada `)
}

// O-51: wherever an enrollment is asked for, its person does.
func TestAPersonStandsForItsEnrollment(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("dunning", "payment.failed", hogsend.Unlimited), aJourney("welcome", "user.created", hogsend.Once))
	d.did("payment.failed", "ada", "bob")
	require.Equal(t, "JOURNEY KEY USER STATUS AT ENTERED ENROLLMENT WHY", d.lines("journeys", "states")[0])
	require.Len(t, d.lines("journeys", "states"), 3)
	require.Len(t, d.lines("journeys", "states", "--limit", "1"), 2)
	require.Len(t, d.lines("journeys", "states", "dunning", "--user", "ada@example.com"), 2)
	require.Len(t, d.lines("journeys", "states", "--status", "failed"), 1)

	code, out := d.run("journeys", "cancel", "dunning", "ada")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, d.enrollment("dunning", "exited")+" is exited")
	code, out = d.run("journeys", "cancel", "dunning", "ada")
	require.Equal(t, 1, code)
	require.Contains(t, out, "ada has no enrollment in dunning that is under way")
	code, out = d.run("journeys", "cancel", "dunning", d.enrollment("dunning", "active"))
	require.Equal(t, 0, code, out)

	// Of several a command does not choose.
	d.did("payment.failed", "ada")
	d.exec(`update enrollments set status = 'failed', error = 'x' where status in ('active', 'exited') and contact_id = (select id from contacts where external_id = 'ada')`)
	code, out = d.run("journeys", "retry", "dunning", "ada")
	require.Equal(t, 1, code)
	require.Contains(t, out, "ada has 2 enrollments in dunning that failed; name one:\n  ")
	require.Len(t, d.lines("journeys", "states", "--status", "failed"), 4, "head, two, and the word on retry")

	for _, args := range [][]string{{"cancel", "dunning", "eve"}, {"retry", "dunning", "eve"}, {"states", "--user", "eve"}, {"enroll", "welcome", "eve"}} {
		code, out = d.run(append([]string{"journeys"}, args...)...)
		require.Equal(t, 1, code)
		require.Contains(t, out, "nobody is known as eve", args)
	}
	code, out = d.run("journeys", "states", "none")
	require.Equal(t, 1, code)
	require.Contains(t, out, "there is no journey none")
	code, out = d.run("journeys", "states", "--status", "gone")
	require.Equal(t, 1, code)
	require.Contains(t, out, `--status: "gone" is not one of active, waiting`)
}

// O-51: enroll makes no contact by a slip of the pen.
func TestEnrollTakesWhoIsKnown(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("welcome", "user.created", hogsend.Once))
	d.did("seen", "ada")
	code, out := d.run("journeys", "enroll", "welcome", "ada@example.com")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "enrolled "+d.enrollment("welcome", "active"))
	code, out = d.run("journeys", "enroll", "welcome", "ada")
	require.Equal(t, 0, code, out)
	require.Equal(t, "not enrolled: already_active\n", out)

	code, out = d.run("journeys", "enroll", "welcome", "adda")
	require.Equal(t, 1, code)
	require.Contains(t, out, "nobody is known as adda")
	require.Contains(t, out, "--new")
	_, err := d.ingester.Ingest(t.Context(), ingest.Event{Name: "seen", Email: "lead@example.com"})
	require.NoError(t, err)
	code, out = d.run("journeys", "enroll", "welcome", "lead@example.com")
	require.Equal(t, 1, code)
	require.Contains(t, out, "has no user id yet")
	var people int
	require.NoError(t, d.store.Pool.QueryRow(t.Context(), `select count(*) from contacts`).Scan(&people))
	require.Equal(t, 2, people)
	code, out = d.run("journeys", "enroll", "welcome", "adda", "--new")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "enrolled ")
}

// O-33, O-51: doctor tells of enrollments that failed within a week, and counts the older ones.
func TestDoctorTellsOfFailedEnrollments(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("dunning", "payment.failed", hogsend.Unlimited))
	look := func() string {
		detail, err := failedEnrollments(t.Context(), d.store, []string{"dunning", "other"})
		if err != nil {
			return "FAIL " + err.Error()
		}
		return detail
	}
	require.Equal(t, "none", look())
	d.did("payment.failed", "ada", "bob")
	require.Equal(t, "none", look())
	d.exec(`update enrollments set status = 'failed', error = 'no plan', updated_at = now() - interval '8 days' where contact_id = (select id from contacts where external_id = 'ada')`)
	require.Equal(t, "none within 7 days, 1 before", look())
	d.exec(`update enrollments set status = 'failed', error = 'provider said no' where status = 'active'`)
	var bob string
	require.NoError(t, d.store.Pool.QueryRow(t.Context(), `select id::text from enrollments where error = 'provider said no'`).Scan(&bob))
	require.Equal(t, fmt.Sprintf("FAIL within 7 days 1 in dunning, last %s: provider said no; `hogsend journeys retry` takes one up where it failed", bob), look())
	d.exec(`update enrollments set journey_id = 'gone'`)
	require.Equal(t, "none", look(), "no build can take it up")
}

// only with --yes.
func TestContactsEraseByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t)
	d.did("user.created", "ada", "bob")
	code, out := d.run("contacts", "erase", "ada")
	require.Equal(t, 1, code)
	require.Contains(t, out, "say --yes to erase ada")
	lines := d.lines("contacts", "erase", "ada", "--yes", "--reason", "asked")
	require.Regexp(t, `^erased \(erasure [0-9a-f-]{36}\)$`, lines[0])
	code, out = d.run("contacts", "erase", "ada", "--yes")
	require.Equal(t, 1, code)
	require.Contains(t, out, "nobody is known as ada")
	require.Contains(t, d.lines("contacts", "show", "bob")[0], "bob")
}

// O-26, R-79.
func TestEventsReplayByCommand(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t)
	d.did("user.created", "ada", "bob")
	require.Equal(t, []string{"2 ran again, 0 internal ones were left out"}, d.lines("events", "replay", "--event", "user.created"))
	lines := d.lines("events", "replay", "00000000-0000-4000-8000-000000000000")
	require.Equal(t, []string{"0 ran again, 0 internal ones were left out", "00000000-0000-4000-8000-000000000000: there is no such event"}, lines)
	code, out := d.run("events", "replay")
	require.Equal(t, 1, code)
	require.Contains(t, out, "give either eventIds or a filter")
}

// U-44: the command says what the page says, and of whom or what it knows nothing.
func TestWhyAnswersInASentence(t *testing.T) {
	t.Parallel()
	d := newJourneyDesk(t, aJourney("welcome", "user.created", hogsend.Once), aJourney("dunning", "payment.failed", hogsend.Unlimited))
	d.did("user.created", "ada")
	d.exec(`update enrollments set status = 'failed', error = E'no such\x1b[2J plan'`)
	code, out := d.run("why", "ada", "welcome")
	require.Equal(t, 0, code, out)
	require.Regexp(t, `^Did ada@example.com get into welcome\?\nwelcome failed at start on \d+ \w+ \d+, [\d:]+ UTC: “no such␦\[2J plan”.\n  entered, .* \(journey welcome\)\n$`, out)
	code, out = d.run("why", "ada", "dunning", "--json")
	require.Equal(t, 0, code)
	require.Contains(t, out, "No payment.failed of ada@example.com is stored, and that is what starts dunning.")
	code, out = d.run("why", "bob", "welcome")
	require.Equal(t, 1, code)
	require.Contains(t, out, "nobody is known as bob")
	code, out = d.run("why", "ada", "welcom")
	require.Equal(t, 1, code)
	require.Contains(t, out, `did you mean "welcome"?`)
}
