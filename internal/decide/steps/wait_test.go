package steps_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// received is an event that came so long after noon, with the number n.
func received(seq int64, name string, after time.Duration, n int, change ...func(e *steps.PastEvent)) steps.PastEvent {
	e := steps.PastEvent{Name: name, Seq: seq, ReceivedAt: noon.Add(after), OccurredAt: noon.Add(after)}
	e.Properties = fmt.Appendf(nil, `{"n":%d}`, n)
	for _, c := range change {
		c(&e)
	}
	return e
}

func spent(e *steps.PastEvent)   { e.Spent = true }
func trigger(e *steps.PastEvent) { e.Trigger = true }

func occurred(ago time.Duration) func(e *steps.PastEvent) {
	return func(e *steps.PastEvent) { e.OccurredAt = noon.Add(-ago) }
}

func instant(after time.Duration) *time.Time {
	t := noon.Add(after)
	return &t
}

func TestALookBackFindsTheFirstEventReceivedSincePosition(t *testing.T) { // J-117, J-124 to J-128, J-130, J-21
	t.Parallel()
	word := steps.Awaited{Event: "word"}
	over2 := steps.Awaited{Event: "word", Where: []hogsend.Condition{hogsend.Prop("n").Gt(2)}}
	back := steps.Awaited{Event: "word", Lookback: time.Hour}
	at5 := contract.EventPosition{At: noon, Seq: 5}
	for name, c := range map[string]struct {
		look         steps.LookBack
		events       []steps.PastEvent
		found, place int
	}{
		"nothing":                {steps.LookBack{Awaited: []steps.Awaited{word}}, nil, -1, -1},
		"a sleep":                {steps.LookBack{}, []steps.PastEvent{received(6, "word", 1, 0)}, -1, -1},
		"the first":              {steps.LookBack{Awaited: []steps.Awaited{word}}, []steps.PastEvent{received(6, "other", 1, 0), received(7, "word", 2, 0), received(8, "word", 3, 0)}, 1, 0},
		"the first that matches": {steps.LookBack{Awaited: []steps.Awaited{over2}}, []steps.PastEvent{received(6, "word", 1, 2), received(7, "word", 2, 3)}, 1, 0},
		"behind the position, by instant and then by order": {
			steps.LookBack{Awaited: []steps.Awaited{word}},
			[]steps.PastEvent{received(4, "word", -1, 0), received(5, "word", 0, 0), received(6, "word", 0, 0)},
			2, 0,
		},
		"neither the trigger nor what ended a wait": {
			steps.LookBack{Awaited: []steps.Awaited{{Event: "word", Lookback: hogsend.Day}}},
			[]steps.PastEvent{received(6, "word", 1, 0, trigger), received(7, "word", 2, 0, spent), received(8, "word", 3, 0)},
			2, 0,
		},
		"at the deadline":           {steps.LookBack{Awaited: []steps.Awaited{word}, Deadline: instant(time.Hour)}, []steps.PastEvent{received(6, "word", time.Hour, 0)}, 0, 0},
		"behind the deadline":       {steps.LookBack{Awaited: []steps.Awaited{word}, Deadline: instant(time.Hour)}, []steps.PastEvent{received(6, "word", time.Hour+1, 0)}, -1, -1},
		"no later than the horizon": {steps.LookBack{Awaited: []steps.Awaited{word}}, []steps.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day))}, 0, 0},
		"later than the horizon":    {steps.LookBack{Awaited: []steps.Awaited{word}}, []steps.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day+1))}, -1, -1},
		"later than the horizon, within the look-back": {
			steps.LookBack{Awaited: []steps.Awaited{{Event: "word", Lookback: 2 * hogsend.Day}}}, []steps.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day+1))}, 0, 0,
		},
		"exactly the look-back before": {steps.LookBack{Awaited: []steps.Awaited{back}}, []steps.PastEvent{received(3, "word", -time.Hour, 0)}, 0, 0},
		"exactly the look-back before, of a fresh one": {
			steps.LookBack{Awaited: []steps.Awaited{{Event: "word", Fresh: true}, back}}, []steps.PastEvent{received(3, "word", -time.Hour, 0), received(11, "word", time.Minute, 0)}, 0, 1,
		},
		"nothing that came, for a fresh one": {steps.LookBack{Awaited: []steps.Awaited{{Event: "word", Fresh: true}}}, []steps.PastEvent{received(11, "word", time.Minute, 0)}, -1, -1}, // J-160
		"longer than the look-back before":   {steps.LookBack{Awaited: []steps.Awaited{back}}, []steps.PastEvent{received(3, "word", -time.Hour-1, 0)}, -1, -1},
		"of several the earliest received": {
			steps.LookBack{Awaited: []steps.Awaited{{Event: "other"}, word}}, []steps.PastEvent{received(6, "word", 1, 0), received(7, "other", 2, 0)}, 0, 1,
		},
		"of several that it matches the lowest": {steps.LookBack{Awaited: []steps.Awaited{over2, word, word}}, []steps.PastEvent{received(6, "word", 1, 1)}, 0, 1},
		"each of several by its own look-back": {
			steps.LookBack{Awaited: []steps.Awaited{word, {Event: "other", Lookback: time.Hour}}},
			[]steps.PastEvent{received(2, "word", -time.Minute, 0), received(3, "other", -time.Minute, 0)},
			1, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.look.After, c.look.LateHorizon = at5, hogsend.Day
			found, place, err := c.look.Find(c.events)
			require.NoError(t, err)
			require.Equal(t, []int{c.found, c.place}, []int{found, place})
		})
	}
	bad := received(6, "word", 1, 0)
	bad.Properties = json.RawMessage(`[`)
	_, _, err := steps.LookBack{Awaited: []steps.Awaited{over2}, After: at5}.Find([]steps.PastEvent{bad})
	require.Error(t, err)
}

