package criteria_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
)

func unmarshaled(t require.TestingT, raw string) hogsend.Condition {
	tree, problems, err := criteria.UnmarshalTree(json.RawMessage(raw))
	require.NoError(t, err)
	require.Empty(t, problems, raw)
	return tree
}

func TestATreeInJSON(t *testing.T) {
	t.Parallel() // C-19, C-20
	const written = `{"type": "composite", "operator": "and", "conditions": [
		{"type": "property", "property": "plan", "operator": "eq", "value": "pro"},
		{"type": "event", "eventName": "session.started", "check": "count", "operator": "gte", "value": 10, "within": {"hours": 168}},
		{"type": "event", "eventName": "x", "check": "exists"},
		{"type": "event", "eventName": "x", "check": "not_exists", "within": {"minutes": 1, "seconds": 1.5}},
		{"type": "event", "eventName": "x", "check": "count", "operator": "eq", "value": 0},
		{"type": "event", "eventName": "order", "check": "sum", "property": "total", "where": [{"type": "property", "property": "currency", "operator": "eq", "value": "EUR"}], "operator": "gte", "value": 500.5, "within": {"hours": 720}},
		{"type": "event", "eventName": "view", "check": "distinct", "property": "sku", "operator": "gt", "value": 3},
		{"type": "property", "property": "p", "operator": "eq", "value": false},
		{"type": "property", "property": "p", "operator": "neq", "value": 0},
		{"type": "property", "property": "p", "operator": "not_exists"},
		{"type": "composite", "operator": "or", "conditions": []},
		{"type": "composite", "operator": "not", "conditions": [{"type": "email_engagement", "templateKey": "welcome", "check": "opened"}]}]}`
	x := hogsend.Event("x")
	built := hogsend.All(
		hogsend.Prop("plan").Eq("pro"), hogsend.Event("session.started").Within(7*hogsend.Day).AtLeast(10), x.Exists(),
		x.Within(61500*time.Millisecond).NotExists(), x.Exactly(0),
		hogsend.Event("order").Where(hogsend.Prop("currency").Eq("EUR")).Within(30*hogsend.Day).Sum("total").Gte(json.Number("500.5")),
		hogsend.Event("view").Distinct("sku").Gt(3), hogsend.Prop("p").Eq(false), hogsend.Prop("p").Neq(json.Number("0")),
		hogsend.Prop("p").NotExists(), condition.Composite{Operator: condition.Or}, hogsend.Not(hogsend.EmailEngagement("welcome").Opened()),
	)
	require.JSONEq(t, written, string(marshaled(t, built)))
	require.Equal(t, built, unmarshaled(t, written))
	_, err := criteria.MarshalTree(nil)
	require.Error(t, err)
	_, err = criteria.HashTree(hogsend.All(nil))
	require.Error(t, err)
}

func TestWithinIsTheSumOfItsParts(t *testing.T) {
	t.Parallel() // C-18, C-21
	for raw, want := range map[string]time.Duration{
		`{"hours":1}`: time.Hour, `{"hours":1,"minutes":1,"seconds":1}`: time.Hour + time.Minute + time.Second, `{"minutes":90}`: 90 * time.Minute,
		`{"hours":0.5}`: 30 * time.Minute, `{"seconds":0.001}`: time.Millisecond, `{"seconds":1e-3}`: time.Millisecond, `{"hours":0,"seconds":59.999}`: 59999 * time.Millisecond,
		`{"hours":87600}`: 3650 * hogsend.Day, `{"minutes":-0,"seconds":1}`: time.Second, `{"seconds":0.1}`: 100 * time.Millisecond, `{"hours":0.0001}`: 360 * time.Millisecond,
	} {
		tree := unmarshaled(t, `{"type":"event","eventName":"x","check":"exists","within":`+raw+`}`)
		require.Equal(t, want, *tree.(condition.Event).Within, raw)
		require.Equal(t, tree, unmarshaled(t, string(marshaled(t, tree))), raw)
	}
}

