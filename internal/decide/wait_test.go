package decide_test

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
	"github.com/hogsend/hogsend/internal/decide"
)

// received is an event that came so long after noon, with the number n.
func received(seq int64, name string, after time.Duration, n int, change ...func(e *decide.PastEvent)) decide.PastEvent {
	e := decide.PastEvent{Name: name, Seq: seq, ReceivedAt: noon.Add(after), OccurredAt: noon.Add(after)}
	e.Properties = fmt.Appendf(nil, `{"n":%d}`, n)
	for _, c := range change {
		c(&e)
	}
	return e
}

func spent(e *decide.PastEvent)   { e.Spent = true }
func trigger(e *decide.PastEvent) { e.Trigger = true }

func occurred(ago time.Duration) func(e *decide.PastEvent) {
	return func(e *decide.PastEvent) { e.OccurredAt = noon.Add(-ago) }
}

func instant(after time.Duration) *time.Time {
	t := noon.Add(after)
	return &t
}

func TestALookBackFindsTheFirstEventReceivedSincePosition(t *testing.T) { // J-117, J-124 to J-128, J-130, J-21
	t.Parallel()
	word := decide.Awaited{Event: "word"}
	over2 := decide.Awaited{Event: "word", Where: []hogsend.Condition{hogsend.Prop("n").Gt(2)}}
	back := decide.Awaited{Event: "word", Lookback: time.Hour}
	at5 := contract.EventPosition{At: noon, Seq: 5}
	for name, c := range map[string]struct {
		look         decide.LookBack
		events       []decide.PastEvent
		found, place int
	}{
		"nothing":                {decide.LookBack{Awaited: []decide.Awaited{word}}, nil, -1, -1},
		"a sleep":                {decide.LookBack{}, []decide.PastEvent{received(6, "word", 1, 0)}, -1, -1},
		"the first":              {decide.LookBack{Awaited: []decide.Awaited{word}}, []decide.PastEvent{received(6, "other", 1, 0), received(7, "word", 2, 0), received(8, "word", 3, 0)}, 1, 0},
		"the first that matches": {decide.LookBack{Awaited: []decide.Awaited{over2}}, []decide.PastEvent{received(6, "word", 1, 2), received(7, "word", 2, 3)}, 1, 0},
		"behind the position, by instant and then by order": {
			decide.LookBack{Awaited: []decide.Awaited{word}},
			[]decide.PastEvent{received(4, "word", -1, 0), received(5, "word", 0, 0), received(6, "word", 0, 0)},
			2, 0,
		},
		"neither the trigger nor what ended a wait": {
			decide.LookBack{Awaited: []decide.Awaited{{Event: "word", Lookback: hogsend.Day}}},
			[]decide.PastEvent{received(6, "word", 1, 0, trigger), received(7, "word", 2, 0, spent), received(8, "word", 3, 0)},
			2, 0,
		},
		"at the deadline":           {decide.LookBack{Awaited: []decide.Awaited{word}, Deadline: instant(time.Hour)}, []decide.PastEvent{received(6, "word", time.Hour, 0)}, 0, 0},
		"behind the deadline":       {decide.LookBack{Awaited: []decide.Awaited{word}, Deadline: instant(time.Hour)}, []decide.PastEvent{received(6, "word", time.Hour+1, 0)}, -1, -1},
		"no later than the horizon": {decide.LookBack{Awaited: []decide.Awaited{word}}, []decide.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day))}, 0, 0},
		"later than the horizon":    {decide.LookBack{Awaited: []decide.Awaited{word}}, []decide.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day+1))}, -1, -1},
		"later than the horizon, within the look-back": {
			decide.LookBack{Awaited: []decide.Awaited{{Event: "word", Lookback: 2 * hogsend.Day}}}, []decide.PastEvent{received(6, "word", 0, 0, occurred(hogsend.Day+1))}, 0, 0,
		},
		"exactly the look-back before":     {decide.LookBack{Awaited: []decide.Awaited{back}}, []decide.PastEvent{received(3, "word", -time.Hour, 0)}, 0, 0},
		"longer than the look-back before": {decide.LookBack{Awaited: []decide.Awaited{back}}, []decide.PastEvent{received(3, "word", -time.Hour-1, 0)}, -1, -1},
		"of several the earliest received": {
			decide.LookBack{Awaited: []decide.Awaited{{Event: "other"}, word}}, []decide.PastEvent{received(6, "word", 1, 0), received(7, "other", 2, 0)}, 0, 1,
		},
		"of several that it matches the lowest": {decide.LookBack{Awaited: []decide.Awaited{over2, word, word}}, []decide.PastEvent{received(6, "word", 1, 1)}, 0, 1},
		"each of several by its own look-back": {
			decide.LookBack{Awaited: []decide.Awaited{word, {Event: "other", Lookback: time.Hour}}},
			[]decide.PastEvent{received(2, "word", -time.Minute, 0), received(3, "other", -time.Minute, 0)},
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
	_, _, err := decide.LookBack{Awaited: []decide.Awaited{over2}, After: at5}.Find([]decide.PastEvent{bad})
	require.Error(t, err)
}