func TestAWaitBeginsOpenUnlessItsEventOrItsDeadlineCame(t *testing.T) { // J-125, J-127
	t.Parallel()
	require.Equal(t, contract.WaitMatched, steps.BeginWait(instant(-1), noon, true))
	require.Equal(t, contract.WaitTimedOut, steps.BeginWait(instant(0), noon, false))
	require.Equal(t, contract.WaitOpen, steps.BeginWait(instant(1), noon, false))
	require.Equal(t, contract.WaitOpen, steps.BeginWait(nil, noon, false))
}

func TestHowAWaitEnds(t *testing.T) { // J-126, J-129
	t.Parallel()
	require.Equal(t, contract.WaitOpen, steps.EndWait(contract.WaitOpen, instant(1), noon, false), "its timer was early")
	require.Equal(t, contract.WaitTimedOut, steps.EndWait(contract.WaitOpen, instant(0), noon, false))
	require.Equal(t, contract.WaitOpen, steps.EndWait(contract.WaitOpen, nil, noon, false))
	require.Equal(t, contract.WaitClosed, steps.EndWait(contract.WaitOpen, instant(0), noon, true))
	for _, ended := range []contract.WaitStatus{contract.WaitMatched, contract.WaitTimedOut, contract.WaitClosed} {
		require.Equal(t, ended, steps.EndWait(ended, instant(-1), noon, true), "the outcome never changes")
	}
	require.True(t, steps.AcceptsEvent(nil, noon))
	require.True(t, steps.AcceptsEvent(instant(0), noon))
	require.False(t, steps.AcceptsEvent(instant(-1), noon))
}

func TestThePositionAfterAWait(t *testing.T) { // J-117
	t.Parallel()
	require.Equal(t, contract.EventPosition{At: noon, Seq: 7}, steps.AfterEvent(noon, 7))
	require.Equal(t, contract.EventPosition{At: noon, Seq: math.MaxInt64}, steps.AfterDeadline(noon))
}

func TestWhatAWaitIsFor(t *testing.T) { // J-124, J-130
	t.Parallel()
	awaited, err := steps.AwaitedOf(criteria.Alternative{}, nil)
	require.NoError(t, err)
	require.Empty(t, awaited)
	where, err := criteria.Marshal([]hogsend.Condition{hogsend.Prop("n").Gt(2)})
	require.NoError(t, err)
	one, err := steps.AwaitedOf(criteria.Alternative{Event: "word", Where: where, Lookback: time.Hour}, nil)
	require.NoError(t, err)
	require.Equal(t, []steps.Awaited{{Event: "word", Where: []hogsend.Condition{hogsend.Prop("n").Gt(json.Number("2"))}, Lookback: time.Hour}}, one)
	several, err := steps.AwaitedOf(criteria.Alternative{}, []criteria.Alternative{{Event: "word", Where: where, Lookback: time.Hour}, {Event: "other", Fresh: true}})
	require.NoError(t, err)
	require.Equal(t, append(one, steps.Awaited{Event: "other", Fresh: true}), several)
	_, err = steps.AwaitedOf(criteria.Alternative{Event: "word", Where: json.RawMessage(`[{"type":"?"}]`)}, nil)
	require.Error(t, err)

	matches := func(conditions []hogsend.Condition) (bool, error) { return len(conditions) == 0, nil }
	place, err := steps.PlaceOf(several, "other", matches)
	require.NoError(t, err)
	require.Equal(t, 1, place)
	place, err = steps.PlaceOf(several, "word", matches)
	require.NoError(t, err)
	require.Equal(t, -1, place)
	_, err = steps.PlaceOf(several, "word", func([]hogsend.Condition) (bool, error) { return false, json.Unmarshal([]byte(`[`), &where) })
	require.Error(t, err)
}
