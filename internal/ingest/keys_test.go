package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

func ofEach(property string) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Key = property }
}

func only(c hogsend.Condition) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Audience = c }
}

// J-46, J-49: of events of one key that race in two processes one enrolls; other keys are
// none of its business.
func TestRacingEventsOfOneKey(t *testing.T) {
	t.Parallel()
	cfg := ingest.Config{Journeys: []hogsend.Journey{journey("j", "e", ofEach("id"))}}
	a := setupWith(t, cfg)
	processes := []*bundle{a, a.another(cfg)}
	requireNone(t, parallel(40, func(i int) error {
		_, err := processes[i%2].ingester.Ingest(t.Context(), with(user("e", "u"), fmt.Sprintf(`{"id":%d}`, i/2%4)))
		return err
	}))
	require.Equal(t, []string{"0", "1", "2", "3"}, a.texts(`select key from enrollments where status = 'active' order by key`))
	require.Equal(t, []string{"1", "2", "3", "4"}, a.texts(`select entry::text from enrollments order by entry`))
	require.Equal(t, 36, a.count(`select count(*) from decisions where reason = 'already_active' and key <> ''`))
}

// I-17: and so it is in one batch, in its order.
func TestKeysAndAudiencesInABatch(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", ofEach("id"), limit(hogsend.Once), only(hogsend.All(hogsend.Prop("plan").Eq("pro"), hogsend.Event("e").AtLeast(2)))))
	pro := with(user("e", "u"), `{"id":1}`)
	pro.ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(`"pro"`)}
	free := with(user("e", "u"), `{"id":2}`)
	free.ContactProperties = map[string]json.RawMessage{"plan": json.RawMessage(`"free"`)}
	b.sendAll(pro, with(user("e", "u"), `{"id":1}`), with(user("e", "u"), `{"id":"1"}`), with(user("e", "u"), `{"id":3}`), free, with(user("e", "u"), `{}`))
	require.Equal(t, []string{"not_in_audience 1", "enrolled 1", "already_active 1", "enrolled 3", "not_in_audience 2", "key_missing "},
		b.texts(`select coalesce(reason, outcome) || ' ' || key from decisions order by at, id`))
	require.Equal(t, []string{`{"failed": [{"type": "event", "check": "count", "value": 2, "operator": "gte", "eventName": "e"}]}`},
		b.texts(`select detail::text from decisions order by at, id limit 1`))
	require.Equal(t, []string{`{"property": "id"}`}, b.texts(`select detail::text from decisions where reason = 'key_missing'`))

	// An entry that has ended within the transaction counts for its key.
	b.finish(b.enrollment("j"), "completed") // of 3
	pro.Properties = []byte(`{"id":3}`)
	b.send(pro)
	require.Equal(t, "already_entered_once", slices.Concat(b.outcomes("j"))[6])
}

// J-152
func TestAContactHasAThousandEnrollmentsOfAJourneyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", ofEach("id")))
	var events []ingest.Event
	for i := range 1002 {
		events = append(events, with(user("e", "u"), fmt.Sprintf(`{"id":%d}`, i)))
	}
	for chunk := range slices.Chunk(events, 200) {
		b.sendAll(chunk...)
	}
	require.Equal(t, 1000, b.count(`select count(*) from enrollments`))
	require.Equal(t, []string{"1000", "1001"}, b.texts(`select key from decisions where reason = 'too_many_active' order by key`))
	b.send(with(user("e", "u"), `{"id":7}`))
	require.Equal(t, 1, b.count(`select count(*) from decisions where reason = 'already_active' and key = '7'`))
}

