package hogsendtest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func tellsMembership(ctx workflow.Context, run hogsend.Run) error {
	m := run.Membership()
	return run.Checkpoint(ctx, fmt.Sprintf("%s %d %s %d", m.BucketID, m.EntryCount, m.Reason, m.DwellCount))
}

func staysLong(ctx workflow.Context, run hogsend.Run) error {
	if err := tellsMembership(ctx, run); err != nil {
		return err
	}
	return run.Sleep(ctx, 10*hogsend.Day)
}

func waitsForEntry(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: hogsend.Entered("vip"), Timeout: 30 * hogsend.Day})
	if err != nil || e == nil {
		return err
	}
	return run.Checkpoint(ctx, "became a vip")
}

func vip(reactions ...hogsend.Reaction) hogsend.Bucket {
	return hogsend.Bucket{ID: "vip", Name: "Important people", Criteria: hogsend.Prop("plan").Eq("pro"), Reactions: reactions}
}

func bucketScenario(t *testing.T, b hogsend.Bucket, journeys ...hogsend.Journey) (*hogsendtest.Scenario, *hogsendtest.Contact) {
	t.Helper()
	r := registryOf(journeys...)
	r.Buckets = []hogsend.Bucket{b}
	s := hogsendtest.New(t, r)
	return s, s.Contact(ada())
}

func TestScriptedTransitionsRunReactions(t *testing.T) {
	t.Parallel() // T-3, B-24, B-25, B-29
	s, person := bucketScenario(t, vip(
		hogsend.OnEnter(tellsMembership, hogsend.FirstEntryOnly()),
		hogsend.OnLeave(tellsMembership, hogsend.Reasons(hogsend.LeftByMaxDwell)),
		hogsend.OnDwell(hogsend.After(hogsend.Day), tellsMembership),
	), path(waitsForEntry))
	person.At(0, "go")
	person.Enters(time.Hour, "vip")
	person.Enters(2*time.Hour, "vip") // a member stays one
	person.Leaves(3*time.Hour, "vip")
	person.Enters(4*time.Hour, "vip")
	person.LeavesBecause(40*time.Hour, "vip", hogsend.LeftByMaxDwell)
	got := s.Run()
	require.Equal(t, []string{
		"path: enrolled", "bucket-vip-on-enter: enrolled", "bucket-vip-on-leave: reason_filter", "bucket-vip-on-enter: first_entry_only",
		"bucket-vip-on-dwell-after-86400000: enrolled", "bucket-vip-on-leave: enrolled",
	}, got.DecisionsOf("ada"))
	require.Equal(t, "became a vip", got.Enrollment("ada", "path").Node)
	require.Equal(t, "vip 1  0", got.Enrollment("ada", "bucket-vip-on-enter").Node)
	require.Equal(t, "vip 2 maxDwell 0", got.Enrollment("ada", "bucket-vip-on-leave").Node)
	dwelt := got.Enrollment("ada", "bucket-vip-on-dwell-after-86400000")
	require.Equal(t, "vip 2  1", dwelt.Node)
	require.Equal(t, got.Start.Add(28*time.Hour), dwelt.EnrolledAt, "the first stay was too short")
	require.Equal(t, hogsend.Properties{
		"bucketId": "vip", "bucketName": "Important people", "userId": "ada", "transition": "entered", "source": "event", "entryCount": json.Number("1"),
	}, got.Events[1].Properties)
	require.Equal(t, "bucket", got.Events[1].Source)
}

func TestADwellRepeatsUntilTheStayEnds(t *testing.T) {
	t.Parallel() // B-38, B-43
	s, person := bucketScenario(t, vip(hogsend.OnDwell(hogsend.Every(7*hogsend.Day), tellsMembership)))
	person.Enters(0, "vip")
	s.Down(13*hogsend.Day, 22*hogsend.Day) // two of them are one
	person.Leaves(30*hogsend.Day, "vip")
	got := s.Run()
	var nodes []string
	var at []time.Duration
	for _, e := range got.Enrollments {
		nodes, at = append(nodes, e.Node), append(at, e.EnrolledAt.Sub(got.Start))
	}
	require.Equal(t, []string{"vip 1  1", "vip 1  3", "vip 1  4"}, nodes)
	require.Equal(t, []time.Duration{7 * hogsend.Day, 22 * hogsend.Day, 28 * hogsend.Day}, at)
}

func TestReactionsOverlapAsTheirPolicySays(t *testing.T) {
	t.Parallel() // B-34
	for policy, want := range map[hogsend.Overlap]string{
		hogsend.OverlapSkip:           "completed , decisions enrolled overlap_skip",
		hogsend.OverlapAllow:          "completed completed , decisions enrolled enrolled",
		hogsend.OverlapCancelPrevious: "exited completed , decisions enrolled enrolled",
	} {
		s, person := bucketScenario(t, vip(hogsend.OnEnter(staysLong, hogsend.WithOverlap(policy))))
		person.Enters(0, "vip")
		person.Leaves(time.Hour, "vip")
		person.Enters(2*time.Hour, "vip")
		got := s.Run()
		text := ""
		for _, e := range got.Enrollments {
			text += e.Status + " "
		}
		text += ", decisions"
		for _, d := range got.Decisions {
			text += " " + cmp.Or(d.Reason, d.Outcome)
		}
		require.Equal(t, want, text, policy)
	}
}