func TestAWrittenTreeIsReadStrictly(t *testing.T) {
	t.Parallel() // C-18: every problem with its path, all of them together
	event := func(rest string) string { return `{"type":"event","eventName":"x","check":"exists"` + rest + `}` }
	property := func(rest string) string { return `{"type":"property","property":"p"` + rest + `}` }
	composite := func(operator, children string) string {
		return `{"type":"composite","operator":"` + operator + `","conditions":[` + children + `]}`
	}
	const (
		wrongWithin = ".within: must be from 1 ms to 3650 days, in whole milliseconds"
		noReason    = ": criteria need at least one positive condition"
		wrongCount  = ".value: must be a whole number from 0 to 1000000"
	)
	for _, tt := range []struct {
		raw  string
		want []string // without "criteria"
	}{
		{`null`, []string{": must be an object"}},
		{`[]`, []string{": must be an object"}},
		{`"x"`, []string{": must be an object"}},
		{`{}`, []string{".type: must be property, event, email_engagement or composite"}},
		{`{"type":"sql"}`, []string{".type: must be property, event, email_engagement or composite"}},
		{`{"type":7}`, []string{".type: must be a string"}},
		{event(`,"whitin":{"hours":1}`), []string{`.whitin: is unknown, did you mean "within"?`}},
		{event(`,"property":"p"`), []string{".property: is not taken by exists"}},
		{event(`,"Within":{"hours":1}`), []string{`.Within: is unknown, did you mean "within"?`}},
		{event(`,"operator":"gte"`), []string{".operator: is not taken by exists"}},
		{event(`,"value":1`), []string{".value: is not taken by exists"}},
		{event(`,"value":null`), []string{".value: must not be null"}},
		{event(`,"within":{}`), []string{wrongWithin}},
		{event(`,"within":null`), []string{".within: must be an object"}},
		{event(`,"within":3600`), []string{".within: must be an object"}},
		{event(`,"within":{"days":7}`), []string{".within.days: is unknown", wrongWithin}},
		{event(`,"within":{"hours":"1"}`), []string{".within: hours must be a number"}},
		{event(`,"within":{"hours":null}`), []string{".within: hours must be a number"}},
		{event(`,"within":{"hours":2,"minutes":-1}`), []string{".within: minutes must not be negative"}},
		{event(`,"within":{"seconds":-1e-999}`), []string{".within: seconds must be in whole milliseconds"}},
		{event(`,"within":{"seconds":0.0015}`), []string{".within: must be in whole milliseconds"}},
		{event(`,"within":{"hours":1,"seconds":1e-999}`), []string{".within: seconds must be in whole milliseconds"}},
		{event(`,"within":{"hours":1e999999999}`), []string{wrongWithin}},
		{event(`,"within":{"hours":87600,"seconds":0.001}`), []string{wrongWithin}},
		{event(`,"within":{"hours":999999999999}`), []string{wrongWithin}},
		{`{"type":"event","check":"count"}`, []string{".eventName: must have 1 to 200 characters", ".operator: must be eq, gt, gte, lt or lte", wrongCount}},
		{`{"type":"event","eventName":7,"check":"exists"}`, []string{".eventName: must be a string"}},
		{`{"type":"event","eventName":"bucket:left","check":"did"}`, []string{".eventName: must not start with bucket:", ".check: must be exists, not_exists, count, sum or distinct"}},
		{`{"type":"event","eventName":"x","check":"count","operator":"gte","value":1.5}`, []string{wrongCount}},
		{`{"type":"event","eventName":"x","check":"count","operator":"gte","value":"1"}`, []string{wrongCount}},
		{`{"type":"event","eventName":"x","check":"count","operator":"gte","value":1e1001}`, []string{".value: must be a whole number from 0 to 1000000"}},
		{`{"type":"event","eventName":"x","check":"count","operator":"lt","value":-1}`, []string{wrongCount}},
		{property(``), []string{`.operator: is unknown: ""`}},
		{property(`,"operator":"eq"`), []string{".value: must be a string, a number or a bool"}},
		{property(`,"operator":"eq","value":null`), []string{".value: must not be null"}},
		{property(`,"operator":"eq","value":[1]`), []string{".value: must be a string, a number or a bool"}},
		{property(`,"operator":"eq","value":1e1001`), []string{".value: must not have more than 1000 digits"}},
		{property(`,"operator":"exists","value":0`), []string{".value: is not taken by exists"}},
		{property(`,"operator":"exists","within":{"hours":1}`), []string{".within: is not taken by exists"}},
		{property(`,"operator":"gt","value":"9"`), []string{".value: must be a number"}},
		{property(`,"operator":"contains","value":[9]`), []string{".value: must be a string, a number or a bool"}},
		{`{"type":"email_engagement","templateKey":"gone","check":"opened"}`, []string{`.templateKey: there is no template "gone"`}},
		{`{"type":"email_engagement","templateKey":"welcome","check":"seen","value":1}`, []string{".value: is unknown", ".check: must be opened, clicked, not_opened or not_clicked"}},
		{`{"type":"composite","operator":"and"}`, []string{".conditions: must be an array", noReason}},
		{`{"type":"composite","operator":"not","conditions":{}}`, []string{".conditions: must be an array", noReason}},
		{composite("and", ``), []string{noReason}},
		{composite("xor", event(``)), []string{".operator: must be and, or or not"}},
		{composite("not", event(``)+`,`+event(``)), []string{".conditions: not takes exactly one condition", noReason}},
		{composite("or", event(``)+`,null,7,{"type":"x"}`), []string{
			".conditions.1: must be an object", ".conditions.2: must be an object",
			".conditions.3.type: must be property, event, email_engagement or composite",
		}},
		{composite("and", event(``)+`,`+event(`,"within":{"minutes":-1}`)+`,`+composite("or", property(`,"operator":"like","values":1`))), []string{
			".conditions.1.within: minutes must not be negative", `.conditions.2.conditions.0.values: is unknown, did you mean "value"?`,
			`.conditions.2.conditions.0.operator: is unknown: "like"`,
		}},
		{composite("or", `{"type":"event","eventName":"x","check":"not_exists","whitin":{"hours":1}}`), []string{
			`.conditions.0.whitin: is unknown, did you mean "within"?`, noReason,
		}},
		{strings.Repeat(`{"type":"composite","operator":"and","conditions":[`, 900) + event(``) + strings.Repeat(`]}`, 900), []string{
			strings.Repeat(".conditions.0", 16) + ": is nested deeper than 16 levels",
		}},
	} {
		tree, problems, err := criteria.ParseTree(json.RawMessage(tt.raw), func(key string) bool { return key == "welcome" })
		require.NoError(t, err)
		require.Nil(t, tree)
		var got []string
		for _, p := range problems {
			require.True(t, strings.HasPrefix(p.Path, "criteria"), p.Path)
			got = append(got, strings.TrimPrefix(p.Path, "criteria")+": "+p.Message)
		}
		require.ElementsMatch(t, tt.want, got, "%.200s", tt.raw)
	}
	for _, raw := range []string{``, `{`, `{} {}`, `nul`} {
		_, _, err := criteria.UnmarshalTree(json.RawMessage(raw))
		require.Error(t, err, raw)
	}
}

