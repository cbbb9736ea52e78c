package condition_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/definition"
)

func TestTheBuilderMakesPlainData(t *testing.T) {
	t.Parallel() // C-1, C-20
	hour := time.Hour
	login := hogsend.Event("login")
	count := func(op condition.Operator, n int) hogsend.Condition {
		return condition.Event{EventName: "login", Check: condition.EventCount, Operator: op, Value: n}
	}
	welcome := hogsend.EmailEngagement("welcome")
	for _, tt := range []struct{ built, want hogsend.Condition }{
		{login.Exists(), condition.Event{EventName: "login", Check: condition.EventExists}},
		{login.NotExists(), condition.Event{EventName: "login", Check: condition.EventNotExists}},
		{login.Within(hour).Exists(), condition.Event{EventName: "login", Check: condition.EventExists, Within: &hour}},
		{login.Within(0).NotExists(), condition.Event{EventName: "login", Check: condition.EventNotExists, Within: new(time.Duration)}},
		{login.Count(condition.Eq, 2), count(condition.Eq, 2)},
		{login.AtLeast(1), count(condition.Gte, 1)},
		{login.MoreThan(1), count(condition.Gt, 1)},
		{login.AtMost(1), count(condition.Lte, 1)},
		{login.LessThan(1), count(condition.Lt, 1)},
		{login.Exactly(0), count(condition.Eq, 0)},
		{welcome.Opened(), condition.Email{TemplateKey: "welcome", Check: condition.EmailOpened}},
		{welcome.Clicked(), condition.Email{TemplateKey: "welcome", Check: condition.EmailClicked}},
		{welcome.NotOpened(), condition.Email{TemplateKey: "welcome", Check: condition.EmailNotOpened}},
		{welcome.NotClicked(), condition.Email{TemplateKey: "welcome", Check: condition.EmailNotClicked}},
		{
			hogsend.Not(hogsend.Any(login.Exists())),
			condition.Composite{Operator: condition.Not, Conditions: []hogsend.Condition{
				condition.Composite{Operator: condition.Or, Conditions: []hogsend.Condition{login.Exists()}},
			}},
		},
	} {
		require.Equal(t, tt.want, tt.built)
	}
}

func TestBuilderValuesAreImmutable(t *testing.T) {
	t.Parallel() // C-20
	login := hogsend.Event("login")
	windowed := login.Within(time.Hour)
	one, other := windowed.Exists().(condition.Event), windowed.Within(time.Minute).NotExists().(condition.Event)
	require.Nil(t, login.Exists().(condition.Event).Within)
	require.Equal(t, time.Hour, *one.Within)
	require.Equal(t, time.Minute, *other.Within)
	*one.Within = time.Second
	require.Equal(t, time.Hour, *windowed.Exists().(condition.Event).Within)
}

func TestARegistryKeepsCriteriaInPlainForm(t *testing.T) {
	t.Parallel() // C-20, J-9
	type count int64
	hour := time.Hour
	tree := condition.Composite{Operator: condition.And, Conditions: []hogsend.Condition{
		condition.Event{EventName: "login", Check: condition.EventCount, Operator: condition.Gte, Value: count(3), Within: &hour},
		hogsend.Prop("n").Eq(1),
	}}
	kept := definition.Clone(hogsend.Registry{Buckets: []hogsend.Bucket{{ID: "b", Criteria: tree}}}).Buckets[0].Criteria
	hour, tree.Conditions[1] = time.Minute, nil
	require.Equal(t, hogsend.All(hogsend.Event("login").Within(time.Hour).AtLeast(3), hogsend.Prop("n").Eq(json.Number("1"))), kept)
}

// nested is a leaf at that level of a tree.
func nested(levels int, leaf hogsend.Condition) hogsend.Condition {
	for range levels - 1 {
		leaf = hogsend.All(leaf)
	}
	return leaf
}

