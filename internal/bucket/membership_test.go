package bucket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
)

var start = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

// member is a membership that began at the start.
func member(change func(*bucket.Membership)) *bucket.Membership {
	s := (&bucket.Definition{}).Join(uuid.Nil, bucket.Past{}, start)
	change(s)
	return s
}

func plainly(*bucket.Membership) {}

func TestEvaluate(t *testing.T) {
	t.Parallel() // B-8, B-19, B-20, B-21, B-22
	held := func(s *bucket.Membership) { s.Leave = &bucket.Deferred{At: start.Add(time.Hour)} }
	for _, tt := range []struct {
		name     string
		active   *bucket.Membership
		holds    bool
		minDwell time.Duration
		at       time.Duration
		want     bucket.Action
	}{
		{"no member, false", nil, false, 0, 0, bucket.Nothing},
		{"no member, true", nil, true, time.Hour, 0, bucket.Enter},
		{"member, true", member(plainly), true, 0, time.Minute, bucket.Keep},
		{"member, false", member(plainly), false, 0, time.Minute, bucket.Leave},
		{"too early", member(plainly), false, time.Hour, time.Hour - time.Microsecond, bucket.Defer},
		{"at the instant", member(plainly), false, time.Hour, time.Hour, bucket.Leave},
		{"held back, true again", member(held), true, time.Hour, 10 * time.Minute, bucket.Keep},
		{"held back, false still", member(held), false, time.Hour, 10 * time.Minute, bucket.Defer},
		{"held back, its instant", member(held), false, time.Hour, time.Hour, bucket.Leave},
		{"held back, another MinDwell since", member(held), false, time.Minute, 10 * time.Minute, bucket.Defer},
		{"held back, a longer MinDwell since", member(held), false, hogsend.Day, time.Hour, bucket.Leave},
		{"another MinDwell, not held back", member(plainly), false, time.Minute, 10 * time.Minute, bucket.Leave},
	} {
		d := bucket.Definition{MinDwellMS: tt.minDwell.Milliseconds()}
		require.Equal(t, tt.want, d.Evaluate(tt.active, tt.holds, start.Add(tt.at)), tt.name)
	}
}

func TestALeaveIsHeldBackToOneInstant(t *testing.T) {
	t.Parallel() // B-20, B-21
	d := bucket.Definition{MinDwellMS: time.Hour.Milliseconds()}
	s := member(plainly)
	s.Leave = d.Hold(s, bucket.Mode{SilentLeaves: true, Reason: bucket.LeftImport})
	require.Equal(t, &bucket.Deferred{At: start.Add(time.Hour), Silent: true, Reason: "import"}, s.Leave)
	require.Same(t, s.Leave, d.Hold(s, bucket.Mode{}), "it keeps its mode and its reason")
	s.Leave = nil // true meanwhile
	require.Equal(t, &bucket.Deferred{At: start.Add(time.Hour), Reason: "criteria"}, d.Hold(s, bucket.Mode{}))
}

func TestWhatTimeEndsFirst(t *testing.T) {
	t.Parallel() // B-22, B-40, B-43
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for _, tt := range []struct {
		name     string
		max, min time.Duration // 0 for none
		due      time.Duration
		byAge    bool
	}{
		{name: "never", byAge: true},
		{name: "by age", max: 2 * time.Hour, due: 2 * time.Hour, byAge: true},
		{name: "held back", min: time.Hour, due: time.Hour},
		{name: "held back before the age", max: 2 * time.Hour, min: time.Hour, due: time.Hour},
		{name: "age before held back", max: time.Hour, min: 2 * time.Hour, due: time.Hour, byAge: true},
		{name: "at one instant the age wins", max: time.Hour, min: time.Hour, due: time.Hour, byAge: true},
	} {
		s := member(func(s *bucket.Membership) {
			if tt.max > 0 {
				s.MaxDwellAt = at(tt.max)
			}
			if tt.min > 0 {
				s.Leave = &bucket.Deferred{At: at(tt.min)}
			}
		})
		due, byAge := s.Due()
		require.Equal(t, tt.byAge, byAge, tt.name)
		if tt.due == 0 {
			require.Zero(t, due, tt.name)
			require.True(t, s.Fires(at(1000*hogsend.Day)))
			continue
		}
		require.Equal(t, at(tt.due), due, tt.name)
		require.True(t, s.Fires(due.Add(-time.Microsecond)), tt.name)
		require.False(t, s.Fires(due), "a leave and a fire at one instant: the leave")
	}
}

