package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// decisions are the rows of the log, whole, the oldest first.
func (b *bundle) decisions() []string {
	b.t.Helper()
	return b.texts(`select concat_ws('|', d.type, d.journey_id, d.event_name, d.outcome, d.reason, case when d.enrollment_id is not null then n.journey_id || '#' || n.entry end, d.detail::text)
		from decisions d join contacts c on c.id = d.contact_id join events e on e.id = d.event_id and e.received_at = d.at left join enrollments n on n.id = d.enrollment_id order by d.id`)
}

// J-44: each outcome of the guards is a row, with everything that explains it; at the
// instant of its event, and for a reaction too.
func TestEveryOutcomeIsOneDecision(t *testing.T) {
	t.Parallel()
	b := setup(t,
		journey("enters", "go"),
		journey("fails", "go", func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(hogsend.Prop("n").Gt(1)) }),
		journey("never", "go", func(j *hogsend.Journey) { j.Disabled = true }),
		journey("other", "stay"),
	)
	b.send(user("go", "u"))
	b.send(with(user("go", "u"), `{"n":2}`))
	require.Equal(t, []string{
		"enrollment|enters|go|enrolled|enters#1|{}",
		`enrollment|fails|go|skipped|trigger_conditions_not_met|{"failed": [{"type": "property", "value": 1, "operator": "gt", "property": "n"}]}`,
		"enrollment|never|go|skipped|journey_disabled|{}",
		"enrollment|enters|go|skipped|already_active|{}",
		"enrollment|fails|go|enrolled|fails#1|{}",
		"enrollment|never|go|skipped|journey_disabled|{}",
	}, b.decisions())
	require.Equal(t, 6, b.count(`select count(*) from decisions`), "each of an event that is stored, at its instant")
}

// J-44: what is rolled back leaves no decision, nor anything else.
func TestARolledBackEventLeavesNoDecision(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("a", "go"), journey("b", "go", func(j *hogsend.Journey) { j.Disabled = true }))
	b.exec(`alter table outbox add constraint planted check (kind <> 'start')`)
	_, err := b.ingester.Ingest(t.Context(), user("go", "u"))
	require.Error(t, err)
	for _, table := range []string{"decisions", "events", "enrollments", "step_logs", "outbox", "contacts"} {
		require.Zero(t, b.count("select count(*) from "+table), table)
	}
	b.exec(`alter table outbox drop constraint planted`)
	b.send(user("go", "u"))
	require.Equal(t, []string{"enrollment|a|go|enrolled|a#1|{}", "enrollment|b|go|skipped|journey_disabled|{}"}, b.decisions())
}

// J-17, J-45: one event ends, wakes and enrolls in that order; the same key again
// stops at the first step and changes nothing.
func TestARepeatedEventDecidesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t,
		journey("ends", "begin", exitOn("go")), journey("waits", "begin"), journey("enters", "go"),
		journey("follows", "journey:exited"), journey("never", "go", func(j *hogsend.Journey) { j.Disabled = true }),
	)
	b.send(user("begin", "u"))
	until := b.now().Add(time.Hour)
	wait := b.waiting(b.enrollment("waits"), "go", "", &until)
	event := user("go", "u")
	event.Key = "once"
	state := func() (lines []string) {
		for _, table := range []string{"events", "decisions", "enrollments", "waits", "step_logs", "outbox"} {
			lines = append(lines, fmt.Sprint(table, " ", b.texts(fmt.Sprintf("select md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) from %s t", table))))
		}
		return lines
	}
	before := state()
	require.True(t, b.send(event).Exits[0].Exited)
	require.Equal(t, []string{"matched"}, b.texts(`select status from waits where id = $1`, wait))
	// The exit and what follows from it came before the journeys of the event itself.
	require.Equal(t, []string{"follows enrolled", "enters enrolled", "never journey_disabled"},
		b.texts(`select journey_id || ' ' || coalesce(reason, outcome) from decisions where event_name <> 'begin' order by id`))
	after := state()
	require.NotEqual(t, before, after)
	for range 3 {
		b.send(event)
	}
	for _, again := range b.sendAll(event, event) {
		require.False(t, again.Stored)
		require.Empty(t, again.Exits)
	}
	require.Equal(t, after, state())
}
