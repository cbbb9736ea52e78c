package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func renewal(id string, changes ...func(j *hogsend.Journey)) hogsend.Journey {
	j := hogsend.Journey{ID: id, Name: "Renewal", EntryLimit: hogsend.Unlimited, Run: nothing, Trigger: hogsend.OnDate("renewsAt").Before(hogsend.Day)}
	for _, change := range changes {
		change(&j)
	}
	return j
}

// dated is a world in which journeys are triggered by dates.
func dated(t *testing.T, journeys ...hogsend.Journey) *timed {
	t.Helper()
	v := virtualWith(t, ingest.Config{Journeys: journeys})
	v.beginDates()
	return v
}

func (v *timed) beginDates() {
	v.t.Helper()
	require.NoError(v.t, v.clock.BeginDates(v.t.Context()))
	for done := false; !done; {
		var err error
		done, _, err = v.clock.FillDates(v.t.Context())
		require.NoError(v.t, err)
	}
}

// renews sends an event that writes the date of somebody.
func renews(who, date string) ingest.Event {
	ev := user("seen", who)
	ev.ContactProperties = map[string]json.RawMessage{"renewsAt": json.RawMessage(date)}
	return ev
}

// dates lets the clock run up to an instant and returns what it has told of dates.
func (v *timed) dates(after time.Duration) []string {
	v.t.Helper()
	v.pass(after)
	return v.texts(`select coalesce(c.external_id, '?') || ' ' || e.name || ' ' || (e.properties ->> 'value') || ' ' || (e.properties ->> 'dueAt') || ' ' || e.source || ' ' || (e.occurred_at = (e.properties ->> 'dueAt')::timestamptz)
		from events e join contacts c on c.id = e.contact_id where e.name like 'hogsend:date:%' order by e.seq`)
}

// J-156, J-157, J-158: the instant follows the property, and each value is told once.
func TestADateTriggersItsJourneyAtItsInstant(t *testing.T) {
	t.Parallel()
	v := dated(t, renewal("renewal"), renewal("other", func(j *hogsend.Journey) { j.Trigger = hogsend.On("seen") }))
	v.send(renews("ada", `"2026-01-07T10:00:00Z"`))
	require.Empty(t, v.dates(hogsend.Day-time.Microsecond), "not before")
	told := []string{"ada hogsend:date:renewal 2026-01-07T10:00:00Z 2026-01-06T10:00:00Z date true"}
	require.Equal(t, told, v.dates(hogsend.Day))
	require.Equal(t, []string{"active"}, v.statuses("renewal"), "this journey alone")

	// Moved away and back: told once. To another one: once more.
	v.send(renews("ada", `"2026-02-07"`))
	v.send(renews("ada", `"2026-01-07T10:00:00Z"`))
	require.Equal(t, told, v.dates(2*hogsend.Day))
	v.send(renews("ada", `"2026-01-10"`))
	require.Len(t, v.dates(10*hogsend.Day), 2)

	// Removed, no date any more, or gone: nothing.
	for _, gone := range []string{`null`, `"soon"`, `5`} {
		v.send(renews("ada", `"2026-03-01"`))
		require.Equal(t, 1, v.count(`select count(*) from date_dues`))
		v.send(renews("ada", gone))
		require.Zero(t, v.count(`select count(*) from date_dues`), gone)
	}
	id := v.send(renews("ada", `"2026-03-01"`)).ContactID
	_, err := v.ingester.Delete(t.Context(), id)
	require.NoError(t, err)
	require.Zero(t, v.count(`select count(*) from date_dues`))
	require.Len(t, v.dates(80*hogsend.Day), 2)
}