// J-154: a key that comes or goes leaves people in flight theirs.
func TestAKeyThatChanges(t *testing.T) {
	t.Parallel()
	without := setup(t, journey("j", "e", limit(hogsend.Once)))
	without.send(with(user("e", "u"), `{"id":1}`))
	cfg := ingest.Config{Journeys: []hogsend.Journey{journey("j", "e", limit(hogsend.Once), ofEach("id"))}}
	keyed := without.another(cfg)
	keyed.send(with(user("e", "u"), `{"id":1}`))
	keyed.finish(keyed.enrollment("j"), "completed")
	keyed.send(with(user("e", "u"), `{"id":1}`))
	keyed.send(with(user("e", "u"), `{"id":2}`))
	require.Equal(t, []string{"enrolled", "enrolled", "already_entered_once", "enrolled"}, keyed.outcomes("j"))
	// Without a key all rows count, of whatever key.
	without.send(with(user("e", "u"), `{"id":3}`))
	require.Equal(t, "already_entered_once", without.outcomes("j")[4])
	unlimited := without.another(ingest.Config{Journeys: []hogsend.Journey{journey("j", "e")}})
	unlimited.send(with(user("e", "u"), `{"id":3}`))
	require.Equal(t, "already_active", unlimited.outcomes("j")[5])
}

// J-96, J-153: a failed enrollment is taken up beside one of another key.
func TestRetryOfOneKey(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", ofEach("id")))
	b.send(with(user("e", "u"), `{"id":1}`))
	failed := b.enrollment("j")
	b.finish(failed, "failed")
	b.send(with(user("e", "u"), `{"id":2}`))
	require.NoError(t, b.ingester.Retry(t.Context(), failed, "run"))
	b.finish(failed, "failed")
	b.send(with(user("e", "u"), `{"id":1}`))
	require.ErrorIs(t, b.ingester.Retry(t.Context(), failed, "run"), ingest.ErrRival)
	require.Equal(t, []string{"1", "1"}, b.texts(`select properties->>'key' from events where name = 'journey:failed' order by seq`))
}

// J-155: the trigger's side is what was stored at the enrollment.
func TestExitsRelateToTheTriggerThatWasStored(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", ofEach("id"), exitOn("paid", hogsend.SameAsTrigger("invoice", "id"))))
	b.send(with(user("e", "u"), `{"id":"I-1"}`))
	b.send(with(user("e", "u"), `{"id":"I-2"}`))
	b.exec(`update events set properties = '{}' where name = 'e'`)
	exits := b.send(with(user("paid", "u"), `{"invoice":"I-2"}`)).Exits
	require.Len(t, exits, 2)
	require.Equal(t, []bool{false, true}, []bool{exits[0].Exited, exits[1].Exited})
	require.Equal(t, []string{"active", "exited event:paid"}, b.statuses("j"))
	require.Equal(t, []string{"I-2"}, b.texts(`select properties->>'key' from events where name = 'journey:exited'`))
}

// J-117: events of one cause behind the one that enrolled are behind the mark.
func TestTheMarkIsBehindAllThatCameOfTheTrigger(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e"), journey("k", "journey:exited"), journey("x", "e", exitOn("e")))
	b.send(user("e", "u"))
	b.send(user("e", "u")) // ends x, and so enters k before j and x
	require.Equal(t, 1, b.count(`select count(*) from enrollments where journey_id = 'k' and status = 'active'`))
	require.Zero(t, b.count(`select count(*) from enrollments where mark_seq is not null and journey_id <> 'k'`))
	require.Equal(t, string(contract.EnrollmentActive), b.statuses("k")[0])
}

// J-31 and J-151: criteria look at everything that is known, as of the event.
func TestAnAudienceSeesTheEventThatIsBeingStored(t *testing.T) {
	t.Parallel()
	b := setup(t, journey("j", "e", only(hogsend.Event("e").Within(time.Hour).Exactly(1))))
	b.send(at(user("e", "u"), b.now().Add(-2*time.Hour)))
	b.send(user("e", "u"))
	b.send(user("e", "u"))
	require.Equal(t, []string{"not_in_audience", "enrolled", "not_in_audience"}, b.outcomes("j"))
}
