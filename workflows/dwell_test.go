package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/workflows"
)

const dwellType = "bucket-b-on-dwell-every-3600000"

// stay is what the timer of a dwell reaction finds in Postgres, in memory: a stay
// whose reaction is due at each multiple of an hour of its age.
type stay struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	anchor time.Time
	after  bool // one fire, and the workflow is its run
	ends   int  // the ordinal at which the stay is found to be over; 0 for never
	fails  int  // attempts that find the database away

	asked   []contract.DwellRequest
	instant []time.Duration // of each attempt, after the start
	fired   int
	runs    []hogsend.Membership
	events  []hogsend.StoredEvent
}

func newStay(t *testing.T) *stay {
	t.Helper()
	s := &stay{t: t, env: environment(new(testsuite.WorkflowTestSuite)), anchor: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)}
	s.env.SetStartTime(s.anchor)
	for name, fn := range map[string]any{
		contract.DwellName: s.dwell, contract.ClaimEnrollmentName: s.claim, contract.FinishEnrollmentName: s.finish,
	} {
		s.env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	return s
}

func (s *stay) dwell(_ context.Context, r contract.DwellRequest) (contract.DwellResult, error) {
	age := s.env.Now().Sub(s.anchor)
	s.asked, s.instant = append(s.asked, r), append(s.instant, age)
	if s.fails > 0 {
		s.fails--
		return contract.DwellResult{}, errors.New("database is away")
	}
	ordinal := int(age / time.Hour)
	if s.ends > 0 && ordinal >= s.ends {
		return contract.DwellResult{Over: true}, nil
	}
	if ordinal > s.fired {
		s.fired = ordinal
		if s.after {
			return contract.DwellResult{EnrollmentID: enrollmentID}, nil
		}
	}
	return contract.DwellResult{Wait: time.Duration(ordinal+1)*time.Hour - age}, nil
}

func (s *stay) claim(context.Context, contract.ClaimRequest) (contract.Claim, error) {
	e := hogsend.StoredEvent{Name: "bucket:dwell:b:after-3600000", Source: "bucket", OccurredAt: s.anchor.Add(time.Hour), Properties: hogsend.Properties{
		"bucketId": "b", "entryCount": 2.0, "dwellCount": 1.0, "transition": "dwell",
	}}
	return contract.Claim{Claimed: true, ContactID: contactID, Event: e}, nil
}

func (*stay) finish(_ context.Context, r contract.FinishRequest) (contract.Finish, error) {
	return contract.Finish{Status: r.Status}, nil
}

// run runs the timer of the stay, or the run of a fire.
func (s *stay) run(in workflows.DwellInput) (result workflows.JourneyResult, err error) {
	s.t.Helper()
	j := hogsend.Journey{ID: dwellType, Run: func(_ workflow.Context, run hogsend.Run) error {
		s.runs, s.events = append(s.runs, run.Membership()), append(s.events, run.Event())
		return nil
	}}
	s.env.RegisterWorkflowWithOptions(workflows.Dwell(j), workflow.RegisterOptions{Name: dwellType})
	s.env.ExecuteWorkflow(dwellType, in)
	require.True(s.t, s.env.IsWorkflowCompleted())
	if err = s.env.GetWorkflowError(); err == nil {
		require.NoError(s.t, s.env.GetWorkflowResult(&result))
	}
	return result, err
}

func (s *stay) timer(due time.Duration) workflows.DwellInput {
	return workflows.DwellInput{StayID: "stay", Label: "every-3600000", Due: s.anchor.Add(due), Repeats: !s.after}
}