func TestEachRuleOfCriteriaIsChecked(t *testing.T) {
	t.Parallel() // C-18
	templates := func(key string) bool { return key == "welcome" || len(key) >= 200 }
	login, positive := hogsend.Event("login"), hogsend.Prop("p").Exists()
	event := func(change func(*condition.Event)) hogsend.Condition {
		n := condition.Event{EventName: "login", Check: condition.EventExists}
		change(&n)
		return n
	}
	count := func(value any) hogsend.Condition {
		return hogsend.Any(positive, condition.Event{EventName: "login", Check: condition.EventCount, Operator: condition.Gte, Value: value})
	}
	many := make([]hogsend.Condition, 101)
	for i := range many {
		many[i] = positive
	}
	const wrongWithin = "within must be from 1 ms to 3650 days, in whole milliseconds"
	for _, tt := range []struct {
		tree hogsend.Condition
		want []string // "path: message", the path without "criteria."; none means valid
	}{
		{login.Exists(), nil},
		{login.Within(time.Millisecond).AtLeast(1), nil},
		{login.Within(3650 * hogsend.Day).NotExists(), nil},
		{hogsend.Event("journey:completed").Exists(), nil}, // C-9
		{hogsend.Event("email.opened").Exists(), nil},
		{hogsend.Event(strings.Repeat("é", 200)).Exists(), nil},
		{hogsend.EmailEngagement("welcome").Opened(), nil},
		{hogsend.EmailEngagement(strings.Repeat("w", 200)).Opened(), nil},
		{hogsend.Event("").Exists(), []string{"eventName must have 1 to 200 characters"}},
		{hogsend.Event(strings.Repeat("é", 201)).Exists(), []string{"eventName must have 1 to 200 characters"}},
		{hogsend.Event("a\x00").Exists(), []string{"eventName must be valid UTF-8 without U+0000"}},
		{hogsend.Event("bucket:entered:vip").Exists(), []string{"eventName must not start with bucket:"}}, // I-45: no loops
		{hogsend.Prop("").Exists(), []string{"property must have 1 to 200 characters"}},
		{hogsend.Prop(strings.Repeat("x", 201)).Exists(), []string{"property must have 1 to 200 characters"}},
		{hogsend.EmailEngagement("").Clicked(), []string{"templateKey must have 1 to 200 characters"}},
		{hogsend.EmailEngagement("welcom").Clicked(), []string{`templateKey there is no template "welcom"`}},
		{condition.Email{TemplateKey: "welcome", Check: "seen"}, []string{"check must be opened, clicked, not_opened or not_clicked"}},
		{event(func(n *condition.Event) { n.Check = "did" }), []string{"check must be exists, not_exists, count, sum or distinct"}},
		{event(func(n *condition.Event) { n.Operator = condition.Eq }), []string{"operator is not taken by exists"}},
		{event(func(n *condition.Event) { n.Value = 1 }), []string{"value is not taken by exists"}},
		{
			event(func(n *condition.Event) { n.Check, n.Operator = condition.EventCount, condition.Neq }),
			[]string{"operator must be eq, gt, gte, lt or lte", "value must be a whole number from 0 to 1000000"},
		},
		{hogsend.Event("hogsend:date:x").Exists(), []string{"eventName must not start with hogsend:"}},                   // C-9
		{login.Where(hogsend.Prop("p").Gt(1), hogsend.Any(hogsend.Not(hogsend.Prop("q").Contains(true)))).Exists(), nil}, // C-28
		{login.Sum("p").Gte(-0.5), []string{" criteria need at least one positive condition"}},
		{login.Sum("p").Gte(json.Number("500.000000000000000000001")), nil},
		{login.Distinct("p").Gt(1_000_000), nil},
		{login.Where(login.Exists(), hogsend.All(hogsend.Prop("").Exists(), hogsend.EmailEngagement("welcome").Opened())).Exists(), []string{
			"where.0 is not a condition on a property", "where.1.conditions.0.property must have 1 to 200 characters", "where.1.conditions.1 is not a condition on a property",
		}},
		{login.Where(nil).Exists(), []string{"where.0 is missing"}},
		{login.Sum("").Gt(1), []string{"property must have 1 to 200 characters"}},
		{login.Distinct(strings.Repeat("x", 201)).Gt(1), []string{"property must have 1 to 200 characters"}},
		{hogsend.Any(positive, login.Sum("p").Gt("1")), []string{"conditions.1.value must be a number of at most 1000 digits"}},
		{hogsend.Any(positive, login.Sum("p").Gt(nil)), []string{"conditions.1.value must be a number of at most 1000 digits"}},
		{hogsend.Any(positive, login.Distinct("p").Gt(1.5)), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{hogsend.Any(positive, login.Distinct("p").Lt(0)), []string{"conditions.1.value no count is less than 0"}},
		{event(func(n *condition.Event) { n.Property = "p" }), []string{"property is not taken by exists"}},
		{hogsend.Any(positive, condition.Event{EventName: "login", Check: condition.EventCount, Operator: condition.Gte, Value: 1, Property: "p"}), []string{"conditions.1.property is not taken by count"}},
		{nested(15, login.Where(positive).Exists()), nil},
		{nested(16, login.Where(positive).Exists()), []string{strings.TrimPrefix(strings.Repeat(".conditions.0", 15), ".") + ".where.0 is nested deeper than 16 levels"}},
		{login.Where(many[:100]...).Exists(), []string{" has more than 100 conditions"}},
		{login.Where(many[:99]...).Exists(), nil},
		{count(nil), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count(-1), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count(1.5), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count("1"), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count(math.NaN()), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count(1_000_001), []string{"conditions.1.value must be a whole number from 0 to 1000000"}},
		{count(1_000_000), nil},
		{count(uint8(0)), nil},
		{count(2.0), nil},
		{hogsend.Any(positive, login.LessThan(0)), []string{"conditions.1.value no count is less than 0"}},
		{login.Within(0).Exists(), []string{wrongWithin}},
		{login.Within(-time.Hour).Exists(), []string{wrongWithin}},
		{login.Within(1500 * time.Microsecond).Exists(), []string{wrongWithin}},
		{login.Within(3650*hogsend.Day + time.Millisecond).Exists(), []string{wrongWithin}},
		{hogsend.Prop("p").Gt("2026-01-01"), []string{"value must be a number"}}, // C-4
		{hogsend.Prop("p").Eq(nil), []string{"value must be a string, a number or a bool"}},
		{hogsend.Prop("p").Eq([]string{"x"}), []string{"value must be a string, a number or a bool"}},
		{hogsend.Prop("p").Eq(math.Inf(1)), []string{"value must be a string, a number or a bool"}},
		{condition.Property{Property: "p", Operator: condition.Exists, Value: 1}, []string{"value is not taken by exists"}},
		{condition.Property{Property: "p", Operator: "like", Value: 1}, []string{`operator is unknown: "like"`}},
		{condition.Composite{Operator: "xor", Conditions: []hogsend.Condition{positive}}, []string{"operator must be and, or or not"}},
		{condition.Composite{Operator: condition.Not, Conditions: []hogsend.Condition{positive, login.NotExists()}}, []string{"conditions not takes exactly one condition"}}, // C-12
		{nil, []string{" is missing"}},
		{hogsend.All(positive, nil), []string{"conditions.1 is missing"}},
		{&condition.Event{}, []string{" is not a condition"}},
		{nested(16, positive), nil},
		{nested(17, positive), []string{strings.TrimPrefix(strings.Repeat(".conditions.0", 16), ".") + " is nested deeper than 16 levels"}},
		{hogsend.All(many[:100]...), nil},
		{hogsend.All(many...), []string{" has more than 100 conditions"}},
		{
			hogsend.All(hogsend.Event("").Within(0).Exists(), hogsend.Not(hogsend.Prop("p").Contains("\xff"))), // all together
			[]string{"conditions.0.eventName must have 1 to 200 characters", "conditions.0." + wrongWithin, "conditions.1.conditions.0.value must be valid UTF-8 without U+0000"},
		},
	} {
		var got []string
		for _, p := range condition.CheckCriteria(tt.tree, templates) {
			path, found := strings.CutPrefix(p.Path, "criteria")
			require.True(t, found, p.Path)
			got = append(got, strings.TrimPrefix(path, ".")+" "+p.Message)
		}
		require.Equal(t, tt.want, got, "%+v", tt.tree)
	}
	require.Empty(t, condition.CheckCriteria(hogsend.EmailEngagement("anything").Opened(), nil), "without a registry templates are not checked")
}

func TestListsTakeConditionsOnPropertiesOnly(t *testing.T) {
	t.Parallel() // J-7
	problems := condition.CheckList([]hogsend.Condition{
		hogsend.Event("login").Exists(), hogsend.Any(hogsend.EmailEngagement("welcome").Opened()), hogsend.Not(hogsend.Prop("p").Exists()),
	})
	require.Equal(t, []condition.Problem{
		{Path: "0", Message: "is not a condition on a property of the event; conditions on the contact belong to Audience"},
		{Path: "1.conditions.0", Message: "is not a condition on a property of the event; conditions on the contact belong to Audience"},
	}, problems)
}

// leafPolarity is a leaf with what it is, and what its complement is.
type leafPolarity struct {
	leaf hogsend.Condition
	is   [2]condition.Polarity
}

// polarities are the leaves of C-14.
func polarities() []leafPolarity {
	const positive, negative, absence = condition.Positive, condition.Negative, condition.Absence
	p, e, m := hogsend.Prop("p"), hogsend.Event("e"), hogsend.EmailEngagement("welcome")
	all := []leafPolarity{
		{p.Eq("x"), [2]condition.Polarity{positive, negative}},
		{p.Gt(1), [2]condition.Polarity{positive, negative}},
		{p.Gte(1), [2]condition.Polarity{positive, negative}},
		{p.Lt(1), [2]condition.Polarity{positive, negative}},
		{p.Lte(1), [2]condition.Polarity{positive, negative}},
		{p.Contains(""), [2]condition.Polarity{positive, negative}},
		{p.Exists(), [2]condition.Polarity{positive, negative}},
		{p.Neq("x"), [2]condition.Polarity{negative, positive}},
		{p.NotExists(), [2]condition.Polarity{negative, positive}},
		{e.Exists(), [2]condition.Polarity{positive, negative}},
		{e.NotExists(), [2]condition.Polarity{negative, positive}},
		{e.Within(1).Exists(), [2]condition.Polarity{positive, absence}},
		{e.Within(1).NotExists(), [2]condition.Polarity{absence, positive}},
		{m.Opened(), [2]condition.Polarity{positive, negative}},
		{m.Clicked(), [2]condition.Polarity{positive, negative}},
		{m.NotOpened(), [2]condition.Polarity{negative, negative}},
		{m.NotClicked(), [2]condition.Polarity{negative, negative}},
	}
	for _, counted := range []hogsend.EventHistory{e, e.Within(1), e.Where(p.Neq(1))} {
		all = append(all, []leafPolarity{
			{counted.MoreThan(0), [2]condition.Polarity{positive, negative}},
			{counted.AtLeast(1), [2]condition.Polarity{positive, negative}},
			{counted.Exactly(1), [2]condition.Polarity{positive, negative}},
			{counted.AtLeast(0), [2]condition.Polarity{negative, positive}},
			{counted.Exactly(0), [2]condition.Polarity{negative, positive}},
			{counted.AtMost(0), [2]condition.Polarity{negative, positive}},
			{counted.AtMost(2), [2]condition.Polarity{negative, positive}},
			{counted.LessThan(1), [2]condition.Polarity{negative, positive}},
			{counted.Distinct("p").Gt(0), [2]condition.Polarity{positive, negative}},
			{counted.Distinct("p").Lte(3), [2]condition.Polarity{negative, positive}},
			{counted.Sum("p").Gte(500), [2]condition.Polarity{positive, negative}},
			{counted.Sum("p").Gt(0), [2]condition.Polarity{positive, negative}},
			{counted.Sum("p").Gte(0), [2]condition.Polarity{negative, positive}},
			{counted.Sum("p").Eq(0), [2]condition.Polarity{negative, positive}},
			{counted.Sum("p").Gt(-0.5), [2]condition.Polarity{negative, positive}},
			{counted.Sum("p").Lte(-1), [2]condition.Polarity{positive, negative}},
			{counted.Sum("p").Lt(0), [2]condition.Polarity{positive, negative}},
			{counted.Sum("p").Eq(7), [2]condition.Polarity{positive, negative}},
		}...)
	}
	return all
}

func TestPolarity(t *testing.T) {
	t.Parallel() // C-13, C-14
	for _, tt := range polarities() {
		got := [2]condition.Polarity{condition.PolarityOf(tt.leaf, false), condition.PolarityOf(tt.leaf, true)}
		require.Equal(t, tt.is, got, "%+v", tt.leaf)
	}
	for _, malformed := range []hogsend.Condition{nil, hogsend.All(), condition.Event{}, condition.Email{}, condition.Property{}, hogsend.Event("e").AtLeast(-1)} {
		require.Equal(t, condition.Unknown, condition.PolarityOf(malformed, false), "%+v", malformed)
	}
}

func TestCriteriaNeedAReasonToMatch(t *testing.T) {
	t.Parallel() // C-15
	plan, login := hogsend.Prop("plan"), hogsend.Event("login")
	refused := []condition.Problem{{Path: "criteria", Message: "criteria need at least one positive condition"}}
	for _, tree := range []hogsend.Condition{
		hogsend.Any(plan.Exists(), plan.Neq("free")), hogsend.Not(hogsend.All(plan.Neq("free"), login.AtMost(2))),
		login.Within(time.Hour).NotExists(), hogsend.Not(login.Within(time.Hour).Exists()), hogsend.Not(login.NotExists()),
		hogsend.Any(hogsend.All(hogsend.All(), plan.NotExists()), hogsend.All(login.Exists())),
	} {
		require.Empty(t, condition.CheckCriteria(tree, nil), "%+v", tree)
	}
	for _, tree := range []hogsend.Condition{
		plan.Neq("free"), login.AtMost(2), login.Within(time.Hour).AtMost(2), login.NotExists(), login.AtLeast(0), hogsend.All(), hogsend.Any(),
		hogsend.Not(plan.Eq("x")), hogsend.Not(login.AtLeast(1)), hogsend.EmailEngagement("welcome").NotOpened(),
		hogsend.Not(hogsend.EmailEngagement("welcome").NotOpened()), hogsend.Not(hogsend.Any(plan.Gt(1), login.Exists())),
	} {
		require.Equal(t, refused, condition.CheckCriteria(tree, nil), "%+v", tree)
	}
	broken := condition.CheckCriteria(hogsend.All(hogsend.Prop("").Neq(1), login.AtMost(2)), nil)
	require.Equal(t, append([]condition.Problem{{Path: "criteria.conditions.0.property", Message: "must have 1 to 200 characters"}}, refused...), broken)
}
