package activities_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
)

var completed = ingest.End{Status: "completed"}

func mustParse(claim contract.Claim) uuid.UUID { return uuid.MustParse(claim.Enrollment.ID) }

func TestAnEnrollmentBelongsToOneRun(t *testing.T) {
	t.Parallel() // J-54, J-55
	w := newWorld(t)
	claim := w.enroll("start")
	require.Equal(t, "welcome", claim.Enrollment.JourneyID)
	require.Equal(t, 1, claim.Enrollment.Entry)
	require.Equal(t, "start", claim.Event.Name)
	for run, want := range map[string]bool{"run-1": true, "run-2": false} {
		again, err := w.ClaimEnrollment(t.Context(), contract.ClaimRequest{EnrollmentID: claim.Enrollment.ID, FirstRunID: run})
		require.NoError(t, err)
		require.Equal(t, want, again.Claimed, run)
	}
	w.event("stop", "")
	again, err := w.ClaimEnrollment(t.Context(), contract.ClaimRequest{EnrollmentID: claim.Enrollment.ID, FirstRunID: "run-1"})
	require.NoError(t, err)
	require.False(t, again.Claimed)
	require.Equal(t, contract.EnrollmentExited, again.Status)
	again, err = w.ClaimEnrollment(t.Context(), contract.ClaimRequest{EnrollmentID: uuid.NewString(), FirstRunID: "run-1"})
	require.NoError(t, err)
	require.False(t, again.Claimed, "erased since")
}

func TestLargePropertiesKeepTheirScalars(t *testing.T) {
	t.Parallel() // J-121
	w := newWorld(t)
	big, err := json.Marshal(map[string]any{"plan": "pro", "list": []string{strings.Repeat("x", 256<<10)}})
	require.NoError(t, err)
	w.event("start", string(big))
	claim, err := w.ClaimEnrollment(t.Context(), contract.ClaimRequest{EnrollmentID: w.newest(), FirstRunID: "run-1"})
	require.NoError(t, err)
	require.True(t, claim.Event.Truncated)
	require.Equal(t, hogsend.Properties{"plan": "pro"}, claim.Event.Properties)
}

func TestTheFirstTerminalStateStands(t *testing.T) {
	t.Parallel() // J-65, J-67, J-87 to J-90
	w := newWorld(t)
	for range 20 {
		claim := w.enroll("start")
		var group sync.WaitGroup
		for _, end := range []contract.FinishRequest{{Status: "completed"}, {Status: "failed", Error: "broken"}, {Status: "exited", Reason: "mine"}} {
			end.EnrollmentID = claim.Enrollment.ID
			group.Go(func() {
				if _, err := w.FinishEnrollment(t.Context(), end); err != nil {
					t.Error(err)
				}
			})
		}
		group.Go(func() { w.event("stop", "") })
		group.Wait()
		var status contract.EnrollmentStatus
		w.scan(&status, "select status from enrollments where id = $1", claim.Enrollment.ID)
		again, err := w.FinishEnrollment(t.Context(), contract.FinishRequest{EnrollmentID: claim.Enrollment.ID, Status: "completed"})
		require.NoError(t, err)
		require.Equal(t, status, again.Status)
		require.Equal(t, 1, w.count("events where name like 'journey:%' and properties->>'stateId' = $1", claim.Enrollment.ID))
		require.Equal(t, 1, w.count("step_logs where enrollment_id = $1 and action in ('completed', 'failed', 'exited')", claim.Enrollment.ID))
	}
}

func TestTheTextOfAFailureIsCutAndCleaned(t *testing.T) {
	t.Parallel() // J-94
	w := newWorld(t)
	claim := w.enroll("start")
	_, err := w.FinishEnrollment(t.Context(), contract.FinishRequest{EnrollmentID: claim.Enrollment.ID, Status: "failed", Error: "\x00\xff" + strings.Repeat("é", 4096)})
	require.NoError(t, err)
	var text string
	w.scan(&text, "select error from enrollments")
	require.LessOrEqual(t, len(text), 4096)
	require.Greater(t, len(text), 4090)
	require.True(t, utf8.ValidString(text))
}

