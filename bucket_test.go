package hogsend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

// validBucket is a bucket without a problem, changed by each case.
func validBucket(change func(*hogsend.Bucket)) hogsend.Bucket {
	b := hogsend.Bucket{ID: "vip", Name: "Important people", Criteria: hogsend.Prop("plan").Eq("pro")}
	change(&b)
	return b
}

func reacting(reactions ...hogsend.Reaction) func(*hogsend.Bucket) {
	return func(b *hogsend.Bucket) { b.Reactions = reactions }
}

func TestEachRuleOfABucketIsChecked(t *testing.T) {
	t.Parallel()
	after, every := hogsend.After(7*hogsend.Day), hogsend.Every(7*hogsend.Day)
	for _, tt := range []struct {
		change func(*hogsend.Bucket)
		want   string // part of the message; "" means that it is valid
	}{
		{func(*hogsend.Bucket) {}, ""},
		{func(b *hogsend.Bucket) { b.ID = strings.Repeat("a", 64) }, "ID: "}, // B-1
		{func(b *hogsend.Bucket) { b.Name = "" }, "Name: "},
		{func(b *hogsend.Bucket) { b.Kind = hogsend.BucketManual }, "manual buckets are not implemented"},
		{func(b *hogsend.Bucket) { b.Kind, b.Criteria = hogsend.BucketManual, nil }, "manual buckets are not implemented"},
		{func(b *hogsend.Bucket) { b.Criteria = nil }, "criteria: "},
		{func(b *hogsend.Bucket) { b.EntryLimit = "twice" }, "EntryLimit: "},
		{func(b *hogsend.Bucket) { b.MinDwell, b.MaxDwell = time.Hour, time.Hour }, ""},
		{func(b *hogsend.Bucket) { b.MinDwell, b.MaxDwell = 2*time.Hour, time.Hour }, "MaxDwell: "},
		{func(b *hogsend.Bucket) { b.OnChange = hogsend.ReactAt(0) }, "OnChange: "},
		{func(b *hogsend.Bucket) { b.OnChange = hogsend.ReactAt(1) }, ""},
		{func(b *hogsend.Bucket) { b.MinDwell = -time.Millisecond }, "MinDwell: must be positive and in whole milliseconds"}, // B-2
		{func(b *hogsend.Bucket) { b.MaxDwell = time.Microsecond }, "MaxDwell: must be positive and in whole milliseconds"},
		{func(b *hogsend.Bucket) { b.EntryLimit, b.EntryPeriod = hogsend.OncePerPeriod, 1500*time.Microsecond }, "EntryPeriod: must be positive and in whole milliseconds"},
		{reacting(hogsend.OnEnter(journeyFunc), hogsend.OnLeave(journeyFunc), hogsend.OnDwell(after, journeyFunc), hogsend.OnDwell(every, journeyFunc)), ""},
		{reacting(hogsend.OnEnter(journeyFunc), hogsend.OnEnter(func1)), "there are two bucket-vip-on-enter"}, // B-2
		{reacting(hogsend.OnLeave(journeyFunc), hogsend.OnLeave(func1)), "there are two bucket-vip-on-leave"},
		{reacting(hogsend.OnDwell(after, journeyFunc), hogsend.OnDwell(hogsend.After(168*time.Hour), func1)), "there are two bucket-vip-on-dwell-after-604800000"},
		{reacting(hogsend.OnDwell(hogsend.DwellSchedule{}, journeyFunc)), "Schedule: takes exactly one of After and Every"}, // B-30
		{reacting(hogsend.OnDwell(hogsend.DwellSchedule{After: time.Hour, Every: time.Hour}, journeyFunc)), "Schedule: takes exactly one of After and Every"},
		{reacting(hogsend.OnDwell(hogsend.After(time.Second), journeyFunc)), ""},
		{reacting(hogsend.OnDwell(hogsend.After(time.Second-time.Millisecond), journeyFunc)), "Schedule: must be at least a second"},
		{reacting(hogsend.OnDwell(hogsend.Every(-time.Hour), journeyFunc)), "Schedule: must be at least a second"},
		{reacting(hogsend.OnDwell(after, nil)), "Run: is missing"},
		{reacting(hogsend.OnDwell(after, func(workflow.Context, hogsend.Run) error { return nil })), "bucket_test.go:"},
	} {
		b := validBucket(tt.change)
		err := hogsend.Registry{Buckets: []hogsend.Bucket{b}}.Validate()
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tt.want)
		require.True(t, strings.HasPrefix(err.Error(), "bucket "+b.ID+": "), err.Error())
	}
}