// B-29, B-31, B-39: the timer of an After sleeps until the instant, and is then the run.
func TestTheTimerOfAnAfterIsItsRun(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	s.after = true
	result, err := s.run(s.timer(time.Hour))
	require.NoError(t, err)
	require.Equal(t, workflows.JourneyResult{StateID: enrollmentID, Status: "completed"}, result)
	require.Equal(t, []time.Duration{time.Hour}, s.instant)
	require.Equal(t, []contract.DwellRequest{{StayID: "stay", Label: "every-3600000"}}, s.asked)
	require.Equal(t, []hogsend.Membership{{BucketID: "b", EntryCount: 2, DwellCount: 1}}, s.runs)
	require.Equal(t, "bucket:dwell:b:after-3600000", s.events[0].Name)
	require.Equal(t, s.anchor.Add(time.Hour), s.events[0].OccurredAt)
}

// B-40, B-41: one that was due already when it was armed asks at once and says so, one
// that asks too early is told how long to wait.
func TestATimerThatIsLateSaysSoOnce(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	s.after = true
	s.env.SetStartTime(s.anchor.Add(90 * time.Minute))
	_, err := s.run(s.timer(time.Hour))
	require.NoError(t, err)
	require.Equal(t, []contract.DwellRequest{{StayID: "stay", Label: "every-3600000", Late: true}}, s.asked)

	s = newStay(t)
	s.after = true
	_, err = s.run(s.timer(-time.Hour)) // by a clock that is ahead of the database's
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, time.Hour}, s.instant)
	require.Equal(t, []bool{true, false}, []bool{s.asked[0].Late, s.asked[1].Late})
}

// B-38, B-43: an Every goes on until the stay ends; without one it ends without effect.
func TestTheTimerOfAnEveryGoesOnUntilTheStayEnds(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	s.ends = 4
	result, err := s.run(s.timer(time.Hour))
	require.NoError(t, err)
	require.Zero(t, result)
	require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour}, s.instant)
	require.Equal(t, 3, s.fired)
	require.Empty(t, s.runs, "its fires run under ids of their own")
}

// B-43: leaving cancels the timer, and nothing is asked any more.
func TestACanceledTimerAsksNothing(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	s.env.RegisterDelayedCallback(s.env.CancelWorkflow, 90*time.Minute)
	_, err := s.run(s.timer(time.Hour))
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []time.Duration{time.Hour}, s.instant)
}

// W-7, J-93: while the database is away it is asked again, however long that takes.
func TestATimerOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	s.after, s.fails = true, 20
	_, err := s.run(s.timer(time.Hour))
	require.NoError(t, err)
	require.Len(t, s.asked, 21)
	require.Len(t, s.runs, 1)
}

// B-49: the history of an Every is bounded: it continues as new, at the next instant
// of its grid, under its type.
func TestAnEveryContinuesAsNew(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	_, err := s.run(s.timer(time.Hour))
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &again)
	require.Equal(t, dwellType, again.WorkflowType.Name)
	require.LessOrEqual(t, s.fired, 500)
	require.GreaterOrEqual(t, s.fired, 100)
	var next workflows.DwellInput
	require.NoError(t, json.Unmarshal(again.Input.Payloads[0].Data, &next))
	require.Equal(t, s.timer(time.Duration(s.fired+1)*time.Hour), next)
}

// B-29, J-50: the run of one fire starts with the id of its enrollment alone, as any
// journey does.
func TestTheRunOfAFire(t *testing.T) {
	t.Parallel()
	s := newStay(t)
	result, err := s.run(workflows.DwellInput{EnrollmentID: enrollmentID})
	require.NoError(t, err)
	require.Equal(t, workflows.JourneyResult{StateID: enrollmentID, Status: "completed"}, result)
	require.Empty(t, s.asked)
	require.Len(t, s.runs, 1)
	for _, in := range []workflows.DwellInput{{EnrollmentID: enrollmentID}, s.timer(time.Hour)} {
		raw, err := json.Marshal(in)
		require.NoError(t, err)
		var read workflows.DwellInput
		require.NoError(t, json.Unmarshal(raw, &read))
		require.Equal(t, in, read)
	}
	raw, err := json.Marshal(workflows.DwellInput{EnrollmentID: enrollmentID})
	require.NoError(t, err)
	require.JSONEq(t, `"`+enrollmentID+`"`, string(raw))
}