func TestAGenericTransitionExistsIfSomethingListens(t *testing.T) {
	t.Parallel() // B-26
	listener := hogsend.Journey{ID: "listens", Name: "Listens", Trigger: hogsend.On(hogsend.AnyEntered), EntryLimit: hogsend.Unlimited, Run: tellsMembership}
	s, person := bucketScenario(t, vip(), listener)
	person.Enters(0, "vip")
	person.Leaves(time.Hour, "vip")
	require.Equal(t, []string{"bucket:entered:vip", "bucket:entered", "journey:completed", "bucket:left:vip"}, s.Run().EventsOf("ada"))
}

func choosesAnArm(ctx workflow.Context, run hogsend.Run) error {
	arm, err := run.Variant(ctx, "subject", hogsend.Arm{Name: "a", Weight: 1}, hogsend.Arm{Name: "b", Weight: 0})
	if err != nil {
		return err
	}
	if err := run.Capture(ctx, "chosen", hogsend.Properties{"arm": arm}); err != nil {
		return err
	}
	return run.Checkpoint(ctx, arm)
}

func TestAVariantCanBeForced(t *testing.T) {
	t.Parallel() // T-7
	play := func(t hogsendtest.T, arm string) *hogsendtest.Result {
		s := hogsendtest.New(t, registryOf(path(choosesAnArm)))
		s.Contact(ada()).At(0, "go")
		if arm != "" {
			s.Variant("ada", "subject", arm)
		}
		return s.Run()
	}
	for arm, want := range map[string]string{"": "a", "a": "a", "b": "b"} {
		got := play(t, arm)
		require.Equal(t, map[string]string{"subject": want}, got.Enrollment("ada", "path").Variants)
		require.Equal(t, []hogsendtest.Capture{{At: got.Start, Contact: "ada", Event: "chosen", Properties: hogsend.Properties{"arm": want}}}, got.Captures)
	}
	require.Contains(t, failure(t, func(t hogsendtest.T) { play(t, "c") }), `path has no arm "c" of subject`)
}

func followsEngagement(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "note"); err != nil {
		return err
	}
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "email.link_clicked", Where: []hogsend.Condition{hogsend.Prop("templateKey").Eq("note")}, Timeout: hogsend.Day})
	if err != nil {
		return err
	}
	past, err := run.History().Email(ctx, "note")
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint(e != nil, past.Opened, past.Clicked))
}

func TestMailsAreOpenedAndClicked(t *testing.T) {
	t.Parallel() // E-75
	s := hogsendtest.New(t, registryOf(path(followsEngagement)))
	person := s.Contact(ada())
	person.At(0, "go")
	person.Opens(time.Hour, "note")
	person.Opens(2*time.Hour, "note")
	person.Clicks(3*time.Hour, "note", "https://example.com/a")
	got := s.Run()
	require.Equal(t, []string{"go", "email.opened", "email.link_clicked", "journey:completed"}, got.EventsOf("ada"))
	require.Equal(t, "true true true", got.Enrollment("ada", "path").Node)
}

func tellsWhen(ctx workflow.Context, run hogsend.Run) error {
	at, _ := run.Event().Properties["dueAt"].(string) // always there
	return run.Checkpoint(ctx, at)
}

func TestASchedulesMembersAreTold(t *testing.T) {
	t.Parallel() // T-3
	tuesday := hogsendtest.Start().Add(22 * time.Hour)
	digest := hogsend.Journey{
		ID: "digest", Name: "Digest", EntryLimit: hogsend.Unlimited, Run: tellsWhen,
		Trigger: hogsend.OnSchedule(hogsend.Weekly(time.Tuesday, "8:00"), vip()),
	}
	s, person := bucketScenario(t, vip(), digest)
	person.Enters(0, "vip")
	s.Due(s.Offset(tuesday), "digest")
	person.Leaves(2*hogsend.Day, "vip")
	s.Due(s.Offset(tuesday)+7*hogsend.Day, "digest")
	got := s.Run()
	require.Equal(t, []string{"digest: enrolled"}, got.DecisionsOf("ada"))
	require.Equal(t, []string{"start", "2026-01-06T08:00:00Z"}, got.Enrollment("ada", "digest").Nodes)

	require.Contains(t, failure(t, func(t hogsendtest.T) {
		s := hogsendtest.New(t, registryOf(path(waitsForEntry)))
		s.Due(0, "path")
	}), "is no journey with a schedule")
	require.Contains(t, failure(t, func(x hogsendtest.T) {
		r := registryOf(digest)
		r.Buckets = []hogsend.Bucket{vip()}
		hogsendtest.New(x, r).Due(time.Hour, "digest")
	}), "the next one is at +22h0m0s")
}
