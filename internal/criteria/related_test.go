package criteria_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
)

func valuesOf(t *testing.T, raw string) criteria.Values {
	t.Helper()
	v, err := criteria.ParseValues(json.RawMessage(raw))
	require.NoError(t, err)
	return v
}

func TestTheKeyOfAnEvent(t *testing.T) { // J-153
	t.Parallel()
	for raw, want := range map[string]string{
		`"I-1"`: "I-1", `"i-1"`: "i-1", `" a "`: " a ", `77`: "77", `77.0`: "77", `"77"`: "77", `7.7e1`: "77", `-0`: "0", `1234567890123456789`: "1234567890123456789",
		`"` + strings.Repeat("ü", 200) + `"`: strings.Repeat("ü", 200),
	} {
		key, ok := criteria.KeyOf(valuesOf(t, `{"id":`+raw+`}`), "id")
		require.True(t, ok, raw)
		require.Equal(t, want, key)
	}
	for _, raw := range []string{`""`, `" \t"`, `"` + strings.Repeat("x", 201) + `"`, `true`, `null`, `["I-1"]`, `{"id":1}`} {
		_, ok := criteria.KeyOf(valuesOf(t, `{"id":`+raw+`}`), "id")
		require.False(t, ok, raw)
	}
	_, ok := criteria.KeyOf(nil, "id")
	require.False(t, ok)
}

func TestLikeTheTrigger(t *testing.T) { // J-155
	t.Parallel()
	same := []hogsend.Condition{hogsend.SameAsTrigger("id")}
	for _, c := range []struct {
		trigger, event string
		want           bool
	}{
		{`{"id":"a"}`, `{"id":"a"}`, true},
		{`{"id":"a"}`, `{"id":"A"}`, false},
		{`{"id":1}`, `{"id":1.0}`, true},
		{`{"id":1}`, `{"id":"1"}`, false},
		{`{"id":1234567890123456789}`, `{"id":1234567890123456788}`, false},
		{`{"id":true}`, `{"id":true}`, true},
		{`{"id":true}`, `{"id":1}`, false},
		{`{}`, `{}`, false},
		{`{"id":null}`, `{"id":null}`, false},
		{`{"id":[1]}`, `{"id":[1]}`, false},
		{`{"id":{}}`, `{"id":{}}`, false},
		{`{"id":"a"}`, `{}`, false},
		{`{}`, `{"id":"a"}`, false},
		{`{"id":1` + strings.Repeat("0", 1001) + `}`, `{"id":1` + strings.Repeat("0", 1001) + `}`, false}, // no condition may have it
	} {
		trigger, event := valuesOf(t, c.trigger), valuesOf(t, c.event)
		require.Equal(t, c.want, criteria.Match(criteria.Resolve(same, trigger), event), c)
		not := criteria.Resolve([]hogsend.Condition{hogsend.Not(hogsend.Any(same...)), hogsend.All()}, trigger)
		require.Equal(t, !c.want, criteria.Match(not, event), c)
		require.False(t, criteria.Relates(not))
		raw, err := criteria.Marshal(not)
		require.NoError(t, err)
		_, err = criteria.Unmarshal(raw)
		require.NoError(t, err, "a wait is stored with it")
	}
	other := criteria.Resolve([]hogsend.Condition{hogsend.SameAsTrigger("order", "id")}, valuesOf(t, `{"id":"a","order":"b"}`))
	require.True(t, criteria.Match(other, valuesOf(t, `{"order":"a"}`)))
	require.False(t, criteria.Match(same, valuesOf(t, `{"id":"a"}`)), "without a trigger it never holds")
	require.Equal(t, []hogsend.Condition{hogsend.SameAsTrigger("id")}, same, "the author's list stays")
}

func TestConditionsOnBucketsAndTriggersInJSON(t *testing.T) { // C-32, J-155
	t.Parallel()
	tree := hogsend.All(hogsend.InBucket("vip"), hogsend.Not(hogsend.InBucket("old")))
	raw, err := criteria.MarshalTree(tree)
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"composite","operator":"and","conditions":[{"type":"in_bucket","bucketId":"vip"},
		{"type":"composite","operator":"not","conditions":[{"type":"in_bucket","bucketId":"old"}]}]}`, string(raw))
	_, problems, err := criteria.UnmarshalTree(raw)
	require.NoError(t, err)
	require.Equal(t, []condition.Problem{
		{Path: "criteria.conditions.0", Message: "belongs to an Audience: repeat the criteria of the other bucket instead"},
		{Path: "criteria.conditions.1.conditions.0", Message: "belongs to an Audience: repeat the criteria of the other bucket instead"},
	}, problems)

	list := []hogsend.Condition{hogsend.SameAsTrigger("a"), hogsend.SameAsTrigger("a", "b")}
	raw, err = criteria.Marshal(list)
	require.NoError(t, err)
	require.JSONEq(t, `[{"type":"same_as_trigger","property":"a"},{"type":"same_as_trigger","property":"a","triggerProperty":"b"}]`, string(raw))
	read, err := criteria.Unmarshal(raw)
	require.NoError(t, err)
	require.Equal(t, list, read)
	_, err = criteria.Unmarshal(json.RawMessage(`[{"type":"same_as_trigger","property":"a","value":1}]`))
	require.ErrorContains(t, err, "0.value")

	failed, err := criteria.Marshal([]hogsend.Condition{tree, hogsend.Event("x").AtLeast(2)})
	require.NoError(t, err)
	read, err = criteria.UnmarshalFailed(failed)
	require.NoError(t, err)
	require.Equal(t, []hogsend.Condition{tree, hogsend.Event("x").AtLeast(2)}, read)
}

func TestWhatOfAnAudienceFails(t *testing.T) { // J-151
	t.Parallel()
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	vip := criteria.History{Buckets: map[string]bool{"vip": true}}
	in, out := hogsend.InBucket("vip"), hogsend.InBucket("old")
	require.True(t, vip.Holds(hogsend.All(in, hogsend.Not(out)), now))
	require.False(t, vip.Holds(out, now))
	parts := []hogsend.Condition{in, out}
	require.Equal(t, []hogsend.Condition{out}, criteria.FailedParts(hogsend.All(parts...), parts, false, func(i int) bool { return vip.HoldsPart(parts[i], now) }))
	tree := hogsend.Any(out)
	require.Equal(t, []hogsend.Condition{tree}, criteria.FailedParts(tree, nil, false, nil))
	require.Nil(t, criteria.FailedParts(tree, nil, true, nil))
}