// B-1, B-2: every name belongs to one definition, and the message names both.
func TestTwoDefinitionsNeverShareAName(t *testing.T) {
	t.Parallel()
	first := validBucket(reacting(hogsend.OnEnter(journeyFunc)))
	named := func(ids ...string) hogsend.Bucket {
		return validBucket(func(b *hogsend.Bucket) { b.ID, b.Name, b.Aliases = ids[0], "Second", ids[1:] })
	}
	const other = `bucket vip ("Important people")`
	for _, tt := range []struct {
		second hogsend.Bucket
		byHand string // id of a journey
		want   []string
	}{
		{second: named("vip"), want: []string{other, `("Second")`}},
		{second: named("second", "vip"), want: []string{other, `bucket second ("Second")`}},
		{second: named("second"), byHand: "bucket-vip-on-enter", want: []string{other, `journey bucket-vip-on-enter ("Welcome")`}},
	} {
		r := hogsend.Registry{Buckets: []hogsend.Bucket{first, tt.second}}
		if tt.byHand != "" {
			r.Journeys = []hogsend.Journey{valid(func(j *hogsend.Journey) { j.ID = tt.byHand })}
		}
		for _, want := range tt.want {
			require.ErrorContains(t, r.Validate(), want)
		}
	}
}

// B-4, B-29, B-30: the names of a bucket's events and reactions are the same on every
// machine, before any registration.
func TestABucketOffersItsNames(t *testing.T) {
	t.Parallel()
	b := validBucket(reacting(
		hogsend.OnEnter(journeyFunc), hogsend.OnLeave(journeyFunc), hogsend.OnDwell(hogsend.After(7*hogsend.Day), journeyFunc), hogsend.OnDwell(hogsend.Every(1500*time.Millisecond), journeyFunc),
	))
	require.Equal(t, "bucket:entered:vip", b.Entered())
	require.Equal(t, "bucket:left:vip", b.Left())
	require.Equal(t, "bucket:dwell:vip:after-604800000", b.Dwell(hogsend.After(7*hogsend.Day)))
	var got []string
	for _, j := range definition.Reactions(hogsend.Registry{Buckets: []hogsend.Bucket{b}}) {
		require.Equal(t, hogsend.Unlimited, j.EntryLimit)
		got = append(got, j.ID+", "+j.Name+", "+j.Trigger.Event)
	}
	require.Equal(t, []string{
		"bucket-vip-on-enter, Important people — on enter, bucket:entered:vip",
		"bucket-vip-on-leave, Important people — on leave, bucket:left:vip",
		"bucket-vip-on-dwell-after-604800000, Important people — on dwell, bucket:dwell:vip:after-604800000",
		"bucket-vip-on-dwell-every-1500, Important people — on dwell, bucket:dwell:vip:every-1500",
	}, got)
	for _, event := range []string{b.Entered(), b.Left(), b.Dwell(hogsend.After(7 * hogsend.Day)), hogsend.AnyDwell} { // of any use to a journey
		j := valid(func(j *hogsend.Journey) { j.Trigger, j.ExitOn = hogsend.On(event), []hogsend.Exit{{Event: event}} })
		require.NoError(t, hogsend.Registry{Journeys: []hogsend.Journey{j}, Buckets: []hogsend.Bucket{b}}.Validate())
	}
}
