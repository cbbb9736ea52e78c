package steps_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestWhichEventsADigestCollects(t *testing.T) { // J-143
	t.Parallel()
	d := steps.Digest{
		Event: "comment", Until: noon.Add(time.Hour), After: contract.EventPosition{At: noon, Seq: 10}, TriggerSeq: 10, Since: noon.Add(-15 * time.Minute),
	}
	before := func(last steps.PastDigest) func(d *steps.Digest) {
		return func(d *steps.Digest) { d.Last = &last }
	}
	for name, c := range map[string]struct {
		change func(d *steps.Digest)
		event  steps.PastEvent
		want   bool
	}{
		"the trigger":                          {nil, received(10, "comment", 0, 1, trigger), true},
		"the trigger, of an earlier step":      {nil, received(10, "comment", -time.Hour, 1, trigger), true},
		"in the window":                        {nil, received(11, "comment", time.Minute, 1), true},
		"at its end":                           {nil, received(11, "comment", time.Hour, 1), true},
		"behind its end":                       {nil, received(11, "comment", time.Hour+1, 1), false},
		"at its beginning, received next":      {nil, received(11, "comment", 0, 1), true},
		"at its beginning, received before":    {func(d *steps.Digest) { d.Since = time.Time{} }, received(9, "comment", 0, 1), false},
		"behind the mark, but it ended a wait": {func(d *steps.Digest) { d.Opened = noon.Add(2 * time.Minute) }, received(11, "comment", time.Minute, 1, func(e *steps.PastEvent) { e.Waited = true; e.OccurredAt = noon.Add(-time.Hour) }), false}, // J-159
		"in the window, where it ended a wait": {func(d *steps.Digest) { d.Opened = noon.Add(time.Minute) }, received(11, "comment", time.Minute, 1, func(e *steps.PastEvent) { e.Waited = true; e.OccurredAt = noon.Add(-time.Hour) }), true},
		"of another name":                      {nil, received(11, "like", time.Minute, 1), false},
		"in a digest before":                   {nil, received(11, "comment", time.Minute, 1, spent), false},
		"the trigger, in a digest before":      {nil, received(10, "comment", 0, 1, trigger, spent), false},
		"shortly before":                       {nil, received(9, "comment", -15*time.Minute, 1), true},
		"not so shortly before":                {nil, received(9, "comment", -15*time.Minute-1, 1), false},
		"shortly before, without look-back":    {func(d *steps.Digest) { d.Since = time.Time{} }, received(9, "comment", -1, 1), false},
		"late, but it occurred in time":        {nil, received(11, "comment", time.Minute, 1, occurred(2*hogsend.Day)), true},
		"that does not match":                  {func(d *steps.Digest) { d.Where = []hogsend.Condition{hogsend.Prop("n").Gt(1)} }, received(11, "comment", time.Minute, 1), false},
		"that matches":                         {func(d *steps.Digest) { d.Where = []hogsend.Condition{hogsend.Prop("n").Gt(1)} }, received(11, "comment", time.Minute, 2), true},
		"between the digest before and the end of its enrollment": {
			before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-time.Hour)}), received(5, "comment", -time.Hour, 1), true,
		},
		"as the digest before was flushed": {
			before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-time.Hour)}), received(5, "comment", -3*time.Hour, 1), true,
		},
		"earlier than that": {
			before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-time.Hour)}), received(5, "comment", -3*time.Hour-1, 1), false,
		},
		"behind the end of that enrollment": {
			before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-time.Hour)}), received(5, "comment", -time.Hour+1, 1), false,
		},
		"behind the end of that enrollment, in this one": {
			before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-2 * time.Hour)}), received(10, "comment", -time.Hour, 1), true,
		},
		"while that enrollment goes on": {before(steps.PastDigest{FlushedAt: noon.Add(-3 * time.Hour)}), received(5, "comment", -20*time.Minute, 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := d
			if c.change != nil {
				c.change(&d)
			}
			got, err := d.Collects(&c.event)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	require.Equal(t, noon.Add(1), steps.DigestEnd(noon.Add(1), noon))
	require.Equal(t, noon, steps.DigestEnd(noon.Add(-1), noon))
}

func TestWhatADigestLooksBackTo(t *testing.T) { // J-143
	t.Parallel()
	mark := contract.EventPosition{At: noon, Seq: 7}
	called, opened := noon.Add(time.Hour), noon.Add(2*time.Hour)
	after, since := steps.DigestFrom(mark, called, opened, 15*time.Minute)
	require.Equal(t, mark, after, "what came since the mark is collected")
	require.Equal(t, called.Add(-15*time.Minute), since, "before the call, however long ago the mark is")
	after, since = steps.DigestFrom(mark, called, opened, -1)
	require.Equal(t, contract.EventPosition{At: opened}, after, "only what comes from now on")
	require.Zero(t, since)
	after, _ = steps.DigestFrom(mark, noon.Add(-time.Hour), noon.Add(-time.Hour), -1)
	require.Equal(t, mark, after, "never before the mark")
}

func TestADigestHandsOverTheNewestThatFit(t *testing.T) { // J-143
	t.Parallel()
	events := func(text string) func(i int) (hogsend.StoredEvent, error) {
		return func(i int) (hogsend.StoredEvent, error) {
			return hogsend.StoredEvent{ID: fmt.Sprint(i), Properties: hogsend.Properties{"text": text}}, nil
		}
	}
	ids := func(c hogsend.Collected) string {
		var ids []string
		for _, e := range c.Events {
			ids = append(ids, e.ID)
		}
		return strings.Join(ids, " ")
	}
	got, err := steps.Newest(4, 3, events("short"))
	require.NoError(t, err)
	require.Equal(t, "1 2 3", ids(got))
	require.Equal(t, 4, got.Total)

	got, err = steps.Newest(4, 500, events(strings.Repeat("x", 500_000)))
	require.NoError(t, err)
	require.Equal(t, "2 3", ids(got), "a third one is more than 1 MiB")
	require.Equal(t, 4, got.Total)

	got, err = steps.Newest(0, 500, events(""))
	require.NoError(t, err)
	require.Equal(t, hogsend.Collected{Events: []hogsend.StoredEvent{}}, got)

	_, err = steps.Newest(1, 1, func(int) (hogsend.StoredEvent, error) { return hogsend.StoredEvent{}, fmt.Errorf("torn") })
	require.ErrorContains(t, err, "torn")
	_, err = steps.Newest(1, 1, func(int) (hogsend.StoredEvent, error) {
		return hogsend.StoredEvent{Properties: hogsend.Properties{"f": func() {}}}, nil
	})
	require.ErrorContains(t, err, "encode event")
}