func TestTheHashOfATreeSeesMeaningNotSpelling(t *testing.T) {
	t.Parallel() // C-21
	hash := func(tree hogsend.Condition) string {
		h, err := criteria.HashTree(tree)
		require.NoError(t, err)
		return h
	}
	written := func(within, value string) string {
		return hash(unmarshaled(t, `{ "within":`+within+`, "value":`+value+`, "operator":"gte","check":"count", "eventName":"x","type":"event"}`))
	}
	x, y := hogsend.Event("x"), hogsend.Event("y")
	require.Equal(t, hash(x.Within(time.Hour).AtLeast(10)), written(`{"hours":1}`, `10`))
	require.Equal(t, written(`{"hours":1}`, `10`), written(`{"minutes":60}`, `1e1`))
	require.Equal(t, written(`{"hours":1}`, `10`), written(`{"minutes":59,"seconds":60.0}`, `10.0`))
	different := map[string]bool{}
	trees := []hogsend.Condition{
		x.Exists(), x.NotExists(), y.Exists(), x.Within(time.Hour).Exists(), x.Within(time.Hour + time.Millisecond).Exists(), x.AtLeast(1), x.AtLeast(2),
		x.MoreThan(1), hogsend.All(x.Exists(), y.Exists()), hogsend.All(y.Exists(), x.Exists()), hogsend.Any(x.Exists(), y.Exists()), hogsend.Not(x.Exists()),
		hogsend.Prop("x").Exists(), hogsend.EmailEngagement("x").Opened(), hogsend.EmailEngagement("x").Clicked(), hogsend.All(), hogsend.Any(),
	}
	for _, tree := range trees {
		different[hash(tree)] = true
	}
	require.Len(t, different, len(trees))
	require.Equal(t, "f5d5b4d711ff8086", hash(hogsend.All(x.Within(time.Hour).AtLeast(10), hogsend.Prop("p").Eq(1)))[:16], "the same on every machine")
}