// J-157: what has passed when it is written does nothing; who was there before a journey is
// due in it as of its registration.
func TestOnlyWhatIsToComeIsDue(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{})
	for who, date := range map[string]string{"ada": `"2026-01-20"`, "bob": `"2025-12-31"`, "eve": `"never"`} {
		v.send(renews(who, date))
	}
	v.bundle = v.another(ingest.Config{Journeys: []hogsend.Journey{renewal("renewal")}})
	v.beginDates()
	require.Equal(t, []string{"ada"}, v.texts(`select c.external_id from date_dues d join contacts c on c.id = d.contact_id`))
	v.send(renews("bob", `"2026-01-06T10:00:00Z"`))
	require.Equal(t, 1, v.count(`select count(*) from date_dues`), "a day before that is now")

	// Changed: due by the new rule. Gone: nobody is due.
	v.bundle = v.another(ingest.Config{Journeys: []hogsend.Journey{renewal("renewal", func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("renewsAt") })}})
	v.beginDates()
	require.Equal(t, []string{"2026-01-06 10:00:00+00", "2026-01-20 00:00:00+00"}, v.texts(`select (due_at at time zone 'UTC')::text || '+00' from date_dues order by due_at`))
	v.beginDates()
	require.Equal(t, 2, v.count(`select count(*) from date_dues`), "once more is nothing")
	v.bundle = v.another(ingest.Config{})
	require.NoError(t, clock.New(v.ingester.Engine()).BeginDates(t.Context()))
	require.Zero(t, v.count(`select (select count(*) from date_dues) + (select count(*) from date_triggers)`))
}

// J-157, J-158: a changed zone moves the instant; a merge tells nobody twice; after an
// outage what is late is stored and enrolls nobody.
func TestDatesMoveWithZonesAndMerges(t *testing.T) {
	t.Parallel()
	v := dated(t, renewal("renewal", func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("renewsAt").At("12:00") }))
	ada := v.send(renews("ada", `"2026-01-05"`)).ContactID
	dues := func() []string {
		return v.texts(`select to_char(due_at at time zone 'UTC', 'DD HH24:MI') from date_dues order by 1`)
	}
	require.Equal(t, []string{"05 12:00"}, dues())
	zone := func(name string) {
		_, err := v.ingester.Update(t.Context(), ada, ingest.Change{Zoned: true}, func(q *storedb.Queries) error { return q.ContactTimezoneSet(t.Context(), &name, ada) })
		require.NoError(t, err)
	}
	zone("America/New_York")
	require.Equal(t, []string{"05 17:00"}, dues())
	zone("Asia/Tokyo")
	require.Equal(t, []string{"05 03:00"}, dues(), "behind now only by the zone: at once")
	require.Len(t, v.dates(time.Minute), 1)
	zone("America/New_York")
	require.Len(t, v.dates(10*time.Hour), 1, "a later zone tells nothing again")

	// A lead whose date was told becomes somebody with the same date ahead, further west.
	ev := renews("", `"2026-01-06"`)
	ev.UserID, ev.AnonymousID = "", "phone"
	v.send(ev)
	require.Len(t, v.dates(27*time.Hour), 2)
	v.send(ingest.Event{Name: "seen", UserID: "cleo", AnonymousID: "phone", ContactProperties: map[string]json.RawMessage{"timezone": json.RawMessage(`"America/Los_Angeles"`)}})
	require.Len(t, v.dates(36*time.Hour), 2, "merged-in contacts included")

	v.send(renews("bob", `"2026-01-10"`))
	v.set(20 * hogsend.Day)
	require.Len(t, v.dates(20*hogsend.Day), 3)
	require.Equal(t, []string{"late_event"}, v.texts(`select reason from decisions where reason is not null order by 1`))
}