func TestTheEntryGate(t *testing.T) {
	t.Parallel() // B-13, B-17, B-18
	const once, period = contract.GuardOnce, contract.GuardPeriod
	for _, tt := range []struct {
		limit  hogsend.EntryLimit
		period time.Duration
		past   int                  // memberships
		since  time.Duration        // the last one ended
		want   contract.GuardReason // the decision of a muted join; "" for none
	}{
		{limit: hogsend.Unlimited},
		{limit: hogsend.Once},
		{limit: hogsend.OncePerPeriod, period: time.Hour},
		{limit: hogsend.Unlimited, past: 9},
		{limit: hogsend.Once, past: 1, since: 1000 * hogsend.Day, want: once},
		{limit: hogsend.OncePerPeriod, past: 1},
		{limit: hogsend.OncePerPeriod, period: time.Hour, past: 1, since: time.Hour - time.Microsecond, want: period},
		{limit: hogsend.OncePerPeriod, period: time.Hour, past: 2, since: time.Hour},
	} {
		d := bucket.Definition{ID: "b", EntryLimit: tt.limit, EntryPeriodMS: tt.period.Milliseconds(), MaxDwellMS: 5000}
		past := bucket.Past{Epoch: tt.past, Left: start.Add(-tt.since)}
		require.Equal(t, tt.want, d.MutedBecause(past, start), "%+v", tt)
		id := uuid.New()
		require.Equal(t, &bucket.Membership{
			ID: id, BucketID: "b", Epoch: tt.past + 1, Entered: start, Anchor: start, Evaluated: start, MaxDwellAt: start.Add(5 * time.Second),
			Muted: tt.want != "", Fired: map[string]int{},
		}, d.Join(id, past, start), "the membership is made in any case")
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel() // B-38, B-45
	after, every := bucket.Schedule{Label: "s", Milliseconds: 3_600_000}, bucket.Schedule{Label: "s", Milliseconds: 3_600_000, Repeats: true}
	const never = -1
	for _, tt := range []struct {
		schedule bucket.Schedule
		age      time.Duration // of the anchor
		fired    int
		ordinal  int           // the one that is due; 0 for none
		next     int           // the next fire; never for none
		in       time.Duration // until it is due
	}{
		{after, -time.Minute, 0, 0, 1, 61 * time.Minute}, // an anchor ahead of now
		{after, time.Hour - time.Microsecond, 0, 0, 1, time.Microsecond},
		{after, time.Hour, 0, 1, 1, 0}, // inclusive
		{after, 9 * time.Hour, 0, 1, 1, -8 * time.Hour},
		{after, time.Hour, 1, 1, never, 0},
		{every, 59 * time.Minute, 0, 0, 1, time.Minute},
		{every, 2 * time.Hour, 0, 2, 2, 0},
		{every, 3 * time.Hour, 0, 3, 3, 0},
		{every, 150 * time.Minute, 2, 2, 3, 30 * time.Minute},
		{every, 3 * time.Hour, 1, 3, 3, 0},
		{every, 179 * time.Minute, 2, 2, 3, time.Minute},
		{every, time.Hour, 4, 1, 5, 4 * time.Hour}, // ordinals only grow
	} {
		name := fmt.Sprintf("%+v", tt)
		now := start.Add(tt.age)
		require.Equal(t, tt.ordinal, tt.schedule.Ordinal(start, now), name)
		ordinal, at, ok := tt.schedule.Next(member(func(s *bucket.Membership) { s.Fired["s"] = tt.fired }), now)
		require.Equal(t, tt.next != never, ok, name)
		if ok {
			require.Equal(t, tt.next, ordinal, name)
			require.Equal(t, tt.in, at.Sub(now), name)
			require.Equal(t, tt.schedule.At(start, ordinal), at, name)
		}
	}
}

// B-5, B-30: what is stored of a bucket says all that decides, in whole milliseconds.
func TestDescribe(t *testing.T) {
	t.Parallel()
	no := false
	b := hogsend.Bucket{
		ID: "b", Name: "B", Criteria: hogsend.Event("x").Within(time.Hour).Exists(), EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 1500 * time.Millisecond,
		MinDwell: time.Second, MaxDwell: time.Minute, OnChange: hogsend.ReactAt(7), ReconcileJoins: &no,
		Reactions: []hogsend.Reaction{
			hogsend.OnLeave(nil, hogsend.Reasons(hogsend.LeftByMaxDwell), hogsend.ReactionExitsOn(hogsend.Exit{Event: "y", Where: []hogsend.Condition{hogsend.Prop("a").Eq("b")}})),
			hogsend.OnDwell(hogsend.Every(7*hogsend.Day), nil, hogsend.WithOverlap(hogsend.OverlapAllow)),
		},
	}
	d, err := bucket.Describe(b)
	require.NoError(t, err)
	require.Equal(t, []time.Duration{b.EntryPeriod, b.MinDwell, b.MaxDwell}, []time.Duration{d.EntryPeriod(), d.MinDwell(), d.MaxDwell()})
	require.False(t, d.ClockJoins())
	require.Equal(t, 7, d.OnChange.Rate())
	require.Equal(t, "hogsend_bucket_b", d.PostHogPropertyKey)
	for i, reaction := range definition.Reactions(definition.Clone(hogsend.Registry{Buckets: []hogsend.Bucket{b}})) {
		read, err := d.Reactions[i].Journey("b")
		require.NoError(t, err)
		require.Equal(t, reaction, read, "read back it is the reaction without its code")
	}
	require.Equal(t, &bucket.Schedule{Label: "every-604800000", Milliseconds: 604_800_000, Repeats: true}, d.Reactions[1].Schedule)

	same, err := bucket.Describe(hogsend.Bucket{ID: "b", Criteria: hogsend.Event("x").Within(60 * time.Minute).Exists()})
	require.NoError(t, err)
	require.Equal(t, d.Hash, same.Hash, "C-21: of the criteria alone")
	require.Equal(t, hogsend.Unlimited, same.EntryLimit)
	require.True(t, same.ClockJoins(), "W-15: unset and true are the same")
}