func TestRandomTreesSurviveJSON(t *testing.T) {
	t.Parallel() // C-19, C-20, C-21
	rapid.Check(t, func(t *rapid.T) {
		tree := hogsend.Any(hogsend.Prop("p").Exists(), genTree(3).Draw(t, "tree"))
		again := unmarshaled(t, string(marshaled(t, tree)))
		require.Equal(t, criteria.Compile(tree, 1), criteria.Compile(again, 1))
		one, err := criteria.HashTree(tree)
		require.NoError(t, err)
		other, err := criteria.HashTree(again)
		require.NoError(t, err)
		require.Equal(t, one, other)
	})
}

func FuzzUnmarshalTree(f *testing.F) {
	f.Add([]byte(`{"type":"event","eventName":"x","check":"count","operator":"gte","value":10,"within":{"hours":168,"seconds":0.001}}`))
	f.Add([]byte(`{"type":"composite","operator":"not","conditions":[{"type":"email_engagement","templateKey":"w","check":"not_opened"}]}`))
	f.Add([]byte(`{"type":"composite","operator":"or","conditions":[{"type":"property","property":"p","operator":"eq","value":1e-320}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, problems, err := criteria.UnmarshalTree(raw)
		if err != nil || len(problems) > 0 {
			require.Nil(t, tree)
			return
		}
		require.Equal(t, tree, unmarshaled(t, string(marshaled(t, tree))))
		require.NotEmpty(t, criteria.Compile(tree, 1).SQL)
		criteria.FactsOf(tree)
	})
}

func TestFactsOfATree(t *testing.T) {
	t.Parallel() // B-7, DESIGN 5.3
	a, b := hogsend.Event("a"), hogsend.Event("b")
	f := criteria.FactsOf(hogsend.Any(
		a.Exists(), hogsend.Not(b.Within(time.Hour).Exists()), a.Within(time.Hour).AtLeast(2), a.Within(time.Minute).NotExists(), a.Within(time.Hour).NotExists(),
		hogsend.All(hogsend.Prop("p").Exists(), hogsend.Prop("q").Eq(1), hogsend.Prop("p").Eq(1)), hogsend.EmailEngagement("w").Opened(), hogsend.EmailEngagement("w").Clicked(),
	))
	require.Equal(t, criteria.Facts{
		Events: []string{"a", "b"}, Properties: []string{"p", "q"}, Templates: []string{"w"},
		Windows: []criteria.Window{{Event: "b", Within: time.Hour}, {Event: "a", Within: time.Hour}, {Event: "a", Within: time.Minute}},
	}, f)
	require.Equal(t, criteria.Facts{}, criteria.FactsOf(hogsend.All()))
	require.Equal(t, criteria.Facts{}, criteria.FactsOf(nil))
}

func TestWhatASingleLeafTells(t *testing.T) {
	t.Parallel() // B-16, W-27
	e, other := hogsend.Event("e"), hogsend.Event("other")
	hour, day := e.Within(time.Hour), e.Within(hogsend.Day)
	newest, lapsed := criteria.Anchor{Event: "e"}, criteria.Anchor{Event: "e", Plus: time.Hour}
	for _, tt := range []struct {
		tree   hogsend.Condition
		k      int // 0 for a tree without an edge of its own
		anchor criteria.Anchor
	}{
		{hour.Exists(), 1, newest},
		{hour.AtLeast(1), 1, newest},
		{hour.AtLeast(3), 3, newest},
		{hour.MoreThan(3), 4, newest},
		{hour.Exactly(3), 0, newest},
		{hogsend.Not(hour.NotExists()), 1, newest},
		{hogsend.Not(hour.LessThan(3)), 3, newest},
		{hogsend.Not(hour.AtMost(3)), 4, newest},
		{hogsend.Any(hogsend.All(hour.Exists())), 1, newest},
		{hour.NotExists(), 0, lapsed},
		{hogsend.Not(hour.Exists()), 0, lapsed},
		{hour.AtMost(3), 0, criteria.Anchor{}},
		{hour.AtLeast(0), 0, criteria.Anchor{}},
		{hour.Exactly(0), 0, criteria.Anchor{}},
		{hogsend.Not(hour.Exactly(3)), 0, criteria.Anchor{}},
		{e.Exists(), 0, criteria.Anchor{}},
		{e.AtLeast(3), 0, criteria.Anchor{}},
		{hogsend.All(e.Exists(), hour.NotExists()), 0, lapsed},
		{hogsend.All(hour.NotExists(), e.Exists()), 0, lapsed},
		{hogsend.All(day.Exists(), hour.NotExists()), 0, lapsed},
		{hogsend.Not(hogsend.Any(hour.Exists(), e.NotExists())), 0, lapsed},
		{hogsend.All(other.Exists(), hour.NotExists()), 0, criteria.Anchor{}},
		{hogsend.All(e.Exists(), e.NotExists()), 0, criteria.Anchor{}},
		{hogsend.All(hour.NotExists(), day.NotExists()), 0, criteria.Anchor{}},
		{hogsend.All(e.Exists(), hour.NotExists(), hogsend.Prop("p").Exists()), 0, criteria.Anchor{}},
		{hogsend.All(hour.Exists(), hogsend.Prop("p").Exists()), 0, criteria.Anchor{}},
		{hogsend.Any(hour.Exists(), day.AtLeast(2)), 0, criteria.Anchor{}},
		{hogsend.Any(e.Exists(), hour.NotExists()), 0, criteria.Anchor{}},
		{hogsend.Not(hogsend.All(e.Exists(), hour.NotExists())), 0, criteria.Anchor{}},
		{hogsend.Prop("p").Exists(), 0, criteria.Anchor{}},
		{hogsend.EmailEngagement("w").Opened(), 0, criteria.Anchor{}},
	} {
		f := criteria.FactsOf(tt.tree)
		require.Equal(t, tt.k, f.K, "%s", marshaled(t, tt.tree))
		require.Equal(t, tt.anchor, f.Anchor, "%s", marshaled(t, tt.tree))
		var expiring *criteria.Window
		if tt.k > 0 {
			expiring = &criteria.Window{Event: "e", Within: time.Hour}
		}
		require.Equal(t, expiring, f.Expiring, "%s", marshaled(t, tt.tree))
	}
}
