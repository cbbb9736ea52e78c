package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// replay runs all stored events of a name again and returns what became of them.
func (b *bundle) replay(name string) (failed []string) {
	b.t.Helper()
	events, err := b.store.ReplaySelect(b.t.Context(), storedb.ReplaySelectParams{Name: &name, RowLimit: 100})
	require.NoError(b.t, err)
	err = b.ingester.Replay(b.t.Context(), events, func(_ storedb.Event, err error) {
		if err != nil {
			failed = append(failed, err.Error())
		}
	}, func() ingest.Write { return func(*storedb.Queries) error { return nil } })
	require.NoError(b.t, err)
	return failed
}

// I-53, J-22, O-26: a stored event enrolls in a journey that was not there when it came, by
// the same guards, and refers to the row that is there; once more it does nothing.
func TestAStoredEventRunsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.send(with(ingest.Event{Name: "signed.up", UserID: "ada", Key: "k"}, `{"plan":"pro"}`))
	b.send(with(user("signed.up", "bob"), `{"plan":"free"}`))
	n := b.another(ingest.Config{Journeys: []hogsend.Journey{journey("late", "signed.up", func(j *hogsend.Journey) {
		j.Trigger.Conditions = []hogsend.Condition{hogsend.Prop("plan").Eq("pro")}
	})}})
	before := n.texts(`select (to_jsonb(c) - 'updated_at')::text from contacts c order by id`)
	require.Empty(t, n.replay("signed.up"))
	require.Equal(t, []string{first.EventID.String() + ` {"plan": "pro"}`}, n.texts(`select trigger_event_id || ' ' || context::text from enrollments`))
	require.ElementsMatch(t, []string{"enrolled", "trigger_conditions_not_met"}, n.outcomes("late"))
	require.Equal(t, 2, n.count(`select count(*) from events`))
	require.Equal(t, before, n.texts(`select (to_jsonb(c) - 'updated_at')::text from contacts c order by id`), "no property, no time is written")

	n.finish(n.enrollment("late"), "completed")
	require.Empty(t, n.replay("signed.up"))
	require.Equal(t, []string{"completed"}, n.statuses("late"), "it does not enroll a second time, though the journey would allow it")
	require.Empty(t, n.replay("journey:completed"), "an internal event is not chosen by callers, and would do nothing")
}

// I-53: it exits what was there when it came, and nothing that began with it or after it.
func TestAReplayExitsWhatItCouldHaveExited(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("path", "begin"))
	b.sendAll(user("begin", "ada"), user("stop", "ada"), user("stop", "bob"), user("begin", "bob"))
	n := b.another(ingest.Config{Journeys: []hogsend.Journey{journey("path", "begin", exitOn("stop"))}})
	require.Empty(t, n.replay("stop"))
	require.Equal(t, []string{"ada exited", "bob active"}, n.texts(`select c.external_id || ' ' || e.status from enrollments e join contacts c on c.id = e.contact_id order by 1`))
}

// I-53: buckets that are right stay as they are; I-50: a deleted contact is left alone.
func TestAReplayMovesNobody(t *testing.T) {
	t.Parallel()
	v := everywhere(t)
	members, events := v.members("clickers"), v.count(`select count(*) from events`)
	require.Empty(t, v.replay("click"))
	require.Equal(t, members, v.members("clickers"))
	require.Equal(t, events, v.count(`select count(*) from events`))
	require.True(t, v.delete("ada"))
	require.Equal(t, []string{"the contact is deleted"}, v.replay("click"))
}