func TestAWaitBeginsOpenUnlessItsEventOrItsDeadlineCame(t *testing.T) { // J-125, J-127
	t.Parallel()
	require.Equal(t, contract.WaitMatched, decide.BeginWait(instant(-1), noon, true))
	require.Equal(t, contract.WaitTimedOut, decide.BeginWait(instant(0), noon, false))
	require.Equal(t, contract.WaitOpen, decide.BeginWait(instant(1), noon, false))
	require.Equal(t, contract.WaitOpen, decide.BeginWait(nil, noon, false))
}

func TestHowAWaitEnds(t *testing.T) { // J-126, J-129
	t.Parallel()
	require.Equal(t, contract.WaitOpen, decide.EndWait(contract.WaitOpen, instant(1), noon, false), "its timer was early")
	require.Equal(t, contract.WaitTimedOut, decide.EndWait(contract.WaitOpen, instant(0), noon, false))
	require.Equal(t, contract.WaitOpen, decide.EndWait(contract.WaitOpen, nil, noon, false))
	require.Equal(t, contract.WaitClosed, decide.EndWait(contract.WaitOpen, instant(0), noon, true))
	for _, ended := range []contract.WaitStatus{contract.WaitMatched, contract.WaitTimedOut, contract.WaitClosed} {
		require.Equal(t, ended, decide.EndWait(ended, instant(-1), noon, true), "the outcome never changes")
	}
	require.True(t, decide.AcceptsEvent(nil, noon))
	require.True(t, decide.AcceptsEvent(instant(0), noon))
	require.False(t, decide.AcceptsEvent(instant(-1), noon))
}

func TestThePositionAfterAWait(t *testing.T) { // J-117
	t.Parallel()
	require.Equal(t, contract.EventPosition{At: noon, Seq: 7}, decide.AfterEvent(noon, 7))
	require.Equal(t, contract.EventPosition{At: noon, Seq: math.MaxInt64}, decide.AfterDeadline(noon))
}

func TestWhatAWaitIsFor(t *testing.T) { // J-124, J-130
	t.Parallel()
	awaited, err := decide.AwaitedOf("", nil, 0, nil)
	require.NoError(t, err)
	require.Empty(t, awaited)
	where, err := criteria.Marshal([]hogsend.Condition{hogsend.Prop("n").Gt(2)})
	require.NoError(t, err)
	one, err := decide.AwaitedOf("word", where, time.Hour, nil)
	require.NoError(t, err)
	require.Equal(t, []decide.Awaited{{Event: "word", Where: []hogsend.Condition{hogsend.Prop("n").Gt(json.Number("2"))}, Lookback: time.Hour}}, one)
	several, err := decide.AwaitedOf("", nil, 0, []criteria.Alternative{{Event: "word", Where: where, Lookback: time.Hour}, {Event: "other"}})
	require.NoError(t, err)
	require.Equal(t, append(one, decide.Awaited{Event: "other"}), several)
	_, err = decide.AwaitedOf("word", json.RawMessage(`[{"type":"?"}]`), 0, nil)
	require.Error(t, err)

	matches := func(conditions []hogsend.Condition) (bool, error) { return len(conditions) == 0, nil }
	place, err := decide.PlaceOf(several, "other", matches)
	require.NoError(t, err)
	require.Equal(t, 1, place)
	place, err = decide.PlaceOf(several, "word", matches)
	require.NoError(t, err)
	require.Equal(t, -1, place)
	_, err = decide.PlaceOf(several, "word", func([]hogsend.Condition) (bool, error) { return false, json.Unmarshal([]byte(`[`), &where) })
	require.Error(t, err)
}