func TestATriggeredEventExistsOnce(t *testing.T) {
	t.Parallel() // J-135, J-97f, I-38
	w := newWorld(t)
	claim := w.enroll("start")
	request := contract.TriggerRequest{
		Step: step(claim, "trigger:bill#1"), OccurredAt: claim.Event.OccurredAt,
		Event: hogsend.TriggerEvent{Event: "bill", Properties: hogsend.Properties{"n": 1}, ContactProperties: hogsend.Properties{"plan": "pro"}},
	}
	for range 2 {
		effect, err := w.Trigger(t.Context(), request)
		require.NoError(t, err)
		require.False(t, effect.Ended)
	}
	require.Equal(t, 1, w.count("events where name = 'bill' and source = 'journey'"))
	require.Equal(t, 1, w.count("enrollments where journey_id = 'billing' and hops = 1")) // J-146
	require.Equal(t, 1, w.count("contacts where properties->>'plan' = 'pro'"))

	request.Step, request.Event.UserID = step(claim, "trigger:bill#2"), "bob"
	_, err := w.Trigger(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, 1, w.count("contacts where external_id = 'bob' and email is null"), "nothing of this contact is attached")

	request.Step, request.Event = step(claim, "trigger:bill#3"), hogsend.TriggerEvent{Event: "bill", Properties: hogsend.Properties{"bad": "a\x00b"}}
	_, err = w.Trigger(t.Context(), request)
	require.ErrorContains(t, err, "invalid eventProperties", "what could never be stored is refused, not retried for ever")
	w.event("stop", "")
	request.Event = hogsend.TriggerEvent{Event: "bill"}
	effect, err := w.Trigger(t.Context(), request)
	require.NoError(t, err)
	require.True(t, effect.Ended) // J-77
}

func TestTheFirstValueKeptStays(t *testing.T) {
	t.Parallel() // J-139
	w := newWorld(t)
	claim := w.enroll("start")
	request := contract.OnceRequest{Step: step(claim, "once:dice#1"), Label: "dice"}
	got, err := w.ReadOnce(t.Context(), request)
	require.NoError(t, err)
	require.False(t, got.Found)
	var group sync.WaitGroup
	values := make([]string, 8)
	for i := range values {
		group.Go(func() {
			mine := request
			mine.Value = json.RawMessage{byte('1' + i)}
			kept, err := w.KeepOnce(t.Context(), mine)
			if err != nil {
				t.Error(err)
			}
			values[i] = string(kept.Value)
		})
	}
	group.Wait()
	got, err = w.ReadOnce(t.Context(), request)
	require.NoError(t, err)
	for _, value := range values {
		require.Equal(t, string(got.Value), value)
	}
	require.Equal(t, 1, w.count("once_values"))
}

func TestReadsSeeWhatIsCommitted(t *testing.T) {
	t.Parallel() // J-115, J-121, J-140
	w := newWorld(t)
	claim := w.enroll("start")
	subscribed := func(category string) bool {
		got, err := w.IsSubscribed(t.Context(), contract.SubscribedRequest{EnrollmentID: claim.Enrollment.ID, Category: category})
		require.NoError(t, err)
		return got
	}
	require.True(t, subscribed("journey"), "no record")
	w.optOut("ada@example.com", "categories", `'{"journey": false}'`)
	require.True(t, subscribed(""))
	require.False(t, subscribed("journey"))
	w.exec("update preferences set unsubscribed_all = true")
	require.False(t, subscribed(""))

	value, err := w.ReadContact(t.Context(), claim.Enrollment.ID)
	require.NoError(t, err)
	require.Equal(t, "ada", value.Contact.ExternalID)
	w.exec(`update contacts set properties = '{"plan": "pro"}'`)
	value, err = w.ReadContact(t.Context(), claim.Enrollment.ID)
	require.NoError(t, err)
	require.Equal(t, hogsend.Properties{"plan": "pro"}, value.Contact.Properties)
}
