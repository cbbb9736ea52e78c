package ingest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// inEachWay runs a test on databases of their own: events one by one, two at a time,
// and all in one transaction, in which nothing has been read from rows.
func inEachWay(t *testing.T, journeys []hogsend.Journey, test func(t *testing.T, b *bundle, send func(events ...ingest.Event))) {
	t.Helper()
	for _, size := range []int{1, 2, 1000} {
		t.Run(fmt.Sprintf("in batches of %d", size), func(t *testing.T) {
			t.Parallel()
			b := setup(t, journeys...)
			test(t, b, func(events ...ingest.Event) {
				for part := range slices.Chunk(events, size) {
					b.sendAll(part...)
				}
			})
		})
	}
}

// exited are the ends of enrollments, in the order in which they were told.
func (b *bundle) exited() []string {
	b.t.Helper()
	return b.texts(`select concat_ws(' ', properties->>'journeyId', properties->>'reason') from events where name = 'journey:exited' order by seq`)
}

// canceled are the journeys whose workflows are canceled, in the order of delivery.
func (b *bundle) canceled() []string {
	b.t.Helper()
	return b.texts(`select e.journey_id from outbox o join enrollments e on e.workflow_id = o.payload->>'workflowId'
		where o.kind = 'cancel' order by o.seq`)
}

// I-17, I-43, J-57: what a merge ends, and what follows from it, comes in the order of
// entry, whether the enrollments were read or made in the same transaction. Without
// that order another enrollment was ended by the first journey:exited.
func TestAMergeEndsEnrollmentsInTheOrderOfTheirEntry(t *testing.T) {
	t.Parallel()
	inEachWay(t, []hogsend.Journey{
		journey("a", "start"), journey("b", "both"),
		journey("c", "start", exitOn("journey:exited")), journey("d", "journey:exited"),
	}, func(t *testing.T, b *bundle, send func(...ingest.Event)) {
		send(
			ingest.Event{Name: "both", AnonymousID: "x"}, ingest.Event{Name: "start", AnonymousID: "x"},
			ingest.Event{Name: "both", AnonymousID: "y"}, ingest.Event{Name: "start", AnonymousID: "y"},
			ingest.Event{Name: "plain", UserID: "u", AnonymousID: "x"}, ingest.Event{Name: "plain", UserID: "u", AnonymousID: "y"})
		require.Equal(t, []string{"b merged", "c event:journey:exited", "a merged", "c merged"}, b.exited())
		require.Equal(t, []string{"b", "a", "c", "c"}, b.canceled())
		require.Equal(t, []string{"enrolled", "already_active", "already_active", "already_active"}, b.outcomes("d"))
	})
}

// I-43, J-72, J-75: so do exits by one event, the list in the reply, and what each
// causes.
func TestExitsComeInTheOrderOfEntry(t *testing.T) {
	t.Parallel()
	inEachWay(t, []hogsend.Journey{
		journey("a", "third", exitOn("stop")), journey("m", "second", exitOn("stop")), journey("z", "first", exitOn("stop")),
		journey("after", "journey:exited", limit(hogsend.Once)),
	}, func(t *testing.T, b *bundle, send func(...ingest.Event)) {
		send(user("first", "u"), user("second", "u"), user("third", "u"))
		var listed []string
		for _, exit := range b.send(user("stop", "u")).Exits {
			listed = append(listed, exit.JourneyID)
		}
		require.Equal(t, []string{"z", "m", "a"}, listed)
		require.Equal(t, []string{"z", "m", "a"}, b.canceled())
		require.Equal(t, []string{"z event:stop", "m event:stop", "a event:stop"}, b.exited())
	})
}

// I-17, I-43: and when the enrollments are not older than the event's transaction.
func TestExitsOfOneBatchComeInTheOrderOfEntry(t *testing.T) {
	t.Parallel()
	inEachWay(t, []hogsend.Journey{
		journey("a", "third", exitOn("stop")), journey("m", "second", exitOn("stop")), journey("z", "first", exitOn("stop")),
	}, func(t *testing.T, b *bundle, send func(...ingest.Event)) {
		send(user("first", "u"), user("second", "u"), user("third", "u"), user("stop", "u"))
		require.Equal(t, []string{"z event:stop", "m event:stop", "a event:stop"}, b.exited())
	})
}

// I-43: those that one event made come by journey id.
func TestEnrollmentsOfOneInstantEndByJourneyID(t *testing.T) {
	t.Parallel()
	inEachWay(t, []hogsend.Journey{
		journey("b", "go", exitOn("stop")), journey("Z", "go", exitOn("stop")), journey("a", "early", exitOn("stop")),
	}, func(t *testing.T, b *bundle, send func(...ingest.Event)) {
		send(user("go", "u"), user("early", "u"), user("stop", "u"))
		require.Equal(t, []string{"Z event:stop", "b event:stop", "a event:stop"}, b.exited())
	})
}

// I-43, I-48: a deletion cancels in the order of entry.
func TestADeletionCancelsInTheOrderOfEntry(t *testing.T) {
	t.Parallel()
	inEachWay(t, []hogsend.Journey{journey("a", "second"), journey("z", "first")}, func(t *testing.T, b *bundle, send func(...ingest.Event)) {
		send(user("first", "u"), user("second", "u"))
		id := uuid.MustParse(b.texts(`select id::text from contacts`)[0])
		found, err := b.ingester.Delete(t.Context(), id)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, []string{"z", "a"}, b.canceled())
		require.Empty(t, b.exited())
	})
}

// I-43: waits are woken in the order in which they began, also when one of them was
// read earlier than the other.
func TestWaitsAreWokenInTheOrderInWhichTheyBegan(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{journey("j", "begin"), journey("k", "begin")}},
		segmentOf("clickers", hogsend.Event("click").Exists()))
	v.settle()
	v.send(user("begin", "u"))
	first := v.waiting(v.enrollment("j"), "bucket:entered:clickers", "", nil)
	v.set(time.Second)
	second := v.waiting(v.enrollment("k"), "bucket:entered:clickers", "", nil)
	// That for the first of several is read before anything is known to happen.
	v.exec(`update waits set event_name = null, conditions = null, alternatives = $2 where id = $1`, second, `[{"event":"bucket:entered:clickers"}]`)
	v.send(user("click", "u"))
	require.Equal(t, []string{first.String(), second.String()}, v.texts(`select payload->>'waitId' from outbox where kind = 'signal' order by seq`))
}