// J-157, B-58: another zone for contacts whose own is not known moves what they are due at, to
// now if it is behind by that; a plan says so before.
func TestAnotherDefaultZoneMovesDates(t *testing.T) {
	t.Parallel()
	noon := func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("renewsAt").At("12:00") }
	journeys := []hogsend.Journey{renewal("renewal", noon), renewal("same", func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("other") })}
	v := dated(t, journeys...)
	v.send(renews("ada", `"2026-01-05"`))
	v.send(renews("bob", `"2026-01-06"`))
	at := renews("eve", `"2026-01-05"`)
	at.ContactProperties["timezone"] = json.RawMessage(`"America/New_York"`)
	v.send(at)
	dues := func() []string {
		return v.texts(`select c.external_id || ' ' || to_char(due_at at time zone 'UTC', 'DD HH24:MI') from date_dues d join contacts c on c.id = d.contact_id order by 1`)
	}
	require.Equal(t, []string{"ada 05 12:00", "bob 06 12:00", "eve 05 17:00"}, dues())

	planned := func(zone string, journeys ...hogsend.Journey) []clock.PlannedDates {
		plan, err := rollout.Plan(t.Context(), v.store, rollout.Build{Journeys: journeys, Timezone: zone})
		require.NoError(t, err)
		return plan.Dates
	}
	unchanged := []clock.PlannedDates{{JourneyID: "renewal", Status: "unchanged", Changes: []string{}, Due: 3}, {JourneyID: "same", Status: "unchanged", Changes: []string{}}}
	require.Equal(t, unchanged, planned("", journeys...))
	require.Equal(t, unchanged, planned("UTC", journeys...))
	require.Equal(t, []clock.PlannedDates{
		{JourneyID: "another", Status: "new", Changes: []string{}}, {JourneyID: "renewal", Status: "changed", Changes: []string{"timezone"}, Due: 3}, {JourneyID: "same", Status: "removed", Changes: []string{}},
	}, planned("Asia/Tokyo", renewal("another"), journeys[0]))
	require.Equal(t, []string{"date", "timezone"}, planned("Asia/Tokyo", renewal("renewal"))[0].Changes)

	v.bundle = v.another(ingest.Config{Journeys: journeys, Timezone: "Asia/Tokyo"})
	v.beginDates()
	require.Equal(t, []string{"ada 05 03:00", "bob 06 03:00", "eve 05 17:00"}, dues())
	require.Len(t, v.dates(time.Minute), 1, "ada at once, though her noon there has passed")
	v.beginDates()
	require.Equal(t, []string{"bob 06 03:00", "eve 05 17:00"}, dues(), "once more is nothing")
	v.bundle = v.another(ingest.Config{Journeys: journeys})
	v.beginDates()
	require.Len(t, v.dates(3*time.Hour), 1, "back again: she was told")
}

// C-31, J-157: a zone that comes with a date is the one that the date is read in.
func TestAZoneThatComesWithADateCounts(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{renewal("renewal", func(j *hogsend.Journey) { j.Trigger = hogsend.OnDate("renewsAt") })}}, segmentOf("soon", hogsend.Prop("renewsAt").InNext(time.Hour)))
	v.settle()
	v.beginDates()
	newYork := "America/New_York"
	day := map[string]json.RawMessage{"renewsAt": json.RawMessage(`"2026-01-06"`)}
	zoned := func(id uuid.UUID) ingest.Write {
		return func(q *storedb.Queries) error { return q.ContactTimezoneSet(t.Context(), &newYork, id) }
	}
	for who, write := range map[string]func(){
		"created": func() {
			_, err := v.ingester.Create(t.Context(), ingest.Person{UserID: "created", Properties: day, Zoned: true}, zoned)
			require.NoError(t, err)
		},
		"updated": func() {
			id := v.send(user("seen", "updated")).ContactID
			_, err := v.ingester.Update(t.Context(), id, ingest.Change{Properties: day, Zoned: true}, zoned(id))
			require.NoError(t, err)
		},
		"by its properties": func() {
			_, err := v.ingester.Upsert(t.Context(), ingest.Person{UserID: "by its properties", Properties: map[string]json.RawMessage{"renewsAt": day["renewsAt"], "timezone": json.RawMessage(`"America/New_York"`)}})
			require.NoError(t, err)
		},
		"by an event": func() {
			ev := renews("by an event", `"2026-01-06"`)
			ev.ContactProperties["$timezone"] = json.RawMessage(`"America/New_York"`)
			v.send(ev)
		},
		"named later": func() { // its lead had the date, in another zone
			lead := renews("", `"2026-01-06"`)
			lead.UserID, lead.Email = "", "lead@x.io"
			lead.ContactProperties["timezone"] = json.RawMessage(`"Asia/Tokyo"`)
			v.send(lead)
			named := user("seen", "named later")
			named.Email, named.ContactProperties = "lead@x.io", map[string]json.RawMessage{"timezone": json.RawMessage(`"America/New_York"`)}
			v.send(named)
		},
	} {
		write()
		require.Equal(t, []string{"2026-01-06 05:00:00"}, v.texts(`select (d.at at time zone 'UTC')::text from property_dates d join contacts c on c.id = d.contact_id where c.external_id = $1`, who), who)
		require.Equal(t, []string{"2026-01-06 05:00:00"}, v.texts(`select (d.due_at at time zone 'UTC')::text from date_dues d join contacts c on c.id = d.contact_id where c.external_id = $1`, who), who)
	}
	v.pass(19*time.Hour - time.Minute) // 05:00Z is 19 hours after 10:00Z
	require.Len(t, v.members("soon"), 5)
}
